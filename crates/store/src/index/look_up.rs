//! Questions to the index that change nothing.

use super::chunk::{CHUNK_LEN, Entry};
use super::segments::Live;
use super::{ChunkId, Held, Index, covers};

/// One queue's numbers.
#[derive(Copy, Clone, Eq, PartialEq, Debug)]
pub(crate) struct QueueState {
    pub(crate) id: u32,
    /// The oldest live message, or a number below it if its chunk is evicted.
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

/// Where one message lies.
#[derive(Copy, Clone, Eq, PartialEq, Debug)]
pub(crate) enum Found {
    /// Here, if it is live.
    Entry(Option<Entry>),
    /// Its chunk has to be loaded to know.
    Evicted,
}

/// Live messages, found up to the first chunk that has to be loaded.
#[derive(Debug, Default)]
pub(crate) struct Located {
    pub(crate) found: Vec<(u64, Entry)>,
    pub(crate) bytes: usize,
    /// The chunk to load before going on with the one behind it.
    pub(crate) evicted: Option<u64>,
}

impl Located {
    /// Takes one more, unless a limit is reached. The first is taken in any case.
    pub(crate) fn take(&mut self, seq: u64, entry: Entry, limits: (usize, usize)) -> bool {
        let bytes = self.bytes.saturating_add(entry.len() as usize);
        if self.found.len() >= limits.0 || (bytes > limits.1 && !self.found.is_empty()) {
            return false;
        }
        self.bytes = bytes;
        self.found.push((seq, entry));
        true
    }
}

impl Index {
    /// Adds live messages of a queue from `from` on to `located`, up to `limits`: messages, and
    /// bytes of bodies.
    pub(crate) fn locate(
        &self,
        queue_id: u32,
        from: u64,
        limits: (usize, usize),
        located: &mut Located,
    ) {
        located.evicted = None;
        let Some(queue) = self.queues.get(&queue_id) else {
            return;
        };
        for (&number, held) in queue.chunks.range(from / CHUNK_LEN..) {
            let Held::Here(chunk) = held else {
                if located.found.len() < limits.0 {
                    located.evicted = Some(number);
                }
                return;
            };
            let start = number * CHUNK_LEN;
            for (slot, entry) in chunk.iter_from(from.saturating_sub(start) as u16) {
                if !located.take(start + u64::from(slot), entry, limits) {
                    return;
                }
            }
        }
    }

    /// Where message `seq` of a queue lies now.
    pub(crate) fn get(&self, queue_id: u32, seq: u64) -> Found {
        let queue = self.queues.get(&queue_id);
        match queue.and_then(|queue| queue.chunks.get(&(seq / CHUNK_LEN))) {
            Some(Held::Here(chunk)) => Found::Entry(chunk.get((seq % CHUNK_LEN) as u16)),
            Some(Held::Evicted(_)) => Found::Evicted,
            None => Found::Entry(None),
        }
    }

    /// The number a queue has not used yet.
    pub(crate) fn next_seq(&self, queue_id: u32) -> Option<u64> {
        self.queues.get(&queue_id).map(|queue| queue.next_seq)
    }

    /// Every chunk of every queue.
    pub(crate) fn all_chunks(&self) -> Vec<ChunkId> {
        let numbers = |(id, queue): (&u32, &super::Queue)| {
            let id = *id;
            queue
                .chunks
                .keys()
                .map(move |number| (id, *number))
                .collect::<Vec<_>>()
        };
        self.queues.iter().flat_map(numbers).collect()
    }

    /// Live messages of a chunk that is not evicted.
    pub(crate) fn chunk_entries(&self, (id, number): ChunkId) -> Vec<(u64, Entry)> {
        let queue = self.queues.get(&id);
        match queue.and_then(|queue| queue.chunks.get(&number)) {
            Some(Held::Here(chunk)) => chunk
                .iter_from(0)
                .map(|(slot, entry)| (number * CHUNK_LEN + u64::from(slot), entry))
                .collect(),
            _ => Vec::new(),
        }
    }

    /// Evicted chunks that an append needs.
    pub(crate) fn evicted_for_append(
        &self,
        queue_id: u32,
        first: u64,
        count: u64,
        into: &mut Vec<ChunkId>,
    ) {
        if self.evicted == 0 || count == 0 {
            return;
        }
        if let Some(queue) = self.queues.get(&queue_id) {
            let last = first.saturating_add(count - 1) / CHUNK_LEN;
            for (number, held) in queue.chunks.range(first / CHUNK_LEN..=last) {
                if matches!(held, Held::Evicted(_)) {
                    into.push((queue_id, *number));
                }
            }
        }
    }

    /// Evicted chunks that a settlement needs: those of which something may remain.
    pub(crate) fn evicted_for_settle(
        &self,
        queue_id: u32,
        first: u64,
        last: u64,
        into: &mut Vec<ChunkId>,
    ) {
        if self.evicted == 0 || first > last {
            return;
        }
        let Some(queue) = self.queues.get(&queue_id) else {
            return;
        };
        let (low, high) = (first / CHUNK_LEN, last / CHUNK_LEN);
        for number in [low, high] {
            if matches!(queue.chunks.get(&number), Some(Held::Evicted(_)))
                && !covers(first, last, number)
                && into.last() != Some(&(queue_id, number))
            {
                into.push((queue_id, number));
            }
        }
    }

    /// All queues, by id.
    pub(crate) fn queues(&self) -> Vec<QueueState> {
        let state = |(&id, queue): (&u32, &super::Queue)| {
            let first = queue.chunks.iter().next().map(|(number, held)| {
                let slot = match held {
                    Held::Here(chunk) => chunk.iter_from(0).next().map_or(0, |(slot, _)| slot),
                    Held::Evicted(_) => 0,
                };
                number * CHUNK_LEN + u64::from(slot)
            });
            QueueState {
                id,
                first_seq: first.unwrap_or(queue.next_seq),
                next_seq: queue.next_seq,
                live: queue.live,
                live_bytes: queue.live_bytes,
            }
        };
        self.queues.iter().map(state).collect()
    }

    /// One queue behind `after`: its id, a number below which nothing is live, the next number.
    pub(crate) fn next_queue(&self, after: Option<u32>) -> Option<(u32, u64, u64)> {
        let from = after.map_or(0, |after| after.saturating_add(1));
        let (id, queue) = self.queues.range(from..).next()?;
        let first = queue.chunks.keys().next().map(|number| number * CHUNK_LEN);
        Some((*id, first.unwrap_or(queue.next_seq), queue.next_seq))
    }

    /// The first chunk of every queue, where it is evicted.
    pub(crate) fn evicted_heads(&self) -> Vec<ChunkId> {
        let head = |(&id, queue): (&u32, &super::Queue)| {
            let (number, held) = queue.chunks.iter().next()?;
            matches!(held, Held::Evicted(_)).then_some((id, *number))
        };
        self.queues.iter().filter_map(head).collect()
    }

    /// Totals for the statistics.
    pub(crate) fn totals(&self) -> Totals {
        Totals {
            live: self.live,
            live_bytes: self.live_bytes,
            segments: self.segments.len() as u64,
        }
    }

    /// All segments and what is live in them.
    pub(crate) fn segments(&self) -> impl Iterator<Item = (u32, Live)> + '_ {
        self.segments
            .iter()
            .map(|(segment, live)| (*segment, *live))
    }

    /// What is live in one segment; `None` if it does not exist.
    pub(crate) fn live_in(&self, segment: u32) -> Option<Live> {
        self.segments.get(&segment).copied()
    }

    /// Segments that hold live messages.
    pub(crate) fn live_segments(&self) -> impl Iterator<Item = u32> + '_ {
        self.segments()
            .filter(|(_, live)| live.messages > 0)
            .map(|(segment, _)| segment)
    }
}
