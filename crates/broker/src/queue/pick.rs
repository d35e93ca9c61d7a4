//! Taking given messages out of the middle of a queue, or looking at them.
//!
//! What is picked counts as unacknowledged until it is dropped or put back. Going back, it is
//! not redelivered: nobody has had it. As in `refill`, nothing is read under the queue's lock;
//! what lies elsewhere after reading is looked for again.

use std::cmp::Reverse;

use store::Ticket;

use crate::message::Entry;
use crate::queue::cold::{Before, Measure, Run};
use crate::queue::levels::{level_of, number_of, seq_of, store_id};
use crate::queue::ready::entry_of;
use crate::queue::settling::purge_in;
use crate::queue::state::Settled;
use crate::queue::{Locked, Queue};
use crate::wakes::Wakes;

/// Messages picked in one go, as many as are looked at.
pub const PICKED_MESSAGES_MAX: usize = 1000;

/// Body bytes of messages in the store after which no further one is read.
const PICKED_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Times that messages are looked for which move while they are read. The ones that still do
/// are about to be delivered.
const PICK_ROUNDS_MAX: usize = 8;

/// A message that was picked out of a queue.
#[derive(Clone)]
pub struct Picked {
    /// The message.
    pub entry: Entry,
    /// It had come back to a quorum queue.
    pub(super) was_returned: bool,
}

impl Picked {
    pub(super) const fn ready(entry: Entry) -> Self {
        Self {
            entry,
            was_returned: false,
        }
    }

    pub(super) const fn returned(entry: Entry) -> Self {
        Self {
            entry,
            was_returned: true,
        }
    }
}

/// Where a message lies that is in the store only.
pub(crate) struct ColdSpot {
    pub(crate) seq: u64,
    run: Run,
    /// Among those that have come back to a quorum queue.
    returned: bool,
}

impl ColdSpot {
    pub(crate) fn new(seq: u64, run: &Run, returned: bool) -> Self {
        let run = run.clone();
        Self { seq, run, returned }
    }
}

/// A message in the store, and what has been read of it.
pub(crate) struct Sought {
    pub(crate) entry: Entry,
    /// Bytes as its run counts them.
    pub(crate) size: u64,
    pub(crate) before: Before,
    /// Its run has come back.
    pub(crate) returned: bool,
}

impl Queue {
    /// Takes the ready messages with these numbers, as far as they are there, at most
    /// [`PICKED_MESSAGES_MAX`], in the order of their delivery. Less if they are large: ask again
    /// for the rest. What has expired is left where it is. Reads from the disk. Whatever is
    /// picked has to come back with [`Self::drop_picked`], [`Self::ack`] or [`Self::unpick`].
    #[must_use]
    pub fn pick(&self, seqs: &[u64]) -> Vec<Picked> {
        let mut left = sorted(seqs);
        let now_ms = self.now_ms();
        let mut all = Vec::new();
        for _ in 0..PICK_ROUNDS_MAX {
            let mut state = self.lock();
            let fresh = |entry: &Entry| !entry.expiry.is_before(now_ms);
            let picked = state.ready.pick(&left, fresh);
            let spots = state.ready.look_up(&left);
            state.take_picked(&picked);
            self.after_picking(state);
            all.extend(picked);
            let sought = self.seek(&spots, now_ms);
            if sought.is_empty() {
                break;
            }
            left = sought.iter().map(|one| one.entry.seq).collect();
            let picked = self.pick_cold(sought);
            left.retain(|seq| !picked.iter().any(|one| one.entry.seq == *seq));
            all.extend(picked);
            if left.is_empty() {
                break;
            }
        }
        all.sort_by_key(|one| (!one.was_returned, turn(&one.entry, one.was_returned)));
        all
    }

    /// Copies of the ready messages with these numbers, as [`Self::pick`] without taking them.
    #[must_use]
    pub fn look_at(&self, seqs: &[u64]) -> Vec<Entry> {
        let seqs = sorted(seqs);
        let state = self.lock();
        let mut seen = state.ready.look_at(&seqs);
        let spots = state.ready.look_up(&seqs);
        drop(state);
        let now_ms = self.now_ms();
        seen.retain(|entry| !entry.expiry.is_before(now_ms));
        seen.extend(self.seek(&spots, now_ms).into_iter().map(|one| one.entry));
        seen.sort_by_key(|entry| turn(entry, false));
        seen
    }

    /// Drops picked messages. They are gone for good once the ticket is committed.
    pub fn drop_picked(&self, picked: &[Picked], wakes: &mut Wakes) -> Option<Ticket> {
        let mut durable: Vec<u64> = picked
            .iter()
            .filter(|one| one.entry.durable)
            .map(|one| one.entry.seq)
            .collect();
        durable.sort_unstable();
        let mut runs: Vec<(u64, u64)> = Vec::new();
        for seq in durable {
            match runs.last_mut() {
                Some((_, last)) if *last + 1 == seq => *last = seq,
                _ => runs.push((seq, seq)),
            }
        }
        let settled: Vec<Settled> = picked
            .iter()
            .map(|one| Settled::of(&one.entry, None))
            .collect();
        let mut state = self.lock();
        if !state.live {
            return None;
        }
        let ticket = purge_in(&self.services.store, self.id, &runs);
        state.settle(self.place(), &settled, wakes);
        self.refill(state, wakes);
        ticket
    }

    /// Puts picked messages back to their places.
    pub fn unpick(&self, picked: Vec<Picked>, wakes: &mut Wakes) {
        if picked.is_empty() {
            return;
        }
        let mut state = self.lock();
        state.unpick(self.place(), picked, wakes);
        self.refill(state, wakes);
    }

    /// Reads messages of the store, in ascending order.
    fn seek(&self, spots: &[ColdSpot], now_ms: u64) -> Vec<Sought> {
        let mut sought: Vec<Sought> = Vec::new();
        let mut bytes = 0;
        for spot in spots {
            if bytes >= PICKED_BYTES_MAX {
                break;
            }
            let last = sought
                .last()
                .filter(|one| one.before.first == spot.run.first);
            let known = last.map(|one| (one.entry.seq, one.before.count));
            let Some(before) = self.before(spot, known) else {
                continue;
            };
            if let Some(one) = self.seek_one(spot, before) {
                bytes += one.entry.message.body_len();
                if !one.entry.expiry.is_before(now_ms) {
                    sought.push(one);
                }
            }
        }
        sought
    }

    /// What lies before a message in its run, of which perhaps another message is `known` with
    /// those before it.
    fn before(&self, spot: &ColdSpot, known: Option<(u64, u64)>) -> Option<Before> {
        let (seq, run) = (spot.seq, &spot.run);
        let first = run.first;
        // Only after a start are there gaps.
        let dense = run.last - first + 1 == run.count || run.measure == Measure::Body;
        if dense {
            let count = seq - first;
            return Some(Before { first, count });
        }
        let (from, counted) = known.unwrap_or((first, 0));
        let range = number_of(from)..number_of(seq);
        match self.services.store.count(store_id(self.id, seq), range) {
            Ok(count) => Some(Before {
                first,
                count: counted + count,
            }),
            Err(error) => {
                tracing::error!(queue = %self.name, %error, "can't count what is in a queue");
                None
            }
        }
    }

    fn seek_one(&self, spot: &ColdSpot, before: Before) -> Option<Sought> {
        let (seq, run) = (spot.seq, &spot.run);
        let (id, number) = (store_id(self.id, seq), number_of(seq));
        let read = self.services.store.read(id, number, 1, PICKED_BYTES_MAX);
        let body = match read {
            Ok(read) => read.into_iter().find(|(found, _)| *found == number)?.1,
            Err(error) => {
                tracing::error!(queue = %self.name, %error, "a message can't be read");
                return None;
            }
        };
        let stored = body.len() as u64;
        let seq = seq_of(level_of(seq), number);
        let entry = entry_of(seq, body, seq <= run.redelivered_to)?;
        let size = match run.measure {
            Measure::Body => entry.message.body_len() as u64,
            Measure::Stored => stored,
        };
        Some(Sought {
            entry,
            size,
            before,
            returned: spot.returned,
        })
    }

    /// Takes what was read, as far as it is where it was.
    fn pick_cold(&self, sought: Vec<Sought>) -> Vec<Picked> {
        let mut state = self.lock();
        let mut picked = Vec::with_capacity(sought.len());
        // Backwards: what lies before the others of a run stays the same.
        for one in sought.into_iter().rev() {
            picked.extend(state.ready.pick_cold(one));
        }
        picked.reverse();
        state.take_picked(&picked);
        self.after_picking(state);
        picked
    }

    /// What stands first may be another one now.
    fn after_picking(&self, mut state: Locked<'_>) {
        if state.timed {
            state.rearm(self.place());
        }
        let cost = state.ready.cost();
        state.share.report(cost);
    }
}

/// What comes first: the higher level, then the lower number. What was returned is in order.
fn turn(entry: &Entry, was_returned: bool) -> (Reverse<usize>, u64) {
    if was_returned {
        return (Reverse(0), 0);
    }
    (Reverse(level_of(entry.seq)), entry.seq)
}

/// Each number once, in ascending order, and not too many.
fn sorted(seqs: &[u64]) -> Vec<u64> {
    let mut seqs: Vec<u64> = seqs.iter().copied().take(PICKED_MESSAGES_MAX).collect();
    seqs.sort_unstable();
    seqs.dedup();
    seqs
}
