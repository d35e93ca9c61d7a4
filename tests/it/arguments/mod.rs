//! Arguments of queues that are refused: the code and the text, over AMQP and over HTTP.

use serde_json::json;
use tests::{
    shared,
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
