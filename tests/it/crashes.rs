//! SIGKILL at bad moments: while starting, while stopping, among changes of topology.

use std::{collections::BTreeSet, thread, time::Duration};

use tests::{
    Broker, Wire,
    wire::{Frame, Properties, Table, basic, exchange, queue},
};

fn fill(broker: &Broker, name: &str, numbers: std::ops::Range<u32>) {
    let mut w = broker.open();
    w.declare(name, queue::DURABLE);
    w.confirm_select();
    let count = u64::from(numbers.end - numbers.start);
    for n in numbers {
        let publish = basic::publish("", name, 0);
        w.publish(1, &publish, &Properties::persistent(), n.to_string());
    }
    w.await_confirms(count);
}

/// What a queue holds, in order, without taking anything away.
fn peek(broker: &Broker, name: &str) -> Vec<u32> {
    let mut w = broker.open();
    let mut numbers = Vec::new();
    while let Some(got) = w.get(name, false) {
        numbers.push(String::from_utf8(got.body).unwrap().parse().unwrap());
    }
    numbers
}

#[test]
fn kills_while_starting_lose_nothing() {
    let mut broker = Broker::start();
    fill(&broker, "cr-start", 0..2000);
    for round in 0..8u64 {
        broker.kill();
        // From before the first byte is read to after recovery.
        broker.stumble(Duration::from_millis(round * 4));
    }
    broker.restart();
    assert_eq!(peek(&broker, "cr-start"), (0..2000).collect::<Vec<_>>());
}

#[test]
fn kills_while_stopping_lose_nothing() {
    let mut broker = Broker::start();
    for round in 0..8u32 {
        fill(&broker, "cr-stop", round * 300..(round + 1) * 300);
        broker.signal("TERM");
        // The checkpoint of an orderly stop is somewhere in here.
        thread::sleep(Duration::from_millis(u64::from(round) * 3));
        broker.kill();
        broker.restart();
        let wanted: Vec<u32> = (0..(round + 1) * 300).collect();
        assert_eq!(peek(&broker, "cr-stop"), wanted, "round {round}");
    }
}

#[test]
fn orderly_and_disorderly_ends_in_turn_keep_what_is_left() {
    let mut broker = Broker::start();
    let mut next = 0;
    let mut first = 0;
    for round in 0..6u32 {
        fill(&broker, "cr-turn", next..next + 400);
        next += 400;
        let mut w = broker.open();
        for _ in 0..150 {
            w.get("cr-turn", false).unwrap();
        }
        w.send(1, &basic::ack(150, basic::MULTIPLE));
        first += 150;
        // A confirm behind the ack: what was before it has been written, too.
        w.confirm_select();
        w.publish(
            1,
            &basic::publish("", "cr-turn", 0),
            &Properties::persistent(),
            next.to_string(),
        );
        next += 1;
        w.await_confirms(1);
        if round % 2 == 0 {
            broker.kill();
        } else {
            assert_eq!(broker.terminate().code(), Some(0));
        }
        broker.restart();
        assert_eq!(
            peek(&broker, "cr-turn"),
            (first..next).collect::<Vec<_>>(),
            "round {round}"
        );
    }
}

#[test]
fn fifty_thousand_messages_and_large_ones_come_back() {
    let mut broker = Broker::start();
    fill(&broker, "cr-many", 0..50_000);
    let mut w = broker.open();
    w.declare("cr-large", queue::DURABLE);
    w.confirm_select();
    let large: Vec<Vec<u8>> = (0..10u8)
        .map(|n| vec![n; 700_000 + usize::from(n)])
        .collect();
    for body in &large {
        w.publish(
            1,
            &basic::publish("", "cr-large", 0),
            &Properties::persistent(),
            body,
        );
    }
    w.await_confirms(10);
    broker.kill();
    broker.restart();
    assert_eq!(peek(&broker, "cr-many"), (0..50_000).collect::<Vec<_>>());
    let mut w = broker.open();
    for body in &large {
        assert!(w.get("cr-large", true).unwrap().body == *body);
    }
}

/// Declares and binds until the connection breaks; the names whose bind was answered.
fn declare_until_cut_off(w: &mut Wire, from: u32) -> BTreeSet<String> {
    let mut bound = BTreeSet::new();
    for n in from.. {
        let name = format!("cr-topology-{n}");
        let none = Table::new();
        let declare = queue::declare(&name, queue::DURABLE, &none);
        let bind = queue::bind(&name, "cr-topology", &name, &none);
        let mut both = tests::wire::method_frame(1, &declare);
        both.extend(tests::wire::method_frame(1, &bind));
        if !w.try_send_bytes(&both) {
            break;
        }
        let declared =
            matches!(w.receive(), Some((1, Frame::Method(m))) if m.id == queue::DECLARE_OK);
        let answered = declared
            && matches!(w.receive(), Some((1, Frame::Method(m))) if m.id == queue::BIND_OK);
        if !answered {
            break;
        }
        bound.insert(name);
    }
    bound
}

#[test]
fn answered_declarations_survive_a_kill_in_their_midst() {
    let mut broker = Broker::start();
    let none = Table::new();
    broker
        .open()
        .declare_exchange("cr-topology", "direct", exchange::DURABLE, &none);
    let mut all = BTreeSet::new();
    for round in 0..3u32 {
        let mut w = broker.open();
        let declaring = thread::spawn(move || declare_until_cut_off(&mut w, round * 100_000));
        thread::sleep(Duration::from_millis(150));
        broker.kill();
        all.extend(declaring.join().unwrap());
        broker.restart();
        let mut w = broker.open();
        for name in &all {
            let publish = basic::publish("cr-topology", name, basic::MANDATORY);
            w.publish(1, &publish, &Properties::new(), "x");
            w.expect_silence();
            assert_eq!(w.drain(name), ["x"]);
        }
    }
    assert!(all.len() > 10, "{} declarations in three rounds", all.len());
}

#[test]
fn bindings_between_exchanges_survive_a_kill() {
    let mut broker = Broker::start();
    let mut w = broker.open();
    let none = Table::new();
    w.declare_exchange("cr-e1", "topic", exchange::DURABLE, &none);
    w.declare_exchange(
        "cr-e2",
        "headers",
        exchange::DURABLE | exchange::INTERNAL,
        &none,
    );
    w.declare("cr-e2e", queue::DURABLE);
    w.call(
        1,
        &exchange::bind("cr-e2", "cr-e1", "a.#", &none),
        exchange::BIND_OK,
    );
    let red = Table::new().str("color", "red").int("size", 3);
    w.call(1, &queue::bind("cr-e2e", "cr-e2", "", &red), queue::BIND_OK);
    broker.kill();
    broker.restart();
    let mut w = broker.open();
    for (key, headers) in [("a.b", Some(red.clone())), ("b", Some(red)), ("a.b", None)] {
        let properties = Properties {
            headers,
            ..Properties::new()
        };
        w.publish(1, &basic::publish("cr-e1", key, 0), &properties, key);
    }
    assert_eq!(w.drain("cr-e2e"), ["a.b"]);
    w.publish(1, &basic::publish("cr-e2", "", 0), &Properties::new(), "x");
    w.expect_channel_close(
        1,
        403,
        "ACCESS_REFUSED - cannot publish to internal exchange 'cr-e2' in vhost '/'",
    );
}
