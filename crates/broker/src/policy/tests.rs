//! What policies are accepted, which apply, and what comes out of two.

use proptest::prelude::*;

use super::*;
use crate::queue::QueueKind;
use crate::tests::{declare, open};
use crate::{Actor, Broker, ExchangeDeclare};

fn value(pattern: &str, priority: i64, definition: Value) -> Value {
    json!({"pattern": pattern, "priority": priority, "apply-to": "all", "definition": definition})
}

fn policy(name: &str, pattern: &str, priority: i64, definition: Value) -> Policy {
    Policy::parse(
        PolicyClass::User,
        name,
        &value(pattern, priority, definition),
    )
    .unwrap()
}

fn refusal(class: PolicyClass, value: &Value) -> String {
    Policy::parse(class, "p", value).unwrap_err()
}

fn refused(definition: Value) -> String {
    let text = refusal(PolicyClass::User, &value(".*", 0, definition));
    let text = text.strip_prefix("Validation failed\n\n").unwrap();
    text.strip_suffix('\n').unwrap().to_owned()
}

#[test]
fn keys_that_nobody_knows_are_refused() {
    assert_eq!(
        refused(json!({"foo": 1, "ha-mode": "all", "message-ttl": 1})),
        r#"[{<<"foo">>,1},{<<"ha-mode">>,<<"all">>}] are not recognised policy settings"#
    );
}

#[test]
fn an_empty_definition_is_no_policy() {
    assert_eq!(refused(json!({})), "no policy provided");
}

#[test]
fn values_are_checked_by_key() {
    for (key, bad, reason) in [
        ("message-ttl", json!(-1), "-1 is not a valid message TTL"),
        (
            "message-ttl",
            json!("1"),
            r#"<<"1">> is not a valid message TTL"#,
        ),
        ("expires", json!(0), "0 is not a valid queue expiry"),
        (
            "max-length",
            json!(1.5),
            "1.5 is not a valid maximum length",
        ),
        (
            "max-length-bytes",
            json!(null),
            "null is not a valid maximum length in bytes",
        ),
        (
            "overflow",
            json!("x"),
            r#"<<"x">> is not a valid overflow value"#,
        ),
        (
            "dead-letter-exchange",
            json!(1),
            "1 is not a valid dead letter exchange name",
        ),
        (
            "alternate-exchange",
            json!(true),
            "true is not a valid alternate exchange name",
        ),
        (
            "delivery-limit",
            json!("x"),
            r#"<<"x">> is not a valid delivery limit"#,
        ),
        ("max-age", json!("1x"), r#"<<"1x">> is not a valid max age"#),
        (
            "queue-mode",
            json!("x"),
            r#"<<"x">> is not a valid queue-mode value"#,
        ),
    ] {
        assert_eq!(refused(json!({key: bad})), reason);
    }
}

#[test]
fn every_known_key_is_taken() {
    let definition = json!({
        "alternate-exchange": "ae", "dead-letter-exchange": "", "dead-letter-routing-key": "k",
        "dead-letter-strategy": "at-least-once", "message-ttl": 0, "expires": 1, "max-length": 0,
        "max-length-bytes": 0, "max-in-memory-length": 0, "max-in-memory-bytes": 0,
        "overflow": "reject-publish-dlx", "delivery-limit": -1, "queue-mode": "lazy",
        "queue-version": 2, "queue-leader-locator": "balanced", "queue-master-locator": "random",
        "initial-cluster-size": 3, "target-group-size": 3, "consumer-timeout": 1000,
        "consumer-disconnected-timeout": 1, "delayed-retry-type": "all", "delayed-retry-min": 1,
        "delayed-retry-max": 2, "max-age": "7D", "stream-max-segment-size-bytes": 1,
        "stream-filter-size-bytes": 16, "federation-upstream": "u",
        "federation-upstream-set": "all", "shards-per-node": 2, "routing-key": "1",
        "x-message-deduplication": true, "x-cache-size": 1, "x-cache-ttl": 1,
        "x-cache-persistence": "disk"
    });
    policy("p", "", 0, definition);
}

#[test]
fn the_operator_may_set_few_keys() {
    let limits = json!({
        "expires": 1, "message-ttl": 1, "max-length": 1, "max-length-bytes": 1,
        "max-in-memory-length": 1, "max-in-memory-bytes": 1, "delivery-limit": 1,
        "overflow": "drop-head", "queue-version": 2, "target-group-size": 3
    });
    Policy::parse(PolicyClass::Operator, "p", &value("", 0, limits)).unwrap();
    let text = refusal(
        PolicyClass::Operator,
        &value("", 0, json!({"dead-letter-exchange": "x"})),
    );
    assert_eq!(
        text,
        "Validation failed\n\n[{<<\"dead-letter-exchange\">>,<<\"x\">>}] are not recognised policy \
         settings\n"
    );
}

#[test]
fn everything_that_is_wrong_is_listed() {
    let bad = json!({"pattern": "[", "priority": "1", "apply-to": "some", "definition": {}});
    let text = refusal(PolicyClass::User, &bad);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[..3], ["Validation failed", "", "no policy provided"]);
    assert!(lines[3].starts_with("apply-to 'some' unrecognised; should be one of: 'queues'"));
    assert!(lines[4].starts_with("pattern should be regular expression but is invalid: "));
    assert_eq!(
        lines[5],
        "priority should be a number, actually was <<\"1\">>"
    );
    let bare = refusal(PolicyClass::User, &json!({"more": 1, "definition": [1]}));
    assert_eq!(
        bare,
        "Validation failed\n\nUnrecognised terms [{<<\"more\">>,1}] in p\n\
         definition must be a dictionary: [1]\nKey \"pattern\" not found in p\n\
         Key \"priority\" not found in p\n"
    );
}

fn set(policies: Vec<Policy>) -> PolicySet {
    let mut set = PolicySet::default();
    for policy in policies {
        set.put(PolicyClass::User, Arc::new(policy));
    }
    set
}

fn of_queue(set: &PolicySet, name: &str, kind: QueueKind) -> Option<String> {
    set.for_queue(name, kind).user.map(|p| p.name().to_string())
}

#[test]
fn the_highest_priority_that_matches_counts() {
    let ttl = || json!({"message-ttl": 1});
    let mut set = set(vec![
        policy("low", ".*", -1, ttl()),
        policy("mid", "^a", 0, ttl()),
        policy("high", "^ab", 10, ttl()),
    ]);
    let classic = QueueKind::Classic;
    assert_eq!(of_queue(&set, "abc", classic).as_deref(), Some("high"));
    assert_eq!(of_queue(&set, "ac", classic).as_deref(), Some("mid"));
    assert_eq!(of_queue(&set, "c", classic).as_deref(), Some("low"));
    set.put(PolicyClass::User, Arc::new(policy("mid", "^a", 20, ttl())));
    assert_eq!(of_queue(&set, "abc", classic).as_deref(), Some("mid"));
    set.remove(PolicyClass::User, "mid");
    assert_eq!(of_queue(&set, "ac", classic).as_deref(), Some("low"));
}

#[test]
fn a_policy_applies_to_the_kinds_it_names() {
    for (word, classic, quorum, exchange) in [
        ("all", true, true, true),
        ("queues", true, true, false),
        ("classic_queues", true, false, false),
        ("quorum_queues", false, true, false),
        ("streams", false, false, false),
        ("exchanges", false, false, true),
    ] {
        let value = json!({
            "pattern": "", "priority": 0, "apply-to": word, "definition": {"message-ttl": 1}
        });
        let set = set(vec![Policy::parse(PolicyClass::User, "p", &value).unwrap()]);
        let applies = (
            of_queue(&set, "q", QueueKind::Classic).is_some(),
            of_queue(&set, "q", QueueKind::Quorum).is_some(),
            set.for_exchange("x").user.is_some(),
        );
        assert_eq!(applies, (classic, quorum, exchange), "{word}");
    }
}

#[test]
fn a_policy_without_a_key_for_the_type_does_not_apply() {
    let set = set(vec![
        policy("limit", "", 9, json!({"delivery-limit": 1})),
        policy("mode", "", 8, json!({"queue-mode": "lazy"})),
        policy("ttl", "", 0, json!({"message-ttl": 1})),
    ]);
    assert_eq!(
        of_queue(&set, "q", QueueKind::Classic).as_deref(),
        Some("mode")
    );
    assert_eq!(
        of_queue(&set, "q", QueueKind::Quorum).as_deref(),
        Some("limit")
    );
}

fn both(user: Value, operator: Value) -> Value {
    let of = |value| match value {
        Value::Object(object) => object,
        _ => Map::new(),
    };
    Value::Object(merge::merged(&of(user), &of(operator)))
}

#[test]
fn the_operator_can_only_tighten() {
    for (key, user, operator, expected) in [
        ("message-ttl", json!(5), json!(9), json!(5)),
        ("expires", json!(9), json!(5), json!(5)),
        ("max-length", json!(5), json!(9), json!(5)),
        ("max-length-bytes", json!(9), json!(5), json!(5)),
        ("delivery-limit", json!(-1), json!(5), json!(5)),
        ("delivery-limit", json!(5), json!(-1), json!(5)),
        ("delivery-limit", json!(5), json!(9), json!(5)),
        ("target-group-size", json!(3), json!(5), json!(5)),
        ("delayed-retry-min", json!(3), json!(5), json!(5)),
        ("delayed-retry-max", json!(3), json!(5), json!(3)),
        (
            "overflow",
            json!("drop-head"),
            json!("reject-publish"),
            json!("reject-publish"),
        ),
        ("queue-version", json!(1), json!(2), json!(2)),
    ] {
        assert_eq!(
            both(json!({key: user}), json!({key: operator})),
            json!({key: expected})
        );
    }
    assert_eq!(
        both(json!({"expires": 1}), json!({"max-length": 2})),
        json!({"expires": 1, "max-length": 2})
    );
}

proptest! {
    #[test]
    fn merges_of_numbers_commute_and_are_the_minimum(a in any::<u32>(), b in any::<u32>()) {
        for key in ["message-ttl", "expires", "max-length", "max-length-bytes"] {
            let (ab, ba) = (both(json!({key: a}), json!({key: b})), both(json!({key: b}), json!({key: a})));
            prop_assert_eq!(&ab, &ba);
            prop_assert_eq!(ab, json!({key: a.min(b)}));
        }
    }

    #[test]
    fn a_limit_of_deliveries_is_never_lifted(a in -3_i64..100, b in -3_i64..100) {
        let merged = stricter_limit(a, b);
        prop_assert_eq!(merged, stricter_limit(b, a));
        prop_assert_eq!(merged < 0, a < 0 && b < 0);
        if a >= 0 && b >= 0 {
            prop_assert_eq!(merged, a.min(b));
        }
    }
}

fn vhost(broker: &Broker) -> Arc<crate::VHost> {
    broker.vhost("/").unwrap()
}

fn actor() -> Actor {
    crate::tests::actor()
}

fn name_of(policy: Option<Arc<Policy>>) -> Option<String> {
    policy.map(|p| p.name().to_string())
}

#[test]
fn policies_reach_queues_that_live_and_queues_to_come() {
    let dir = tempfile::tempdir().unwrap();
    let broker = open(dir.path());
    let vhost = vhost(&broker);
    let old = vhost.declare_queue(declare("old"), &actor()).unwrap().queue;
    let limit = policy("p", "", 0, json!({"max-length": 5}));
    let applied = vhost
        .put_policies(vec![(PolicyClass::User, limit)], "me")
        .unwrap();
    assert!(applied.created && applied.ticket.is_some());
    let new = vhost.declare_queue(declare("new"), &actor()).unwrap().queue;
    for queue in [&old, &new] {
        assert_eq!(name_of(queue.policies().user).as_deref(), Some("p"));
    }
    vhost.delete_policy(PolicyClass::User, "p", "me").unwrap();
    assert!(old.policies().user.is_none() && new.policies().definition().is_none());
    assert!(vhost.delete_policy(PolicyClass::User, "p", "me").is_none());
}

#[test]
fn an_alternate_exchange_comes_and_goes_with_its_policy() {
    let dir = tempfile::tempdir().unwrap();
    let broker = open(dir.path());
    let vhost = vhost(&broker);
    let exchange = ExchangeDeclare {
        name: "x".to_owned(),
        kind: "direct".to_owned(),
        durable: true,
        auto_delete: false,
        internal: false,
        arguments: codec::FieldTable::default(),
    };
    vhost.declare_exchange(&exchange, &actor()).unwrap();
    vhost.declare_queue(declare("q"), &actor()).unwrap();
    let routed = || {
        let route = vhost.route("x", &["q"], &codec::FieldTable::default());
        route.unwrap().queues.len()
    };
    let generation = vhost.generation();
    assert_eq!(routed(), 0);
    // The default exchange routes by the queue's name.
    let to_default = policy("ae", "^x$", 0, json!({"alternate-exchange": ""}));
    vhost
        .put_policies(vec![(PolicyClass::User, to_default)], "me")
        .unwrap();
    assert_eq!(routed(), 1);
    assert!(
        vhost.generation() > generation,
        "cached routes are forgotten"
    );
    vhost.delete_policy(PolicyClass::User, "ae", "me").unwrap();
    assert_eq!(routed(), 0);
}

#[test]
fn policies_and_parameters_survive_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    {
        let broker = open(dir.path());
        let vhost = vhost(&broker);
        vhost.declare_queue(declare("q"), &actor()).unwrap();
        let user = policy("u", "^q", 1, json!({"max-length": 5}));
        vhost
            .put_policies(vec![(PolicyClass::User, user)], "me")
            .unwrap();
        let operator = value("", 0, json!({"max-length": 3}));
        broker
            .set_parameter("/", "operator_policy", "o", operator, "me")
            .unwrap();
        let upstream = json!({"uri": "amqp://"});
        broker
            .set_parameter("/", "federation-upstream", "f", upstream, "me")
            .unwrap();
        broker.set_cluster_name("hares", "me").unwrap();
        broker.set_global_parameter("gone", json!(1), "me").unwrap();
        broker.clear_global_parameter("gone", "me").unwrap();
        broker.close().unwrap();
    }
    let broker = open(dir.path());
    let vhost = vhost(&broker);
    let policies = vhost.queue("q").unwrap().policies();
    assert_eq!(policies.definition().unwrap()["max-length"], json!(3));
    assert_eq!(name_of(policies.user).as_deref(), Some("u"));
    assert_eq!(name_of(policies.operator).as_deref(), Some("o"));
    assert_eq!(broker.cluster_name(), "hares");
    assert_eq!(broker.global_parameter("gone"), None);
    let listed: Vec<_> = vhost
        .parameters(None)
        .into_iter()
        .map(|p| p.component)
        .collect();
    assert_eq!(listed, ["federation-upstream", "operator_policy"]);
}

#[test]
fn parameters_of_unknown_components_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let broker = open(dir.path());
    let refused = |component: &str, value: Value| {
        let error = broker
            .set_parameter("/", component, "n", value, "me")
            .unwrap_err();
        error.to_string()
    };
    assert_eq!(
        refused("foo", json!({})),
        "Validation failed\n\ncomponent foo not found\n"
    );
    assert_eq!(
        refused("policy", json!({})),
        "policies may not be set using this method"
    );
    assert_eq!(
        refused("shovel", json!(1)),
        "Validation failed\n\nn not a list 1\n"
    );
    assert_eq!(
        refused("federation-upstream", json!({})),
        "Validation failed\n\nKey \"uri\" not found in n\n"
    );
    let gone = broker.set_parameter("nowhere", "shovel", "n", json!({}), "me");
    assert!(gone.is_err());
    assert_eq!(
        broker.clear_parameter("/", "shovel", "n", "me").unwrap(),
        None
    );
    broker
        .set_parameter("/", "shovel", "n", json!({}), "me")
        .unwrap();
    assert!(
        broker
            .clear_parameter("/", "shovel", "n", "me")
            .unwrap()
            .is_some()
    );
    assert_eq!(vhost(&broker).parameter("shovel", "n"), None);
}
