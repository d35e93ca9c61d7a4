//! Queues with priorities.

use tests::{
    shared,
    wire::{Properties, Table, Wire, basic, queue},
};

fn prioritized(max: i32) -> Table {
    Table::new().int("x-max-priority", max)
}

pub(super) fn of_priority(priority: u8) -> Properties {
    Properties {
        priority: Some(priority),
        ..Properties::persistent()
    }
}

fn put(w: &mut Wire, name: &str, priority: u8, body: &str) {
    w.publish(
        1,
        &basic::publish("", name, 0),
        &of_priority(priority),
        body,
    );
}

#[test]
fn higher_ones_first_and_each_in_order() {
    let mut w = shared().open();
    w.declare_with("pr-order", queue::EXCLUSIVE, &prioritized(5));
    for (priority, body) in [(1, "a"), (5, "b"), (3, "c"), (5, "d"), (0, "e"), (200, "f")] {
        put(&mut w, "pr-order", priority, body);
    }
    w.enqueue("pr-order", "g");
    assert_eq!(w.drain("pr-order"), ["b", "d", "f", "c", "a", "e", "g"]);
}

#[test]
fn a_queue_without_levels_ignores_them() {
    let mut w = shared().open();
    w.declare_with("pr-none", queue::EXCLUSIVE, &prioritized(0));
    put(&mut w, "pr-none", 0, "a");
    put(&mut w, "pr-none", 9, "b");
    assert_eq!(w.drain("pr-none"), ["a", "b"]);
}

#[test]
fn a_requeued_message_returns_to_its_place_in_its_level() {
    let mut w = shared().open();
    w.declare_with("pr-requeue", queue::EXCLUSIVE, &prioritized(2));
    for (priority, body) in [(1, "a"), (1, "b"), (2, "c")] {
        put(&mut w, "pr-requeue", priority, body);
    }
    let tags: Vec<u64> = (0..3)
        .map(|_| w.get("pr-requeue", false).unwrap().tag)
        .collect();
    w.send(1, &basic::nack(tags[1], basic::REQUEUE));
    w.send(1, &basic::nack(tags[0], basic::REQUEUE));
    let first = w.get("pr-requeue", true).unwrap();
    assert_eq!((first.body, first.redelivered), (b"c".to_vec(), true));
    assert_eq!(w.get("pr-requeue", true).unwrap().body, b"a");
}

#[test]
fn prefetched_low_ones_are_not_called_back() {
    let mut w = shared().open();
    w.declare_with("pr-prefetch", queue::EXCLUSIVE, &prioritized(2));
    w.send(1, &basic::qos(1, false));
    w.expect(1, basic::QOS_OK);
    w.consume("pr-prefetch", "", 0);
    put(&mut w, "pr-prefetch", 0, "low");
    let first = w.delivery(1);
    put(&mut w, "pr-prefetch", 0, "low again");
    put(&mut w, "pr-prefetch", 2, "high");
    assert_eq!(first.body, b"low");
    w.send(1, &basic::ack(first.tag, 0));
    assert_eq!(w.bodies(1), ["high"]);
}

#[test]
fn the_limit_takes_the_head_of_the_highest_level() {
    let mut w = shared().open();
    let arguments = prioritized(1).int("x-max-length", 1);
    w.declare_with("pr-limit", queue::EXCLUSIVE, &arguments);
    put(&mut w, "pr-limit", 1, "high");
    put(&mut w, "pr-limit", 0, "low");
    assert_eq!(w.drain("pr-limit"), ["low"]);
}

#[test]
fn purge_empties_all_levels() {
    let mut w = shared().open();
    w.declare_with("pr-purge", queue::EXCLUSIVE, &prioritized(9));
    for priority in 0..10 {
        put(&mut w, "pr-purge", priority, "x");
    }
    let purged = w.call(1, &queue::purge("pr-purge"), queue::PURGE_OK);
    assert_eq!(purged.read().long(), 10);
    assert_eq!(w.depth("pr-purge").0, 0);
}
