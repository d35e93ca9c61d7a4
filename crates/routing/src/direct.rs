//! Direct exchange: the binding key equals the routing key, byte for byte.

use crate::destinations::Destinations;
use crate::routes::{Destination, Routes};
use std::collections::HashMap;
use std::sync::Arc;

#[derive(Debug)]
pub(crate) struct Direct<D> {
    keys: HashMap<Arc<str>, Destinations<D>>,
}

impl<D: Destination> Direct<D> {
    pub(crate) fn new() -> Self {
        Self {
            keys: HashMap::new(),
        }
    }

    pub(crate) fn insert(&mut self, destination: D, key: &Arc<str>) {
        self.keys
            .entry(Arc::clone(key))
            .or_insert(Destinations::None)
            .insert(destination);
    }

    pub(crate) fn remove(&mut self, destination: D, key: &str) {
        if let Some(destinations) = self.keys.get_mut(key) {
            destinations.remove(destination);
            if destinations.is_empty() {
                self.keys.remove(key);
            }
        }
    }

    pub(crate) fn route_into(&self, key: &str, routes: &mut Routes<D>) {
        if let Some(destinations) = self.keys.get(key) {
            destinations.route_into(routes);
        }
    }
}
