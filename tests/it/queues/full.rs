//! Queues with a limit.

use tests::{
    shared,
    wire::{Properties, Table, Wire, basic, queue},
};

use super::{dead_to, deaths, declare, summary};

fn limited(max: i32) -> Table {
    Table::new().int("x-max-length", max)
}

/// Publishes and says which were nacked.
fn publish(w: &mut Wire, queue: &str, first: u64, bodies: &[&str]) -> Vec<u64> {
    for body in bodies {
        w.publish(
            1,
            &basic::publish("", queue, 0),
            &Properties::persistent(),
            body,
        );
    }
    let last = first + bodies.len() as u64 - 1;
    let (mut open, mut nacked) = ((first..=last).collect::<Vec<_>>(), Vec::new());
    while !open.is_empty() {
        let method = w.method(1);
        let mut read = method.read();
        let (tag, multiple) = (read.longlong(), read.octet() & 1 == 1);
        let settled = |n: &u64| *n == tag || (multiple && *n < tag);
        if method.id == basic::NACK {
            nacked.extend(open.iter().copied().filter(settled));
        } else {
            assert_eq!(method.id, basic::ACK, "{method:?}");
        }
        open.retain(|n| !settled(n));
    }
    nacked
}

#[test]
fn the_oldest_are_dropped_and_dead_lettered() {
    let mut w = shared().open();
    w.declare("fu-dead", queue::EXCLUSIVE);
    let arguments = dead_to("fu-dead").int("x-max-length", 2);
    w.declare_with("fu-head", queue::EXCLUSIVE, &arguments);
    for body in ["1", "2", "3", "4"] {
        w.enqueue("fu-head", body);
    }
    assert_eq!(w.drain("fu-head"), ["3", "4"]);
    let got = w.get("fu-dead", true).unwrap();
    assert_eq!(got.body, b"1");
    assert_eq!(
        summary(&got.properties),
        [("fu-head".into(), "maxlen".into(), 1)]
    );
    assert_eq!(w.drain("fu-dead"), ["2"]);
}

#[test]
fn only_ready_messages_count_and_a_requeue_may_be_too_much() {
    let mut w = shared().open();
    w.declare_with("fu-ready", queue::EXCLUSIVE, &limited(1));
    w.enqueue("fu-ready", "1");
    let got = w.get("fu-ready", false).unwrap();
    w.enqueue("fu-ready", "2");
    assert_eq!(w.depth("fu-ready").0, 1);
    w.send(1, &basic::reject(got.tag, true));
    assert_eq!(w.drain("fu-ready"), ["2"], "the head goes");
}

#[test]
fn bytes_are_those_of_bodies() {
    let mut w = shared().open();
    let arguments = Table::new().int("x-max-length-bytes", 10);
    w.declare_with("fu-bytes", queue::EXCLUSIVE, &arguments);
    for body in ["12345", "67890", "x"] {
        w.enqueue("fu-bytes", body);
    }
    assert_eq!(w.drain("fu-bytes"), ["67890", "x"]);
    w.enqueue("fu-bytes", "eleven byte");
    assert_eq!(w.depth("fu-bytes").0, 0);
}

#[test]
fn a_full_queue_nacks_and_keeps_what_it_has() {
    let mut w = shared().open();
    w.confirm_select();
    let arguments = limited(2).str("x-overflow", "reject-publish");
    w.declare_with("fu-nack", queue::EXCLUSIVE, &arguments);
    assert_eq!(publish(&mut w, "fu-nack", 1, &["1", "2", "3", "4"]), [3, 4]);
    assert_eq!(w.drain("fu-nack"), ["1", "2"]);
    assert_eq!(publish(&mut w, "fu-nack", 5, &["5"]), [0; 0]);
}

#[test]
fn one_queue_that_refuses_is_enough_for_a_nack_and_the_others_keep_theirs() {
    let mut w = shared().open();
    w.confirm_select();
    let arguments = limited(0).str("x-overflow", "reject-publish");
    w.declare_with("fu-fan-full", queue::EXCLUSIVE, &arguments);
    w.declare("fu-fan", queue::EXCLUSIVE);
    for queue in ["fu-fan-full", "fu-fan"] {
        w.bind(queue, "amq.direct", "fu-fan-key");
    }
    let publish = basic::publish("amq.direct", "fu-fan-key", 0);
    w.publish(1, &publish, &Properties::new(), "x");
    assert_eq!(w.method(1).id, basic::NACK);
    assert_eq!(w.drain("fu-fan"), ["x"]);
}

#[test]
fn refused_messages_are_dead_lettered_if_asked_for() {
    let mut w = shared().open();
    w.confirm_select();
    w.declare("fu-rpd-dead", queue::EXCLUSIVE);
    let arguments = dead_to("fu-rpd-dead")
        .int("x-max-length", 1)
        .str("x-overflow", "reject-publish-dlx");
    w.declare_with("fu-rpd", queue::EXCLUSIVE, &arguments);
    assert_eq!(publish(&mut w, "fu-rpd", 1, &["1", "2"]), [2]);
    let got = w.get("fu-rpd-dead", true).unwrap();
    assert_eq!(got.body, b"2");
    assert_eq!(deaths(&got.properties).len(), 1);
    assert_eq!(w.drain("fu-rpd"), ["1"]);
}

#[test]
fn a_queue_of_length_zero_delivers_straight_or_not_at_all() {
    let mut w = shared().open();
    w.declare_with("fu-zero", queue::EXCLUSIVE, &limited(0));
    w.enqueue("fu-zero", "1");
    assert_eq!(w.depth("fu-zero").0, 0);
    w.consume("fu-zero", "", basic::NO_ACK);
    w.enqueue("fu-zero", "2");
    assert_eq!(w.bodies(1), ["2"]);
}

#[test]
fn a_deep_queue_with_a_limit_keeps_the_newest() {
    let mut w = shared().open();
    declare(&mut w, "fu-deep", &limited(500));
    for n in 0..5000 {
        w.publish(
            1,
            &basic::publish("", "fu-deep", 0),
            &Properties::persistent(),
            format!("{n:01000}"),
        );
    }
    assert_eq!(w.depth("fu-deep").0, 500);
    assert_eq!(
        w.get("fu-deep", true).unwrap().body,
        format!("{:01000}", 4500).as_bytes()
    );
    w.call(1, &queue::delete("fu-deep", 0), queue::DELETE_OK);
}
