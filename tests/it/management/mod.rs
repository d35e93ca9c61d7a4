//! The first slice of the management HTTP API, in RabbitMQ's shape.

mod access;
mod crowd;
mod entities;
mod follow;
mod holders;
mod messages;
mod pairs;
mod selection;
mod views;

use serde_json::Value;

/// Checks that `value` has these keys with these JSON types, given as `key:type` words; a type
/// is one of `string`, `number`, `bool`, `array`, `object`, `any`. More keys may be there.
#[track_caller]
fn has(value: &Value, shape: &str) {
    for word in shape.split_whitespace() {
        let (key, kind) = word.rsplit_once(':').unwrap();
        let found = value
            .get(key)
            .unwrap_or_else(|| panic!("{key} is missing in {value:#}"));
        let ok = match kind {
            "string" => found.is_string(),
            "number" => found.is_number(),
            "bool" => found.is_boolean(),
            "array" => found.is_array(),
            "object" => found.is_object(),
            "any" => true,
            other => panic!("type {other} in the test"),
        };
        assert!(ok, "{key} is no {kind}: {found}");
    }
}

/// The item of a list whose `name` is this.
#[track_caller]
fn named<'a>(list: &'a Value, name: &str) -> &'a Value {
    let items = list.as_array().unwrap_or_else(|| panic!("no list: {list}"));
    let found = items.iter().find(|item| item["name"] == name);
    found.unwrap_or_else(|| panic!("no {name} in {list:#}"))
}
