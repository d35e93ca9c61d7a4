//! Who waits for which ticket.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, Waker};

use parking_lot::Mutex;
use store::Ticket;

/// The highest committed ticket, and the tasks that wait for a higher one. Durability is
/// this one number: a confirm, a declare-ok or a commit-ok goes out once it has passed
/// their ticket.
#[derive(Default)]
pub struct Commits {
    latest: AtomicU64,
    /// One waker per waiting connection or request, so it is bounded by their number.
    waiting: Mutex<HashMap<u64, Waker>>,
}

impl Commits {
    /// Everything up to this ticket is on the disk.
    #[must_use]
    pub fn committed(&self) -> Ticket {
        Ticket(self.latest.load(Ordering::Acquire))
    }

    /// Ready with the latest ticket once it has reached `after`. `key` names the waiter
    /// (a connection's number); a second call replaces its waker.
    pub fn poll_committed(&self, cx: &mut Context<'_>, key: u64, after: Ticket) -> Poll<Ticket> {
        let latest = self.committed();
        if latest >= after {
            return Poll::Ready(latest);
        }
        let mut waiting = self.waiting.lock();
        // The commit thread stores the number before it takes this lock: look again.
        let latest = self.committed();
        if latest >= after {
            return Poll::Ready(latest);
        }
        waiting
            .entry(key)
            .and_modify(|w| w.clone_from(cx.waker()))
            .or_insert_with(|| cx.waker().clone());
        Poll::Pending
    }

    /// Forgets a waiter that has gone.
    pub fn forget(&self, key: u64) {
        self.waiting.lock().remove(&key);
    }

    /// Called by the commit thread after an fdatasync.
    pub(crate) fn advance(&self, ticket: Ticket) {
        self.latest.fetch_max(ticket.0, Ordering::AcqRel);
        let woken = std::mem::take(&mut *self.waiting.lock());
        for waker in woken.into_values() {
            waker.wake();
        }
    }
}
