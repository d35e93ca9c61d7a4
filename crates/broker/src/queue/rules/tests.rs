use codec::AMQPValue;
use proptest::prelude::*;
use serde_json::json;

use super::*;

fn arguments(pairs: &[(&str, AMQPValue)]) -> FieldTable {
    let mut table = FieldTable::default();
    for (key, value) in pairs {
        table.insert((*key).into(), value.clone());
    }
    table
}

fn text(s: &str) -> AMQPValue {
    AMQPValue::LongString(s.as_bytes().into())
}

fn under(pairs: &[(&str, AMQPValue)], policy: Value) -> Rules {
    let Value::Object(policy) = policy else {
        panic!("a policy is an object")
    };
    Rules::under(&arguments(pairs), Some(&policy))
}

#[test]
fn the_lower_of_argument_and_policy_holds() {
    for (argument, key) in [
        ("x-message-ttl", "message-ttl"),
        ("x-expires", "expires"),
        ("x-max-length", "max-length"),
        ("x-max-length-bytes", "max-length-bytes"),
        ("x-consumer-timeout", "consumer-timeout"),
    ] {
        let of = |rules: Rules| match key {
            "message-ttl" => rules.message_ttl_ms,
            "expires" => rules.expires_ms,
            "max-length" => rules.max_length,
            "max-length-bytes" => rules.max_length_bytes,
            _ => rules.consumer_timeout_ms,
        };
        let given = [(argument, AMQPValue::LongInt(10))];
        assert_eq!(of(under(&given, json!({key: 5}))), Some(5), "{key}");
        assert_eq!(of(under(&given, json!({key: 20}))), Some(10), "{key}");
        assert_eq!(of(under(&[], json!({key: 20}))), Some(20), "{key}");
        assert_eq!(of(under(&given, json!({}))), Some(10), "{key}");
    }
}

#[test]
fn dead_letter_arguments_win_over_policies() {
    let policy = json!({"dead-letter-exchange": "p", "dead-letter-routing-key": "pk"});
    let rules = under(&[("x-dead-letter-exchange", text("a"))], policy.clone());
    assert_eq!(rules.dead_letter_exchange.as_deref(), Some("a"));
    assert_eq!(rules.dead_letter_routing_key.as_deref(), Some("pk"));
    let rules = under(&[], policy);
    assert_eq!(rules.dead_letter_exchange.as_deref(), Some("p"));
}

#[test]
fn overflow_of_the_argument_wins_on_classic_queues_that_of_the_policy_on_quorum_queues() {
    let policy = json!({"overflow": "reject-publish"});
    let argument = ("x-overflow", text("drop-head"));
    let classic = under(std::slice::from_ref(&argument), policy.clone());
    assert_eq!(classic.overflow, Overflow::DropHead);
    let quorum = under(&[argument, ("x-queue-type", text("quorum"))], policy);
    assert_eq!(quorum.overflow, Overflow::RejectPublish);
    let quorum = under(
        &[("x-queue-type", text("quorum"))],
        json!({"overflow": "reject-publish-dlx"}),
    );
    assert_eq!(quorum.overflow, Overflow::DropHead);
}

#[test]
fn a_delivery_limit_is_for_quorum_queues_and_a_number_beats_none() {
    let quorum = ("x-queue-type", text("quorum"));
    let of = |argument: Option<i32>, policy: Value| {
        let mut pairs = vec![quorum.clone()];
        pairs.extend(argument.map(|n| ("x-delivery-limit", AMQPValue::LongInt(n))));
        under(&pairs, policy).delivery_limit
    };
    assert_eq!(of(None, json!({})), Some(DELIVERY_LIMIT_DEFAULT));
    assert_eq!(of(Some(-1), json!({})), None);
    assert_eq!(of(Some(-1), json!({"delivery-limit": 7})), Some(7));
    assert_eq!(of(Some(9), json!({"delivery-limit": 7})), Some(7));
    assert_eq!(of(Some(9), json!({"delivery-limit": -1})), Some(9));
    assert_eq!(of(None, json!({"delivery-limit": -1})), None);
    assert_eq!(
        under(&[], json!({"delivery-limit": 7})).delivery_limit,
        None
    );
}

#[test]
fn what_is_fixed_at_declaration_no_policy_changes() {
    let policy = json!({"max-priority": 9, "single-active-consumer": true, "queue-type": "quorum"});
    let rules = under(&[], policy);
    assert_eq!(
        (rules.max_priority, rules.single_active_consumer),
        (0, false)
    );
    assert_eq!(rules.kind, QueueKind::Classic);
}

proptest! {
    #[test]
    fn numbers_are_the_minimum_whoever_says_them(a in 0_u32..1000, p in 0_u32..1000) {
        let says = |argument: u32, policy: u32| {
            let argument = AMQPValue::LongLongInt(argument.into());
            under(&[("x-max-length", argument)], json!({"max-length": policy})).max_length
        };
        prop_assert_eq!(says(a, p), says(p, a));
        prop_assert_eq!(says(a, p), Some(u64::from(a.min(p))));
    }

    #[test]
    fn times_never_exceed_ten_years(ms in any::<u64>()) {
        let rules = under(&[], json!({"message-ttl": ms}));
        prop_assert!(rules.message_ttl_ms.unwrap() <= TIME_MS_MAX.unsigned_abs());
    }
}
