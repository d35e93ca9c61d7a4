use super::*;
use codec::FieldArray;
use proptest::prelude::*;

fn value() -> impl Strategy<Value = AMQPValue> {
    let leaf = prop_oneof![
        (0i16..3).prop_map(AMQPValue::ShortInt),
        (0i32..3).prop_map(AMQPValue::LongInt),
        any::<bool>().prop_map(AMQPValue::Boolean),
        prop::sample::select(vec![0.0, -0.0, 1.0, f64::NAN]).prop_map(AMQPValue::Double),
        "[ab]{0,2}".prop_map(|text| AMQPValue::LongString(text.into())),
        Just(AMQPValue::Void),
    ];
    leaf.prop_recursive(2, 6, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3)
                .prop_map(|values| AMQPValue::FieldArray(FieldArray::from(values))),
            entries(inner).prop_map(AMQPValue::FieldTable),
        ]
    })
}

fn entries(value: impl Strategy<Value = AMQPValue>) -> impl Strategy<Value = FieldTable> {
    prop::collection::vec(("[ab]", value), 0..3).prop_map(|entries| {
        let mut table = FieldTable::default();
        for (name, value) in entries {
            table.insert(name.as_str().into(), value);
        }
        table
    })
}

#[test]
fn one_value_in_two_types_makes_two_identities() {
    let (mut short, mut long) = (FieldTable::default(), FieldTable::default());
    short.insert("a".into(), AMQPValue::ShortInt(1));
    long.insert("a".into(), AMQPValue::LongInt(1));
    assert!(compare(&short, &long).is_ne());
}

#[test]
fn not_a_number_is_identical_to_itself() {
    let mut table = FieldTable::default();
    table.insert("a".into(), AMQPValue::Float(f32::NAN));
    assert!(compare(&table, &table).is_eq());
}

proptest! {
    #[test]
    fn the_order_is_total(
        a in entries(value()),
        b in entries(value()),
        c in entries(value()),
    ) {
        prop_assert_eq!(compare(&a, &a), Ordering::Equal);
        prop_assert_eq!(compare(&a, &b), compare(&b, &a).reverse());
        if compare(&a, &b).is_le() && compare(&b, &c).is_le() {
            prop_assert!(compare(&a, &c).is_le());
        }
        // Debug output names type and value, and tells -0.0 from 0.0.
        prop_assert_eq!(compare(&a, &b).is_eq(), format!("{a:?}") == format!("{b:?}"));
        prop_assert!(compare(&FieldTable::default(), &a).is_le());
    }
}
