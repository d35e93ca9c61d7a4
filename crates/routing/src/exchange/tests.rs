use super::*;
use codec::AMQPValue;
use proptest::prelude::*;

fn none() -> FieldTable {
    FieldTable::default()
}

fn arguments(name: &str, value: &str) -> FieldTable {
    let mut table = FieldTable::default();
    table.insert(name.into(), AMQPValue::LongString(value.into()));
    table
}

fn reached(bindings: &Bindings<u32>, key: &str, headers: &FieldTable) -> Vec<u32> {
    let mut routes = Routes::new();
    bindings.route_into(key, headers, &mut routes);
    let mut found: Vec<_> = routes.iter().collect();
    found.sort_unstable();
    found
}

fn bound(kind: Kind, list: &[(u32, &str)]) -> Bindings<u32> {
    let mut bindings = Bindings::new(kind);
    for (destination, key) in list {
        assert_eq!(bindings.bind(*destination, key, &none()), Ok(true));
    }
    bindings
}

#[test]
fn direct_wants_the_key_byte_for_byte() {
    let bindings = bound(
        Kind::Direct,
        &[(1, "a"), (2, "a"), (3, "A"), (4, ""), (5, "a.*")],
    );
    assert_eq!(reached(&bindings, "a", &none()), [1, 2]);
    assert_eq!(reached(&bindings, "", &none()), [4]);
    assert_eq!(reached(&bindings, "a.*", &none()), [5]);
    assert!(reached(&bindings, "a.b", &none()).is_empty());
}

#[test]
fn fanout_ignores_the_key_and_reaches_each_queue_once() {
    let bindings = bound(Kind::Fanout, &[(1, "a"), (1, "b"), (2, "")]);
    assert_eq!(reached(&bindings, "anything", &none()), [1, 2]);
}

#[test]
fn routes_by_headers_properties_or_chance_are_not_repeatable() {
    for kind in Kind::ALL {
        let bindings = Bindings::<u32>::new(kind);
        assert_eq!(bindings.kind(), kind);
        let varies = matches!(kind, Kind::Headers | Kind::Random | Kind::LocalRandom);
        assert_eq!(bindings.is_repeatable(), !varies, "{kind}");
    }
    for on in [HashOn::MessageId, HashOn::Header("h".into())] {
        assert!(!Bindings::<u32>::hashing(Kind::ConsistentHash, on).is_repeatable());
    }
}

#[test]
fn binding_twice_is_one_binding() {
    for kind in Kind::CORE {
        let mut bindings = Bindings::new(kind);
        assert_eq!(bindings.bind(1, "k", &none()), Ok(true));
        assert_eq!(bindings.bind(1, "k", &none()), Ok(false));
        assert_eq!(bindings.len(), 1);
        assert!(bindings.contains(1, "k", &none()));
        assert!(bindings.unbind(1, "k", &none()));
        assert!(bindings.is_empty());
        assert!(reached(&bindings, "k", &none()).is_empty(), "{kind}");
    }
}

#[test]
fn unbinding_what_is_not_bound_changes_nothing() {
    for kind in Kind::CORE {
        let mut bindings = bound(kind, &[(1, "k")]);
        assert!(!bindings.unbind(2, "k", &none()));
        assert!(!bindings.unbind(1, "other", &none()));
        assert!(!bindings.unbind(1, "k", &arguments("a", "1")));
        assert_eq!(reached(&bindings, "k", &none()), [1], "{kind}");
    }
}

#[test]
fn arguments_make_bindings_distinct() {
    for kind in [Kind::Direct, Kind::Fanout, Kind::Topic] {
        let mut bindings = bound(kind, &[(1, "k")]);
        assert_eq!(bindings.bind(1, "k", &arguments("a", "1")), Ok(true));
        assert_eq!(bindings.len(), 2);
        assert_eq!(reached(&bindings, "k", &none()), [1]);
        assert!(bindings.unbind(1, "k", &none()));
        assert_eq!(
            reached(&bindings, "k", &none()),
            [1],
            "{kind}: the other one remains"
        );
        assert!(bindings.unbind(1, "k", &arguments("a", "1")));
        assert!(reached(&bindings, "k", &none()).is_empty());
    }
}

#[test]
fn headers_bindings_that_differ_only_in_key_are_removed_one_by_one() {
    let mut bindings = bound(Kind::Headers, &[(1, "a"), (1, "b")]);
    assert!(bindings.unbind(1, "a", &none()));
    assert_eq!(reached(&bindings, "", &none()), [1]);
    assert!(bindings.unbind(1, "b", &none()));
    assert!(reached(&bindings, "", &none()).is_empty());
}

#[test]
fn a_refused_headers_binding_leaves_no_trace() {
    let mut bindings = Bindings::new(Kind::Headers);
    let bad = arguments("x-match", "foo");
    assert_eq!(
        bindings.bind(1, "", &bad),
        Err(BindError::BadXMatchValue("foo".to_owned()))
    );
    assert!(bindings.is_empty());
    assert!(reached(&bindings, "", &none()).is_empty());
    assert!(!bindings.unbind(1, "", &bad));
}

#[test]
fn x_match_means_nothing_outside_headers_exchanges() {
    for kind in [Kind::Direct, Kind::Fanout, Kind::Topic] {
        let mut bindings = Bindings::new(kind);
        assert_eq!(bindings.bind(1, "", &arguments("x-match", "foo")), Ok(true));
    }
}

#[test]
fn unbinding_a_destination_returns_exactly_its_bindings() {
    for kind in Kind::CORE {
        let mut bindings = bound(kind, &[(1, "a"), (2, "a"), (1, "b"), (3, "c"), (0, "")]);
        bindings.bind(1, "a", &arguments("h", "v")).unwrap();
        let removed = bindings.unbind_destination(1);
        let keys: Vec<_> = removed.iter().map(|binding| &*binding.key).collect();
        assert_eq!(keys, ["a", "a", "b"], "{kind}");
        assert!(removed.iter().all(|binding| binding.destination == 1));
        assert_eq!(*removed[1].arguments, arguments("h", "v"));
        assert_eq!(bindings.len(), 3);
        assert_eq!(bindings.to_destination(1).count(), 0);
        assert!(!reached(&bindings, "a", &arguments("h", "v")).contains(&1));
        assert!(bindings.unbind_destination(1).is_empty());
    }
}

#[test]
fn a_hundred_thousand_bindings_come_and_go_without_quadratic_work() {
    const COUNT: u32 = 100_000;
    for kind in Kind::CORE {
        let mut bindings = Bindings::new(kind);
        for id in 0..COUNT {
            bindings.bind(id, "shared", &none()).unwrap();
        }
        assert_eq!(reached(&bindings, "shared", &none()).len(), COUNT as usize);
        for id in 0..COUNT {
            assert_eq!(bindings.unbind_destination(id).len(), 1);
        }
        assert!(bindings.is_empty());
        assert!(reached(&bindings, "shared", &none()).is_empty());
    }
}

#[derive(Clone, Debug)]
enum Step {
    Bind(u32, &'static str, bool),
    Unbind(u32, &'static str, bool),
    UnbindDestination(u32),
}

fn step() -> impl Strategy<Value = Step> {
    let key = || prop::sample::select(vec!["", "a", "a.b", "#", "*", "a.#"]);
    prop_oneof![
        4 => (0u32..4, key(), any::<bool>()).prop_map(|(d, k, h)| Step::Bind(d, k, h)),
        3 => (0u32..4, key(), any::<bool>()).prop_map(|(d, k, h)| Step::Unbind(d, k, h)),
        1 => (0u32..4).prop_map(Step::UnbindDestination),
    ]
}

/// Whether a lone binding of this kind reaches its destination.
fn alone(kind: Kind, key: &str, table: &FieldTable, routing_key: &str) -> bool {
    let mut bindings = Bindings::new(kind);
    bindings.bind(0, key, table).unwrap();
    !reached(&bindings, routing_key, &none()).is_empty()
}

proptest! {
    #[test]
    fn any_sequence_of_changes_agrees_with_a_plain_list(
        kind in prop::sample::select(Kind::CORE.to_vec()),
        steps in prop::collection::vec(step(), 0..60),
    ) {
        let table = |with: bool| if with { arguments("h", "v") } else { none() };
        let mut bindings = Bindings::new(kind);
        let mut naive: Vec<(u32, &str, bool)> = Vec::new();
        for step in steps {
            match step {
                Step::Bind(d, k, h) => {
                    let new = !naive.contains(&(d, k, h));
                    if new {
                        naive.push((d, k, h));
                    }
                    prop_assert_eq!(bindings.bind(d, k, &table(h)), Ok(new));
                }
                Step::Unbind(d, k, h) => {
                    let before = naive.len();
                    naive.retain(|entry| *entry != (d, k, h));
                    prop_assert_eq!(bindings.unbind(d, k, &table(h)), naive.len() < before);
                }
                Step::UnbindDestination(d) => {
                    let before = naive.len();
                    naive.retain(|entry| entry.0 != d);
                    prop_assert_eq!(bindings.unbind_destination(d).len(), before - naive.len());
                }
            }
            prop_assert_eq!(bindings.len(), naive.len());
            prop_assert_eq!(bindings.is_empty(), naive.is_empty());
        }
        for routing_key in ["", "a", "a.b", "b"] {
            let mut expected: Vec<_> = naive
                .iter()
                .filter(|(_, k, h)| alone(kind, k, &table(*h), routing_key))
                .map(|(d, ..)| *d)
                .collect();
            expected.sort_unstable();
            expected.dedup();
            prop_assert_eq!(reached(&bindings, routing_key, &none()), expected);
        }
        for (d, k, h) in naive {
            prop_assert!(bindings.contains(d, k, &table(h)));
        }
    }
}

#[test]
fn a_consistent_hash_binding_needs_a_weight_for_its_key() {
    let mut bindings = Bindings::new(Kind::ConsistentHash);
    assert_eq!(bindings.bind(1, "2", &none()), Ok(true));
    assert_eq!(
        bindings.bind(2, "x", &none()).unwrap_err().to_string(),
        "The binding key must be an integer: <<\"x\">>"
    );
    assert_eq!(
        bindings.bind(2, "0", &none()).unwrap_err().to_string(),
        "The binding key must be greater than 0"
    );
    assert_eq!(
        bindings.bind(2, "10001", &none()).unwrap_err().to_string(),
        "The binding key must not exceed 10000"
    );
    assert_eq!(bindings.len(), 1);
}

#[test]
fn an_unbound_hash_destination_gets_nothing_more() {
    for kind in [Kind::ConsistentHash, Kind::ModulusHash, Kind::Random] {
        let mut bindings = bound(kind, &[(1, "1"), (2, "1"), (1, "5")]);
        bindings.unbind(1, "1", &none());
        let both: BTreeSet<u32> = (0..500)
            .flat_map(|key| reached(&bindings, &key.to_string(), &none()))
            .collect();
        assert_eq!(both.len(), 2, "{kind}: the other binding is left");
        bindings.unbind(1, "5", &none());
        for key in 0..100 {
            assert_eq!(reached(&bindings, &key.to_string(), &none()), [2], "{kind}");
        }
    }
}

#[test]
fn hashes_and_chance_choose_one_destination_for_all_keys() {
    for kind in [Kind::ConsistentHash, Kind::ModulusHash, Kind::Random] {
        let bindings = bound(kind, &[(1, "1"), (2, "1"), (3, "1")]);
        let mut used = BTreeSet::new();
        for key in 0..300 {
            let mut routes = Routes::new();
            let (headers, own) = (none(), key.to_string());
            bindings.route_keys_into(&[&own, "cc"], &Subject::from(&headers), &mut routes);
            assert_eq!(routes.len(), 1, "{kind}");
            used.extend(routes.iter());
        }
        assert_eq!(used.len(), 3, "{kind}: all of them are used");
    }
}

#[test]
fn a_local_random_binding_has_no_key() {
    let mut bindings = Bindings::new(Kind::LocalRandom);
    assert_eq!(bindings.bind(1, "", &none()), Ok(true));
    assert_eq!(
        bindings.bind(2, "k", &none()).unwrap_err().to_string(),
        "Non empty binding 'k' key not permitted"
    );
}

#[test]
fn hash_arguments_are_judged_as_by_rabbitmq() {
    assert_eq!(HashOn::parse(&none()), Ok(HashOn::RoutingKey));
    let header = HashOn::parse(&arguments("hash-header", "h"));
    assert_eq!(header, Ok(HashOn::Header("h".into())));
    for (name, on) in [
        ("message_id", HashOn::MessageId),
        ("correlation_id", HashOn::CorrelationId),
        ("timestamp", HashOn::Timestamp),
    ] {
        assert_eq!(HashOn::parse(&arguments("hash-property", name)), Ok(on));
    }
    let unknown = HashOn::parse(&arguments("hash-property", "app_id"));
    assert_eq!(
        unknown.unwrap_err().to_string(),
        "Unsupported property: app_id"
    );
    let mut both = arguments("hash-property", "message_id");
    both.insert("hash-header".into(), AMQPValue::LongString("h".into()));
    assert_eq!(
        HashOn::parse(&both).unwrap_err().to_string(),
        "hash-header and hash-property are mutually exclusive"
    );
}
