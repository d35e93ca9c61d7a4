//! Which messages are live, and where: chunks of 512 per queue, counters per segment, and what
//! has changed since the last checkpoint.
//!
//! The index always shows the log up to exactly `end`: the commit thread applies a group as a
//! whole, and a checkpoint takes its snapshot in between. Replay from a checkpoint's position
//! is therefore exact, not merely idempotent.
//!
//! All chunks with live messages stay in memory (12 bytes a message). Evicting the middle of a
//! long backlog needs only that a chunk can be loaded from its row where it is looked up here.

pub(crate) mod chunk;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use chunk::{CHUNK_LEN, Chunk, Entry};

use crate::disk::DiskFile;
use crate::keys;
use crate::log::Position;
use crate::meta::Batch;

/// Emptied chunks kept for the next ones (about 400 KiB), so that a queue that is drained as fast
/// as it fills allocates nothing.
const SPARE_CHUNKS_MAX: usize = 64;

/// See the module.
#[derive(Default)]
pub(crate) struct Index {
    /// The log position that everything here corresponds to.
    pub(crate) end: Position,
    /// The log file that has to be synced before a row may speak of its last records.
    pub(crate) unsynced: Option<(u32, Arc<dyn DiskFile>)>,
    pub(crate) max_queue_id: u32,
    queues: HashMap<u32, Queue>,
    /// Live references per segment, for all segments that exist.
    segments: BTreeMap<u32, u64>,
    live: u64,
    live_bytes: u64,
    spare: Vec<Chunk>,
    changes: Changes,
}

/// What the next checkpoint has to write.
#[derive(Default)]
struct Changes {
    queues: Vec<u32>,
    chunks: Vec<(u32, u64)>,
    /// Rows whose queue or chunk is gone. Until the next checkpoint they still lie in the
    /// database; nothing reads them there, as every look-up goes through this index.
    removed: Vec<Vec<u8>>,
    entries: BTreeMap<Vec<u8>, Option<Vec<u8>>>,
}

#[derive(Default)]
struct Queue {
    next_seq: u64,
    live: u64,
    live_bytes: u64,
    chunks: BTreeMap<u64, Chunk>,
    dirty: bool,
    stored: bool,
}

/// One queue's numbers.
#[derive(Copy, Clone, Eq, PartialEq, Debug)]
pub(crate) struct QueueState {
    pub(crate) id: u32,
    pub(crate) first_seq: u64,
    pub(crate) next_seq: u64,
    pub(crate) live: u64,
    pub(crate) live_bytes: u64,
}

/// Totals over all queues.
#[derive(Copy, Clone, Eq, PartialEq, Debug, Default)]
pub(crate) struct Totals {
    pub(crate) live: u64,
    pub(crate) live_bytes: u64,
    pub(crate) segments: u64,
}

/// What a checkpoint has to make durable, and what it may free afterwards.
pub(crate) struct Snapshot {
    pub(crate) batch: Batch,
    pub(crate) entries: BTreeMap<Vec<u8>, Option<Vec<u8>>>,
    pub(crate) unsynced: Option<(u32, Arc<dyn DiskFile>)>,
    pub(crate) end: Position,
    pub(crate) max_queue_id: u32,
    pub(crate) free: Vec<u32>,
}

impl Index {
    /// Messages `first_seq ..` of a queue lie at `entries`; those that lie nowhere (segment 0)
    /// were settled before they were written.
    pub(crate) fn append(
        &mut self,
        queue_id: u32,
        first_seq: u64,
        entries: impl ExactSizeIterator<Item = Entry>,
    ) {
        self.max_queue_id = self.max_queue_id.max(queue_id);
        let queue = self.queues.entry(queue_id).or_default();
        queue.next_seq = queue
            .next_seq
            .max(first_seq.saturating_add(entries.len() as u64));
        if !std::mem::replace(&mut queue.dirty, true) {
            self.changes.queues.push(queue_id);
        }
        let mut counter = SegmentCounter::default();
        let mut current: Option<(u64, &mut Chunk)> = None;
        for (seq, entry) in (first_seq..).zip(entries) {
            if entry.segment == 0 {
                continue;
            }
            let number = seq / CHUNK_LEN;
            if current.as_ref().is_none_or(|(n, _)| *n != number) {
                let chunk = queue
                    .chunks
                    .entry(number)
                    .or_insert_with(|| self.spare.pop().unwrap_or_default());
                if !std::mem::replace(&mut chunk.dirty, true) {
                    self.changes.chunks.push((queue_id, number));
                }
                current = Some((number, chunk));
            }
            let Some((_, chunk)) = &mut current else {
                continue;
            };
            if let Some(old) = chunk.insert((seq % CHUNK_LEN) as u16, entry) {
                counter.add(&mut self.segments, old.segment, -1);
                queue.live -= 1;
                queue.live_bytes -= u64::from(old.len);
                self.live -= 1;
                self.live_bytes -= u64::from(old.len);
            }
            counter.add(&mut self.segments, entry.segment, 1);
            queue.live += 1;
            queue.live_bytes += u64::from(entry.len);
            self.live += 1;
            self.live_bytes += u64::from(entry.len);
        }
        counter.flush(&mut self.segments);
    }

    /// Settles messages `first ..= last` of a queue, as far as they are live.
    pub(crate) fn settle(&mut self, queue_id: u32, first: u64, last: u64) {
        let Some(queue) = self.queues.get_mut(&queue_id) else {
            return;
        };
        if first > last {
            return;
        }
        let mut counter = SegmentCounter::default();
        let mut emptied = Vec::new();
        for (&number, chunk) in queue.chunks.range_mut(first / CHUNK_LEN..=last / CHUNK_LEN) {
            let start = number * CHUNK_LEN;
            let from = first.saturating_sub(start) as u16;
            let to = (last - start).min(CHUNK_LEN - 1) as u16;
            let before = chunk.live();
            for slot in from..=to {
                let Some(entry) = chunk.take(slot) else {
                    continue;
                };
                counter.add(&mut self.segments, entry.segment, -1);
                queue.live_bytes -= u64::from(entry.len);
                self.live_bytes -= u64::from(entry.len);
            }
            let settled = u64::from(before - chunk.live());
            queue.live -= settled;
            self.live -= settled;
            if settled > 0 && !std::mem::replace(&mut chunk.dirty, true) {
                self.changes.chunks.push((queue_id, number));
            }
            if chunk.live() == 0 {
                emptied.push(number);
            }
        }
        for number in emptied {
            let Some(mut chunk) = queue.chunks.remove(&number) else {
                continue;
            };
            if chunk.stored {
                self.changes
                    .removed
                    .push(keys::chunk(queue_id, number).to_vec());
            }
            if self.spare.len() < SPARE_CHUNKS_MAX {
                chunk.reset();
                self.spare.push(chunk);
            }
        }
        counter.flush(&mut self.segments);
    }

    /// Forgets a queue and its messages.
    pub(crate) fn drop_queue(&mut self, queue_id: u32) {
        let Some(queue) = self.queues.remove(&queue_id) else {
            return;
        };
        if queue.stored {
            self.changes.removed.push(keys::queue(queue_id).to_vec());
        }
        self.live -= queue.live;
        self.live_bytes -= queue.live_bytes;
        let mut counter = SegmentCounter::default();
        for (number, chunk) in queue.chunks {
            for (_, entry) in chunk.iter_from(0) {
                counter.add(&mut self.segments, entry.segment, -1);
            }
            if chunk.stored {
                self.changes
                    .removed
                    .push(keys::chunk(queue_id, number).to_vec());
            }
        }
        counter.flush(&mut self.segments);
    }

    /// Sets (`Some`) or removes (`None`) an entry.
    pub(crate) fn set_entry(&mut self, key: &[u8], value: Option<&[u8]>) {
        self.changes
            .entries
            .insert(key.to_vec(), value.map(<[u8]>::to_vec));
    }

    /// A segment exists, live messages in it or not.
    pub(crate) fn add_segment(&mut self, segment: u32) {
        self.segments.entry(segment).or_default();
    }

    /// Live messages of a queue from `from` on: at most `max_messages`, and at most `max_bytes`
    /// of bodies but at least one message.
    pub(crate) fn locate(
        &self,
        queue_id: u32,
        from: u64,
        max_messages: usize,
        max_bytes: usize,
    ) -> Vec<(u64, Entry)> {
        let Some(queue) = self.queues.get(&queue_id) else {
            return Vec::new();
        };
        let (mut found, mut bytes) = (Vec::new(), 0usize);
        for (&number, chunk) in queue.chunks.range(from / CHUNK_LEN..) {
            let start = number * CHUNK_LEN;
            for (slot, entry) in chunk.iter_from(from.saturating_sub(start) as u16) {
                bytes = bytes.saturating_add(entry.len as usize);
                if found.len() >= max_messages || (bytes > max_bytes && !found.is_empty()) {
                    return found;
                }
                found.push((start + u64::from(slot), entry));
            }
        }
        found
    }

    /// Where message `seq` of a queue lies now, if it is live.
    pub(crate) fn get(&self, queue_id: u32, seq: u64) -> Option<Entry> {
        let chunk = self.queues.get(&queue_id)?.chunks.get(&(seq / CHUNK_LEN))?;
        chunk.get((seq % CHUNK_LEN) as u16)
    }

    /// All queues, by id.
    pub(crate) fn queues(&self) -> Vec<QueueState> {
        let mut states: Vec<_> = self
            .queues
            .iter()
            .map(|(&id, queue)| {
                let first = queue.chunks.iter().find_map(|(number, chunk)| {
                    let (slot, _) = chunk.iter_from(0).next()?;
                    Some(number * CHUNK_LEN + u64::from(slot))
                });
                QueueState {
                    id,
                    first_seq: first.unwrap_or(queue.next_seq),
                    next_seq: queue.next_seq,
                    live: queue.live,
                    live_bytes: queue.live_bytes,
                }
            })
            .collect();
        states.sort_unstable_by_key(|q| q.id);
        states
    }

    /// Totals for the statistics.
    pub(crate) fn totals(&self) -> Totals {
        Totals {
            live: self.live,
            live_bytes: self.live_bytes,
            segments: self.segments.len() as u64,
        }
    }

    /// Segments that hold live messages.
    pub(crate) fn live_segments(&self) -> impl Iterator<Item = u32> + '_ {
        self.segments
            .iter()
            .filter(|(_, live)| **live > 0)
            .map(|(segment, _)| *segment)
    }

    /// Takes over a queue row.
    pub(crate) fn load_queue(&mut self, id: u32, next_seq: u64) {
        let queue = self.queues.entry(id).or_default();
        queue.next_seq = next_seq;
        queue.stored = true;
    }

    /// Takes over a chunk row. `None` if the queue has no row or the number is out of range.
    pub(crate) fn load_chunk(&mut self, id: u32, number: u64, chunk: Chunk) -> Option<()> {
        number.checked_add(1)?.checked_mul(CHUNK_LEN)?;
        let queue = self.queues.get_mut(&id)?;
        let mut counter = SegmentCounter::default();
        for (_, entry) in chunk.iter_from(0) {
            counter.add(&mut self.segments, entry.segment, 1);
            queue.live_bytes += u64::from(entry.len);
            self.live_bytes += u64::from(entry.len);
        }
        counter.flush(&mut self.segments);
        queue.live += u64::from(chunk.live());
        self.live += u64::from(chunk.live());
        queue.chunks.insert(number, chunk);
        Some(())
    }

    /// Everything that changed since the last snapshot, as rows, and the segments that nothing
    /// will refer to once those rows are durable.
    pub(crate) fn snapshot(&mut self) -> Snapshot {
        let changes = std::mem::take(&mut self.changes);
        let mut batch = Batch::default();
        for key in changes.removed {
            batch.remove(key);
        }
        for id in changes.queues {
            let Some(queue) = self.queues.get_mut(&id) else {
                continue;
            };
            queue.dirty = false;
            queue.stored = true;
            batch.insert(keys::queue(id).to_vec(), keys::queue_row(queue.next_seq));
        }
        for (id, number) in changes.chunks {
            let Some(chunk) = self
                .queues
                .get_mut(&id)
                .and_then(|q| q.chunks.get_mut(&number))
            else {
                continue;
            };
            if !std::mem::replace(&mut chunk.dirty, false) {
                continue;
            }
            chunk.stored = true;
            batch.insert(keys::chunk(id, number).to_vec(), chunk.to_row());
        }
        let end = self.end;
        let free: Vec<u32> = self
            .segments
            .range(..end.segment)
            .filter(|(_, live)| **live == 0)
            .map(|(segment, _)| *segment)
            .collect();
        for segment in &free {
            self.segments.remove(segment);
        }
        Snapshot {
            batch,
            entries: changes.entries,
            unsynced: self.unsynced.take(),
            end,
            max_queue_id: self.max_queue_id,
            free,
        }
    }
}

/// Adds to the per-segment counters once per run of neighbours.
#[derive(Default)]
struct SegmentCounter {
    segment: u32,
    delta: i64,
}

impl SegmentCounter {
    fn add(&mut self, segments: &mut BTreeMap<u32, u64>, segment: u32, delta: i64) {
        if segment != self.segment {
            self.flush(segments);
            self.segment = segment;
        }
        self.delta += delta;
    }

    fn flush(&mut self, segments: &mut BTreeMap<u32, u64>) {
        if self.delta != 0 {
            let live = segments.entry(self.segment).or_default();
            *live = live.saturating_add_signed(std::mem::take(&mut self.delta));
        }
    }
}
