//! Dead letters that have to wait: those of a queue that keeps them until another one has
//! taken them (at-least-once), and those that have to be read before they can go.

use std::collections::VecDeque;

use store::Ticket;

use crate::dead_letter::Reason;
use crate::limits::{
    DEAD_LETTER_RETRY_MS, DEAD_LETTERS_IN_FLIGHT_MAX, DEAD_LETTERS_WAITING_BYTES_MAX,
    REFILL_MESSAGES_MAX, TOPOLOGY_LOOK_MS,
};
use crate::message::Entry;

/// A dead letter that waits.
pub(crate) struct Waiting {
    pub(crate) seq: u64,
    pub(crate) reason: Reason,
    bytes: u64,
    /// The message, if the store doesn't have it.
    pub(crate) entry: Option<Box<Entry>>,
}

/// The dead letters of one queue.
#[derive(Default)]
pub(crate) struct Letters {
    waiting: VecDeque<Waiting>,
    in_flight: usize,
    /// Dead letters that are not settled, and bytes of their bodies.
    count: u64,
    bytes: u64,
    /// Bytes of messages in `waiting`.
    held_bytes: u64,
    next_try_ms: Option<u64>,
    /// When to try those that were refused again, and the topology that refused them.
    refused: Option<(u64, u64)>,
    /// The first one was not found. Once this is committed, that means that it is lost.
    missing: Option<Ticket>,
}

impl Letters {
    /// Takes a new letter of a queue that keeps them. True: it may go at once. False: it
    /// waits, and only its number is kept, since all of them are in the store.
    pub(crate) fn admit(&mut self, entry: &Entry, reason: Reason) -> bool {
        let bytes = entry.message.body_len() as u64;
        if self.in_flight < DEAD_LETTERS_IN_FLIGHT_MAX && self.waiting.is_empty() {
            self.count += 1;
            self.bytes += bytes;
            self.in_flight += 1;
            return true;
        }
        self.add_unread(entry.seq, bytes, reason);
        false
    }

    /// Some wait or are being read: a new one that went at once would overtake them.
    pub(crate) fn are_waiting(&self) -> bool {
        !self.waiting.is_empty() || self.in_flight > 0
    }

    /// Puts a letter behind those that wait. Comes back if there is no room for it.
    pub(crate) fn line_up(&mut self, entry: Entry, reason: Reason) -> Option<Entry> {
        let (seq, bytes) = (entry.seq, entry.message.body_len() as u64);
        if entry.durable {
            self.add_unread(seq, bytes, reason);
            return None;
        }
        let held_bytes = self.held_bytes + entry.message.wire_len() as u64;
        if held_bytes > DEAD_LETTERS_WAITING_BYTES_MAX {
            return Some(entry);
        }
        self.held_bytes = held_bytes;
        self.add(Waiting {
            seq,
            reason,
            bytes,
            entry: Some(Box::new(entry)),
        });
        None
    }

    /// Takes a letter that is in the store only.
    pub(crate) fn add_unread(&mut self, seq: u64, bytes: u64, reason: Reason) {
        self.add(Waiting {
            seq,
            reason,
            bytes,
            entry: None,
        });
    }

    fn add(&mut self, waiting: Waiting) {
        self.count += 1;
        self.bytes += waiting.bytes;
        self.waiting.push_back(waiting);
        self.next_try_ms.get_or_insert(0);
    }

    /// One that was on its way has been taken.
    pub(crate) fn taken(&mut self, entry: &Entry) {
        self.let_go(entry.message.body_len() as u64);
    }

    /// One that was to go need not be kept any more: nobody waits to hear of it, or it can't be
    /// read.
    pub(crate) fn let_go(&mut self, bytes: u64) {
        self.in_flight = self.in_flight.saturating_sub(1);
        self.count = self.count.saturating_sub(1);
        self.bytes = self.bytes.saturating_sub(bytes);
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
            entry: None,
        });
        self.refused = Some((now_ms.saturating_add(DEAD_LETTER_RETRY_MS), generation));
        self.next_try_ms = Some(now_ms.saturating_add(TOPOLOGY_LOOK_MS));
    }

    /// Takes those that may go now: a few of those that are kept, as many of the others as are
    /// read at once.
    pub(crate) fn take_due(&mut self, now_ms: u64, generation: u64, kept: bool) -> Vec<Waiting> {
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
        let max = if kept {
            DEAD_LETTERS_IN_FLIGHT_MAX
        } else {
            REFILL_MESSAGES_MAX
        };
        let room = max.saturating_sub(self.in_flight);
        let due: Vec<Waiting> = self.waiting.drain(..room.min(self.waiting.len())).collect();
        self.in_flight += due.len();
        for entry in due.iter().filter_map(|waiting| waiting.entry.as_ref()) {
            self.held_bytes -= entry.message.wire_len() as u64;
        }
        if self.waiting.is_empty() {
            self.next_try_ms = None;
        }
        due
    }

    /// The first one that was taken was not in the store, of which everything up to
    /// `committed` could be read, and `recorded` is all there is. True: it never will be, and
    /// is given up.
    pub(crate) fn give_up(
        &mut self,
        unread: &mut VecDeque<Waiting>,
        (committed, recorded): (Ticket, Ticket),
    ) -> bool {
        if *self.missing.get_or_insert(recorded) > committed {
            return false;
        }
        self.missing = None;
        if let Some(lost) = unread.pop_front() {
            self.let_go(lost.bytes);
        }
        true
    }

    /// Those that were taken and not read come back to the front, until `retry_ms`.
    pub(crate) fn put_back(&mut self, unread: VecDeque<Waiting>, retry_ms: u64) {
        self.in_flight = self.in_flight.saturating_sub(unread.len());
        for waiting in unread.into_iter().rev() {
            if let Some(entry) = &waiting.entry {
                self.held_bytes += entry.message.wire_len() as u64;
            }
            self.waiting.push_front(waiting);
        }
        if !self.waiting.is_empty() {
            self.next_try_ms = Some(retry_ms);
        }
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
