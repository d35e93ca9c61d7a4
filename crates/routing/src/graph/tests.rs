use super::*;
use crate::{Bindings, Kind};
use codec::FieldTable;
use proptest::prelude::*;
use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};

type To = Target<u32, u32>;

/// Exchanges by number; what is not in the map does not exist.
#[derive(Default)]
struct Exchanges {
    bindings: BTreeMap<u32, Bindings<To>>,
    alternates: BTreeMap<u32, u32>,
    visits: Cell<usize>,
}

impl Exchanges {
    fn exchange(mut self, id: u32, kind: Kind, list: &[(To, &str)]) -> Self {
        let bindings = self
            .bindings
            .entry(id)
            .or_insert_with(|| Bindings::new(kind));
        for (target, key) in list {
            bindings.bind(*target, key, &FieldTable::default()).unwrap();
        }
        self
    }

    fn alternate(mut self, id: u32, alternate: u32) -> Self {
        self.alternates.insert(id, alternate);
        self
    }

    /// Queues reached from exchange 0, in the order found.
    fn reached(&self, keys: &[&str]) -> Vec<u32> {
        let mut routes = Routes::new();
        resolve(self, 0, keys, &FieldTable::default(), &mut routes);
        routes.iter().collect()
    }
}

impl Graph for Exchanges {
    type Exchange = u32;
    type Queue = u32;

    fn route(&self, exchange: u32, keys: &[&str], subject: &Subject<'_>, targets: &mut Routes<To>) {
        self.visits.set(self.visits.get() + 1);
        if let Some(bindings) = self.bindings.get(&exchange) {
            bindings.route_keys_into(keys, subject, targets);
        }
    }

    fn alternate(&self, exchange: u32) -> Option<u32> {
        self.alternates
            .get(&exchange)
            .copied()
            .filter(|id| self.bindings.contains_key(id))
    }
}

use Kind::{Direct, Fanout, Topic};
use Target::{Exchange as X, Queue as Q};

#[test]
fn every_key_counts_and_each_queue_once() {
    let graph = Exchanges::default().exchange(
        0,
        Direct,
        &[(Q(1), "a"), (Q(2), "b"), (Q(1), "b"), (Q(3), "c")],
    );
    assert_eq!(graph.reached(&["a", "b"]), [1, 2]);
    assert_eq!(graph.reached(&["c", "a", "c"]), [3, 1]);
    assert!(graph.reached(&[]).is_empty());
}

#[test]
fn a_bound_exchange_routes_the_same_keys_by_its_own_kind() {
    let graph = Exchanges::default()
        .exchange(0, Topic, &[(X(1), "a.#"), (Q(9), "#.b")])
        .exchange(1, Direct, &[(Q(1), "a.b"), (Q(2), "a.c"), (Q(9), "a.b")]);
    assert_eq!(graph.reached(&["a.b"]), [9, 1]);
    assert_eq!(graph.reached(&["a.c"]), [2]);
    assert_eq!(graph.reached(&["a.c", "a.b"]), [9, 2, 1]);
}

#[test]
fn nearer_queues_come_first() {
    let graph = Exchanges::default()
        .exchange(0, Fanout, &[(X(1), ""), (Q(1), "")])
        .exchange(1, Fanout, &[(X(2), ""), (Q(2), "")])
        .exchange(2, Fanout, &[(Q(3), "")]);
    assert_eq!(graph.reached(&["k"]), [1, 2, 3]);
}

#[test]
fn a_cycle_of_exchanges_ends_with_each_visited_once() {
    let graph = Exchanges::default()
        .exchange(0, Fanout, &[(X(1), ""), (X(0), "")])
        .exchange(1, Fanout, &[(X(2), ""), (Q(1), "")])
        .exchange(2, Fanout, &[(X(0), ""), (X(1), ""), (Q(2), "")]);
    assert_eq!(graph.reached(&["k"]), [1, 2]);
    assert_eq!(graph.visits.get(), 3);
}

#[test]
fn the_alternate_is_consulted_only_when_nothing_matched() {
    let graph = Exchanges::default()
        .exchange(0, Direct, &[(Q(1), "a")])
        .exchange(1, Fanout, &[(Q(2), "")])
        .alternate(0, 1);
    assert_eq!(graph.reached(&["a"]), [1]);
    assert_eq!(graph.reached(&["b"]), [2]);
    assert_eq!(
        graph.reached(&["b", "a"]),
        [1],
        "one matching key of several is a match"
    );
}

#[test]
fn a_bound_exchange_that_leads_nowhere_still_counts_as_a_match() {
    let graph = Exchanges::default()
        .exchange(0, Fanout, &[(X(2), "")])
        .exchange(1, Fanout, &[(Q(1), "")])
        .exchange(2, Direct, &[])
        .alternate(0, 1);
    assert!(graph.reached(&["k"]).is_empty());
}

#[test]
fn each_exchange_on_the_way_has_its_own_alternate() {
    let graph = Exchanges::default()
        .exchange(0, Fanout, &[(X(1), ""), (Q(1), "")])
        .exchange(1, Direct, &[])
        .exchange(2, Fanout, &[(Q(2), "")])
        .alternate(1, 2);
    assert_eq!(graph.reached(&["k"]), [1, 2]);
}

#[test]
fn a_chain_of_alternates_is_followed_and_a_cycle_of_them_ends() {
    let chain = || {
        Exchanges::default()
            .exchange(0, Direct, &[])
            .exchange(1, Direct, &[])
            .alternate(0, 1)
            .alternate(1, 2)
    };
    let found = chain().exchange(2, Fanout, &[(Q(1), "")]);
    assert_eq!(found.reached(&["k"]), [1]);
    let cycle = chain().exchange(2, Direct, &[]).alternate(2, 0);
    assert!(cycle.reached(&["k"]).is_empty());
    assert_eq!(cycle.visits.get(), 3);
    let own = Exchanges::default()
        .exchange(0, Direct, &[])
        .alternate(0, 0);
    assert!(own.reached(&["k"]).is_empty());
}

#[test]
fn a_missing_alternate_or_exchange_is_skipped() {
    let graph = Exchanges::default()
        .exchange(0, Direct, &[(X(7), "gone")])
        .alternate(0, 8);
    assert!(graph.reached(&["k"]).is_empty());
    assert!(graph.reached(&["gone"]).is_empty());
}

#[test]
fn routes_of_several_calls_add_up() {
    let graph = Exchanges::default().exchange(0, Direct, &[(Q(1), "a"), (Q(2), "b")]);
    let mut routes = Routes::new();
    for key in ["b", "a", "b"] {
        resolve(&graph, 0, &[key], &FieldTable::default(), &mut routes);
    }
    assert_eq!(routes.as_slice(), [2, 1]);
}

const EXCHANGES: u32 = 5;
const KEYS: [&str; 3] = ["a", "b", "c"];

/// Repeats until nothing changes: the definition, without an order of visits.
fn closure(
    edges: &[(u32, To, &'static str)],
    alternates: &BTreeMap<u32, u32>,
    keys: &[&str],
) -> BTreeSet<u32> {
    let mut visited = BTreeSet::from([0]);
    let mut queues = BTreeSet::new();
    loop {
        let before = visited.len();
        for exchange in visited.clone() {
            let mut matched = edges
                .iter()
                .filter(|(x, _, k)| *x == exchange && keys.contains(k))
                .peekable();
            if matched.peek().is_none() {
                visited.extend(alternates.get(&exchange));
            }
            for (_, target, _) in matched {
                match target {
                    X(next) => visited.insert(*next),
                    Q(queue) => queues.insert(*queue),
                };
            }
        }
        if visited.len() == before {
            return queues;
        }
    }
}

proptest! {
    #[test]
    fn any_graph_ends_and_reaches_its_closure(
        edges in prop::collection::vec((
            0..EXCHANGES,
            prop_oneof![(0..EXCHANGES).prop_map(X), (0..6u32).prop_map(Q)],
            prop::sample::select(KEYS.to_vec()),
        ), 0..20),
        alternates in prop::collection::btree_map(0..EXCHANGES, 0..EXCHANGES, 0..5),
        keys in prop::collection::vec(prop::sample::select(KEYS.to_vec()), 1..3),
    ) {
        let mut graph = Exchanges { alternates: alternates.clone(), ..Exchanges::default() };
        for id in 0..EXCHANGES {
            graph = graph.exchange(id, Direct, &[]);
        }
        for (exchange, target, key) in &edges {
            graph = graph.exchange(*exchange, Direct, &[(*target, key)]);
        }
        let mut found = graph.reached(&keys);
        found.sort_unstable();
        let expected: Vec<_> = closure(&edges, &alternates, &keys).into_iter().collect();
        prop_assert_eq!(found, expected);
        prop_assert!(graph.visits.get() <= EXCHANGES as usize * keys.len());
    }
}
