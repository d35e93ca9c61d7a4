//! One binding: the destination it leads to, its key and its arguments.

use crate::arguments;
use codec::FieldTable;
use std::cmp::Ordering;
use std::sync::Arc;

/// A binding of one source exchange. All three fields together are its identity; the order is by
/// destination, then key, then arguments. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Binding<D> {
    /// Where matching messages go.
    pub destination: D,
    /// The binding key, at most 255 bytes on the wire.
    pub key: Arc<str>,
    /// The binding arguments as the client sent them.
    pub arguments: Arc<FieldTable>,
}

impl<D> Binding<D> {
    pub(crate) fn new(destination: D, key: &str, arguments: &FieldTable) -> Self {
        Self {
            destination,
            key: key.into(),
            arguments: arguments::share(arguments),
        }
    }
}

impl<D: Ord> Ord for Binding<D> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.destination
            .cmp(&other.destination)
            .then_with(|| self.key.cmp(&other.key))
            .then_with(|| arguments::compare(&self.arguments, &other.arguments))
    }
}

impl<D: Ord> PartialOrd for Binding<D> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<D: Ord> PartialEq for Binding<D> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl<D: Ord> Eq for Binding<D> {}
