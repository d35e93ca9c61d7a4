use amq_protocol::frame::{AMQPFrame, parse_frame};
use bytes::Buf;
use proptest::prelude::*;

use super::*;
use crate::content::CONTENT_INLINE_MAX;
use crate::{AMQPClass, BasicProperties, ShortString, basic, testing};

/// A method with its content, as amq-protocol's own parser reads it.
struct Received {
    method: basic::AMQPMethod,
    properties: BasicProperties,
    body: Vec<u8>,
    body_frames: usize,
}

fn receive(out: &mut OutBuf, channel: u16, frame_max: u32) -> Received {
    let mut bytes = vec![0; out.remaining()];
    out.copy_to_slice(&mut bytes);
    let mut input = &bytes[..];
    let mut next = || {
        let before = input.len();
        let (rest, frame) = parse_frame(input).unwrap();
        assert!(frame_max == 0 || before - rest.len() <= frame_max as usize);
        input = rest;
        (frame, rest.is_empty())
    };
    let (AMQPFrame::Method(on, AMQPClass::Basic(method)), _) = next() else {
        panic!("no method first");
    };
    assert_eq!(on, channel);
    let (AMQPFrame::Header(on, header), mut last) = next() else {
        panic!("no header second")
    };
    assert_eq!(on, channel);
    let (mut body, mut body_frames) = (Vec::new(), 0);
    while !last {
        let (frame, is_last) = next();
        let AMQPFrame::Body(on, piece) = frame else {
            panic!("no body after the header")
        };
        assert_eq!(on, channel);
        assert!(!piece.is_empty());
        body.extend(piece);
        body_frames += 1;
        last = is_last;
    }
    assert_eq!(header.body_size, body.len() as u64);
    Received {
        method,
        properties: header.properties,
        body,
        body_frames,
    }
}

fn head(tag: &[u8]) -> DeliverHead<'_> {
    DeliverHead {
        channel: 0x1234,
        consumer_tag: tag,
        delivery_tag: 77,
        redelivered: true,
    }
}

fn content(body: &[u8]) -> Content {
    let properties = BasicProperties::default().with_priority(3);
    Content::build("exchange", "key", &properties, body).unwrap()
}

fn short(text: &str) -> ShortString {
    ShortString::try_new(text).unwrap()
}

#[test]
fn bodies_are_split_as_the_receiver_needs() {
    for frame_max in [0, 8192, 131_072] {
        let most = if frame_max == 0 {
            usize::MAX
        } else {
            frame_max as usize - FRAME_OVERHEAD
        };
        let lengths = [
            0,
            1,
            8183,
            8184,
            8185,
            CONTENT_INLINE_MAX - 1,
            CONTENT_INLINE_MAX,
            131_064,
            131_065,
            300_000,
        ];
        for len in lengths {
            let body: Vec<u8> = (0..len).map(|at| at as u8).collect();
            let mut out = OutBuf::new();
            deliver(&mut out, head(b"tag"), &content(&body), frame_max);
            let received = receive(&mut out, 0x1234, frame_max);
            assert_eq!(received.body, body, "{len} {frame_max}");
            assert_eq!(
                received.body_frames,
                len.div_ceil(most),
                "{len} {frame_max}"
            );
            assert_eq!(*received.properties.priority(), Some(3));
        }
    }
}

#[test]
fn large_bodies_are_shared_with_the_output() {
    let content = content(&[1; 2 * CONTENT_INLINE_MAX]);
    let mut out = OutBuf::new();
    deliver(&mut out, head(b"tag"), &content, 131_072);
    let copied = out.chunk().len();
    assert!(copied < 200, "{copied}");
    out.advance(copied);
    assert_eq!(out.chunk().as_ptr(), content.large_body().unwrap().as_ptr());
}

#[test]
fn one_message_goes_to_several_channels_with_the_number_of_each() {
    let content = content(b"body");
    let mut out = OutBuf::new();
    for channel in [1, 0x0201, u16::MAX] {
        deliver(
            &mut out,
            DeliverHead {
                channel,
                ..head(b"t")
            },
            &content,
            8192,
        );
        assert_eq!(receive(&mut out, channel, 8192).body, b"body");
    }
    assert_eq!(content.body(), b"body");
}

#[test]
fn consumer_tags_of_every_length_fit() {
    for len in [0, 1, 255] {
        let tag = "t".repeat(len);
        let mut out = OutBuf::new();
        deliver(&mut out, head(tag.as_bytes()), &content(b"x"), 8192);
        let basic::AMQPMethod::Deliver(method) = receive(&mut out, 0x1234, 8192).method else {
            panic!("no deliver");
        };
        assert_eq!(method.consumer_tag.as_str(), tag);
    }
}

#[test]
fn get_ok_puts_the_count_behind_the_names() {
    for body in [vec![], vec![1; 100], vec![2; 50_000]] {
        let head = GetOkHead {
            channel: 9,
            delivery_tag: 5,
            redelivered: false,
            message_count: 1_000_000,
        };
        let mut out = OutBuf::new();
        get_ok(&mut out, head, &content(&body), 8192);
        let received = receive(&mut out, 9, 8192);
        let expected = basic::GetOk {
            delivery_tag: 5,
            redelivered: false,
            exchange: short("exchange"),
            routing_key: short("key"),
            message_count: 1_000_000,
        };
        assert_eq!(received.method, basic::AMQPMethod::GetOk(expected));
        assert_eq!(received.body, body);
    }
}

#[test]
fn a_return_says_why() {
    for body in [vec![], vec![1; 100], vec![2; 50_000]] {
        let mut out = OutBuf::new();
        basic_return(&mut out, 9, 312, "NO_ROUTE", &content(&body), 8192);
        let received = receive(&mut out, 9, 8192);
        let expected = basic::Return {
            reply_code: 312,
            reply_text: short("NO_ROUTE"),
            exchange: short("exchange"),
            routing_key: short("key"),
        };
        assert_eq!(received.method, basic::AMQPMethod::Return(expected));
        assert_eq!(received.body, body);
    }
    let mut out = OutBuf::new();
    basic_return(&mut out, 9, 312, &"ä".repeat(200), &content(b""), 8192);
    receive(&mut out, 9, 8192);
}

proptest! {
    #[test]
    fn a_delivery_says_what_was_published(
        exchange in testing::short_string(),
        key in testing::short_string(),
        tag in testing::short_string(),
        properties in testing::properties(),
        body in prop::collection::vec(any::<u8>(), 0..500),
        delivery_tag in any::<u64>(),
        redelivered in any::<bool>(),
        channel in any::<u16>(),
    ) {
        let content = Content::build(exchange.as_str(), key.as_str(), &properties, &body).unwrap();
        let consumer_tag = tag.as_str().as_bytes();
        let mut out = OutBuf::new();
        let head = DeliverHead { channel, consumer_tag, delivery_tag, redelivered };
        deliver(&mut out, head, &content, 0);
        let received = receive(&mut out, channel, 0);
        let expected = basic::Deliver {
            consumer_tag: tag,
            delivery_tag,
            redelivered,
            exchange,
            routing_key: key,
        };
        prop_assert_eq!(received.method, basic::AMQPMethod::Deliver(expected));
        prop_assert_eq!(received.properties, properties);
        prop_assert_eq!(received.body, body);
    }
}
