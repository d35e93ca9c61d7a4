use super::*;
use codec::{ByteArray, DecimalValue, FieldArray};
use proptest::prelude::*;

fn table<const N: usize>(entries: [(&str, AMQPValue); N]) -> FieldTable {
    let mut table = FieldTable::default();
    for (name, value) in entries {
        table.insert(name.into(), value);
    }
    table
}

fn text(text: &str) -> AMQPValue {
    AMQPValue::LongString(text.into())
}

/// Whether a binding with this mode and these arguments takes a message with these headers.
fn takes(mode: &str, arguments: &FieldTable, headers: &FieldTable) -> bool {
    let mut arguments = arguments.clone();
    arguments.insert("x-match".into(), text(mode));
    let mode = XMatch::parse(&arguments).unwrap();
    let mut index = Headers::new();
    index.insert(Binding::new(1, "ignored", &arguments), mode);
    let mut routes = Routes::new();
    index.route_into(headers, &mut routes);
    routes.as_slice() == [1]
}

const MODES: [&str; 4] = ["all", "any", "all-with-x", "any-with-x"];

/// The modes that take the message, in the order of [`MODES`].
fn taking(arguments: &FieldTable, headers: &FieldTable) -> Vec<&'static str> {
    MODES
        .into_iter()
        .filter(|mode| takes(mode, arguments, headers))
        .collect()
}

#[test]
fn x_match_defaults_to_all() {
    assert_eq!(XMatch::parse(&FieldTable::default()), Ok(XMatch::All));
    assert_eq!(XMatch::parse(&table([("a", text("any"))])), Ok(XMatch::All));
}

#[test]
fn an_unknown_x_match_value_is_refused_in_the_words_of_rabbitmq() {
    let error = XMatch::parse(&table([("x-match", text("foo"))])).unwrap_err();
    assert_eq!(
        error.to_string(),
        "Invalid x-match field value <<\"foo\">>; expected all, any, all-with-x, or any-with-x"
    );
}

#[test]
fn an_x_match_that_is_no_string_is_refused_in_the_words_of_rabbitmq() {
    let cases = [
        (AMQPValue::Boolean(true), "bool (value true)"),
        (AMQPValue::LongInt(-1), "signedint (value -1)"),
        (AMQPValue::LongLongInt(1), "long (value 1)"),
        (AMQPValue::Double(1.0), "double (value 1.0)"),
        (AMQPValue::Void, "void (value undefined)"),
        (
            AMQPValue::ByteArray(ByteArray::from(&b"all"[..])),
            "binary (value <<\"all\">>)",
        ),
        (
            AMQPValue::FieldTable(FieldTable::default()),
            "table (value [...])",
        ),
        (
            AMQPValue::DecimalValue(DecimalValue { scale: 1, value: 2 }),
            "decimal (value {1,2})",
        ),
    ];
    for (value, shown) in cases {
        let error = XMatch::parse(&table([("x-match", value)])).unwrap_err();
        let expected = format!("Invalid x-match field type {shown}; expected longstr");
        assert_eq!(error.to_string(), expected);
    }
}

#[test]
fn a_long_or_binary_x_match_value_is_shown_shortened_and_printable() {
    let long = vec![b'\n'; 50]
        .into_iter()
        .chain(vec![0xff; 10_000])
        .collect::<Vec<u8>>();
    let error = XMatch::parse(&table([("x-match", AMQPValue::LongString(long.into()))]));
    let shown = error.unwrap_err().to_string();
    assert!(
        shown.chars().count() < 255 && !shown.contains('\n'),
        "{shown}"
    );
}

#[test]
fn all_wants_every_argument_and_any_wants_one() {
    let arguments = table([("a", text("1")), ("b", text("2"))]);
    assert_eq!(taking(&arguments, &arguments), MODES);
    let one = table([("a", text("1")), ("b", text("other")), ("c", text("3"))]);
    assert_eq!(taking(&arguments, &one), ["any", "any-with-x"]);
    assert!(taking(&arguments, &table([("c", text("1"))])).is_empty());
    assert!(taking(&arguments, &FieldTable::default()).is_empty());
}

#[test]
fn without_arguments_all_takes_everything_and_any_nothing() {
    for headers in [FieldTable::default(), table([("a", text("1"))])] {
        assert_eq!(
            taking(&FieldTable::default(), &headers),
            ["all", "all-with-x"]
        );
    }
}

#[test]
fn x_arguments_count_only_in_the_with_x_modes() {
    let arguments = table([("x-a", text("1"))]);
    assert_eq!(taking(&arguments, &FieldTable::default()), ["all"]);
    assert_eq!(
        taking(&arguments, &arguments),
        ["all", "all-with-x", "any-with-x"]
    );
    let both = table([("x-a", text("1")), ("b", text("2"))]);
    assert_eq!(
        taking(&both, &table([("b", text("2"))])),
        ["all", "any", "any-with-x"]
    );
}

#[test]
fn an_x_match_header_in_the_message_is_not_compared() {
    let headers = table([("x-match", text("any-with-x"))]);
    assert_eq!(
        taking(&FieldTable::default(), &headers),
        ["all", "all-with-x"]
    );
}

#[test]
fn a_void_argument_asks_only_for_presence() {
    let arguments = table([("a", AMQPValue::Void)]);
    for value in [text("x"), AMQPValue::Boolean(false), AMQPValue::Void] {
        assert_eq!(taking(&arguments, &table([("a", value)])), MODES);
    }
    assert!(taking(&arguments, &table([("b", text("x"))])).is_empty());
}

#[test]
fn a_void_header_satisfies_no_argument_with_a_value() {
    let headers = table([("a", AMQPValue::Void)]);
    assert!(taking(&table([("a", text(""))]), &headers).is_empty());
}

#[test]
fn values_of_one_class_are_equal_whatever_their_width() {
    let one = [
        AMQPValue::ShortShortInt(1),
        AMQPValue::ShortShortUInt(1),
        AMQPValue::ShortInt(1),
        AMQPValue::ShortUInt(1),
        AMQPValue::LongInt(1),
        AMQPValue::LongUInt(1),
        AMQPValue::LongLongInt(1),
    ];
    for a in &one {
        for b in &one {
            assert!(same(a, b), "{a:?} {b:?}");
        }
        assert!(!same(a, &AMQPValue::LongInt(2)));
        assert!(!same(a, &AMQPValue::Double(1.0)));
        assert!(!same(a, &AMQPValue::Timestamp(1)));
        assert!(!same(a, &AMQPValue::Boolean(true)));
        assert!(!same(a, &text("1")));
    }
    assert!(!same(
        &AMQPValue::ShortShortInt(-1),
        &AMQPValue::ShortShortUInt(255)
    ));
    assert!(same(&AMQPValue::Float(0.5), &AMQPValue::Double(0.5)));
    assert!(same(&AMQPValue::ShortString("a".into()), &text("a")));
    assert!(same(
        &AMQPValue::ByteArray(ByteArray::from(&b"a"[..])),
        &text("a")
    ));
    assert!(!same(&text("a"), &text("A")));
}

#[test]
fn nested_values_are_compared_all_the_way_down() {
    let array = |value| AMQPValue::FieldArray(FieldArray::from(vec![value, text("z")]));
    let nested = |value| AMQPValue::FieldTable(table([("k", array(value))]));
    assert!(same(
        &nested(AMQPValue::LongInt(1)),
        &nested(AMQPValue::ShortInt(1))
    ));
    assert!(!same(
        &nested(AMQPValue::LongInt(1)),
        &nested(AMQPValue::LongInt(2))
    ));
    let shorter = AMQPValue::FieldArray(FieldArray::from(vec![text("z")]));
    assert!(!same(&array(text("z")), &shorter));
    let renamed = AMQPValue::FieldTable(table([("l", array(text("a")))]));
    assert!(!same(&nested(text("a")), &renamed));
}

fn small_table() -> impl Strategy<Value = FieldTable> {
    let value = prop::sample::select(vec![
        AMQPValue::Void,
        AMQPValue::LongInt(1),
        AMQPValue::ShortInt(1),
        AMQPValue::LongInt(2),
        text("1"),
        AMQPValue::Boolean(true),
    ]);
    let name = prop::sample::select(vec!["a", "b", "x-a", "x-b"]);
    prop::collection::vec((name, value), 0..4).prop_map(|entries| {
        let mut table = FieldTable::default();
        for (name, value) in entries {
            table.insert(name.into(), value);
        }
        table
    })
}

proptest! {
    #[test]
    fn agrees_with_counting_the_matches(arguments in small_table(), headers in small_table()) {
        for mode in MODES {
            let compared: Vec<_> = arguments
                .into_iter()
                .filter(|(name, _)| mode.ends_with("-with-x") || !name.as_str().starts_with("x-"))
                .collect();
            let matched = compared
                .iter()
                .filter(|(name, wanted)| match (wanted, headers.inner().get(name.as_str())) {
                    (_, None) => false,
                    (AMQPValue::Void, Some(_)) => true,
                    (AMQPValue::LongInt(a), Some(AMQPValue::ShortInt(b))) => *a == i32::from(*b),
                    (AMQPValue::ShortInt(a), Some(AMQPValue::LongInt(b))) => i32::from(*a) == *b,
                    (a, Some(b)) => *a == b,
                })
                .count();
            let expected =
                if mode.starts_with("all") { matched == compared.len() } else { matched > 0 };
            prop_assert_eq!(takes(mode, &arguments, &headers), expected, "{}", mode);
        }
    }
}
