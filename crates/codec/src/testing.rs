//! Arbitrary AMQP values for the tests of this crate.

use proptest::prelude::*;

use crate::{AMQPValue, BasicProperties, DecimalValue, FieldArray, FieldTable, ShortString};

pub(crate) fn short_string() -> impl Strategy<Value = ShortString> {
    prop_oneof![
        "[a-z.*#]{0,12}".prop_map(|text| ShortString::try_new(text).unwrap()),
        "\\PC{0,60}".prop_map(|text| ShortString::try_new(text).unwrap()),
        Just(ShortString::try_new("x".repeat(255)).unwrap()),
    ]
}

fn value() -> impl Strategy<Value = AMQPValue> {
    let leaf = prop_oneof![
        any::<bool>().prop_map(AMQPValue::Boolean),
        any::<i8>().prop_map(AMQPValue::ShortShortInt),
        any::<u8>().prop_map(AMQPValue::ShortShortUInt),
        any::<i16>().prop_map(AMQPValue::ShortInt),
        any::<u16>().prop_map(AMQPValue::ShortUInt),
        any::<i32>().prop_map(AMQPValue::LongInt),
        any::<u32>().prop_map(AMQPValue::LongUInt),
        any::<i64>().prop_map(AMQPValue::LongLongInt),
        (-1e9f32..1e9).prop_map(AMQPValue::Float),
        (-1e9f64..1e9).prop_map(AMQPValue::Double),
        (any::<u8>(), any::<u32>())
            .prop_map(|(scale, value)| AMQPValue::DecimalValue(DecimalValue { scale, value })),
        prop::collection::vec(any::<u8>(), 0..40)
            .prop_map(|bytes| AMQPValue::LongString(bytes.into())),
        prop::collection::vec(any::<u8>(), 0..40)
            .prop_map(|bytes| AMQPValue::ByteArray(bytes.into())),
        any::<u64>().prop_map(AMQPValue::Timestamp),
        Just(AMQPValue::Void),
    ];
    leaf.prop_recursive(4, 24, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5)
                .prop_map(|values| AMQPValue::FieldArray(FieldArray::from(values))),
            prop::collection::btree_map(short_string(), inner, 0..5)
                .prop_map(|fields| AMQPValue::FieldTable(FieldTable::from(fields))),
        ]
    })
}

pub(crate) fn table() -> impl Strategy<Value = FieldTable> {
    prop::collection::btree_map(short_string(), value(), 0..6).prop_map(FieldTable::from)
}

pub(crate) fn properties() -> impl Strategy<Value = BasicProperties> {
    let optional = || prop::option::of(short_string());
    let strings = prop::collection::vec(optional(), 10);
    let octets = (
        any::<Option<u8>>(),
        any::<Option<u8>>(),
        any::<Option<u64>>(),
    );
    (strings, prop::option::of(table()), octets).prop_map(|(strings, headers, octets)| {
        let mut to = BasicProperties::default();
        type Setter = fn(BasicProperties, ShortString) -> BasicProperties;
        let setters: [Setter; 10] = [
            BasicProperties::with_content_type,
            BasicProperties::with_content_encoding,
            BasicProperties::with_correlation_id,
            BasicProperties::with_reply_to,
            BasicProperties::with_expiration,
            BasicProperties::with_message_id,
            BasicProperties::with_type,
            BasicProperties::with_user_id,
            BasicProperties::with_app_id,
            BasicProperties::with_cluster_id,
        ];
        for (value, set) in strings.into_iter().zip(setters) {
            to = value.into_iter().fold(to, set);
        }
        to = headers.into_iter().fold(to, BasicProperties::with_headers);
        to = octets
            .0
            .into_iter()
            .fold(to, BasicProperties::with_delivery_mode);
        to = octets
            .1
            .into_iter()
            .fold(to, BasicProperties::with_priority);
        octets
            .2
            .into_iter()
            .fold(to, BasicProperties::with_timestamp)
    })
}
