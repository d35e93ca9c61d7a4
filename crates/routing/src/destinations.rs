//! The destinations of one key: usually exactly one, sometimes a hundred thousand.

use crate::routes::{Destination, Routes};
use std::collections::BTreeSet;

/// An ordered set that holds its first element inline, because an exchange with many keys mostly
/// has one queue behind each. Removal stays logarithmic so that deleting every queue of a large
/// set is not quadratic.
#[derive(Clone, Debug, Default)]
pub(crate) enum Destinations<D> {
    #[default]
    None,
    One(D),
    Many(BTreeSet<D>),
}

impl<D: Destination> Destinations<D> {
    pub(crate) fn insert(&mut self, destination: D) {
        match self {
            Self::None => *self = Self::One(destination),
            Self::One(first) if *first == destination => {}
            Self::One(first) => *self = Self::Many(BTreeSet::from([*first, destination])),
            Self::Many(set) => {
                set.insert(destination);
            }
        }
    }

    pub(crate) fn remove(&mut self, destination: D) {
        match self {
            Self::One(only) if *only == destination => *self = Self::None,
            Self::None | Self::One(_) => {}
            Self::Many(set) => {
                set.remove(&destination);
                if set.len() <= 1 {
                    *self = set.first().map_or(Self::None, |last| Self::One(*last));
                }
            }
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        matches!(self, Self::None)
    }

    pub(crate) fn route_into(&self, routes: &mut Routes<D>) {
        match self {
            Self::None => {}
            Self::One(only) => {
                routes.push(*only);
            }
            Self::Many(set) => {
                for destination in set {
                    routes.push(*destination);
                }
            }
        }
    }
}
