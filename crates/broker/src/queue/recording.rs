//! The records that a run of messages needs.

use store::{Body, Ticket};

use crate::message::Message;
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
    purpose: Purpose,
    first: u64,
    bodies: Vec<Body>,
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
    pub(crate) fn add(&mut self, place: Place<'_>, seq: u64, message: &Message, purpose: Purpose) {
        if seq != self.first + self.bodies.len() as u64 || purpose != self.purpose {
            self.write(place);
        }
        if self.bodies.is_empty() {
            (self.first, self.purpose) = (seq, purpose);
        }
        self.bodies.push(Body {
            head: message.bytes().clone(),
            tail: message.large_body().cloned(),
        });
    }

    fn write(&mut self, place: Place<'_>) {
        if self.bodies.is_empty() {
            return;
        }
        let bodies = std::mem::take(&mut self.bodies);
        let ticket = match self.purpose {
            Purpose::Durability => {
                let ticket = place.store.append(place.id, self.first, bodies);
                self.tickets.durable = Some(ticket);
                ticket
            }
            Purpose::Memory => place.store.spill(place.id, self.first, bodies),
        };
        self.tickets.all = self.tickets.all.max(Some(ticket));
    }

    pub(crate) fn finish(mut self, place: Place<'_>) -> Tickets {
        self.write(place);
        if let Some(ticket) = self.tickets.all {
            place.recorded.raise(ticket);
        }
        self.tickets
    }
}
