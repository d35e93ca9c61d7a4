//! The bindings of one exchange.

use crate::binding::Binding;
use crate::direct::Direct;
use crate::error::BindError;
use crate::fanout::Fanout;
use crate::headers::{Headers, XMatch};
use crate::kind::Kind;
use crate::routes::{Destination, Routes};
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
    all: BTreeSet<Binding<D>>,
    index: Index<D>,
}

#[derive(Debug)]
enum Index<D> {
    Direct(Direct<D>),
    Fanout(Fanout<D>),
    Topic(Topic<D>),
    Headers(Headers<D>),
}

impl<D: Destination> Bindings<D> {
    /// No bindings yet.
    #[must_use]
    pub fn new(kind: Kind) -> Self {
        let index = match kind {
            Kind::Direct => Index::Direct(Direct::new()),
            Kind::Fanout => Index::Fanout(Fanout::new()),
            Kind::Topic => Index::Topic(Topic::new()),
            Kind::Headers => Index::Headers(Headers::new()),
        };
        Self {
            all: BTreeSet::new(),
            index,
        }
    }

    /// The kind given to [`new`](Self::new).
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self.index {
            Index::Direct(_) => Kind::Direct,
            Index::Fanout(_) => Kind::Fanout,
            Index::Topic(_) => Kind::Topic,
            Index::Headers(_) => Kind::Headers,
        }
    }

    /// Adds a binding; `Ok(false)` if one with the same destination, key and arguments exists.
    ///
    /// # Errors
    /// A headers binding whose `x-match` argument is not a known mode, also if it existed.
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
        if self.all.contains(&binding) {
            return Ok(false);
        }
        match &mut self.index {
            Index::Direct(direct) => direct.insert(destination, &binding.key),
            Index::Fanout(fanout) => fanout.insert(destination),
            Index::Topic(topic) => topic.insert(destination, key),
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

    /// Adds every destination that a message with this routing key and these headers matches.
    /// Only a headers exchange looks at `headers`; a message without them has the empty table.
    pub fn route_into(&self, key: &str, headers: &FieldTable, routes: &mut Routes<D>) {
        match &self.index {
            Index::Direct(direct) => direct.route_into(key, routes),
            Index::Fanout(fanout) => fanout.route_into(routes),
            Index::Topic(topic) => topic.route_into(key, routes),
            Index::Headers(index) => index.route_into(headers, routes),
        }
    }

    /// Whether [`route_into`](Self::route_into) looks at headers: if not, the caller need not
    /// decode them, and may remember the result for a key until the bindings change.
    #[must_use]
    pub fn needs_headers(&self) -> bool {
        matches!(self.index, Index::Headers(_))
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
