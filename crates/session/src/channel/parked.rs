//! Replies that promise durability, until it is there.
//!
//! A declare-ok of something durable may go out once its record is on the disk. Nobody waits
//! meanwhile: further declares are carried out and their replies queue up behind, so that a
//! thousand of them share a few fsyncs. What could be seen before its turn (`basic.consume`,
//! `basic.get`, ...) is held back as frames, together with everything after it on that
//! channel, and replayed once the replies are out.

use std::collections::VecDeque;

use broker::Ticket;
use bytes::{Buf, BytesMut};
use codec::{AMQPClass, OutBuf, basic, encode_method};

/// What waits on one channel.
#[derive(Default)]
pub(crate) struct Parked {
    replies: VecDeque<(Ticket, AMQPClass)>,
    /// Whole frames.
    stalled: BytesMut,
}

impl Parked {
    /// No reply waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.replies.is_empty()
    }

    /// Replies that wait.
    pub(crate) fn len(&self) -> usize {
        self.replies.len()
    }

    /// Frames wait, so that later ones have to wait as well.
    #[inline]
    pub(crate) fn is_stalled(&self) -> bool {
        !self.stalled.is_empty()
    }

    /// Bytes of frames that wait.
    pub(crate) fn stalled_bytes(&self) -> usize {
        self.stalled.len()
    }

    /// Queues a reply: until `ticket` is committed, or just behind what waits already.
    pub(crate) fn push(&mut self, ticket: Option<Ticket>, reply: AMQPClass) {
        self.replies.push_back((ticket.unwrap_or_default(), reply));
    }

    /// Forgets the frames that wait.
    pub(crate) fn drop_stalled(&mut self) {
        self.stalled = BytesMut::new();
    }

    /// Holds a frame back.
    pub(crate) fn stall(&mut self, wire: &[u8]) {
        self.stalled.extend_from_slice(wire);
    }

    /// The ticket that the first reply waits for.
    pub(crate) fn awaits(&self) -> Option<Ticket> {
        self.replies.front().map(|(ticket, _)| *ticket)
    }

    /// Writes the replies that need not wait any longer; says how many.
    pub(crate) fn release(&mut self, channel: u16, upto: Ticket, out: &mut OutBuf) -> usize {
        let before = self.replies.len();
        while let Some((_, reply)) = self.replies.pop_front_if(|(ticket, _)| *ticket <= upto) {
            encode_method(channel, &reply, out);
        }
        before - self.replies.len()
    }

    /// The frames that were held back, if nothing keeps them any more.
    pub(crate) fn replay(&mut self) -> Option<impl Buf + AsRef<[u8]> + use<>> {
        (self.replies.is_empty() && !self.stalled.is_empty())
            .then(|| std::mem::take(&mut self.stalled))
    }
}

/// Whether a method may be carried out while replies wait on its channel: its effects are
/// those of a later request, but nothing is seen of it before the replies.
pub(crate) fn may_overtake(method: &AMQPClass) -> bool {
    match method {
        AMQPClass::Exchange(_) | AMQPClass::Queue(_) | AMQPClass::Confirm(_) => true,
        AMQPClass::Basic(method) => matches!(
            method,
            basic::AMQPMethod::Publish(_)
                | basic::AMQPMethod::Ack(_)
                | basic::AMQPMethod::Nack(_)
                | basic::AMQPMethod::Reject(_)
                | basic::AMQPMethod::CancelOk(_)
        ),
        AMQPClass::Channel(channel) => matches!(channel, codec::channel::AMQPMethod::CloseOk(_)),
        AMQPClass::Tx(_) | AMQPClass::Access(_) | AMQPClass::Connection(_) => false,
    }
}
