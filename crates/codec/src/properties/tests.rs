use proptest::prelude::*;

use super::*;
use crate::testing;

fn header(flags: u16, properties: &[u8]) -> ContentHeader<'_> {
    ContentHeader {
        class_id: 60,
        weight: 0,
        body_size: 0,
        flags,
        properties,
    }
}

#[test]
fn no_flags_mean_no_properties() {
    assert_eq!(header(0, &[]).properties(), Ok(Properties::default()));
    assert_eq!(header(0, &[1]).properties(), Err(ContentError::Trailing));
    assert_eq!(header(0, &[]).delivery_mode(), None);
}

#[test]
fn unknown_bits_are_not_minded() {
    for flags in [0b01, 0b10, 0b11] {
        assert!(header(flags, &[]).properties().is_ok());
        assert!(header(flags, &[0, 1, 2]).properties().is_ok());
        assert!(to_basic_properties(&header(flags, &[0, 1, 2])).is_ok());
    }
}

#[test]
fn strings_must_be_whole_and_may_be_binary() {
    assert_eq!(
        header(property::APP_ID, &[2, b'a']).properties(),
        Err(ContentError::Truncated)
    );
    let binary = header(property::CORRELATION_ID, &[2, 0xff, 0]);
    let properties = binary.properties().unwrap();
    assert_eq!(properties.correlation_id, Some(&[0xff, 0][..]));
    let shown = to_basic_properties(&binary).unwrap();
    assert_eq!(
        shown.correlation_id().as_ref().unwrap().as_str(),
        "\u{fffd}\0"
    );
}

#[test]
fn rewriting_keeps_every_other_byte() {
    let flags =
        property::HEADERS | property::CORRELATION_ID | property::REPLY_TO | property::APP_ID;
    let before = [0, 0, 0, 3, 1, b'k', b'V', 1, 0xff, 1, b'r', 1, b'a'];
    let with = Rewrite {
        reply_to: Some("else"),
        headers: None,
        ..Rewrite::default()
    };
    let rewritten =
        |flags, with| rewrite_properties(&header(flags, &before).properties().unwrap(), with);
    let (after, bytes) = rewritten(flags | 1, &with);
    assert_eq!(after, flags);
    assert_eq!(bytes, [&before[..9], b"\x04else", b"\x01a"].concat());
    let with = Rewrite {
        reply_to: None,
        headers: Some(&[]),
        ..Rewrite::default()
    };
    let (_, bytes) = rewritten(flags, &with);
    assert_eq!(bytes, [&[0; 4], &before[7..]].concat());
}

#[test]
fn headers_must_be_a_sound_table() {
    let sound = [0, 0, 0, 3, 1, b'k', b'V'];
    let properties = header(property::HEADERS, &sound).properties().unwrap();
    assert_eq!(properties.headers, Some(&sound[4..]));
    let unsound = [0, 0, 0, 3, 1, b'k', b'?'];
    assert!(matches!(
        header(property::HEADERS, &unsound).properties(),
        Err(ContentError::Table(_))
    ));
}

proptest! {
    #[test]
    fn all_properties_read_back(expected in testing::properties()) {
        let (flags, bytes) = encode_basic_properties(&expected);
        let header = header(flags, &bytes);
        prop_assert_eq!(header.delivery_mode(), *expected.delivery_mode());
        prop_assert_eq!(header.properties().unwrap().delivery_mode, *expected.delivery_mode());
        prop_assert_eq!(header.properties().unwrap().timestamp, *expected.timestamp());
        prop_assert_eq!(header.properties().unwrap().priority, *expected.priority());
        prop_assert_eq!(to_basic_properties(&header), Ok(expected));
    }

    #[test]
    fn any_bytes_are_properties_or_an_error(
        flags in prop_oneof![any::<u16>(), Just(0), Just(property::DELIVERY_MODE)],
        bytes in prop_oneof![
            prop::collection::vec(prop_oneof![0u8..6, any::<u8>()], 0..80),
            prop::collection::vec(any::<u8>(), 0..2),
        ],
    ) {
        let header = header(flags, &bytes);
        let built = to_basic_properties(&header);
        prop_assert_eq!(header.properties().is_ok(), built.is_ok());
        if header.is_plain() {
            let delivery_mode = header.delivery_mode();
            let plain = Properties { delivery_mode, ..Properties::default() };
            prop_assert_eq!(header.properties(), Ok(plain));
        }
        if let Ok(properties) = header.properties() {
            prop_assert_eq!(properties.delivery_mode, header.delivery_mode());
        }
    }
}
