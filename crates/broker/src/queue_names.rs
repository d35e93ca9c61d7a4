//! What the store's numbers stand for.

use std::collections::{BTreeMap, HashMap};
use std::fmt;

use store::QueueId;

use crate::record::Stored;

/// A durable queue, by name.
#[derive(Clone, Eq, PartialEq, Debug)]
pub struct QueueName {
    /// Its virtual host.
    pub vhost: String,
    /// Its name there.
    pub name: String,
}

impl fmt::Display for QueueName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "queue '{}' in vhost '{}'", self.name, self.vhost)
    }
}

/// The queues that are declared in entries of the store. One that is missing here was deleted.
#[must_use]
pub fn queue_names(entries: &BTreeMap<Vec<u8>, Vec<u8>>) -> HashMap<QueueId, QueueName> {
    let stored = entries
        .iter()
        .filter_map(|(key, value)| Stored::decode(key, value));
    stored
        .filter_map(|stored| match stored {
            Stored::Queue(vhost, declare, id) => {
                let name = declare.name;
                Some((id, QueueName { vhost, name }))
            }
            Stored::VHost(_) | Stored::Exchange(..) | Stored::Binding(..) | Stored::Mark(..) => {
                None
            }
        })
        .collect()
}
