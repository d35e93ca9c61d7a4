//! What the index remembers of a chunk that is not in memory.

use super::chunk::{CHUNK_LEN, pull_varint, push_varint};

/// Version byte of a stored summary.
const VERSION: u8 = 1;

/// Live messages of one chunk in one segment.
#[derive(Copy, Clone, Eq, PartialEq, Debug, Default)]
pub(crate) struct Part {
    pub(crate) segment: u32,
    pub(crate) live: u32,
    pub(crate) body_bytes: u64,
    pub(crate) record_bytes: u64,
}

/// See the module. Enough to count and to forget the chunk without reading its row.
#[derive(Clone, Eq, PartialEq, Debug, Default)]
pub(crate) struct Summary {
    /// Live messages, 1..=512.
    pub(crate) live: u16,
    /// How many of them do not survive a restart.
    pub(crate) spilled: u16,
    pub(crate) parts: Box<[Part]>,
}

impl Summary {
    /// Body bytes of the live messages.
    pub(crate) fn body_bytes(&self) -> u64 {
        self.parts.iter().map(|part| part.body_bytes).sum()
    }

    /// The row for the metadata database:
    ///
    /// ```text
    ///  0  version  u8      1
    ///  1  spilled  varint  live messages that do not survive a restart
    ///  .. parts            per segment: segment, live messages, body bytes, record bytes (varints)
    /// ```
    pub(crate) fn to_row(&self) -> Vec<u8> {
        let mut row = vec![VERSION];
        push_varint(&mut row, u64::from(self.spilled));
        for part in &self.parts {
            push_varint(&mut row, u64::from(part.segment));
            push_varint(&mut row, u64::from(part.live));
            push_varint(&mut row, part.body_bytes);
            push_varint(&mut row, part.record_bytes);
        }
        row
    }

    /// The summary of a row; `None` if the row is not one.
    pub(crate) fn from_row(row: &[u8]) -> Option<Self> {
        let (&[VERSION], mut rest) = row.split_first_chunk()? else {
            return None;
        };
        let spilled = u16::try_from(pull_varint(&mut rest)?).ok()?;
        let (mut live, mut parts) = (0u64, Vec::new());
        while !rest.is_empty() {
            let part = Part {
                segment: u32::try_from(pull_varint(&mut rest)?).ok()?,
                live: u32::try_from(pull_varint(&mut rest)?).ok()?,
                body_bytes: pull_varint(&mut rest)?,
                record_bytes: pull_varint(&mut rest)?,
            };
            live += u64::from(part.live);
            parts.push(part);
        }
        (1..=CHUNK_LEN).contains(&live).then(|| Self {
            live: live as u16,
            spilled,
            parts: parts.into(),
        })
    }
}
