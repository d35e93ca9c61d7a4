//! Reading messages back, without the queue's lock.
//!
//! Nothing is reserved while a reader is away. Bodies never change under their number, so on
//! return it is enough that the run still begins where it did: else somebody else was
//! faster, or the messages are gone, and what was read is dropped.

use crate::limits::REFILL_MESSAGES_MAX;
use crate::message::AckMode;
use crate::queue::ready::Stretch;
use crate::queue::state::Search;
use crate::queue::{Got, Locked, Queue};
use crate::wakes::Wakes;

impl Queue {
    /// Takes the oldest ready message.
    pub fn get(&self, ack: AckMode) -> Option<Got> {
        let mut state = self.lock();
        loop {
            // Ends: each vain search means that others have made progress.
            match state.get(self.place(), ack) {
                Search::Found(entry) => {
                    let remaining = state.ready.len();
                    return Some(Got { entry, remaining });
                }
                Search::Read(stretch) => state = self.read(state, stretch),
                Search::Empty => return None,
            }
        }
    }

    /// Reads for consumers that could go on, until they can't. Others who come meanwhile
    /// leave it to this caller and do not wait.
    pub(super) fn refill<'a>(&'a self, mut state: Locked<'a>, wakes: &mut Wakes) {
        while let Some(stretch) = state.begin_read() {
            state = self.read(state, stretch);
            state.end_read(self.place(), wakes);
        }
    }

    fn read<'a>(&'a self, state: Locked<'a>, stretch: Stretch) -> Locked<'a> {
        let bytes = state.refill_bytes();
        drop(state);
        let messages = stretch.messages.min(REFILL_MESSAGES_MAX);
        let read = self.store.read(self.id, stretch.first, messages, bytes);
        let mut state = self.lock();
        let (read, error) = match read {
            Ok(read) => (read, None),
            // The rest of the run can't be had. What can still be delivered is.
            Err(error) => (Vec::new(), Some(error)),
        };
        let lost = state.ready.thaw(stretch, read);
        if lost > 0 {
            let error = error.map(|error| error.to_string());
            tracing::error!(queue = %self.name, lost, error, "can't read a queue back");
        }
        state
    }
}
