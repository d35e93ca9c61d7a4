//! The unit of batching: one event, handled synchronously.

use std::time::Instant;

use broker::Wakes;
use codec::OutBuf;

/// One turn of the driver's loop: when it happens, what it emits, whom to wake once it is over.
pub struct Turn<'a> {
    /// The time, which nothing here asks for itself.
    pub now: Instant,
    /// What goes to the client.
    pub out: &'a mut OutBuf,
    /// Tasks that something has been put before; woken at the end of the turn.
    pub wakes: Wakes,
    /// Bytes in `out` when the turn began.
    out_before: usize,
}

impl<'a> Turn<'a> {
    /// Begins a turn.
    pub fn new(now: Instant, out: &'a mut OutBuf) -> Self {
        let out_before = out.len();
        Self {
            now,
            out,
            wakes: Wakes::new(),
            out_before,
        }
    }

    /// Bytes emitted so far.
    pub(crate) fn emitted(&self) -> usize {
        self.out.len().saturating_sub(self.out_before)
    }
}
