//! What a checkpoint takes from the index.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::chunk::CHUNK_LEN;
use super::entries::Changed;
use super::{ChunkId, Held, Index};
use crate::disk::DiskFile;
use crate::keys;
use crate::log::Position;
use crate::log::lane::SURVIVORS;
use crate::meta::Batch;

/// Chunks whose useless rows one checkpoint removes at most: purging ten million messages must
/// not make one batch of forty thousand rows.
const GARBAGE_STEP: usize = 2048;

/// Segments one checkpoint frees at most (512 MiB at the default size): deleting many large files
/// at once makes every sync wait for the file system's journal.
const FREE_STEP: usize = 8;

/// What a checkpoint has to make durable, and what it may free afterwards.
pub(crate) struct Snapshot {
    pub(crate) batch: Batch,
    pub(crate) entries: Vec<Changed>,
    pub(crate) unsynced: Option<(u32, Arc<dyn DiskFile>)>,
    pub(crate) end: Position,
    pub(crate) max_queue_id: u32,
    pub(crate) snapshot_segment: u32,
    pub(crate) free: Vec<u32>,
    /// The next checkpoint has something to remove even if nothing changes.
    pub(crate) more: bool,
    /// What dropped queues held; freeing it takes a while, so not under the index's lock.
    _dropped: Vec<BTreeMap<u64, Held>>,
}

impl Index {
    /// Everything that changed since the last snapshot, as rows, and the segments that nothing
    /// will refer to once those rows are durable.
    pub(crate) fn snapshot(&mut self) -> Snapshot {
        self.fresh = 0;
        let mut batch = Batch::default();
        let dropped = self.snapshot_dropped(&mut batch);
        self.snapshot_queues(&mut batch);
        self.snapshot_chunks(&mut batch);
        for _ in 0..GARBAGE_STEP {
            let Some(id) = self.garbage.pop_front() else {
                break;
            };
            remove(&mut batch, id);
        }
        let end = self.end;
        let past = self
            .segments
            .range(..end.segment.min(self.snapshot_segment));
        let survivors = self.segments.range(SURVIVORS..);
        let free: Vec<u32> = past
            .chain(survivors)
            .filter(|(segment, live)| live.messages == 0 && **segment != self.survivors)
            .map(|(segment, _)| *segment)
            .take(FREE_STEP)
            .collect();
        for segment in &free {
            self.segments.remove(segment);
        }
        let more = free.len() == FREE_STEP || !self.garbage.is_empty();
        Snapshot {
            batch,
            more,
            entries: self.entries.take_changed(),
            snapshot_segment: self.snapshot_segment,
            unsynced: self.unsynced.take(),
            end,
            max_queue_id: self.max_queue_id,
            free,
            _dropped: dropped,
        }
    }

    fn snapshot_dropped(&mut self, batch: &mut Batch) -> Vec<BTreeMap<u64, Held>> {
        let mut dropped = Vec::new();
        for (id, chunks) in std::mem::take(&mut self.changes.dropped) {
            batch.remove(keys::queue(id).to_vec());
            // Without the queue's row these rows count no more.
            let stored = |held: &Held| match held {
                Held::Here(chunk) => chunk.stored,
                Held::Evicted(_) => true,
            };
            let numbers = chunks.iter().filter(|(_, held)| stored(held));
            self.garbage
                .extend(numbers.map(|(number, _)| (id, *number)));
            dropped.push(chunks);
        }
        dropped
    }

    fn snapshot_queues(&mut self, batch: &mut Batch) {
        for id in std::mem::take(&mut self.changes.queues) {
            let Some(queue) = self.queues.get_mut(&id) else {
                continue;
            };
            let tail = queue.next_seq / CHUNK_LEN;
            let first = queue.chunks.keys().next().copied();
            let floor = first.map_or(tail, |first| first.min(tail));
            if floor < queue.floor {
                // An older message was spilled: the rows between the floors would count again.
                self.garbage.retain(|garbage| {
                    let keep = garbage.0 != id;
                    if !keep {
                        remove(batch, *garbage);
                    }
                    keep
                });
            }
            queue.floor = floor;
            queue.dirty = false;
            queue.stored = true;
            batch.insert(
                keys::queue(id).to_vec(),
                keys::queue_row(queue.next_seq, floor),
            );
        }
    }

    /// After [`Self::snapshot_queues`], which moves the floors.
    fn snapshot_chunks(&mut self, batch: &mut Batch) {
        for (id, number) in std::mem::take(&mut self.changes.removed) {
            let floor = self.queues.get(&id).map_or(u64::MAX, |queue| queue.floor);
            if number < floor {
                self.garbage.push_back((id, number));
            } else {
                remove(batch, (id, number));
            }
        }
        for (id, number) in std::mem::take(&mut self.changes.chunks) {
            let queue = self.queues.get_mut(&id);
            let held = queue.and_then(|queue| queue.chunks.get_mut(&number));
            let Some(Held::Here(chunk)) = held else {
                continue;
            };
            if !std::mem::replace(&mut chunk.dirty, false) {
                continue;
            }
            chunk.stored = true;
            let listed = std::mem::replace(&mut chunk.queued, true);
            let messages = chunk.messages();
            batch.insert(keys::chunk(id, number).to_vec(), chunk.to_row());
            let summary = chunk.summary().to_row();
            batch.insert(keys::summary(id, number).to_vec(), summary);
            if !listed {
                self.list_clean((id, number), messages);
            }
        }
    }
}

fn remove(batch: &mut Batch, (id, number): ChunkId) {
    batch.remove(keys::chunk(id, number).to_vec());
    batch.remove(keys::summary(id, number).to_vec());
}
