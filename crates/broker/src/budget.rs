//! Memory of message bodies, over all queues and channels.
//!
//! Each holder counts for itself and reports in steps, so that a message costs nothing here.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::limits::{BUDGET_STEP_BYTES, TRANSIENT_WARM_FACTOR, WARM_BYTES_MIN};

/// What message bodies may take in memory, together and per holder. Soft: a holder that is
/// over its allowance stops growing, and gives way as soon as its messages are in the store.
#[derive(Debug)]
pub struct Budget {
    total_max: u64,
    each_max: u64,
    used: AtomicU64,
}

impl Budget {
    /// A budget of `total_max` bytes, of which one queue or channel may use `each_max`.
    #[must_use]
    pub const fn new(total_max: u64, each_max: u64) -> Self {
        Self {
            total_max,
            each_max,
            used: AtomicU64::new(0),
        }
    }

    /// Bytes in use, as far as reported.
    #[must_use]
    pub fn used(&self) -> u64 {
        self.used.load(Ordering::Relaxed)
    }

    /// No more is to be had: everybody is to make do with little.
    #[must_use]
    pub fn is_short(&self) -> bool {
        self.used() > self.total_max
    }

    /// Bytes that one holder may have now.
    #[must_use]
    pub fn allowance(&self) -> u64 {
        if self.is_short() {
            self.each_max.min(WARM_BYTES_MIN)
        } else {
            self.each_max
        }
    }

    /// As [`Self::allowance`], for messages that are not in the store anyway: to free them
    /// costs a write.
    #[must_use]
    pub fn transient_allowance(&self) -> u64 {
        if self.is_short() {
            self.allowance()
        } else {
            self.each_max.saturating_mul(TRANSIENT_WARM_FACTOR)
        }
    }
}

/// What one holder has reported to the budget; given back when it goes.
#[derive(Debug)]
pub struct Share {
    budget: Arc<Budget>,
    reported: u64,
}

impl Share {
    /// A holder that has nothing yet.
    #[must_use]
    pub const fn new(budget: Arc<Budget>) -> Self {
        Self {
            budget,
            reported: 0,
        }
    }

    /// What it is a share of.
    #[must_use]
    pub fn budget(&self) -> &Budget {
        &self.budget
    }

    /// It has `bytes` now. Passed on when that is news.
    #[inline]
    pub fn report(&mut self, bytes: u64) {
        if bytes.abs_diff(self.reported) >= BUDGET_STEP_BYTES {
            self.pass_on(bytes);
        }
    }

    fn pass_on(&mut self, bytes: u64) {
        // Wraps for less, as intended: the sum over all shares is exact.
        let change = bytes.wrapping_sub(self.reported);
        self.budget.used.fetch_add(change, Ordering::Relaxed);
        self.reported = bytes;
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.pass_on(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_budget_leaves_everybody_little_until_a_share_is_given_back() {
        let budget = Arc::new(Budget::new(1 << 20, 1 << 20));
        let mut share = Share::new(Arc::clone(&budget));
        share.report(BUDGET_STEP_BYTES - 1);
        assert_eq!(budget.used(), 0, "not worth reporting");
        share.report(2 << 20);
        assert!(budget.is_short());
        assert_eq!(budget.allowance(), WARM_BYTES_MIN);
        share.report(1 << 20);
        assert_eq!(budget.allowance(), 1 << 20);
        drop(share);
        assert_eq!(budget.used(), 0);
    }
}
