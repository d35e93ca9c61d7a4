//! A delayed message as the store keeps it.
//!
//! ```text
//! fire time u64 | order u64 | further keys u16, each a shortstr | message
//! ```
//! All big endian; a large body follows apart, as with any message.

use bytes::{BufMut as _, Bytes, BytesMut};
use codec::{KeptNotes, Notes};
use store::Body;

use crate::message::Message;

/// What is known of a delayed message besides itself.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Head {
    /// When it is due, in milliseconds since 1970.
    pub(crate) fire_ms: u64,
    /// Its place among those due at the same time; grows from publish to publish.
    pub(crate) order: u64,
    /// The routing keys of CC and BCC, which its headers need not show any more.
    pub(crate) further_keys: Vec<String>,
}

impl Head {
    /// What the store is to keep.
    pub(crate) fn body(&self, message: &Message) -> Body {
        let keys: usize = self.further_keys.iter().map(|key| key.len() + 1).sum();
        let mut head = BytesMut::with_capacity(18 + keys + message.wire_len());
        head.put_u64(self.fire_ms);
        head.put_u64(self.order);
        let count = u16::try_from(self.further_keys.len()).unwrap_or(u16::MAX);
        head.put_u16(count);
        for key in self.further_keys.iter().take(usize::from(count)) {
            let bytes = key.as_bytes();
            let bytes = bytes.get(..255).unwrap_or(bytes);
            head.put_u8(bytes.len() as u8);
            head.put_slice(bytes);
        }
        let (own, tail) = message.to_stored(Notes::default(), &mut KeptNotes::default());
        head.put_slice(&own);
        Body {
            head: head.freeze(),
            tail,
        }
    }

    /// Reads a record; `None` for one that makes no sense.
    pub(crate) fn read(body: &Body) -> Option<(Self, Message)> {
        let bytes = &body.head;
        let (fire_ms, rest) = bytes.split_first_chunk::<8>()?;
        let (order, rest) = rest.split_first_chunk::<8>()?;
        let (count, mut rest) = rest.split_first_chunk::<2>()?;
        let mut further_keys = Vec::new();
        for _ in 0..u16::from_be_bytes(*count) {
            let (len, after) = rest.split_first()?;
            let (key, after) = after.split_at_checked(usize::from(*len))?;
            further_keys.push(String::from_utf8(key.to_vec()).ok()?);
            rest = after;
        }
        let message: Bytes = bytes.slice(bytes.len() - rest.len()..);
        let message = Message::from_stored(message, body.tail.clone()).ok()?.0;
        let head = Self {
            fire_ms: u64::from_be_bytes(*fire_ms),
            order: u64::from_be_bytes(*order),
            further_keys,
        };
        Some((head, message))
    }
}
