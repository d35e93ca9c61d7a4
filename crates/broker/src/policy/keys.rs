//! What policies can set, and what the values may be.

use serde_json::{Map, Value};

use super::PolicyClass;
use super::erlang::{pairs, term};
use crate::queue::{LOCATORS, QueueKind, is_age};

/// What a value may be.
enum Check {
    Text,
    /// A whole number, 0 or more.
    Count,
    /// A whole number, 1 or more.
    Size,
    Integer,
    Flag,
    OneOf(&'static [&'static str]),
    Numbers(u64, u64),
    Age,
}

/// Who may set a key.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Setter {
    Users,
    UsersAndOperator,
}

use Setter::{Users, UsersAndOperator};

const OVERFLOWS: &[&str] = &["drop-head", "reject-publish", "reject-publish-dlx"];
const STRATEGIES: &[&str] = &["at-most-once", "at-least-once"];
const RETRIES: &[&str] = &["disabled", "all", "failed", "returned"];

/// Every key, who may set it, what it may be, and what RabbitMQ calls it when it is not that.
///
/// Those from `consumer-disconnected-timeout` on have no effect here: newer brokers' files have
/// them, or they belong to plugins.
const KEYS: [(&str, Setter, Check, &str); 38] = [
    (
        "alternate-exchange",
        Users,
        Check::Text,
        "a valid alternate exchange name",
    ),
    (
        "dead-letter-exchange",
        Users,
        Check::Text,
        "a valid dead letter exchange name",
    ),
    (
        "dead-letter-routing-key",
        Users,
        Check::Text,
        "a valid dead letter routing key",
    ),
    (
        "dead-letter-strategy",
        Users,
        Check::OneOf(STRATEGIES),
        "a valid dead letter strategy",
    ),
    (
        "message-ttl",
        UsersAndOperator,
        Check::Count,
        "a valid message TTL",
    ),
    (
        "expires",
        UsersAndOperator,
        Check::Size,
        "a valid queue expiry",
    ),
    (
        "max-length",
        UsersAndOperator,
        Check::Count,
        "a valid maximum length",
    ),
    (
        "max-length-bytes",
        UsersAndOperator,
        Check::Count,
        "a valid maximum length in bytes",
    ),
    (
        "max-in-memory-length",
        UsersAndOperator,
        Check::Count,
        "a valid maximum memory in bytes",
    ),
    (
        "max-in-memory-bytes",
        UsersAndOperator,
        Check::Count,
        "a valid maximum memory in bytes",
    ),
    (
        "overflow",
        UsersAndOperator,
        Check::OneOf(OVERFLOWS),
        "a valid overflow value",
    ),
    (
        "delivery-limit",
        UsersAndOperator,
        Check::Integer,
        "a valid delivery limit",
    ),
    (
        "queue-mode",
        Users,
        Check::OneOf(&["default", "lazy"]),
        "a valid queue-mode value",
    ),
    (
        "queue-version",
        UsersAndOperator,
        Check::Numbers(1, 2),
        "a valid queue-version value",
    ),
    (
        "queue-leader-locator",
        Users,
        Check::OneOf(LOCATORS),
        "a valid queue leader locator value",
    ),
    (
        "queue-master-locator",
        Users,
        Check::Text,
        "a valid queue master locator",
    ),
    (
        "initial-cluster-size",
        Users,
        Check::Count,
        "a valid cluster size",
    ),
    (
        "target-group-size",
        UsersAndOperator,
        Check::Count,
        "a valid target group size",
    ),
    (
        "consumer-timeout",
        Users,
        Check::Count,
        "a valid consumer timeout",
    ),
    (
        "x-message-deduplication",
        Users,
        Check::Flag,
        "a valid switch for deduplication",
    ),
    (
        "x-cache-size",
        Users,
        Check::Size,
        "a valid size of a cache of duplicates",
    ),
    (
        "x-cache-ttl",
        Users,
        Check::Size,
        "a valid time for a cache of duplicates",
    ),
    (
        "x-cache-persistence",
        Users,
        Check::OneOf(&["disk", "memory"]),
        "a valid place for a cache of duplicates",
    ),
    ("max-age", Users, Check::Age, "a valid max age"),
    (
        "stream-max-segment-size-bytes",
        Users,
        Check::Count,
        "a valid segment size",
    ),
    (
        "stream-filter-size-bytes",
        Users,
        Check::Numbers(16, 255),
        "a valid filter size",
    ),
    (
        "federation-upstream",
        Users,
        Check::Text,
        "a valid upstream name",
    ),
    (
        "federation-upstream-set",
        Users,
        Check::Text,
        "a valid upstream set name",
    ),
    (
        "federation-upstream-pattern",
        Users,
        Check::Text,
        "a valid upstream pattern",
    ),
    (
        "consumer-disconnected-timeout",
        Users,
        Check::Count,
        "a valid consumer disconnected timeout",
    ),
    (
        "delayed-retry-type",
        UsersAndOperator,
        Check::OneOf(RETRIES),
        "a valid delayed retry type",
    ),
    (
        "delayed-retry-min",
        UsersAndOperator,
        Check::Count,
        "a valid delayed retry minimum",
    ),
    (
        "delayed-retry-max",
        UsersAndOperator,
        Check::Count,
        "a valid delayed retry maximum",
    ),
    (
        "shards-per-node",
        Users,
        Check::Count,
        "a valid number of shards",
    ),
    ("routing-key", Users, Check::Text, "a valid routing key"),
    (
        "max-priority",
        Users,
        Check::Count,
        "a valid maximum priority",
    ),
    (
        "selector-fields",
        Users,
        Check::Text,
        "a valid list of fields",
    ),
    (
        "selector-field-max-bytes",
        Users,
        Check::Count,
        "a valid number of bytes",
    ),
];

/// Keys of mirrored queues, which RabbitMQ 3 had: a definitions file may be full of them.
pub(crate) const DROPPED_PREFIX: &str = "ha-";

/// Keys that a type of queue has no use for. A policy of nothing else does not apply to it.
const NOT_CLASSIC: [&str; 9] = [
    "max-age",
    "stream-max-segment-size-bytes",
    "stream-filter-size-bytes",
    "initial-cluster-size",
    "delivery-limit",
    "dead-letter-strategy",
    "max-in-memory-length",
    "max-in-memory-bytes",
    "target-group-size",
];
const NOT_QUORUM: [&str; 8] = [
    "max-age",
    "stream-max-segment-size-bytes",
    "stream-filter-size-bytes",
    "initial-cluster-size",
    "max-priority",
    "queue-mode",
    "queue-version",
    "queue-master-locator",
];

/// Whether a queue of this type has a use for any key of the definition.
pub(super) fn has_use_for(kind: QueueKind, definition: &Map<String, Value>) -> bool {
    let unsupported: &[&str] = match kind {
        QueueKind::Classic => &NOT_CLASSIC,
        QueueKind::Quorum => &NOT_QUORUM,
    };
    definition
        .keys()
        .any(|key| !unsupported.contains(&key.as_str()))
}

/// Checks a definition, in RabbitMQ's words.
pub(super) fn check(class: PolicyClass, definition: &Map<String, Value>) -> Result<(), String> {
    if definition.is_empty() {
        return Err("no policy provided".to_owned());
    }
    let mut unknown = Map::new();
    let mut wrong = None;
    for (key, value) in definition {
        let known = KEYS.iter().find(|(name, setter, ..)| {
            name == key && (class == PolicyClass::User || *setter == UsersAndOperator)
        });
        match known {
            None => drop(unknown.insert(key.clone(), value.clone())),
            Some((_, _, check, what)) if !is_good(check, value) && wrong.is_none() => {
                wrong = Some(format!("{} is not {what}", term(value)));
            }
            Some(_) => {}
        }
    }
    match wrong {
        Some(wrong) => Err(wrong),
        None if unknown.is_empty() => Ok(()),
        None => Err(format!(
            "{} are not recognised policy settings",
            pairs(&unknown)
        )),
    }
}

fn is_good(check: &Check, value: &Value) -> bool {
    let text = |good: &dyn Fn(&str) -> bool| value.as_str().is_some_and(good);
    match check {
        Check::Text => value.is_string() || value.is_array(),
        Check::Count => value.as_u64().is_some(),
        Check::Size => value.as_u64().is_some_and(|n| n > 0),
        Check::Integer => value.as_i64().is_some(),
        Check::Flag => value.is_boolean(),
        Check::OneOf(words) => text(&|word| words.contains(&word)),
        Check::Numbers(from, to) => value.as_u64().is_some_and(|n| (*from..=*to).contains(&n)),
        Check::Age => text(&is_age),
    }
}
