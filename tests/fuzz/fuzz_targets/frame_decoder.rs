//! Everything a connected peer's bytes go through, and everything a stored message's do.
//!
//! `cargo +nightly fuzz run --fuzz-dir tests/fuzz frame_decoder -- -max_total_time=60`

#![no_main]

use bytes::Bytes;
use codec::{Content, FrameKind, OutBuf, Slab};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let _ = codec::decode_protocol_header(input);
    let mut rest = input;
    while let Ok(Some(frame)) = codec::decode_frame(rest, 131_072) {
        decode_payload(frame.kind, frame.payload);
        rest = &rest[frame.wire.len()..];
    }
    decode_payload(FrameKind::Method, input);
    decode_payload(FrameKind::Header, input);
    if let Ok(content) = Content::from_parts(Bytes::copy_from_slice(input), None) {
        round_trip(&content);
    }
});

fn decode_payload(kind: FrameKind, payload: &[u8]) {
    match kind {
        FrameKind::Method => decode_method(payload),
        FrameKind::Header => {
            if let Ok(header) = codec::decode_content_header(payload) {
                let built = codec::to_basic_properties(&header);
                assert_eq!(header.properties().is_ok(), built.is_ok());
            }
        }
        FrameKind::Body | FrameKind::Heartbeat => {}
    }
}

fn decode_method(payload: &[u8]) {
    let _ = codec::decode_ack(payload);
    let _ = codec::prefetch_size(payload);
    if let Some(publish) = codec::decode_publish(payload) {
        assert_eq!(publish.is_ok(), codec::decode_method(payload).is_ok());
    }
    if let Ok(method) = codec::decode_method(payload) {
        let mut out = OutBuf::new();
        codec::encode_method(1, &method, &mut out);
    }
}

/// A message that was taken from storage can be delivered, and comes back as it was.
fn round_trip(content: &Content) {
    let head = codec::DeliverHead {
        channel: 1,
        consumer_tag: b"tag",
        delivery_tag: 1,
        redelivered: false,
    };
    for frame_max in [0, 8192] {
        let mut out = OutBuf::new();
        codec::deliver(&mut out, head, content, frame_max);
        assert!(!out.is_empty());
    }
    let bytes = content.bytes();
    let names_len = 2 + content.exchange().len() + content.routing_key().len();
    let mut slab = Slab::new();
    let header_len = bytes.len() - names_len - 1;
    if content.body().is_empty() && header_len > 0 {
        slab.push(&bytes[..names_len], &bytes[names_len + 1..], &[], content.persistent());
        let mut out = Vec::new();
        slab.drain_into(&mut out);
        assert_eq!(out[0].bytes(), bytes);
    }
}
