//! Malformed frames, wrong order of frames, broken contents: each gets its hard error.

use tests::{
    Wire, shared,
    wire::{
        FRAME_MAX, Frame, Method, Properties, Table, access, basic, channel, frame, header_frame,
        method_frame, queue,
    },
};

/// What must not disturb anybody else: the same broker still serves a new connection.
fn alive() {
    shared().open().expect_silence();
}

macro_rules! refuses {
    ($($name:ident($code:literal) $bytes:expr;)*) => {$(
        #[test]
        fn $name() {
            let mut w = shared().open();
            let bytes: Vec<u8> = $bytes;
            w.send_bytes(&bytes);
            w.expect_connection_close($code, "");
            alive();
        }
    )*};
}

fn publish() -> Vec<u8> {
    method_frame(1, &basic::publish("", "nowhere", 0))
}

fn header(size: u64) -> Vec<u8> {
    header_frame(1, size, &Properties::new())
}

fn with_end(mut bytes: Vec<u8>, end: u8) -> Vec<u8> {
    *bytes.last_mut().unwrap() = end;
    bytes
}

/// A get whose arguments lost their last byte.
fn truncated() -> Vec<u8> {
    let mut method = basic::get("gone", true);
    method.args.pop();
    method_frame(1, &method)
}

/// A queue.declare with these table bytes.
fn declare_with(table: Vec<u8>) -> Vec<u8> {
    method_frame(
        1,
        &queue::declare("f-table", queue::EXCLUSIVE, &Table(table)),
    )
}

fn class_of(header: &[u8], class: u16) -> Vec<u8> {
    let mut out = header.to_vec();
    out[7..9].copy_from_slice(&class.to_be_bytes());
    out
}

fn weighted(header: &[u8]) -> Vec<u8> {
    let mut out = header.to_vec();
    out[10] = 1;
    out
}

refuses! {
    bad_frame_end(501) with_end(method_frame(1, &basic::get("gone", true)), 0xCD);
    bad_frame_end_of_a_body(501) {
        [publish(), header(1), with_end(frame(3, 1, b"x"), 0)].concat()
    };
    unknown_frame_type(501) frame(5, 1, b"x");
    frame_larger_than_negotiated(501) {
        let size = FRAME_MAX + 1;
        [&[1, 0, 1], &size.to_be_bytes()[..], &[0; 64]].concat()
    };
    frame_of_four_gibibytes(501) vec![3, 0, 1, 0xff, 0xff, 0xff, 0xff, 0];
    heartbeat_with_a_payload(501) frame(8, 0, b"x");
    heartbeat_on_a_channel(505) frame(8, 1, b"");
    truncated_arguments(501) truncated();
    trailing_bytes_behind_the_arguments(501) method_frame(1, &basic::get("gone", true).octet(7));
    more_body_than_announced(501) [publish(), header(2), frame(3, 1, b"xyz")].concat();
    body_size_beyond_all_bounds(501) [publish(), header(1 << 63)].concat();
    queue_name_that_is_not_utf8(501) {
        let method = Method::new(queue::DECLARE).short(0).shortstr_bytes(b"\xff\xfe");
        method_frame(1, &method.octet(0).table(&Table::new()))
    };
    content_header_without_a_publish(505) header(1);
    content_body_without_a_publish(505) frame(3, 1, b"x");
    method_instead_of_a_content_header(505) {
        [publish(), method_frame(1, &basic::get("gone", true))].concat()
    };
    body_instead_of_a_content_header(505) [publish(), frame(3, 1, b"x")].concat();
    method_in_the_middle_of_a_body(505) {
        let get = method_frame(1, &basic::get("gone", true));
        [publish(), header(2), frame(3, 1, b"x"), get].concat()
    };
    second_content_header(505) [publish(), header(2), header(2)].concat();
    content_header_of_another_class(505) [publish(), class_of(&header(1), 50)].concat();
    content_header_with_a_weight(505) [publish(), weighted(&header(1))].concat();
    content_on_channel_zero(505) header_frame(0, 1, &Properties::new());
}

/// RabbitMQ drops the socket in these cases; a hard error before that is welcome.
#[test]
fn what_cannot_be_decoded_is_refused() {
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("unknown class", method_frame(1, &Method::new((77, 10)))),
        ("unknown method", method_frame(1, &Method::new((60, 99)))),
        ("method frame of three bytes", frame(1, 1, &[0, 60, 0])),
        ("empty method frame", frame(1, 1, &[])),
        (
            "unknown field type",
            declare_with(Table::new().raw("k", b'?', b"x").0),
        ),
        ("value missing", declare_with(vec![1, b'k', b'S'])),
        (
            "longer string than table",
            declare_with(vec![1, b'k', b'S', 0, 0, 0, 9, b'x']),
        ),
        (
            "array beyond its end",
            declare_with(vec![1, b'k', b'A', 0, 0, 0, 99]),
        ),
        ("longer key than table", declare_with(vec![200, b'k'])),
        (
            "header shorter than its size",
            [publish(), frame(2, 1, &[0, 60, 0, 0, 0])].concat(),
        ),
    ];
    for (what, bytes) in cases {
        let mut w = shared().open();
        w.send_bytes(&bytes);
        match w.receive() {
            None => {}
            Some((0, Frame::Method(m))) if m.id == (10, 50) => {
                let code = m.read().short();
                assert!(code >= 501, "{what}: {code}");
            }
            other => panic!("{what}: {other:?}"),
        }
        alive();
    }
}

/// Whether they are taken or refused is the broker's choice; that it lives on is not.
#[test]
fn deep_tables_and_arrays_harm_nobody() {
    for letter in [b'F', b'A'] {
        let mut w = shared().open();
        w.send_bytes(&declare_with(deep(15_000, letter)));
        match w.receive() {
            None => {}
            Some((1, Frame::Method(m))) => assert_eq!(m.id, queue::DECLARE_OK),
            Some((0, Frame::Method(m))) => assert!(m.read().short() >= 501, "{m:?}"),
            other => panic!("{other:?}"),
        }
        alive();
    }
}

/// Tables (or arrays) in one another.
fn deep(levels: usize, letter: u8) -> Vec<u8> {
    let mut out: Vec<u8> = Vec::new();
    // Outermost first; every level knows how much follows it.
    let per_level = if letter == b'F' { 7 } else { 5 };
    for level in 0..levels {
        if letter == b'F' || level == 0 {
            out.extend([1, b'k']);
        }
        out.push(letter);
        let rest = u32::try_from((levels - level - 1) * per_level).unwrap();
        out.extend(rest.to_be_bytes());
    }
    out
}

#[test]
fn every_field_type_is_taken() {
    let mut w = shared().open();
    let table = Table::new()
        .raw("b", b'b', &[0xff])
        .raw("B", b'B', &[0xff])
        .raw("s", b's', &[0xff, 0xff])
        .raw("u", b'u', &[0xff, 0xff])
        .int("I", -1)
        .raw("i", b'i', &[0xff; 4])
        .long("l", -1)
        .raw("L", b'L', &[0xff; 8])
        .raw("f", b'f', &1.5f32.to_be_bytes())
        .raw("d", b'd', &1.5f64.to_be_bytes())
        .raw("D", b'D', &[2, 0, 0, 1, 0])
        .raw("T", b'T', &[0, 0, 0, 0, 0x65, 0, 0, 0])
        .void("V")
        .raw("x", b'x', &[0, 0, 0, 1, 7])
        .strs("A", &["a", "b"])
        .table("F", &Table::new().bool("t", true))
        .str("S", "text");
    w.declare_with("f-types", queue::EXCLUSIVE, &table);
    w.publish(
        1,
        &basic::publish("", "f-types", 0),
        &Properties::headers(table.clone()),
        "x",
    );
    let got = w.get("f-types", true).unwrap();
    let mut sent = tests::wire::value::entries(&table.0);
    let mut received = got.properties.header_entries();
    sent.sort_by(|a, b| a.0.cmp(&b.0));
    received.sort_by(|a, b| a.0.cmp(&b.0));
    assert_eq!(received, sent);
}

#[test]
fn unknown_property_bits_are_no_error() {
    let mut w = shared().open();
    w.declare("f-bits", queue::EXCLUSIVE);
    let mut header = header_frame(1, 1, &Properties::new());
    header[20] |= 0b10;
    let publish = method_frame(1, &basic::publish("", "f-bits", 0));
    w.send_bytes(&[publish, header, frame(3, 1, b"x")].concat());
    w.expect_silence();
}

#[test]
fn access_request_is_answered() {
    let mut w = shared().open();
    let ok = w.call(1, &access::request(), access::REQUEST_OK);
    assert_eq!(ok.read().short(), 1);
}

#[test]
fn frames_cut_at_every_byte_are_put_together() {
    let mut w = shared().open();
    w.declare("f-cut", queue::EXCLUSIVE);
    let publish = basic::publish("", "f-cut", 0);
    let body = vec![b'z'; 20];
    let bytes = tests::wire::message(1, &publish, &Properties::persistent(), &body, 8 + 7);
    for byte in &bytes {
        w.send_bytes(&[*byte]);
    }
    assert_eq!(w.get("f-cut", true).unwrap().body, body);
}

#[test]
fn interleaved_publishes_of_two_channels_are_kept_apart() {
    let mut w = shared().open();
    w.open_channel(2);
    w.declare("f-inter", queue::EXCLUSIVE);
    let publish = |channel| method_frame(channel, &basic::publish("", "f-inter", 0));
    let header = |channel| header_frame(channel, 2, &Properties::new());
    let frames = [
        publish(1),
        publish(2),
        header(2),
        header(1),
        frame(3, 1, b"a"),
        frame(3, 2, b"x"),
        frame(3, 2, b"y"),
        frame(3, 1, b"b"),
    ];
    w.send_bytes(&frames.concat());
    w.expect_silence();
    w.call(2, &channel::flow(true), channel::FLOW_OK);
    let mut bodies = w.drain("f-inter");
    bodies.sort();
    assert_eq!(bodies, ["ab", "xy"]);
}

#[test]
fn empty_body_frames_are_tolerated() {
    let mut w = shared().open();
    w.declare("f-empty", queue::EXCLUSIVE);
    let publish = method_frame(1, &basic::publish("", "f-empty", 0));
    let header = header_frame(1, 2, &Properties::new());
    let frames = [
        publish,
        header,
        frame(3, 1, b""),
        frame(3, 1, b"a"),
        frame(3, 1, b"b"),
    ];
    w.send_bytes(&frames.concat());
    w.expect_silence();
    assert_eq!(w.drain("f-empty"), ["ab"]);
}

#[test]
fn a_small_frame_size_is_kept_both_ways() {
    let mut w = Wire::open_tuned(shared().amqp(), 8192, 0);
    w.declare("f-small", queue::EXCLUSIVE);
    let body: Vec<u8> = (0..50_000u32)
        .map(|i| u8::try_from(i % 251).unwrap())
        .collect();
    w.enqueue("f-small", &body);
    // The reader of frames refuses one larger than 8,192 bytes.
    assert_eq!(w.get("f-small", true).unwrap().body, body);
}
