use broker::ARGUMENTS_DEPTH_MAX;
use codec::{AMQPValue, LongString};
use serde_json::{Value, json};

use super::*;

fn through(value: Value) -> Value {
    to_json(&from_json(value.as_object().unwrap()).unwrap())
}

#[test]
fn json_survives_the_way_through_amqp() {
    for value in [
        json!({}),
        json!({"x-max-length": 10, "x-overflow": "reject-publish", "ok": true}),
        json!({"n": -1, "big": i64::MAX, "f": 1.5, "none": null}),
        json!({"list": [1, "two", {"three": [3]}], "table": {"a": {"b": "ünï"}}}),
    ] {
        assert_eq!(through(value.clone()), value);
    }
}

#[test]
fn integers_stay_integers() {
    let table = from_json(json!({"x-expires": 1000}).as_object().unwrap()).unwrap();
    assert_eq!(
        table.inner().get("x-expires"),
        Some(&AMQPValue::LongLongInt(1000))
    );
}

#[test]
fn deep_arguments_are_refused() {
    let mut value = json!({});
    for _ in 0..=ARGUMENTS_DEPTH_MAX {
        value = json!({"a": value});
    }
    assert!(from_json(value.as_object().unwrap()).is_err());
    let mut array = json!([]);
    for _ in 0..=ARGUMENTS_DEPTH_MAX {
        array = json!([array]);
    }
    assert!(from_json(json!({"a": array}).as_object().unwrap()).is_err());
}

#[test]
fn long_keys_are_refused() {
    let long = "k".repeat(256);
    assert!(from_json(json!({long: 1}).as_object().unwrap()).is_err());
}

#[test]
fn values_json_cannot_hold_become_null_or_text() {
    let mut table = FieldTable::default();
    table.insert("inf".into(), AMQPValue::Double(f64::INFINITY));
    table.insert(
        "raw".into(),
        AMQPValue::LongString(LongString::from(vec![0xff, b'a'])),
    );
    assert_eq!(to_json(&table), json!({"inf": null, "raw": "\u{fffd}a"}));
}
