//! Very many messages that die at once: nobody else waits for them, none is lost, none comes
//! twice, and they stay in order.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use serde_json::json;
use tests::{
    Broker,
    wire::{Properties, Table, Wire, basic, channel, confirm, message, queue},
};

use super::{dead_to, declare, until};

const MANY: u32 = 100_000;

/// Round trips of a bystander while all of them die, at least. If it had to wait for all of
/// them, there would be one or two; how many there are else depends on the machine.
const ROUND_TRIPS_MIN: u32 = 10;

fn fill(w: &mut Wire, queue: &str, many: u32, properties: impl Fn(u32) -> Properties) {
    w.open_channel(2);
    w.call(2, &confirm::select(), confirm::SELECT_OK);
    let publish = basic::publish("", queue, 0);
    let numbers: Vec<u32> = (0..many).collect();
    for chunk in numbers.chunks(1000) {
        let message = |n: &u32| {
            let body = n.to_string();
            message(2, &publish, &properties(*n), body.as_bytes(), w.frame_max)
        };
        w.send_bytes(&chunk.iter().flat_map(message).collect::<Vec<u8>>());
    }
    while w.expect(2, basic::ACK).read().longlong() < many.into() {}
    w.call(2, &channel::close(), channel::CLOSE_OK);
}

/// Does `act` and waits for `done`. Says how many messages a client of another queue has sent
/// and got meanwhile.
#[track_caller]
fn beside(broker: &Broker, act: impl FnOnce(), done: impl FnMut() -> bool) -> u32 {
    let over = Arc::new(AtomicBool::new(false));
    let mut bystander = broker.open();
    bystander.declare("bystander", queue::EXCLUSIVE);
    let waits = thread::spawn({
        let over = Arc::clone(&over);
        move || {
            let mut trips = 0;
            while !over.load(Ordering::Acquire) {
                bystander.enqueue("bystander", "x");
                bystander.get("bystander", true).unwrap();
                trips += 1;
                thread::sleep(Duration::from_millis(1));
            }
            trips
        }
    });
    act();
    until("all are settled", done);
    over.store(true, Ordering::Release);
    waits.join().unwrap()
}

/// Every message from `first` on is in the queue once, and in order.
fn check_order(w: &mut Wire, queue: &str, first: u32, upto: u32) {
    w.consume(queue, queue, basic::NO_ACK);
    for expected in first..upto {
        let got = String::from_utf8(w.delivery(1).body).unwrap();
        assert_eq!(got, expected.to_string());
    }
    w.expect_silence();
}

#[test]
fn a_nack_of_a_hundred_thousand_keeps_nobody_waiting() {
    // As many clients as it takes to keep every thread of the broker busy.
    let lanes = thread::available_parallelism().unwrap().get().min(10);
    let each = MANY / u32::try_from(lanes).unwrap();
    for properties in [Properties::new(), Properties::persistent()] {
        let broker = Broker::start();
        let mut w = broker.open();
        let (dead, name) = (|lane| format!("dead-{lane}"), |lane| format!("many-{lane}"));
        let mut consumers: Vec<Wire> = Vec::new();
        for lane in 0..lanes {
            declare(&mut w, &dead(lane), &Table::new());
            declare(&mut w, &name(lane), &dead_to(&dead(lane)));
            fill(&mut w, &name(lane), each, |_| properties.clone());
            let mut consumer = broker.open();
            consumer.consume(&name(lane), "c", 0);
            (0..each).for_each(|_| drop(consumer.delivery(1)));
            consumers.push(consumer);
        }
        let nack = || {
            for consumer in &mut consumers {
                consumer.send(1, &basic::nack(0, basic::MULTIPLE));
            }
        };
        let all_are_dead = || (0..lanes).all(|lane| w.depth(&dead(lane)).0 == each);
        let trips = beside(&broker, nack, all_are_dead);
        assert!(trips >= ROUND_TRIPS_MIN, "{trips}");
        for (lane, consumer) in consumers.iter_mut().enumerate() {
            // What comes after the nack is not part of it.
            w.enqueue(&name(lane), "later");
            let later = consumer.delivery(1);
            assert_eq!(
                (&later.body[..], later.tag),
                (&b"later"[..], u64::from(each) + 1)
            );
            check_order(&mut w, &dead(lane), 0, each);
        }
    }
}

#[test]
fn an_ack_of_a_hundred_thousand_settles_those_and_no_others() {
    let broker = Broker::start();
    let mut w = broker.open();
    declare(&mut w, "acked", &Table::new());
    fill(&mut w, "acked", MANY, |_| Properties::new());
    let mut consumer = broker.open();
    consumer.consume("acked", "c", 0);
    let last = (0..MANY).map(|_| consumer.delivery(1).tag).last().unwrap();
    let unacked = || {
        let queue = broker.http().json("/queues/%2F/acked");
        queue["messages_unacknowledged"].as_u64()
    };
    consumer.send(1, &basic::ack(last - 1, basic::MULTIPLE));
    until("all but one are settled", || unacked() == Some(1));
    consumer.send(1, &basic::ack(last, 0));
    consumer.expect_silence();
    consumer.send(1, &basic::ack(last, 0));
    consumer.expect_channel_close(
        1,
        406,
        &format!("PRECONDITION_FAILED - unknown delivery tag {last}"),
    );
}

#[test]
fn a_hundred_thousand_that_expire_at_once_keep_nobody_waiting() {
    let broker = Broker::start();
    let mut w = broker.open();
    declare(&mut w, "expired", &Table::new());
    declare(&mut w, "expiring", &dead_to("expired"));
    // All wait for the first, as only the head of a queue expires.
    let expiring = |n| Properties {
        expiration: Some(if n == 0 { "8000" } else { "1" }.to_owned()),
        ..Properties::persistent()
    };
    fill(&mut w, "expiring", MANY, expiring);
    assert_eq!(w.depth("expiring").0, MANY, "filled in time");
    let trips = beside(&broker, || {}, || w.depth("expired").0 == MANY);
    assert!(trips >= ROUND_TRIPS_MIN, "{trips}");
    check_order(&mut w, "expired", 0, MANY);
}

#[test]
fn a_limit_on_a_queue_of_a_hundred_thousand_keeps_nobody_waiting() {
    let broker = Broker::start();
    let mut w = broker.open();
    declare(&mut w, "dropped", &Table::new());
    declare(&mut w, "limited", &dead_to("dropped"));
    fill(&mut w, "limited", MANY, |_| Properties::persistent());
    let policy = json!({"pattern": "^limited$", "definition": {"max-length": 10}});
    let limit = || {
        broker.http().put("/policies/%2F/limit", &policy).ok(201);
    };
    let trips = beside(&broker, limit, || w.depth("dropped").0 == MANY - 10);
    assert!(trips >= ROUND_TRIPS_MIN, "{trips}");
    assert_eq!(w.depth("limited").0, 10);
    check_order(&mut w, "dropped", 0, MANY - 10);
}
