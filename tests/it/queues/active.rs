//! One active consumer at a time.

use tests::{
    shared,
    wire::{Table, basic, queue},
};

use super::declare;

fn single() -> Table {
    Table::new().bool("x-single-active-consumer", true)
}

#[test]
fn the_next_takes_over_and_what_was_unacked_comes_first() {
    let (mut one, mut two) = (shared().open(), shared().open());
    declare(&mut one, "ac-next", &single());
    one.consume("ac-next", "one", 0);
    two.consume("ac-next", "two", 0);
    for body in ["1", "2"] {
        one.enqueue("ac-next", body);
    }
    assert_eq!(one.bodies(2), ["1", "2"]);
    drop(one);
    let mut three = shared().open();
    three.enqueue("ac-next", "3");
    assert_eq!(two.bodies(3), ["1", "2", "3"]);
    three.call(1, &queue::delete("ac-next", 0), queue::DELETE_OK);
}

#[test]
fn a_cancelled_one_keeps_its_deliveries_and_gets_no_more() {
    let mut w = shared().open();
    w.open_channel(2);
    w.declare_with("ac-cancel", queue::EXCLUSIVE, &single());
    w.consume("ac-cancel", "one", 0);
    w.call(
        2,
        &basic::consume("ac-cancel", "two", 0, &Table::new()),
        basic::CONSUME_OK,
    );
    w.enqueue("ac-cancel", "1");
    assert_eq!(w.delivery(1).body, b"1");
    w.call(1, &basic::cancel("one"), basic::CANCEL_OK);
    w.enqueue("ac-cancel", "2");
    assert_eq!(w.delivery(2).body, b"2");
}

#[test]
fn priority_decides_who_follows_and_not_who_is_active() {
    let mut w = shared().open();
    for channel in 2..=3 {
        w.open_channel(channel);
    }
    w.declare_with("ac-prio", queue::EXCLUSIVE, &single());
    w.consume("ac-prio", "first", basic::NO_ACK);
    for (channel, priority) in [(2, 0), (3, 9)] {
        let arguments = Table::new().int("x-priority", priority);
        let consume = basic::consume("ac-prio", "", basic::NO_ACK, &arguments);
        w.call(channel, &consume, basic::CONSUME_OK);
    }
    w.enqueue("ac-prio", "1");
    assert_eq!(w.delivery(1).body, b"1");
    w.call(1, &basic::cancel("first"), basic::CANCEL_OK);
    w.enqueue("ac-prio", "2");
    assert_eq!(w.delivery(3).body, b"2");
}

#[test]
fn a_higher_priority_takes_a_quorum_queue_over() {
    let mut w = shared().open();
    w.open_channel(2);
    let arguments = single().str("x-queue-type", "quorum");
    declare(&mut w, "ac-quorum", &arguments);
    w.consume("ac-quorum", "low", 0);
    w.enqueue("ac-quorum", "1");
    let held = w.delivery(1);
    let consume = basic::consume("ac-quorum", "high", 0, &Table::new().int("x-priority", 1));
    w.call(2, &consume, basic::CONSUME_OK);
    w.enqueue("ac-quorum", "2");
    w.expect_silence();
    w.send(1, &basic::ack(held.tag, 0));
    assert_eq!(w.delivery(2).body, b"2");
    w.call(2, &basic::cancel("high"), basic::CANCEL_OK);
    w.call(1, &queue::delete("ac-quorum", 0), queue::DELETE_OK);
}

#[test]
fn listings_show_who_is_active() {
    let mut w = shared().open();
    declare(&mut w, "ac-list", &single());
    w.consume("ac-list", "first", 0);
    w.consume("ac-list", "second", 0);
    let listed = shared().http().json("/queues/%2f/ac-list");
    assert_eq!(listed["single_active_consumer_tag"], "first");
    let mut shown: Vec<(String, bool, String)> = listed["consumer_details"]
        .as_array()
        .unwrap()
        .iter()
        .map(|consumer| {
            let text = |key: &str| consumer[key].as_str().unwrap().to_owned();
            let active = consumer["active"].as_bool().unwrap();
            (text("consumer_tag"), active, text("activity_status"))
        })
        .collect();
    shown.sort();
    assert_eq!(
        shown,
        [
            ("first".to_owned(), true, "single_active".to_owned()),
            ("second".to_owned(), false, "waiting".to_owned()),
        ]
    );
    w.call(1, &basic::cancel("second"), basic::CANCEL_OK);
    w.call(1, &basic::cancel("first"), basic::CANCEL_OK);
    w.call(1, &queue::delete("ac-list", 0), queue::DELETE_OK);
}
