//! Deliveries that a client keeps: bounded in memory, and all there when it is done.

use std::sync::Arc;

use codec::BasicProperties;

use crate::channel::settle::Extent;
use crate::tests::talk::{Heard, Home, Talk, persistent};
use crate::tests::{
    ack, cancel, cancel_ok, close_channel, consume, consume_ok, declare, declare_ok, declare_queue,
    nack, start_consumer,
};

const MESSAGES: usize = 600;

/// A broker that keeps next to nothing in memory.
fn frugal() -> Arc<Home> {
    Home::with(|settings| settings.queue_memory_max = 0)
}

fn body(i: usize) -> Vec<u8> {
    format!("{i:01000}").into_bytes()
}

/// A client that holds all of a queue's messages, and what it heard.
fn holding(home: &Arc<Home>, properties: &BasicProperties) -> (Talk, Vec<Heard>) {
    let mut talk = Talk::join(home);
    let mut durable = declare("q");
    durable.durable = true;
    talk.send(1, declare_queue(durable));
    talk.expect(1, declare_ok("q", 0, 0));
    talk.send(1, start_consumer(consume("q", "c", false)));
    talk.expect(1, consume_ok("c"));
    let mut heard = Vec::new();
    for i in 0..MESSAGES {
        talk.publish_with("q", properties, &body(i));
        if i % 50 == 49 {
            heard.extend((0..50).map(|_| talk.next()));
            settle_down(home);
        }
    }
    talk.send(1, cancel("c"));
    talk.expect(1, cancel_ok("c"));
    (talk, heard)
}

/// Waits until the store is idle.
fn settle_down(home: &Home) {
    while home.broker.store_stats().pending_bytes > 0 {
        std::thread::yield_now();
    }
}

fn counts(home: &Home) -> (u64, u64) {
    let queue = home.broker.vhost("/").unwrap().queue("q").unwrap();
    let counts = queue.counts();
    (counts.ready, counts.unacked)
}

fn held_bytes(home: &Home) -> u64 {
    home.broker.budget().used()
}

/// Gets everything that is ready, in order: `expected` are the numbers of the messages.
fn expect_all(talk: &mut Talk, expected: impl Iterator<Item = usize>) {
    talk.send(1, start_consumer(consume("q", "again", true)));
    talk.expect(1, consume_ok("again"));
    for i in expected {
        let heard = talk.next();
        assert!(heard.deliver().redelivered, "message {i}");
        assert_eq!(heard.body, body(i), "message {i}");
    }
    talk.expect_silence();
}

#[test]
fn a_client_that_never_acknowledges_does_not_fill_the_memory() {
    for properties in [persistent(), BasicProperties::default()] {
        let home = frugal();
        let (_talk, heard) = holding(&home, &properties);
        assert_eq!(heard.len(), MESSAGES);
        assert_eq!(counts(&home), (0, MESSAGES as u64));
        let bytes = held_bytes(&home);
        assert!(
            bytes < 150_000,
            "{bytes} bytes of {MESSAGES} messages of 1,000"
        );
    }
}

#[test]
fn what_was_left_to_the_store_is_requeued_whole_and_in_order() {
    for properties in [persistent(), BasicProperties::default()] {
        let home = frugal();
        let (mut talk, _) = holding(&home, &properties);
        talk.send(1, nack(0, Extent::UpTo, true));
        expect_all(&mut talk, 0..MESSAGES);
        assert_eq!(counts(&home), (0, 0));
    }
}

#[test]
fn what_was_left_to_the_store_comes_back_when_the_channel_closes() {
    let home = frugal();
    let (mut talk, _) = holding(&home, &persistent());
    talk.send(1, close_channel());
    assert_eq!(talk.next().channel, 1);
    assert_eq!(counts(&home), (MESSAGES as u64, 0));
    expect_all(&mut Talk::join(&home), 0..MESSAGES);
}

#[test]
fn what_was_left_to_the_store_is_settled_by_one_and_by_many() {
    let home = frugal();
    let (mut talk, _) = holding(&home, &persistent());
    talk.send(1, ack(7, false));
    talk.send(1, ack(MESSAGES as u64, false));
    talk.send(1, nack(9, Extent::One, true));
    talk.send(1, ack(5, true));
    assert_eq!(counts(&home), (1, MESSAGES as u64 - 8));
    talk.send(1, nack(500, Extent::UpTo, true));
    assert_eq!(counts(&home), (500 - 6, MESSAGES as u64 - 501));
    talk.send(1, ack(0, true));
    assert_eq!(counts(&home), (500 - 6, 0));
    expect_all(&mut talk, (5..500).filter(|i| *i != 6));
    assert_eq!(held_bytes(&home), 0);
}

#[test]
fn a_rolled_back_settlement_of_what_was_left_to_the_store_can_be_repeated() {
    use codec::{AMQPClass, tx};
    let home = frugal();
    let (mut talk, _) = holding(&home, &persistent());
    let of_tx = AMQPClass::Tx;
    talk.send(1, of_tx(tx::AMQPMethod::Select(tx::Select {})));
    talk.expect(1, of_tx(tx::AMQPMethod::SelectOk(tx::SelectOk {})));
    talk.send(1, ack(3, false));
    talk.send(1, ack(MESSAGES as u64, false));
    talk.send(1, of_tx(tx::AMQPMethod::Rollback(tx::Rollback {})));
    talk.expect(1, of_tx(tx::AMQPMethod::RollbackOk(tx::RollbackOk {})));
    assert_eq!(counts(&home), (0, MESSAGES as u64));
    talk.send(1, ack(3, false));
    talk.send(1, ack(0, true));
    talk.send(1, of_tx(tx::AMQPMethod::Commit(tx::Commit {})));
    talk.expect(1, of_tx(tx::AMQPMethod::CommitOk(tx::CommitOk {})));
    assert_eq!(counts(&home), (0, 0));
}
