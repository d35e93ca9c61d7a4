use codec::{
    AMQPClass, AMQPValue, BasicProperties, FieldArray, FieldTable, basic, exchange, queue,
};

use crate::tests::talk::{Home, Talk, frame, persistent, publish};
use crate::tests::{
    ack, bind, bind_ok, confirm_select, confirm_select_ok, consume, declare, declare_exchange,
    declare_queue, get, long, of_basic, of_exchange, of_queue, start_consumer, table,
};

fn properties() -> BasicProperties {
    BasicProperties::default()
}

fn ready(talk: &Talk, queue: &str) -> u64 {
    talk.home
        .broker
        .vhost("/")
        .unwrap()
        .queue(queue)
        .unwrap()
        .counts()
        .ready
}

#[test]
fn a_message_arrives_as_it_was_published() {
    let mut talk = Talk::open();
    talk.queue("q");
    let headers = table(&[("a", AMQPValue::LongInt(1)), ("b", long("two"))]);
    let all = properties()
        .with_content_type("text/plain".into())
        .with_content_encoding("utf-8".into())
        .with_headers(headers)
        .with_delivery_mode(1)
        .with_priority(3)
        .with_correlation_id("c".into())
        .with_reply_to("r".into())
        .with_expiration("60000".into())
        .with_message_id("m".into())
        .with_timestamp(1_700_000_000)
        .with_type("t".into())
        .with_user_id("guest".into())
        .with_app_id("app".into());
    talk.publish_with("q", &all, b"body");
    talk.send(1, get("q", true));
    let heard = talk.next();
    assert_eq!(
        (heard.properties.as_ref(), &heard.body[..]),
        (Some(&all), &b"body"[..])
    );
    assert_eq!(heard.get_ok().routing_key.as_str(), "q");
}

#[test]
fn bodies_of_every_size_arrive_whole() {
    let mut talk = Talk::open();
    talk.queue("q");
    for size in [0, 1, 16_383, 16_384, 16_385, 131_064, 131_065, 400_000] {
        let body: Vec<u8> = (0..size).map(|n| n as u8).collect();
        talk.publish("", "q", &body);
        talk.send(1, get("q", true));
        let heard = talk.next();
        assert!(heard.body == body, "size {size}, got {}", heard.body.len());
    }
}

#[test]
fn publishing_to_nowhere_closes_the_channel() {
    let mut talk = Talk::open();
    talk.publish("gone", "k", b"x");
    talk.expect_channel_close(1, 404, "NOT_FOUND - no exchange 'gone' in vhost '/'");
}

#[test]
fn bad_properties_are_406() {
    let array = |values: Vec<AMQPValue>| AMQPValue::FieldArray(FieldArray::from(values));
    let cc = |value| properties().with_headers(table(&[("CC", value)]));
    for (properties, text) in [
        (
            properties().with_expiration("abc".into()),
            "invalid expiration 'abc': no_integer",
        ),
        (
            properties().with_user_id("root".into()),
            "user_id property set to 'root' but authenticated user was 'guest'",
        ),
        (
            cc(long("k")),
            "invalid message: {unacceptable_type_in_header,\"CC\",longstr}",
        ),
        (
            properties().with_reply_to("amq.rabbitmq.reply-to".into()),
            "fast reply consumer does not exist",
        ),
    ] {
        let mut talk = Talk::open();
        talk.publish_with("q", &properties, b"x");
        talk.expect_channel_close(1, 406, &format!("PRECONDITION_FAILED - {text}"));
        // The exchange comes first.
        talk.reopen();
        talk.bytes(&publish(1, "gone", "q", false, &properties, b"x"));
        talk.expect_channel_close(1, 404, "NOT_FOUND - no exchange 'gone' in vhost '/'");
    }
    let mut talk = Talk::open();
    talk.publish_with("q", &cc(array(vec![long("a")])), b"x");
    talk.expect_silence();
}

#[test]
fn messages_have_a_largest_size() {
    let home = Home::with(|settings| settings.max_message_size = 1000);
    let mut talk = Talk::join(&home);
    talk.queue("q");
    talk.publish("", "q", &[1; 1000]);
    talk.expect_silence();
    talk.publish("", "q", &[1; 1001]);
    let text = "PRECONDITION_FAILED - message size 1001 is larger than configured max size 1000";
    talk.expect_channel_close(1, 406, text);
    talk.reopen();
    // In pieces it is not kept, but still read to its end.
    for byte in publish(1, "", "q", false, &properties(), &[1; 1001]).chunks(100) {
        talk.bytes(byte);
    }
    talk.expect_channel_close(1, 406, text);
    assert_eq!(ready(&talk, "q"), 1);
}

#[test]
fn immediate_is_not_implemented() {
    let mut talk = Talk::open();
    let method = basic::Publish {
        exchange: "".into(),
        routing_key: "q".into(),
        mandatory: false,
        immediate: true,
    };
    let mut bytes = frame(1, &of_basic(basic::AMQPMethod::Publish(method)));
    let content = publish(1, "", "q", false, &properties(), b"x");
    bytes.extend(&content[bytes.len()..]);
    talk.bytes(&bytes);
    talk.expect_connection_close(540, "NOT_IMPLEMENTED - immediate=true");
}

#[test]
fn mandatory_messages_come_back_before_their_confirm() {
    let mut talk = Talk::open();
    talk.queue("q");
    talk.send(1, confirm_select());
    talk.expect(1, confirm_select_ok());
    let mut bytes = publish(1, "", "q", true, &properties(), b"0");
    bytes.extend(publish(1, "", "gone", true, &persistent(), b"1"));
    bytes.extend(publish(1, "", "gone", false, &properties(), b"2"));
    bytes.extend(publish(1, "", "q", true, &properties(), b"3"));
    talk.bytes(&bytes);
    let heard = talk.next();
    let returned = basic::Return {
        reply_code: 312,
        reply_text: "NO_ROUTE".into(),
        exchange: "".into(),
        routing_key: "gone".into(),
    };
    assert_eq!(heard.method, of_basic(basic::AMQPMethod::Return(returned)));
    assert_eq!(
        (&heard.body[..], heard.properties),
        (&b"1"[..], Some(persistent()))
    );
    talk.expect(1, ack(4, true));
    talk.expect_silence();
    assert_eq!(ready(&talk, "q"), 2);
}

#[test]
fn persistent_messages_are_confirmed_once_they_are_on_the_disk() {
    let mut talk = Talk::open();
    let mut durable = declare("q");
    durable.durable = true;
    talk.send(1, declare_queue(durable));
    talk.next();
    talk.send(1, confirm_select());
    talk.next();
    talk.bytes(&publish(1, "", "q", false, &persistent(), b"x").repeat(10));
    talk.expect(1, ack(10, true));
    talk.bytes(&publish(1, "", "q", false, &persistent(), b"x"));
    talk.expect(1, ack(11, false));
    talk.expect_silence();
}

#[test]
fn confirms_follow_each_channels_own_order() {
    let mut talk = Talk::open();
    talk.queue("a");
    talk.queue("b");
    talk.send(2, crate::tests::open_channel());
    talk.next();
    for number in [1, 2] {
        talk.send(number, confirm_select());
        talk.next();
    }
    let mut bytes = Vec::new();
    for _ in 0..3 {
        bytes.extend(publish(1, "", "a", false, &properties(), b"x"));
        bytes.extend(publish(2, "", "gone", false, &properties(), b"x"));
        bytes.extend(publish(2, "", "b", false, &properties(), b"x"));
    }
    talk.bytes(&bytes);
    talk.expect(1, ack(3, true));
    talk.expect(2, ack(6, true));
    talk.expect_silence();
}

#[test]
fn order_is_kept_across_ways_of_publishing() {
    let mut talk = Talk::open();
    talk.queue("q");
    talk.send(1, bind("q", "amq.fanout", ""));
    talk.expect(1, bind_ok());
    let mut bytes = Vec::new();
    for n in 0..30u8 {
        let plain = properties();
        let special = properties().with_headers(table(&[("h", AMQPValue::LongInt(1))]));
        match n % 3 {
            0 => bytes.extend(publish(1, "", "q", false, &plain, &[n])),
            1 => bytes.extend(publish(1, "amq.fanout", "k", false, &special, &[n])),
            _ => bytes.extend(publish(1, "", "q", false, &plain, &vec![n; 140_000])),
        }
    }
    talk.bytes(&bytes);
    while talk.connection.has_input_left() {
        talk.bytes(&[]);
    }
    for n in 0..30u8 {
        talk.send(1, get("q", true));
        assert_eq!(talk.next().body[0], n);
    }
}

#[test]
fn a_route_is_forgotten_when_topology_changes() {
    let mut talk = Talk::open();
    talk.queue("q");
    talk.publish("amq.direct", "k", b"dropped");
    talk.send(1, bind("q", "amq.direct", "k"));
    talk.expect(1, bind_ok());
    talk.publish("amq.direct", "k", b"kept");
    assert_eq!(ready(&talk, "q"), 1);
    let unbind = queue::AMQPMethod::Unbind(queue::Unbind {
        queue: "q".into(),
        exchange: "amq.direct".into(),
        routing_key: "k".into(),
        arguments: FieldTable::default(),
    });
    talk.send(1, of_queue(unbind));
    talk.next();
    talk.publish("amq.direct", "k", b"dropped");
    assert_eq!(ready(&talk, "q"), 1);
}

#[test]
fn headers_decide_for_each_message() {
    let mut talk = Talk::open();
    talk.queue("q");
    let binding = queue::AMQPMethod::Bind(queue::Bind {
        queue: "q".into(),
        exchange: "amq.headers".into(),
        routing_key: "".into(),
        nowait: false,
        arguments: table(&[("x-match", long("any")), ("kind", long("good"))]),
    });
    talk.send(1, of_queue(binding));
    talk.expect(1, bind_ok());
    let kind = |kind| properties().with_headers(table(&[("kind", long(kind))]));
    let mut bytes = Vec::new();
    for which in ["good", "bad", "good", "good"] {
        bytes.extend(publish(
            1,
            "amq.headers",
            "",
            false,
            &kind(which),
            which.as_bytes(),
        ));
    }
    bytes.extend(publish(1, "amq.headers", "", false, &properties(), b"none"));
    talk.bytes(&bytes);
    assert_eq!(ready(&talk, "q"), 3);
}

#[test]
fn cc_and_bcc_are_further_keys_and_bcc_is_secret() {
    let mut talk = Talk::open();
    for name in ["a", "b", "c"] {
        talk.queue(name);
    }
    let keys = |key: &str| AMQPValue::FieldArray(FieldArray::from(vec![long(key), long("a")]));
    let headers = table(&[("BCC", keys("c")), ("CC", keys("b")), ("other", long("x"))]);
    talk.publish_with("a", &properties().with_headers(headers), b"to all");
    for name in ["a", "b", "c"] {
        assert_eq!(ready(&talk, name), 1, "{name}");
        talk.send(1, get(name, true));
        let heard = talk.next();
        let headers = heard.properties.unwrap().headers().clone().unwrap();
        assert!(headers.contains_key("CC") && headers.contains_key("other"));
        assert!(!headers.contains_key("BCC"));
    }
}

#[test]
fn an_alternate_exchange_takes_what_nobody_wanted() {
    let mut talk = Talk::open();
    talk.queue("q");
    talk.send(1, bind("q", "amq.fanout", ""));
    talk.expect(1, bind_ok());
    let mut with_alternate = declare_exchange("x", "direct");
    with_alternate.arguments = table(&[("alternate-exchange", long("amq.fanout"))]);
    talk.send(
        1,
        of_exchange(exchange::AMQPMethod::Declare(with_alternate)),
    );
    talk.next();
    talk.bytes(&publish(1, "x", "k", true, &properties(), b"x"));
    talk.expect_silence();
    assert_eq!(ready(&talk, "q"), 1);
}

#[test]
fn unknown_property_bits_are_tolerated() {
    let mut talk = Talk::open();
    talk.queue("q");
    let mut bytes = publish(1, "", "q", false, &properties(), b"x");
    // The flags are the last two octets before the header's end and the body frame of 9.
    let at = bytes.len() - 9 - 1 - 2;
    bytes[at + 1] |= 0b10;
    talk.bytes(&bytes);
    talk.send(1, get("q", true));
    assert_eq!(talk.next().body, b"x");
}

#[test]
fn messages_wait_in_the_queue_when_its_consumer_has_none_left_to_give() {
    let mut talk = Talk::open();
    talk.queue("q");
    talk.send(1, crate::tests::qos(3, false));
    talk.next();
    talk.send(1, start_consumer(consume("q", "c", false)));
    talk.next();
    talk.bytes(&publish(1, "", "q", false, &properties(), b"x").repeat(5));
    for tag in 1..=3 {
        assert_eq!(talk.next().deliver().delivery_tag, tag);
    }
    talk.expect_silence();
    talk.send(1, ack(2, true));
    assert_eq!(talk.next().deliver().delivery_tag, 4);
    assert_eq!(talk.next().deliver().delivery_tag, 5);
    talk.expect_silence();
}

#[test]
fn counters_are_readable_when_a_turn_is_over() {
    let home = Home::new();
    let mut talk = Talk::join(&home);
    talk.queue("q");
    talk.send(1, confirm_select());
    talk.next();
    talk.bytes(&publish(1, "", "q", false, &properties(), b"x").repeat(4));
    talk.next();
    talk.send(1, get("q", false));
    talk.next();
    talk.send(1, ack(1, false));
    let vhost = home.broker.vhost("/").unwrap();
    let counts = vhost.stats().snapshot();
    assert_eq!(
        (counts.publish, counts.confirm, counts.get, counts.ack),
        (4, 4, 1, 1)
    );
    let channel = &home.broker.registry().connections()[0].channels()[0];
    assert_eq!(channel.stats.snapshot(), counts);
    let default = vhost.find_exchange("").unwrap();
    assert_eq!((default.publish_in(), default.publish_out()), (4, 4));
    let heard = talk.try_next();
    assert!(!matches!(
        heard.map(|h| h.method),
        Some(AMQPClass::Basic(_))
    ));
}

#[test]
fn publishes_like_the_one_before_are_still_checked() {
    let mut talk = Talk::open();
    talk.queue("q");
    let one = publish(1, "", "q", false, &persistent(), b"body");
    // Recognised from the third on.
    talk.bytes(&one.repeat(5));
    assert_eq!(ready(&talk, "q"), 5);
    // A broken end is seen.
    let mut broken = one.repeat(4);
    *broken.last_mut().unwrap() = 0;
    let mut other = Talk::join(&talk.home);
    other.bytes(&broken);
    other.expect_connection_close(501, "FRAME_ERROR - invalid frame end marker 0");
    assert_eq!(ready(&talk, "q"), 8);
    // So is a message within a message.
    let mut other = Talk::join(&talk.home);
    let method_len = codec::decode_frame(&one, 0).unwrap().unwrap().wire.len();
    let within = [&one.repeat(4)[..], &one[..method_len], &one].concat();
    other.bytes(&within);
    other.expect_connection_close(
        505,
        "UNEXPECTED_FRAME - expected content header for class 60, got non content header frame instead",
    );
    assert_eq!(ready(&talk, "q"), 12);
    // And that the queue has gone, or the channel.
    talk.send(1, crate::tests::delete_queue("q"));
    talk.next();
    talk.bytes(&one.repeat(3));
    talk.send(1, crate::tests::close_channel());
    talk.next();
    talk.bytes(&one);
    talk.expect_connection_close(504, "CHANNEL_ERROR - expected 'channel.open'");
}

#[test]
fn a_header_without_its_body_is_waited_for() {
    let mut talk = Talk::open();
    talk.queue("q");
    let one = publish(1, "", "q", false, &properties(), b"body");
    let all = one.repeat(6);
    let (first, second) = all.split_at(one.len() * 4 - 3);
    talk.bytes(first);
    assert_eq!(ready(&talk, "q"), 3);
    talk.bytes(second);
    assert_eq!(ready(&talk, "q"), 6);
    talk.send(1, get("q", true));
    assert_eq!(talk.next().body, b"body");
}

#[test]
fn publishes_like_the_one_before_may_go_elsewhere() {
    let mut talk = Talk::open();
    talk.queue("q");
    talk.queue("other");
    for (queue, key) in [("q", "q.#"), ("other", "other.#")] {
        talk.send(1, bind(queue, "amq.topic", key));
        talk.expect(1, bind_ok());
    }
    let to = |key: &str| publish(1, "amq.topic", key, false, &properties(), key.as_bytes());
    // More in turn than make the latest names the known ones.
    let keys: Vec<String> = (0..200).map(|n| format!("q.{}", n % 7)).collect();
    let bytes: Vec<u8> = keys.iter().flat_map(|key| to(key)).collect();
    talk.bytes(&bytes);
    talk.bytes(&bytes);
    for key in keys.iter().chain(&keys) {
        talk.send(1, get("q", true));
        let heard = talk.next();
        assert_eq!(heard.get_ok().routing_key.as_str(), key);
        assert_eq!(heard.body, key.as_bytes());
    }
    let known = || [to("q.1").repeat(3), to("q.2"), to("q.1")].concat();
    // To another queue, to none, and to the first again.
    let mixed = [known(), to("other.1"), to("q.2"), to("none"), to("q.1")].concat();
    talk.bytes(&mixed);
    talk.bytes(&mixed);
    assert_eq!((ready(&talk, "q"), ready(&talk, "other")), (14, 2));
    // To what is not there any more.
    talk.bytes(&known());
    talk.send(1, crate::tests::delete_queue("q"));
    talk.next();
    talk.bytes(&known());
    talk.expect_silence();
    // With a flag that can't be served.
    talk.bytes(&to("other.1").repeat(3));
    let mut immediate = to("other.2");
    let flags_at = codec::decode_frame(&immediate, 0)
        .unwrap()
        .unwrap()
        .wire
        .len()
        - 2;
    immediate[flags_at] = 2;
    talk.bytes(&[to("other.2"), immediate].concat());
    talk.expect_connection_close(540, "NOT_IMPLEMENTED - immediate=true");
}
