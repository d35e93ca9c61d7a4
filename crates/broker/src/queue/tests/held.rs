//! Duplicates of messages that are in the queue.

use codec::{AMQPValue, BasicProperties};

use super::rules::{World, all, int, plain, put, text};
use super::*;

fn id(value: &str) -> BasicProperties {
    let mut headers = FieldTable::default();
    headers.insert(dedup::HEADER.into(), text(value));
    plain().with_headers(headers)
}

fn declare_with(w: &World, more: &[(&str, AMQPValue)]) -> Arc<Queue> {
    let mut arguments = vec![("x-message-deduplication", AMQPValue::Boolean(true))];
    arguments.extend(more.iter().cloned());
    w.declare("q", &arguments)
}

fn ack(q: &Queue, entry: &Entry) {
    q.ack(&[Settled::of(entry, None)], &mut Wakes::new());
}

#[test]
fn a_duplicate_of_a_message_in_the_queue_is_dropped_until_that_is_settled() {
    let w = World::new();
    let q = declare_with(&w, &[]);
    put(&q, &id("a"), &["1", "2"]);
    put(&q, &id("b"), &["3"]);
    put(&q, &plain(), &["4", "5"]);
    assert_eq!(q.counts().ready, 4);
    let first = q.get(AckMode::Manual).unwrap().entry;
    put(&q, &id("a"), &["unacked"]);
    assert_eq!(q.counts().ready, 3);
    ack(&q, &first);
    put(&q, &id("a"), &["6"]);
    assert_eq!(all(&q), ["3", "4", "5", "6"]);
    // Taken without acknowledgement, they are gone at once.
    put(&q, &id("a"), &["7"]);
    assert_eq!(all(&q), ["7"]);
    assert!(w.declare("plain", &[]).lock().held.is_none());
}

#[test]
fn a_purge_lets_ready_messages_come_again_and_no_unacknowledged_ones() {
    for memory in [limits::WARM_BYTES_MAX, 0] {
        let w = World::with_memory(memory);
        let q = declare_with(&w, &[]);
        for value in ["a", "b", "c"] {
            put(&q, &id(value), &[value]);
        }
        let first = q.get(AckMode::Manual).unwrap().entry;
        q.services.store.wait(q.recorded()).unwrap();
        assert_eq!(q.purge().messages, 2);
        for value in ["a", "b", "c"] {
            put(&q, &id(value), &[value]);
        }
        assert_eq!(q.counts().ready, 2, "{memory}");
        ack(&q, &first);
        put(&q, &id("a"), &["a"]);
        assert_eq!(all(&q), ["b", "c", "a"]);
    }
}

#[test]
fn what_dies_may_come_again() {
    let w = World::new();
    let q = declare_with(&w, &[("x-message-ttl", int(100)), ("x-max-length", int(2))]);
    put(&q, &id("a"), &["1"]);
    w.pass(101);
    put(&q, &id("a"), &["2"]);
    put(&q, &id("b"), &["3"]);
    put(&q, &id("c"), &["4"]);
    put(&q, &id("a"), &["5"]);
    let entry = q.get(AckMode::Manual).unwrap().entry;
    assert_eq!(entry.message.body(), b"4");
    let mut rejected = vec![Rejected::of(entry, None)];
    q.reject(&mut rejected, &mut Wakes::new());
    put(&q, &id("c"), &["6"]);
    assert_eq!(all(&q), ["5", "6"]);
}

#[test]
fn duplicates_are_known_after_a_restart() {
    for close in [true, false] {
        let w = World::new();
        let q = declare_with(&w, &[("x-max-priority", int(3))]);
        for n in 0..1_000_u16 {
            let priority = (n % 4) as u8;
            put(&q, &id(&n.to_string()).with_priority(priority), &["m"]);
        }
        ack(&q, &q.get(AckMode::Manual).unwrap().entry);
        drop(q);
        let w = w.reopen(close);
        let q = w.vhost().queue("q").unwrap();
        for n in 0..1_000_u16 {
            put(&q, &id(&n.to_string()), &["again"]);
        }
        assert_eq!(q.counts().ready, 1_000);
        let bodies = all(&q);
        assert_eq!(bodies.iter().filter(|body| *body == "again").count(), 1);
    }
}

#[test]
fn a_rule_that_comes_later_counts_what_is_there_and_one_that_goes_forgets() {
    // Some of them in memory, some in the store only.
    for memory in [limits::WARM_BYTES_MAX, 0] {
        let w = World::with_memory(memory);
        let q = w.declare("q", &[]);
        put(&q, &id("a"), &["1", "2"]);
        q.services.store.wait(q.recorded()).unwrap();
        let _looked_at = q.counts();
        let rules = |deduplicates| Rules {
            deduplicates,
            ..Rules::default()
        };
        q.set_rules(rules(true), &mut Wakes::new());
        put(&q, &id("a"), &["3"]);
        put(&q, &id("b"), &["4", "5"]);
        assert_eq!(q.counts().ready, 3);
        q.set_rules(rules(false), &mut Wakes::new());
        put(&q, &id("b"), &["6"]);
        assert_eq!(all(&q), ["1", "2", "4", "6"]);
    }
}
