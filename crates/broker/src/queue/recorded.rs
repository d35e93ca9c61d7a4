//! How far a queue's records go.

use std::sync::atomic::{AtomicU64, Ordering};

use store::Ticket;

/// The highest ticket of any record of the queue; 0 as long as it has none. Raised under the
/// queue's lock, read by anybody.
#[derive(Default, Debug)]
pub(crate) struct Recorded(AtomicU64);

impl Recorded {
    pub(crate) fn raise(&self, ticket: Ticket) {
        self.0.fetch_max(ticket.0, Ordering::AcqRel);
    }

    pub(crate) fn latest(&self) -> Ticket {
        Ticket(self.0.load(Ordering::Acquire))
    }
}
