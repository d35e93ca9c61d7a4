//! Reading messages back, without the queue's lock.
//!
//! Nothing is reserved while a reader is away. Bodies never change under their number, so on
//! return it is enough that the run still begins where it did: else somebody else was
//! faster, or the messages are gone, and what was read is dropped.

use crate::limits::{REFILL_MESSAGES_MAX, TENDING_ROUNDS_MAX};
use crate::message::AckMode;
use crate::queue::levels::{number_of, store_id};
use crate::queue::ready::Stretch;
use crate::queue::state::Search;
use crate::queue::{Got, Locked, Queue};
use crate::wakes::Wakes;

/// Whether a read brought something about.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Progress {
    /// Something is in place, or known to be lost: ask again.
    Made,
    /// The store can't read now. What lies there stays there for a later try.
    Stuck,
}

impl Queue {
    /// Takes the oldest ready message. None also when it can't be read.
    pub fn get(&self, ack: AckMode) -> Option<Got> {
        // Outlives the lock: what has expired is passed on without it.
        let mut wakes = Wakes::new();
        let mut state = self.lock();
        loop {
            // Ends: each vain search means that others have made progress.
            let stretch = match state.get(self.place(), ack, &mut wakes) {
                Search::Found(entry) => {
                    let remaining = state.ready.len();
                    return Some(Got { entry, remaining });
                }
                Search::Read(stretch) => stretch,
                Search::Expired => {
                    drop(state);
                    wakes.flush();
                    state = self.lock();
                    continue;
                }
                Search::Empty => return None,
            };
            let progress;
            (state, progress) = self.read(state, stretch);
            if progress == Progress::Stuck {
                return None;
            }
        }
    }

    /// Reads for consumers that could go on, until they can't. Others who come meanwhile
    /// leave it to this caller and do not wait.
    pub(super) fn refill<'a>(&'a self, mut state: Locked<'a>, wakes: &mut Wakes) {
        let mut rounds = 0;
        while let Some(stretch) = state.begin_read() {
            let progress;
            (state, progress) = self.read(state, stretch);
            state.end_read(self.place(), wakes);
            if progress == Progress::Stuck {
                return;
            }
            rounds += 1;
            if rounds >= TENDING_ROUNDS_MAX && state.consumers.is_spent() {
                state.arm(self.place(), self.now_ms());
                return;
            }
        }
    }

    fn read<'a>(&'a self, state: Locked<'a>, stretch: Stretch) -> (Locked<'a>, Progress) {
        let bytes = state.refill_bytes();
        drop(state);
        let first = stretch.first;
        let mut messages = stretch.messages.min(REFILL_MESSAGES_MAX);
        let read = loop {
            match self.services.store.read(
                store_id(self.id, first),
                number_of(first),
                messages,
                bytes,
            ) {
                // Those before the damaged one are whole, but come only without it.
                Err(store::Error::CorruptMessage { .. }) if messages > 1 => messages /= 2,
                other => break other,
            }
        };
        let mut state = self.lock();
        let failed = read.is_err();
        match read {
            Ok(read) => {
                let lost = state.ready.thaw(stretch, read);
                if lost > 0 {
                    tracing::error!(queue = %self.name, first, lost, "messages are not in the store");
                }
            }
            Err(error @ store::Error::CorruptMessage { seq, .. }) => {
                tracing::error!(queue = %self.name, %error, "a message is skipped");
                state.ready.skip(first, seq);
                return (state, Progress::Made);
            }
            Err(store::Error::Closed) => {}
            Err(error) if !state.unreadable => {
                tracing::error!(queue = %self.name, first, %error, "can't read a queue back");
            }
            Err(_) => {}
        }
        state.unreadable = failed;
        let progress = if failed {
            Progress::Stuck
        } else {
            Progress::Made
        };
        (state, progress)
    }
}
