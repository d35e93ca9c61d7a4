//! So many a second.

use std::time::{Duration, Instant};

/// Keeps to a rate, by what should have been done since the start.
pub(crate) struct Pace {
    start: Instant,
    per_second: u64,
    done: u64,
}

impl Pace {
    pub(crate) const fn new(start: Instant, per_second: u64) -> Self {
        Self {
            start,
            per_second,
            done: 0,
        }
    }

    /// How many are due at `now`.
    pub(crate) fn due(&self, now: Instant) -> u64 {
        let since = now.saturating_duration_since(self.start);
        let due = since.as_nanos() * u128::from(self.per_second) / 1_000_000_000;
        (due as u64).saturating_sub(self.done)
    }

    /// So many have been done.
    pub(crate) const fn did(&mut self, n: u64) {
        self.done += n;
    }

    /// When the next one is due.
    pub(crate) fn next(&self) -> Instant {
        let ns = u128::from(self.done + 1) * 1_000_000_000 / u128::from(self.per_second.max(1));
        self.start + Duration::from_nanos(ns as u64)
    }
}
