//! Declaring, purging and deleting queues, and how long they live.

use tests::{
    eventually, shared,
    wire::{Properties, Table, Wire, basic, queue},
};

fn exists(w: &mut Wire, name: &str) -> bool {
    w.send(1, &queue::declare(name, queue::PASSIVE, &Table::new()));
    let method = w.method(1);
    if method.id == queue::DECLARE_OK {
        return true;
    }
    assert_eq!(method.read().short(), 404);
    w.send(1, &tests::wire::channel::close_ok());
    w.open_channel(1);
    false
}

#[test]
fn the_server_names_a_queue() {
    let mut w = shared().open();
    let (one, _, _) = w.declare("", queue::EXCLUSIVE);
    let (two, _, _) = w.declare("", queue::EXCLUSIVE);
    let random = one
        .strip_prefix("amq.gen-")
        .unwrap_or_else(|| panic!("{one}"));
    assert_eq!(random.len(), 22, "{one}");
    let url_safe = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    assert!(random.chars().all(url_safe), "{one}");
    assert_ne!(one, two);
    assert_eq!(w.depth(&one), (0, 0));
}

#[test]
fn the_empty_name_means_the_queue_declared_last() {
    let mut w = shared().open();
    w.declare("qu-first", queue::EXCLUSIVE);
    w.declare("qu-last", queue::EXCLUSIVE);
    w.bind("", "amq.direct", "qu-key");
    w.publish(
        1,
        &basic::publish("amq.direct", "qu-key", 0),
        &Properties::new(),
        "x",
    );
    assert_eq!(w.get("", true).unwrap().body, b"x");
    // Both empty: the key becomes the queue's name.
    w.bind("", "amq.direct", "");
    w.publish(
        1,
        &basic::publish("amq.direct", "qu-last", 0),
        &Properties::new(),
        "y",
    );
    assert_eq!(w.get("qu-last", true).unwrap().body, b"y");
    w.enqueue("qu-last", "z");
    let purged = w.call(1, &queue::purge(""), queue::PURGE_OK);
    assert_eq!(purged.read().long(), 1);
    // A passive declare counts as well.
    w.depth("qu-first");
    w.call(1, &queue::delete("", 0), queue::DELETE_OK);
    assert!(!exists(&mut w, "qu-first"));
}

#[test]
fn declare_ok_counts_messages_and_consumers() {
    let mut w = shared().open();
    w.declare("qu-count", queue::EXCLUSIVE);
    for _ in 0..3 {
        w.enqueue("qu-count", "x");
    }
    assert_eq!(
        w.declare("qu-count", queue::EXCLUSIVE),
        ("qu-count".into(), 3, 0)
    );
    w.get("qu-count", false).unwrap();
    assert_eq!(w.depth("qu-count"), (2, 0));
    w.consume("qu-count", "", basic::NO_ACK);
    w.bodies(2);
    assert_eq!(w.depth("qu-count"), (0, 1));
}

#[test]
fn purge_takes_only_ready_messages() {
    let mut w = shared().open();
    w.declare("qu-purge", queue::EXCLUSIVE);
    for body in ["a", "b", "c"] {
        w.enqueue("qu-purge", body);
    }
    let got = w.get("qu-purge", false).unwrap();
    let purged = w.call(1, &queue::purge("qu-purge"), queue::PURGE_OK);
    assert_eq!(purged.read().long(), 2);
    w.send(1, &basic::reject(got.tag, true));
    assert_eq!(w.drain("qu-purge"), ["a"]);
}

#[test]
fn delete_returns_the_number_of_ready_messages() {
    let mut w = shared().open();
    w.declare("qu-del", queue::DURABLE);
    for _ in 0..3 {
        w.enqueue("qu-del", "x");
    }
    w.get("qu-del", false).unwrap();
    let deleted = w.call(1, &queue::delete("qu-del", 0), queue::DELETE_OK);
    assert_eq!(deleted.read().long(), 2);
    assert!(!exists(&mut w, "qu-del"));
}

#[test]
fn an_ack_after_the_queue_is_gone_is_no_error() {
    let mut w = shared().open();
    w.declare("qu-late", queue::EXCLUSIVE);
    w.enqueue("qu-late", "x");
    let got = w.get("qu-late", false).unwrap();
    w.call(1, &queue::delete("qu-late", 0), queue::DELETE_OK);
    w.send(1, &basic::ack(got.tag, 0));
    w.expect_silence();
}

#[test]
fn delete_if_empty_does_not_count_unacknowledged_messages() {
    let mut w = shared().open();
    w.declare("qu-empty", queue::DURABLE);
    w.enqueue("qu-empty", "x");
    w.get("qu-empty", false).unwrap();
    w.call(
        1,
        &queue::delete("qu-empty", queue::IF_EMPTY),
        queue::DELETE_OK,
    );
}

#[test]
fn an_exclusive_queue_is_the_same_durable_or_not() {
    let mut w = shared().open();
    w.declare("qu-excl", queue::EXCLUSIVE | queue::DURABLE);
    w.declare("qu-excl", queue::EXCLUSIVE);
}

#[test]
fn an_auto_delete_queue_goes_with_its_last_consumer() {
    let mut w = shared().open();
    w.declare("qu-auto", queue::AUTO_DELETE);
    w.consume("qu-auto", "one", 0);
    w.consume("qu-auto", "two", 0);
    w.call(1, &basic::cancel("one"), basic::CANCEL_OK);
    assert!(exists(&mut w, "qu-auto"));
    w.call(1, &basic::cancel("two"), basic::CANCEL_OK);
    assert!(!exists(&mut w, "qu-auto"));
}

#[test]
fn an_auto_delete_queue_goes_with_the_connection_of_its_last_consumer() {
    let mut w = shared().open();
    let mut other = shared().open();
    w.declare("qu-auto-conn", queue::AUTO_DELETE);
    other.consume("qu-auto-conn", "", 0);
    drop(other);
    eventually("the queue to go", || {
        (!exists(&mut w, "qu-auto-conn")).then_some(())
    });
}

#[test]
fn an_auto_delete_queue_that_was_never_consumed_from_stays() {
    let mut w = shared().open();
    w.declare("qu-auto-get", queue::AUTO_DELETE);
    w.enqueue("qu-auto-get", "x");
    w.get("qu-auto-get", true).unwrap();
    drop(w);
    let mut w = shared().open();
    assert!(exists(&mut w, "qu-auto-get"));
    w.call(1, &queue::delete("qu-auto-get", 0), queue::DELETE_OK);
}

#[test]
fn a_transient_shared_queue_is_accepted() {
    let mut w = shared().open();
    w.declare("qu-transient", 0);
    drop(w);
    let mut w = shared().open();
    assert!(exists(&mut w, "qu-transient"));
    w.call(1, &queue::delete("qu-transient", 0), queue::DELETE_OK);
}

#[test]
fn methods_without_waiting_answer_nothing() {
    let mut w = shared().open();
    let flags = queue::EXCLUSIVE | queue::NOWAIT;
    w.send(1, &queue::declare("qu-nowait", flags, &Table::new()));
    let mut bind = queue::bind("qu-nowait", "amq.direct", "qu-nowait-key", &Table::new());
    let bits = bind.args.len() - 5;
    bind.args[bits] = 1;
    w.send(1, &bind);
    w.publish(
        1,
        &basic::publish("amq.direct", "qu-nowait-key", 0),
        &Properties::new(),
        "x",
    );
    w.expect_silence();
    assert_eq!(w.depth("qu-nowait"), (1, 0));
    let mut purge = queue::purge("qu-nowait");
    *purge.args.last_mut().unwrap() = 1;
    w.send(1, &purge);
    w.expect_silence();
    assert_eq!(w.depth("qu-nowait"), (0, 0));
    w.send(1, &queue::delete("qu-nowait", 4));
    w.expect_silence();
    assert!(!exists(&mut w, "qu-nowait"));
}

#[test]
fn integers_of_any_width_are_equal_arguments() {
    let mut w = shared().open();
    let long = Table::new().long("x-message-ttl", 100_000);
    let int = Table::new().int("x-message-ttl", 100_000);
    w.declare_with("qu-widths", queue::EXCLUSIVE, &long);
    w.declare_with("qu-widths", queue::EXCLUSIVE, &int);
}

#[test]
fn the_classic_type_is_the_default() {
    let mut w = shared().open();
    let classic = Table::new().str("x-queue-type", "classic");
    w.declare("qu-classic", queue::EXCLUSIVE);
    w.declare_with("qu-classic", queue::EXCLUSIVE, &classic);
}

#[test]
fn deleting_a_queue_drops_its_bindings() {
    let mut w = shared().open();
    w.declare("qu-bound", queue::EXCLUSIVE);
    w.bind("qu-bound", "amq.direct", "qu-bound-key");
    w.call(1, &queue::delete("qu-bound", 0), queue::DELETE_OK);
    w.declare("qu-bound", queue::EXCLUSIVE);
    let publish = basic::publish("amq.direct", "qu-bound-key", basic::MANDATORY);
    w.publish(1, &publish, &Properties::new(), "x");
    w.returned();
}

#[test]
fn get_tells_what_is_left_and_whether_it_is_new() {
    let mut w = shared().open();
    w.declare("qu-get", queue::EXCLUSIVE);
    assert!(w.get("qu-get", true).is_none());
    for body in ["a", "b"] {
        w.enqueue("qu-get", body);
    }
    let got = w.get("qu-get", false).unwrap();
    assert_eq!((got.tag, got.redelivered, got.remaining), (1, false, 1));
    assert_eq!(
        (&*got.exchange, &*got.key, &*got.body),
        ("", "qu-get", &b"a"[..])
    );
    w.send(1, &basic::nack(1, basic::REQUEUE));
    let got = w.get("qu-get", false).unwrap();
    assert_eq!((got.tag, got.redelivered, &*got.body), (2, true, &b"a"[..]));
}

#[test]
fn a_declare_without_waiting_counts_as_the_last_and_so_does_a_deleted_queue() {
    let mut w = shared().open();
    w.declare("qu-before", queue::EXCLUSIVE);
    let flags = queue::EXCLUSIVE | queue::NOWAIT;
    w.send(1, &queue::declare("qu-nowait", flags, &Table::new()));
    assert!(w.get("", true).is_none());
    w.enqueue("qu-nowait", "x");
    assert_eq!(w.get("", true).unwrap().body, b"x");
    w.call(1, &queue::delete("qu-nowait", 0), queue::DELETE_OK);
    w.send(1, &basic::get("", true));
    w.expect_channel_close(1, 404, "NOT_FOUND - no queue 'qu-nowait' in vhost '/'");
    // A new channel knows of none.
    w.send(1, &basic::get("", true));
    w.expect_channel_close(1, 404, "NOT_FOUND - no previously declared queue");
}
