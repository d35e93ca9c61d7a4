//! tx.select, commit and rollback.

use tests::{
    Wire, shared,
    wire::{Properties, basic, channel, queue, tx},
};

fn transactional(name: &str) -> Wire {
    let mut w = shared().open();
    w.declare(name, queue::EXCLUSIVE);
    w.call(1, &tx::select(), tx::SELECT_OK);
    w
}

#[test]
fn publishes_show_after_commit_only() {
    let mut w = transactional("t-commit");
    w.enqueue("t-commit", "a");
    w.enqueue("t-commit", "b");
    assert_eq!(w.depth("t-commit"), (0, 0));
    w.call(1, &tx::commit(), tx::COMMIT_OK);
    assert_eq!(w.depth("t-commit"), (2, 0));
    assert_eq!(w.drain("t-commit"), ["a", "b"]);
}

#[test]
fn rollback_forgets_publishes() {
    let mut w = transactional("t-rollback");
    w.enqueue("t-rollback", "a");
    w.call(1, &tx::rollback(), tx::ROLLBACK_OK);
    w.enqueue("t-rollback", "b");
    w.call(1, &tx::commit(), tx::COMMIT_OK);
    assert_eq!(w.drain("t-rollback"), ["b"]);
}

#[test]
fn acks_count_after_commit_only() {
    let mut w = transactional("t-ack");
    w.enqueue("t-ack", "a");
    w.enqueue("t-ack", "b");
    w.call(1, &tx::commit(), tx::COMMIT_OK);
    w.get("t-ack", false).unwrap();
    w.get("t-ack", false).unwrap();
    w.send(1, &basic::ack(1, 0));
    w.call(1, &tx::commit(), tx::COMMIT_OK);
    w.send(1, &basic::ack(2, 0));
    // The channel ends with the second ack uncommitted.
    w.call(1, &channel::close(), channel::CLOSE_OK);
    w.open_channel(1);
    assert_eq!(w.drain("t-ack"), ["b"]);
}

#[test]
fn rollback_makes_an_ack_undone_and_possible_again() {
    let mut w = transactional("t-reack");
    w.enqueue("t-reack", "a");
    w.call(1, &tx::commit(), tx::COMMIT_OK);
    w.get("t-reack", false).unwrap();
    w.send(1, &basic::ack(1, 0));
    w.call(1, &tx::rollback(), tx::ROLLBACK_OK);
    w.send(1, &basic::ack(1, 0));
    w.call(1, &tx::commit(), tx::COMMIT_OK);
    w.call(1, &channel::close(), channel::CLOSE_OK);
    w.open_channel(1);
    assert_eq!(w.depth("t-reack"), (0, 0));
}

#[test]
fn a_requeue_counts_after_commit_only() {
    let mut w = transactional("t-requeue");
    w.enqueue("t-requeue", "a");
    w.call(1, &tx::commit(), tx::COMMIT_OK);
    w.get("t-requeue", false).unwrap();
    w.send(1, &basic::nack(1, basic::REQUEUE));
    assert_eq!(w.depth("t-requeue"), (0, 0));
    w.call(1, &tx::commit(), tx::COMMIT_OK);
    assert_eq!(w.depth("t-requeue"), (1, 0));
}

#[test]
fn mandatory_messages_come_back_on_commit() {
    let mut w = transactional("t-return");
    w.publish(
        1,
        &basic::publish("", "nowhere", basic::MANDATORY),
        &Properties::new(),
        "x",
    );
    w.expect_silence();
    w.send(1, &tx::commit());
    assert_eq!(w.returned().body, b"x");
    w.expect(1, tx::COMMIT_OK);
}

#[test]
fn a_missing_exchange_is_an_error_at_publish() {
    let mut w = transactional("t-missing");
    w.enqueue("t-missing", "x");
    w.publish(1, &basic::publish("gone", "k", 0), &Properties::new(), "x");
    w.expect_channel_close(1, 404, "NOT_FOUND - no exchange 'gone' in vhost '/'");
    assert_eq!(w.depth("t-missing"), (0, 0));
}

#[test]
fn queues_are_chosen_at_publish() {
    let mut w = transactional("t-route");
    let publish = basic::publish("amq.direct", "t-route-key", 0);
    w.publish(1, &publish, &Properties::new(), "before");
    w.bind("t-route", "amq.direct", "t-route-key");
    w.publish(1, &publish, &Properties::new(), "after");
    w.call(1, &tx::commit(), tx::COMMIT_OK);
    assert_eq!(w.drain("t-route"), ["after"]);
}

#[test]
fn selecting_twice_and_empty_commits_are_fine() {
    let mut w = transactional("t-twice");
    w.call(1, &tx::select(), tx::SELECT_OK);
    for _ in 0..3 {
        w.call(1, &tx::commit(), tx::COMMIT_OK);
        w.call(1, &tx::rollback(), tx::ROLLBACK_OK);
    }
}

#[test]
fn persistent_messages_are_committed() {
    let mut w = shared().open();
    w.declare("t-durable", queue::DURABLE);
    w.call(1, &tx::select(), tx::SELECT_OK);
    for n in 0..50 {
        let publish = basic::publish("", "t-durable", 0);
        w.publish(1, &publish, &Properties::persistent(), n.to_string());
    }
    w.call(1, &tx::commit(), tx::COMMIT_OK);
    let deleted = w.call(1, &queue::delete("t-durable", 0), queue::DELETE_OK);
    assert_eq!(deleted.read().long(), 50);
}
