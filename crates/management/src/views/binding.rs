//! Bindings.

use std::fmt::Write;
use std::hash::{DefaultHasher, Hash, Hasher};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use broker::BindingSpec;
use serde::Serialize;
use serde_json::Value;

use crate::table;

/// One binding.
#[derive(Serialize, Debug)]
pub(crate) struct BindingView<'a> {
    source: &'a str,
    vhost: &'a str,
    destination: &'a str,
    destination_type: &'a str,
    routing_key: &'a str,
    arguments: Value,
    properties_key: String,
}

impl<'a> BindingView<'a> {
    pub(crate) fn of(vhost: &'a str, binding: &'a BindingSpec) -> Self {
        Self {
            source: &binding.source,
            vhost,
            destination: binding.destination.name(),
            destination_type: binding.destination.kind(),
            routing_key: &binding.routing_key,
            arguments: table::to_json(&binding.arguments),
            properties_key: properties_key(binding),
        }
    }
}

/// What names a binding among those with the same ends: its key, and a hash of its arguments.
/// `~` stands for nothing.
pub(crate) fn properties_key(binding: &BindingSpec) -> String {
    let key = quoted(&binding.routing_key);
    if binding.arguments.inner().is_empty() {
        return if key.is_empty() { "~".to_owned() } else { key };
    }
    let mut hasher = DefaultHasher::new();
    codec::encode_table(&binding.arguments).hash(&mut hasher);
    format!(
        "{key}~{}",
        URL_SAFE_NO_PAD.encode(hasher.finish().to_be_bytes())
    )
}

/// Form-encoded, and the tilde too, because it separates.
fn quoted(key: &str) -> String {
    let mut quoted = String::with_capacity(key.len());
    for byte in key.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'-' | b'_' => {
                quoted.push(char::from(byte));
            }
            b' ' => quoted.push('+'),
            _ => {
                let _ = write!(quoted, "%{byte:02X}");
            }
        }
    }
    quoted
}

#[cfg(test)]
mod tests {
    use broker::Destination;
    use codec::{AMQPValue, FieldTable};

    use super::*;

    fn binding(key: &str, arguments: FieldTable) -> BindingSpec {
        BindingSpec {
            source: "x".to_owned(),
            destination: Destination::Queue("q".to_owned()),
            routing_key: key.to_owned(),
            arguments,
        }
    }

    #[test]
    fn keys_are_named_so_that_they_fit_in_a_path() {
        for (key, expected) in [
            ("", "~"),
            ("a.b-c_d", "a.b-c_d"),
            ("a b/#~*", "a+b%2F%23%7E%2A"),
            ("ü", "%C3%BC"),
        ] {
            assert_eq!(
                properties_key(&binding(key, FieldTable::default())),
                expected
            );
        }
    }

    #[test]
    fn arguments_tell_bindings_with_the_same_key_apart() {
        let with = |value: i64| {
            let mut arguments = FieldTable::default();
            arguments.insert("h".into(), AMQPValue::LongLongInt(value));
            properties_key(&binding("k", arguments))
        };
        assert!(with(1).starts_with("k~"));
        assert_ne!(with(1), with(2));
        assert_eq!(with(1), with(1));
    }
}
