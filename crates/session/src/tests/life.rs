use std::time::Duration;

use codec::{AMQPClass, HEARTBEAT_FRAME, connection};

use crate::Connection;
use crate::tests::talk::{Home, Talk, persistent, publish};
use crate::tests::{
    cancel, cancel_ok, consume, consume_ok, declare, declare_ok, declare_queue, get, of_connection,
    qos, qos_ok, start_consumer,
};

fn count(home: &Home, queue: &str) -> (u64, u64, u64) {
    let counts = home
        .broker
        .vhost("/")
        .unwrap()
        .queue(queue)
        .unwrap()
        .counts();
    (counts.ready, counts.unacked, counts.consumers)
}

#[test]
fn heartbeats_are_sent_when_nothing_else_is() {
    let mut talk = Talk::open();
    talk.raw();
    talk.wait(Duration::from_secs(31));
    // Something was sent before the first check.
    assert!(talk.raw().is_empty());
    talk.wait(Duration::from_secs(30));
    assert_eq!(talk.raw(), HEARTBEAT_FRAME);
}

#[test]
fn a_silent_client_is_dropped_after_two_intervals() {
    let home = Home::new();
    let mut talk = Talk::join(&home);
    talk.queue("q");
    talk.send(1, start_consumer(consume("q", "c", false)));
    talk.wait(Duration::from_secs(179));
    assert!(!talk.connection.is_finished());
    talk.wait(Duration::from_secs(2));
    assert!(talk.connection.is_finished());
    assert_eq!(count(&home, "q"), (0, 0, 0));
}

#[test]
fn any_octet_keeps_a_client_alive() {
    let mut talk = Talk::open();
    for _ in 0..10 {
        talk.wait(Duration::from_secs(59));
        talk.bytes(&HEARTBEAT_FRAME);
    }
    assert!(!talk.connection.is_finished());
}

#[test]
fn heartbeats_can_be_turned_off() {
    let mut talk = Talk::connect(&Home::new());
    talk.bytes(&codec::PROTOCOL_HEADER);
    talk.next();
    talk.send(0, Talk::start_ok("PLAIN", b"\0guest\0guest"));
    talk.next();
    talk.send(0, Talk::tune_ok(10, 8192, 0));
    talk.send(0, Talk::open_vhost("/"));
    talk.next();
    assert_eq!(talk.connection.deadline(), None);
}

#[test]
fn shutdown_is_announced() {
    let mut talk = Talk::open();
    talk.turn(Connection::close_for_shutdown);
    talk.expect_connection_close(
        320,
        "CONNECTION_FORCED - broker forced connection closure with reason 'shutdown'",
    );
}

#[test]
fn a_close_is_waited_for_no_longer_than_thirty_seconds() {
    let mut talk = Talk::open();
    talk.turn(Connection::close_for_shutdown);
    talk.wait(Duration::from_secs(29));
    assert!(!talk.connection.is_finished());
    talk.wait(Duration::from_secs(2));
    assert!(talk.connection.is_finished());
}

#[test]
fn others_can_close_a_connection() {
    let home = Home::new();
    let mut talk = Talk::join(&home);
    let mut wakes = broker::Wakes::new();
    home.broker.registry().connections()[0].close("Closed via management plugin", &mut wakes);
    talk.expect_connection_close(320, "CONNECTION_FORCED - Closed via management plugin");
}

#[test]
fn whatever_ends_a_connection_gives_everything_back_in_order() {
    type End = fn(Talk);
    let by_client: End = |mut talk| {
        talk.send(
            0,
            of_connection(connection::AMQPMethod::Close(connection::Close {
                reply_code: 200,
                reply_text: "".into(),
                class_id: 0,
                method_id: 0,
            })),
        );
        assert!(matches!(
            talk.next().method,
            AMQPClass::Connection(connection::AMQPMethod::CloseOk(_))
        ));
    };
    let by_socket: End = |mut talk| talk.turn(Connection::peer_closed);
    let by_drop: End = drop;
    let by_error: End = |mut talk| talk.bytes(&[9; 8]);
    for (n, end) in [by_client, by_socket, by_drop, by_error]
        .into_iter()
        .enumerate()
    {
        let home = Home::new();
        let mut other = Talk::join(&home);
        other.queue("q");
        let mut talk = Talk::join(&home);
        let mut exclusive = declare("mine");
        exclusive.exclusive = true;
        talk.send(1, declare_queue(exclusive));
        talk.expect(1, declare_ok("mine", 0, 0));
        for body in [b"0", b"1", b"2", b"3", b"4"] {
            talk.publish("", "q", body);
        }
        talk.send(1, get("q", false));
        assert_eq!(talk.next().body, b"0");
        // One delivered, the others still in the outbox or the queue.
        talk.send(1, qos(2, false));
        talk.expect(1, qos_ok());
        talk.send(1, start_consumer(consume("q", "c", false)));
        talk.expect(1, consume_ok("c"));
        assert_eq!(count(&home, "q"), (2, 3, 1), "end {n}");
        end(talk);
        assert_eq!(count(&home, "q"), (5, 0, 0), "end {n}");
        assert!(
            home.broker.vhost("/").unwrap().queue("mine").is_none(),
            "end {n}"
        );
        for (body, redelivered) in [
            (b"0", true),
            (b"1", true),
            (b"2", true),
            (b"3", false),
            (b"4", false),
        ] {
            other.send(1, get("q", true));
            let heard = other.next();
            assert_eq!(
                (&heard.body[..], heard.get_ok().redelivered),
                (&body[..], redelivered)
            );
        }
    }
}

#[test]
fn publishes_before_the_end_of_a_turn_count_even_if_the_client_leaves() {
    let home = Home::new();
    let mut talk = Talk::join(&home);
    talk.queue("q");
    let mut bytes = publish(1, "", "q", false, &persistent(), b"x").repeat(3);
    bytes.extend([9; 8]);
    talk.bytes(&bytes);
    assert_eq!(count(&home, "q").0, 3);
}

#[test]
fn deliveries_on_their_way_arrive_before_cancel_ok_and_none_after() {
    let home = Home::new();
    let mut talk = Talk::join(&home);
    talk.queue("q");
    talk.send(1, start_consumer(consume("q", "c", true)));
    talk.expect(1, consume_ok("c"));
    talk.publish("", "q", b"on its way");
    talk.send(1, cancel("c"));
    assert_eq!(talk.next().deliver().delivery_tag, 1);
    talk.expect(1, cancel_ok("c"));
    talk.publish("", "q", b"later");
    talk.expect_silence();
    assert_eq!(count(&home, "q"), (1, 0, 0));
}

#[test]
fn input_is_left_unread_while_the_client_does_not_read() {
    let mut out = codec::OutBuf::new();
    out.put_slice(&vec![0; codec::OUTPUT_HARD_MAX + 1]);
    let mut talk = Talk::open();
    assert!(!talk.connection.wants_input(&out));
    // And it isn't taken for dead meanwhile.
    let mut turn = crate::Turn::new(talk.now + Duration::from_secs(100), &mut out);
    talk.connection.tick(&mut turn);
    drop(turn);
    let mut turn = crate::Turn::new(talk.now + Duration::from_secs(200), &mut out);
    talk.connection.tick(&mut turn);
    drop(turn);
    assert!(!talk.connection.is_finished());
    talk.expect_silence();
}
