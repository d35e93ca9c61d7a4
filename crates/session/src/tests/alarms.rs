//! Alarms, and clients that don't read.

use std::time::Duration;

use broker::Resources;
use bytes::Buf;
use codec::{AMQPClass, BasicProperties, OUTPUT_HARD_MAX, OutBuf, basic, connection};

use crate::limits::WRITE_STALL_MAX;
use crate::tests::talk::{Home, Talk, persistent, publish};
use crate::tests::{
    ack, close_connection, confirm_select, confirm_select_ok, consume, consume_ok, get,
    of_connection, start_consumer,
};
use crate::{Connection, Turn};

const MEMORY: (u64, u64) = (2, 1);
const DISK: (u64, u64) = (1, 0);
const BOTH: (u64, u64) = (2, 0);
const CLEAR: (u64, u64) = (1, 1);

/// Says how much memory is used and disk is free; the limit of either is 1.
fn observe(home: &Home, (memory_used, disk_free): (u64, u64)) {
    home.broker.observe(&Resources {
        memory_used,
        memory_limit: 1,
        disk_free,
        disk_free_limit: 1,
    });
}

fn blocked(reason: &str) -> AMQPClass {
    of_connection(connection::AMQPMethod::Blocked(connection::Blocked {
        reason: reason.into(),
    }))
}

fn unblocked() -> AMQPClass {
    of_connection(connection::AMQPMethod::Unblocked(connection::Unblocked {}))
}

fn state(home: &Home) -> &'static str {
    home.broker.registry().connections()[0].state()
}

fn is_read(talk: &Talk) -> bool {
    talk.connection.wants_input(&OutBuf::new())
}

fn depth(home: &Home) -> u64 {
    let vhost = home.broker.vhost("/").unwrap();
    vhost.queue("q").unwrap().counts().ready
}

/// A client with queue `q` that has published one message in vain hope of more.
fn publisher(home: &std::sync::Arc<Home>, alarms: (u64, u64), reason: &str) -> Talk {
    let mut talk = Talk::join(home);
    talk.queue("q");
    observe(home, alarms);
    talk.expect_silence();
    talk.publish("", "q", b"first");
    talk.expect(0, blocked(reason));
    talk
}

#[test]
fn a_client_is_blocked_by_its_first_publish_after_an_alarm() {
    for (alarms, reason) in [
        (MEMORY, "low on memory"),
        (DISK, "low on disk"),
        (BOTH, "low on memory & disk"),
    ] {
        let home = Home::new();
        let mut talk = Talk::join(&home);
        talk.queue("q");
        assert_eq!(state(&home), "running");
        observe(&home, alarms);
        talk.expect_silence();
        assert_eq!(state(&home), "blocking");
        assert!(is_read(&talk));
        talk.publish("", "q", b"x");
        talk.expect(0, blocked(reason));
        assert_eq!(state(&home), "blocked");
        assert!(!is_read(&talk));
    }
}

#[test]
fn it_goes_on_when_the_last_alarm_is_clear_and_nothing_is_lost() {
    let home = Home::new();
    let mut talk = publisher(&home, MEMORY, "low on memory");
    let more: Vec<u8> = [&b"second"[..], b"third"]
        .iter()
        .flat_map(|body| publish(1, "", "q", false, &BasicProperties::default(), body))
        .collect();
    talk.bytes(&more);
    observe(&home, BOTH);
    talk.expect_silence();
    observe(&home, DISK);
    talk.expect_silence();
    assert_eq!((depth(&home), state(&home)), (1, "blocked"));
    observe(&home, CLEAR);
    talk.expect(0, unblocked());
    talk.expect_silence();
    assert_eq!((depth(&home), state(&home)), (3, "running"));
    for body in [&b"first"[..], b"second", b"third"] {
        talk.send(1, get("q", true));
        assert_eq!(talk.next().body, body);
    }
}

#[test]
fn only_one_of_many_publishes_in_one_read_gets_through() {
    let home = Home::new();
    let mut talk = Talk::join(&home);
    talk.queue("q");
    let ten = publish(1, "", "q", false, &BasicProperties::default(), b"same").repeat(10);
    talk.bytes(&ten);
    assert_eq!(depth(&home), 10);
    observe(&home, MEMORY);
    talk.bytes(&ten);
    talk.expect(0, blocked("low on memory"));
    assert_eq!(depth(&home), 11);
    observe(&home, CLEAR);
    talk.expect(0, unblocked());
    talk.expect_silence();
    assert_eq!(depth(&home), 20);
}

#[test]
fn each_episode_is_told_once() {
    let home = Home::new();
    let mut talk = publisher(&home, DISK, "low on disk");
    for _ in 0..3 {
        observe(&home, CLEAR);
        talk.expect(0, unblocked());
        observe(&home, MEMORY);
        talk.expect_silence();
        talk.publish("", "q", b"again");
        talk.expect(0, blocked("low on memory"));
        talk.expect_silence();
    }
}

#[test]
fn an_alarm_that_is_over_before_the_client_publishes_is_never_mentioned() {
    let home = Home::new();
    let mut talk = Talk::join(&home);
    talk.queue("q");
    observe(&home, MEMORY);
    talk.expect_silence();
    observe(&home, CLEAR);
    talk.expect_silence();
    talk.publish("", "q", b"x");
    talk.expect_silence();
    assert_eq!((depth(&home), state(&home)), (1, "running"));
}

#[test]
fn who_connects_during_an_alarm_is_blocked_too() {
    let home = Home::new();
    observe(&home, DISK);
    let mut talk = Talk::join(&home);
    assert_eq!(state(&home), "blocking");
    talk.queue("q");
    talk.publish("", "q", b"x");
    talk.expect(0, blocked("low on disk"));
}

#[test]
fn who_only_consumes_notices_nothing() {
    let home = Home::new();
    let mut talk = Talk::join(&home);
    talk.queue("q");
    talk.publish("", "q", b"1");
    talk.publish("", "q", b"2");
    talk.send(1, start_consumer(consume("q", "c", false)));
    talk.expect(1, consume_ok("c"));
    observe(&home, BOTH);
    assert_eq!(talk.next().deliver().delivery_tag, 1);
    assert_eq!(talk.next().deliver().delivery_tag, 2);
    talk.send(1, ack(2, true));
    talk.expect_silence();
    assert!(is_read(&talk));
    let queue = home.broker.vhost("/").unwrap().queue("q").unwrap();
    assert_eq!((queue.counts().ready, queue.counts().unacked), (0, 0));
}

#[test]
fn a_blocked_client_still_gets_what_is_sent_to_it() {
    let home = Home::new();
    let mut talk = Talk::join(&home);
    talk.queue("q");
    talk.send(1, confirm_select());
    talk.expect(1, confirm_select_ok());
    talk.send(1, start_consumer(consume("q", "c", true)));
    talk.expect(1, consume_ok("c"));
    observe(&home, MEMORY);
    talk.expect_silence();
    talk.publish_with("q", &persistent(), b"x");
    talk.expect(0, blocked("low on memory"));
    let mut heard = [talk.next(), talk.next()];
    heard.sort_by_key(|heard| matches!(heard.method, AMQPClass::Basic(basic::AMQPMethod::Ack(_))));
    assert_eq!(heard[0].deliver().delivery_tag, 1);
    assert_eq!(heard[1].method, ack(1, false));
}

#[test]
fn a_client_that_does_not_know_the_word_is_blocked_without_it() {
    let home = Home::new();
    let mut talk = Talk::join_plain(&home);
    talk.queue("q");
    observe(&home, MEMORY);
    talk.expect_silence();
    talk.publish("", "q", b"x");
    talk.expect_silence();
    assert!(!is_read(&talk));
    observe(&home, CLEAR);
    talk.expect_silence();
    assert!(is_read(&talk));
}

#[test]
fn a_message_in_pieces_is_finished_afterwards() {
    let home = Home::new();
    let mut talk = Talk::join(&home);
    talk.queue("q");
    let whole = publish(1, "", "q", false, &BasicProperties::default(), &[7; 1000]);
    observe(&home, DISK);
    talk.expect_silence();
    // Method and header frames, and half of the body frame.
    talk.bytes(&whole[..whole.len() - 500]);
    talk.expect(0, blocked("low on disk"));
    assert!(!is_read(&talk));
    observe(&home, CLEAR);
    talk.expect(0, unblocked());
    talk.bytes(&whole[whole.len() - 500..]);
    talk.expect_silence();
    assert_eq!(depth(&home), 1);
}

#[test]
fn a_blocked_client_is_not_taken_for_dead() {
    let home = Home::new();
    let mut talk = publisher(&home, MEMORY, "low on memory");
    talk.wait(Duration::from_secs(3600));
    assert!(!talk.connection.is_finished());
    observe(&home, CLEAR);
    talk.expect(0, unblocked());
    talk.wait(Duration::from_secs(59));
    assert!(!talk.connection.is_finished());
    talk.wait(Duration::from_secs(181));
    assert!(talk.connection.is_finished());
}

#[test]
fn a_close_is_not_read_until_the_alarm_is_clear() {
    let home = Home::new();
    let mut talk = publisher(&home, MEMORY, "low on memory");
    talk.send(0, close_connection());
    talk.expect_silence();
    observe(&home, CLEAR);
    talk.expect(0, unblocked());
    assert!(matches!(
        talk.next().method,
        AMQPClass::Connection(connection::AMQPMethod::CloseOk(_))
    ));
}

#[test]
fn a_blocked_client_can_be_sent_away() {
    let home = Home::new();
    let mut talk = publisher(&home, MEMORY, "low on memory");
    talk.turn(Connection::close_for_shutdown);
    assert!(is_read(&talk));
    talk.expect_connection_close(
        320,
        "CONNECTION_FORCED - broker forced connection closure with reason 'shutdown'",
    );
}

/// A turn in which nothing happens but what `event` does.
fn turn(talk: &mut Talk, out: &mut OutBuf, event: impl FnOnce(&mut Connection, &mut Turn<'_>)) {
    let mut turn = Turn::new(talk.now, out);
    event(&mut talk.connection, &mut turn);
    talk.connection.finish(turn);
}

fn overfull() -> OutBuf {
    let mut out = OutBuf::new();
    out.put_slice(&vec![0; 2 * OUTPUT_HARD_MAX]);
    out
}

#[test]
fn a_client_that_reads_nothing_for_too_long_is_dropped() {
    let home = Home::new();
    let (mut talk, mut out) = (Talk::join(&home), overfull());
    turn(&mut talk, &mut out, |_, _| {});
    assert_eq!(talk.connection.deadline(), Some(talk.now + WRITE_STALL_MAX));
    talk.now += WRITE_STALL_MAX - Duration::from_millis(1);
    turn(&mut talk, &mut out, Connection::tick);
    assert!(!talk.connection.is_finished());
    talk.now += Duration::from_millis(1);
    turn(&mut talk, &mut out, Connection::tick);
    assert!(talk.connection.is_finished());
    assert!(home.broker.registry().is_empty());
}

#[test]
fn a_client_that_reads_slowly_is_not() {
    let (mut talk, mut out) = (Talk::open(), overfull());
    for _ in 0..100 {
        turn(&mut talk, &mut out, Connection::tick);
        out.advance(1);
        talk.now += WRITE_STALL_MAX - Duration::from_secs(1);
        // More is put behind what it reads: that does not hide that it does.
        turn(&mut talk, &mut out, |_, turn| turn.out.put_slice(&[0; 100]));
    }
    assert!(!talk.connection.is_finished());
}

#[test]
fn reading_enough_ends_the_watch() {
    let (mut talk, mut out) = (Talk::open(), overfull());
    turn(&mut talk, &mut out, |_, _| {});
    out.advance(2 * OUTPUT_HARD_MAX);
    turn(&mut talk, &mut out, |_, _| {});
    talk.wait(WRITE_STALL_MAX * 2);
    assert!(!talk.connection.is_finished());
}
