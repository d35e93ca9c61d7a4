//! Fanout exchange: every destination, whatever the routing key.

use crate::destinations::Destinations;
use crate::routes::{Destination, Routes};

#[derive(Debug)]
pub(crate) struct Fanout<D> {
    destinations: Destinations<D>,
}

impl<D: Destination> Fanout<D> {
    pub(crate) fn new() -> Self {
        Self {
            destinations: Destinations::None,
        }
    }

    pub(crate) fn insert(&mut self, destination: D) {
        self.destinations.insert(destination);
    }

    pub(crate) fn remove(&mut self, destination: D) {
        self.destinations.remove(destination);
    }

    pub(crate) fn route_into(&self, routes: &mut Routes<D>) {
        self.destinations.route_into(routes);
    }
}
