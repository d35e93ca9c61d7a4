//! Which messages are live, and where: chunks of 512 per queue, counters per segment, and what
//! has changed since the last checkpoint.
//!
//! The index always shows the log up to exactly `end`: the commit thread applies a group as a
//! whole, and a checkpoint takes its snapshot in between. Replay from a checkpoint's position
//! is therefore exact, not merely idempotent.
//!
//! A chunk is in memory (12 bytes a message) from its first change to the next checkpoint, and
//! after that until [`CLEAN_CHUNKS_MAX`] others have been used since. Of all others only a
//! summary is kept (about 100 bytes): enough to count, to purge and to drop them. Whoever needs
//! the messages themselves loads the chunk from its row, without holding the index; see
//! `crate::chunks`.

pub(crate) mod chunk;
pub(crate) mod entries;
mod load;
mod look_up;
pub(crate) mod segments;
mod snapshot;
pub(crate) mod summary;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use chunk::{CHUNK_LEN, Chunk, Entry};
use entries::Entries;
use segments::{Change, Counter, Segments};
use summary::Summary;

use crate::disk::DiskFile;
use crate::log::Position;
pub(crate) use look_up::{Found, Located, QueueState};

/// Emptied chunks kept for the next ones (about 400 KiB), so that a queue that is drained as fast
/// as it fills allocates nothing.
const SPARE_CHUNKS_MAX: usize = 64;

/// Unchanged chunks kept in memory: enough for the heads and tails of some hundred busy queues.
/// Further queues load a chunk for every visit. Tests evict nearly everything.
pub(crate) const CLEAN_CHUNKS_MAX: usize = if cfg!(test) { 2 } else { 512 };

/// Messages in those chunks (384 KiB): the chunks of busy queues are small, and those of a deep
/// backlog are not needed again soon.
const CLEAN_MESSAGES_MAX: usize = 32 << 10;

/// Messages that came into memory since the last checkpoint and make the next one start early
/// (1.5 MiB of them), as only a checkpoint lets them leave it.
pub(crate) const FRESH_MESSAGES_MAX: usize = 128 << 10;

/// A chunk's queue and number.
pub(crate) type ChunkId = (u32, u64);

/// See the module.
#[derive(Default)]
pub(crate) struct Index {
    /// The log position that everything here corresponds to.
    pub(crate) end: Position,
    /// The log file that has to be synced before a row may speak of its last records.
    pub(crate) unsynced: Option<(u32, Arc<dyn DiskFile>)>,
    pub(crate) max_queue_id: u32,
    /// The survivors' segment that is being written; 0 if none is.
    pub(crate) survivors: u32,
    /// Counts evictions. A row that was read before one may be older than the chunk.
    pub(crate) evictions: u64,
    /// Where the last snapshot in the log begins; 0 if there is none.
    pub(crate) snapshot_segment: u32,
    pub(crate) entries: Entries,
    queues: BTreeMap<u32, Queue>,
    segments: Segments,
    live: u64,
    live_bytes: u64,
    // Boxes move between here and the queues; their memory stays.
    #[allow(clippy::vec_box)]
    spare: Vec<Box<Chunk>>,
    /// Chunks of which only the summary is in memory.
    evicted: usize,
    /// Chunks that may be evicted if they are unchanged, oldest first, and the messages in each
    /// when it was listed.
    clean: VecDeque<(ChunkId, u16)>,
    /// The sum of those.
    clean_messages: usize,
    /// Messages that came into memory since the last snapshot and may still be there.
    fresh: usize,
    changes: Changes,
    /// Rows that count no more, to be removed by and by.
    garbage: VecDeque<ChunkId>,
}

/// What the next checkpoint has to write.
#[derive(Default)]
struct Changes {
    queues: Vec<u32>,
    chunks: Vec<ChunkId>,
    /// Chunks that are gone but have a row. Until the next checkpoint it still lies in the
    /// database; nothing reads it there, as every look-up goes through this index.
    removed: Vec<ChunkId>,
    /// Queues that are gone but have a row, with all their chunks.
    dropped: Vec<(u32, BTreeMap<u64, Held>)>,
}

#[derive(Default)]
struct Queue {
    next_seq: u64,
    live: u64,
    live_bytes: u64,
    chunks: BTreeMap<u64, Held>,
    /// As in the queue's row: rows of chunks below it count no more.
    floor: u64,
    dirty: bool,
    stored: bool,
}

/// A chunk with live messages.
enum Held {
    Here(Box<Chunk>),
    Evicted(Summary),
}

impl Index {
    /// Messages `first_seq ..` of a queue lie at `entries`; those that lie nowhere (segment 0)
    /// were settled before they were written. No chunk concerned is evicted.
    pub(crate) fn append(
        &mut self,
        queue_id: u32,
        first_seq: u64,
        entries: impl ExactSizeIterator<Item = Entry>,
    ) {
        let next_seq = first_seq.saturating_add(entries.len() as u64);
        self.advance(queue_id, next_seq);
        let Some(queue) = self.queues.get_mut(&queue_id) else {
            return;
        };
        let mut counter = Counter::default();
        let mut current: Option<(u64, &mut Chunk)> = None;
        for (seq, entry) in (first_seq..).zip(entries) {
            if entry.segment == 0 {
                continue;
            }
            let number = seq / CHUNK_LEN;
            if current.as_ref().is_none_or(|(n, _)| *n != number) {
                let held = queue
                    .chunks
                    .entry(number)
                    .or_insert_with(|| Held::Here(self.spare.pop().unwrap_or_default()));
                debug_assert!(matches!(held, Held::Here(_)), "an evicted chunk");
                current = match held {
                    Held::Here(chunk) => Some((number, chunk)),
                    Held::Evicted(_) => None,
                };
                if let Some((_, chunk)) = &mut current
                    && !std::mem::replace(&mut chunk.dirty, true)
                {
                    self.changes.chunks.push((queue_id, number));
                }
            }
            let Some((_, chunk)) = &mut current else {
                continue;
            };
            if let Some(old) = chunk.insert((seq % CHUNK_LEN) as u16, entry) {
                counter.entry(&mut self.segments, &old, Change::Remove);
                queue.live -= 1;
                queue.live_bytes -= u64::from(old.len());
                self.live -= 1;
                self.live_bytes -= u64::from(old.len());
            }
            counter.entry(&mut self.segments, &entry, Change::Add);
            self.fresh += 1;
            queue.live += 1;
            queue.live_bytes += u64::from(entry.len());
            self.live += 1;
            self.live_bytes += u64::from(entry.len());
        }
        counter.flush(&mut self.segments);
    }

    /// The queue exists and has used all numbers below `next_seq`.
    pub(crate) fn advance(&mut self, queue_id: u32, next_seq: u64) {
        self.max_queue_id = self.max_queue_id.max(queue_id);
        let queue = self.queues.entry(queue_id).or_default();
        queue.next_seq = queue.next_seq.max(next_seq);
        if !std::mem::replace(&mut queue.dirty, true) {
            self.changes.queues.push(queue_id);
        }
    }

    /// Settles messages `first ..= last` of a queue, as far as they are live. No chunk that this
    /// takes only a part of is evicted.
    pub(crate) fn settle(&mut self, queue_id: u32, first: u64, last: u64) {
        let Some(queue) = self.queues.get_mut(&queue_id) else {
            return;
        };
        if first > last {
            return;
        }
        let mut counter = Counter::default();
        let mut emptied = Vec::new();
        for (&number, held) in queue.chunks.range_mut(first / CHUNK_LEN..=last / CHUNK_LEN) {
            let start = number * CHUNK_LEN;
            let (settled, bytes) = match held {
                Held::Evicted(summary) => {
                    if !covers(first, last, number) {
                        debug_assert!(false, "settling a part of an evicted chunk");
                        continue;
                    }
                    for part in &summary.parts {
                        counter.part(&mut self.segments, part, Change::Remove);
                    }
                    emptied.push(number);
                    (u64::from(summary.live), summary.body_bytes())
                }
                Held::Here(chunk) => {
                    let (from, to) = (first.saturating_sub(start), last - start);
                    let (before, mut bytes) = (chunk.live(), 0);
                    for slot in from as u16..=to.min(CHUNK_LEN - 1) as u16 {
                        let Some(entry) = chunk.take(slot) else {
                            continue;
                        };
                        counter.entry(&mut self.segments, &entry, Change::Remove);
                        bytes += u64::from(entry.len());
                    }
                    let settled = u64::from(before - chunk.live());
                    if settled > 0 && !std::mem::replace(&mut chunk.dirty, true) {
                        self.changes.chunks.push((queue_id, number));
                    }
                    if chunk.live() == 0 {
                        emptied.push(number);
                    }
                    (settled, bytes)
                }
            };
            queue.live -= settled;
            queue.live_bytes -= bytes;
            self.live -= settled;
            self.live_bytes -= bytes;
        }
        counter.flush(&mut self.segments);
        self.forget(queue_id, &emptied);
    }

    /// Removes chunks without live messages.
    fn forget(&mut self, queue_id: u32, emptied: &[u64]) {
        let Some(queue) = self.queues.get_mut(&queue_id) else {
            return;
        };
        if emptied.is_empty() {
            return;
        }
        // The floor rises.
        if !std::mem::replace(&mut queue.dirty, true) {
            self.changes.queues.push(queue_id);
        }
        for number in emptied {
            match queue.chunks.remove(number) {
                Some(Held::Here(mut chunk)) => {
                    if chunk.stored {
                        self.changes.removed.push((queue_id, *number));
                    } else {
                        let gone = usize::from(chunk.messages());
                        self.fresh = self.fresh.saturating_sub(gone);
                    }
                    if self.spare.len() < SPARE_CHUNKS_MAX {
                        chunk.reset();
                        self.spare.push(chunk);
                    }
                }
                Some(Held::Evicted(_)) => {
                    self.evicted -= 1;
                    self.changes.removed.push((queue_id, *number));
                }
                None => {}
            }
        }
    }

    /// Forgets a queue and its messages.
    pub(crate) fn drop_queue(&mut self, queue_id: u32) {
        let Some(queue) = self.queues.remove(&queue_id) else {
            return;
        };
        self.live -= queue.live;
        self.live_bytes -= queue.live_bytes;
        let mut counter = Counter::default();
        for held in queue.chunks.values() {
            match held {
                Held::Here(chunk) => {
                    for (_, entry) in chunk.iter_from(0) {
                        counter.entry(&mut self.segments, &entry, Change::Remove);
                    }
                }
                Held::Evicted(summary) => {
                    self.evicted -= 1;
                    for part in &summary.parts {
                        counter.part(&mut self.segments, part, Change::Remove);
                    }
                }
            }
        }
        counter.flush(&mut self.segments);
        if queue.stored {
            self.changes.dropped.push((queue_id, queue.chunks));
        }
    }

    /// A live message that lay at `old` lies at `new` now. Nothing happens if it is gone. Its chunk
    /// is not evicted.
    pub(crate) fn relocate(&mut self, (id, seq): (u32, u64), old: Entry, new: Entry) {
        let queue = self.queues.get_mut(&id);
        let held = queue.and_then(|queue| queue.chunks.get_mut(&(seq / CHUNK_LEN)));
        let Some(Held::Here(chunk)) = held else {
            return;
        };
        let slot = (seq % CHUNK_LEN) as u16;
        if chunk.get(slot) != Some(old) {
            return;
        }
        chunk.insert(slot, new);
        if !std::mem::replace(&mut chunk.dirty, true) {
            self.changes.chunks.push((id, seq / CHUNK_LEN));
        }
        let mut counter = Counter::default();
        counter.entry(&mut self.segments, &old, Change::Remove);
        counter.entry(&mut self.segments, &new, Change::Add);
        counter.flush(&mut self.segments);
    }

    /// Sets (`Some`) or removes (`None`) an entry.
    pub(crate) fn set_entry(&mut self, key: &[u8], value: Option<&[u8]>) {
        self.entries.set(key, value);
    }

    /// A segment exists, live messages in it or not.
    pub(crate) fn add_segment(&mut self, segment: u32) {
        self.segments.entry(segment).or_default();
    }

    /// Whether so much has changed that a checkpoint should not wait.
    pub(crate) fn is_very_dirty(&self) -> bool {
        self.fresh >= FRESH_MESSAGES_MAX
    }
}

/// Whether `first ..= last` takes all messages of a chunk.
fn covers(first: u64, last: u64, number: u64) -> bool {
    first <= number * CHUNK_LEN && last >= number * CHUNK_LEN + (CHUNK_LEN - 1)
}
