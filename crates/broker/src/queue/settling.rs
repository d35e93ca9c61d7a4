//! Telling the store what is done with, level by level.

use store::{QueueId, Store, Ticket};

use crate::queue::levels::{level_of, number_of, store_id};

/// Settles messages of the queue `base`.
pub(crate) fn settle_in(store: &Store, base: QueueId, seqs: &[u64]) {
    for run in seqs.chunk_by(|a, b| level_of(*a) == level_of(*b)) {
        let Some(first) = run.first().copied() else {
            continue;
        };
        if level_of(first) == 0 {
            store.settle(base, run);
        } else {
            let numbers: Vec<u64> = run.iter().map(|seq| number_of(*seq)).collect();
            store.settle(store_id(base, first), &numbers);
        }
    }
}

/// Settles runs of messages of the queue `base`; the ticket covers all of them.
pub(crate) fn purge_in(store: &Store, base: QueueId, runs: &[(u64, u64)]) -> Option<Ticket> {
    let mut ticket = None;
    for of_level in runs.chunk_by(|a, b| level_of(a.0) == level_of(b.0)) {
        let Some((first, _)) = of_level.first() else {
            continue;
        };
        let numbers: Vec<(u64, u64)> = of_level
            .iter()
            .map(|(first, last)| (number_of(*first), number_of(*last)))
            .collect();
        ticket = ticket.max(Some(store.purge(store_id(base, *first), &numbers)));
    }
    ticket
}
