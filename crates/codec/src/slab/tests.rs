use proptest::prelude::*;

use super::*;
use crate::BasicProperties;

/// A message as three pieces off the wire.
struct Wire {
    names: Vec<u8>,
    header: Vec<u8>,
    body: Vec<u8>,
}

fn wire(key: &str, body: &[u8]) -> Wire {
    let properties = BasicProperties::default().with_delivery_mode(2);
    let small = Content::build("e", key, &properties, body).unwrap();
    let names_len = small.names_len();
    let header = small.bytes()[names_len + 1..small.header_end()].to_vec();
    let mut body_frame = Vec::new();
    put_body_frame(&mut body_frame, body);
    Wire {
        names: small.bytes()[..names_len].to_vec(),
        header,
        body: body_frame,
    }
}

fn persistent() -> Marks {
    Marks::of(&crate::Properties {
        delivery_mode: Some(2),
        ..crate::Properties::default()
    })
}

fn push(slab: &mut Slab, key: &str, body: &[u8]) {
    let Wire {
        names,
        header,
        body,
    } = wire(key, body);
    slab.push(&names, &header, &body, persistent());
}

fn drain(slab: &mut Slab) -> Vec<Content> {
    let mut out = Vec::new();
    slab.drain_into(&mut out);
    out
}

/// The messages whose bytes follow directly on the previous one's share its slab.
fn slab_sizes(contents: &[Content]) -> Vec<usize> {
    let mut sizes: Vec<usize> = Vec::new();
    let mut end = std::ptr::null();
    for content in contents {
        let bytes = content.bytes();
        match sizes.last_mut() {
            Some(size) if bytes.as_ptr() == end => *size += bytes.len(),
            _ => sizes.push(bytes.len()),
        }
        end = bytes.as_ptr_range().end;
    }
    sizes
}

#[test]
fn messages_come_out_in_order_and_whole() {
    let mut slab = Slab::new();
    for number in 0..500 {
        push(
            &mut slab,
            &format!("key-{number}"),
            format!("body {number}").as_bytes(),
        );
    }
    assert_eq!(slab.len(), 500);
    let contents = drain(&mut slab);
    assert!(slab.is_empty());
    for (number, content) in contents.iter().enumerate() {
        assert_eq!(content.routing_key(), format!("key-{number}"));
        assert_eq!(content.body(), format!("body {number}").as_bytes());
        assert!(content.persistent());
        let again = Content::from_parts(content.bytes().clone(), None).unwrap();
        assert_eq!(again.body(), content.body());
    }
}

#[test]
fn a_run_of_small_messages_shares_slabs_of_bounded_size() {
    for expected in [0, 100_000] {
        let mut slab = Slab::new();
        slab.expect(expected);
        for _ in 0..1_000 {
            push(&mut slab, "key", &[1; 16]);
        }
        let contents = drain(&mut slab);
        let sizes = slab_sizes(&contents);
        assert!(sizes.len() < 10, "{sizes:?}");
        assert!(sizes.iter().all(|size| *size <= SLAB_MAX), "{sizes:?}");
    }
}

#[test]
fn one_message_gets_no_more_memory_than_it_needs() {
    for expected in [0, 128 * 1024] {
        let mut slab = Slab::new();
        slab.expect(expected);
        push(&mut slab, "key", &[1; 100]);
        let contents = drain(&mut slab);
        let bytes = contents[0].bytes().clone();
        drop(contents);
        // Alone it owns its buffer, so turning it back into one shows the capacity.
        let len = bytes.len();
        let buffer = Vec::from(bytes);
        assert!(
            buffer.capacity() <= len + len / 4,
            "{} for {len}",
            buffer.capacity()
        );
    }
}

#[test]
fn an_idle_slab_holds_next_to_nothing() {
    let mut slab = Slab::new();
    slab.expect(128 * 1024);
    for _ in 0..1_000 {
        push(&mut slab, "key", &[1; 100]);
    }
    drain(&mut slab);
    assert_eq!((slab.buffer.capacity(), slab.full.capacity()), (0, 0));
    assert!(slab.places.capacity() <= IDLE_ENTRIES_MAX);
}

#[test]
fn bodies_are_inline_or_shared_by_length() {
    for len in [0, 1, CONTENT_INLINE_MAX - 1, CONTENT_INLINE_MAX, 100_000] {
        let body = Bytes::from(vec![3; len]);
        let Wire {
            names,
            header,
            body: frame,
        } = wire("key", &body);
        let mut slab = Slab::new();
        slab.push(&names, &header, &frame, Marks::default());
        slab.push_large(&names, &header, body.clone(), Marks::default());
        let contents = drain(&mut slab);
        for content in &contents {
            assert_eq!(content.body(), body);
            assert_eq!(
                content.large_body().is_some(),
                len >= CONTENT_INLINE_MAX,
                "{len}"
            );
            let large = content.large_body().cloned();
            assert!(
                Content::from_parts(content.bytes().clone(), large).is_ok(),
                "{len}"
            );
        }
        if let Some(shared) = contents[1].large_body() {
            assert_eq!(shared.as_ptr(), body.as_ptr());
        }
    }
}

#[test]
fn an_empty_body_frame_is_left_out() {
    let Wire { names, header, .. } = wire("key", b"");
    let mut slab = Slab::new();
    slab.push(
        &names,
        &header,
        &[3, 0, 1, 0, 0, 0, 0, FRAME_END],
        Marks::default(),
    );
    let contents = drain(&mut slab);
    assert_eq!(contents[0].body_frame_len(), 0);
    assert!(Content::from_parts(contents[0].bytes().clone(), None).is_ok());
}

proptest! {
    #[test]
    fn every_sequence_of_sizes_comes_out_as_it_went_in(
        sizes in prop::collection::vec(
            prop_oneof![0usize..50, 500usize..2_000, 8_000usize..40_000],
            1..40,
        ),
        expected in prop_oneof![Just(0usize), 0usize..200_000],
        drain_every in 1usize..40,
    ) {
        let mut slab = Slab::new();
        let mut out = Vec::new();
        for (number, len) in sizes.iter().enumerate() {
            if number % drain_every == 0 {
                slab.drain_into(&mut out);
                slab.expect(expected);
            }
            push(&mut slab, &number.to_string(), &vec![number as u8; *len]);
        }
        slab.drain_into(&mut out);
        prop_assert_eq!(out.len(), sizes.len());
        for (number, (content, len)) in out.iter().zip(&sizes).enumerate() {
            prop_assert_eq!(content.routing_key(), number.to_string());
            prop_assert_eq!(content.body(), &vec![number as u8; *len][..]);
        }
    }
}
