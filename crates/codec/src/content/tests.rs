use proptest::prelude::*;

use super::*;
use crate::testing;
use crate::{ShortString, to_basic_properties};

fn short(text: &str) -> ShortString {
    ShortString::try_new(text).unwrap()
}

fn again(content: &Content) -> Result<Content, ContentError> {
    Content::from_parts(content.bytes().clone(), content.large_body().cloned())
}

#[test]
fn bodies_of_every_edge_length_are_kept() {
    for len in [0, 1, CONTENT_INLINE_MAX - 1, CONTENT_INLINE_MAX, 300_000] {
        let body = vec![9; len];
        let content = Content::build("e", "k", &BasicProperties::default(), &body).unwrap();
        assert_eq!(
            content.large_body().is_some(),
            len >= CONTENT_INLINE_MAX,
            "{len}"
        );
        for content in [again(&content).unwrap(), content] {
            assert_eq!((content.body(), content.body_len()), (&body[..], len));
            assert_eq!(content.header().body_size, len as u64);
            assert_eq!((content.exchange(), content.routing_key()), ("e", "k"));
            assert!(!content.persistent());
        }
    }
}

#[test]
fn names_have_at_most_255_bytes() {
    let properties = BasicProperties::default();
    let (most, more) = ("n".repeat(255), "n".repeat(256));
    let content = Content::build(&most, &most, &properties, b"body").unwrap();
    assert_eq!(again(&content).unwrap().routing_key(), most);
    let error = Content::build(&more, "", &properties, b"").unwrap_err();
    assert_eq!(error, ContentError::NameTooLong);
    assert_eq!(
        content.with_names("", &more).unwrap_err(),
        ContentError::NameTooLong
    );
}

#[test]
fn renamed_and_with_other_properties_it_is_the_same_message() {
    for body in [vec![], vec![1; 100], vec![2; CONTENT_INLINE_MAX]] {
        let content = Content::build("from", "key", &BasicProperties::default(), &body).unwrap();
        let properties = BasicProperties::default()
            .with_delivery_mode(2)
            .with_reply_to(short("somewhere"));
        let changed = content
            .with_properties(&properties)
            .with_names("", "other")
            .unwrap();
        for changed in [again(&changed).unwrap(), changed] {
            assert_eq!((changed.exchange(), changed.routing_key()), ("", "other"));
            assert_eq!(changed.body(), body);
            assert!(changed.persistent());
            assert_eq!(
                to_basic_properties(&changed.header()),
                Ok(properties.clone())
            );
        }
    }
}

#[test]
fn stored_pieces_that_do_not_fit_each_other_are_refused() {
    let properties = BasicProperties::default();
    let small = Content::build("e", "k", &properties, b"body").unwrap();
    let large = Content::build("e", "k", &properties, &[1; CONTENT_INLINE_MAX]).unwrap();
    let body = large.large_body().cloned();
    let check = |bytes: &Bytes, body, reason| {
        let error = Content::from_parts(bytes.clone(), body).unwrap_err();
        assert_eq!(error, ContentError::Layout(reason));
    };
    check(small.bytes(), body, "two bodies");
    check(large.bytes(), None, "body size");
    check(
        large.bytes(),
        Some(Bytes::from_static(b"short")),
        "body size",
    );
    check(
        &small.bytes().slice(..small.header_end()),
        None,
        "body size",
    );
    check(&small.bytes().slice(..3), None, "routing key");
    check(&small.bytes().slice(..4), None, "end of names");
    check(&Bytes::new(), None, "exchange");
}

#[test]
fn every_cut_of_a_stored_message_is_refused() {
    let content = Content::build("e", "k", &BasicProperties::default(), b"body").unwrap();
    for cut in 0..content.bytes().len() {
        let cut_short = content.bytes().slice(..cut);
        assert!(Content::from_parts(cut_short, None).is_err(), "{cut}");
    }
}

proptest! {
    #[test]
    fn a_built_message_reads_back(
        exchange in testing::short_string(),
        key in testing::short_string(),
        properties in testing::properties(),
        body in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        let built = Content::build(exchange.as_str(), key.as_str(), &properties, &body).unwrap();
        let content = again(&built).unwrap();
        prop_assert_eq!(content.exchange(), exchange.as_str());
        prop_assert_eq!(content.routing_key(), key.as_str());
        prop_assert_eq!(content.body(), &body[..]);
        prop_assert_eq!(content.persistent(), *properties.delivery_mode() == Some(2));
        prop_assert_eq!(content.persistent(), built.persistent());
        prop_assert_eq!(to_basic_properties(&content.header()), Ok(properties));
    }

    #[test]
    fn damaged_bytes_never_panic(
        properties in testing::properties(),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        cut in any::<prop::sample::Index>(),
        body in prop::option::of(prop::collection::vec(any::<u8>(), 0..8)),
    ) {
        let content = Content::build("exchange", "key", &properties, b"body").unwrap();
        let mut bytes = content.bytes().to_vec();
        for (at, value) in damage {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        bytes.truncate(cut.index(bytes.len()) + 1 + bytes.len() / 2);
        if let Ok(content) = Content::from_parts(bytes.into(), body.map(Bytes::from)) {
            let _ = (content.exchange(), content.routing_key(), content.header().properties());
            prop_assert_eq!(content.body().len(), content.body_len());
            prop_assert_eq!(content.header().body_size, content.body_len() as u64);
        }
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..120)) {
        let _ = Content::from_parts(bytes.clone().into(), None);
        let _ = decode_content_header(&bytes).map(|header| header.properties());
    }
}
