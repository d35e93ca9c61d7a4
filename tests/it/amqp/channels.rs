//! Opening and closing channels.

use tests::{
    shared,
    wire::{basic, channel, connection, method_frame, queue},
};

#[test]
fn a_channel_number_can_be_used_again_at_once() {
    let mut w = shared().open();
    for _ in 0..50 {
        w.call(2, &channel::open(), channel::OPEN_OK);
        w.call(2, &channel::close(), channel::CLOSE_OK);
    }
}

#[test]
fn the_highest_channel_number_works() {
    let mut w = shared().open();
    w.open_channel(2047);
    w.call(2047, &channel::flow(true), channel::FLOW_OK);
}

#[test]
fn a_channel_more_than_negotiated_is_530() {
    let (mut w, _) = tests::Wire::login(shared().amqp(), "guest", "guest");
    w.send(0, &connection::tune_ok(3, 131_072, 0));
    w.call(0, &connection::open("/"), connection::OPEN_OK);
    for number in 1..=3 {
        w.open_channel(number);
    }
    w.send(4, &channel::open());
    w.expect_connection_close(
        530,
        "NOT_ALLOWED - number of channels opened (3) has reached the negotiated channel_max (3)",
    );
}

#[test]
fn flow_on_is_confirmed() {
    let mut w = shared().open();
    let ok = w.call(1, &channel::flow(true), channel::FLOW_OK);
    assert_eq!(ok.read().octet() & 1, 1);
}

#[test]
fn closing_returns_unacknowledged_messages_to_their_place() {
    let mut w = shared().open();
    w.open_channel(2);
    w.declare("ch-return", queue::EXCLUSIVE);
    for body in ["a", "b", "c"] {
        w.enqueue("ch-return", body);
    }
    w.expect_silence();
    for _ in 0..2 {
        w.send(2, &basic::get("ch-return", false));
        w.expect(2, basic::GET_OK);
        w.frame();
        w.frame();
    }
    assert_eq!(w.depth("ch-return"), (1, 0));
    w.call(2, &channel::close(), channel::CLOSE_OK);
    let first = w.get("ch-return", true).unwrap();
    assert_eq!((&*first.body, first.redelivered), (&b"a"[..], true));
    let second = w.get("ch-return", true).unwrap();
    assert_eq!((&*second.body, second.redelivered), (&b"b"[..], true));
    let third = w.get("ch-return", true).unwrap();
    assert_eq!((&*third.body, third.redelivered), (&b"c"[..], false));
}

#[test]
fn closing_ends_the_channels_consumers() {
    let mut w = shared().open();
    w.open_channel(2);
    w.declare("ch-consumers", queue::EXCLUSIVE);
    let consume = basic::consume("ch-consumers", "", 0, &tests::wire::Table::new());
    w.call(2, &consume, basic::CONSUME_OK);
    assert_eq!(w.depth("ch-consumers"), (0, 1));
    w.call(2, &channel::close(), channel::CLOSE_OK);
    assert_eq!(w.depth("ch-consumers"), (0, 0));
}

#[test]
fn after_a_servers_close_everything_but_its_answer_is_ignored() {
    let mut w = shared().open();
    w.declare("ch-ignored", queue::EXCLUSIVE);
    let mut burst = method_frame(1, &queue::purge("gone"));
    for _ in 0..3 {
        burst.extend(tests::wire::message(
            1,
            &basic::publish("", "ch-ignored", 0),
            &tests::wire::Properties::new(),
            b"late",
            131_072,
        ));
        burst.extend(method_frame(1, &queue::purge("gone too")));
    }
    w.send_bytes(&burst);
    w.expect_channel_close(1, 404, "NOT_FOUND - no queue 'gone' in vhost '/'");
    assert_eq!(w.depth("ch-ignored"), (0, 0));
}

#[test]
fn closes_that_cross_are_both_answered() {
    let mut w = shared().open();
    let both = [
        method_frame(1, &queue::purge("gone")),
        method_frame(1, &channel::close()),
    ];
    w.send_bytes(&both.concat());
    w.expect(1, channel::CLOSE);
    w.expect(1, channel::CLOSE_OK);
    w.send(1, &channel::close_ok());
    w.open_channel(1);
}

#[test]
fn frames_for_a_forgotten_channel_are_504() {
    let mut w = shared().open();
    w.open_channel(2);
    w.call(2, &channel::close(), channel::CLOSE_OK);
    w.send(2, &queue::purge("gone"));
    w.expect_connection_close(504, "CHANNEL_ERROR - expected 'channel.open'");
}

#[test]
fn two_hundred_channels_work_side_by_side() {
    let mut w = shared().open();
    w.declare("ch-many", queue::EXCLUSIVE);
    for number in 2..=200 {
        w.open_channel(number);
    }
    for number in 2..=200u16 {
        let publish = basic::publish("", "ch-many", 0);
        w.publish(
            number,
            &publish,
            &tests::wire::Properties::new(),
            number.to_string(),
        );
        w.call(number, &channel::flow(true), channel::FLOW_OK);
    }
    let sent: Vec<String> = (2..=200).map(|n: u16| n.to_string()).collect();
    assert_eq!(w.drain("ch-many"), sent);
}

#[test]
fn a_number_that_is_closed_and_forgotten_has_to_be_opened_again() {
    let mut w = shared().open();
    w.open_channel(2);
    w.call(2, &channel::close(), channel::CLOSE_OK);
    w.send(2, &basic::qos(1, false));
    w.expect_connection_close(504, "CHANNEL_ERROR - expected 'channel.open'");
}
