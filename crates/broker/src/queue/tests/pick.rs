//! Messages taken out of the middle, and put back.

use codec::{AMQPValue, BasicProperties};

use super::rules::{World, all, give_back, plain, put, text};
use super::*;

/// Bodies of 100 bytes, so that a number can be told.
fn fill(q: &Queue, numbers: std::ops::RangeInclusive<u32>) {
    let bodies: Vec<String> = numbers.map(|n| format!("{n:0100}")).collect();
    let bodies: Vec<&str> = bodies.iter().map(String::as_str).collect();
    put(q, &plain(), &bodies);
    q.services.store.wait(q.recorded()).unwrap();
    // What is committed need not be in memory.
    let _looked_at = q.counts();
}

fn number(entry: &Entry) -> u32 {
    let text = std::str::from_utf8(entry.message.body()).unwrap();
    text.parse().unwrap()
}

fn browsed(q: &Queue) -> Vec<u32> {
    q.browse(None, BROWSE_MESSAGES_MAX)
        .iter()
        .map(number)
        .collect()
}

fn numbers(q: &Queue) -> Vec<u32> {
    std::iter::from_fn(|| q.get(AckMode::Automatic))
        .map(|got| {
            assert!(!got.entry.redelivered);
            number(&got.entry)
        })
        .collect()
}

fn settle(q: &Queue, picked: &[Picked]) {
    let ticket = q.drop_picked(picked, &mut Wakes::new());
    if let Some(ticket) = ticket {
        q.services.store.wait(ticket).unwrap();
    }
}

#[test]
fn picked_messages_go_back_to_their_places_as_they_were() {
    for memory in [limits::WARM_BYTES_MAX, 2000, 0] {
        let w = World::with_memory(memory);
        let q = w.declare("q", &[]);
        fill(&q, 1..=300);
        let picked = q.pick(&[150, 7, 150, 151, 299, 1, 9999, u64::MAX, 0]);
        let seqs: Vec<u64> = picked.iter().map(|one| one.entry.seq).collect();
        assert_eq!(seqs, [1, 7, 150, 151, 299], "{memory}");
        let counts = q.counts();
        assert_eq!((counts.ready, counts.unacked), (295, 5));
        assert_eq!(counts.ready_bytes, 29_500);
        assert_eq!(browsed(&q).len(), 295);
        q.unpick(picked, &mut Wakes::new());
        fill(&q, 301..=302);
        assert_eq!(browsed(&q), (1..=302).collect::<Vec<_>>());
        let counts = q.counts();
        assert_eq!(
            (counts.ready, counts.unacked, counts.ready_bytes),
            (302, 0, 30_200)
        );
        assert_eq!(numbers(&q), (1..=302).collect::<Vec<_>>());
        assert_eq!(q.counts(), QueueCounts::default());
    }
}

#[test]
fn dropped_messages_stay_dropped_after_a_restart() {
    let w = World::with_memory(0);
    let q = w.declare("q", &[]);
    fill(&q, 1..=100);
    settle(&q, &q.pick(&[2, 50, 51, 100]));
    drop(q);
    let w = w.reopen(false);
    let q = w.vhost().queue("q").unwrap();
    let left: Vec<u32> = (1..=99).filter(|n| ![2, 50, 51].contains(n)).collect();
    assert_eq!(browsed(&q), left);
    // With gaps: what lies before a message is not known by the numbers alone.
    let picked = q.pick(&[1, 2, 51, 52, 99]);
    assert_eq!(picked.len(), 3);
    assert_eq!(q.counts().ready, 93);
    settle(&q, &picked[..1]);
    q.unpick(picked[1..].to_vec(), &mut Wakes::new());
    assert_eq!(browsed(&q), left[1..]);
    assert_eq!(all(&q).len(), 95);
    assert_eq!(q.counts(), QueueCounts::default());
}

#[test]
fn looking_at_messages_takes_none() {
    for memory in [limits::WARM_BYTES_MAX, 0] {
        let w = World::with_memory(memory);
        let q = w.declare("q", &[("x-max-priority", AMQPValue::LongInt(3))]);
        fill(&q, 1..=5);
        let high = BasicProperties::default().with_priority(3);
        put(&q, &high, &["6"]);
        let all = q.browse(None, 10);
        let seqs: Vec<u64> = all.iter().map(|entry| entry.seq).collect();
        let seen = q.look_at(&[seqs[0], seqs[3], 77]);
        assert_eq!(seen.iter().map(number).collect::<Vec<_>>(), [6, 3]);
        assert_eq!((q.counts().ready, q.counts().unacked), (6, 0));
    }
}

#[test]
fn what_came_back_to_a_quorum_queue_stands_first_again_and_has_not_come_back_more_often() {
    let w = World::new();
    let arguments = [
        ("x-queue-type", text("quorum")),
        ("x-delivery-limit", AMQPValue::LongInt(1)),
    ];
    let q = w.declare("q", &arguments);
    put(&q, &plain(), &["1", "2", "3"]);
    let got = q.get(AckMode::Manual).unwrap().entry;
    let seq = got.seq;
    give_back(&q, got);
    for _ in 0..3 {
        let picked = q.pick(&[seq, 2]);
        assert_eq!(picked.len(), 2);
        q.unpick(picked, &mut Wakes::new());
    }
    assert_eq!(browsed(&q), [1, 2, 3]);
    settle(&q, &q.pick(&[seq]));
    assert!(q.lock().returns.numbers().is_empty());
    assert_eq!(all(&q), ["2", "3"]);
}

#[test]
fn what_came_back_and_is_in_the_store_only_is_picked_too() {
    let w = World::with_memory(0);
    let q = w.declare("q", &[("x-queue-type", text("quorum"))]);
    fill(&q, 1..=6);
    let got: Vec<Entry> = (0..4)
        .map(|_| q.get(AckMode::Manual).unwrap().entry)
        .collect();
    let mut returns = Returns::default();
    for entry in &got {
        let body_len = entry.message.body_len() as u32;
        returns.add_stored(entry.seq, body_len, None);
    }
    q.requeue(returns, &mut Wakes::new());
    let picked = q.pick(&[2, 3, 6]);
    assert_eq!((picked.len(), q.counts().ready), (3, 3));
    assert_eq!(q.counts().ready_bytes, 300);
    settle(&q, &picked[..1]);
    q.unpick(picked[1..].to_vec(), &mut Wakes::new());
    assert_eq!(browsed(&q), [3, 1, 4, 5, 6]);
    assert_eq!(q.look_at(&[1, 3, 5]).len(), 3);
    assert_eq!(all(&q).len(), 5);
    assert_eq!(q.counts(), QueueCounts::default());
}

#[test]
fn a_duplicate_may_come_when_a_picked_message_is_dropped() {
    let w = World::new();
    let q = w.declare(
        "q",
        &[("x-message-deduplication", AMQPValue::Boolean(true))],
    );
    let mut headers = FieldTable::default();
    headers.insert(dedup::HEADER.into(), text("a"));
    let properties = plain().with_headers(headers);
    put(&q, &properties, &["1"]);
    let picked = q.pick(&[1]);
    put(&q, &properties, &["2"]);
    assert_eq!(q.counts().ready, 0, "it is still in the queue");
    settle(&q, &picked);
    put(&q, &properties, &["3"]);
    assert_eq!(all(&q), ["3"]);
}

#[test]
fn picking_and_getting_at_once_lose_and_double_nothing() {
    let w = World::with_memory(0);
    let q = w.declare("q", &[]);
    fill(&q, 1..=2000);
    let mut got: Vec<u32> = std::thread::scope(|s| {
        let picker = s.spawn(|| {
            let mut dropped = Vec::new();
            for first in (1..2000u64).step_by(37) {
                let picked = q.pick(&[first, first + 900, first + 17, first + 18]);
                if first % 2 == 0 {
                    q.unpick(picked, &mut Wakes::new());
                } else {
                    dropped.extend(picked.iter().map(|one| number(&one.entry)));
                    settle(&q, &picked);
                }
            }
            dropped
        });
        let mut got = numbers(&q);
        got.extend(picker.join().unwrap());
        got
    });
    got.extend(numbers(&q));
    got.sort_unstable();
    assert_eq!(got, (1..=2000).collect::<Vec<_>>());
    assert_eq!(q.counts(), QueueCounts::default());
}
