//! The messages of a queue that wait for a consumer, in order.

use std::collections::VecDeque;

use codec::Content;
use store::{QueueId, Store};

use crate::limits::{QUEUE_IDLE_ENTRIES_MAX, REFILL_BYTES_MAX, REFILL_MESSAGES_MAX};
use crate::message::Entry;

/// Ready messages: `front`, then what is only in the store (`cold`), then `tail`.
///
/// After a start a queue has everything in `cold` and reads it back as consumers come.
/// While there is a cold part new messages go to `tail`; once it is used up `tail`
/// becomes `front`. Requeued messages are older than the cold part, because they were
/// taken from in front of it, and so they always go to `front`, sorted by number.
#[derive(Default)]
pub(crate) struct Ready {
    front: VecDeque<Entry>,
    cold: Option<Cold>,
    tail: VecDeque<Entry>,
    /// Body bytes of `front` and `tail`.
    warm_bytes: u64,
}

/// A stretch of the queue that is in the store only.
pub(crate) struct Cold {
    /// The next number to read.
    pub(crate) next: u64,
    /// The last number that it may hold.
    pub(crate) last: u64,
    /// Live messages from there on.
    pub(crate) count: u64,
    /// Their bytes as stored.
    pub(crate) bytes: u64,
    /// Messages up to this number may have been delivered before.
    pub(crate) redelivered_to: u64,
}

impl Ready {
    pub(crate) fn recovered(cold: Cold) -> Self {
        Self {
            cold: (cold.count > 0).then_some(cold),
            ..Self::default()
        }
    }

    pub(crate) fn len(&self) -> u64 {
        let cold = self.cold.as_ref().map_or(0, |c| c.count);
        self.front.len() as u64 + cold + self.tail.len() as u64
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.front.is_empty() && self.cold.is_none() && self.tail.is_empty()
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.warm_bytes + self.cold.as_ref().map_or(0, |c| c.bytes)
    }

    /// Appends a new message.
    pub(crate) fn push(&mut self, entry: Entry) {
        self.warm_bytes += entry.message.body_len() as u64;
        if self.cold.is_some() {
            self.tail.push_back(entry)
        } else {
            self.front.push_back(entry)
        }
    }

    /// Takes the oldest message; reads the store when only it has one.
    pub(crate) fn pop(&mut self, queue: QueueId, store: &Store) -> Option<Entry> {
        if self.front.is_empty() && self.cold.is_some() {
            self.refill(queue, store);
        }
        let entry = self.front.pop_front()?;
        self.warm_bytes -= entry.message.body_len() as u64;
        if self.front.is_empty() && self.front.capacity() > QUEUE_IDLE_ENTRIES_MAX * 64 {
            self.front.shrink_to(QUEUE_IDLE_ENTRIES_MAX);
        }
        Some(entry)
    }

    /// Puts messages back where they were. `returned` is sorted by number.
    pub(crate) fn put_back(&mut self, returned: Vec<Entry>) {
        let Some(last) = returned.last().map(|e| e.seq) else {
            return;
        };
        self.warm_bytes += returned
            .iter()
            .map(|e| e.message.body_len() as u64)
            .sum::<u64>();
        if self.front.front().is_none_or(|first| last < first.seq) {
            for entry in returned.into_iter().rev() {
                self.front.push_front(entry);
            }
            return;
        }
        self.front.extend(returned);
        self.front.make_contiguous().sort_by_key(|e| e.seq);
    }

    /// Empties the ready part and tells which numbers were durable, as runs.
    pub(crate) fn clear(&mut self) -> Vec<(u64, u64)> {
        let mut runs: Vec<(u64, u64)> = Vec::new();
        for entry in self
            .front
            .drain(..)
            .chain(self.tail.drain(..))
            .filter(|e| e.durable)
        {
            match runs.last_mut() {
                Some((_, last)) if *last + 1 == entry.seq => *last = entry.seq,
                _ => runs.push((entry.seq, entry.seq)),
            }
        }
        self.front.shrink_to(QUEUE_IDLE_ENTRIES_MAX);
        self.tail.shrink_to(QUEUE_IDLE_ENTRIES_MAX);
        self.warm_bytes = 0;
        runs
    }

    /// Takes the cold part away: the numbers it may cover, first and last.
    pub(crate) fn take_cold(&mut self) -> Option<Cold> {
        self.cold.take()
    }

    fn refill(&mut self, queue: QueueId, store: &Store) {
        let Some(cold) = &mut self.cold else { return };
        let read = match store.read(queue, cold.next, REFILL_MESSAGES_MAX, REFILL_BYTES_MAX) {
            Ok(read) => read,
            Err(error) => {
                // The rest of the stretch can't be had. The store has said so for the
                // operator; what can still be delivered is.
                tracing::error!(queue = queue.0, lost = cold.count, %error, "can't read a queue back");
                Vec::new()
            }
        };
        if read.is_empty() {
            self.cold = None;
        }
        for (seq, body) in read {
            self.thaw(seq, body);
        }
        if self.cold.as_ref().is_none_or(|c| c.count == 0) {
            self.cold = None;
            self.front.append(&mut self.tail);
        }
    }

    fn thaw(&mut self, seq: u64, body: store::Body) {
        let Some(cold) = &mut self.cold else { return };
        let stored = body.head.len() + body.tail.as_ref().map_or(0, bytes::Bytes::len);
        cold.next = seq + 1;
        cold.count = cold.count.saturating_sub(1);
        cold.bytes = cold.bytes.saturating_sub(stored as u64);
        let redelivered = seq <= cold.redelivered_to;
        match Content::from_parts(body.head, body.tail) {
            Ok(message) => {
                self.warm_bytes += message.body_len() as u64;
                self.front.push_back(Entry {
                    seq,
                    message,
                    redelivered,
                    durable: true,
                });
            }
            Err(error) => {
                tracing::error!(seq, %error, "a stored message can't be read and is skipped")
            }
        }
    }
}
