//! Direct reply-to: answers without a queue.

use tests::{
    eventually, shared,
    wire::{Properties, Table, Wire, basic, channel, confirm, queue},
};

const REPLY_TO: &str = "amq.rabbitmq.reply-to";

fn asking(text: &str) -> Properties {
    Properties {
        reply_to: Some(text.to_owned()),
        correlation_id: Some("7".to_owned()),
        ..Properties::new()
    }
}

/// A requester and the name under which it can be answered.
fn request(queue: &str) -> (Wire, String) {
    let mut w = shared().open();
    w.declare(queue, queue::EXCLUSIVE);
    w.consume(REPLY_TO, "replies", basic::NO_ACK);
    w.publish(
        1,
        &basic::publish("", queue, 0),
        &asking(REPLY_TO),
        "question",
    );
    let name = w.get(queue, true).unwrap().properties.reply_to.unwrap();
    (w, name)
}

#[test]
fn the_reply_reaches_the_requester() {
    let (mut w, name) = request("rt-basic");
    assert!(name.starts_with("amq.rabbitmq.reply-to."), "{name}");
    let mut responder = shared().open();
    let publish = basic::publish("", &name, 0);
    let properties = Properties {
        correlation_id: Some("7".into()),
        ..Properties::new()
    };
    responder.publish(1, &publish, &properties, "answer");
    responder.expect_silence();
    let reply = w.delivery(1);
    assert_eq!(
        (&*reply.consumer_tag, &*reply.body),
        ("replies", &b"answer"[..])
    );
    assert_eq!((&*reply.exchange, &*reply.key), ("", &*name));
    assert_eq!(reply.properties, properties);
    assert!(!reply.redelivered);
}

#[test]
fn a_responder_can_ask_whether_the_requester_is_there() {
    let (w, name) = request("rt-there");
    let mut responder = shared().open();
    let ok = responder.call(
        1,
        &queue::declare(&name, 0, &Table::new()),
        queue::DECLARE_OK,
    );
    let mut read = ok.read();
    assert_eq!(
        (read.shortstr(), read.long(), read.long()),
        (name.clone(), 0, 1)
    );
    drop(w);
    eventually("the requester to be gone", || {
        responder.send(1, &queue::declare(&name, queue::PASSIVE, &Table::new()));
        let answer = responder.method(1);
        if answer.id == queue::DECLARE_OK {
            return None;
        }
        assert_eq!(answer.read().short(), 404);
        Some(())
    });
}

#[test]
fn a_mandatory_reply_to_nobody_is_returned() {
    let (mut w, name) = request("rt-gone");
    w.call(
        0,
        &tests::wire::connection::close(),
        tests::wire::connection::CLOSE_OK,
    );
    let mut responder = shared().open();
    responder.call(1, &confirm::select(), confirm::SELECT_OK);
    let publish = basic::publish("", &name, basic::MANDATORY);
    responder.publish(1, &publish, &Properties::new(), "late");
    assert_eq!(responder.returned().code, 312);
    responder.await_confirms(1);
}

#[test]
fn a_reply_consumer_can_be_cancelled_and_started_again() {
    let mut w = shared().open();
    w.consume(REPLY_TO, "one", basic::NO_ACK);
    w.call(1, &basic::cancel("one"), basic::CANCEL_OK);
    w.consume(REPLY_TO, "two", basic::NO_ACK);
}

#[test]
fn each_channel_has_its_own_reply_address() {
    let mut w = shared().open();
    w.open_channel(2);
    w.declare("rt-two", queue::EXCLUSIVE);
    let consume = |tag: &str| basic::consume(REPLY_TO, tag, basic::NO_ACK, &Table::new());
    w.call(1, &consume("r"), basic::CONSUME_OK);
    w.call(2, &consume("r"), basic::CONSUME_OK);
    let mut names = Vec::new();
    for number in [1, 2] {
        w.publish(
            number,
            &basic::publish("", "rt-two", 0),
            &asking(REPLY_TO),
            "?",
        );
        w.call(number, &channel::flow(true), channel::FLOW_OK);
        names.push(w.get("rt-two", true).unwrap().properties.reply_to.unwrap());
    }
    assert_ne!(names[0], names[1]);
    w.publish(
        1,
        &basic::publish("", &names[1], 0),
        &Properties::new(),
        "!",
    );
    assert_eq!(w.delivery(2).body, b"!");
}

#[test]
fn an_invented_reply_address_reaches_nobody() {
    let mut w = shared().open();
    w.consume(REPLY_TO, "r", basic::NO_ACK);
    for name in [
        "amq.rabbitmq.reply-to.nonsense",
        "amq.rabbitmq.reply-to.",
        "amq.rabbitmq.reply-to.AAAA.BBBB",
    ] {
        w.publish(
            1,
            &basic::publish("", name, basic::MANDATORY),
            &Properties::new(),
            "x",
        );
        w.returned();
    }
}

#[test]
fn a_reply_address_is_no_queue() {
    let (mut w, name) = request("rt-no-queue");
    for queue in [REPLY_TO, &name] {
        w.send(1, &basic::get(queue, true));
        let text = format!("NOT_FOUND - no queue '{queue}' in vhost '/'");
        w.expect_channel_close(1, 404, &text);
    }
    let queues = shared().http().json("/queues?columns=name");
    let names: Vec<_> = queues
        .as_array()
        .unwrap()
        .iter()
        .map(|q| &q["name"])
        .collect();
    assert!(!names.contains(&&REPLY_TO.into()), "{names:?}");
}

#[test]
fn a_reply_that_is_not_fetched_is_not_kept() {
    let (mut w, name) = request("rt-gone");
    w.call(1, &basic::cancel("replies"), basic::CANCEL_OK);
    let mut responder = shared().open();
    let publish = basic::publish("", &name, basic::MANDATORY);
    responder.publish(1, &publish, &Properties::new(), "late");
    assert_eq!(responder.returned().body, b"late");
    w.consume(REPLY_TO, "replies", basic::NO_ACK);
    w.expect_silence();
}
