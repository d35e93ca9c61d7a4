use proptest::prelude::*;

use super::*;
use crate::decode_method;

fn payload(exchange: &[u8], key: &[u8], flags: u8) -> Vec<u8> {
    let mut bytes = vec![0, 60, 0, 40, 0, 0, exchange.len() as u8];
    bytes.extend_from_slice(exchange);
    bytes.push(key.len() as u8);
    bytes.extend_from_slice(key);
    bytes.push(flags);
    bytes
}

#[test]
fn names_of_every_edge_length_are_read() {
    for (exchange, key) in [(0, 0), (0, 255), (255, 0), (255, 255), (1, 7)] {
        let (exchange, key) = ("e".repeat(exchange), "k".repeat(key));
        let bytes = payload(exchange.as_bytes(), key.as_bytes(), 0b01);
        let publish = decode_publish(&bytes).unwrap().unwrap();
        assert_eq!(
            (publish.exchange, publish.routing_key),
            (&exchange[..], &key[..])
        );
        assert!(publish.mandatory && !publish.immediate);
        assert_eq!(publish_names(&bytes), Some((publish.names, 0b01)));
        assert_eq!(publish.names, &bytes[6..bytes.len() - 1]);
    }
}

#[test]
fn flags_are_told_apart() {
    let bytes = payload(b"", b"q", 0b10);
    let publish = decode_publish(&bytes).unwrap().unwrap();
    assert!(publish.immediate && !publish.mandatory);
}

#[test]
fn another_method_is_left_to_others() {
    assert_eq!(decode_publish(&[0, 60, 0, 80]), None);
    assert_eq!(decode_publish(&[0, 60]), None);
    assert_eq!(publish_names(&[0, 60, 0, 80, 0, 0, 0, 0, 0]), None);
}

#[test]
fn cut_and_overlong_publishes_are_malformed() {
    let whole = payload(b"exchange", b"key", 0);
    for cut in 4..whole.len() {
        assert_eq!(
            decode_publish(&whole[..cut]),
            Some(Err(malformed(TRUNCATED))),
            "{cut}"
        );
        assert_eq!(publish_names(&whole[..cut]), None);
    }
    let mut longer = whole;
    longer.push(0);
    assert_eq!(decode_publish(&longer), Some(Err(malformed(TRAILING))));
}

#[test]
fn names_must_be_utf8() {
    for (exchange, key) in [(&b"\xff"[..], &b"k"[..]), (b"e", b"\xc3")] {
        let bytes = payload(exchange, key, 0);
        assert_eq!(decode_publish(&bytes), Some(Err(malformed(BAD_UTF8))));
    }
    let bytes = payload("ä".as_bytes(), "日本".as_bytes(), 0);
    assert_eq!(decode_publish(&bytes).unwrap().unwrap().routing_key, "日本");
}

proptest! {
    #[test]
    fn it_agrees_with_the_general_decoder(
        tail in prop::collection::vec(any::<u8>(), 0..20),
        lengths in (0u8..8, 0u8..8),
    ) {
        let mut bytes = vec![0, 60, 0, 40, 0, 0, lengths.0];
        bytes.extend(tail);
        if let Some(length) = bytes.get_mut(7 + usize::from(lengths.0)) {
            *length = lengths.1;
        }
        let fast = decode_publish(&bytes).unwrap();
        match (fast, decode_method(&bytes)) {
            (Ok(fast), Ok(crate::AMQPClass::Basic(crate::basic::AMQPMethod::Publish(slow)))) => {
                prop_assert_eq!(fast.exchange, slow.exchange.as_str());
                prop_assert_eq!(fast.routing_key, slow.routing_key.as_str());
                prop_assert_eq!(fast.mandatory, slow.mandatory);
                prop_assert_eq!(fast.immediate, slow.immediate);
            }
            (Err(_), Err(_)) => {}
            (fast, slow) => prop_assert!(false, "{:?} but {:?}", fast, slow),
        }
    }
}
