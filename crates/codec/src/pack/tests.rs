use bytes::Buf;
use proptest::prelude::*;

use crate::content::{CONTENT_INLINE_MAX, put_body_frame};
use crate::{Content, DeliverHead, Marks, OutBuf, Pack, Properties, Slab, deliver, deliver_pack};

/// Pushes a message without properties, with marks as given.
fn push(slab: &mut Slab, key: &str, body: &[u8], marks: Marks) {
    let plain = Content::build("e", key, &crate::BasicProperties::default(), &[]).unwrap();
    let mut header = plain.bytes()[plain.names_len() + 1..].to_vec();
    let size_at = crate::frame::FRAME_HEAD + 4;
    header[size_at..size_at + 8].copy_from_slice(&(body.len() as u64).to_be_bytes());
    let mut frame = Vec::new();
    put_body_frame(&mut frame, body);
    slab.push(&plain.bytes()[..plain.names_len()], &header, &frame, marks);
}

fn slab(bodies: &[Vec<u8>]) -> Slab {
    let mut slab = Slab::new();
    for (n, body) in bodies.iter().enumerate() {
        push(&mut slab, &format!("k{n}"), body, Marks::default());
    }
    slab
}

fn parts(content: &Content) -> (&[u8], Option<&[u8]>, &str) {
    let large = content.large_body().map(|body| &**body);
    (content.bytes(), large, content.routing_key())
}

fn bytes_of(mut out: OutBuf) -> Vec<u8> {
    let len = out.remaining();
    out.copy_to_bytes(len).to_vec()
}

fn bodies() -> impl Strategy<Value = Vec<Vec<u8>>> {
    let len = prop_oneof![4 => 0..100usize, 2 => 0..6000usize,
        1 => CONTENT_INLINE_MAX - 2..CONTENT_INLINE_MAX + 2];
    prop::collection::vec(len.prop_map(|len| vec![7; len]), 0..40)
}

proptest! {
    #[test]
    fn a_pack_holds_what_was_pushed(bodies in bodies()) {
        let mut drained = Vec::new();
        slab(&bodies).drain_into(&mut drained);
        let mut slab = slab(&bodies);
        let pack = slab.take_pack();
        prop_assert!(slab.is_empty());
        prop_assert_eq!((pack.len(), pack.is_empty()), (bodies.len(), bodies.is_empty()));
        prop_assert_eq!(pack.wire_len(), drained.iter().map(Content::wire_len).sum::<usize>());
        let contents = pack.contents();
        prop_assert_eq!(contents.len(), drained.len());
        let contents: Vec<Content> = contents.collect();
        // They outlive it.
        drop(pack);
        prop_assert_eq!(contents.len(), drained.len());
        for (one, other) in contents.iter().zip(&drained) {
            prop_assert_eq!(parts(one), parts(other));
        }
    }

    #[test]
    fn a_pack_is_delivered_as_its_messages_are(bodies in bodies(), small_frames: bool) {
        let frame_max = if small_frames { 4096 } else { 0 };
        let mut head = DeliverHead {
            channel: 7,
            consumer_tag: b"tag",
            delivery_tag: 41,
            redelivered: false,
        };
        let pack = slab(&bodies).take_pack();
        let (mut together, mut apart) = (OutBuf::new(), OutBuf::new());
        deliver_pack(&mut together, head, &pack, frame_max);
        for content in pack.contents() {
            deliver(&mut apart, head, &content, frame_max);
            head.delivery_tag += 1;
        }
        prop_assert!(bytes_of(together) == bytes_of(apart));
    }
}

#[test]
fn a_pack_knows_what_any_of_its_messages_wants() {
    let persistent = Marks::of(&Properties {
        delivery_mode: Some(2),
        ..Properties::default()
    });
    let expires = Marks::of(&Properties {
        expiration: Some(b"1"),
        ..Properties::default()
    });
    let wants = |marks: &[Marks]| {
        let mut slab = Slab::new();
        for marks in marks {
            push(&mut slab, "k", b"x", *marks);
        }
        let pack: Pack = slab.take_pack();
        (pack.any_persistent(), pack.any_expires())
    };
    let plain = Marks::default();
    assert_eq!(wants(&[plain, plain]), (false, false));
    assert_eq!(wants(&[plain, persistent, plain]), (true, false));
    assert_eq!(wants(&[expires, plain]), (false, true));
}
