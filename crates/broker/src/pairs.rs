//! What went between a channel and one exchange or queue, and from an exchange to a queue.
//!
//! Counted where it is cheap: per run of publishes, and with plain stores by the one connection
//! that a channel belongs to.

use std::fmt;
use std::sync::{Arc, Weak};

use parking_lot::Mutex;

use crate::stats::{MessageCounts, MessageStats};

/// Exchanges or queues that one channel, or one queue, counts apart. Those beyond are not listed:
/// nobody reads a table that long, and a client may go through any number of queues. Each takes
/// about 150 bytes.
pub const PAIRS_MAX: usize = 256;

/// One exchange or queue, and what went between it and the owner of the list.
pub struct Pair<T> {
    with: Weak<T>,
    stats: MessageStats,
}

impl<T> Pair<T> {
    /// Whether it is about this one.
    #[must_use]
    pub fn is_with(&self, other: &Arc<T>) -> bool {
        std::ptr::eq(self.with.as_ptr(), Arc::as_ptr(other))
    }

    /// Counts. Two callers at the same time may lose counts, so let there be one.
    #[inline]
    pub fn count(&self, counts: &MessageCounts) {
        self.stats.add_alone(counts);
    }
}

/// The exchanges or queues that something deals with. A deleted one stays until somebody needs
/// its place.
pub struct Pairs<T>(Mutex<Option<Box<List<T>>>>);

/// In a box of its own: most owners never have one.
struct List<T>(Vec<Arc<Pair<T>>>);

impl<T> Default for List<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> fmt::Debug for Pairs<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pairs({})", self.len())
    }
}

impl<T> Default for Pairs<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T> Pairs<T> {
    /// The pair with `other`, to count with.
    #[must_use]
    pub fn with(&self, other: &Arc<T>) -> Arc<Pair<T>> {
        let mut list = self.0.lock();
        let pairs = &mut list.get_or_insert_default().0;
        match place(pairs, other) {
            Some(at) => Arc::clone(&pairs[at]),
            None => Arc::new(Pair::new(other)),
        }
    }

    /// Counts at once, for a list that several connections write to.
    pub fn count(&self, other: &Arc<T>, counts: &MessageCounts) {
        let mut list = self.0.lock();
        let pairs = &mut list.get_or_insert_default().0;
        if let Some(at) = place(pairs, other) {
            pairs[at].count(counts);
        }
    }

    /// What went between the owner and `other`; nothing if they never met.
    #[must_use]
    pub fn of(&self, other: &Arc<T>) -> Option<MessageCounts> {
        let list = self.0.lock();
        let pair = list.as_ref()?.0.iter().find(|pair| pair.is_with(other))?;
        Some(pair.stats.snapshot())
    }

    /// How many there are, those included that are gone.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.lock().as_ref().map_or(0, |list| list.0.len())
    }

    /// There is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All of them that still exist.
    #[must_use]
    pub fn list(&self) -> Vec<(Arc<T>, MessageCounts)> {
        let list = self.0.lock();
        let live = |pair: &Arc<Pair<T>>| Some((pair.with.upgrade()?, pair.stats.snapshot()));
        let pairs = list.iter().flat_map(|list| &list.0);
        pairs.filter_map(live).collect()
    }
}

impl<T> Pair<T> {
    fn new(other: &Arc<T>) -> Self {
        Self {
            with: Arc::downgrade(other),
            stats: MessageStats::default(),
        }
    }
}

/// The place of the pair with `other`, which is made if there is room. The places of what is
/// gone, and of what nobody counts with, are free when the list is full.
fn place<T>(pairs: &mut Vec<Arc<Pair<T>>>, other: &Arc<T>) -> Option<usize> {
    if let Some(at) = pairs.iter().position(|pair| pair.is_with(other)) {
        return Some(at);
    }
    if pairs.len() >= PAIRS_MAX {
        pairs.retain(|pair| pair.with.strong_count() > 0);
    }
    if pairs.len() >= PAIRS_MAX {
        return None;
    }
    pairs.push(Arc::new(Pair::new(other)));
    Some(pairs.len() - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: MessageCounts = MessageCounts {
        publish: 1,
        ..MessageCounts::ZERO
    };

    #[test]
    fn each_pair_counts_for_itself() {
        let (pairs, a, b) = (Pairs::default(), Arc::new('a'), Arc::new('b'));
        pairs.count(&a, &ONE);
        pairs.with(&a).count(&ONE);
        pairs.count(&b, &ONE);
        assert_eq!(pairs.of(&a).unwrap().publish, 2);
        assert_eq!(pairs.of(&b).unwrap().publish, 1);
        assert!(pairs.of(&Arc::new('a')).is_none());
    }

    #[test]
    fn what_is_gone_is_not_listed_and_makes_room() {
        let pairs = Pairs::default();
        let mut all: Vec<_> = (0..PAIRS_MAX).map(Arc::new).collect();
        for one in &all {
            pairs.count(one, &ONE);
        }
        let late = Arc::new(PAIRS_MAX);
        pairs.with(&late).count(&ONE);
        assert!(pairs.of(&late).is_none());
        assert_eq!(pairs.list().len(), PAIRS_MAX);
        all.pop();
        assert_eq!(pairs.list().len(), PAIRS_MAX - 1);
        pairs.with(&late).count(&ONE);
        assert_eq!(pairs.of(&late).unwrap().publish, 1);
    }
}
