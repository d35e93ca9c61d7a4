//! What the broker tells of its own accord.

use tests::{
    Broker, shared,
    wire::{basic, connection, method_frame, queue},
};

#[test]
fn a_broker_that_stops_says_320_to_its_clients() {
    let mut broker = Broker::start();
    let mut w = broker.open();
    w.declare("n-stop", queue::EXCLUSIVE);
    broker.signal("TERM");
    let close = w.method(0);
    assert_eq!(close.id, connection::CLOSE);
    let mut read = close.read();
    assert_eq!(read.short(), 320);
    let text = read.shortstr();
    assert!(text.starts_with("CONNECTION_FORCED - "), "{text}");
    assert!(w.try_send_bytes(&method_frame(0, &connection::close_ok())));
    w.expect_end();
    assert_eq!(broker.wait_exit().code(), Some(0));
}

#[test]
fn a_connection_that_just_goes_away_leaves_no_exclusive_queue() {
    let mut w = shared().open();
    w.declare("n-away", queue::EXCLUSIVE);
    drop(w);
    let mut other = shared().open();
    tests::eventually("the queue to go", || {
        other.send(
            1,
            &queue::declare("n-away", queue::EXCLUSIVE, &tests::wire::Table::new()),
        );
        let answer = other.method(1);
        if answer.id == queue::DECLARE_OK {
            return Some(());
        }
        assert_eq!(answer.read().short(), 405);
        other.send(1, &tests::wire::channel::close_ok());
        other.open_channel(1);
        None
    });
}

#[test]
fn half_closing_the_socket_ends_the_connection() {
    let mut w = shared().open();
    w.declare("n-half", queue::EXCLUSIVE);
    w.consume("n-half", "", basic::NO_ACK);
    w.end_of_input();
    w.expect_end();
}
