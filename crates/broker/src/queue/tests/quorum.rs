//! Single active consumers, and quorum queues.

use codec::{AMQPValue, BasicProperties};

use super::rules::*;
use super::*;

#[test]
fn one_consumer_is_active_and_the_next_follows_it() {
    let w = World::new();
    let q = w.declare(
        "q",
        &[("x-single-active-consumer", AMQPValue::Boolean(true))],
    );
    let boxes = [Outbox::new(), Outbox::new(), Outbox::new()];
    let first = join(&w, &q, &boxes[0], 0, 0);
    join(&w, &q, &boxes[1], 0, 0);
    join(&w, &q, &boxes[2], 0, 5);
    put(&q, &plain(), &["1", "2"]);
    let got = taken(&boxes[0]);
    assert_eq!(
        bodies(&got),
        ["1", "2"],
        "the first stays, whatever the others' priority"
    );
    let activity: Vec<_> = q.snapshot().consumers.iter().map(|c| c.activity).collect();
    assert_eq!(
        activity,
        [Activity::Waiting, Activity::SingleActive, Activity::Waiting]
    );
    q.remove_consumer(first, &mut Wakes::new());
    for delivery in got {
        give_back(&q, delivery.entry);
    }
    put(&q, &plain(), &["3"]);
    assert_eq!(
        bodies(&taken(&boxes[2])),
        ["1", "2", "3"],
        "then the highest priority"
    );
    assert!(taken(&boxes[1]).is_empty());
    let exclusive = ConsumerSpec {
        exclusive: true,
        ..consumer(&w, &boxes[0], 0, 0)
    };
    let alone = w.declare(
        "alone",
        &[("x-single-active-consumer", AMQPValue::Boolean(true))],
    );
    assert!(alone.add_consumer(exclusive, &mut Wakes::new()).is_err());
}

fn quorum(w: &World, name: &str, more: &[(&str, AMQPValue)]) -> Arc<Queue> {
    let arguments = [&[("x-queue-type", text("quorum"))], more].concat();
    w.declare(name, &arguments)
}

#[test]
fn a_higher_priority_takes_a_quorum_queue_over_once_all_is_settled() {
    let w = World::new();
    let q = quorum(
        &w,
        "q",
        &[("x-single-active-consumer", AMQPValue::Boolean(true))],
    );
    let (low, high) = (Outbox::new(), Outbox::new());
    let id = join(&w, &q, &low, 0, 0);
    put(&q, &plain(), &["1"]);
    let held = taken(&low).remove(0);
    join(&w, &q, &high, 0, 1);
    put(&q, &plain(), &["2"]);
    assert!(taken(&low).is_empty() && taken(&high).is_empty());
    q.ack(&[Settled::of(&held.entry, Some(id))], &mut Wakes::new());
    assert_eq!(bodies(&taken(&high)), ["2"]);
}

#[test]
fn a_quorum_queue_keeps_everything_and_counts_returns() {
    for close in [true, false] {
        let w = World::new();
        let q = quorum(&w, "q", &[]);
        let transient = BasicProperties::default().with_delivery_mode(1);
        assert!(put(&q, &transient, &["1"]).ticket.is_some());
        let count = |entry: &Entry| codec::get_int(&headers(&entry.message), "x-delivery-count");
        let first = q.get(AckMode::Manual).unwrap().entry;
        assert_eq!(count(&first), None);
        give_back(&q, first);
        let second = q.get(AckMode::Manual).unwrap().entry;
        assert_eq!((count(&second), second.redelivered), (Some(1), true));
        give_back(&q, second);
        drop(q);
        let w = w.reopen(close);
        let q = w.vhost().queue("q").unwrap();
        let third = q.get(AckMode::Manual).unwrap().entry;
        assert_eq!(count(&third), Some(2));
        q.ack(&[Settled::of(&third, None)], &mut Wakes::new());
        assert_eq!(q.lock().returns.numbers(), [0; 0]);
    }
}

#[test]
fn what_comes_back_too_often_dies() {
    let w = World::new();
    let dead = w.declare("dead", &[]);
    let q = quorum(
        &w,
        "q",
        &[
            ("x-delivery-limit", int(2)),
            ("x-dead-letter-exchange", text("")),
            ("x-dead-letter-routing-key", text("dead")),
        ],
    );
    put(&q, &plain(), &["1"]);
    for _ in 0..3 {
        assert_eq!(dead.counts().ready, 0);
        give_back(&q, q.get(AckMode::Manual).unwrap().entry);
    }
    let died = dead.get(AckMode::Manual).unwrap().entry.message;
    assert_eq!(
        codec::get_str(&deaths(&died)[0], "reason"),
        Some("delivery_limit")
    );
    assert_eq!(codec::get_int(&headers(&died), "x-delivery-count"), None);
    assert_eq!(q.counts(), QueueCounts::default());
}

#[test]
fn returned_messages_come_before_others_and_in_their_order() {
    let w = World::new();
    let q = quorum(&w, "q", &[]);
    put(&q, &plain(), &["1", "2", "3", "4"]);
    let mut held: Vec<_> = (0..3)
        .map(|_| q.get(AckMode::Manual).unwrap().entry)
        .collect();
    give_back(&q, held.remove(2));
    give_back(&q, held.remove(0));
    assert_eq!(all(&q), ["3", "1", "4"]);
}

#[test]
fn returned_messages_that_are_in_the_store_only_keep_the_order_of_their_return() {
    let w = World::new();
    let q = quorum(&w, "q", &[]);
    put(&q, &plain(), &["1", "2", "3", "4", "5"]);
    let held: Vec<Entry> = std::iter::from_fn(|| q.get(AckMode::Manual))
        .take(4)
        .map(|got| got.entry)
        .collect();
    q.services.store.wait(q.recorded()).unwrap();
    let stored = |at: usize| {
        let mut returns = Returns::default();
        returns.add_stored(held[at].seq, 1, None);
        q.requeue(returns, &mut Wakes::new());
    };
    stored(2);
    stored(0);
    give_back(&q, held[1].clone());
    stored(3);
    let counts = q.counts();
    assert_eq!(
        (counts.ready, counts.ready_bytes, counts.unacked),
        (5, 5, 0)
    );
    let seen = q.browse(None, 10);
    let seen: Vec<&[u8]> = seen.iter().map(|entry| entry.message.body()).collect();
    assert_eq!(seen, [b"3", b"1", b"2", b"4", b"5"]);
    // One is taken out of their middle.
    let picked = q.pick(&[held[0].seq]);
    assert_eq!(picked.len(), 1);
    q.drop_picked(&picked, &mut Wakes::new());
    assert_eq!(all(&q), ["3", "2", "4", "5"]);
}

#[test]
fn a_quorum_queue_gives_high_priorities_two_turns_of_three() {
    let w = World::new();
    let q = quorum(&w, "q", &[]);
    for (priority, body) in [(0, "a"), (4, "b"), (5, "A"), (9, "B"), (5, "C"), (5, "D")] {
        put(&q, &plain().with_priority(priority), &[body]);
    }
    assert_eq!(all(&q), ["A", "B", "a", "C", "D", "b"]);
}

#[test]
fn dead_letters_that_nobody_takes_stay_and_are_tried_again() {
    let w = World::new();
    let q = quorum(
        &w,
        "q",
        &[
            ("x-dead-letter-strategy", text("at-least-once")),
            ("x-overflow", text("reject-publish")),
            ("x-dead-letter-exchange", text("")),
            ("x-dead-letter-routing-key", text("dead")),
        ],
    );
    let names: Vec<String> = (0..50).map(|n| n.to_string()).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    put(&q, &plain(), &names);
    q.services.store.wait(q.recorded()).unwrap();
    let held: Vec<_> = std::iter::from_fn(|| q.get(AckMode::Manual)).collect();
    let mut rejected = held
        .into_iter()
        .map(|got| Rejected::of(got.entry, None))
        .collect();
    q.reject(&mut rejected, &mut Wakes::new());
    assert_eq!(q.counts().dead_letters, 50);
    w.pass(1000);
    assert_eq!(w.broker.store_stats().live, 50, "none of them is gone");
    // Somewhere to go: no need to wait for three minutes.
    let dead = w.declare("dead", &[]);
    w.pass(1000);
    assert_eq!(dead.counts().ready, 50);
    assert_eq!(
        (q.counts().dead_letters, q.counts().dead_letter_bytes),
        (0, 0)
    );
    w.broker.store_for_tests().checkpoint().unwrap();
    assert_eq!(w.broker.store_stats().live, 50, "in the one queue only");
}
