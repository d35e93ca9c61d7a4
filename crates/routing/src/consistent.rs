//! Consistent-hash exchange: one destination per message, chosen by a hash and by weights.
//!
//! Each destination draws a number for the hash, favoured by its weight, and the best one wins
//! (weighted rendezvous hashing). So a new binding takes over its own share and moves nothing
//! else, an unbound one gives up only its own, and the order of bindings plays no part, which
//! numbered buckets could not promise over a restart. Cost is linear in the destinations; results
//! that depend on the key only are remembered by the caller.

use crate::error::BindError;
use crate::hash::{Fnv, mix};
use crate::hash_on::HashOn;
use crate::routes::{Destination, Routes};
use crate::subject::Subject;
use std::hash::Hasher as _;

/// Largest weight of a binding, as RabbitMQ limits it.
pub const WEIGHT_MAX: i64 = 10_000;

/// The destinations with their weights.
#[derive(Debug)]
pub(crate) struct ConsistentHash<D> {
    on: HashOn,
    shares: Vec<Share<D>>,
}

#[derive(Debug)]
struct Share<D> {
    destination: D,
    /// The destination's own hash.
    seed: u64,
    weight: f64,
}

impl<D: Destination> ConsistentHash<D> {
    pub(crate) fn new(on: HashOn) -> Self {
        Self {
            on,
            shares: Vec::new(),
        }
    }

    /// Whether the routing key decides alone.
    pub(crate) fn hashes_the_key(&self) -> bool {
        self.on == HashOn::RoutingKey
    }

    /// Adds a destination; of several bindings to one, the first counts.
    pub(crate) fn insert(&mut self, destination: D, weight: u16) {
        if self.shares.iter().any(|s| s.destination == destination) {
            return;
        }
        let mut seed = Fnv::new();
        destination.hash(&mut seed);
        self.shares.push(Share {
            destination,
            seed: seed.finish(),
            weight: f64::from(weight),
        });
    }

    /// Removes a destination. `left` is the weight of another binding to it.
    pub(crate) fn remove(&mut self, destination: D, left: Option<u16>) {
        self.shares.retain(|s| s.destination != destination);
        if let Some(weight) = left {
            self.insert(destination, weight);
        }
    }

    pub(crate) fn route_into(&self, key: &str, subject: &Subject<'_>, routes: &mut Routes<D>) {
        let hash = self.on.hash(key, subject);
        let cost = |share: &Share<D>| {
            // An exponential variate of rate `weight`: the least of several comes from each in
            // proportion to its weight.
            let uniform = ((mix(hash ^ share.seed) >> 11) + 1) as f64 / (1u64 << 53) as f64;
            -uniform.ln() / share.weight
        };
        let least = self
            .shares
            .iter()
            .min_by(|a, b| cost(a).total_cmp(&cost(b)));
        if let Some(share) = least {
            routes.push(share.destination);
        }
    }
}

/// Reads a binding key as a weight.
pub(crate) fn weight(key: &str) -> Result<u16, BindError> {
    let digits = key.strip_prefix(['+', '-']).unwrap_or(key);
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(BindError::WeightNotInteger(key.to_owned()));
    }
    match key.parse::<i64>() {
        Ok(weight) if weight < 1 => Err(BindError::WeightTooSmall),
        Ok(weight) if weight <= WEIGHT_MAX => Ok(weight as u16),
        // Digits only, but more than fit.
        _ if key.starts_with('-') => Err(BindError::WeightTooSmall),
        _ => Err(BindError::WeightTooLarge),
    }
}

#[cfg(test)]
mod tests;
