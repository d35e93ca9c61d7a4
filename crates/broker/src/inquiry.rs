//! A question to connections: what do you hold of a queue?
//!
//! A queue knows how many of its messages are unacknowledged, and no more: each lies in the
//! channel that it was delivered on. Who wants to see them asks the connections, by their
//! outboxes, and takes what comes.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::ids::ConnectionId;
use crate::message::Message;
use crate::queue::Queue;

/// Deliveries that one connection tells of, the oldest of each channel.
pub const INQUIRY_DELIVERIES_MAX: usize = 1000;

/// Questions that wait in one outbox. A connection whose client reads nothing answers none, and
/// whoever asks does so again and again.
pub const INQUIRIES_WAITING_MAX: usize = 8;

/// A delivery that its client has not settled.
#[derive(Clone)]
pub struct Unacked {
    /// The message's number in its queue.
    pub seq: u64,
    /// The client's connection.
    pub connection: ConnectionId,
    /// The name of that.
    pub connection_name: Arc<str>,
    /// The channel's number.
    pub channel: u16,
    /// The consumer; none for `basic.get`, or one that has been cancelled.
    pub consumer_tag: Option<Arc<str>>,
    /// The delivery's tag on its channel.
    pub delivery_tag: u64,
    /// How long it has been out, at least. None: that is not known.
    pub age: Option<Duration>,
    /// It was delivered before. None: only the store has it, which does not say.
    pub redelivered: Option<bool>,
    /// The message, unless it is in the store only.
    pub message: Option<Message>,
    /// Bytes of its body.
    pub body_len: usize,
}

/// Takes what one connection has to say.
type Answer = dyn Fn(Vec<Unacked>) + Send + Sync;

/// A question, shared by all whom it goes to. When the last of them has answered, or has gone
/// without an answer, it is dropped.
pub struct Inquiry {
    /// About which queue.
    pub queue: Arc<Queue>,
    answer: Box<Answer>,
}

impl Inquiry {
    /// A question about `queue`; `answer` hears each connection that has something to tell.
    #[must_use]
    pub fn new(
        queue: Arc<Queue>,
        answer: impl Fn(Vec<Unacked>) + Send + Sync + 'static,
    ) -> Arc<Self> {
        let answer = Box::new(answer);
        Arc::new(Self { queue, answer })
    }

    /// What a connection has to say.
    pub fn answer(&self, unacked: Vec<Unacked>) {
        (self.answer)(unacked);
    }
}

/// Two questions are never the same one.
impl PartialEq for Inquiry {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self, other)
    }
}

impl Eq for Inquiry {}

impl fmt::Debug for Inquiry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let queue = self.queue.name();
        f.debug_struct("Inquiry")
            .field("queue", queue)
            .finish_non_exhaustive()
    }
}
