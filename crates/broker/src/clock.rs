//! The wall clock, from whoever may look at one.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

const US_PER_MS: u64 = 1000;

/// Tells the time since 1970. The server's is the real one; tests turn theirs by hand, so
/// nothing here waits for time to pass.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> u64 + Send + Sync>);

impl Clock {
    /// A clock that asks `now_us` for microseconds since 1970.
    pub fn new(now_us: impl Fn() -> u64 + Send + Sync + 'static) -> Self {
        Self(Arc::new(now_us))
    }

    /// A clock that stands at `start_ms` until its hand is moved.
    #[must_use]
    pub fn manual(start_ms: u64) -> (Self, Hand) {
        let hand = Hand(Arc::new(AtomicU64::new(start_ms)));
        let shown = hand.clone();
        (Self::new(move || shown.now_ms() * US_PER_MS), hand)
    }

    /// Whole milliseconds since 1970.
    #[must_use]
    pub fn now_ms(&self) -> u64 {
        (self.0)() / US_PER_MS
    }

    /// The first whole millisecond since 1970 at which `ms` milliseconds will have passed.
    #[must_use]
    pub fn after_ms(&self, ms: u64) -> u64 {
        (self.0)().div_ceil(US_PER_MS).saturating_add(ms)
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Clock").field(&self.now_ms()).finish()
    }
}

/// Moves a manual clock.
#[derive(Clone, Debug)]
pub struct Hand(Arc<AtomicU64>);

impl Hand {
    /// What the clock shows.
    #[must_use]
    pub fn now_ms(&self) -> u64 {
        self.0.load(Ordering::Acquire)
    }

    /// Lets `ms` milliseconds pass.
    pub fn advance(&self, ms: u64) {
        self.0.fetch_add(ms, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_to_come_after_some_time_does_not_come_before() {
        let clock = Clock::new(|| 5_001);
        assert_eq!((clock.now_ms(), clock.after_ms(10)), (5, 16));
        let clock = Clock::new(|| 5_000);
        assert_eq!((clock.now_ms(), clock.after_ms(10)), (5, 15));
        assert_eq!(clock.after_ms(u64::MAX), u64::MAX);
    }
}
