use proptest::prelude::*;

use super::*;
use crate::testing::table;
use crate::{AMQPValue, LongString};

fn field(key: &str, letter: u8, value: &[u8]) -> Vec<u8> {
    let mut bytes = vec![key.len() as u8];
    bytes.extend_from_slice(key.as_bytes());
    bytes.push(letter);
    bytes.extend_from_slice(value);
    bytes
}

fn long(value: &[u8]) -> Vec<u8> {
    let mut bytes = (value.len() as u32).to_be_bytes().to_vec();
    bytes.extend_from_slice(value);
    bytes
}

fn nested(depth: usize, letter: u8) -> Vec<u8> {
    let mut inner = Vec::new();
    for level in (1..depth).rev() {
        let mut outer = if letter == b'A' && level > 1 {
            vec![b'A']
        } else {
            vec![1, b'k', letter]
        };
        outer.extend(long(&inner));
        inner = outer;
    }
    inner
}

#[test]
fn every_letter_rabbitmq_knows_is_taken() {
    let widths = [
        (b't', 1),
        (b'b', 1),
        (b'B', 1),
        (b's', 2),
        (b'u', 2),
        (b'I', 4),
        (b'i', 4),
        (b'l', 8),
        (b'L', 8),
        (b'f', 4),
        (b'd', 8),
        (b'D', 5),
        (b'T', 8),
        (b'V', 0),
    ];
    for (letter, width) in widths {
        let bytes = field("k", letter, &vec![0; width]);
        assert_eq!(validate_table(&bytes), Ok(()), "{}", letter as char);
        assert!(decode_table(&bytes).is_ok(), "{}", letter as char);
        if width > 0 {
            assert_eq!(
                validate_table(&bytes[..bytes.len() - 1]),
                Err(TableError::Truncated)
            );
        }
    }
    for letter in [b'S', b'x', b'A', b'F'] {
        assert_eq!(validate_table(&field("k", letter, &long(b""))), Ok(()));
        assert_eq!(
            validate_table(&field("k", letter, &[0, 0, 0, 1])),
            Err(TableError::Truncated)
        );
    }
}

#[test]
fn no_other_letter_is_taken() {
    for letter in (0..=255u8).filter(|letter| !b"tbBsuIilLfdDTVSxAF".contains(letter)) {
        let bytes = field("k", letter, &[0; 16]);
        assert_eq!(validate_table(&bytes), Err(TableError::UnknownType(letter)));
        assert_eq!(decode_table(&bytes), Err(TableError::UnknownType(letter)));
    }
}

#[test]
fn a_value_may_not_reach_past_the_table_around_it() {
    // The inner table says 2 bytes, its string wants 4 more, which the outer table does have.
    let mut bytes = field("t", b'F', &[0, 0, 0, 3, 1, b's', b'I']);
    bytes.extend([0; 4]);
    assert_eq!(validate_table(&bytes), Err(TableError::Truncated));
}

#[test]
fn depth_is_bounded_for_tables_and_arrays() {
    for letter in *b"FA" {
        assert_eq!(validate_table(&nested(TABLE_DEPTH_MAX, letter)), Ok(()));
        assert!(decode_table(&nested(TABLE_DEPTH_MAX, letter)).is_ok());
        let deeper = nested(TABLE_DEPTH_MAX + 1, letter);
        assert_eq!(validate_table(&deeper), Err(TableError::TooDeep));
        assert_eq!(
            validate_table(&nested(5_000, letter)),
            Err(TableError::TooDeep)
        );
    }
}

#[test]
fn names_must_be_utf8_and_text_need_not() {
    assert_eq!(
        validate_table(&[1, 0xff, b'V']),
        Err(TableError::KeyNotUtf8)
    );
    assert_eq!(validate_table(&field("k", b'S', &long(&[0xff]))), Ok(()));
}

#[test]
fn a_field_is_found_without_building_the_table() {
    let mut bytes = field("first", b'F', &long(&field("CC", b'V', &[])));
    bytes.extend(field("CC", b'A', &long(&[b'S', 0, 0, 0, 1, b'q'])));
    bytes.extend(field("x-delay", b'I', &[0, 0, 1, 0]));
    bytes.extend(field("CC", b'V', &[]));
    assert_eq!(
        find_raw(&bytes, "CC"),
        Some((b'A', &[b'S', 0, 0, 0, 1, b'q'][..]))
    );
    assert_eq!(find_raw(&bytes, "x-delay"), Some((b'I', &[0, 0, 1, 0][..])));
    assert_eq!(find_raw(&bytes, "BCC"), None);
    assert_eq!(find_raw(&[9, 9], "BCC"), None);
}

#[test]
fn of_a_name_given_twice_the_first_counts() {
    let mut bytes = field("k", b'S', &long(b"one"));
    bytes.extend(field("k", b'S', &long(b"two")));
    let table = decode_table(&bytes).unwrap();
    let one = AMQPValue::LongString(LongString::from("one"));
    assert_eq!(table.inner().get("k"), Some(&one));
    assert_eq!(find_raw(&bytes, "k"), Some((b'S', &b"one"[..])));
}

proptest! {
    #[test]
    fn every_table_reads_back(table in table()) {
        let bytes = encode_table(&table);
        prop_assert_eq!(validate_table(&bytes), Ok(()));
        for (key, _) in &table {
            prop_assert!(find_raw(&bytes, key.as_str()).is_some());
        }
        prop_assert_eq!(decode_table(&bytes), Ok(table));
    }

    #[test]
    fn what_is_found_valid_can_be_decoded(
        bytes in prop::collection::vec(
            prop_oneof![0u8..6, prop::sample::select(&b"tbBsuIilLfdDTVSxAFk"[..]), any::<u8>()],
            0..60,
        ),
    ) {
        prop_assert_eq!(validate_table(&bytes).is_ok(), decode_table(&bytes).is_ok());
        let _ = find_raw(&bytes, "k");
    }

    #[test]
    fn a_damaged_table_is_still_a_table_or_an_error(
        table in table(),
        at in any::<prop::sample::Index>(),
        with in any::<u8>(),
    ) {
        let mut bytes = encode_table(&table);
        if !bytes.is_empty() {
            let at = at.index(bytes.len());
            bytes[at] = with;
            prop_assert_eq!(validate_table(&bytes).is_ok(), decode_table(&bytes).is_ok());
            let _ = validate_table(&bytes[..at]);
        }
    }
}
