use codec::{AMQPClass, BasicProperties, basic, tx};

use crate::channel::settle::Extent;
use crate::tests::talk::{Home, Talk, frame, persistent, publish};
use crate::tests::{ack, confirm_select, confirm_select_ok, declare, declare_queue, get, nack};

fn select() -> AMQPClass {
    AMQPClass::Tx(tx::AMQPMethod::Select(tx::Select {}))
}

fn commit() -> AMQPClass {
    AMQPClass::Tx(tx::AMQPMethod::Commit(tx::Commit {}))
}

fn rollback() -> AMQPClass {
    AMQPClass::Tx(tx::AMQPMethod::Rollback(tx::Rollback {}))
}

fn commit_ok() -> AMQPClass {
    AMQPClass::Tx(tx::AMQPMethod::CommitOk(tx::CommitOk {}))
}

fn rollback_ok() -> AMQPClass {
    AMQPClass::Tx(tx::AMQPMethod::RollbackOk(tx::RollbackOk {}))
}

/// In a transaction, with a durable queue `q`.
fn in_tx() -> Talk {
    let mut talk = Talk::join(&Home::new());
    let mut durable = declare("q");
    durable.durable = true;
    talk.send(1, declare_queue(durable));
    talk.next();
    talk.send(1, select());
    talk.expect(1, AMQPClass::Tx(tx::AMQPMethod::SelectOk(tx::SelectOk {})));
    talk
}

fn counts(talk: &Talk) -> (u64, u64) {
    let counts = talk
        .home
        .broker
        .vhost("/")
        .unwrap()
        .queue("q")
        .unwrap()
        .counts();
    (counts.ready, counts.unacked)
}

#[test]
fn confirms_can_be_selected_again_and_exclude_transactions() {
    let mut talk = Talk::open();
    for _ in 0..2 {
        talk.send(1, confirm_select());
        talk.expect(1, confirm_select_ok());
    }
    talk.send(1, select());
    talk.expect_channel_close(
        1,
        406,
        "PRECONDITION_FAILED - cannot switch from confirm to tx mode",
    );
    talk.reopen();
    for method in [commit(), rollback()] {
        talk.send(1, method);
        talk.expect_channel_close(1, 406, "PRECONDITION_FAILED - channel is not transactional");
        talk.reopen();
    }
    talk.send_all(1, [select(), select(), confirm_select()]);
    talk.next();
    talk.next();
    talk.expect_channel_close(
        1,
        406,
        "PRECONDITION_FAILED - cannot switch from tx to confirm mode",
    );
}

#[test]
fn publishes_are_seen_after_commit_only() {
    let mut talk = in_tx();
    talk.bytes(&publish(1, "", "q", false, &persistent(), b"x").repeat(3));
    assert_eq!(counts(&talk), (0, 0));
    talk.send(1, commit());
    talk.expect(1, commit_ok());
    assert_eq!(counts(&talk), (3, 0));
    talk.bytes(&publish(1, "", "q", false, &persistent(), b"x").repeat(3));
    talk.send(1, rollback());
    talk.expect(1, rollback_ok());
    talk.send(1, commit());
    talk.expect(1, commit_ok());
    assert_eq!(counts(&talk), (3, 0));
}

#[test]
fn acks_take_effect_at_commit_and_are_forgotten_by_rollback() {
    let mut talk = in_tx();
    for body in 1..=4u8 {
        talk.publish("", "q", &[body]);
    }
    talk.send(1, commit());
    talk.expect(1, commit_ok());
    for _ in 0..4 {
        talk.send(1, get("q", false));
        talk.next();
    }
    talk.send_all(1, [ack(3, false), ack(1, false)]);
    assert_eq!(counts(&talk), (0, 4));
    talk.send(1, rollback());
    talk.expect(1, rollback_ok());
    talk.send_all(1, [ack(2, true), nack(4, Extent::One, true)]);
    assert_eq!(counts(&talk), (0, 4));
    talk.send(1, commit());
    talk.expect(1, commit_ok());
    assert_eq!(counts(&talk), (1, 1));
    talk.send(1, ack(3, false));
    talk.send(1, commit());
    talk.expect(1, commit_ok());
    assert_eq!(counts(&talk), (1, 0));
}

#[test]
fn a_transaction_that_is_not_committed_leaves_nothing() {
    let mut talk = in_tx();
    talk.publish("", "q", b"1");
    talk.send(1, commit());
    talk.expect(1, commit_ok());
    talk.send(1, get("q", false));
    talk.next();
    talk.publish("", "q", b"2");
    talk.send(1, ack(1, false));
    talk.send(1, crate::tests::close_channel());
    talk.next();
    assert_eq!(counts(&talk), (1, 0));
}

#[test]
fn returns_of_a_transaction_come_at_commit() {
    let mut talk = in_tx();
    talk.bytes(&publish(
        1,
        "",
        "gone",
        true,
        &BasicProperties::default(),
        b"x",
    ));
    talk.expect_silence();
    talk.send(1, commit());
    assert!(matches!(
        talk.next().method,
        AMQPClass::Basic(basic::AMQPMethod::Return(basic::Return {
            reply_code: 312,
            ..
        }))
    ));
    talk.expect(1, commit_ok());
}

#[test]
fn publishing_to_nowhere_fails_at_once() {
    let mut talk = in_tx();
    talk.publish("gone", "k", b"x");
    talk.expect_channel_close(1, 404, "NOT_FOUND - no exchange 'gone' in vhost '/'");
}

#[test]
fn commits_can_be_pipelined() {
    let mut talk = in_tx();
    let mut bytes = Vec::new();
    for _ in 0..5 {
        bytes.extend(publish(1, "", "q", false, &persistent(), b"x"));
        bytes.extend(frame(1, &commit()));
    }
    talk.bytes(&bytes);
    for _ in 0..5 {
        talk.expect(1, commit_ok());
    }
    assert_eq!(counts(&talk), (5, 0));
}

#[test]
fn publishes_before_select_are_not_confirmed_even_in_the_same_read() {
    let mut talk = Talk::open();
    talk.queue("q");
    let before = publish(1, "", "q", false, &BasicProperties::default(), b"before");
    let after = publish(1, "", "q", false, &BasicProperties::default(), b"after");
    talk.bytes(&[before, frame(1, &confirm_select()), after].concat());
    talk.expect(1, confirm_select_ok());
    talk.expect(1, ack(1, false));
    talk.expect_silence();
}
