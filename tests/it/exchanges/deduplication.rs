//! Message deduplication, as a type and as an argument of other types.

use super::{publish, refused};
use std::{thread, time::Duration};
use tests::{
    Broker, Wire, shared, unique,
    wire::{Properties, Table, basic, exchange, queue},
};

const HEADER: &str = "x-deduplication-header";

fn bound(w: &mut Wire, kind: &str, arguments: &Table) -> (String, String) {
    let x = unique("x-dedup");
    w.declare_exchange(&x, kind, 0, arguments);
    let q = format!("{x}-q");
    w.declare(&q, queue::EXCLUSIVE);
    w.bind(&q, &x, "k");
    (x, q)
}

fn id(value: &str) -> Table {
    Table::new().str(HEADER, value)
}

#[test]
fn duplicates_are_dropped_by_the_type_and_by_the_argument() {
    let typed = Table::new().int("x-cache-size", 100);
    let argument = Table::new().bool("x-message-deduplication", true);
    for (kind, arguments) in [
        ("x-message-deduplication", &typed),
        ("direct", &argument),
        ("topic", &argument),
    ] {
        let mut w = shared().open();
        let (x, q) = bound(&mut w, kind, arguments);
        for (value, body) in [("a", "1"), ("a", "2"), ("b", "3"), ("a", "4"), ("b", "5")] {
            publish(&mut w, &x, "k", id(value), body);
        }
        publish(&mut w, &x, "k", Table::new(), "6");
        publish(&mut w, &x, "k", Table::new(), "7");
        assert_eq!(w.drain(&q), ["1", "3", "6", "7"], "{kind}");
    }
}

#[test]
fn the_header_can_be_of_any_simple_type() {
    let mut w = shared().open();
    let (x, q) = bound(
        &mut w,
        "x-message-deduplication",
        &Table::new().int("x-cache-size", 100),
    );
    for (n, value) in [
        Table::new().int(HEADER, 1),
        Table::new().long(HEADER, 1),
        Table::new().bool(HEADER, true),
        Table::new().bool(HEADER, true),
        Table::new().str(HEADER, "1"),
        Table::new().void(HEADER),
        Table::new().void(HEADER),
    ]
    .into_iter()
    .enumerate()
    {
        publish(&mut w, &x, "k", value, &n.to_string());
    }
    assert_eq!(w.drain(&q), ["0", "2", "4", "5", "6"]);
}

#[test]
fn a_duplicate_is_confirmed_and_returned_if_mandatory() {
    let mut w = shared().open();
    let size = Table::new().int("x-cache-size", 100);
    let (x, q) = bound(&mut w, "x-message-deduplication", &size);
    w.confirm_select();
    publish(&mut w, &x, "k", id("a"), "1");
    publish(&mut w, &x, "k", id("a"), "2");
    w.await_confirms(2);
    let properties = Properties::headers(id("a"));
    w.publish(
        1,
        &basic::publish(&x, "k", basic::MANDATORY),
        &properties,
        "3",
    );
    assert_eq!(w.returned().body, b"3");
    w.expect(1, basic::ACK);
    assert_eq!(w.drain(&q), ["1"]);
}

#[test]
fn a_full_cache_forgets_the_oldest() {
    let mut w = shared().open();
    let size = Table::new().int("x-cache-size", 2);
    let (x, q) = bound(&mut w, "x-message-deduplication", &size);
    for (n, value) in ["a", "b", "c", "a", "c"].iter().enumerate() {
        publish(&mut w, &x, "k", id(value), &n.to_string());
    }
    assert_eq!(w.drain(&q), ["0", "1", "2", "3"]);
}

#[test]
fn a_value_may_come_again_after_its_time() {
    let mut w = shared().open();
    let arguments = Table::new().int("x-cache-size", 100).int("x-cache-ttl", 50);
    let (x, q) = bound(&mut w, "x-message-deduplication", &arguments);
    publish(&mut w, &x, "k", id("short"), "1");
    publish(&mut w, &x, "k", id("long").int("x-cache-ttl", 60_000), "2");
    w.expect_silence();
    thread::sleep(Duration::from_millis(60));
    publish(&mut w, &x, "k", id("short"), "3");
    publish(&mut w, &x, "k", id("long"), "4");
    assert_eq!(w.drain(&q), ["1", "2", "3"]);
}

#[test]
fn bad_arguments_are_refused() {
    let mut w = shared().open();
    let kind = "x-message-deduplication";
    let size = "Missing or invalid argument, 'x-cache-size' must be an integer greater than 0";
    refused(&mut w, "dd-bad", kind, &Table::new(), size);
    refused(
        &mut w,
        "dd-bad",
        kind,
        &Table::new().int("x-cache-size", 0),
        size,
    );
    let sized = || Table::new().int("x-cache-size", 10);
    let ttl = "Invalid argument, 'x-cache-ttl' must be an integer greater than 0";
    refused(&mut w, "dd-bad", kind, &sized().int("x-cache-ttl", 0), ttl);
    let kept = "Invalid argument, 'x-cache-persistence' must be either 'disk' or 'memory'";
    let tape = sized().str("x-cache-persistence", "tape");
    refused(&mut w, "dd-bad", kind, &tape, kept);
}

#[test]
fn a_cache_on_disk_survives_a_crash() {
    let mut broker = Broker::start();
    let mut w = broker.open();
    let arguments = Table::new()
        .int("x-cache-size", 100)
        .str("x-cache-persistence", "disk");
    let kind = "x-message-deduplication";
    w.declare_exchange("dd", kind, exchange::DURABLE, &arguments);
    w.declare("q", queue::DURABLE);
    w.bind("q", "dd", "");
    w.confirm_select();
    publish(&mut w, "dd", "k", id("a"), "1");
    w.await_confirms(1);
    broker.kill();
    broker.restart();
    let mut w = broker.open();
    publish(&mut w, "dd", "k", id("a"), "2");
    publish(&mut w, "dd", "k", id("b"), "3");
    assert_eq!(w.drain("q"), ["1", "3"]);
}

#[test]
fn a_queue_drops_duplicates_of_the_messages_that_are_in_it() {
    let mut w = shared().open();
    let q = unique("q-dedup");
    let arguments = Table::new().bool("x-message-deduplication", true);
    w.declare_with(&q, queue::EXCLUSIVE, &arguments);
    w.confirm_select();
    for (value, body) in [("a", "1"), ("a", "2"), ("b", "3")] {
        publish(&mut w, "", &q, id(value), body);
    }
    w.await_confirms(3);
    let first = w.get(&q, false).unwrap();
    assert_eq!(first.body, b"1");
    publish(&mut w, "", &q, id("a"), "unacked");
    w.expect(1, basic::ACK);
    w.send(1, &basic::ack(first.tag, 0));
    publish(&mut w, "", &q, id("a"), "4");
    w.expect(1, basic::ACK);
    assert_eq!(w.drain(&q), ["3", "4"]);
    publish(&mut w, "", &q, id("a"), "5");
    w.expect(1, basic::ACK);
    assert_eq!(w.drain(&q), ["5"]);
}
