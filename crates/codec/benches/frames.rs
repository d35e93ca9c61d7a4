//! Frames and back: what is read of a publish, what is written for a delivery, and a method with a
//! table both ways.
//!
//! `cargo bench -p codec --bench frames -- SCENARIO TIMES` does it so often and says nothing: it is
//! run by `tests/instructions`, which counts what happens in `Bench::run…`.

#![allow(
    clippy::expect_used,
    reason = "a benchmark that can't begin has nothing to say"
)]

use std::hint::black_box;

use bytes::Buf;
use codec::{
    AMQPClass, AMQPValue, Content, DeliverHead, FRAME_END, FieldTable, FrameKind, Marks, OutBuf,
    Slab, basic, decode_content_header, decode_frame, decode_method, decode_publish, deliver,
    encode_method, publish_names, queue,
};

/// Messages in one read or write of a socket.
const MESSAGES: u64 = 100;

const FRAME_MAX: u32 = 131_072;

/// Bytes of a body.
const BODY: &[u8] = b"sixteen bytes...";

fn main() {
    let mut words = std::env::args().skip(1).filter(|word| word != "--bench");
    let scenario = words.next().unwrap_or_default();
    let times: u64 = words.next().and_then(|n| n.parse().ok()).unwrap_or(1);
    let mut bench = Bench::new();
    for _ in 0..times.div_ceil(MESSAGES) {
        match &*scenario {
            "publish" => bench.run_publish(),
            "deliver" => bench.run_deliver(),
            "table" => bench.run_table(),
            other => return eprintln!("no scenario {other}"),
        }
    }
}

struct Bench {
    read: Vec<u8>,
    content: Content,
    declare: Vec<u8>,
    out: OutBuf,
}

impl Bench {
    fn new() -> Self {
        let message = publish();
        let first = frame(&message);
        let (names, _) = publish_names(first.payload).expect("a publish");
        let header = frame(&message[first.wire.len()..]);
        let body = frame(&message[first.wire.len() + header.wire.len()..]);
        let mut slab = Slab::new();
        let marks = Marks::of_header(&decode_content_header(header.payload).expect("a header"));
        slab.push(names, header.wire, body.wire, marks);
        let mut contents = Vec::new();
        slab.drain_into(&mut contents);
        Self {
            read: message.repeat(MESSAGES as usize),
            content: contents.pop().expect("a message"),
            declare: declare(),
            out: OutBuf::new(),
        }
    }

    /// The frames of messages that have been read.
    #[inline(never)]
    fn run_publish(&mut self) {
        let mut rest = &self.read[..];
        while let Ok(Some(frame)) = decode_frame(rest, FRAME_MAX) {
            rest = &rest[frame.wire.len()..];
            match frame.kind {
                FrameKind::Method => drop(black_box(decode_publish(frame.payload))),
                FrameKind::Header => {
                    let header = decode_content_header(frame.payload);
                    let _ = black_box(header.map(|header| Marks::of_header(&header)));
                }
                _ => drop(black_box(frame.payload)),
            }
        }
    }

    /// Deliveries that are written together.
    #[inline(never)]
    fn run_deliver(&mut self) {
        for delivery_tag in 0..MESSAGES {
            let head = DeliverHead {
                channel: 7,
                consumer_tag: b"amq.ctag-0123456789",
                delivery_tag,
                redelivered: false,
            };
            deliver(&mut self.out, head, black_box(&self.content), FRAME_MAX);
        }
        self.out.advance(self.out.len());
    }

    /// Declarations that are read, and written again.
    #[inline(never)]
    fn run_table(&mut self) {
        for _ in 0..MESSAGES {
            if let Ok(method) = decode_method(black_box(frame(&self.declare).payload)) {
                encode_method(1, &method, &mut self.out);
            }
        }
        self.out.advance(self.out.len());
    }
}

fn frame(bytes: &[u8]) -> codec::Frame<'_> {
    let frame = decode_frame(bytes, FRAME_MAX).expect("frames");
    frame.expect("a whole frame")
}

fn bytes_of(method: &AMQPClass) -> Vec<u8> {
    let mut out = OutBuf::new();
    encode_method(1, method, &mut out);
    out.copy_to_bytes(out.len()).to_vec()
}

/// The frames of one message.
fn publish() -> Vec<u8> {
    let publish = basic::Publish {
        exchange: "amq.topic".into(),
        routing_key: "some.routing.key".into(),
        mandatory: false,
        immediate: false,
    };
    let mut bytes = bytes_of(&AMQPClass::Basic(basic::AMQPMethod::Publish(publish)));
    let mut header = vec![0, 60, 0, 0];
    header.extend((BODY.len() as u64).to_be_bytes());
    header.extend(codec::property::DELIVERY_MODE.to_be_bytes());
    header.push(2);
    for (kind, payload) in [(2, &header[..]), (3, BODY)] {
        bytes.extend([kind, 0, 1]);
        bytes.extend((payload.len() as u32).to_be_bytes());
        bytes.extend_from_slice(payload);
        bytes.push(FRAME_END);
    }
    bytes
}

/// The frame of a declaration with arguments.
fn declare() -> Vec<u8> {
    let mut arguments = FieldTable::default();
    arguments.insert("x-max-length".into(), AMQPValue::LongInt(100_000));
    arguments.insert("x-message-ttl".into(), AMQPValue::LongLongInt(60_000));
    arguments.insert(
        "x-queue-type".into(),
        AMQPValue::LongString("classic".into()),
    );
    arguments.insert("x-single-active-consumer".into(), AMQPValue::Boolean(true));
    bytes_of(&AMQPClass::Queue(queue::AMQPMethod::Declare(
        queue::Declare {
            queue: "a queue with arguments".into(),
            passive: false,
            durable: true,
            exclusive: false,
            auto_delete: false,
            nowait: false,
            arguments,
        },
    )))
}
