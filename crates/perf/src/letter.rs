//! Messages encoded once, to be published many times.

use bytes::Buf;
use codec::{AMQPClass, OutBuf, ShortString, basic, encode_method};

/// Bytes at the front of a body that say when it was sent.
pub(crate) const STAMP_BYTES: usize = 8;

const HEADER: u8 = 2;
const BODY: u8 = 3;
const FRAME_END: u8 = 0xce;
/// Bytes of a frame that are not its payload (spec 4.2.3).
const FRAME_OVERHEAD: usize = 8;
const CLASS_BASIC: u16 = 60;
const FLAG_DELIVERY_MODE: u16 = 1 << 12;
const PERSISTENT: u8 = 2;

/// The frames of equal messages, one behind the other, and where in each of them the time goes.
pub(crate) struct Letters {
    frames: Vec<u8>,
    /// Bytes of one message.
    len: usize,
    stamp_at: Option<usize>,
}

/// What a message is to be.
pub(crate) struct Address<'a> {
    pub(crate) exchange: &'a str,
    pub(crate) key: &'a str,
    pub(crate) mandatory: bool,
    pub(crate) persistent: bool,
}

impl Letters {
    /// Messages of `size` bytes on channel 1, in frames of at most `frame_max` bytes (0: any): as
    /// many as fit `write_bytes`, at least one.
    pub(crate) fn new(
        address: &Address<'_>,
        size: usize,
        frame_max: u32,
        write_bytes: usize,
    ) -> Self {
        let publish = basic::Publish {
            exchange: ShortString::from(address.exchange),
            routing_key: ShortString::from(address.key),
            mandatory: address.mandatory,
            immediate: false,
        };
        let mut out = OutBuf::new();
        encode_method(
            1,
            &AMQPClass::Basic(basic::AMQPMethod::Publish(publish)),
            &mut out,
        );
        let mut frames = bytes_of(&mut out);
        let mut header = Vec::new();
        header.extend(CLASS_BASIC.to_be_bytes());
        header.extend([0, 0]);
        header.extend((size as u64).to_be_bytes());
        if address.persistent {
            header.extend(FLAG_DELIVERY_MODE.to_be_bytes());
            header.push(PERSISTENT);
        } else {
            header.extend([0, 0]);
        }
        put_frame(&mut frames, HEADER, &header);
        let mut stamp_at = None;
        let piece_max = match frame_max as usize {
            0 => usize::MAX,
            max => max - FRAME_OVERHEAD,
        };
        let body = vec![b'x'; size];
        for piece in body.chunks(piece_max) {
            stamp_at.get_or_insert(frames.len() + FRAME_OVERHEAD - 1);
            put_frame(&mut frames, BODY, piece);
        }
        let len = frames.len();
        Self {
            stamp_at: stamp_at.filter(|_| size >= STAMP_BYTES),
            frames: frames.repeat((write_bytes / len).max(1)),
            len,
        }
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.frames.len() / self.len
    }

    /// The first `n`, or all there are, sent at `now_ns`. Nothing but the times is written: the
    /// rest is what it was the last time.
    #[inline]
    pub(crate) fn sent_at(&mut self, n: usize, now_ns: u64) -> &[u8] {
        let bytes = n.min(self.count()) * self.len;
        let frames = &mut self.frames[..bytes];
        if let Some(at) = self.stamp_at {
            for letter in frames.chunks_exact_mut(self.len) {
                letter[at..at + STAMP_BYTES].copy_from_slice(&now_ns.to_be_bytes());
            }
        }
        frames
    }
}

/// What is in an output buffer, which is empty afterwards.
pub(crate) fn bytes_of(out: &mut OutBuf) -> Vec<u8> {
    let len = out.len();
    out.copy_to_bytes(len).to_vec()
}

fn put_frame(out: &mut Vec<u8>, kind: u8, payload: &[u8]) {
    out.push(kind);
    out.extend(1_u16.to_be_bytes());
    out.extend((payload.len() as u32).to_be_bytes());
    out.extend_from_slice(payload);
    out.push(FRAME_END);
}
