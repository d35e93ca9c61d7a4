//! Dead letters that stay in their queue until another one has taken them (at-least-once).

use std::collections::VecDeque;

use crate::dead_letter::Reason;
use crate::limits::{DEAD_LETTER_RETRY_MS, DEAD_LETTERS_IN_FLIGHT_MAX, TOPOLOGY_LOOK_MS};
use crate::message::Entry;

/// A dead letter whose message is in the store.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Waiting {
    pub(crate) seq: u64,
    pub(crate) reason: Reason,
    bytes: u64,
}

/// The dead letters of one queue.
#[derive(Default, Debug)]
pub(crate) struct Letters {
    waiting: VecDeque<Waiting>,
    in_flight: usize,
    /// Dead letters that are not settled, and bytes of their bodies.
    count: u64,
    bytes: u64,
    next_try_ms: Option<u64>,
    /// When to try those that were refused again, and the topology that refused them.
    refused: Option<(u64, u64)>,
}

impl Letters {
    /// Takes a new letter. True: it may go at once. False: it waits, and only its number is
    /// kept, since all of them are in the store.
    pub(crate) fn admit(&mut self, entry: &Entry, reason: Reason) -> bool {
        let bytes = entry.message.body_len() as u64;
        self.count += 1;
        self.bytes += bytes;
        if self.in_flight < DEAD_LETTERS_IN_FLIGHT_MAX && self.waiting.is_empty() {
            self.in_flight += 1;
            return true;
        }
        (self.count, self.bytes) = (self.count - 1, self.bytes - bytes);
        self.add_unread(entry.seq, bytes, reason);
        false
    }

    /// Takes a letter that is in the store only.
    pub(crate) fn add_unread(&mut self, seq: u64, bytes: u64, reason: Reason) {
        self.count += 1;
        self.bytes += bytes;
        self.waiting.push_back(Waiting { seq, reason, bytes });
        self.next_try_ms.get_or_insert(0);
    }

    /// One that was on its way has been taken.
    pub(crate) fn taken(&mut self, entry: &Entry) {
        self.in_flight = self.in_flight.saturating_sub(1);
        self.count = self.count.saturating_sub(1);
        self.bytes = self.bytes.saturating_sub(entry.message.body_len() as u64);
    }

    /// One that was on its way found nobody to take it: it waits, and is tried again later.
    pub(crate) fn refused(
        &mut self,
        entry: &Entry,
        reason: Reason,
        (now_ms, generation): (u64, u64),
    ) {
        self.in_flight = self.in_flight.saturating_sub(1);
        self.waiting.push_front(Waiting {
            seq: entry.seq,
            reason,
            bytes: entry.message.body_len() as u64,
        });
        self.refused = Some((now_ms.saturating_add(DEAD_LETTER_RETRY_MS), generation));
        self.next_try_ms = Some(now_ms.saturating_add(TOPOLOGY_LOOK_MS));
    }

    /// Takes those that may go now.
    pub(crate) fn take_due(&mut self, now_ms: u64, generation: u64) -> Vec<Waiting> {
        if self.next_try_ms.is_none_or(|at| at > now_ms) {
            return Vec::new();
        }
        if let Some((at, refused_by)) = self.refused {
            // Only the topology can have made a difference before the time has come.
            if at > now_ms && refused_by == generation {
                self.next_try_ms = Some(at.min(now_ms.saturating_add(TOPOLOGY_LOOK_MS)));
                return Vec::new();
            }
            self.refused = None;
        }
        // The next ones go when these are done with.
        let room = DEAD_LETTERS_IN_FLIGHT_MAX.saturating_sub(self.in_flight);
        let due: Vec<Waiting> = self.waiting.drain(..room.min(self.waiting.len())).collect();
        self.in_flight += due.len();
        if self.waiting.is_empty() {
            self.next_try_ms = None;
        }
        due
    }

    /// One that was to go need not be kept any more: nobody waits to hear of it, or it can't be
    /// read.
    pub(crate) fn let_go(&mut self, waiting: Waiting) {
        self.in_flight = self.in_flight.saturating_sub(1);
        self.count = self.count.saturating_sub(1);
        self.bytes = self.bytes.saturating_sub(waiting.bytes);
    }

    /// When to try again.
    pub(crate) const fn next_try_ms(&self) -> Option<u64> {
        self.next_try_ms
    }

    /// Dead letters that wait or are on their way, and bytes of their bodies.
    pub(crate) const fn held(&self) -> (u64, u64) {
        (self.count, self.bytes)
    }
}
