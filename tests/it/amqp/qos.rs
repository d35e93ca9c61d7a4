//! Prefetch limits, per consumer and per channel.

use tests::{
    shared,
    wire::{Frame, Table, Wire, basic, channel, queue},
};

fn filled(name: &str, messages: usize) -> Wire {
    let mut w = shared().open();
    w.declare(name, queue::EXCLUSIVE);
    for n in 0..messages {
        w.enqueue(name, n.to_string());
    }
    w.expect_silence();
    w
}

#[test]
fn a_limit_holds_back_and_an_ack_lets_one_more_through() {
    let mut w = filled("q-limit", 5);
    w.call(1, &basic::qos(2, false), basic::QOS_OK);
    w.consume("q-limit", "c", 0);
    assert_eq!(w.bodies(2), ["0", "1"]);
    w.expect_silence();
    w.send(1, &basic::ack(1, 0));
    assert_eq!(w.bodies(1), ["2"]);
    w.expect_silence();
    w.send(1, &basic::ack(3, basic::MULTIPLE));
    assert_eq!(w.bodies(2), ["3", "4"]);
}

#[test]
fn a_reject_makes_room_too() {
    let mut w = filled("q-reject", 3);
    w.call(1, &basic::qos(1, false), basic::QOS_OK);
    w.consume("q-reject", "c", 0);
    assert_eq!(w.bodies(1), ["0"]);
    w.send(1, &basic::reject(1, false));
    assert_eq!(w.bodies(1), ["1"]);
}

#[test]
fn each_consumer_has_the_limit_of_its_time() {
    let mut w = filled("q-own", 20);
    w.call(1, &basic::qos(1, false), basic::QOS_OK);
    w.consume("q-own", "one", 0);
    assert_eq!(w.delivery(1).consumer_tag, "one");
    w.call(1, &basic::qos(3, false), basic::QOS_OK);
    w.consume("q-own", "three", 0);
    let tags: Vec<String> = (0..3).map(|_| w.delivery(1).consumer_tag).collect();
    assert_eq!(tags, ["three", "three", "three"]);
    w.expect_silence();
}

#[test]
fn zero_is_no_limit() {
    let mut w = filled("q-zero", 100);
    w.call(1, &basic::qos(1, false), basic::QOS_OK);
    w.call(1, &basic::qos(0, false), basic::QOS_OK);
    w.consume("q-zero", "c", 0);
    assert_eq!(w.bodies(100).len(), 100);
}

#[test]
fn a_limit_does_not_touch_consumers_that_do_not_acknowledge() {
    let mut w = filled("q-noack", 10);
    w.call(1, &basic::qos(1, false), basic::QOS_OK);
    w.consume("q-noack", "c", basic::NO_ACK);
    assert_eq!(w.bodies(10).len(), 10);
}

#[test]
fn a_global_limit_is_shared_by_the_channels_consumers() {
    let mut w = filled("q-global", 0);
    w.call(1, &basic::qos(3, true), basic::QOS_OK);
    w.consume("q-global", "one", 0);
    w.consume("q-global", "two", 0);
    for n in 0..10 {
        w.enqueue("q-global", n.to_string());
    }
    assert_eq!(w.bodies(3).len(), 3);
    w.expect_silence();
    w.send(1, &basic::ack(3, basic::MULTIPLE));
    assert_eq!(w.bodies(3).len(), 3);
    w.expect_silence();
}

#[test]
fn both_limits_hold_together() {
    let mut w = filled("q-both", 10);
    w.call(1, &basic::qos(3, true), basic::QOS_OK);
    w.call(1, &basic::qos(2, true), basic::QOS_OK);
    w.consume("q-both", "one", 0);
    assert_eq!(w.bodies(2).len(), 2);
    w.expect_silence();
}

#[test]
fn a_raised_global_limit_lets_more_through_at_once() {
    let mut w = filled("q-raise", 10);
    w.call(1, &basic::qos(1, true), basic::QOS_OK);
    w.consume("q-raise", "c", 0);
    assert_eq!(w.bodies(1).len(), 1);
    w.expect_silence();
    w.call(1, &basic::qos(4, true), basic::QOS_OK);
    assert_eq!(w.bodies(3).len(), 3);
    w.expect_silence();
}

#[test]
fn get_is_not_limited() {
    let mut w = filled("q-get", 5);
    w.call(1, &basic::qos(1, false), basic::QOS_OK);
    for n in 0..5 {
        assert_eq!(
            w.get("q-get", false).unwrap().body,
            n.to_string().into_bytes()
        );
    }
}

#[test]
fn a_blocked_consumer_leaves_the_rest_to_the_others() {
    let mut w = filled("q-others", 10);
    w.open_channel(2);
    w.call(2, &basic::qos(1, false), basic::QOS_OK);
    let consume = basic::consume("q-others", "small", 0, &Table::new());
    w.call(2, &consume, basic::CONSUME_OK);
    w.delivery(2);
    w.consume("q-others", "large", 0);
    assert_eq!(w.bodies(9).len(), 9);
    w.send(2, &channel::close());
    // The answer and the message it sets free come in any order.
    let mut again = None;
    let mut closed = false;
    while again.is_none() || !closed {
        match w.frame() {
            (2, Frame::Method(m)) if m.id == channel::CLOSE_OK => closed = true,
            (1, Frame::Body(body)) => again = Some(body),
            (1, _) => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(again.unwrap(), b"0");
}

#[test]
fn a_limit_for_consumers_lifts_that_of_the_channel() {
    let mut w = filled("q-lift", 6);
    w.call(1, &basic::qos(1, true), basic::QOS_OK);
    w.call(1, &basic::qos(4, false), basic::QOS_OK);
    w.consume("q-lift", "c", 0);
    assert_eq!(w.bodies(4).len(), 4);
    w.expect_silence();
}

#[test]
fn a_fetched_message_counts_for_the_channels_limit() {
    let mut w = filled("qos-get-counts", 3);
    w.call(1, &basic::qos(2, true), basic::QOS_OK);
    let got = w.get("qos-get-counts", false).unwrap();
    w.consume("qos-get-counts", "c", 0);
    assert_eq!(w.bodies(1), ["1"]);
    w.expect_silence();
    w.send(1, &basic::ack(got.tag, 0));
    assert_eq!(w.bodies(1), ["2"]);
}

#[test]
fn a_limit_may_be_asked_for_before_there_is_a_consumer_and_again() {
    let mut w = filled("qos-again", 4);
    for limit in [1, 3, 2] {
        w.call(1, &basic::qos(limit, false), basic::QOS_OK);
    }
    w.consume("qos-again", "c", 0);
    assert_eq!(w.bodies(2), ["0", "1"]);
    w.expect_silence();
}
