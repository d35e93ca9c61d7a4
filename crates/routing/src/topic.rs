//! Topic exchange: a trie of words.
//!
//! ```text
//!   bindings  a.*   a.#.b        root ─ a ─┬─ * [q1]
//!                                          └─ # ─ b [q2]
//! ```
//!
//! Matching walks all states at once, word by word, so it costs at most words × nodes reached and
//! cannot blow up however many `#` the bindings hold. Nodes that do not match are never looked at:
//! the literal child of a node is found by hash.

mod children;

use self::children::Children;
use crate::destinations::Destinations;
use crate::routes::{Destination, Routes};
use std::collections::HashSet;

const ONE_WORD: &str = "*";
const ANY_WORDS: &str = "#";
const ROOT: NodeId = 0;

/// Index into the arena. 32 bits keep a node small; four thousand million do not fit in memory.
type NodeId = u32;

/// Among a hundred thousand bindings, a message's way leads past nodes that no cache holds: at
/// this size each of them is one line of it.
const NODE_BYTES_MAX: usize = 64;
const _: () = assert!(size_of::<Node<(u64, u64)>>() <= NODE_BYTES_MAX);

#[derive(Debug)]
struct Node<D> {
    /// Children under a literal word, the empty word included.
    words: Children,
    /// Child under `*`, or [`ROOT`], which is nobody's child.
    one: NodeId,
    /// Child under `#`, or [`ROOT`].
    any: NodeId,
    /// Destinations of the binding key that ends here.
    destinations: Destinations<D>,
}

impl<D: Destination> Node<D> {
    fn new() -> Self {
        Self {
            words: Children::None,
            one: ROOT,
            any: ROOT,
            destinations: Destinations::None,
        }
    }

    fn child(&self, word: &str) -> Option<NodeId> {
        match word {
            ONE_WORD => self.one(),
            ANY_WORDS => self.any(),
            _ => self.words.get(word),
        }
    }

    fn one(&self) -> Option<NodeId> {
        (self.one != ROOT).then_some(self.one)
    }

    fn any(&self) -> Option<NodeId> {
        (self.any != ROOT).then_some(self.any)
    }

    fn attach(&mut self, word: &str, child: NodeId) {
        match word {
            ONE_WORD => self.one = child,
            ANY_WORDS => self.any = child,
            _ => self.words.insert(word, child),
        }
    }

    fn detach(&mut self, word: &str) {
        match word {
            ONE_WORD => self.one = ROOT,
            ANY_WORDS => self.any = ROOT,
            _ => self.words.remove(word),
        }
    }

    fn is_leaf(&self) -> bool {
        self.words.is_empty() && self.one == ROOT && self.any == ROOT
    }
}

/// The trie. Nodes live in one arena; freed slots are reused.
#[derive(Debug)]
pub(crate) struct Topic<D> {
    nodes: Vec<Node<D>>,
    free: Vec<NodeId>,
}

impl<D: Destination> Topic<D> {
    pub(crate) fn new() -> Self {
        Self {
            nodes: vec![Node::new()],
            free: Vec::new(),
        }
    }

    pub(crate) fn insert(&mut self, destination: D, key: &str) {
        let mut at = ROOT;
        for word in words(key) {
            at = match self.node(at).child(word) {
                Some(child) => child,
                None => {
                    let child = self.allocate();
                    self.node_mut(at).attach(word, child);
                    child
                }
            };
        }
        self.node_mut(at).destinations.insert(destination);
    }

    pub(crate) fn remove(&mut self, destination: D, key: &str) {
        let mut path = Vec::new();
        let mut at = ROOT;
        for word in words(key) {
            let Some(child) = self.node(at).child(word) else {
                return;
            };
            path.push((at, word));
            at = child;
        }
        self.node_mut(at).destinations.remove(destination);
        while let Some((parent, word)) = path.pop() {
            let node = self.node(at);
            if !node.is_leaf() || !node.destinations.is_empty() {
                return;
            }
            self.node_mut(parent).detach(word);
            self.release(at);
            at = parent;
        }
    }

    pub(crate) fn route_into(&self, key: &str, routes: &mut Routes<D>) {
        let mut open = Open::default();
        let mut here = vec![ROOT];
        let mut next = Vec::new();
        self.open(ROOT, &mut open, routes);
        for word in words(key) {
            for &id in here.iter().chain(&open.nodes) {
                let node = self.node(id);
                // By `words`, not `child`: a `*` in a routing key is an ordinary word.
                next.extend(node.words.get(word));
                next.extend(node.one());
            }
            if next.is_empty() && open.nodes.is_empty() {
                return;
            }
            for &id in &next {
                self.open(id, &mut open, routes);
            }
            std::mem::swap(&mut here, &mut next);
            next.clear();
        }
        for id in here {
            self.node(id).destinations.route_into(routes);
        }
    }

    /// Follows `#` from a node without consuming a word. A `#` once reached stays reached, since it
    /// takes any word that follows: so its destinations match now, and it is visited only once.
    fn open(&self, from: NodeId, open: &mut Open, routes: &mut Routes<D>) {
        let mut at = from;
        while let Some(id) = self.node(at).any() {
            if !open.seen.insert(id) {
                return;
            }
            let node = self.node(id);
            node.destinations.route_into(routes);
            if !node.words.is_empty() || node.one != ROOT {
                open.nodes.push(id);
            }
            at = id;
        }
    }

    fn node(&self, id: NodeId) -> &Node<D> {
        &self.nodes[id as usize]
    }

    fn node_mut(&mut self, id: NodeId) -> &mut Node<D> {
        &mut self.nodes[id as usize]
    }

    fn allocate(&mut self) -> NodeId {
        self.free.pop().unwrap_or_else(|| {
            self.nodes.push(Node::new());
            (self.nodes.len() - 1) as NodeId
        })
    }

    fn release(&mut self, id: NodeId) {
        *self.node_mut(id) = Node::new();
        self.free.push(id);
        // Only the root is left: drop the arena instead of keeping its peak size for ever.
        if self.free.len() + 1 == self.nodes.len() {
            self.nodes.truncate(1);
            self.nodes.shrink_to_fit();
            self.free = Vec::new();
        }
    }

    /// Nodes in use, the root included.
    #[cfg(test)]
    pub(crate) fn node_count(&self) -> usize {
        self.nodes.len() - self.free.len()
    }
}

/// The `#` nodes reached so far.
#[derive(Default)]
struct Open {
    seen: HashSet<NodeId>,
    /// Those of `seen` that have children to try with the next word.
    nodes: Vec<NodeId>,
}

/// The words of a key: none for the empty key, otherwise one more than there are dots.
fn words(key: &str) -> impl Iterator<Item = &str> {
    (!key.is_empty())
        .then(|| key.split('.'))
        .into_iter()
        .flatten()
}

#[cfg(test)]
mod tests;
