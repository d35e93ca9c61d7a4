//! Chunks leave memory and come back; queues and summaries are taken over at the start.

use super::chunk::{CHUNK_LEN, Chunk};
use super::segments::{Change, Counter};
use super::summary::Summary;
use super::{CLEAN_MESSAGES_MAX, ChunkId, Held, Index, SPARE_CHUNKS_MAX};

/// Chunks evicted in one go, so that the index is not locked for long (about 0.2 ms).
const EVICT_STEP: usize = 256;

impl Index {
    /// Takes over a queue row.
    pub(crate) fn load_queue(&mut self, id: u32, next_seq: u64, floor: u64) {
        let queue = self.queues.entry(id).or_default();
        queue.next_seq = next_seq;
        queue.floor = floor;
        queue.stored = true;
    }

    /// Takes over a summary row. `None` if its number is out of range.
    pub(crate) fn load_summary(&mut self, id: u32, number: u64, summary: Summary) -> Option<()> {
        number.checked_add(1)?.checked_mul(CHUNK_LEN)?;
        let queue = self.queues.get_mut(&id).filter(|q| number >= q.floor);
        let Some(queue) = queue else {
            self.garbage.push_back((id, number));
            return Some(());
        };
        let mut counter = Counter::default();
        for part in &summary.parts {
            counter.part(&mut self.segments, part, Change::Add);
        }
        counter.flush(&mut self.segments);
        let (live, bytes) = (u64::from(summary.live), summary.body_bytes());
        queue.live += live;
        queue.live_bytes += bytes;
        self.live += live;
        self.live_bytes += bytes;
        queue.chunks.insert(number, Held::Evicted(summary));
        self.evicted += 1;
        Some(())
    }

    /// Brings an evicted chunk back. `chunk` is what its row says, read since the last eviction.
    /// `None` if it does not fit the summary.
    pub(crate) fn install(&mut self, (id, number): ChunkId, mut chunk: Box<Chunk>) -> Option<()> {
        let queue = self.queues.get_mut(&id);
        let Some(held) = queue.and_then(|queue| queue.chunks.get_mut(&number)) else {
            return Some(());
        };
        let Held::Evicted(summary) = held else {
            return Some(());
        };
        if chunk.summary() != *summary {
            return None;
        }
        chunk.stored = true;
        chunk.queued = true;
        let messages = chunk.messages();
        *held = Held::Here(chunk);
        self.evicted -= 1;
        self.fresh += usize::from(messages);
        self.list_clean((id, number), messages);
        Some(())
    }

    /// Notes a chunk that may be evicted once it is unchanged.
    pub(super) fn list_clean(&mut self, id: ChunkId, messages: u16) {
        self.clean.push_back((id, messages));
        self.clean_messages += usize::from(messages);
    }

    /// Evicts chunks that lie in the database as they are, the longest unused first, until `keep`
    /// or fewer are left, with no more than [`CLEAN_MESSAGES_MAX`] messages. Only between checkpoints. Returns whether there is more to do.
    pub(crate) fn evict(&mut self, keep: usize) -> bool {
        for _ in 0..EVICT_STEP {
            if self.clean.len() <= keep && self.clean_messages <= CLEAN_MESSAGES_MAX {
                return false;
            }
            let Some(((id, number), messages)) = self.clean.pop_front() else {
                return false;
            };
            self.clean_messages -= usize::from(messages);
            let queue = self.queues.get_mut(&id);
            let Some(held) = queue.and_then(|queue| queue.chunks.get_mut(&number)) else {
                continue;
            };
            let Held::Here(chunk) = held else { continue };
            chunk.queued = false;
            // It will be listed again when the next checkpoint has written it.
            if chunk.dirty || !chunk.stored {
                continue;
            }
            let summary = chunk.summary();
            let Held::Here(mut chunk) = std::mem::replace(held, Held::Evicted(summary)) else {
                continue;
            };
            self.evicted += 1;
            self.evictions += 1;
            if self.spare.len() < SPARE_CHUNKS_MAX {
                chunk.reset();
                self.spare.push(chunk);
            }
        }
        true
    }

    /// Chunks with messages that do not survive a restart.
    pub(crate) fn spilled_chunks(&self) -> Vec<ChunkId> {
        let spilled = |held: &Held| matches!(held, Held::Evicted(s) if s.spilled > 0);
        let chunks = self.queues.iter().flat_map(|(id, queue)| {
            let numbers = queue.chunks.iter().filter(move |(_, held)| spilled(held));
            numbers.map(|(number, _)| (*id, *number))
        });
        chunks.collect()
    }
}
