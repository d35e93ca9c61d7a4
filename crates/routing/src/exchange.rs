//! The bindings of one exchange.

use crate::binding::Binding;
use crate::consistent::{ConsistentHash, weight};
use crate::direct::Direct;
use crate::error::BindError;
use crate::fanout::Fanout;
use crate::hash_on::HashOn;
use crate::headers::{Headers, XMatch};
use crate::kind::Kind;
use crate::modulus::ModulusHash;
use crate::random::Random;
use crate::routes::{Destination, Routes};
use crate::subject::Subject;
use crate::topic::Topic;
use codec::FieldTable;
use std::collections::BTreeSet;

/// Every binding whose source is one exchange, with an index for fast routing.
///
/// `all` is the truth, ordered by destination, key, arguments. That order answers in logarithmic
/// time both "what leads to this queue" and "does another binding with this key remain", so the
/// indexes need no reference counts.
#[derive(Debug)]
pub struct Bindings<D> {
    kind: Kind,
    all: BTreeSet<Binding<D>>,
    index: Index<D>,
}

#[derive(Debug)]
enum Index<D> {
    Direct(Direct<D>),
    Fanout(Fanout<D>),
    Topic(Topic<D>),
    Headers(Headers<D>),
    ConsistentHash(ConsistentHash<D>),
    ModulusHash(ModulusHash<D>),
    Random(Random<D>),
}

impl<D: Destination> Bindings<D> {
    /// No bindings yet.
    #[must_use]
    pub fn new(kind: Kind) -> Self {
        Self::hashing(kind, HashOn::RoutingKey)
    }

    /// No bindings yet, of an exchange that hashes `on` something if its kind hashes at all.
    /// A delayed exchange has the bindings of the kind that it delays for.
    #[must_use]
    pub fn hashing(kind: Kind, on: HashOn) -> Self {
        let index = match kind {
            Kind::Direct => Index::Direct(Direct::new()),
            Kind::Topic => Index::Topic(Topic::new()),
            Kind::Headers => Index::Headers(Headers::new()),
            Kind::ConsistentHash => Index::ConsistentHash(ConsistentHash::new(on)),
            Kind::ModulusHash => Index::ModulusHash(ModulusHash::new()),
            Kind::Random | Kind::LocalRandom => Index::Random(Random::new()),
            Kind::Fanout | Kind::Delayed | Kind::Deduplication | Kind::RecentHistory => {
                Index::Fanout(Fanout::new())
            }
        };
        Self {
            kind,
            all: BTreeSet::new(),
            index,
        }
    }

    /// The kind given to [`new`](Self::new).
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Adds a binding; `Ok(false)` if one with the same destination, key and arguments exists.
    ///
    /// # Errors
    /// A binding that the kind does not allow, also if it existed: an `x-match` that is not a
    /// known mode, a key that is not a weight, a key where none is allowed.
    pub fn bind(
        &mut self,
        destination: D,
        key: &str,
        arguments: &FieldTable,
    ) -> Result<bool, BindError> {
        let binding = Binding::new(destination, key, arguments);
        if let Index::Headers(headers) = &mut self.index {
            headers.insert(binding.clone(), XMatch::parse(arguments)?);
        }
        if self.kind == Kind::LocalRandom && !key.is_empty() {
            return Err(BindError::KeyNotEmpty(key.to_owned()));
        }
        let share = match self.kind {
            Kind::ConsistentHash => weight(key)?,
            _ => 0,
        };
        if self.all.contains(&binding) {
            return Ok(false);
        }
        match &mut self.index {
            Index::Direct(direct) => direct.insert(destination, &binding.key),
            Index::Fanout(fanout) => fanout.insert(destination),
            Index::Topic(topic) => topic.insert(destination, key),
            Index::ConsistentHash(hash) => hash.insert(destination, share),
            Index::ModulusHash(hash) => hash.insert(destination),
            Index::Random(random) => random.insert(destination),
            Index::Headers(_) => {}
        }
        Ok(self.all.insert(binding))
    }

    /// Removes a binding; false if there was none, which is not an error (`queue.unbind` is
    /// idempotent).
    pub fn unbind(&mut self, destination: D, key: &str, arguments: &FieldTable) -> bool {
        let binding = Binding::new(destination, key, arguments);
        let existed = self.all.remove(&binding);
        if existed {
            self.forget(&binding);
        }
        existed
    }

    /// Removes every binding that leads to a destination and returns them in order. The cost
    /// depends on their number, not on the bindings to other destinations.
    pub fn unbind_destination(&mut self, destination: D) -> Vec<Binding<D>> {
        let removed: Vec<_> = self.to_destination(destination).cloned().collect();
        for binding in &removed {
            self.all.remove(binding);
        }
        for binding in &removed {
            self.forget(binding);
        }
        removed
    }

    /// Takes a removed binding out of the index, unless another with the same effect remains.
    fn forget(&mut self, binding: &Binding<D>) {
        let destination = binding.destination;
        match &mut self.index {
            Index::Headers(headers) => headers.remove(binding),
            Index::Fanout(fanout) => {
                if first_from(&self.all, destination, "").is_none() {
                    fanout.remove(destination);
                }
            }
            Index::Direct(direct) => {
                if !holds(&self.all, destination, &binding.key) {
                    direct.remove(destination, &binding.key);
                }
            }
            Index::Topic(topic) => {
                if !holds(&self.all, destination, &binding.key) {
                    topic.remove(destination, &binding.key);
                }
            }
            Index::ConsistentHash(hash) => {
                let left = first_from(&self.all, destination, "");
                hash.remove(destination, left.and_then(|other| weight(&other.key).ok()));
            }
            Index::ModulusHash(hash) => {
                if first_from(&self.all, destination, "").is_none() {
                    hash.remove(destination);
                }
            }
            Index::Random(random) => random.remove(destination),
        }
    }

    /// Whether exactly this binding exists.
    #[must_use]
    pub fn contains(&self, destination: D, key: &str, arguments: &FieldTable) -> bool {
        self.all
            .contains(&Binding::new(destination, key, arguments))
    }

    /// Whether nothing is bound; an auto-delete exchange goes when this becomes true.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Number of bindings.
    #[must_use]
    pub fn len(&self) -> usize {
        self.all.len()
    }

    /// Every binding, ordered by destination, key, arguments.
    pub fn iter(&self) -> impl Iterator<Item = &Binding<D>> {
        self.all.iter()
    }

    /// The bindings that lead to one destination, ordered by key, arguments.
    pub fn to_destination(&self, destination: D) -> impl Iterator<Item = &Binding<D>> {
        from(&self.all, destination, "")
    }

    /// As [`route_keys_into`](Self::route_keys_into) for a message with one key.
    pub fn route_into<'a>(
        &self,
        key: &str,
        subject: impl Into<Subject<'a>>,
        routes: &mut Routes<D>,
    ) {
        self.route_keys_into(&[key], &subject.into(), routes);
    }

    /// Adds every destination that a message with one of these routing keys matches. The first
    /// is its own, the others come from CC and BCC; a kind that chooses one destination does so
    /// once for all of them.
    pub fn route_keys_into(&self, keys: &[&str], subject: &Subject<'_>, routes: &mut Routes<D>) {
        match &self.index {
            Index::Direct(direct) => keys.iter().for_each(|key| direct.route_into(key, routes)),
            Index::Topic(topic) => keys.iter().for_each(|key| topic.route_into(key, routes)),
            _ if keys.is_empty() => {}
            Index::Fanout(fanout) => fanout.route_into(routes),
            Index::Headers(index) => index.route_into(subject.headers, routes),
            Index::ConsistentHash(hash) => {
                hash.route_into(keys.first().unwrap_or(&""), subject, routes);
            }
            Index::ModulusHash(hash) => hash.route_into(keys, routes),
            Index::Random(random) => random.route_into(routes),
        }
    }

    /// Whether the same keys lead to the same destinations until the bindings change, so that
    /// the caller may remember them. If not, headers, properties or chance take part.
    #[must_use]
    pub fn is_repeatable(&self) -> bool {
        match &self.index {
            Index::Direct(_) | Index::Fanout(_) | Index::Topic(_) | Index::ModulusHash(_) => true,
            Index::ConsistentHash(hash) => hash.hashes_the_key(),
            Index::Headers(_) | Index::Random(_) => false,
        }
    }
}

/// The bindings to one destination whose key is `key` or comes after it.
fn from<'a, D: Destination>(
    all: &'a BTreeSet<Binding<D>>,
    destination: D,
    key: &str,
) -> impl Iterator<Item = &'a Binding<D>> + use<'a, D> {
    // The empty table orders first, so this is the least binding with that key.
    let least = Binding::new(destination, key, &FieldTable::default());
    all.range(least..)
        .take_while(move |binding| binding.destination == destination)
}

fn first_from<'a, D: Destination>(
    all: &'a BTreeSet<Binding<D>>,
    destination: D,
    key: &str,
) -> Option<&'a Binding<D>> {
    from(all, destination, key).next()
}

/// Whether some binding has this destination and key, whatever its arguments.
fn holds<D: Destination>(all: &BTreeSet<Binding<D>>, destination: D, key: &str) -> bool {
    first_from(all, destination, key).is_some_and(|binding| &*binding.key == key)
}

#[cfg(test)]
mod tests;
