//! Message properties from JSON.

use codec::{BasicProperties, ShortString};
use serde_json::{Map, Value};

use crate::error::ApiError;
use crate::table;

/// The properties of a message to publish. Unknown ones are refused: a misspelt name would
/// otherwise be lost in silence.
pub(crate) fn from_json(object: Option<&Map<String, Value>>) -> Result<BasicProperties, ApiError> {
    let mut properties = BasicProperties::default();
    for (name, value) in object.into_iter().flatten() {
        properties = match name.as_str() {
            "content_type" => properties.with_content_type(text(name, value)?),
            "content_encoding" => properties.with_content_encoding(text(name, value)?),
            "headers" => properties.with_headers(headers(value)?),
            "delivery_mode" => properties.with_delivery_mode(octet(name, value)?),
            "priority" => properties.with_priority(octet(name, value)?),
            "correlation_id" => properties.with_correlation_id(text(name, value)?),
            "reply_to" => properties.with_reply_to(text(name, value)?),
            "expiration" => properties.with_expiration(text(name, value)?),
            "message_id" => properties.with_message_id(text(name, value)?),
            "timestamp" => properties.with_timestamp(number(name, value)?),
            "type" => properties.with_type(text(name, value)?),
            "user_id" => properties.with_user_id(text(name, value)?),
            "app_id" => properties.with_app_id(text(name, value)?),
            "cluster_id" => properties.with_cluster_id(text(name, value)?),
            _ => return Err(ApiError::bad_request(format!("unknown property {name}"))),
        };
    }
    Ok(properties)
}

fn headers(value: &Value) -> Result<codec::FieldTable, ApiError> {
    match value {
        Value::Object(object) => table::from_json(object),
        _ => Err(ApiError::bad_request("property headers is not an object")),
    }
}

/// Numbers count as text: an expiration is often written as one.
fn text(name: &str, value: &Value) -> Result<ShortString, ApiError> {
    match value {
        Value::String(text) => table::short_string(text),
        Value::Number(number) => table::short_string(&number.to_string()),
        _ => Err(ApiError::bad_request(format!(
            "property {name} is not a string"
        ))),
    }
}

fn number(name: &str, value: &Value) -> Result<u64, ApiError> {
    let number = match value {
        Value::Number(number) => number.as_u64(),
        Value::String(digits) => digits.parse().ok(),
        _ => None,
    };
    number.ok_or_else(|| ApiError::bad_request(format!("property {name} is not a number")))
}

fn octet(name: &str, value: &Value) -> Result<u8, ApiError> {
    u8::try_from(number(name, value)?)
        .map_err(|_| ApiError::bad_request(format!("property {name} is not from 0 to 255")))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(value: &Value) -> Result<BasicProperties, ApiError> {
        from_json(value.as_object())
    }

    #[test]
    fn every_property_is_taken() {
        let properties = read(&json!({
            "content_type": "text/plain", "content_encoding": "gzip", "headers": {"a": 1},
            "delivery_mode": 2, "priority": "9", "correlation_id": "c", "reply_to": "r",
            "expiration": 1000, "message_id": "m", "timestamp": 1, "type": "t", "user_id": "u",
            "app_id": "a", "cluster_id": "cl",
        }))
        .unwrap();
        assert_eq!(*properties.delivery_mode(), Some(2));
        assert_eq!(*properties.priority(), Some(9));
        assert_eq!(properties.expiration().as_ref().unwrap().as_str(), "1000");
        assert_eq!(*properties.timestamp(), Some(1));
        assert!(properties.headers().is_some() && properties.cluster_id().is_some());
    }

    #[test]
    fn what_can_not_be_is_refused() {
        for bad in [
            json!({"delivery_mode": 256}),
            json!({"delivery_mode": "x"}),
            json!({"headers": []}),
            json!({"type": {}}),
            json!({"app_id": "a".repeat(256)}),
            json!({"no_such": 1}),
        ] {
            assert!(read(&bad).is_err(), "{bad}");
        }
    }
}
