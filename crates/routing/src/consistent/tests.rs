use super::*;
use codec::FieldTable;
use proptest::prelude::*;
use std::collections::HashMap;

fn chosen(index: &ConsistentHash<u32>, key: &str) -> Option<u32> {
    let headers = FieldTable::default();
    let mut routes = Routes::new();
    index.route_into(key, &Subject::from(&headers), &mut routes);
    assert!(routes.len() <= 1);
    routes.iter().next()
}

fn with(weights: &[(u32, u16)]) -> ConsistentHash<u32> {
    let mut index = ConsistentHash::new(HashOn::RoutingKey);
    for (destination, weight) in weights {
        index.insert(*destination, *weight);
    }
    index
}

fn shares(index: &ConsistentHash<u32>, keys: u32) -> HashMap<u32, u32> {
    let mut counts = HashMap::new();
    for key in 0..keys {
        *counts
            .entry(chosen(index, &key.to_string()).unwrap())
            .or_default() += 1;
    }
    counts
}

#[test]
fn nothing_bound_reaches_nothing() {
    assert_eq!(chosen(&with(&[]), "k"), None);
}

#[test]
fn destinations_get_messages_in_proportion_to_their_weight() {
    let counts = shares(&with(&[(1, 1), (2, 1), (3, 2)]), 20_000);
    let near = |id: u32, wanted: u32| counts[&id].abs_diff(wanted) < wanted / 10;
    assert!(
        near(1, 5_000) && near(2, 5_000) && near(3, 10_000),
        "{counts:?}"
    );
}

#[test]
fn the_first_of_two_bindings_to_a_destination_counts() {
    let mut index = with(&[(1, 1), (2, 1)]);
    let before = shares(&index, 1_000);
    index.insert(2, 1_000);
    assert_eq!(shares(&index, 1_000), before);
}

#[test]
fn weights_are_judged_as_by_rabbitmq() {
    assert_eq!(weight("1"), Ok(1));
    assert_eq!(weight("10000"), Ok(10_000));
    assert_eq!(weight("0"), Err(BindError::WeightTooSmall));
    assert_eq!(weight("-7"), Err(BindError::WeightTooSmall));
    assert_eq!(weight("10001"), Err(BindError::WeightTooLarge));
    assert_eq!(weight(&"9".repeat(40)), Err(BindError::WeightTooLarge));
    for bad in ["", "a", "1.5", " 1", "-", "1 "] {
        assert_eq!(weight(bad), Err(BindError::WeightNotInteger(bad.into())));
    }
}

#[test]
fn messages_without_the_header_all_go_to_one_place() {
    let mut index = ConsistentHash::new(HashOn::Header("h".into()));
    for id in 1..=5 {
        index.insert(id, 1);
    }
    let first = chosen(&index, "0");
    assert!((1..100).all(|key| chosen(&index, &key.to_string()) == first));
}

proptest! {
    #[test]
    fn a_new_destination_takes_keys_only_for_itself(count in 1u32..20, weight in 1u16..5) {
        let mut index = with(&(1..=count).map(|id| (id, 1)).collect::<Vec<_>>());
        let before: Vec<_> = (0..200).map(|k| chosen(&index, &k.to_string())).collect();
        index.insert(100, weight);
        for (key, was) in before.iter().enumerate() {
            let now = chosen(&index, &key.to_string());
            prop_assert!(now == *was || now == Some(100));
        }
        index.remove(100, None);
        for (key, was) in before.iter().enumerate() {
            prop_assert_eq!(chosen(&index, &key.to_string()), *was);
        }
    }
}
