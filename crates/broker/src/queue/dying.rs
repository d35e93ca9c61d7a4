//! Messages that die by a client's word, and what becomes of dead letters.

use codec::Content;

use crate::dead_letter::{DeadLetter, Reason};
use crate::ids::ConsumerId;
use crate::message::{Entry, Expiry, Message};
use crate::queue::letters::Waiting;
use crate::queue::levels::{number_of, store_id};
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
            entries.iter().for_each(|entry| state.letters.taken(entry));
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
            state.letters.refused(&entry, reason, (now_ms, generation));
            state.rearm(self.place());
        }
    }

    /// Sends dead letters that wait on their way, if it is time.
    pub(super) fn retry_letters(&self, now_ms: u64, wakes: &mut Wakes) {
        let generation = self.home().map_or(0, |vhost| vhost.generation());
        let (due, rules) = {
            let mut state = self.lock();
            let due = state.letters.take_due(now_ms, generation);
            (due, std::sync::Arc::clone(&state.rules))
        };
        for waiting in due {
            let entry = self.fetch(&waiting);
            let mut state = self.lock();
            if !state.live {
                return;
            }
            if entry.is_none() || !rules.keeps_dead_letters() {
                state.letters.let_go(waiting);
            }
            drop(state);
            if let (Some(entry), Some(queue)) = (entry, self.handle()) {
                wakes.bury(DeadLetter {
                    queue,
                    rules: std::sync::Arc::clone(&rules),
                    entry,
                    reason: waiting.reason,
                });
            }
        }
    }

    /// Reads a message of this queue from the store, wherever else it may be. None: it is not
    /// there. Reads from the disk.
    ///
    /// # Errors
    /// It can't be read.
    pub fn read_one(&self, seq: u64) -> Result<Option<Message>, store::Error> {
        let (id, number) = (store_id(self.id, seq), number_of(seq));
        let read = self.services.store.read(id, number, 1, usize::MAX)?;
        let body = read.into_iter().find(|(found, _)| *found == number);
        Ok(body.and_then(|(_, body)| Some(Content::from_stored(body.head, body.tail).ok()?.0)))
    }

    /// Reads one dead letter that is in the store only.
    fn fetch(&self, waiting: &Waiting) -> Option<Entry> {
        let message = match self.read_one(waiting.seq) {
            Ok(message) => message?,
            Err(error) => {
                tracing::error!(queue = %self.name, %error, "a dead letter can't be read and is lost");
                return None;
            }
        };
        Some(Entry {
            seq: waiting.seq,
            message,
            expiry: Expiry::NEVER,
            redelivered: true,
            durable: true,
            settled: false,
        })
    }
}
