//! x-recent-history.

use super::{publish, refused};
use tests::{
    Broker, Wire, shared, unique,
    wire::{Table, exchange, queue},
};

fn declared(w: &mut Wire, length: Option<i32>) -> String {
    let x = unique("x-recent");
    let arguments = match length {
        Some(length) => Table::new().int("x-recent-history-length", length),
        None => Table::new(),
    };
    w.declare_exchange(&x, "x-recent-history", 0, &arguments);
    x
}

#[test]
fn a_new_queue_gets_the_last_messages() {
    let mut w = shared().open();
    let x = declared(&mut w, Some(3));
    let (early, late) = (format!("{x}-early"), format!("{x}-late"));
    w.declare(&early, queue::EXCLUSIVE);
    w.bind(&early, &x, "");
    for n in 1..=5 {
        publish(&mut w, &x, "k", Table::new(), &n.to_string());
    }
    w.declare(&late, queue::EXCLUSIVE);
    w.bind(&late, &x, "");
    publish(&mut w, &x, "k", Table::new(), "6");
    assert_eq!(w.drain(&early), ["1", "2", "3", "4", "5", "6"]);
    assert_eq!(w.drain(&late), ["3", "4", "5", "6"]);
}

#[test]
fn twenty_messages_are_kept_unless_told_otherwise() {
    let mut w = shared().open();
    let x = declared(&mut w, None);
    for n in 0..30 {
        publish(&mut w, &x, "k", Table::new(), &n.to_string());
    }
    let q = format!("{x}-q");
    w.declare(&q, queue::EXCLUSIVE);
    w.bind(&q, &x, "");
    let wanted: Vec<String> = (10..30).map(|n| n.to_string()).collect();
    assert_eq!(w.drain(&q), wanted);
}

#[test]
fn messages_with_the_no_store_header_are_not_kept() {
    let mut w = shared().open();
    let x = declared(&mut w, Some(5));
    let unkept = Table::new().bool("x-recent-history-no-store", true);
    publish(&mut w, &x, "k", Table::new(), "kept");
    publish(&mut w, &x, "k", unkept, "not kept");
    let kept = Table::new().bool("x-recent-history-no-store", false);
    publish(&mut w, &x, "k", kept, "kept, too");
    let q = format!("{x}-q");
    w.declare(&q, queue::EXCLUSIVE);
    w.bind(&q, &x, "");
    assert_eq!(w.drain(&q), ["kept", "kept, too"]);
}

#[test]
fn a_new_exchange_gets_the_last_messages_too() {
    let mut w = shared().open();
    let x = declared(&mut w, Some(5));
    publish(&mut w, &x, "yes", Table::new(), "1");
    publish(&mut w, &x, "no", Table::new(), "2");
    let (next, q) = (format!("{x}-next"), format!("{x}-q"));
    w.declare_exchange(&next, "direct", exchange::AUTO_DELETE, &Table::new());
    w.declare(&q, queue::EXCLUSIVE);
    w.bind(&q, &next, "yes");
    let bind = exchange::bind(&next, &x, "", &Table::new());
    w.call(1, &bind, exchange::BIND_OK);
    assert_eq!(w.drain(&q), ["1"]);
}

#[test]
fn the_length_must_be_a_positive_integer() {
    let mut w = shared().open();
    let name = "x-recent-history-length";
    for (bad, shown) in [
        (Table::new().int(name, 0), "0"),
        (Table::new().int(name, -1), "-1"),
        (Table::new().str(name, "5"), "<<\"5\">>"),
    ] {
        let text = format!("Invalid argument {shown}, '{name}' must be a positive integer");
        refused(&mut w, "rh-bad", "x-recent-history", &bad, &text);
    }
}

#[test]
fn the_history_of_a_durable_exchange_survives_a_crash() {
    let mut broker = Broker::start();
    let mut w = broker.open();
    let length = Table::new().int("x-recent-history-length", 3);
    w.declare_exchange("rh", "x-recent-history", exchange::DURABLE, &length);
    w.confirm_select();
    for n in 0..10 {
        publish(&mut w, "rh", "k", Table::new(), &n.to_string());
    }
    w.await_confirms(10);
    broker.kill();
    broker.restart();
    let mut w = broker.open();
    w.declare("q", queue::EXCLUSIVE);
    w.bind("q", "rh", "");
    assert_eq!(w.drain("q"), ["7", "8", "9"]);
}
