//! What a turn leaves to be done once its locks are gone: dead letters, wake-ups, and a wait.

use std::sync::Arc;
use std::task::Waker;

use crate::dead_letter::{self, DeadLetter};
use crate::limits::DEAD_LETTERS_AT_ONCE_MAX;
use crate::outbox::Outbox;

/// The tasks to wake and the dead letters to pass on when the turn is over. A publisher that
/// fills a hundred outboxes wakes each consumer once, after its locks are gone, and a message
/// that dies under the lock of one queue reaches the next one without it. Dropping it does
/// both too, so that no early return can lose anything.
#[derive(Default)]
pub struct Wakes {
    wakers: Vec<Waker>,
    dead: Vec<DeadLetter>,
    /// One that has become crowded by this turn.
    crowded: Option<Arc<Outbox>>,
}

impl Wakes {
    /// Nothing to do yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Remembers one task.
    pub fn push(&mut self, waker: Waker) {
        self.wakers.push(waker);
    }

    /// Remembers the first outbox that has become crowded.
    pub(crate) fn note_crowded(&mut self, outbox: &Arc<Outbox>) {
        self.crowded.get_or_insert_with(|| Arc::clone(outbox));
    }

    /// An outbox that the turn's publisher should let be taken before it goes on:
    /// [`Outbox::poll_uncrowded`].
    pub fn take_crowded(&mut self) -> Option<Arc<Outbox>> {
        self.crowded.take()
    }

    /// Remembers a message that has died.
    pub(crate) fn bury(&mut self, letter: DeadLetter) {
        self.dead.push(letter);
    }

    /// Passes dead letters on if they have become many. Not under the lock of a queue.
    #[inline]
    pub fn relieve(&mut self) {
        if self.dead.len() >= DEAD_LETTERS_AT_ONCE_MAX {
            self.pass_on();
        }
    }

    /// Passes dead letters on, with what dies of that. Not under the lock of a queue.
    #[inline]
    pub fn pass_on(&mut self) {
        // Ends: without a client's reject, no message comes to a queue that it has died in.
        while !self.dead.is_empty() {
            let letters = std::mem::take(&mut self.dead);
            dead_letter::pass_on(letters, self);
        }
    }

    /// Does everything remembered so far: dead letters first, then the tasks. Not under the lock
    /// of a queue.
    pub fn flush(&mut self) {
        self.pass_on();
        for waker in self.wakers.drain(..) {
            waker.wake();
        }
    }
}

impl Drop for Wakes {
    fn drop(&mut self) {
        self.flush();
    }
}
