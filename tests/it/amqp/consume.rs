//! Consumers: start, order, fairness, exclusiveness, cancel.

use std::collections::BTreeMap;

use tests::{
    eventually, shared,
    wire::{Properties, Table, basic, channel, queue},
};

#[test]
fn consume_ok_comes_before_the_first_delivery() {
    let mut w = shared().open();
    w.declare("co-first", queue::EXCLUSIVE);
    w.enqueue("co-first", "a");
    let tag = w.consume("co-first", "", 0);
    assert!(tag.starts_with("amq.ctag-"), "{tag}");
    let delivery = w.delivery(1);
    assert_eq!(delivery.consumer_tag, tag);
    assert_eq!((delivery.tag, delivery.redelivered), (1, false));
    assert_eq!((&*delivery.exchange, &*delivery.key), ("", "co-first"));
    assert_eq!(delivery.body, b"a");
}

#[test]
fn deliveries_keep_the_order_of_publishing() {
    let mut w = shared().open();
    w.declare("co-order", queue::EXCLUSIVE);
    w.consume("co-order", "c", basic::NO_ACK);
    let sent: Vec<String> = (0..500).map(|n| n.to_string()).collect();
    for body in &sent {
        w.enqueue("co-order", body);
    }
    assert_eq!(w.bodies(500), sent);
}

#[test]
fn consume_without_waiting_answers_nothing() {
    let mut w = shared().open();
    w.declare("co-nowait", queue::EXCLUSIVE);
    w.send(
        1,
        &basic::consume("co-nowait", "mine", basic::NOWAIT, &Table::new()),
    );
    w.enqueue("co-nowait", "a");
    assert_eq!(w.delivery(1).consumer_tag, "mine");
}

#[test]
fn messages_go_round_the_consumers() {
    let mut w = shared().open();
    w.declare("co-round", queue::EXCLUSIVE);
    for tag in ["a", "b", "c"] {
        w.consume("co-round", tag, basic::NO_ACK);
    }
    for n in 0..30 {
        w.enqueue("co-round", n.to_string());
    }
    let mut share: BTreeMap<String, usize> = BTreeMap::new();
    for _ in 0..30 {
        *share.entry(w.delivery(1).consumer_tag).or_default() += 1;
    }
    let tens = ["a", "b", "c"].map(|tag| (tag.to_owned(), 10));
    assert_eq!(share, BTreeMap::from(tens));
}

#[test]
fn a_higher_priority_is_served_while_it_can_take_messages() {
    let mut w = shared().open();
    w.declare("co-prio", queue::EXCLUSIVE);
    w.call(1, &basic::qos(2, false), basic::QOS_OK);
    for (tag, priority) in [("low", -5), ("high", 10)] {
        let arguments = Table::new().int("x-priority", priority);
        let consume = basic::consume("co-prio", tag, 0, &arguments);
        w.call(1, &consume, basic::CONSUME_OK);
    }
    for n in 0..4 {
        w.enqueue("co-prio", n.to_string());
    }
    let tags: Vec<String> = (0..4).map(|_| w.delivery(1).consumer_tag).collect();
    assert_eq!(tags, ["high", "high", "low", "low"]);
}

#[test]
fn after_cancel_ok_nothing_is_delivered() {
    let mut w = shared().open();
    w.declare("co-cancel", queue::EXCLUSIVE);
    w.consume("co-cancel", "c", 0);
    w.enqueue("co-cancel", "a");
    let delivery = w.delivery(1);
    let ok = w.call(1, &basic::cancel("c"), basic::CANCEL_OK);
    assert_eq!(ok.read().shortstr(), "c");
    w.enqueue("co-cancel", "b");
    w.expect_silence();
    // The consumer is gone, its message still belongs to the channel.
    assert_eq!(w.depth("co-cancel"), (1, 0));
    w.send(1, &basic::ack(delivery.tag, 0));
    assert_eq!(w.drain("co-cancel"), ["b"]);
}

#[test]
fn cancel_without_waiting_answers_nothing() {
    let mut w = shared().open();
    w.declare("co-cancel-nw", queue::EXCLUSIVE);
    w.consume("co-cancel-nw", "c", 0);
    let mut cancel = basic::cancel("c");
    *cancel.args.last_mut().unwrap() = 1;
    w.send(1, &cancel);
    w.expect_silence();
    assert_eq!(w.depth("co-cancel-nw"), (0, 0));
}

#[test]
fn a_tag_can_be_used_again_after_cancel() {
    let mut w = shared().open();
    w.declare("co-again", queue::EXCLUSIVE);
    for _ in 0..3 {
        w.consume("co-again", "c", 0);
        w.call(1, &basic::cancel("c"), basic::CANCEL_OK);
    }
}

#[test]
fn the_same_tag_works_on_two_channels() {
    let mut w = shared().open();
    w.open_channel(2);
    w.declare("co-tags", queue::EXCLUSIVE);
    w.consume("co-tags", "same", basic::NO_ACK);
    let consume = basic::consume("co-tags", "same", basic::NO_ACK, &Table::new());
    w.call(2, &consume, basic::CONSUME_OK);
    assert_eq!(w.depth("co-tags"), (0, 2));
}

#[test]
fn an_exclusive_consumer_leaves_room_when_cancelled() {
    let mut w = shared().open();
    w.declare("co-excl", queue::EXCLUSIVE);
    w.consume("co-excl", "one", basic::EXCLUSIVE);
    w.call(1, &basic::cancel("one"), basic::CANCEL_OK);
    w.consume("co-excl", "two", 0);
    w.call(1, &basic::cancel("two"), basic::CANCEL_OK);
    w.consume("co-excl", "three", basic::EXCLUSIVE);
}

#[test]
fn a_lost_connection_returns_its_messages_to_their_place() {
    let mut keeper = shared().open();
    keeper.declare("co-lost", queue::AUTO_DELETE);
    for body in ["a", "b", "c"] {
        keeper.enqueue("co-lost", body);
    }
    keeper.expect_silence();
    let mut w = shared().open();
    w.consume("co-lost", "", 0);
    assert_eq!(w.bodies(3), ["a", "b", "c"]);
    w.send(1, &basic::ack(1, 0));
    w.expect_silence();
    // A second consumer keeps the queue from being deleted with the first.
    keeper.call(1, &basic::qos(1, false), basic::QOS_OK);
    keeper.consume("co-lost", "next", 0);
    drop(w);
    for (tag, body) in [(1, "b"), (2, "c")] {
        let delivery = keeper.delivery(1);
        assert_eq!(
            (&*delivery.body, delivery.redelivered),
            (body.as_bytes(), true)
        );
        keeper.send(1, &basic::ack(tag, 0));
    }
    keeper.call(1, &queue::delete("co-lost", 0), queue::DELETE_OK);
}

#[test]
fn deleting_the_queue_cancels_its_consumers() {
    let mut w = shared().open();
    w.open_channel(2);
    w.declare("co-deleted", queue::EXCLUSIVE);
    w.consume("co-deleted", "mine", 0);
    w.enqueue("co-deleted", "a");
    let delivery = w.delivery(1);
    w.send(2, &queue::delete("co-deleted", 0));
    let (mut cancelled, mut deleted) = (false, false);
    while !(cancelled && deleted) {
        let (on, tests::wire::Frame::Method(method)) = w.frame() else {
            panic!("a content")
        };
        match (on, method.id) {
            (1, basic::CANCEL) => {
                assert_eq!(method.read().shortstr(), "mine");
                assert_eq!(*method.args.last().unwrap(), 1, "nowait");
                cancelled = true;
            }
            (2, queue::DELETE_OK) => deleted = true,
            other => panic!("{other:?}"),
        }
    }
    // A client may answer, and may still acknowledge what it had.
    w.send(
        1,
        &tests::wire::Method::new(basic::CANCEL_OK).shortstr("mine"),
    );
    w.send(1, &basic::ack(delivery.tag, 0));
    w.expect_silence();
}

#[test]
fn a_client_without_the_capability_hears_nothing_of_a_deleted_queue() {
    let (mut w, _) = tests::Wire::greet(shared().amqp());
    let plain = tests::wire::plain("guest", "guest");
    let start_ok = tests::wire::connection::start_ok(&Table::new(), "PLAIN", &plain);
    w.call(0, &start_ok, tests::wire::connection::TUNE);
    w.send(0, &tests::wire::connection::tune_ok(2047, 131_072, 0));
    let open = tests::wire::connection::open("/");
    w.call(0, &open, tests::wire::connection::OPEN_OK);
    w.open_channel(1);
    w.declare("co-unaware", queue::EXCLUSIVE);
    w.consume("co-unaware", "mine", 0);
    w.call(1, &queue::delete("co-unaware", 0), queue::DELETE_OK);
    w.expect_silence();
}

#[test]
fn consumers_of_two_connections_share_a_queue() {
    let mut one = shared().open();
    let mut two = shared().open();
    one.declare("co-share", queue::AUTO_DELETE);
    one.consume("co-share", "", basic::NO_ACK);
    two.consume("co-share", "", basic::NO_ACK);
    for n in 0..10 {
        one.enqueue("co-share", n.to_string());
    }
    let mut all = [one.bodies(5), two.bodies(5)].concat();
    all.sort();
    assert_eq!(all, (0..10).map(|n| n.to_string()).collect::<Vec<_>>());
}

#[test]
fn a_large_message_is_delivered_whole() {
    let mut w = shared().open();
    w.declare("co-large", queue::EXCLUSIVE);
    w.consume("co-large", "", basic::NO_ACK);
    let body: Vec<u8> = (0..3_000_000u32)
        .map(|i| u8::try_from(i % 251).unwrap())
        .collect();
    w.enqueue("co-large", &body);
    assert!(w.delivery(1).body == body);
}

#[test]
fn closing_a_channel_stops_its_deliveries() {
    let mut w = shared().open();
    w.open_channel(2);
    w.declare("co-stop", queue::EXCLUSIVE);
    let consume = basic::consume("co-stop", "c", basic::NO_ACK, &Table::new());
    w.call(2, &consume, basic::CONSUME_OK);
    w.call(2, &channel::close(), channel::CLOSE_OK);
    w.enqueue("co-stop", "kept");
    eventually("the message to be ready", || {
        (w.depth("co-stop").0 == 1).then_some(())
    });
}

#[test]
fn a_message_for_a_consumer_carries_its_properties() {
    let mut w = shared().open();
    w.declare("co-props", queue::EXCLUSIVE);
    w.consume("co-props", "", basic::NO_ACK);
    let properties = Properties {
        content_type: Some("text/plain".into()),
        content_encoding: Some("utf-8".into()),
        headers: Some(Table::new().str("a", "b")),
        delivery_mode: Some(1),
        priority: Some(3),
        correlation_id: Some("c-1".into()),
        reply_to: Some("somewhere".into()),
        expiration: Some("60000".into()),
        message_id: Some("m-1".into()),
        timestamp: Some(1_700_000_000),
        kind: Some("greeting".into()),
        user_id: Some("guest".into()),
        app_id: Some("tests".into()),
        cluster_id: Some("none".into()),
    };
    w.publish(1, &basic::publish("", "co-props", 0), &properties, "x");
    assert_eq!(w.delivery(1).properties, properties);
}

#[test]
fn a_priority_may_be_negative_and_of_any_width() {
    let mut w = shared().open();
    w.declare("co-negative", queue::EXCLUSIVE);
    let tables = [
        ("low", Table::new().raw("x-priority", b'b', &[0xF6])),
        ("usual", Table::new()),
        ("high", Table::new().long("x-priority", 3)),
    ];
    w.call(1, &basic::qos(1, false), basic::QOS_OK);
    for (tag, arguments) in tables {
        let consume = basic::consume("co-negative", tag, 0, &arguments);
        w.call(1, &consume, basic::CONSUME_OK);
    }
    let mut order = Vec::new();
    for n in 0..3 {
        w.enqueue("co-negative", n.to_string());
        order.push(w.delivery(1).consumer_tag);
    }
    assert_eq!(order, ["high", "usual", "low"]);
}

#[test]
fn no_local_is_ignored() {
    let mut w = shared().open();
    w.declare("co-local", queue::EXCLUSIVE);
    let no_local = 1 | basic::NO_ACK;
    w.consume("co-local", "c", no_local);
    w.enqueue("co-local", "mine");
    assert_eq!(w.bodies(1), ["mine"]);
}

#[test]
fn cancelling_an_unknown_tag_is_answered() {
    let mut w = shared().open();
    let ok = w.call(1, &basic::cancel("never"), basic::CANCEL_OK);
    assert_eq!(ok.read().shortstr(), "never");
}

#[test]
fn a_cancelled_consumers_deliveries_can_still_be_acknowledged() {
    let mut w = shared().open();
    w.declare("co-held", queue::EXCLUSIVE);
    w.enqueue("co-held", "x");
    w.consume("co-held", "c", 0);
    let tag = w.delivery(1).tag;
    w.call(1, &basic::cancel("c"), basic::CANCEL_OK);
    assert_eq!(w.depth("co-held"), (0, 0));
    w.send(1, &basic::nack(tag, basic::REQUEUE));
    assert!(w.get("co-held", true).unwrap().redelivered);
}
