//! Typed look-ups in built field tables. RabbitMQ takes an integer of any width where it wants one,
//! and so do these.

use crate::{AMQPValue, FieldTable};

/// The value as text, if it is a long string (or, from amq-protocol, a short one) and UTF-8.
pub fn as_str(value: &AMQPValue) -> Option<&str> {
    match value {
        AMQPValue::LongString(text) => std::str::from_utf8(text.as_bytes()).ok(),
        AMQPValue::ShortString(text) => Some(text.as_str()),
        _ => None,
    }
}

/// The value as an integer, if it is one of any width.
pub fn as_int(value: &AMQPValue) -> Option<i64> {
    match *value {
        AMQPValue::ShortShortInt(n) => Some(n.into()),
        AMQPValue::ShortShortUInt(n) => Some(n.into()),
        AMQPValue::ShortInt(n) => Some(n.into()),
        AMQPValue::ShortUInt(n) => Some(n.into()),
        AMQPValue::LongInt(n) => Some(n.into()),
        AMQPValue::LongUInt(n) => Some(n.into()),
        AMQPValue::LongLongInt(n) => Some(n),
        _ => None,
    }
}

/// The field `key` as text; `None` if it is missing or of another type.
pub fn get_str<'a>(table: &'a FieldTable, key: &str) -> Option<&'a str> {
    table.inner().get(key).and_then(as_str)
}

/// The field `key` as an integer; `None` if it is missing or of another type.
pub fn get_int(table: &FieldTable, key: &str) -> Option<i64> {
    table.inner().get(key).and_then(as_int)
}

/// The elements of the field `key`; `None` if it is missing or no array.
pub fn get_array<'a>(table: &'a FieldTable, key: &str) -> Option<&'a [AMQPValue]> {
    match table.inner().get(key)? {
        AMQPValue::FieldArray(values) => Some(values.as_slice()),
        _ => None,
    }
}

/// The field `key` as a boolean; `None` if it is missing or of another type.
pub fn get_bool(table: &FieldTable, key: &str) -> Option<bool> {
    match table.inner().get(key)? {
        AMQPValue::Boolean(value) => Some(*value),
        _ => None,
    }
}

/// The field `key` as a table; `None` if it is missing or of another type.
pub fn get_table<'a>(table: &'a FieldTable, key: &str) -> Option<&'a FieldTable> {
    match table.inner().get(key)? {
        AMQPValue::FieldTable(value) => Some(value),
        _ => None,
    }
}
