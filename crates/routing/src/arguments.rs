//! A total order over argument tables, so that they can be part of a binding's identity.
//!
//! `FieldTable` has no `Eq` because it may hold floats. Two tables are one identity only if
//! every type and value is the same, bit for bit: `1` as a short and `1` as a long make two
//! bindings, as they do in RabbitMQ. Nesting is bounded by the codec that decoded the table.

use codec::{AMQPValue, FieldTable};
use std::cmp::Ordering;
use std::sync::{Arc, LazyLock};

static EMPTY: LazyLock<Arc<FieldTable>> = LazyLock::new(Arc::default);

/// The table behind an `Arc`. Most bindings have no arguments: they share one empty table.
pub(crate) fn share(arguments: &FieldTable) -> Arc<FieldTable> {
    if arguments.inner().is_empty() {
        Arc::clone(&EMPTY)
    } else {
        Arc::new(arguments.clone())
    }
}

/// Orders tables by their sorted entries; the empty table comes first.
pub(crate) fn compare(a: &FieldTable, b: &FieldTable) -> Ordering {
    let (mut left, mut right) = (a.inner().iter(), b.inner().iter());
    loop {
        let ((a_name, a_value), (b_name, b_value)) = match (left.next(), right.next()) {
            (Some(a), Some(b)) => (a, b),
            (a, b) => return a.is_some().cmp(&b.is_some()),
        };
        let order = a_name
            .cmp(b_name)
            .then_with(|| compare_values(a_value, b_value));
        if order.is_ne() {
            return order;
        }
    }
}

fn compare_values(a: &AMQPValue, b: &AMQPValue) -> Ordering {
    use AMQPValue as V;
    match (a, b) {
        (V::Boolean(a), V::Boolean(b)) => a.cmp(b),
        (V::ShortShortInt(a), V::ShortShortInt(b)) => a.cmp(b),
        (V::ShortShortUInt(a), V::ShortShortUInt(b)) => a.cmp(b),
        (V::ShortInt(a), V::ShortInt(b)) => a.cmp(b),
        (V::ShortUInt(a), V::ShortUInt(b)) => a.cmp(b),
        (V::LongInt(a), V::LongInt(b)) => a.cmp(b),
        (V::LongUInt(a), V::LongUInt(b)) => a.cmp(b),
        (V::LongLongInt(a), V::LongLongInt(b)) => a.cmp(b),
        (V::Float(a), V::Float(b)) => a.total_cmp(b),
        (V::Double(a), V::Double(b)) => a.total_cmp(b),
        (V::DecimalValue(a), V::DecimalValue(b)) => (a.scale, a.value).cmp(&(b.scale, b.value)),
        (V::ShortString(a), V::ShortString(b)) => a.cmp(b),
        (V::LongString(a), V::LongString(b)) => a.cmp(b),
        (V::FieldArray(a), V::FieldArray(b)) => compare_arrays(a.as_slice(), b.as_slice()),
        (V::Timestamp(a), V::Timestamp(b)) => a.cmp(b),
        (V::FieldTable(a), V::FieldTable(b)) => compare(a, b),
        (V::ByteArray(a), V::ByteArray(b)) => a.as_slice().cmp(b.as_slice()),
        // Different types, or both void: the type letter decides.
        _ => a.get_type().get_id().cmp(&b.get_type().get_id()),
    }
}

fn compare_arrays(a: &[AMQPValue], b: &[AMQPValue]) -> Ordering {
    a.iter()
        .zip(b)
        .map(|(a, b)| compare_values(a, b))
        .find(|order| order.is_ne())
        .unwrap_or_else(|| a.len().cmp(&b.len()))
}

#[cfg(test)]
mod tests;
