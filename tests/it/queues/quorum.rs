//! Quorum queues, on their only node.

use tests::{
    shared,
    wire::{Properties, Table, Value, Wire, basic, queue},
};

use super::{dead_to, declare, header, priorities::of_priority, summary, until};

fn quorum() -> Table {
    Table::new().str("x-queue-type", "quorum")
}

fn delete(w: &mut Wire, name: &str) {
    w.call(1, &queue::delete(name, 0), queue::DELETE_OK);
}

#[test]
fn returns_are_counted_from_the_second_delivery_on() {
    let mut w = shared().open();
    declare(&mut w, "qq-count", &quorum());
    w.enqueue("qq-count", "x");
    for returns in 0..4 {
        let got = w.get("qq-count", false).unwrap();
        let count = (returns > 0).then_some(Value::Int(returns));
        assert_eq!(header(&got.properties, "x-delivery-count"), count);
        assert_eq!(got.redelivered, returns > 0);
        let method = match returns % 2 {
            0 => basic::nack(got.tag, basic::REQUEUE),
            _ => basic::reject(got.tag, true),
        };
        w.send(1, &method);
    }
    // The end of a channel counts as well.
    w.get("qq-count", false).unwrap();
    drop(w);
    let mut w = shared().open();
    let mut got = None;
    until("the channel is gone", || {
        got = w.get("qq-count", false);
        got.is_some()
    });
    let count = header(&got.unwrap().properties, "x-delivery-count");
    assert_eq!(count, Some(Value::Int(5)));
    delete(&mut w, "qq-count");
}

#[test]
fn what_comes_back_too_often_is_dead_lettered() {
    let mut w = shared().open();
    w.declare("qq-dead", queue::EXCLUSIVE);
    let arguments = dead_to("qq-dead")
        .str("x-queue-type", "quorum")
        .int("x-delivery-limit", 1);
    declare(&mut w, "qq-limit", &arguments);
    w.enqueue("qq-limit", "x");
    for _ in 0..2 {
        assert_eq!(w.depth("qq-dead").0, 0);
        let got = w.get("qq-limit", false).unwrap();
        w.send(1, &basic::reject(got.tag, true));
    }
    let got = w.get("qq-dead", true).unwrap();
    assert_eq!(
        summary(&got.properties),
        [("qq-limit".into(), "delivery_limit".into(), 1)]
    );
    assert_eq!(w.depth("qq-limit").0, 0);
    delete(&mut w, "qq-limit");
}

#[test]
fn the_limit_is_twenty_returns_unless_told_otherwise() {
    let mut w = shared().open();
    declare(&mut w, "qq-twenty", &quorum());
    declare(&mut w, "qq-ever", &quorum().int("x-delivery-limit", -1));
    for (name, left) in [("qq-twenty", 0), ("qq-ever", 1)] {
        w.enqueue(name, "x");
        for _ in 0..21 {
            let got = w.get(name, false).unwrap();
            w.send(1, &basic::reject(got.tag, true));
        }
        assert_eq!(w.depth(name).0, left, "{name}");
        delete(&mut w, name);
    }
}

#[test]
fn returned_ones_come_first_and_in_the_order_of_their_return() {
    let mut w = shared().open();
    declare(&mut w, "qq-returns", &quorum());
    for body in ["1", "2", "3", "4"] {
        w.enqueue("qq-returns", body);
    }
    let tags: Vec<u64> = (0..3)
        .map(|_| w.get("qq-returns", false).unwrap().tag)
        .collect();
    w.send(1, &basic::reject(tags[1], true));
    w.send(1, &basic::reject(tags[0], true));
    assert_eq!(w.drain("qq-returns"), ["2", "1", "4"]);
    delete(&mut w, "qq-returns");
}

#[test]
fn high_priorities_have_two_turns_of_three() {
    let mut w = shared().open();
    declare(&mut w, "qq-prio", &quorum());
    for (priority, body) in [(0, "a"), (4, "b"), (5, "A"), (255, "B"), (9, "C"), (5, "D")] {
        w.publish(
            1,
            &basic::publish("", "qq-prio", 0),
            &of_priority(priority),
            body,
        );
    }
    assert_eq!(w.drain("qq-prio"), ["A", "B", "a", "C", "D", "b"]);
    delete(&mut w, "qq-prio");
}

#[test]
fn its_own_limits_and_times_are_those_of_classic_queues() {
    let mut w = shared().open();
    declare(&mut w, "qq-max", &quorum().int("x-max-length", 2));
    declare(&mut w, "qq-ttl", &quorum().int("x-message-ttl", 50));
    for body in ["1", "2", "3"] {
        w.enqueue("qq-max", body);
        w.enqueue("qq-ttl", body);
    }
    assert_eq!(w.drain("qq-max"), ["2", "3"]);
    until("all have expired", || w.depth("qq-ttl").0 == 0);
    delete(&mut w, "qq-max");
    delete(&mut w, "qq-ttl");
}

#[test]
fn the_exclusive_flag_is_taken_and_not_enforced() {
    let mut w = shared().open();
    declare(&mut w, "qq-excl", &quorum());
    w.consume("qq-excl", "one", basic::EXCLUSIVE);
    w.consume("qq-excl", "two", basic::EXCLUSIVE);
    assert_eq!(w.depth("qq-excl").1, 2);
    delete(&mut w, "qq-excl");
}

#[test]
fn dead_letters_wait_until_somebody_takes_them() {
    let mut w = shared().open();
    let arguments = dead_to("qq-alo-dead")
        .str("x-queue-type", "quorum")
        .str("x-overflow", "reject-publish")
        .str("x-dead-letter-strategy", "at-least-once");
    declare(&mut w, "qq-alo", &arguments);
    for n in 0..40 {
        w.publish(
            1,
            &basic::publish("", "qq-alo", 0),
            &Properties::persistent(),
            n.to_string(),
        );
    }
    for _ in 0..40 {
        let got = w.get("qq-alo", false).unwrap();
        w.send(1, &basic::reject(got.tag, false));
    }
    assert_eq!(w.depth("qq-alo").0, 0);
    declare(&mut w, "qq-alo-dead", &Table::new());
    until("all have arrived", || w.depth("qq-alo-dead").0 == 40);
    delete(&mut w, "qq-alo");
    delete(&mut w, "qq-alo-dead");
}
