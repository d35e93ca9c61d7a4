//! Up to 512 consecutive messages of one queue: where each lies and whether it is live.

use super::summary::{Part, Summary};
use crate::keep::Keep;
use crate::log::record::{HEADER_LEN, SHORT_HEADER_LEN, padded};

/// Messages per chunk, and per row of the metadata database.
pub(crate) const CHUNK_LEN: u64 = 512;

const WORDS: usize = CHUNK_LEN as usize / 64;

/// Version byte of a stored chunk.
const VERSION: u8 = 3;

/// The version whose messages follow each other with long headers. It is still read.
const VERSION_OF_LONG_HEADERS: u8 = 2;

/// The version before that, without runs. It is still read.
const VERSION_WITHOUT_RUNS: u8 = 1;

/// Where a message lies, and whether it survives a restart. 12 bytes, as there may be many.
#[derive(Copy, Clone, Eq, PartialEq, Debug, Default)]
pub(crate) struct Entry {
    /// Segment; 0 means nowhere.
    pub(crate) segment: u32,
    /// Offset of the record divided by 8.
    pub(crate) offset8: u32,
    /// Bytes of the body, and `SPILLED`.
    len: u32,
}

/// Bit of [`Entry::len`]; a body has at most 2^30 bytes.
const SPILLED: u32 = 1 << 31;

impl Entry {
    /// A message of `len` body bytes whose record starts at `offset8 * 8` of `segment`.
    pub(crate) fn new(segment: u32, offset8: u32, len: u32, keep: Keep) -> Self {
        let flag = match keep {
            Keep::Always => 0,
            Keep::UntilRestart => SPILLED,
        };
        Self {
            segment,
            offset8,
            len: len & !SPILLED | flag,
        }
    }

    /// Byte offset of the record.
    pub(crate) fn offset(&self) -> u64 {
        u64::from(self.offset8) * 8
    }

    /// Bytes of the body.
    pub(crate) fn len(&self) -> u32 {
        self.len & !SPILLED
    }

    /// Bytes of the record in the log if it has the short header, as most have: what it takes once
    /// it is copied, too.
    pub(crate) fn record_bytes(&self) -> u64 {
        self.bytes_with(SHORT_HEADER_LEN)
    }

    fn bytes_with(&self, header_len: usize) -> u64 {
        padded(header_len + self.len() as usize) as u64
    }

    /// Whether it survives a restart.
    pub(crate) fn keep(&self) -> Keep {
        if self.len & SPILLED == 0 {
            Keep::Always
        } else {
            Keep::UntilRestart
        }
    }
}

/// See the module.
#[derive(Clone, Debug, Default)]
pub(crate) struct Chunk {
    /// Slot of `entries[0]`: a queue need not start at the beginning of a chunk.
    base: u16,
    entries: Vec<Entry>,
    bitmap: [u64; WORDS],
    live: u16,
    /// Changed since the last checkpoint.
    pub(crate) dirty: bool,
    /// The metadata database has a row for it.
    pub(crate) stored: bool,
    /// It is in the list of chunks that may be evicted.
    pub(crate) queued: bool,
}

impl Chunk {
    /// Live messages.
    pub(crate) fn live(&self) -> u16 {
        self.live
    }

    /// Messages that it takes memory for, live or not.
    pub(crate) fn messages(&self) -> u16 {
        // At most `CHUNK_LEN`.
        self.entries.len() as u16
    }

    /// Makes the message in `slot` live; returns the entry it replaces, if that was live.
    pub(crate) fn insert(&mut self, slot: u16, entry: Entry) -> Option<Entry> {
        let replaced = self.take(slot);
        if self.entries.is_empty() {
            self.base = slot;
        } else if slot < self.base {
            let gap = usize::from(self.base - slot);
            self.entries
                .splice(0..0, std::iter::repeat_n(Entry::default(), gap));
            self.base = slot;
        }
        let at = usize::from(slot - self.base);
        if at >= self.entries.len() {
            self.entries.resize(at + 1, Entry::default());
        }
        self.entries[at] = entry;
        self.bitmap[usize::from(slot / 64)] |= 1 << (slot % 64);
        self.live += 1;
        replaced
    }

    /// Settles the message in `slot`; returns its entry if it was live.
    pub(crate) fn take(&mut self, slot: u16) -> Option<Entry> {
        let entry = self.get(slot)?;
        self.bitmap[usize::from(slot / 64)] &= !(1 << (slot % 64));
        self.live -= 1;
        Some(entry)
    }

    /// The message in `slot`, if live.
    pub(crate) fn get(&self, slot: u16) -> Option<Entry> {
        if self.bitmap[usize::from(slot / 64)] & (1 << (slot % 64)) == 0 {
            return None;
        }
        self.entries
            .get(usize::from(slot.checked_sub(self.base)?))
            .copied()
    }

    /// Live messages from `slot` on, ascending.
    pub(crate) fn iter_from(&self, slot: u16) -> impl Iterator<Item = (u16, Entry)> + '_ {
        Ones::from(&self.bitmap, slot).filter_map(|slot| {
            let at = usize::from(slot.checked_sub(self.base)?);
            Some((slot, *self.entries.get(at)?))
        })
    }

    /// What has to be known of the chunk while it is not in memory.
    pub(crate) fn summary(&self) -> Summary {
        let (mut spilled, mut parts) = (0, Vec::<Part>::new());
        for (_, entry) in self.iter_from(0) {
            spilled += u16::from(entry.keep() == Keep::UntilRestart);
            // Mostly the last one, and seldom more than a few.
            let at = parts.iter().rposition(|p| p.segment == entry.segment);
            let at = at.unwrap_or_else(|| {
                parts.push(Part {
                    segment: entry.segment,
                    ..Part::default()
                });
                parts.len() - 1
            });
            parts[at].live += 1;
            parts[at].body_bytes += u64::from(entry.len());
            parts[at].record_bytes += entry.record_bytes();
        }
        Summary {
            live: self.live,
            spilled,
            parts: parts.into(),
        }
    }

    /// Empties the chunk but keeps its memory.
    pub(crate) fn reset(&mut self) {
        let mut entries = std::mem::take(&mut self.entries);
        entries.clear();
        *self = Self {
            entries,
            ..Self::default()
        };
    }

    /// The row for the metadata database:
    ///
    /// ```text
    ///  0  version  u8    3
    ///  1  bitmap   64 B  bit n (little endian words) = message n of the chunk is live
    /// 65  runs           of live messages, ascending: three or four varints (LEB128)
    ///                      segment: zigzag difference to the one before (0 at first), times 2;
    ///                        plus 1 if there is a count
    ///                      offset / 8: difference to the end of the record before, zigzag,
    ///                        0 at first and after a change of segment
    ///                      body length; bit 31 set: the message does not survive a restart
    ///                      count: so many more messages follow, each of the same length and
    ///                        where the record before it ends
    /// ```
    ///
    /// The record before is taken for one with the short header; in version 2 for one with the long
    /// header. Version 1 is as version 2, but has a run for each message, no counts, and does not
    /// double the difference.
    pub(crate) fn to_row(&self) -> Vec<u8> {
        let mut row = Vec::with_capacity(1 + WORDS * 8 + usize::from(self.live) * 5);
        row.push(VERSION);
        for word in self.bitmap {
            row.extend_from_slice(&word.to_le_bytes());
        }
        let mut last = Entry::default();
        let mut entries = self.iter_from(0).map(|(_, entry)| entry).peekable();
        while let Some(first) = entries.next() {
            let expected = if first.segment == last.segment {
                expected8(&last, SHORT_HEADER_LEN)
            } else {
                0
            };
            let segment = zigzag(i64::from(first.segment) - i64::from(last.segment));
            let offset = zigzag(i64::from(first.offset8) - expected);
            last = first;
            let mut count = 0;
            while let Some(next) = entries.next_if(|next| follows(&last, next)) {
                (last, count) = (next, count + 1);
            }
            push_varint(&mut row, segment << 1 | u64::from(count > 0));
            push_varint(&mut row, offset);
            push_varint(&mut row, u64::from(first.len));
            if count > 0 {
                push_varint(&mut row, count);
            }
        }
        row
    }

    /// The chunk of a row; `None` if the row is not one.
    pub(crate) fn from_row(row: &[u8]) -> Option<Self> {
        let (&version, rest) = row.split_first()?;
        let (counts, header_len) = match version {
            VERSION => (Counts::Some, SHORT_HEADER_LEN),
            VERSION_OF_LONG_HEADERS => (Counts::Some, HEADER_LEN),
            VERSION_WITHOUT_RUNS => (Counts::None, HEADER_LEN),
            _ => return None,
        };
        let (words, mut rest) = rest.split_at_checked(WORDS * 8)?;
        let mut bitmap = [0; WORDS];
        for (word, raw) in bitmap.iter_mut().zip(words.as_chunks::<8>().0) {
            *word = u64::from_le_bytes(*raw);
        }
        let live = bitmap.iter().map(|word| word.count_ones() as u16).sum();
        let base = Ones::from(&bitmap, 0).next().unwrap_or(0);
        let mut entries = Vec::with_capacity(usize::from(live));
        let (mut last, mut more) = (Entry::default(), 0);
        for slot in Ones::from(&bitmap, base) {
            if more > 0 {
                more -= 1;
                last.offset8 = u32::try_from(expected8(&last, header_len)).ok()?;
            } else {
                (last, more) = pull_run(&mut rest, &last, (counts, header_len))?;
            }
            entries.resize(usize::from(slot - base), Entry::default());
            entries.push(last);
        }
        let chunk = Self {
            base,
            entries,
            bitmap,
            live,
            stored: true,
            ..Self::default()
        };
        (rest.is_empty() && more == 0).then_some(chunk)
    }
}

/// The bits of a map that are set, ascending.
struct Ones<'a> {
    /// What is left of the word that begins with the bit `base`.
    bits: u64,
    base: u16,
    later: std::slice::Iter<'a, u64>,
}

impl<'a> Ones<'a> {
    /// Those from bit `first` on.
    fn from(bitmap: &'a [u64; WORDS], first: u16) -> Self {
        let mut later = bitmap
            .get(usize::from(first / 64)..)
            .unwrap_or_default()
            .iter();
        Self {
            bits: later
                .next()
                .map_or(0, |word| word & u64::MAX << (first % 64)),
            base: first / 64 * 64,
            later,
        }
    }
}

impl Iterator for Ones<'_> {
    type Item = u16;

    fn next(&mut self) -> Option<u16> {
        while self.bits == 0 {
            self.bits = *self.later.next()?;
            self.base += 64;
        }
        let bit = self.bits.trailing_zeros() as u16;
        self.bits &= self.bits - 1;
        Some(self.base + bit)
    }
}

/// Whether a row has counts of messages that follow.
#[derive(Copy, Clone, Eq, PartialEq, Debug)]
enum Counts {
    Some,
    None,
}

/// The first entry of a run, and how many follow.
fn pull_run(
    rest: &mut &[u8],
    last: &Entry,
    (counts, header_len): (Counts, usize),
) -> Option<(Entry, u64)> {
    let raw = pull_varint(rest)?;
    let (raw, counted) = match counts {
        Counts::Some => (raw >> 1, raw & 1 == 1),
        Counts::None => (raw, false),
    };
    let segment = i64::from(last.segment).checked_add(unzigzag(raw))?;
    let segment = u32::try_from(segment).ok().filter(|s| *s > 0)?;
    let expected = if segment == last.segment {
        expected8(last, header_len)
    } else {
        0
    };
    let offset8 = expected.checked_add(unzigzag(pull_varint(rest)?))?;
    let offset8 = u32::try_from(offset8).ok()?;
    let len = u32::try_from(pull_varint(rest)?).ok()?;
    let more = if counted { pull_varint(rest)? } else { 0 };
    let entry = Entry {
        segment,
        offset8,
        len,
    };
    Some((entry, more))
}

/// Whether a message lies right behind the one before, and is as long.
fn follows(last: &Entry, next: &Entry) -> bool {
    next.segment == last.segment
        && next.len == last.len
        && i64::from(next.offset8) == expected8(last, SHORT_HEADER_LEN)
}

/// Where the next record of the same queue lies if nothing came between, in units of 8.
fn expected8(last: &Entry, header_len: usize) -> i64 {
    if last.segment == 0 {
        return 0;
    }
    i64::from(last.offset8) + (last.bytes_with(header_len) / 8) as i64
}

fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)) as u64
}

fn unzigzag(raw: u64) -> i64 {
    (raw >> 1) as i64 ^ -((raw & 1) as i64)
}

pub(crate) fn push_varint(row: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        row.push(value as u8 | 0x80);
        value >>= 7;
    }
    row.push(value as u8);
}

pub(crate) fn pull_varint(rest: &mut &[u8]) -> Option<u64> {
    let mut value = 0u64;
    for shift in (0..64).step_by(7) {
        let (&byte, tail) = rest.split_first()?;
        *rest = tail;
        value |= u64::from(byte & 0x7F) << shift;
        if byte < 0x80 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests;
