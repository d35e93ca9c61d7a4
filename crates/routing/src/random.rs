//! Random exchange: one binding, each as likely as the others.

use crate::hash::mix;
use crate::routes::{Destination, Routes};
use std::hash::{BuildHasher as _, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};

/// Steps of the generator: the golden ratio in 64 bits, as in splitmix64.
const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

/// The destination of every binding, those with several bindings as often.
#[derive(Debug)]
pub(crate) struct Random<D> {
    destinations: Vec<D>,
    state: AtomicU64,
}

impl<D: Destination> Random<D> {
    pub(crate) fn new() -> Self {
        Self {
            destinations: Vec::new(),
            state: AtomicU64::new(RandomState::new().hash_one(0)),
        }
    }

    pub(crate) fn insert(&mut self, destination: D) {
        self.destinations.push(destination);
    }

    /// Removes the destination of one binding.
    pub(crate) fn remove(&mut self, destination: D) {
        if let Some(at) = self.destinations.iter().position(|d| *d == destination) {
            self.destinations.swap_remove(at);
        }
    }

    pub(crate) fn route_into(&self, routes: &mut Routes<D>) {
        let drawn = mix(self.state.fetch_add(STEP, Ordering::Relaxed));
        let chosen = drawn.checked_rem(self.destinations.len() as u64);
        if let Some(destination) = chosen.and_then(|at| self.destinations.get(at as usize)) {
            routes.push(*destination);
        }
    }
}
