//! What queues know of their messages survives a SIGKILL.

use std::{thread::sleep, time::Duration};

use tests::{
    Broker,
    wire::{Properties, Table, Value, basic},
};

use super::{dead_to, declare, header, priorities::of_priority, put, summary, until};

#[test]
fn expiries_and_priorities() {
    let mut broker = Broker::start();
    let mut w = broker.open();
    declare(&mut w, "ke-own", &Table::new());
    declare(&mut w, "ke-ttl", &Table::new().int("x-message-ttl", 1500));
    declare(&mut w, "ke-prio", &Table::new().int("x-max-priority", 3));
    w.confirm_select();
    let mut published = 0;
    put(&mut w, &mut published, "ke-ttl", &["1", "2"]);
    let expiring = Properties {
        expiration: Some("1500".into()),
        ..Properties::persistent()
    };
    w.publish(1, &basic::publish("", "ke-own", 0), &expiring, "soon");
    for priority in [0, 3, 1, 3] {
        let body = priority.to_string();
        w.publish(
            1,
            &basic::publish("", "ke-prio", 0),
            &of_priority(priority),
            body,
        );
    }
    published += 5;
    put(&mut w, &mut published, "ke-own", &["ever"]);
    broker.kill();
    sleep(Duration::from_millis(200));
    broker.restart();
    let mut w = broker.open();
    assert_eq!(w.drain("ke-prio"), ["3", "3", "1", "0"]);
    assert_eq!(
        (w.depth("ke-own").0, w.depth("ke-ttl").0),
        (2, 2),
        "not yet"
    );
    until("their time has come", || {
        w.depth("ke-own").0 == 1 && w.depth("ke-ttl").0 == 0
    });
    let got = w.get("ke-own", true).unwrap();
    assert_eq!((got.body, got.redelivered), (b"ever".to_vec(), true));
}

#[test]
fn delivery_counts_and_deaths() {
    let mut broker = Broker::start();
    let mut w = broker.open();
    let quorum = Table::new().str("x-queue-type", "quorum");
    declare(&mut w, "ke-quorum", &quorum);
    declare(&mut w, "ke-a", &dead_to("ke-b"));
    declare(&mut w, "ke-b", &dead_to("ke-a"));
    w.confirm_select();
    let mut published = 0;
    // A quorum queue keeps transient messages, too.
    w.publish(
        1,
        &basic::publish("", "ke-quorum", 0),
        &Properties::new(),
        "x",
    );
    published += 1;
    put(&mut w, &mut published, "ke-a", &["dead"]);
    for name in ["ke-quorum", "ke-quorum"] {
        let got = w.get(name, false).unwrap();
        w.send(1, &basic::reject(got.tag, true));
    }
    let got = w.get("ke-a", false).unwrap();
    w.send(1, &basic::reject(got.tag, false));
    assert_eq!(w.depth("ke-b").0, 1);
    // Behind everything before it.
    put(&mut w, &mut published, "ke-quorum", &["last"]);
    broker.kill();
    broker.restart();
    let mut w = broker.open();
    let got = w.get("ke-quorum", true).unwrap();
    assert_eq!(
        header(&got.properties, "x-delivery-count"),
        Some(Value::Int(2))
    );
    assert_eq!(w.depth("ke-a").0, 0, "settled where it died");
    for name in ["ke-b", "ke-a"] {
        let got = w.get(name, false).unwrap();
        w.send(1, &basic::reject(got.tag, false));
    }
    let got = w.get("ke-b", true).unwrap();
    assert_eq!(
        summary(&got.properties),
        [
            ("ke-a".into(), "rejected".into(), 2),
            ("ke-b".into(), "rejected".into(), 1)
        ]
    );
}

#[test]
fn dead_letters_are_in_one_queue_or_the_other_whenever_it_ends() {
    let mut broker = Broker::start();
    let mut w = broker.open();
    declare(&mut w, "ke-from", &dead_to("ke-to"));
    declare(&mut w, "ke-to", &Table::new());
    w.confirm_select();
    let bodies: Vec<String> = (0..300).map(|n| n.to_string()).collect();
    let bodies: Vec<&str> = bodies.iter().map(String::as_str).collect();
    put(&mut w, &mut 0, "ke-from", &bodies);
    for _ in 0..300 {
        let got = w.get("ke-from", false).unwrap();
        w.send(1, &basic::reject(got.tag, false));
    }
    broker.kill();
    broker.restart();
    let mut w = broker.open();
    let mut left: Vec<u32> = w
        .drain("ke-from")
        .iter()
        .map(|body| body.parse().unwrap())
        .collect();
    left.extend(
        w.drain("ke-to")
            .iter()
            .map(|body| body.parse::<u32>().unwrap()),
    );
    left.sort_unstable();
    left.dedup();
    assert_eq!(left, (0..300).collect::<Vec<_>>());
}
