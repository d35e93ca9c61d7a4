//! Modulus-hash exchange: the hash of the routing keys, modulo the number of destinations.

use crate::hash::Fnv;
use crate::routes::{Destination, Routes};
use std::hash::Hasher as _;

/// The destinations, sorted, so that their order does not depend on the order of binding.
#[derive(Debug)]
pub(crate) struct ModulusHash<D> {
    destinations: Vec<D>,
}

impl<D: Destination> ModulusHash<D> {
    pub(crate) const fn new() -> Self {
        Self {
            destinations: Vec::new(),
        }
    }

    pub(crate) fn insert(&mut self, destination: D) {
        if let Err(at) = self.destinations.binary_search(&destination) {
            self.destinations.insert(at, destination);
        }
    }

    pub(crate) fn remove(&mut self, destination: D) {
        if let Ok(at) = self.destinations.binary_search(&destination) {
            self.destinations.remove(at);
        }
    }

    pub(crate) fn route_into(&self, keys: &[&str], routes: &mut Routes<D>) {
        let mut hasher = Fnv::new();
        for key in keys {
            hasher.write(key.as_bytes());
            hasher.write_u8(0xff);
        }
        let count = self.destinations.len() as u64;
        let chosen = hasher.finish().checked_rem(count);
        if let Some(destination) = chosen.and_then(|at| self.destinations.get(at as usize)) {
            routes.push(*destination);
        }
    }
}
