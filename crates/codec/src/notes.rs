//! What the store keeps of a message besides its wire form.
//!
//! ```text
//! 0xF0 | 0 (u16) | 9 (u32) | flags (u8) | expiry in ms of the epoch, or 0 (u64) | 0xCE
//! ```
//!
//! Shaped like a frame of a type that AMQP does not have. Most messages have none, and are
//! stored as they are in memory. Otherwise the notes stand where the large body would be, so
//! that the messages of a run can share them; with a large body they stand behind the header.

use bytes::Bytes;

use crate::content::{Content, ContentError};
use crate::frame::FRAME_END;
use crate::marks::Marks;

/// First byte of the notes.
const NOTES: u8 = 0xF0;

/// Bytes of the notes.
pub(crate) const NOTES_LEN: usize = 17;

const OWN_DEATHS: u8 = 1;
const ONE_KEY: u8 = 1 << 1;

/// What is true of a message at its place in a queue, and not part of what is delivered.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Notes {
    /// When it expires, in milliseconds of the epoch; 0 for never.
    pub expires_at_ms: u64,
}

impl Content {
    /// The pieces to store. Those of a plain message are the ones in memory. `kept` is the
    /// same for messages that follow each other and have equal notes, so that they share them.
    #[must_use]
    pub fn to_stored(&self, notes: Notes, kept: &mut KeptNotes) -> (Bytes, Option<Bytes>) {
        if notes == Notes::default() && !self.marks().need_notes() {
            return (self.bytes().clone(), self.large_body().cloned());
        }
        let encoded = kept.encoded(notes, self.marks());
        match self.large_body() {
            None => (self.bytes().clone(), Some(encoded)),
            Some(body) => {
                let head = [self.bytes(), &encoded[..]].concat();
                (head.into(), Some(body.clone()))
            }
        }
    }

    /// A message from its stored pieces. Nothing about them is trusted.
    pub fn from_stored(head: Bytes, tail: Option<Bytes>) -> Result<(Self, Notes), ContentError> {
        if let Some(notes) = tail.as_deref().and_then(decode) {
            return Ok(noted(Self::from_parts(head, None)?, notes));
        }
        let split = head.len().saturating_sub(NOTES_LEN);
        if tail.is_some()
            && Self::header_ends_at(&head) == Some(split)
            && let Some(notes) = head.get(split..).and_then(decode)
        {
            return Ok(noted(Self::from_parts(head.slice(..split), tail)?, notes));
        }
        Ok((Self::from_parts(head, tail)?, Notes::default()))
    }
}

fn noted(content: Content, (flags, notes): (u8, Notes)) -> (Content, Notes) {
    let mut marks = content.marks();
    if flags & OWN_DEATHS != 0 {
        marks = marks.with_own_deaths();
    }
    if flags & ONE_KEY != 0 {
        marks = marks.with_one_key();
    }
    (content.with_marks(marks), notes)
}

/// The notes written last, to be shared.
#[derive(Default, Debug)]
pub struct KeptNotes {
    // An option, because most runs need none and dropping empty bytes is a call.
    latest: Option<(u8, Notes, Bytes)>,
}

impl KeptNotes {
    fn encoded(&mut self, notes: Notes, marks: Marks) -> Bytes {
        let flags = u8::from(marks.own_deaths()) * OWN_DEATHS + u8::from(marks.one_key()) * ONE_KEY;
        if let Some((of, same, encoded)) = &self.latest
            && (*of, *same) == (flags, notes)
        {
            return encoded.clone();
        }
        let mut bytes = Vec::with_capacity(NOTES_LEN);
        bytes.extend([NOTES, 0, 0, 0, 0, 0, 9, flags]);
        bytes.extend(notes.expires_at_ms.to_be_bytes());
        bytes.push(FRAME_END);
        let encoded = Bytes::from(bytes);
        self.latest = Some((flags, notes, encoded.clone()));
        encoded
    }
}

fn decode(bytes: &[u8]) -> Option<(u8, Notes)> {
    let bytes: &[u8; NOTES_LEN] = bytes.try_into().ok()?;
    let [
        NOTES,
        0,
        0,
        0,
        0,
        0,
        9,
        flags,
        e7,
        e6,
        e5,
        e4,
        e3,
        e2,
        e1,
        e0,
        FRAME_END,
    ] = *bytes
    else {
        return None;
    };
    let expires_at_ms = u64::from_be_bytes([e7, e6, e5, e4, e3, e2, e1, e0]);
    Some((flags, Notes { expires_at_ms }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{BasicProperties, CONTENT_INLINE_MAX};

    fn content(body: &[u8]) -> Content {
        Content::build("x", "key", &BasicProperties::default(), body).unwrap()
    }

    #[test]
    fn a_plain_message_is_stored_as_it_is() {
        for body in [&b""[..], b"body", &[7; CONTENT_INLINE_MAX]] {
            let content = content(body);
            let (head, tail) = content.to_stored(Notes::default(), &mut KeptNotes::default());
            assert_eq!(
                (&head, tail.as_ref()),
                (content.bytes(), content.large_body())
            );
            let (again, notes) = Content::from_stored(head, tail).unwrap();
            assert_eq!((again.body(), notes), (body, Notes::default()));
        }
    }

    #[test]
    fn notes_come_back_and_leave_the_message_as_it_was() {
        let notes = Notes {
            expires_at_ms: 1 << 41,
        };
        for body in [
            &b""[..],
            b"body",
            &[0xF0; NOTES_LEN],
            &[7; CONTENT_INLINE_MAX],
        ] {
            let marks = content(body).marks().with_own_deaths();
            let content = content(body).with_marks(marks);
            let (head, tail) = content.to_stored(notes, &mut KeptNotes::default());
            let (again, read) = Content::from_stored(head, tail).unwrap();
            assert_eq!(read, notes);
            assert_eq!(again.bytes(), content.bytes());
            assert_eq!(again.body(), body);
            assert!(again.marks().own_deaths() && !again.marks().one_key());
        }
    }

    #[test]
    fn messages_of_a_run_share_their_notes() {
        let mut kept = KeptNotes::default();
        let notes = Notes { expires_at_ms: 5 };
        let first = content(b"1").to_stored(notes, &mut kept).1.unwrap();
        let second = content(b"2").to_stored(notes, &mut kept).1.unwrap();
        assert_eq!(first.as_ptr(), second.as_ptr());
        let other = content(b"3")
            .to_stored(Notes { expires_at_ms: 6 }, &mut kept)
            .1;
        assert_ne!(first.as_ptr(), other.unwrap().as_ptr());
    }
}
