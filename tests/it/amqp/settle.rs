//! ack, nack, reject and recover: who has a message, and where it goes back to.

use tests::{
    shared,
    wire::{Wire, basic, channel, queue},
};

/// A queue of messages "0", "1", ... of which the first `taken` are fetched, unacknowledged.
fn taken(name: &str, messages: usize, taken: usize) -> Wire {
    let mut w = shared().open();
    w.declare(name, queue::EXCLUSIVE);
    for n in 0..messages {
        w.enqueue(name, n.to_string());
    }
    for _ in 0..taken {
        w.get(name, false).unwrap();
    }
    w
}

#[test]
fn an_acknowledged_message_is_gone() {
    let mut w = taken("s-ack", 2, 1);
    w.send(1, &basic::ack(1, 0));
    w.call(1, &channel::close(), channel::CLOSE_OK);
    w.open_channel(1);
    assert_eq!(w.drain("s-ack"), ["1"]);
}

#[test]
fn ack_multiple_takes_all_up_to_its_tag() {
    let mut w = taken("s-multi", 5, 5);
    w.send(1, &basic::ack(3, basic::MULTIPLE));
    w.call(1, &channel::close(), channel::CLOSE_OK);
    w.open_channel(1);
    assert_eq!(w.drain("s-multi"), ["3", "4"]);
}

#[test]
fn ack_multiple_of_zero_takes_everything() {
    let mut w = taken("s-zero", 5, 5);
    w.send(1, &basic::ack(0, basic::MULTIPLE));
    w.expect_silence();
    // And is no error when there is nothing.
    w.send(1, &basic::ack(0, basic::MULTIPLE));
    w.expect_silence();
    assert_eq!(w.depth("s-zero"), (0, 0));
}

#[test]
fn acks_out_of_order_work() {
    let mut w = taken("s-order", 5, 5);
    for tag in [4, 1, 5] {
        w.send(1, &basic::ack(tag, 0));
    }
    w.call(1, &channel::close(), channel::CLOSE_OK);
    w.open_channel(1);
    assert_eq!(w.drain("s-order"), ["1", "2"]);
}

#[test]
fn reject_with_requeue_puts_a_message_back_to_its_place() {
    let mut w = taken("s-reject", 4, 3);
    w.send(1, &basic::reject(2, true));
    let again = w.get("s-reject", false).unwrap();
    assert_eq!(
        (&*again.body, again.redelivered, again.tag),
        (&b"1"[..], true, 4)
    );
    w.send(1, &basic::reject(3, true));
    w.send(1, &basic::reject(1, true));
    w.send(1, &basic::reject(4, true));
    assert_eq!(w.drain("s-reject"), ["0", "1", "2", "3"]);
}

#[test]
fn reject_without_requeue_drops_a_message() {
    let mut w = taken("s-drop", 2, 1);
    w.send(1, &basic::reject(1, false));
    w.call(1, &channel::close(), channel::CLOSE_OK);
    w.open_channel(1);
    assert_eq!(w.drain("s-drop"), ["1"]);
}

#[test]
fn nack_multiple_requeues_in_the_original_order() {
    let mut w = taken("s-nack", 5, 4);
    w.send(1, &basic::nack(3, basic::MULTIPLE | basic::REQUEUE));
    let bodies: Vec<_> = (0..4).map(|_| w.get("s-nack", true).unwrap()).collect();
    let seen: Vec<_> = bodies
        .iter()
        .map(|m| (String::from_utf8_lossy(&m.body), m.redelivered))
        .collect();
    let expected = [("0", true), ("1", true), ("2", true), ("4", false)];
    assert_eq!(seen, expected.map(|(body, again)| (body.into(), again)));
}

#[test]
fn nack_of_zero_requeues_everything() {
    let mut w = taken("s-nack0", 3, 3);
    w.send(1, &basic::nack(0, basic::MULTIPLE | basic::REQUEUE));
    assert_eq!(w.drain("s-nack0"), ["0", "1", "2"]);
}

#[test]
fn nack_without_requeue_drops_messages() {
    let mut w = taken("s-nackdrop", 3, 3);
    w.send(1, &basic::nack(2, basic::MULTIPLE));
    w.call(1, &channel::close(), channel::CLOSE_OK);
    w.open_channel(1);
    assert_eq!(w.drain("s-nackdrop"), ["2"]);
}

#[test]
fn a_wrong_tag_with_multiple_settles_nothing() {
    let mut w = taken("s-wrong", 2, 2);
    w.send(1, &basic::ack(9, basic::MULTIPLE));
    w.expect_channel_close(1, 406, "PRECONDITION_FAILED - unknown delivery tag 9");
    assert_eq!(w.drain("s-wrong"), ["0", "1"]);
}

#[test]
fn recover_requeues_everything_of_the_channel() {
    let mut w = taken("s-recover", 4, 3);
    w.call(1, &basic::recover(true), basic::RECOVER_OK);
    let first = w.get("s-recover", true).unwrap();
    assert_eq!((&*first.body, first.redelivered), (&b"0"[..], true));
    assert_eq!(w.drain("s-recover"), ["1", "2", "3"]);
}

#[test]
fn recover_async_answers_nothing() {
    let mut w = taken("s-recover-a", 2, 2);
    w.send(1, &basic::recover_async(true));
    w.expect_silence();
    assert_eq!(w.drain("s-recover-a"), ["0", "1"]);
}

#[test]
fn recover_redelivers_to_a_consumer() {
    let mut w = shared().open();
    w.declare("s-recover-c", queue::EXCLUSIVE);
    w.enqueue("s-recover-c", "x");
    w.consume("s-recover-c", "c", 0);
    assert!(!w.delivery(1).redelivered);
    w.send(1, &basic::recover(true));
    let mut seen = Vec::new();
    for _ in 0..2 {
        let method = w.method(1);
        if method.id == basic::DELIVER {
            w.frame();
            w.frame();
        }
        seen.push(method.id);
    }
    seen.sort_unstable();
    assert_eq!(seen, [basic::DELIVER, basic::RECOVER_OK]);
}

#[test]
fn a_requeued_message_goes_to_a_waiting_consumer_at_once() {
    let mut w = taken("s-waiting", 1, 1);
    w.open_channel(2);
    let consume = basic::consume("s-waiting", "c", 0, &tests::wire::Table::new());
    w.call(2, &consume, basic::CONSUME_OK);
    w.send(1, &basic::nack(1, basic::REQUEUE));
    let delivery = w.delivery(2);
    assert_eq!((&*delivery.body, delivery.redelivered), (&b"0"[..], true));
}

#[test]
fn tags_count_deliveries_and_gets_together() {
    let mut w = shared().open();
    w.declare("s-tags", queue::EXCLUSIVE);
    for body in ["a", "b", "c"] {
        w.enqueue("s-tags", body);
    }
    w.call(1, &basic::qos(1, false), basic::QOS_OK);
    w.consume("s-tags", "c", 0);
    assert_eq!(w.delivery(1).tag, 1);
    assert_eq!(w.get("s-tags", false).unwrap().tag, 2);
    w.send(1, &basic::ack(1, 0));
    assert_eq!(w.delivery(1).tag, 3);
    w.send(1, &basic::ack(3, basic::MULTIPLE));
    w.expect_silence();
    assert_eq!(w.depth("s-tags"), (0, 1));
}

#[test]
fn messages_requeued_by_two_channels_are_in_order_again() {
    let mut w = taken("s-two", 6, 0);
    w.open_channel(2);
    for turn in 0..6u16 {
        let number = 1 + turn % 2;
        w.send(number, &basic::get("s-two", false));
        w.expect(number, basic::GET_OK);
        w.frame();
        w.frame();
    }
    w.send(2, &basic::nack(0, basic::MULTIPLE | basic::REQUEUE));
    w.call(2, &channel::flow(true), channel::FLOW_OK);
    w.send(1, &basic::nack(0, basic::MULTIPLE | basic::REQUEUE));
    w.expect_silence();
    assert_eq!(w.drain("s-two"), ["0", "1", "2", "3", "4", "5"]);
}
