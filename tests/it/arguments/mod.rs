//! Arguments of queues that are refused: the code and the text, over AMQP and over HTTP.

use serde_json::json;
use tests::{
    Launch, shared,
    wire::{Table, queue},
};

#[track_caller]
fn refused(flags: u8, arguments: &Table, text: &str) {
    let mut w = shared().open();
    w.send(1, &queue::declare("ar-q", flags, arguments));
    w.expect_channel_close(1, 406, &format!("PRECONDITION_FAILED - {text}"));
}

fn quorum() -> Table {
    Table::new().str("x-queue-type", "quorum")
}

fn invalid(arg: &str, reason: &str) -> String {
    format!("invalid arg '{arg}' for queue 'ar-q' in vhost '/': {reason}")
}

#[test]
fn values_that_an_argument_can_not_have() {
    let none = Table::new;
    for (arguments, arg, reason) in [
        (
            none().int("x-message-ttl", -1),
            "x-message-ttl",
            "{value_negative,-1}",
        ),
        (
            none().long("x-message-ttl", 315_360_000_001),
            "x-message-ttl",
            "{value_too_large,315360000001}",
        ),
        (
            none().str("x-message-ttl", "1"),
            "x-message-ttl",
            "\"expected integer, got longstr\"",
        ),
        (none().int("x-expires", 0), "x-expires", "{value_zero,0}"),
        (
            none().int("x-max-length", -1),
            "x-max-length",
            "{value_negative,-1}",
        ),
        (
            none().int("x-max-priority", 256),
            "x-max-priority",
            "{max_value_exceeded,256}",
        ),
        (
            none().str("x-overflow", "x"),
            "x-overflow",
            "invalid_overflow",
        ),
        (
            none().str("x-dead-letter-routing-key", "k"),
            "x-dead-letter-routing-key",
            "routing_key_but_no_dlx_defined",
        ),
        (
            none().int("x-single-active-consumer", 1),
            "x-single-active-consumer",
            "{unacceptable_type,signedint}",
        ),
        (
            none().str("x-queue-type", "foo"),
            "x-queue-type",
            "\"unsupported queue type 'foo'\"",
        ),
        (
            quorum().str("x-dead-letter-strategy", "x"),
            "x-dead-letter-strategy",
            "invalid_dlx_strategy",
        ),
    ] {
        refused(queue::DURABLE, &arguments, &invalid(arg, reason));
    }
}

#[test]
fn arguments_of_another_type_of_queue() {
    for (arguments, arg, module) in [
        (
            quorum().int("x-max-priority", 5),
            "x-max-priority",
            "rabbit_quorum_queue",
        ),
        (
            quorum().str("x-queue-mode", "lazy"),
            "x-queue-mode",
            "rabbit_quorum_queue",
        ),
        (
            Table::new().int("x-delivery-limit", 5),
            "x-delivery-limit",
            "rabbit_classic_queue",
        ),
        (
            Table::new().str("x-max-age", "1D"),
            "x-max-age",
            "rabbit_classic_queue",
        ),
    ] {
        let text =
            format!("invalid arg '{arg}' for queue 'ar-q' in vhost '/' of queue type {module}");
        refused(queue::DURABLE, &arguments, &text);
    }
}

#[test]
fn properties_that_a_quorum_queue_can_not_have() {
    let property = |name: &str| format!("invalid property '{name}' for queue 'ar-q' in vhost '/'");
    refused(0, &quorum(), &property("non-durable"));
    let flags = queue::DURABLE | queue::AUTO_DELETE;
    refused(flags, &quorum(), &property("auto-delete"));
    let flags = queue::DURABLE | queue::EXCLUSIVE;
    refused(flags, &quorum(), &property("exclusive-owner"));
    let mut w = shared().open();
    w.send(1, &queue::declare("", queue::DURABLE, &quorum()));
    w.expect_channel_close(
        1,
        406,
        "PRECONDITION_FAILED - Cannot declare a server-named queue for type rabbit_quorum_queue",
    );
}

#[test]
fn unknown_arguments_are_kept_and_not_compared() {
    let mut w = shared().open();
    let one = Table::new()
        .str("x-foo", "1")
        .str("ha-mode", "all")
        .int("x-consumer-timeout", 1);
    w.declare_with("ar-odd", queue::DURABLE, &one);
    let two = Table::new().int("x-foo", 2).int("x-consumer-timeout", 2);
    w.declare_with("ar-odd", queue::DURABLE, &two);
    let shown = shared().http().json("/queues/%2F/ar-odd");
    assert_eq!(shown["arguments"]["x-foo"], "1");
    assert_eq!(shown["arguments"]["ha-mode"], "all");
}

#[test]
fn http_refuses_the_same_arguments_with_the_same_words() {
    let body = json!({"durable": true, "arguments": {"x-message-ttl": -1}});
    let answer = shared().http().put("/queues/%2F/ar-q", &body).ok(400);
    assert_eq!(
        answer.json()["reason"],
        invalid("x-message-ttl", "{value_negative,-1}")
    );
}

#[test]
fn a_dead_letter_exchange_is_named_by_a_string() {
    let text =
        "invalid type 'signedint' for arg 'x-dead-letter-exchange' in queue 'ar-q' in vhost '/'";
    let arguments = Table::new().int("x-dead-letter-exchange", 1);
    refused(queue::DURABLE, &arguments, text);
}

#[test]
fn streams_are_refused_until_there_are_any() {
    let mut w = shared().open();
    let stream = Table::new().str("x-queue-type", "stream");
    w.send(1, &queue::declare("ar-q", queue::DURABLE, &stream));
    w.expect_connection_close(540, "NOT_IMPLEMENTED - stream queues are not supported yet");
}

#[test]
fn every_argument_of_its_type_is_taken_and_shown() {
    let both = |table: Table| {
        table
            .int("x-message-ttl", 60_000)
            .int("x-expires", 60_000)
            .int("x-max-length", 10)
            .int("x-max-length-bytes", 10)
            .str("x-overflow", "reject-publish")
            .str("x-dead-letter-exchange", "")
            .str("x-dead-letter-routing-key", "k")
            .bool("x-single-active-consumer", true)
            .str("x-queue-leader-locator", "balanced")
            .int("x-consumer-timeout", 60_000)
    };
    let classic = both(Table::new())
        .int("x-max-priority", 5)
        .str("x-queue-mode", "lazy")
        .int("x-queue-version", 2)
        .str("x-queue-master-locator", "min-masters");
    let quorum = both(quorum())
        .int("x-delivery-limit", 5)
        .str("x-dead-letter-strategy", "at-least-once")
        .int("x-quorum-initial-group-size", 1)
        .int("x-max-in-memory-length", 1)
        .int("x-max-in-memory-bytes", 1);
    let mut w = shared().open();
    for (name, arguments, count) in [("ar-all-c", classic, 15), ("ar-all-q", quorum, 16)] {
        w.declare_with(name, queue::DURABLE, &arguments);
        // The same again is the same queue.
        w.declare_with(name, queue::DURABLE, &arguments);
        let shown = shared().http().json(&format!("/queues/%2F/{name}"));
        assert_eq!(
            shown["arguments"].as_object().unwrap().len(),
            count,
            "{shown}"
        );
    }
}

#[test]
fn a_quorum_queue_may_be_declared_as_a_classic_one_where_that_is_allowed() {
    let classic = |length| {
        Table::new()
            .int("x-max-length", length)
            .str("x-overflow", "drop-head")
    };
    let original = quorum().int("x-max-length", 5).int("x-delivery-limit", 3);
    let text = |arg: &str, differ: &str| {
        format!(
            "PRECONDITION_FAILED - inequivalent arg '{arg}' for queue 'ar-moved' in vhost '/': {differ}"
        )
    };
    let relaxed = "quorum_queue.property_equivalence.relaxed_checks_on_redeclaration = true\n";
    for lines in ["", relaxed] {
        let broker = Launch::default().config(lines).start();
        let mut w = broker.open();
        w.declare_with("ar-moved", queue::DURABLE, &original);
        w.send(1, &queue::declare("ar-moved", queue::DURABLE, &classic(5)));
        if lines.is_empty() {
            w.expect_channel_close(1, 406, &text("x-queue-type", "received…"));
            continue;
        }
        w.expect(1, queue::DECLARE_OK);
        w.send(1, &queue::declare("ar-moved", queue::DURABLE, &classic(6)));
        let differ = text("x-max-length", "received '6' but current is '5'");
        w.expect_channel_close(1, 406, &differ);
    }
}
