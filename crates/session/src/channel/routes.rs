//! Where the messages of a connection went last time.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::Arc;

use broker::Route;

use crate::limits::ROUTES_MAX;

/// Routes by the two names as on the wire, valid for one generation of the virtual host's
/// topology. Holds only routes that depend on nothing but the names: never those that looked
/// at headers.
#[derive(Default)]
pub(crate) struct RouteCache {
    generation: u64,
    map: HashMap<Box<[u8]>, Arc<Route>, BuildHasherDefault<NameHasher>>,
}

impl RouteCache {
    /// The route of these names, if it is known and `generation` is still what it was.
    #[inline]
    pub(crate) fn find(&mut self, names: &[u8], generation: u64) -> Option<&Arc<Route>> {
        if generation != self.generation {
            self.map.clear();
            self.generation = generation;
            return None;
        }
        self.map.get(names)
    }

    /// Remembers a route that was resolved at `generation`.
    pub(crate) fn insert(&mut self, names: &[u8], generation: u64, route: Arc<Route>) {
        if generation != self.generation {
            return;
        }
        if self.map.len() >= ROUTES_MAX {
            self.map.clear();
        }
        self.map.insert(names.into(), route);
    }
}

/// Hashes names eight bytes at a time. The keys are a client's own and at most [`ROUTES_MAX`],
/// so one that makes them collide only slows itself.
#[derive(Default)]
struct NameHasher(u64);

impl NameHasher {
    fn add(&mut self, word: u64) {
        const SEED: u64 = 0x517c_c1b7_2722_0a95;
        self.0 = (self.0.rotate_left(5) ^ word).wrapping_mul(SEED);
    }
}

impl Hasher for NameHasher {
    fn write(&mut self, bytes: &[u8]) {
        let mut words = bytes.chunks_exact(8);
        for word in &mut words {
            self.add(word.try_into().map_or(0, u64::from_le_bytes));
        }
        let rest = words
            .remainder()
            .iter()
            .fold(0, |word, byte| (word << 8) | u64::from(*byte));
        self.add(rest);
    }

    fn finish(&self) -> u64 {
        // The map takes its buckets from the low bits and its tags from the high ones.
        self.0 ^ (self.0 >> 32)
    }
}
