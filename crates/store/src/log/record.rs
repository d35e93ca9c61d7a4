//! The log record.
//!
//! Integers are little endian. A record starts at a multiple of 8; zeros pad it to the next one.
//!
//! ```text
//!  0  crc       u32  CRC32C of bytes 4..len, seeded with the record's segment and offset
//!  4  len       u32  bytes of the record, header included, padding excluded
//!  8  kind      u8   1 publish, 2 ack, 4 put, 5 drop queue, 8 remove, 9 seal, 10 snapshot begin,
//!                    11 snapshot entry, 12 snapshot queue, 13 snapshot end, 14 short publish
//!                    (3, 6 requeue counts, 7 stream batch: reserved)
//!  9  flags     u8   bit 0: the body has a tail; bit 1: first record of a group, written when
//!                    everything before it had been synced; bit 2: the message does not survive
//!                    a restart
//! 10  nrefs     u16  publish: queues that hold the message, 1..=65535; else 0
//! 12  queue     u32  publish: first reference; ack, drop queue, snapshot queue: the queue;
//!                    snapshot begin: the highest queue id; else 0
//! 16  seq       u64  publish: first reference's number; snapshot queue: the next number; else 0
//! 24  head_len  u32  publish: bytes of the body's head; put, remove, snapshot entry: bytes of the
//!                    key; else 0
//! 28  reserved  u32  0
//! 32  payload        publish: (nrefs - 1) x { queue u32, seq u64 }, head, tail
//!                    ack:     n x { first u64, last u64 }, inclusive
//!                    put, snapshot entry: key, value
//!                    snapshot queue: u64, no message below this number is live
//!                    remove:  key
//! ```
//!
//! A message in one queue, with a head of less than 64 KiB, has a shorter header. Of the usual
//! small message the header is a large part.
//!
//! ```text
//!  0  as above         kind 14
//! 10  head_len u16     bytes of the body's head
//! 12  queue    u32     the reference
//! 16  seq      u64     its number
//! 24  payload          head, tail
//! ```
//!
//! Up to version 3 of the format such messages had the long header too, and a segment may hold
//! both.
//!
//! A snapshot repeats all entries and queues as they are before the group it stands in. It lets
//! the database be rebuilt from the segments that are left; replay skips it.
//!
//! A `len` of 0 (page padding, or space never written) ends the log. The seed makes whatever a
//! recycled segment still holds invalid: at one offset different segments give different seeds,
//! and CRC is a bijection of its seed. A seal is the last record of a segment that was filled and
//! synced, so a segment without one may end anywhere.

use crate::keep::Keep;

/// Bytes before the payload, but not of a short publish.
pub(crate) const HEADER_LEN: usize = 32;
/// Bytes before the head of a short publish.
pub(crate) const SHORT_HEADER_LEN: usize = 24;
/// Bytes of head in a short publish; their number is 16 bits wide.
const SHORT_HEAD_MAX: usize = u16::MAX as usize;
/// Bytes of one reference beyond the first.
pub(crate) const REFERENCE_LEN: usize = 12;
/// Bytes of one run in an ack.
pub(crate) const RUN_LEN: usize = 16;
/// Queues one publish record can name; the count is 16 bits wide.
pub(crate) const REFERENCES_MAX: usize = u16::MAX as usize;
/// Runs one ack record carries (64 KiB of them); more go into further records.
pub(crate) const RUNS_MAX: usize = 4096;

const HAS_TAIL: u8 = 1;
const GROUP_START: u8 = 2;
const SPILLED: u8 = 4;

const PUBLISH: u8 = 1;
const ACK: u8 = 2;
const PUT: u8 = 4;
const DROP_QUEUE: u8 = 5;
const REMOVE: u8 = 8;
const SEAL: u8 = 9;
const SNAPSHOT_BEGIN: u8 = 10;
const SNAPSHOT_ENTRY: u8 = 11;
const SNAPSHOT_QUEUE: u8 = 12;
const SNAPSHOT_END: u8 = 13;
const SHORT_PUBLISH: u8 = 14;

/// A reference: a queue and the message's number in it.
pub(crate) type Reference = (u32, u64);

/// One record as read from, or about to be written to, the log.
#[derive(Copy, Clone, Eq, PartialEq, Debug)]
pub(crate) enum Record<'a> {
    /// A message in one or more queues. `more` and `head`/`tail` are the bytes on disk.
    Publish {
        keep: Keep,
        first: Reference,
        more: References<'a>,
        head: &'a [u8],
        tail: Option<&'a [u8]>,
    },
    /// Messages of one queue are settled.
    Ack { queue: u32, runs: Runs<'a> },
    /// An entry is set.
    Put { key: &'a [u8], value: &'a [u8] },
    /// An entry is removed.
    Remove { key: &'a [u8] },
    /// A queue is gone.
    DropQueue { queue: u32 },
    /// The segment is complete.
    Seal,
    /// A snapshot begins.
    SnapshotBegin { max_queue_id: u32 },
    /// An entry of the snapshot.
    SnapshotEntry { key: &'a [u8], value: &'a [u8] },
    /// A queue of the snapshot: no message below `first_seq` is live, `next_seq` is unused.
    SnapshotQueue {
        queue: u32,
        first_seq: u64,
        next_seq: u64,
    },
    /// The snapshot is complete.
    SnapshotEnd,
}

/// Encoded references beyond the first.
#[derive(Copy, Clone, Eq, PartialEq, Debug)]
pub(crate) struct References<'a>(pub(crate) &'a [u8]);

impl References<'_> {
    pub(crate) fn iter(&self) -> impl Iterator<Item = Reference> {
        self.0
            .chunks_exact(REFERENCE_LEN)
            .map(|c| (u32_at(c, 0), u64_at(c, 4)))
    }
}

/// Encoded runs of an ack.
#[derive(Copy, Clone, Eq, PartialEq, Debug)]
pub(crate) struct Runs<'a>(pub(crate) &'a [u8]);

impl Runs<'_> {
    /// Inclusive `(first, last)`.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u64, u64)> {
        self.0
            .chunks_exact(RUN_LEN)
            .map(|c| (u64_at(c, 0), u64_at(c, 8)))
    }
}

/// A valid record and what surrounds it.
#[derive(Copy, Clone, Eq, PartialEq, Debug)]
pub(crate) struct Decoded<'a> {
    pub(crate) record: Record<'a>,
    /// Bytes to the next record.
    pub(crate) padded_len: usize,
    /// Everything before this record was synced before it was written.
    pub(crate) group_start: bool,
}

/// Whether a record starts a group.
#[derive(Copy, Clone, Eq, PartialEq, Debug)]
pub(crate) enum Place {
    /// First of a group, and everything before it is synced.
    GroupStart,
    /// Anywhere else.
    Within,
}

/// `len` rounded up to the next record boundary.
pub(crate) const fn padded(len: usize) -> usize {
    (len + 7) & !7
}

fn seed(segment: u32, offset: u64) -> u32 {
    // An odd multiplier is a bijection, so two segments never agree at the same offset.
    segment.wrapping_mul(0x9E37_79B1) ^ (offset / 8) as u32
}

/// The total length a header announces, if `bytes` holds that much of it; 0 at the end of a log.
pub(crate) fn announced_len(bytes: &[u8]) -> Option<usize> {
    (bytes.len() >= 8).then(|| u32_at(bytes, 4) as usize)
}

/// Reads the record at the start of `bytes`, which lies at `offset` of `segment`.
/// `None` for anything that is not a complete, valid record of that very place.
pub(crate) fn decode(bytes: &[u8], segment: u32, offset: u64) -> Option<Decoded<'_>> {
    let len = announced_len(bytes)?;
    if len < SHORT_HEADER_LEN || len > bytes.len() {
        return None;
    }
    // The cheap tests come first: the search for records behind a torn one calls this at every
    // eighth byte.
    let has_header = match bytes[8] {
        SHORT_PUBLISH => true,
        PUBLISH | ACK | PUT | DROP_QUEUE | REMOVE..=SNAPSHOT_END => {
            len >= HEADER_LEN && u32_at(bytes, 28) == 0
        }
        _ => false,
    };
    if !has_header
        || bytes[9] & !(HAS_TAIL | GROUP_START | SPILLED) != 0
        || !checksum_holds(&bytes[..len], segment, offset)
    {
        return None;
    }
    let record = match bytes[8] {
        SHORT_PUBLISH => parse_short(&bytes[..len])?,
        _ => parse(&bytes[..len])?,
    };
    let group_start = bytes[9] & GROUP_START != 0;
    Some(Decoded {
        record,
        padded_len: padded(len),
        group_start,
    })
}

/// A fuzzer would hardly ever get past the checksum, so it is left out for one.
// cargo-fuzz sets `fuzzing`; cargo does not know of it.
#[allow(unexpected_cfgs)]
fn checksum_holds(bytes: &[u8], segment: u32, offset: u64) -> bool {
    let crc = crc32c::crc32c_append(seed(segment, offset), &bytes[4..]);
    cfg!(fuzzing) || crc == u32_at(bytes, 0)
}

/// Bytes from a valid log record at the start of `bytes`, at `offset` of `segment`, to the next;
/// `None` if there is none. For fuzzing and for tools that look into a log.
#[must_use]
pub fn record_len(bytes: &[u8], segment: u32, offset: u64) -> Option<usize> {
    let decoded = decode(bytes, segment, offset)?;
    if let Record::Ack { runs, .. } = decoded.record {
        runs.iter().for_each(drop);
    }
    if let Record::Publish { more, .. } = decoded.record {
        more.iter().for_each(drop);
    }
    Some(decoded.padded_len)
}

/// A short publish.
fn parse_short(bytes: &[u8]) -> Option<Record<'_>> {
    let first = (u32_at(bytes, 12), u64_at(bytes, 16));
    let head_len = u16_at(bytes, 10);
    let body = &bytes[SHORT_HEADER_LEN..];
    parse_publish(bytes[9], (first, References(&[])), body, head_len.into())
}

/// A publish, from what both headers tell.
fn parse_publish<'a>(
    flags: u8,
    (first, more): (Reference, References<'a>),
    body: &'a [u8],
    head_len: usize,
) -> Option<Record<'a>> {
    let (head, tail) = body.split_at_checked(head_len)?;
    let tail = match flags & HAS_TAIL {
        0 if !tail.is_empty() => return None,
        0 => None,
        _ => Some(tail),
    };
    let keep = match flags & SPILLED {
        0 => Keep::Always,
        _ => Keep::UntilRestart,
    };
    Some(Record::Publish {
        keep,
        first,
        more,
        head,
        tail,
    })
}

/// Any record with the long header.
fn parse(bytes: &[u8]) -> Option<Record<'_>> {
    let (queue, seq) = (u32_at(bytes, 12), u64_at(bytes, 16));
    let head_len = u32_at(bytes, 24) as usize;
    let payload = &bytes[HEADER_LEN..];
    let record = match bytes[8] {
        PUBLISH => {
            let more = usize::from(u16_at(bytes, 10)).checked_sub(1)?;
            let (more, body) = payload.split_at_checked(more * REFERENCE_LEN)?;
            let references = ((queue, seq), References(more));
            parse_publish(bytes[9], references, body, head_len)?
        }
        ACK if payload.len().is_multiple_of(RUN_LEN) => Record::Ack {
            queue,
            runs: Runs(payload),
        },
        PUT => {
            let (key, value) = payload.split_at_checked(head_len)?;
            Record::Put { key, value }
        }
        REMOVE => Record::Remove { key: payload },
        DROP_QUEUE => Record::DropQueue { queue },
        SEAL => Record::Seal,
        SNAPSHOT_BEGIN => Record::SnapshotBegin {
            max_queue_id: queue,
        },
        SNAPSHOT_ENTRY => {
            let (key, value) = payload.split_at_checked(head_len)?;
            Record::SnapshotEntry { key, value }
        }
        SNAPSHOT_QUEUE if payload.len() == 8 => Record::SnapshotQueue {
            queue,
            first_seq: u64_at(payload, 0),
            next_seq: seq,
        },
        SNAPSHOT_END => Record::SnapshotEnd,
        _ => return None,
    };
    Some(record)
}

/// Whether a publish has the short header.
fn is_short(more: References<'_>, head: &[u8]) -> bool {
    more.0.is_empty() && head.len() <= SHORT_HEAD_MAX
}

/// Bytes that `record` takes in the log, padding excluded.
pub(crate) fn encoded_len(record: &Record<'_>) -> usize {
    match record {
        Record::Publish {
            more, head, tail, ..
        } if is_short(*more, head) => SHORT_HEADER_LEN + head.len() + tail.map_or(0, <[u8]>::len),
        _ => HEADER_LEN + payload_len(record),
    }
}

fn payload_len(record: &Record<'_>) -> usize {
    match record {
        Record::Publish {
            more, head, tail, ..
        } => more.0.len() + head.len() + tail.map_or(0, <[u8]>::len),
        Record::Ack { runs, .. } => runs.0.len(),
        Record::Put { key, value } | Record::SnapshotEntry { key, value } => {
            key.len() + value.len()
        }
        Record::SnapshotQueue { .. } => 8,
        Record::Remove { key } => key.len(),
        Record::DropQueue { .. }
        | Record::Seal
        | Record::SnapshotBegin { .. }
        | Record::SnapshotEnd => 0,
    }
}

/// Appends `record` and its padding to `buf`; it will lie at `offset` of `segment`.
///
/// The caller keeps lengths within 32 bits and references within [`REFERENCES_MAX`].
pub(crate) fn encode(buf: &mut Vec<u8>, record: &Record<'_>, at: (u32, u64), place: Place) {
    match *record {
        Record::Publish {
            keep,
            first,
            more,
            head,
            tail,
        } if is_short(more, head) => {
            let flags = publish_flags(keep, tail) | place_flags(place);
            encode_short(buf, (flags, first), head, tail.unwrap_or_default(), at);
        }
        _ => encode_long(buf, record, at, place),
    }
}

fn place_flags(place: Place) -> u8 {
    match place {
        Place::GroupStart => GROUP_START,
        Place::Within => 0,
    }
}

fn publish_flags(keep: Keep, tail: Option<&[u8]>) -> u8 {
    let spilled = match keep {
        Keep::Always => 0,
        Keep::UntilRestart => SPILLED,
    };
    if tail.is_some() {
        HAS_TAIL | spilled
    } else {
        spilled
    }
}

/// A publish with the short header, which it fits.
fn encode_short(
    buf: &mut Vec<u8>,
    (flags, first): (u8, Reference),
    head: &[u8],
    tail: &[u8],
    at: (u32, u64),
) {
    let start = buf.len();
    let len = SHORT_HEADER_LEN + head.len() + tail.len();
    buf.reserve(padded(len));
    let mut header = [0; SHORT_HEADER_LEN];
    header[4..8].copy_from_slice(&(len as u32).to_le_bytes());
    header[8] = SHORT_PUBLISH;
    header[9] = flags;
    header[10..12].copy_from_slice(&(head.len() as u16).to_le_bytes());
    header[12..16].copy_from_slice(&first.0.to_le_bytes());
    header[16..24].copy_from_slice(&first.1.to_le_bytes());
    buf.extend_from_slice(&header);
    buf.extend_from_slice(head);
    buf.extend_from_slice(tail);
    finish(buf, (start, len), at);
}

/// The checksum of the `len` bytes from `start` on, and the padding behind them.
fn finish(buf: &mut Vec<u8>, (start, len): (usize, usize), (segment, offset): (u32, u64)) {
    let crc = crc32c::crc32c_append(seed(segment, offset), &buf[start + 4..]);
    buf[start..start + 4].copy_from_slice(&crc.to_le_bytes());
    buf.resize(start + padded(len), 0);
}

/// Any record with the long header, as earlier builds wrote publishes too.
pub(crate) fn encode_long(buf: &mut Vec<u8>, record: &Record<'_>, at: (u32, u64), place: Place) {
    let start = buf.len();
    let len = HEADER_LEN + payload_len(record);
    buf.reserve(padded(len));
    let mut flags = place_flags(place);
    let (kind, nrefs, queue, seq, head_len) = match record {
        Record::Publish {
            keep,
            first,
            more,
            head,
            tail,
        } => {
            flags |= publish_flags(*keep, *tail);
            let nrefs = 1 + more.0.len() / REFERENCE_LEN;
            (PUBLISH, nrefs, first.0, first.1, head.len())
        }
        Record::Ack { queue, .. } => (ACK, 0, *queue, 0, 0),
        Record::Put { key, .. } => (PUT, 0, 0, 0, key.len()),
        Record::Remove { key } => (REMOVE, 0, 0, 0, key.len()),
        Record::DropQueue { queue } => (DROP_QUEUE, 0, *queue, 0, 0),
        Record::Seal => (SEAL, 0, 0, 0, 0),
        Record::SnapshotBegin { max_queue_id } => (SNAPSHOT_BEGIN, 0, *max_queue_id, 0, 0),
        Record::SnapshotEntry { key, .. } => (SNAPSHOT_ENTRY, 0, 0, 0, key.len()),
        Record::SnapshotQueue {
            queue, next_seq, ..
        } => (SNAPSHOT_QUEUE, 0, *queue, *next_seq, 0),
        Record::SnapshotEnd => (SNAPSHOT_END, 0, 0, 0, 0),
    };
    let mut header = [0; HEADER_LEN];
    header[4..8].copy_from_slice(&(len as u32).to_le_bytes());
    header[8] = kind;
    header[9] = flags;
    header[10..12].copy_from_slice(&(nrefs as u16).to_le_bytes());
    header[12..16].copy_from_slice(&queue.to_le_bytes());
    header[16..24].copy_from_slice(&seq.to_le_bytes());
    header[24..28].copy_from_slice(&(head_len as u32).to_le_bytes());
    buf.extend_from_slice(&header);
    push_payload(buf, record);
    finish(buf, (start, len), at);
}

fn push_payload(buf: &mut Vec<u8>, record: &Record<'_>) {
    match record {
        Record::Publish {
            more, head, tail, ..
        } => {
            buf.extend_from_slice(more.0);
            buf.extend_from_slice(head);
            buf.extend_from_slice(tail.unwrap_or_default());
        }
        Record::Ack { runs, .. } => buf.extend_from_slice(runs.0),
        Record::Put { key, value } | Record::SnapshotEntry { key, value } => {
            buf.extend_from_slice(key);
            buf.extend_from_slice(value);
        }
        Record::Remove { key } => buf.extend_from_slice(key),
        Record::SnapshotQueue { first_seq, .. } => {
            buf.extend_from_slice(&first_seq.to_le_bytes());
        }
        Record::DropQueue { .. }
        | Record::Seal
        | Record::SnapshotBegin { .. }
        | Record::SnapshotEnd => {}
    }
}

/// Appends one reference in its encoded form.
pub(crate) fn push_reference(buf: &mut Vec<u8>, (queue, seq): Reference) {
    buf.extend_from_slice(&queue.to_le_bytes());
    buf.extend_from_slice(&seq.to_le_bytes());
}

/// Appends the inclusive run in its encoded form.
pub(crate) fn push_run(buf: &mut Vec<u8>, first: u64, last: u64) {
    buf.extend_from_slice(&first.to_le_bytes());
    buf.extend_from_slice(&last.to_le_bytes());
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    let mut raw = [0; 4];
    raw.copy_from_slice(&bytes[at..at + 4]);
    u32::from_le_bytes(raw)
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    let mut raw = [0; 8];
    raw.copy_from_slice(&bytes[at..at + 8]);
    u64::from_le_bytes(raw)
}

#[cfg(test)]
mod tests;
