//! What consumers may not ask of classic and quorum queues.

use tests::{
    Launch, shared, unique,
    wire::{Table, Wire, basic, queue},
};

fn none() -> Table {
    Table::new()
}

/// A quorum queue of its own.
fn quorum(w: &mut Wire, arguments: Table) -> String {
    let name = unique("rs-quorum");
    w.declare_with(
        &name,
        queue::DURABLE,
        &arguments.str("x-queue-type", "quorum"),
    );
    name
}

#[test]
fn arguments_of_streams_are_refused_by_name_of_the_queue_type() {
    let mut w = shared().open();
    let name = quorum(&mut w, none());
    w.declare("rs-classic", queue::EXCLUSIVE);
    for arg in [
        "x-stream-offset",
        "x-stream-filter",
        "x-stream-match-unfiltered",
    ] {
        for (queue, kind) in [("rs-classic", "classic"), (&*name, "quorum")] {
            let consume = basic::consume(queue, "", 0, &none().str(arg, "first"));
            w.send(1, &consume);
            let text = format!(
                "PRECONDITION_FAILED - invalid arg '{arg}' for queue '{queue}' in vhost '/' of queue type rabbit_{kind}_queue"
            );
            w.expect_channel_close(1, 406, &text);
        }
    }
}

#[test]
fn a_priority_that_is_no_integer_is_refused() {
    let mut w = shared().open();
    w.declare("rs-prio", queue::EXCLUSIVE);
    let consume = basic::consume("rs-prio", "", 0, &none().str("x-priority", "high"));
    w.send(1, &consume);
    w.expect_channel_close(
        1,
        406,
        "PRECONDITION_FAILED - invalid arg 'x-priority' for queue 'rs-prio' in vhost '/': \"expected integer, got longstr\"",
    );
}

#[test]
fn cancel_on_ha_failover_and_unknown_arguments_are_accepted() {
    let mut w = shared().open();
    w.declare("rs-ha", queue::EXCLUSIVE);
    let arguments = none()
        .bool("x-cancel-on-ha-failover", true)
        .int("x-consumer-timeout", 60_000)
        .str("x-whatever", "fine");
    let consume = basic::consume("rs-ha", "c", 0, &arguments);
    w.call(1, &consume, basic::CONSUME_OK);
}

#[test]
fn an_exclusive_consumer_of_a_single_active_consumer_queue_is_refused() {
    let mut w = shared().open();
    let arguments = none().bool("x-single-active-consumer", true);
    w.declare_with("rs-sac", queue::EXCLUSIVE, &arguments);
    w.send(1, &basic::consume("rs-sac", "c", basic::EXCLUSIVE, &none()));
    w.expect_channel_close(
        1,
        403,
        "ACCESS_REFUSED - queue 'rs-sac' in vhost '/' in exclusive use",
    );
}

#[test]
fn a_quorum_queue_takes_the_exclusive_flag_and_other_consumers() {
    let mut w = shared().open();
    let name = quorum(&mut w, none());
    w.consume(&name, "one", basic::EXCLUSIVE);
    w.consume(&name, "two", basic::EXCLUSIVE);
    assert_eq!(w.depth(&name), (0, 2));
    w.call(1, &queue::delete(&name, 0), queue::DELETE_OK);
}

#[test]
fn a_quorum_queue_has_no_global_qos() {
    let mut w = shared().open();
    let name = quorum(&mut w, none());
    w.call(1, &basic::qos(5, true), basic::QOS_OK);
    w.send(1, &basic::consume(&name, "c", 0, &none()));
    let text = format!("NOT_IMPLEMENTED - queue '{name}' in vhost '/' does not support global qos");
    w.expect_connection_close(540, &text);
    let mut w = shared().open();
    w.call(1, &basic::qos(5, false), basic::QOS_OK);
    w.consume(&name, "c", 0);
}

#[test]
fn a_quorum_queue_with_a_single_active_consumer_has_no_get() {
    let mut w = shared().open();
    let name = quorum(&mut w, none().bool("x-single-active-consumer", true));
    w.send(1, &basic::get(&name, false));
    let text = format!(
        "RESOURCE_LOCKED - cannot obtain access to locked queue '{name}' in vhost '/'. basic.get operations are not supported by quorum queues with single active consumer"
    );
    w.expect_channel_close(1, 405, &text);
    let plain = quorum(&mut w, none());
    assert!(w.get(&plain, false).is_none());
    // A classic one has.
    let arguments = none().bool("x-single-active-consumer", true);
    w.declare_with("rs-sac-get", queue::EXCLUSIVE, &arguments);
    assert!(w.get("rs-sac-get", false).is_none());
}

#[test]
fn a_quorum_queue_is_deleted_without_conditions_only() {
    for (flag, word) in [
        (queue::IF_UNUSED, "if-unused"),
        (queue::IF_EMPTY, "if-empty"),
    ] {
        let mut w = shared().open();
        let name = quorum(&mut w, none());
        w.send(1, &queue::delete(&name, flag));
        let text = format!(
            "NOT_IMPLEMENTED - cannot delete queue '{name}' in vhost '/'. queue.delete operations with {word} flag set are not supported by quorum queues"
        );
        w.expect_connection_close(540, &text);
        let mut w = shared().open();
        w.call(1, &queue::delete(&name, 0), queue::DELETE_OK);
    }
}

#[test]
fn an_unacknowledged_delivery_closes_its_channel_in_the_end() {
    let mut w = shared().open();
    let text = |ms| {
        format!(
            "PRECONDITION_FAILED - delivery acknowledgement on channel 1 timed out. Timeout value used: {ms} ms. This timeout value can be configured, see consumers doc guide to learn more"
        )
    };
    let limit = none().int("x-consumer-timeout", 400);
    w.declare_with("rs-slow", queue::EXCLUSIVE, &limit);
    w.enqueue("rs-slow", "m");
    w.consume("rs-slow", "c", 0);
    assert_eq!(w.bodies(1), ["m"]);
    w.expect_channel_close(1, 406, &text(400));
    // The message is back, and a get is timed, too.
    assert!(w.get("rs-slow", false).unwrap().redelivered);
    w.expect_channel_close(1, 406, &text(400));
    // What the consumer asks for beats it.
    let quick = none().int("x-consumer-timeout", 150);
    w.call(
        1,
        &basic::consume("rs-slow", "c", 0, &quick),
        basic::CONSUME_OK,
    );
    assert_eq!(w.bodies(1), ["m"]);
    w.expect_channel_close(1, 406, &text(150));
    assert_eq!(w.depth("rs-slow"), (1, 0));
}

#[test]
fn the_configuration_limits_consumers_and_their_time() {
    let broker = Launch::default()
        .config("consumer_max_per_channel = 2\nconsumer_timeout = 300\n")
        .start();
    let mut w = broker.open();
    w.declare("rs-many", 0);
    w.enqueue("rs-many", "m");
    w.consume("rs-many", "one", 0);
    assert_eq!(w.bodies(1), ["m"]);
    w.expect_channel_close(
        1,
        406,
        "PRECONDITION_FAILED - delivery acknowledgement on channel 1 timed out. Timeout value used: 300 ms. This timeout value can be configured, see consumers doc guide to learn more",
    );
    w.declare("rs-empty", 0);
    for tag in ["one", "two"] {
        w.consume("rs-empty", tag, 0);
    }
    w.send(1, &basic::consume("rs-empty", "three", 0, &none()));
    w.expect_connection_close(
        530,
        "NOT_ALLOWED - reached maximum (2) of consumers per channel",
    );
}
