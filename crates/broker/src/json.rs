//! AMQP field tables as JSON and back. JSON knows fewer types, so the way back picks the widest:
//! integers become 64-bit signed, other numbers doubles, strings long strings.

use codec::{AMQPValue, FieldArray, FieldTable, LongString, ShortString};
use serde_json::{Map, Number, Value};

/// Levels of nesting accepted in JSON arguments; the AMQP side is bounded by the codec already.
/// serde_json itself stops at 128.
pub const ARGUMENTS_DEPTH_MAX: usize = 32;

/// A table as a JSON object. Bytes that are not UTF-8 show replacement characters.
#[must_use]
pub fn table_to_json(table: &FieldTable) -> Value {
    Value::Object(to_map(table))
}
fn to_map(table: &FieldTable) -> Map<String, Value> {
    table
        .inner()
        .iter()
        .map(|(key, value)| (key.as_str().to_owned(), value_to_json(value)))
        .collect()
}

fn value_to_json(value: &AMQPValue) -> Value {
    match value {
        AMQPValue::Boolean(b) => Value::Bool(*b),
        AMQPValue::ShortShortInt(i) => Value::from(*i),
        AMQPValue::ShortShortUInt(i) => Value::from(*i),
        AMQPValue::ShortInt(i) => Value::from(*i),
        AMQPValue::ShortUInt(i) => Value::from(*i),
        AMQPValue::LongInt(i) => Value::from(*i),
        AMQPValue::LongUInt(i) => Value::from(*i),
        AMQPValue::LongLongInt(i) => Value::from(*i),
        AMQPValue::Timestamp(seconds) => Value::from(*seconds),
        AMQPValue::Float(f) => float_to_json(f64::from(*f)),
        AMQPValue::Double(f) => float_to_json(*f),
        AMQPValue::DecimalValue(d) => {
            float_to_json(f64::from(d.value) / 10f64.powi(i32::from(d.scale)))
        }
        AMQPValue::ShortString(s) => Value::from(s.as_str()),
        AMQPValue::LongString(s) => Value::String(String::from_utf8_lossy(s.as_bytes()).into()),
        AMQPValue::ByteArray(b) => Value::String(String::from_utf8_lossy(b.as_slice()).into()),
        AMQPValue::FieldArray(items) => {
            Value::Array(items.as_slice().iter().map(value_to_json).collect())
        }
        AMQPValue::FieldTable(table) => table_to_json(table),
        AMQPValue::Void => Value::Null,
    }
}

/// JSON has no infinities; they show as null.
fn float_to_json(f: f64) -> Value {
    Number::from_f64(f).map_or(Value::Null, Value::Number)
}

/// A JSON object as a table.
///
/// # Errors
/// Nesting deeper than [`ARGUMENTS_DEPTH_MAX`], and keys longer than a short string.
pub fn table_from_json(object: &Map<String, Value>) -> Result<FieldTable, &'static str> {
    table_at(object, 0)
}

fn table_at(object: &Map<String, Value>, depth: usize) -> Result<FieldTable, &'static str> {
    if depth >= ARGUMENTS_DEPTH_MAX {
        return Err("arguments are nested too deeply");
    }
    let mut table = FieldTable::default();
    for (key, value) in object {
        let key = ShortString::try_new(key.as_str())
            .map_err(|_| "a name or key is longer than 255 bytes")?;
        table.insert(key, value_at(value, depth)?);
    }
    Ok(table)
}

fn value_at(value: &Value, depth: usize) -> Result<AMQPValue, &'static str> {
    Ok(match value {
        Value::Null => AMQPValue::Void,
        Value::Bool(b) => AMQPValue::Boolean(*b),
        Value::Number(number) => number_to_amqp(number),
        Value::String(s) => AMQPValue::LongString(LongString::from(s.as_bytes())),
        Value::Array(items) => {
            if depth >= ARGUMENTS_DEPTH_MAX {
                return Err("arguments are nested too deeply");
            }
            let items: Result<Vec<_>, _> = items.iter().map(|i| value_at(i, depth + 1)).collect();
            AMQPValue::FieldArray(FieldArray::from(items?))
        }
        Value::Object(object) => AMQPValue::FieldTable(table_at(object, depth + 1)?),
    })
}

fn number_to_amqp(number: &Number) -> AMQPValue {
    match number.as_i64() {
        Some(i) => AMQPValue::LongLongInt(i),
        None => AMQPValue::Double(number.as_f64().unwrap_or(f64::NAN)),
    }
}
