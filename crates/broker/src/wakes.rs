//! Wake-ups collected during a turn.

use std::task::Waker;

/// The tasks to wake when the turn is over. A publisher that fills a hundred outboxes
/// wakes each consumer once, after its locks are gone. Dropping it wakes too, so that no
/// early return can lose one.
#[derive(Default)]
pub struct Wakes(Vec<Waker>);

impl Wakes {
    /// Nothing to wake yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Remembers one task.
    pub fn push(&mut self, waker: Waker) {
        self.0.push(waker);
    }

    /// Wakes everybody remembered so far.
    pub fn flush(&mut self) {
        for waker in self.0.drain(..) {
            waker.wake();
        }
    }
}

impl Drop for Wakes {
    fn drop(&mut self) {
        self.flush();
    }
}
