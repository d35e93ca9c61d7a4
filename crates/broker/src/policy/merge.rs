//! What comes out when two policies, or a policy and an argument, say something about the same.

use std::cmp::Ordering;

use serde_json::{Map, Value};

/// The definition in effect when a policy of users and one of the operator apply.
pub(super) fn merged(
    user: &Map<String, Value>,
    operator: &Map<String, Value>,
) -> Map<String, Value> {
    let mut all = user.clone();
    for (key, theirs) in operator {
        let value = match user.get(key) {
            None => theirs.clone(),
            Some(ours) => merged_value(key, ours, theirs),
        };
        all.insert(key.clone(), value);
    }
    all
}

/// The value of a key that both policies have. Whoever is stricter wins; where there is nothing
/// like strictness, the operator.
fn merged_value(key: &str, user: &Value, operator: &Value) -> Value {
    let chosen = match key {
        "message-ttl"
        | "expires"
        | "max-length"
        | "max-length-bytes"
        | "max-in-memory-length"
        | "max-in-memory-bytes"
        | "delayed-retry-max" => lower(user, operator),
        "target-group-size" | "delayed-retry-min" => higher(user, operator),
        "delivery-limit" => match (user.as_i64(), operator.as_i64()) {
            (Some(u), Some(o)) => return stricter_limit(u, o).into(),
            _ => operator,
        },
        _ => operator,
    };
    chosen.clone()
}

/// Negative is no limit, so a number beats it.
pub(crate) fn stricter_limit(a: i64, b: i64) -> i64 {
    if a < 0 || b < 0 { a.max(b) } else { a.min(b) }
}

fn lower<'a>(a: &'a Value, b: &'a Value) -> &'a Value {
    if order(a, b) == Ordering::Greater {
        b
    } else {
        a
    }
}

fn higher<'a>(a: &'a Value, b: &'a Value) -> &'a Value {
    if order(a, b) == Ordering::Less { b } else { a }
}

/// Values have been checked: they are whole numbers, 0 or more.
fn order(a: &Value, b: &Value) -> Ordering {
    a.as_u64().cmp(&b.as_u64())
}
