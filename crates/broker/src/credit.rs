//! The limit that `basic.qos(global=true)` sets on a whole channel.

use std::sync::atomic::{AtomicU32, Ordering};

/// Unacknowledged messages that all consumers of a channel may hold together. Shared by the
/// channel, which gives credit back, and the queues, which take it.
#[derive(Default, Debug)]
pub struct ChannelCredit {
    limit: AtomicU32,
    used: AtomicU32,
}

impl ChannelCredit {
    /// No limit.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The limit in messages, 0 for none.
    #[must_use]
    pub fn limit(&self) -> u32 {
        self.limit.load(Ordering::Relaxed)
    }

    /// Sets the limit (0 = none) for a channel that has `outstanding` unacknowledged
    /// messages now.
    pub fn set_limit(&self, limit: u32, outstanding: u32) {
        self.used.store(outstanding, Ordering::Relaxed);
        self.limit.store(limit, Ordering::Relaxed);
    }

    /// Takes one, if there is one. Always true without a limit.
    pub(crate) fn try_take(&self) -> bool {
        let limit = self.limit();
        if limit == 0 {
            return true;
        }
        let take = |used| (used < limit).then_some(used + 1);
        self.used
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, take)
            .is_ok()
    }

    /// Whether [`Self::try_take`] would succeed.
    pub(crate) fn is_free(&self) -> bool {
        let limit = self.limit();
        limit == 0 || self.used.load(Ordering::Relaxed) < limit
    }

    /// Counts `basic.get` messages, which are not limited but use up the limit.
    pub fn take_unlimited(&self, n: u32) {
        if self.limit() != 0 {
            self.used.fetch_add(n, Ordering::Relaxed);
        }
    }

    /// Gives `n` back. True when the channel had none left: its consumers must be resumed.
    pub fn release(&self, n: u32) -> bool {
        let limit = self.limit();
        if limit == 0 {
            return false;
        }
        let give = |used: u32| Some(used.saturating_sub(n));
        let before = self
            .used
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, give);
        before.is_ok_and(|used| used >= limit)
    }
}
