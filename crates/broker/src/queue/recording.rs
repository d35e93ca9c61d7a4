//! The records that a run of messages needs.

use codec::{KeptNotes, Notes};
use store::{Body, Ticket};

use crate::message::Entry;
use crate::queue::levels::{number_of, store_id};
use crate::queue::state::Place;

/// What a record is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) enum Purpose {
    /// The message survives a restart.
    #[default]
    Durability,
    /// The message need not be in memory.
    Memory,
}

/// Collects what a run has to record, as stretches of successive numbers.
#[derive(Default)]
pub(crate) struct Recording {
    /// Messages of the run, to make room for them at once.
    expected: usize,
    purpose: Purpose,
    first: u64,
    bodies: Vec<Body>,
    notes: KeptNotes,
    tickets: Tickets,
}

/// When the records of a run are committed.
#[derive(Clone, Copy, Default)]
pub(crate) struct Tickets {
    /// Those that must survive a restart.
    pub(crate) durable: Option<Ticket>,
    /// All of them.
    pub(crate) all: Option<Ticket>,
}

impl Recording {
    /// For a run of so many messages.
    pub(crate) fn of(messages: usize) -> Self {
        Self {
            expected: messages,
            ..Self::default()
        }
    }

    pub(crate) fn add(&mut self, place: Place<'_>, entry: &Entry, purpose: Purpose) {
        let seq = entry.seq;
        if seq != self.first + self.bodies.len() as u64 || purpose != self.purpose {
            self.write(place);
        }
        if self.bodies.is_empty() {
            (self.first, self.purpose) = (seq, purpose);
            self.bodies.reserve_exact(self.expected);
        }
        let notes = Notes {
            expires_at_ms: entry.expiry.ms().unwrap_or(0),
        };
        let (head, tail) = entry.message.to_stored(notes, &mut self.notes);
        self.bodies.push(Body { head, tail });
    }

    /// Something is collected that the store does not have.
    #[inline]
    pub(crate) const fn waits(&self) -> bool {
        !self.bodies.is_empty()
    }

    /// Hands what is collected to the store, before anybody can see it.
    pub(crate) fn write(&mut self, place: Place<'_>) {
        if self.bodies.is_empty() {
            return;
        }
        let bodies = std::mem::take(&mut self.bodies);
        let (queue, first) = (store_id(place.id, self.first), number_of(self.first));
        let ticket = match self.purpose {
            Purpose::Durability => {
                let ticket = place.store.append(queue, first, bodies);
                self.tickets.durable = Some(ticket);
                ticket
            }
            Purpose::Memory => place.store.spill(queue, first, bodies),
        };
        place.recorded.raise(ticket);
        self.tickets.all = self.tickets.all.max(Some(ticket));
    }

    pub(crate) fn finish(mut self, place: Place<'_>) -> Tickets {
        self.write(place);
        self.tickets
    }
}
