//! Runs that go to a consumer in one piece, and those that can't.

use std::task::{Context, Wake, Waker};

use bytes::Bytes;
use codec::{AMQPValue, BasicProperties, FRAME_OVERHEAD, Pack, Slab};

use super::*;

/// A run of messages with these bodies, as a connection hands it over.
fn pack(properties: &BasicProperties, bodies: &[&str]) -> Arc<Pack> {
    let mut slab = Slab::new();
    for body in bodies {
        let message = Message::build("", "q", properties, body.as_bytes()).unwrap();
        let (names, rest) = message.bytes().split_at("q".len() + 2);
        let header = &rest[1..rest.len() - body.len() - FRAME_OVERHEAD];
        let body = Bytes::copy_from_slice(body.as_bytes());
        slab.push_large(names, header, body, message.marks());
    }
    Arc::new(slab.take_pack())
}

fn plain() -> BasicProperties {
    BasicProperties::default()
}

/// A run of three and what became of it: bursts, single deliveries, and messages that wait.
fn fate(f: &Fixture, outbox: &Outbox, properties: &BasicProperties) -> (usize, usize, u64) {
    let run = pack(properties, &["1", "2", "3"]);
    f.queue.publish_pack(&run, &mut Wakes::new());
    let mut batch = Batch::default();
    outbox.take(&mut batch);
    let (bursts, singles) = (batch.bursts.len(), batch.deliveries.len());
    (bursts, singles, f.queue.counts().ready)
}

fn consumer(f: &Fixture, ack: AckMode) -> Arc<Outbox> {
    let outbox = Outbox::new();
    let mut spec = f.spec(&outbox, 0);
    spec.ack = ack;
    f.queue.add_consumer(spec, &mut Wakes::new()).unwrap();
    outbox
}

#[test]
fn a_run_goes_to_the_only_consumer_in_one_piece() {
    let f = Fixture::new();
    let outbox = consumer(&f, AckMode::Automatic);
    f.queue
        .publish_pack(&pack(&plain(), &["1", "2"]), &mut Wakes::new());
    f.publish(&["3"]);
    f.queue
        .publish_pack(&pack(&plain(), &["4", "5"]), &mut Wakes::new());
    let mut batch = Batch::default();
    assert!(outbox.take(&mut batch));
    let numbers = |burst: &Burst| burst.entries().map(|entry| entry.seq).collect::<Vec<_>>();
    let [(before, first), (between, second)] = &batch.bursts[..] else {
        panic!("{} bursts", batch.bursts.len());
    };
    assert_eq!((*before, numbers(first)), (0, vec![1, 2]));
    assert_eq!((*between, numbers(second)), (1, vec![4, 5]));
    assert_eq!(batch.deliveries[0].entry.seq, 3);
    assert_eq!(batch.messages(), 5);
    let (counts, happened) = f.queue.tally();
    assert_eq!((counts.ready, counts.unacked), (0, 0));
    assert_eq!((happened.publish, happened.deliver_no_ack), (5, 5));
}

#[test]
fn a_run_is_taken_apart_where_its_messages_are_looked_at() {
    let f = Fixture::new();
    let outbox = consumer(&f, AckMode::Automatic);
    assert_eq!(fate(&f, &outbox, &plain()), (1, 0, 0));
    // The queue is durable.
    let persistent = plain().with_delivery_mode(2);
    assert_eq!(fate(&f, &outbox, &persistent), (0, 3, 0));
    let expires = plain().with_expiration("60000".into());
    assert_eq!(fate(&f, &outbox, &expires), (0, 3, 0));
    // Two take turns.
    let second = consumer(&f, AckMode::Automatic);
    assert_eq!(fate(&f, &outbox, &plain()), (0, 2, 0));
    assert_eq!(taken(&second).len(), 1);
}

#[test]
fn a_run_is_taken_apart_for_a_consumer_that_acknowledges() {
    let f = Fixture::new();
    let outbox = consumer(&f, AckMode::Manual);
    assert_eq!(fate(&f, &outbox, &plain()), (0, 3, 0));
}

#[test]
fn a_run_waits_behind_what_waits() {
    let f = Fixture::new();
    let outbox = Outbox::new();
    assert_eq!(fate(&f, &outbox, &plain()), (0, 0, 3));
    // A consumer that can take one at a time leaves some of them.
    f.consume(&outbox, 1);
    assert_eq!(fate(&f, &outbox, &plain()), (0, 1, 5));
}

#[test]
fn a_run_is_taken_apart_by_rules_of_the_queue() {
    for (key, value) in [
        ("x-message-ttl", 60_000),
        ("x-max-length", 100),
        ("x-max-priority", 3),
    ] {
        let mut f = Fixture::new();
        let mut with = declare("other");
        with.arguments.insert(key.into(), AMQPValue::LongInt(value));
        let vhost = f.broker.vhost("/").unwrap();
        f.queue = vhost.declare_queue(with, &actor()).unwrap().queue;
        let outbox = consumer(&f, AckMode::Automatic);
        assert_eq!(fate(&f, &outbox, &plain()), (0, 3, 0), "{key}");
    }
}

#[test]
fn only_so_many_publishers_wait_for_one_outbox() {
    struct Sleeper;
    impl Wake for Sleeper {
        fn wake(self: Arc<Self>) {}
    }
    let f = Fixture::new();
    let outbox = consumer(&f, AckMode::Automatic);
    // Runs of 200 kB and more.
    let body = "x".repeat(500);
    let run = vec![body.as_str(); 400];
    let mut wakes = Wakes::new();
    let mut crowded = None;
    for _ in 0..4 {
        f.queue.publish_pack(&pack(&plain(), &run), &mut wakes);
        crowded = wakes.take_crowded();
        if crowded.is_some() {
            break;
        }
    }
    let crowded = crowded.expect("800 kB crowd it");
    let mut sleepers = Vec::new();
    let waits = |waker: &Waker| crowded.poll_uncrowded(&mut Context::from_waker(waker));
    for _ in 0..limits::OUTBOX_WAITING_MAX {
        let waker = Waker::from(Arc::new(Sleeper));
        assert!(waits(&waker).is_pending());
        assert!(waits(&waker).is_pending(), "again, in the same place");
        sleepers.push(waker);
    }
    assert!(waits(&Waker::from(Arc::new(Sleeper))).is_ready());
    let mut batch = Batch::default();
    outbox.take(&mut batch);
    assert_eq!(batch.waiting.len(), limits::OUTBOX_WAITING_MAX);
    assert!(sleepers.iter().all(|waker| waits(waker).is_ready()));
}
