//! Headers exchange: binding arguments against message headers.
//!
//! Cost is one comparison per binding; the routing key plays no part. Arguments whose name starts
//! with `x-` belong to the broker and are compared only in the `-with-x` modes, `x-match` never.

use crate::binding::Binding;
use crate::error::BindError;
use crate::routes::{Destination, Routes};
use codec::{AMQPValue, FieldTable};
use std::collections::BTreeMap;

/// Bytes of a refused `x-match` value kept for the reply text, itself limited to 255 bytes.
const X_MATCH_SHOWN_BYTES_MAX: usize = 120;

const X_MATCH: &str = "x-match";

/// Bindings with the mode each was declared with.
#[derive(Debug)]
pub(crate) struct Headers<D> {
    modes: BTreeMap<Binding<D>, XMatch>,
}

impl<D: Destination> Headers<D> {
    pub(crate) fn new() -> Self {
        Self {
            modes: BTreeMap::new(),
        }
    }

    pub(crate) fn insert(&mut self, binding: Binding<D>, mode: XMatch) {
        self.modes.insert(binding, mode);
    }

    pub(crate) fn remove(&mut self, binding: &Binding<D>) {
        self.modes.remove(binding);
    }

    pub(crate) fn route_into(&self, headers: &FieldTable, routes: &mut Routes<D>) {
        for (binding, mode) in &self.modes {
            if mode.matches(&binding.arguments, headers) {
                routes.push(binding.destination);
            }
        }
    }
}

/// The `x-match` argument of a binding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum XMatch {
    All,
    Any,
    AllWithX,
    AnyWithX,
}

impl XMatch {
    /// Reads the mode from binding arguments; absent means `all`.
    pub(crate) fn parse(arguments: &FieldTable) -> Result<Self, BindError> {
        let text = match arguments.inner().get(X_MATCH) {
            None => return Ok(Self::All),
            Some(AMQPValue::LongString(text)) => text.as_bytes(),
            Some(AMQPValue::ShortString(text)) => text.as_str().as_bytes(),
            Some(other) => return Err(bad_type(other)),
        };
        match text {
            b"all" => Ok(Self::All),
            b"any" => Ok(Self::Any),
            b"all-with-x" => Ok(Self::AllWithX),
            b"any-with-x" => Ok(Self::AnyWithX),
            _ => Err(BindError::BadXMatchValue(shown(text))),
        }
    }

    /// Whether a message with these headers satisfies a binding with these arguments.
    fn matches(self, arguments: &FieldTable, headers: &FieldTable) -> bool {
        let mut compared = arguments
            .into_iter()
            .filter(|(name, _)| self.compares(name.as_str()));
        let holds = |(name, wanted): (_, &AMQPValue)| {
            headers
                .inner()
                .get(name)
                .is_some_and(|found| satisfies(wanted, found))
        };
        // An empty `all` holds for every message and an empty `any` for none, as in RabbitMQ.
        match self {
            Self::All | Self::AllWithX => compared.all(holds),
            Self::Any | Self::AnyWithX => compared.any(holds),
        }
    }

    fn compares(self, name: &str) -> bool {
        match self {
            Self::All | Self::Any => !name.starts_with("x-"),
            Self::AllWithX | Self::AnyWithX => name != X_MATCH,
        }
    }
}

/// A void argument asks only that the header is present, with any value.
fn satisfies(wanted: &AMQPValue, found: &AMQPValue) -> bool {
    matches!(wanted, AMQPValue::Void) || same(wanted, found)
}

/// Equality by class: integers by value whatever their width, floats likewise, strings and byte
/// arrays by their bytes. Clients choose the width from the value, so a stricter test would miss
/// messages that look equal to their sender. An integer never equals a float or a timestamp.
fn same(a: &AMQPValue, b: &AMQPValue) -> bool {
    use AMQPValue as V;
    if let (Some(a), Some(b)) = (integer(a), integer(b)) {
        return a == b;
    }
    if let (Some(a), Some(b)) = (bytes(a), bytes(b)) {
        return a == b;
    }
    if let (Some(a), Some(b)) = (float(a), float(b)) {
        return a == b;
    }
    match (a, b) {
        (V::FieldArray(a), V::FieldArray(b)) => {
            let (a, b) = (a.as_slice(), b.as_slice());
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b))
        }
        (V::FieldTable(a), V::FieldTable(b)) => {
            let (a, b) = (a.inner(), b.inner());
            a.len() == b.len()
                && a.iter()
                    .zip(b)
                    .all(|((a_name, a), (b_name, b))| a_name == b_name && same(a, b))
        }
        _ => a == b,
    }
}

fn integer(value: &AMQPValue) -> Option<i64> {
    Some(match *value {
        AMQPValue::ShortShortInt(v) => v.into(),
        AMQPValue::ShortShortUInt(v) => v.into(),
        AMQPValue::ShortInt(v) => v.into(),
        AMQPValue::ShortUInt(v) => v.into(),
        AMQPValue::LongInt(v) => v.into(),
        AMQPValue::LongUInt(v) => v.into(),
        AMQPValue::LongLongInt(v) => v,
        _ => return None,
    })
}

fn bytes(value: &AMQPValue) -> Option<&[u8]> {
    match value {
        AMQPValue::ShortString(v) => Some(v.as_str().as_bytes()),
        AMQPValue::LongString(v) => Some(v.as_bytes()),
        AMQPValue::ByteArray(v) => Some(v.as_slice()),
        _ => None,
    }
}

fn float(value: &AMQPValue) -> Option<f64> {
    match *value {
        AMQPValue::Float(v) => Some(v.into()),
        AMQPValue::Double(v) => Some(v),
        _ => None,
    }
}

fn bad_type(value: &AMQPValue) -> BindError {
    use AMQPValue as V;
    let (type_name, value) = match value {
        V::Boolean(v) => ("bool", v.to_string()),
        V::ShortShortInt(v) => ("byte", v.to_string()),
        V::ShortShortUInt(v) => ("unsignedbyte", v.to_string()),
        V::ShortInt(v) => ("short", v.to_string()),
        V::ShortUInt(v) => ("unsignedshort", v.to_string()),
        V::LongInt(v) => ("signedint", v.to_string()),
        V::LongUInt(v) => ("unsignedint", v.to_string()),
        V::LongLongInt(v) => ("long", v.to_string()),
        V::Float(v) => ("float", format!("{v:?}")),
        V::Double(v) => ("double", format!("{v:?}")),
        V::DecimalValue(v) => ("decimal", format!("{{{},{}}}", v.scale, v.value)),
        V::Timestamp(v) => ("timestamp", v.to_string()),
        V::FieldArray(_) => ("array", "[...]".to_owned()),
        V::FieldTable(_) => ("table", "[...]".to_owned()),
        V::ByteArray(v) => ("binary", format!("<<\"{}\">>", shown(v.as_slice()))),
        V::ShortString(v) => (
            "shortstr",
            format!("<<\"{}\">>", shown(v.as_str().as_bytes())),
        ),
        V::LongString(v) => ("longstr", format!("<<\"{}\">>", shown(v.as_bytes()))),
        V::Void => ("void", "undefined".to_owned()),
    };
    BindError::BadXMatchType { type_name, value }
}

/// The first bytes of a value, printable.
fn shown(value: &[u8]) -> String {
    let start = value.get(..X_MATCH_SHOWN_BYTES_MAX).unwrap_or(value);
    String::from_utf8_lossy(start)
        .chars()
        .filter(|c| !c.is_control())
        .collect()
}

#[cfg(test)]
mod tests;
