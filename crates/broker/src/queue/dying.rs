//! Messages that die by a client's word, and what becomes of dead letters.

use crate::dead_letter::Reason;
use crate::ids::ConsumerId;
use crate::message::Entry;
use crate::queue::settling::settle_in;
use crate::queue::state::Settled;
use crate::queue::{Queue, Rules};
use crate::wakes::Wakes;

/// A delivery that a client has rejected.
pub struct Rejected {
    /// Its settlement.
    pub settled: Settled,
    /// The message, unless it is in the store only.
    pub entry: Option<Entry>,
}

impl Rejected {
    /// The rejection of `entry`.
    #[must_use]
    pub fn of(entry: Entry, consumer: Option<ConsumerId>) -> Self {
        Self {
            settled: Settled::of(&entry, consumer),
            entry: Some(entry),
        }
    }
}

impl Queue {
    /// Deliveries were rejected and are not to come back: they go to the queue's dead-letter
    /// exchange, or nowhere.
    pub fn reject(&self, rejected: &mut Vec<Rejected>, wakes: &mut Wakes) {
        let mut state = self.lock();
        if !state.live {
            rejected.clear();
            return;
        }
        let settled: Vec<Settled> = rejected.iter().map(|one| one.settled).collect();
        state.release(&settled);
        for Rejected { settled, entry } in rejected.drain(..) {
            match entry {
                Some(entry) => state.die(self.place(), entry, Reason::Rejected, wakes),
                None => {
                    let bytes = u64::from(settled.body_len);
                    state.die_unread(self.place(), (settled.seq, bytes), Reason::Rejected);
                }
            }
        }
        state.settle_collected(self.place());
        state.dispatch(self.place(), wakes);
        self.refill(state, wakes);
    }

    /// Dead letters have been published, or nobody keeps them: they are done with.
    pub(crate) fn buried(&self, entries: &[&Entry], rules: &Rules) {
        let durable: Vec<u64> = entries
            .iter()
            .filter(|entry| entry.durable)
            .map(|entry| entry.seq)
            .collect();
        settle_in(&self.services.store, self.id, &durable);
        if !(rules.keeps_dead_letters() || rules.kind == crate::queue::QueueKind::Quorum) {
            return;
        }
        let mut state = self.lock();
        state.forget_returns(self.place(), entries.iter().map(|entry| entry.seq));
        if rules.keeps_dead_letters() {
            let letters = state.letters();
            entries.iter().for_each(|entry| letters.taken(entry));
            state.rearm(self.place());
        }
    }

    /// No queue took a dead letter.
    pub(crate) fn undeliverable(&self, entry: Entry, reason: Reason, rules: &Rules) {
        if !rules.keeps_dead_letters() {
            return self.buried(&[&entry], rules);
        }
        let now_ms = self.now_ms();
        let mut state = self.lock();
        if state.live {
            let generation = self.home().map_or(0, |vhost| vhost.generation());
            state
                .letters()
                .refused(&entry, reason, (now_ms, generation));
            state.rearm(self.place());
        }
    }
}
