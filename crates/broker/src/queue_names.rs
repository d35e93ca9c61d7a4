//! What the store's numbers stand for.

use std::collections::{BTreeMap, HashMap};
use std::fmt;

use store::QueueId;

use crate::queue::Span;
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
        let (name, vhost) = (printable(&self.name), printable(&self.vhost));
        write!(f, "queue '{name}' in vhost '{vhost}'")
    }
}

/// `name` without control characters: clients choose names, and terminals and readers of logs obey.
#[must_use]
pub fn printable(name: &str) -> String {
    let mut printable = String::with_capacity(name.len());
    for c in name.chars() {
        if c.is_control() {
            printable.extend(c.escape_default());
        } else {
            printable.push(c);
        }
    }
    printable
}

/// The queues that are declared in entries of the store. One that is missing here was deleted.
#[must_use]
pub fn queue_names(entries: &BTreeMap<Vec<u8>, Vec<u8>>) -> HashMap<QueueId, QueueName> {
    let stored = entries
        .iter()
        .filter_map(|(key, value)| Stored::decode(key, value));
    stored
        .filter_map(|stored| match stored {
            Stored::Queue(vhost, declare, span) => Some((span, vhost, declare.name)),
            Stored::Bucket(vhost, exchange, _, id) => {
                Some((Span::one(id), vhost, format!("{exchange} (delayed)")))
            }
            Stored::History(vhost, exchange, id) => {
                Some((Span::one(id), vhost, format!("{exchange} (history)")))
            }
            _ => None,
        })
        .flat_map(|(span, vhost, name)| {
            let named = QueueName { vhost, name };
            span.ids().map(move |id| (id, named.clone()))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_of_a_name_are_spelled_out() {
        let queue = QueueName {
            vhost: "/".to_owned(),
            name: "a\n\u{1b}[31mé".to_owned(),
        };
        let text = "queue 'a\\n\\u{1b}[31mé' in vhost '/'";
        assert_eq!(queue.to_string(), text);
    }
}
