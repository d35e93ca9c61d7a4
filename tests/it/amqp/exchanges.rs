//! Declaring and deleting exchanges.

use tests::{
    shared,
    wire::{Properties, Table, Wire, basic, exchange, queue},
};

fn exists(w: &mut Wire, name: &str) -> bool {
    w.send(
        1,
        &exchange::declare(name, "", exchange::PASSIVE, &Table::new()),
    );
    let method = w.method(1);
    if method.id == exchange::DECLARE_OK {
        return true;
    }
    assert_eq!(method.read().short(), 404);
    w.send(1, &tests::wire::channel::close_ok());
    w.open_channel(1);
    false
}

#[test]
fn the_standard_exchanges_are_there() {
    let mut w = shared().open();
    for (name, kind) in [
        ("amq.direct", "direct"),
        ("amq.fanout", "fanout"),
        ("amq.topic", "topic"),
        ("amq.headers", "headers"),
        ("amq.match", "headers"),
    ] {
        // Redeclaring one as it is, is no creation and so is allowed.
        w.declare_exchange(name, kind, exchange::DURABLE, &Table::new());
    }
}

#[test]
fn a_passive_declare_looks_only_at_the_name() {
    let mut w = shared().open();
    w.declare_exchange("x-passive", "topic", exchange::AUTO_DELETE, &Table::new());
    assert!(exists(&mut w, "x-passive"));
}

#[test]
fn a_redeclare_with_other_unrelated_arguments_is_fine() {
    let mut w = shared().open();
    let one = Table::new().str("x-note", "one");
    let two = Table::new().int("x-note", 2);
    w.declare_exchange("x-args", "direct", exchange::AUTO_DELETE, &one);
    w.declare_exchange("x-args", "direct", exchange::AUTO_DELETE, &two);
}

#[test]
fn a_deleted_exchange_is_gone() {
    let mut w = shared().open();
    w.declare_exchange("x-deleted", "direct", 0, &Table::new());
    w.call(1, &exchange::delete("x-deleted", 0), exchange::DELETE_OK);
    assert!(!exists(&mut w, "x-deleted"));
}

#[test]
fn delete_if_unused_looks_only_at_bindings_from_it() {
    let mut w = shared().open();
    w.declare_exchange("x-target", "fanout", 0, &Table::new());
    w.call(
        1,
        &exchange::bind("x-target", "amq.fanout", "", &Table::new()),
        exchange::BIND_OK,
    );
    w.call(1, &exchange::delete("x-target", 1), exchange::DELETE_OK);
    assert!(!exists(&mut w, "x-target"));
}

#[test]
fn an_auto_delete_exchange_goes_with_its_last_binding() {
    let mut w = shared().open();
    w.declare_exchange("x-auto", "direct", exchange::AUTO_DELETE, &Table::new());
    w.declare("x-auto-q", queue::EXCLUSIVE);
    w.bind("x-auto-q", "x-auto", "a");
    w.bind("x-auto-q", "x-auto", "b");
    let unbind = queue::unbind("x-auto-q", "x-auto", "a", &Table::new());
    w.call(1, &unbind, queue::UNBIND_OK);
    assert!(exists(&mut w, "x-auto"));
    let unbind = queue::unbind("x-auto-q", "x-auto", "b", &Table::new());
    w.call(1, &unbind, queue::UNBIND_OK);
    assert!(!exists(&mut w, "x-auto"));
}

#[test]
fn an_auto_delete_exchange_goes_with_its_last_queue() {
    let mut w = shared().open();
    w.declare_exchange("x-auto2", "fanout", exchange::AUTO_DELETE, &Table::new());
    w.declare("x-auto2-q", queue::EXCLUSIVE);
    w.bind("x-auto2-q", "x-auto2", "");
    w.call(1, &queue::delete("x-auto2-q", 0), queue::DELETE_OK);
    assert!(!exists(&mut w, "x-auto2"));
}

#[test]
fn an_auto_delete_exchange_that_was_never_bound_stays() {
    let mut w = shared().open();
    w.declare_exchange("x-auto3", "fanout", exchange::AUTO_DELETE, &Table::new());
    w.declare_exchange(
        "x-auto3-dst",
        "fanout",
        exchange::AUTO_DELETE,
        &Table::new(),
    );
    w.call(
        1,
        &exchange::bind("x-auto3", "amq.fanout", "k", &Table::new()),
        exchange::BIND_OK,
    );
    let unbind = exchange::unbind("x-auto3", "amq.fanout", "k", &Table::new());
    w.call(1, &unbind, exchange::UNBIND_OK);
    assert!(exists(&mut w, "x-auto3"));
    w.call(1, &exchange::delete("x-auto3", 0), exchange::DELETE_OK);
    w.call(1, &exchange::delete("x-auto3-dst", 0), exchange::DELETE_OK);
}

#[test]
fn declare_without_waiting_answers_nothing() {
    let mut w = shared().open();
    let flags = exchange::NOWAIT | exchange::AUTO_DELETE;
    w.send(
        1,
        &exchange::declare("x-nowait", "direct", flags, &Table::new()),
    );
    w.expect_silence();
    assert!(exists(&mut w, "x-nowait"));
    w.send(1, &exchange::delete("x-nowait", 2));
    w.expect_silence();
    assert!(!exists(&mut w, "x-nowait"));
}

#[test]
fn line_feeds_are_taken_out_of_names() {
    let mut w = shared().open();
    w.declare_exchange(
        "x-li\r\nnes",
        "direct",
        exchange::AUTO_DELETE,
        &Table::new(),
    );
    assert!(exists(&mut w, "x-lines"));
    let (name, _, _) = w.declare("x-q-li\nnes", queue::EXCLUSIVE);
    assert_eq!(name, "x-q-lines");
}

#[test]
fn deleting_an_exchange_drops_its_bindings() {
    let mut w = shared().open();
    w.declare("x-rebind-q", queue::EXCLUSIVE);
    w.declare_exchange("x-rebind", "direct", 0, &Table::new());
    w.bind("x-rebind-q", "x-rebind", "k");
    w.call(1, &exchange::delete("x-rebind", 0), exchange::DELETE_OK);
    w.declare_exchange("x-rebind", "direct", 0, &Table::new());
    let publish = basic::publish("x-rebind", "k", basic::MANDATORY);
    w.publish(1, &publish, &Properties::new(), "x");
    assert_eq!(w.returned().code, 312);
    w.call(1, &exchange::delete("x-rebind", 0), exchange::DELETE_OK);
}

#[test]
fn an_internal_exchange_takes_messages_from_another() {
    let mut w = shared().open();
    let flags = exchange::INTERNAL | exchange::AUTO_DELETE;
    w.declare_exchange("x-inside", "fanout", flags, &Table::new());
    w.declare_exchange("x-outside", "fanout", exchange::AUTO_DELETE, &Table::new());
    w.declare("x-inside-q", queue::EXCLUSIVE);
    w.bind("x-inside-q", "x-inside", "");
    w.call(
        1,
        &exchange::bind("x-inside", "x-outside", "", &Table::new()),
        exchange::BIND_OK,
    );
    w.publish(
        1,
        &basic::publish("x-outside", "", 0),
        &Properties::new(),
        "x",
    );
    assert_eq!(w.drain("x-inside-q"), ["x"]);
}
