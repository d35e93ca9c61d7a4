//! Heartbeats in both directions.

use std::time::{Duration, Instant};

use tests::{
    Wire, shared,
    wire::{Frame, frame, queue},
};

#[test]
fn the_broker_sends_heartbeats_when_it_has_nothing_to_say() {
    let mut w = Wire::open_tuned(shared().amqp(), 131_072, 1);
    let start = Instant::now();
    for _ in 0..3 {
        assert_eq!(w.receive(), Some((0, Frame::Heartbeat)));
        // Anything counts as a sign of life.
        w.send_bytes(&frame(8, 0, b""));
    }
    assert!(
        start.elapsed() < Duration::from_secs(5),
        "{:?}",
        start.elapsed()
    );
}

#[test]
fn a_silent_client_is_cut_off_after_two_to_three_intervals() {
    let mut w = Wire::open_tuned(shared().amqp(), 131_072, 1);
    w.declare("hb-silent", queue::EXCLUSIVE);
    let start = Instant::now();
    loop {
        match w.receive() {
            Some((0, Frame::Heartbeat)) => {}
            None => break,
            other => panic!("{other:?}"),
        }
    }
    let held = start.elapsed();
    assert!(
        held > Duration::from_millis(1500) && held < Duration::from_secs(6),
        "{held:?}"
    );
    // Its exclusive queue went with it.
    shared().open().declare("hb-silent", queue::EXCLUSIVE);
}

#[test]
fn a_client_that_only_sends_heartbeats_stays() {
    let mut w = Wire::open_tuned(shared().amqp(), 131_072, 1);
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(5) {
        assert_eq!(w.receive(), Some((0, Frame::Heartbeat)));
        w.send_bytes(&frame(8, 0, b""));
    }
    w.expect_silence();
}

#[test]
fn zero_turns_heartbeats_off() {
    let mut w = Wire::open_tuned(shared().amqp(), 131_072, 0);
    let mut other = Wire::open_tuned(shared().amqp(), 131_072, 1);
    // Two heartbeats of the other connection: time enough for one here.
    for _ in 0..4 {
        assert_eq!(other.receive(), Some((0, Frame::Heartbeat)));
        other.send_bytes(&frame(8, 0, b""));
    }
    w.send(1, &tests::wire::channel::flow(true));
    let Some((1, Frame::Method(method))) = w.receive() else {
        panic!("a heartbeat")
    };
    assert_eq!(method.id, tests::wire::channel::FLOW_OK);
}
