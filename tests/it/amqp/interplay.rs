//! What goes wrong only when things happen close together.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
};

use tests::{
    Wire, shared,
    wire::{Frame, Properties, Table, basic, channel, connection, message, method_frame, queue},
};

/// Publishes to a queue from another connection until it is dropped.
struct Stream {
    stop: Arc<AtomicBool>,
    publisher: Option<JoinHandle<()>>,
}

impl Stream {
    fn into(queues: &[&str]) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let queues: Vec<String> = queues.iter().map(|&name| name.to_owned()).collect();
        let publisher = {
            let stop = Arc::clone(&stop);
            thread::spawn(move || {
                let mut w = shared().open();
                while !stop.load(Ordering::SeqCst) {
                    for queue in &queues {
                        w.enqueue(queue, queue);
                    }
                    // Keeps the queues short.
                    w.expect_silence();
                }
            })
        };
        Self {
            stop,
            publisher: Some(publisher),
        }
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        let ended = self.publisher.take().unwrap().join();
        assert!(ended.is_ok() || thread::panicking());
    }
}

fn consume(queue: &str, tag: &str, flags: u8) -> tests::wire::Method {
    basic::consume(queue, tag, flags, &Table::new())
}

/// Skips deliveries until this method comes.
fn skip_to(w: &mut Wire, on: u16, id: tests::wire::Id) {
    loop {
        match w.frame() {
            (number, Frame::Method(m)) if number == on && m.id == id => return,
            (number, Frame::Method(m)) => {
                assert_eq!((number, m.id), (on, basic::DELIVER), "{m:?}");
            }
            _ => {}
        }
    }
}

#[test]
fn nothing_of_a_closed_channel_reaches_its_successor() {
    let mut w = shared().open();
    w.declare("in-reopen", 0);
    let stream = Stream::into(&["in-reopen"]);
    for round in 0..150 {
        w.open_channel(2);
        w.call(2, &consume("in-reopen", "c", 0), basic::CONSUME_OK);
        for tag in 1..=3 {
            assert_eq!(w.delivery(2).tag, tag, "tags begin anew, round {round}");
        }
        let both = [
            method_frame(2, &channel::close()),
            method_frame(2, &channel::open()),
        ];
        w.send_bytes(&both.concat());
        skip_to(&mut w, 2, channel::CLOSE_OK);
        w.expect(2, channel::OPEN_OK);
        w.call(2, &channel::flow(true), channel::FLOW_OK);
        w.call(2, &channel::close(), channel::CLOSE_OK);
        w.call(1, &queue::purge("in-reopen"), queue::PURGE_OK);
    }
    drop(stream);
    w.call(1, &queue::delete("in-reopen", 0), queue::DELETE_OK);
}

#[test]
fn a_tag_used_again_gets_messages_of_its_new_queue_only() {
    let mut w = shared().open();
    let names = ["in-tag-a", "in-tag-b"];
    for name in names {
        w.declare(name, 0);
    }
    let stream = Stream::into(&names);
    for round in 0..200 {
        let name = names[round % 2];
        w.call(1, &consume(name, "same", basic::NO_ACK), basic::CONSUME_OK);
        for _ in 0..3 {
            assert_eq!(w.delivery(1).key, name, "round {round}");
        }
        w.send(1, &basic::cancel("same"));
        skip_to(&mut w, 1, basic::CANCEL_OK);
        w.expect_silence();
        w.call(1, &queue::purge(name), queue::PURGE_OK);
    }
    drop(stream);
    for name in names {
        w.call(1, &queue::delete(name, 0), queue::DELETE_OK);
    }
}

#[test]
fn cancel_among_publishes_stops_at_its_place() {
    let mut w = shared().open();
    w.declare("in-cancel", queue::EXCLUSIVE);
    w.consume("in-cancel", "c", basic::NO_ACK);
    let publish = basic::publish("", "in-cancel", 0);
    let mut all = Vec::new();
    for n in 0..10 {
        if n == 5 {
            all.extend(method_frame(1, &basic::cancel("c")));
        }
        all.extend(message(
            1,
            &publish,
            &Properties::new(),
            &[b'0' + n],
            131_072,
        ));
    }
    w.send_bytes(&all);
    let mut delivered = 0;
    loop {
        let method = w.method(1);
        if method.id == basic::CANCEL_OK {
            break;
        }
        assert_eq!(method.id, basic::DELIVER);
        w.frame();
        w.frame();
        delivered += 1;
    }
    w.expect_silence();
    assert!(delivered <= 5, "{delivered}");
    let left = w.drain("in-cancel");
    assert_eq!(left[left.len() - 5..], ["5", "6", "7", "8", "9"]);
}

#[test]
fn one_message_can_go_back_a_thousand_times() {
    let mut w = shared().open();
    w.declare("in-again", queue::EXCLUSIVE);
    w.call(1, &basic::qos(1, false), basic::QOS_OK);
    w.consume("in-again", "c", 0);
    w.enqueue("in-again", "boomerang");
    w.enqueue("in-again", "patient");
    for n in 1..=1000 {
        let delivery = w.delivery(1);
        assert_eq!((delivery.tag, &*delivery.body), (n, &b"boomerang"[..]));
        assert_eq!(delivery.redelivered, n > 1);
        w.send(1, &basic::reject(n, true));
    }
    let delivery = w.delivery(1);
    w.send(1, &basic::ack(delivery.tag, 0));
    assert_eq!(w.bodies(1), ["patient"]);
}

#[test]
fn a_cancelled_consumers_messages_still_count_for_the_channel() {
    let mut w = shared().open();
    w.declare("in-global", queue::EXCLUSIVE);
    w.call(1, &basic::qos(2, true), basic::QOS_OK);
    w.consume("in-global", "one", 0);
    for n in 0..6 {
        w.enqueue("in-global", n.to_string());
    }
    assert_eq!(w.bodies(2), ["0", "1"]);
    w.call(1, &basic::cancel("one"), basic::CANCEL_OK);
    w.consume("in-global", "two", 0);
    w.expect_silence();
    w.send(1, &basic::ack(2, basic::MULTIPLE));
    assert_eq!(w.bodies(2), ["2", "3"]);
    w.expect_silence();
}

#[test]
fn prefetch_survives_hundreds_of_acks_in_odd_groups() {
    let mut w = shared().open();
    w.declare("in-acks", queue::EXCLUSIVE);
    w.call(1, &basic::qos(7, false), basic::QOS_OK);
    w.consume("in-acks", "c", 0);
    for n in 0..700 {
        w.enqueue("in-acks", n.to_string());
    }
    let mut seen = 0u64;
    while seen < 700 {
        for n in 0..7 {
            let delivery = w.delivery(1);
            assert_eq!(delivery.body, (seen + n).to_string().into_bytes());
        }
        assert_eq!(w.depth("in-acks").0, u32::try_from(700 - seen - 7).unwrap());
        // Out of order, and the rest at once; all in one write.
        let settles = [
            basic::ack(seen + 4, 0),
            basic::ack(seen + 2, basic::MULTIPLE),
            basic::reject(seen + 7, false),
            basic::ack(seen + 6, basic::MULTIPLE),
        ];
        let bytes: Vec<u8> = settles.iter().flat_map(|m| method_frame(1, m)).collect();
        w.send_bytes(&bytes);
        seen += 7;
    }
    w.expect_silence();
    assert_eq!(w.depth("in-acks"), (0, 1));
}

#[test]
fn a_body_is_cut_anew_for_a_consumer_of_smaller_frames() {
    let mut w = shared().open();
    let mut small = Wire::open_tuned(shared().amqp(), 8192, 0);
    w.declare("in-frames", queue::AUTO_DELETE);
    small.consume("in-frames", "", basic::NO_ACK);
    for size in [0, 8183, 8184, 8185, 100_000, 500_000] {
        let body: Vec<u8> = (0..size).map(|i| u8::try_from(i % 253).unwrap()).collect();
        w.enqueue("in-frames", &body);
        assert!(small.delivery(1).body == body, "{size}");
    }
}

#[test]
fn a_connection_lost_in_the_middle_of_a_delivery_returns_the_message() {
    let mut w = shared().open();
    w.declare("in-lost", queue::DURABLE);
    let body = vec![3u8; 8_000_000];
    for _ in 0..5 {
        let mut lost = shared().open();
        lost.consume("in-lost", "", 0);
        w.enqueue("in-lost", &body);
        // Far more than the socket's buffers: the broker is still writing.
        lost.receive_bytes(100_000);
        drop(lost);
        let got = tests::eventually("the message to be back", || w.get("in-lost", true));
        assert!(got.redelivered && got.body == body);
    }
    w.call(1, &queue::delete("in-lost", 0), queue::DELETE_OK);
}

#[test]
fn close_right_behind_publishes_keeps_them() {
    let mut keeper = shared().open();
    keeper.declare("in-close", queue::DURABLE);
    for round in 0..20 {
        let mut w = shared().open();
        let publish = basic::publish("", "in-close", 0);
        let mut all = Vec::new();
        for n in 0..50u8 {
            all.extend(message(
                1,
                &publish,
                &Properties::persistent(),
                &[n],
                131_072,
            ));
        }
        let close = if round % 2 == 0 {
            (1, channel::close())
        } else {
            (0, connection::close())
        };
        all.extend(method_frame(close.0, &close.1));
        w.send_bytes(&all);
        let answer = if close.0 == 1 {
            channel::CLOSE_OK
        } else {
            connection::CLOSE_OK
        };
        w.expect(close.0, answer);
        assert_eq!(keeper.depth("in-close").0, 50, "round {round}");
        keeper.call(1, &queue::purge("in-close"), queue::PURGE_OK);
    }
    keeper.call(1, &queue::delete("in-close", 0), queue::DELETE_OK);
}

#[test]
fn publishes_right_before_the_socket_ends_are_kept() {
    let mut keeper = shared().open();
    keeper.declare("in-end", queue::AUTO_DELETE);
    let mut w = shared().open();
    for n in 0..100 {
        w.enqueue("in-end", n.to_string());
    }
    w.end_of_input();
    w.expect_end();
    let sent: Vec<String> = (0..100).map(|n| n.to_string()).collect();
    assert_eq!(keeper.drain("in-end"), sent);
    keeper.call(1, &queue::delete("in-end", 0), queue::DELETE_OK);
}
