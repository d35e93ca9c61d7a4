//! What is below a node under literal words.

use super::NodeId;
use std::collections::HashMap;

/// Nodes by word. Most nodes of a large trie have none or one, which needs no table.
#[derive(Debug, Default)]
#[expect(clippy::box_collection, reason = "a node has to stay small")]
pub(super) enum Children {
    #[default]
    None,
    One(Box<str>, NodeId),
    Many(Box<HashMap<Box<str>, NodeId>>),
}

impl Children {
    #[inline]
    pub(super) fn get(&self, word: &str) -> Option<NodeId> {
        match self {
            Self::None => None,
            Self::One(only, child) => (**only == *word).then_some(*child),
            Self::Many(map) => map.get(word).copied(),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        matches!(self, Self::None)
    }

    /// Adds one under a word that has none.
    pub(super) fn insert(&mut self, word: &str, child: NodeId) {
        match std::mem::take(self) {
            Self::None => *self = Self::One(word.into(), child),
            Self::One(first, before) => {
                let both = [(first, before), (word.into(), child)];
                *self = Self::Many(Box::new(HashMap::from(both)));
            }
            Self::Many(mut map) => {
                map.insert(word.into(), child);
                *self = Self::Many(map);
            }
        }
    }

    pub(super) fn remove(&mut self, word: &str) {
        match self {
            Self::One(only, _) if **only == *word => *self = Self::None,
            Self::None | Self::One(..) => {}
            Self::Many(map) => {
                map.remove(word);
                // Gives memory back after a burst; amortised, since it halves at least.
                if map.len() * 4 < map.capacity() {
                    map.shrink_to(map.len() * 2);
                }
                let last = if map.len() == 1 {
                    map.drain().next()
                } else {
                    None
                };
                if let Some((word, child)) = last {
                    *self = Self::One(word, child);
                }
            }
        }
    }
}
