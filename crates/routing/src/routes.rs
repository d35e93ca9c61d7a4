//! The result of routing: destinations without duplicates, in the order they were found.

use std::collections::HashSet;
use std::hash::Hash;

/// Destinations up to which duplicates are found by scanning. Most messages reach one to ten
/// queues, where a scan of one or two cache lines is cheaper than hashing.
pub const ROUTES_SCAN_MAX: usize = 16;

/// What a binding may lead to: a small id of the caller's.
pub trait Destination: Copy + Eq + Hash + Ord {}

impl<T: Copy + Eq + Hash + Ord> Destination for T {}

/// A set of destinations that remembers the order of insertion. Reusable: [`clear`](Self::clear)
/// keeps the memory.
#[derive(Clone, Debug)]
pub struct Routes<D> {
    list: Vec<D>,
    /// The same ids as `list`, but only once it is longer than [`ROUTES_SCAN_MAX`]; else empty.
    seen: HashSet<D>,
}

impl<D: Destination> Routes<D> {
    /// An empty set; allocates nothing.
    #[must_use]
    pub fn new() -> Self {
        Self {
            list: Vec::new(),
            seen: HashSet::new(),
        }
    }

    /// Adds a destination; false if it was there already.
    pub fn push(&mut self, destination: D) -> bool {
        if self.list.len() < ROUTES_SCAN_MAX {
            if self.list.contains(&destination) {
                return false;
            }
        } else {
            if self.seen.is_empty() {
                self.seen.extend(self.list.iter().copied());
            }
            if !self.seen.insert(destination) {
                return false;
            }
        }
        self.list.push(destination);
        true
    }

    /// Forgets every destination.
    pub fn clear(&mut self) {
        self.list.clear();
        self.seen.clear();
    }

    /// The destinations, first found first.
    #[must_use]
    pub fn as_slice(&self) -> &[D] {
        &self.list
    }

    /// Number of distinct destinations.
    #[must_use]
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Whether nothing was reached.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// The destinations, first found first.
    pub fn iter(&self) -> impl Iterator<Item = D> + '_ {
        self.list.iter().copied()
    }
}

impl<D: Destination> Default for Routes<D> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_cleared_set_accepts_the_same_destinations_again() {
        let mut routes = Routes::new();
        for round in 0..2 {
            for id in 0..100u32 {
                assert!(routes.push(id), "round {round}, id {id}");
            }
            assert_eq!(routes.len(), 100);
            routes.clear();
            assert!(routes.is_empty());
        }
    }

    proptest! {
        #[test]
        fn keeps_the_first_of_each_in_order(ids in prop::collection::vec(0u8..60, 0..200)) {
            let mut routes = Routes::new();
            let mut naive = Vec::new();
            for id in ids {
                let new = !naive.contains(&id);
                if new {
                    naive.push(id);
                }
                prop_assert_eq!(routes.push(id), new);
            }
            prop_assert_eq!(routes.as_slice(), naive.as_slice());
            prop_assert_eq!(routes.iter().count(), routes.len());
        }
    }
}
