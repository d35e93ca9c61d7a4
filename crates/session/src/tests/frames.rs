use codec::{
    AMQPClass, BasicProperties, FRAME_END, PROTOCOL_HEADER, access, basic, channel, connection,
};

use crate::limits::TURN_INPUT_BYTES_MAX;
use crate::tests::talk::{Home, Talk, frame, publish};
use crate::tests::{
    channel_close_ok, close_channel, get, of_basic, of_channel, of_connection, open_channel,
};

fn raw_frame(kind: u8, channel: u16, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![kind];
    bytes.extend(channel.to_be_bytes());
    bytes.extend((payload.len() as u32).to_be_bytes());
    bytes.extend(payload);
    bytes.push(FRAME_END);
    bytes
}

fn header(class: u16, weight: u16, size: u64) -> Vec<u8> {
    let mut payload = Vec::new();
    payload.extend(class.to_be_bytes());
    payload.extend(weight.to_be_bytes());
    payload.extend(size.to_be_bytes());
    payload.extend([0, 0]);
    raw_frame(2, 1, &payload)
}

fn publish_method() -> Vec<u8> {
    let method = basic::Publish {
        exchange: "".into(),
        routing_key: "q".into(),
        mandatory: false,
        immediate: false,
    };
    frame(1, &of_basic(basic::AMQPMethod::Publish(method)))
}

#[test]
fn broken_frames_are_501() {
    let mut bad_end = raw_frame(1, 1, &[0, 60, 0, 70]);
    *bad_end.last_mut().unwrap() = 0;
    let too_large = [&[3, 0, 1][..], &200_000u32.to_be_bytes()].concat();
    let mut get_without_end = frame(1, &get("q", false));
    get_without_end.truncate(14);
    let truncated = raw_frame(1, 1, &get_without_end[7..]);
    let mut trailing = frame(1, &get("q", false))[7..].to_vec();
    let end = trailing.len() - 1;
    trailing[end] = 0;
    let trailing = raw_frame(1, 1, &trailing);
    for (bytes, text) in [
        (bad_end, "invalid frame end marker 0"),
        (
            too_large,
            "frame too large: payload of 200000 bytes, at most 131064 allowed",
        ),
        (raw_frame(7, 1, &[]), "unknown frame type 7"),
        (raw_frame(8, 0, &[1]), "heartbeat frame with a payload"),
        (truncated, "truncated arguments in method 70 of class 60"),
        (
            trailing,
            "trailing bytes after the arguments in method 70 of class 60",
        ),
        (
            raw_frame(1, 1, &[0, 60, 0, 70, 0, 0, 1, 0xFF, 0]),
            "Malformed UTF-8 in shortstr in method 70 of class 60",
        ),
    ] {
        let mut talk = Talk::open();
        talk.bytes(&bytes);
        talk.expect_connection_close(501, &format!("FRAME_ERROR - {text}"));
    }
}

#[test]
fn content_out_of_place_is_505() {
    let method = publish_method();
    for (bytes, text) in [
        (
            raw_frame(8, 1, &[]),
            "heartbeat frame on a channel other than 0",
        ),
        (
            header(60, 0, 1),
            "expected method frame, got non method frame instead",
        ),
        (
            raw_frame(3, 1, b"x"),
            "expected method frame, got non method frame instead",
        ),
        (
            [&method[..], &method].concat(),
            "expected content header for class 60, got non content header frame instead",
        ),
        (
            [&method[..], &header(50, 0, 1)].concat(),
            "expected content header for class 60, got one for class 50 instead",
        ),
        (
            [&method[..], &header(60, 1, 1)].concat(),
            "expected content header with weight 0, got 1 instead",
        ),
        (
            [&method[..], &header(60, 0, 1), &method].concat(),
            "expected content body, got non content body frame instead",
        ),
        (
            [2, 0, 0, 0, 0, 0, 0, FRAME_END].to_vec(),
            "content frame on channel 0",
        ),
    ] {
        let mut talk = Talk::open();
        talk.bytes(&bytes);
        talk.expect_connection_close(505, &format!("UNEXPECTED_FRAME - {text}"));
    }
}

#[test]
fn bodies_that_do_not_keep_their_promise_are_501() {
    let method = publish_method();
    for (bytes, text) in [
        (
            [&method[..], &header(60, 0, 1), &raw_frame(3, 1, b"xy")].concat(),
            "content body frame exceeds remaining content size",
        ),
        (
            [&method[..], &header(60, 0, 1 << 63)].concat(),
            "content body size 9223372036854775808 exceeds maximum allowed size 536870912",
        ),
    ] {
        let mut talk = Talk::open();
        talk.bytes(&bytes);
        talk.expect_connection_close(501, &format!("FRAME_ERROR - {text}"));
    }
}

#[test]
fn messages_begun_on_many_channels_are_bounded_together() {
    let home = Home::with(|settings| settings.max_message_size = 1000);
    let mut talk = Talk::join(&home);
    let begin = |talk: &mut Talk, channel: u8| {
        for mut frame in [
            publish_method(),
            header(60, 0, 1000),
            raw_frame(3, 0, &[0; 999]),
        ] {
            frame[2] = channel;
            talk.bytes(&frame);
        }
    };
    // Each is one byte short of its end, so that all of them are held.
    for channel in 2..=9 {
        talk.send(channel.into(), open_channel());
        talk.next();
        begin(&mut talk, channel);
    }
    talk.expect_silence();
    // A message that ends makes room for another one.
    talk.bytes(&raw_frame(3, 9, &[0]));
    begin(&mut talk, 9);
    talk.send(10, open_channel());
    talk.next();
    begin(&mut talk, 10);
    let text = "RESOURCE_ERROR - too many bytes of unfinished messages";
    talk.expect_connection_close(506, text);
}

#[test]
fn methods_need_an_open_channel() {
    for number in [2, 2047] {
        let mut talk = Talk::open();
        talk.send(number, get("q", false));
        talk.expect_connection_close(504, "CHANNEL_ERROR - expected 'channel.open'");
    }
    let mut talk = Talk::open();
    talk.send(1, open_channel());
    talk.expect_connection_close(504, "CHANNEL_ERROR - second 'channel.open' seen");
    let mut talk = Talk::open();
    talk.send(
        1,
        of_connection(connection::AMQPMethod::CloseOk(connection::CloseOk {})),
    );
    talk.expect_connection_close(
        504,
        "CHANNEL_ERROR - unexpected connection method on a channel",
    );
    let mut talk = Talk::open();
    talk.send(0, get("q", false));
    talk.expect_connection_close(
        504,
        "CHANNEL_ERROR - unexpected method in connection state running",
    );
}

#[test]
fn methods_that_only_a_server_sends_are_503() {
    let deliver = basic::AMQPMethod::GetEmpty(basic::GetEmpty {});
    for (number, method) in [
        (1, of_basic(deliver)),
        (
            1,
            of_channel(channel::AMQPMethod::OpenOk(channel::OpenOk {})),
        ),
        (
            0,
            of_connection(connection::AMQPMethod::OpenOk(connection::OpenOk {})),
        ),
    ] {
        let mut talk = Talk::open();
        talk.send(number, method);
        talk.expect_connection_close(503, "COMMAND_INVALID - unimplemented method");
    }
    let mut talk = Talk::open();
    talk.bytes(&raw_frame(1, 1, &[0, 99, 0, 1]));
    talk.expect_connection_close(503, "COMMAND_INVALID - unimplemented method");
}

#[test]
fn channel_numbers_are_bounded() {
    let mut talk = Talk::open();
    talk.send(2048, open_channel());
    talk.expect_connection_close(
        530,
        "NOT_ALLOWED - number of channels opened (1) has reached the negotiated channel_max (2047)",
    );
}

#[test]
fn a_closed_channel_is_deaf_until_close_ok_and_then_free() {
    let mut talk = Talk::open();
    talk.send(1, get("missing", false));
    let heard = talk.next();
    assert!(
        matches!(&heard.method, AMQPClass::Channel(channel::AMQPMethod::Close(c))
        if c.reply_code == 404 && (c.class_id, c.method_id) == (60, 70))
    );
    talk.send(1, get("missing", false));
    talk.bytes(&publish(
        1,
        "",
        "q",
        true,
        &BasicProperties::default(),
        b"x",
    ));
    talk.send(1, open_channel());
    talk.expect_silence();
    talk.send(1, close_channel());
    talk.expect(1, channel_close_ok());
    talk.send(1, channel_close_ok());
    talk.reopen();
}

#[test]
fn a_channel_closed_by_the_client_is_free_at_once() {
    let mut talk = Talk::open();
    talk.send_all(1, [close_channel(), open_channel()]);
    talk.expect(1, channel_close_ok());
    talk.expect(
        1,
        of_channel(channel::AMQPMethod::OpenOk(channel::OpenOk {})),
    );
}

#[test]
fn flow_and_access_are_answered_as_by_rabbitmq() {
    let mut talk = Talk::open();
    let flow = |active| of_channel(channel::AMQPMethod::Flow(channel::Flow { active }));
    talk.send(1, flow(true));
    talk.expect(
        1,
        of_channel(channel::AMQPMethod::FlowOk(channel::FlowOk {
            active: true,
        })),
    );
    let request = access::Request {
        realm: "/data".into(),
        exclusive: false,
        passive: true,
        active: true,
        write: true,
        read: true,
    };
    talk.send(1, AMQPClass::Access(access::AMQPMethod::Request(request)));
    talk.expect(
        1,
        AMQPClass::Access(access::AMQPMethod::RequestOk(access::RequestOk {})),
    );
    talk.send(1, flow(false));
    talk.expect_connection_close(540, "NOT_IMPLEMENTED - active=false");
}

#[test]
fn secrets_can_be_updated() {
    let mut talk = Talk::open();
    let update = connection::UpdateSecret {
        new_secret: "guest".into(),
        reason: "rotation".into(),
    };
    talk.send(
        0,
        of_connection(connection::AMQPMethod::UpdateSecret(update)),
    );
    talk.expect(
        0,
        of_connection(connection::AMQPMethod::UpdateSecretOk(
            connection::UpdateSecretOk {},
        )),
    );
}

#[test]
fn input_may_be_cut_anywhere() {
    let mut talk = Talk::open();
    talk.queue("q");
    let bytes = [
        publish(1, "", "q", false, &BasicProperties::default(), b"first"),
        publish(1, "", "q", false, &BasicProperties::default(), b""),
        publish(
            1,
            "",
            "q",
            false,
            &BasicProperties::default().with_message_id("m".into()),
            b"third",
        ),
    ]
    .concat();
    for byte in bytes {
        talk.bytes(&[byte]);
    }
    for expected in [&b"first"[..], b"", b"third"] {
        talk.send(1, get("q", true));
        assert_eq!(talk.next().body, expected);
    }
}

#[test]
fn a_turn_ends_at_its_budget_with_the_rest_left() {
    let mut talk = Talk::open();
    talk.queue("q");
    let one = publish(1, "", "q", false, &BasicProperties::default(), &[7; 1000]);
    let many = one.repeat(300);
    let used = talk.turn(|connection, turn| connection.receive(&many, turn));
    assert!(talk.connection.has_input_left());
    assert!((TURN_INPUT_BYTES_MAX..TURN_INPUT_BYTES_MAX + one.len()).contains(&used));
    assert_eq!(used % one.len(), 0);
    let rest = talk.turn(|connection, turn| connection.receive(&many[used..], turn));
    let rest = rest + talk.turn(|connection, turn| connection.receive(&many[used + rest..], turn));
    assert_eq!(used + rest, many.len());
    assert!(!talk.connection.has_input_left());
    let queue = talk.home.broker.vhost("/").unwrap().queue("q").unwrap();
    assert_eq!(queue.counts().ready, 300);
}

#[test]
fn garbage_after_open_ends_in_silence() {
    let mut talk = Talk::open();
    talk.bytes(&PROTOCOL_HEADER);
    let heard = talk.next();
    assert!(matches!(
        &heard.method,
        AMQPClass::Connection(connection::AMQPMethod::Close(close)) if close.reply_code == 501
    ));
    talk.bytes(&[0; 5000]);
    talk.expect_silence();
    talk.wait(std::time::Duration::from_secs(4));
    assert!(talk.connection.is_finished());
}
