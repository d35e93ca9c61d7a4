//! Rows of the metadata database, format version 1. Keys are big endian, so that they sort;
//! values are little endian.
//!
//! ```text
//! key                                          value
//! 0u8                                          checkpoint: version u8 = 1, clean u8, segment u32,
//!                                              offset u64, highest queue id u32, generation u64,
//!                                              segment of the last snapshot of the entries u32
//! 1u8, queue u32                               queue: version u8 = 1, next seq u64, floor u64;
//!                                              rows of chunks below the floor count no more
//! 2u8, queue u32, chunk u64                    chunk of the index, see `index::chunk`
//! 3u8, queue u32, chunk u64                    its summary, see `index::summary`; written and
//!                                              removed with the chunk
//! 4u8, entry key, part u16                     entry: part 0 starts with version u8 = 1 and
//!                                              the number of parts u16; then bytes of the value
//! 5u8, ...                                     reserved for consumer offsets of streams
//! ```
//!
//! Values of entries are cut into parts of 8 KiB, because sled moves large leaves into files that
//! it never syncs.

use crate::log::Position;
use crate::meta::Batch;

/// Prefix of the queue rows.
pub(crate) const QUEUE: u8 = 1;
/// Prefix of the chunk rows.
pub(crate) const CHUNK: u8 = 2;
/// Prefix of the summary rows.
pub(crate) const SUMMARY: u8 = 3;
/// Prefix of the entry rows.
pub(crate) const ENTRY: u8 = 4;
/// The checkpoint row.
pub(crate) const CHECKPOINT: [u8; 1] = [0];

/// Bytes of an entry's value in one row.
pub(crate) const PART_BYTES: usize = 8 << 10;

/// Bytes of the largest value of an entry (about 512 MiB): parts are counted in 16 bits.
pub(crate) const VALUE_BYTES_MAX: usize = PART_BYTES * (u16::MAX as usize - 1);

const VERSION: u8 = 1;

/// What the checkpoint row says.
#[derive(Copy, Clone, Eq, PartialEq, Debug, Default)]
pub(crate) struct Checkpoint {
    pub(crate) end: Position,
    pub(crate) max_queue_id: u32,
    /// Written by a close; nothing follows unless the log goes on at `end`.
    pub(crate) clean: bool,
    /// Counts checkpoints over the life of the directory.
    pub(crate) generation: u64,
    /// Where the last snapshot of the entries in the log begins; 0 if there is none.
    pub(crate) snapshot_segment: u32,
}

impl Checkpoint {
    pub(crate) fn to_row(self) -> Vec<u8> {
        let mut row = vec![VERSION, u8::from(self.clean)];
        row.extend(self.end.segment.to_le_bytes());
        row.extend(self.end.offset.to_le_bytes());
        row.extend(self.max_queue_id.to_le_bytes());
        row.extend(self.generation.to_le_bytes());
        row.extend(self.snapshot_segment.to_le_bytes());
        row
    }

    pub(crate) fn from_row(row: &[u8]) -> Option<Self> {
        let (&[VERSION, clean], rest) = row.split_first_chunk()? else {
            return None;
        };
        let (segment, rest) = rest.split_first_chunk()?;
        let (offset, rest) = rest.split_first_chunk()?;
        let (max_queue_id, rest) = rest.split_first_chunk()?;
        let (generation, rest) = rest.split_first_chunk()?;
        let snapshot_segment = u32::from_le_bytes(rest.try_into().ok()?);
        let (segment, offset) = (u32::from_le_bytes(*segment), u64::from_le_bytes(*offset));
        Some(Self {
            end: Position { segment, offset },
            max_queue_id: u32::from_le_bytes(*max_queue_id),
            clean: clean != 0,
            generation: u64::from_le_bytes(*generation),
            snapshot_segment,
        })
    }
}

pub(crate) fn queue(id: u32) -> [u8; 5] {
    let mut key = [QUEUE; 5];
    key[1..].copy_from_slice(&id.to_be_bytes());
    key
}

pub(crate) fn parse_queue(key: &[u8]) -> Option<u32> {
    Some(u32::from_be_bytes(key.get(1..)?.try_into().ok()?))
}

pub(crate) fn queue_row(next_seq: u64, floor: u64) -> Vec<u8> {
    let mut row = vec![VERSION];
    row.extend(next_seq.to_le_bytes());
    row.extend(floor.to_le_bytes());
    row
}

/// The next number and the floor.
pub(crate) fn parse_queue_row(row: &[u8]) -> Option<(u64, u64)> {
    let (&[VERSION], rest) = row.split_first_chunk()? else {
        return None;
    };
    let (next_seq, floor) = rest.split_first_chunk()?;
    let floor = u64::from_le_bytes(floor.try_into().ok()?);
    Some((u64::from_le_bytes(*next_seq), floor))
}

pub(crate) fn chunk(id: u32, number: u64) -> [u8; 13] {
    numbered(CHUNK, id, number)
}

pub(crate) fn summary(id: u32, number: u64) -> [u8; 13] {
    numbered(SUMMARY, id, number)
}

fn numbered(prefix: u8, id: u32, number: u64) -> [u8; 13] {
    let mut key = [prefix; 13];
    key[1..5].copy_from_slice(&id.to_be_bytes());
    key[5..].copy_from_slice(&number.to_be_bytes());
    key
}

/// Queue and number in the key of a chunk or of its summary.
pub(crate) fn parse_chunk(key: &[u8]) -> Option<(u32, u64)> {
    let (id, number) = key.get(1..)?.split_first_chunk()?;
    Some((
        u32::from_be_bytes(*id),
        u64::from_be_bytes(number.try_into().ok()?),
    ))
}

fn entry_part(key: &[u8], part: u16) -> Vec<u8> {
    let mut row = Vec::with_capacity(key.len() + 3);
    row.push(ENTRY);
    row.extend_from_slice(key);
    row.extend(part.to_be_bytes());
    row
}

/// Adds the rows of an entry to a batch; `old` is the entry's present part 0.
pub(crate) fn write_entry(batch: &mut Batch, key: &[u8], value: Option<&[u8]>, old: Option<&[u8]>) {
    let parts = value.map_or(0, |value| value.len().div_ceil(PART_BYTES).max(1)) as u16;
    for part in parts..old.and_then(parts_of).unwrap_or(0) {
        batch.remove(entry_part(key, part));
    }
    for (part, bytes) in (0..parts).zip(value.unwrap_or_default().chunks(PART_BYTES)) {
        batch.insert(entry_part(key, part), part_row(part, parts, bytes));
    }
    if value.is_some_and(<[u8]>::is_empty) {
        batch.insert(entry_part(key, 0), part_row(0, 1, &[]));
    }
}

fn part_row(part: u16, parts: u16, bytes: &[u8]) -> Vec<u8> {
    let mut row = Vec::with_capacity(bytes.len() + 3);
    if part == 0 {
        row.push(VERSION);
        row.extend(parts.to_le_bytes());
    }
    row.extend_from_slice(bytes);
    row
}

fn parts_of(row: &[u8]) -> Option<u16> {
    let (&[VERSION, low, high], _) = row.split_first_chunk()? else {
        return None;
    };
    Some(u16::from_le_bytes([low, high]))
}

/// The key under which part 0 of an entry lies.
pub(crate) fn entry_head(key: &[u8]) -> Vec<u8> {
    entry_part(key, 0)
}

/// The entry's key and the part's number and bytes.
pub(crate) fn parse_entry<'a>(key: &'a [u8], row: &'a [u8]) -> Option<(&'a [u8], u16, &'a [u8])> {
    let (key, part) = key.get(1..)?.split_last_chunk()?;
    let part = u16::from_be_bytes(*part);
    if part == 0 {
        parts_of(row)?;
        return Some((key, 0, row.get(3..)?));
    }
    Some((key, part, row))
}
