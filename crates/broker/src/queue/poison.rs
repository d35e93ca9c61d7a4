//! How often a message came back to a quorum queue, and what becomes of one that comes back
//! too often.

use std::collections::HashMap;

use crate::dead_letter::Reason;
use crate::deaths::with_delivery_count;
use crate::limits::RETURN_COUNTS_MAX;
use crate::message::Entry;
use crate::queue::cold::{Run, Runs};
use crate::queue::state::{Place, QueueState};
use crate::record::Record;
use crate::wakes::Wakes;

/// Returns of messages that are still in the queue, by number. Each is an entry of the store
/// too. After a crash a message that was out at that moment counts as not returned.
#[derive(Default, Debug)]
pub(crate) struct ReturnCounts(Option<Box<Counts>>);

/// In a box of its own: most queues never have one.
#[derive(Default, Debug)]
struct Counts(HashMap<u64, u32>);

impl ReturnCounts {
    pub(crate) fn new(counts: HashMap<u64, u32>) -> Self {
        Self((!counts.is_empty()).then(|| Box::new(Counts(counts))))
    }

    /// Messages that it knows.
    pub(crate) fn numbers(&self) -> Vec<u64> {
        let counts = self.0.iter().flat_map(|counts| counts.0.keys());
        counts.copied().collect()
    }

    fn of(&self, seq: u64) -> Option<u32> {
        self.0.as_ref()?.0.get(&seq).copied()
    }

    fn raise(&mut self, place: Place<'_>, seq: u64) -> u32 {
        let Counts(counts) = &mut **self.0.get_or_insert_default();
        if !counts.contains_key(&seq) && counts.len() >= RETURN_COUNTS_MAX {
            return 1;
        }
        let count = counts.entry(seq).or_default();
        *count += 1;
        place
            .store
            .put(&Record::returns_key(place.id, seq), &count.to_be_bytes());
        *count
    }
}

impl QueueState {
    /// Counts deliveries that came back, and takes out those that came back too often.
    pub(super) fn count_returns(
        &mut self,
        place: Place<'_>,
        entries: &mut Vec<Entry>,
        runs: &mut Runs,
        wakes: &mut Wakes,
    ) {
        let limit = self.rules.delivery_limit;
        let too_often = |count: u32| limit.is_some_and(|limit| count > limit);
        let mut kept = Vec::with_capacity(entries.len());
        for entry in entries.drain(..) {
            if too_often(self.returns.raise(place, entry.seq)) {
                self.die(place, entry, Reason::DeliveryLimit, wakes);
            } else {
                kept.push(entry);
            }
        }
        *entries = kept;
        let mut left = Runs::default();
        for (seq, bytes) in std::mem::take(runs).numbers() {
            if too_often(self.returns.raise(place, seq)) {
                self.die_unread(place, (seq, bytes), Reason::DeliveryLimit);
            } else {
                left.push(Run::one(seq, bytes, true));
            }
        }
        *runs = left;
    }

    /// Messages are gone: nobody asks any more how often they came back.
    pub(super) fn forget_returns(&mut self, place: Place<'_>, seqs: impl Iterator<Item = u64>) {
        let Some(Counts(counts)) = self.returns.0.as_deref_mut() else {
            return;
        };
        for seq in seqs {
            if counts.remove(&seq).is_some() {
                place.store.remove(&Record::returns_key(place.id, seq));
            }
        }
    }

    /// Tells the consumer how often the message has come back.
    pub(super) fn show_returns(&self, entry: &mut Entry) {
        let Some(count) = self.returns.of(entry.seq) else {
            return;
        };
        match with_delivery_count(&entry.message, count) {
            Ok(message) => entry.message = message,
            Err(error) => tracing::debug!(%error, "a delivery count can't be shown"),
        }
    }
}
