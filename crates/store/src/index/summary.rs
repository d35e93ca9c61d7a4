//! What the index remembers of a chunk that is not in memory.

use super::chunk::{CHUNK_LEN, pull_varint, push_varint};
use crate::log::record::{HEADER_LEN, SHORT_HEADER_LEN};

/// Version byte of a stored summary.
const VERSION: u8 = 2;

/// The version whose record bytes count long headers. It is still read.
const VERSION_OF_LONG_HEADERS: u8 = 1;

/// What it counts too much for each message. Both headers are multiples of 8, so the padding is the
/// same.
const LONGER_BY: u64 = (HEADER_LEN - SHORT_HEADER_LEN) as u64;

/// Live messages of one chunk in one segment.
#[derive(Copy, Clone, Eq, PartialEq, Debug, Default)]
pub(crate) struct Part {
    pub(crate) segment: u32,
    pub(crate) live: u32,
    pub(crate) body_bytes: u64,
    /// See [`Entry::record_bytes`](super::chunk::Entry::record_bytes).
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
    ///  0  version  u8      2; version 1 counts a header of 32 bytes for each message, not of 24
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
        let (&version, mut rest) = row.split_first()?;
        let longer_by = match version {
            VERSION => 0,
            VERSION_OF_LONG_HEADERS => LONGER_BY,
            _ => return None,
        };
        let spilled = u16::try_from(pull_varint(&mut rest)?).ok()?;
        let (mut live, mut parts) = (0u64, Vec::new());
        while !rest.is_empty() {
            let mut part = Part {
                segment: u32::try_from(pull_varint(&mut rest)?).ok()?,
                live: u32::try_from(pull_varint(&mut rest)?).ok()?,
                body_bytes: pull_varint(&mut rest)?,
                record_bytes: pull_varint(&mut rest)?,
            };
            let counted = u64::from(part.live) * longer_by;
            part.record_bytes = part.record_bytes.saturating_sub(counted);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::index::chunk::Entry;
    use crate::keep::Keep;

    #[test]
    fn a_summary_of_long_headers_counts_short_ones_when_it_is_read() {
        let part = Part {
            segment: 4,
            live: 10,
            body_bytes: 10_690,
            record_bytes: 11_040,
        };
        let summary = Summary {
            live: 10,
            spilled: 1,
            parts: [part].into(),
        };
        let mut row = summary.to_row();
        assert_eq!(Summary::from_row(&row).as_ref(), Some(&summary));
        row[0] = VERSION_OF_LONG_HEADERS;
        let read = Summary::from_row(&row).unwrap();
        let entry = Entry::new(4, 0, 1069, Keep::Always);
        assert_eq!(read.parts[0].record_bytes, 10 * entry.record_bytes());
        assert_eq!((read.live, read.body_bytes()), (10, 10_690));
    }
}
