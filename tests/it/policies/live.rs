//! Each key while queues live: set, felt, cleared, no longer felt.

use std::{thread, time::Duration};

use serde_json::json;
use tests::{
    Broker, Wire, eventually, shared,
    wire::{Properties, Table, basic, exchange, queue},
};

use super::{clear, set};

/// Waits until the queue holds `n` ready messages.
#[track_caller]
fn await_depth(w: &mut Wire, name: &str, n: u32) {
    eventually("the queue's depth", || (w.depth(name).0 == n).then_some(()));
}

fn persistent(w: &mut Wire, key: &str, body: &str) {
    w.publish(
        1,
        &basic::publish("", key, 0),
        &Properties::persistent(),
        body,
    );
}

#[test]
fn a_time_to_live_comes_and_goes() {
    let (http, mut w) = (shared().http(), shared().open());
    w.declare("po-ttl", queue::DURABLE);
    set(&http, "po-ttl", "^po-ttl$", &json!({"message-ttl": 30}));
    w.enqueue("po-ttl", "short");
    await_depth(&mut w, "po-ttl", 0);
    clear(&http, "po-ttl");
    w.enqueue("po-ttl", "long");
    thread::sleep(Duration::from_millis(120));
    assert_eq!(w.depth("po-ttl").0, 1);
}

#[test]
fn a_length_limit_drops_what_is_above_it() {
    let (http, mut w) = (shared().http(), shared().open());
    w.declare("po-len", queue::DURABLE);
    for body in ["1", "2", "3", "4"] {
        w.enqueue("po-len", body);
    }
    await_depth(&mut w, "po-len", 4);
    set(&http, "po-len", "^po-len$", &json!({"max-length": 2}));
    await_depth(&mut w, "po-len", 2);
    w.enqueue("po-len", "5");
    await_depth(&mut w, "po-len", 2);
    clear(&http, "po-len");
    w.enqueue("po-len", "6");
    await_depth(&mut w, "po-len", 3);
    assert_eq!(w.drain("po-len"), ["4", "5", "6"]);
}

#[test]
fn a_full_queue_refuses_while_the_policy_says_so() {
    let (http, mut w) = (shared().http(), shared().open());
    w.declare("po-full", queue::DURABLE);
    let definition = json!({"max-length": 1, "overflow": "reject-publish"});
    set(&http, "po-full", "^po-full$", &definition);
    w.confirm_select();
    persistent(&mut w, "po-full", "1");
    w.await_confirms(1);
    persistent(&mut w, "po-full", "2");
    let nack = w.expect(1, basic::NACK);
    assert_eq!(nack.read().longlong(), 2);
    // Without the policy on overflow, the oldest message goes instead.
    set(&http, "po-full", "^po-full$", &json!({"max-length": 1}));
    persistent(&mut w, "po-full", "3");
    let ack = w.expect(1, basic::ACK);
    assert_eq!(ack.read().longlong(), 3);
    assert_eq!(w.drain("po-full"), ["3"]);
}

#[test]
fn dead_letters_go_where_the_policy_says() {
    let (http, mut w) = (shared().http(), shared().open());
    w.declare("po-dlx", queue::DURABLE);
    w.declare("po-dead", queue::DURABLE);
    let definition = json!({
        "dead-letter-exchange": "", "dead-letter-routing-key": "po-dead"
    });
    set(&http, "po-dlx", "^po-dlx$", &definition);
    let reject = |w: &mut Wire, body: &str| {
        w.enqueue("po-dlx", body);
        let got = eventually("the message", || w.get("po-dlx", false));
        w.send(1, &basic::reject(got.tag, false));
    };
    reject(&mut w, "kept");
    await_depth(&mut w, "po-dead", 1);
    clear(&http, "po-dlx");
    reject(&mut w, "lost");
    await_depth(&mut w, "po-dlx", 0);
    w.expect_silence();
    assert_eq!(w.drain("po-dead"), ["kept"]);
}

#[test]
fn an_unused_queue_expires_by_policy() {
    let (http, mut w) = (shared().http(), shared().open());
    w.declare("po-exp", queue::DURABLE);
    set(&http, "po-exp", "^po-exp$", &json!({"expires": 50}));
    eventually("the queue to expire", || {
        (http.get("/queues/%2F/po-exp").status == 404).then_some(())
    });
}

#[test]
fn an_alternate_exchange_comes_and_goes() {
    let (http, mut w) = (shared().http(), shared().open());
    w.declare("po-ae", queue::DURABLE);
    w.declare_exchange("po-ae-x", "direct", exchange::DURABLE, &Table::new());
    let publish = |w: &mut Wire, body: &str| {
        let method = basic::publish("po-ae-x", "po-ae", basic::MANDATORY);
        w.publish(1, &method, &Properties::new(), body);
    };
    // The route is cached without the policy first.
    publish(&mut w, "returned");
    assert_eq!(w.returned().body, b"returned");
    set(
        &http,
        "po-ae",
        "^po-ae-x$",
        &json!({"alternate-exchange": ""}),
    );
    publish(&mut w, "alternate");
    await_depth(&mut w, "po-ae", 1);
    clear(&http, "po-ae");
    publish(&mut w, "returned again");
    assert_eq!(w.returned().body, b"returned again");
    assert_eq!(http.json("/queues/%2F/po-ae")["messages"].as_u64(), Some(1));
}

#[test]
fn a_queue_declared_later_comes_under_the_policy() {
    let (http, mut w) = (shared().http(), shared().open());
    set(&http, "po-later", "^po-later", &json!({"max-length": 1}));
    w.declare("po-later", queue::EXCLUSIVE);
    w.enqueue("po-later", "1");
    w.enqueue("po-later", "2");
    await_depth(&mut w, "po-later", 1);
    assert_eq!(w.drain("po-later"), ["2"]);
    let shown = http.json("/queues/%2F/po-later");
    assert_eq!(shown["policy"], "po-later");
    assert_eq!(
        shown["effective_policy_definition"],
        json!({"max-length": 1})
    );
}

#[test]
fn the_lower_limit_of_argument_policy_and_operator_holds() {
    let (http, mut w) = (shared().http(), shared().open());
    let argument = Table::new().int("x-max-length", 3);
    w.declare_with("po-min", queue::DURABLE, &argument);
    set(&http, "po-min", "^po-min$", &json!({"max-length": 5}));
    let fill = |w: &mut Wire| {
        for _ in 0..6 {
            w.enqueue("po-min", "x");
        }
    };
    fill(&mut w);
    await_depth(&mut w, "po-min", 3);
    let operator = json!({"pattern": "^po-min$", "definition": {"max-length": 2}});
    http.put("/operator-policies/%2F/po-min", &operator).ok(201);
    await_depth(&mut w, "po-min", 2);
    let shown = http.json("/queues/%2F/po-min");
    assert_eq!(shown["operator_policy"], "po-min");
    assert_eq!(
        shown["effective_policy_definition"],
        json!({"max-length": 2})
    );
    http.delete("/operator-policies/%2F/po-min").ok(204);
    fill(&mut w);
    await_depth(&mut w, "po-min", 3);
}

#[test]
fn policies_by_type_apply_to_their_type() {
    let (http, mut w) = (shared().http(), shared().open());
    let quorum = Table::new().str("x-queue-type", "quorum");
    w.declare_with("po-type-q", queue::DURABLE, &quorum);
    w.declare("po-type-c", queue::DURABLE);
    let body = json!({
        "pattern": "^po-type", "apply-to": "quorum_queues", "definition": {"max-length": 9}
    });
    http.put("/policies/%2F/po-type", &body).ok(201);
    assert_eq!(http.json("/queues/%2F/po-type-q")["policy"], "po-type");
    assert!(http.json("/queues/%2F/po-type-c")["policy"].is_null());
    // A key of quorum queues only leaves classic ones alone, whatever it is to apply to.
    set(&http, "po-type", "^po-type", &json!({"delivery-limit": 3}));
    assert_eq!(http.json("/queues/%2F/po-type-q")["policy"], "po-type");
    assert!(http.json("/queues/%2F/po-type-c")["policy"].is_null());
}

#[test]
fn a_delivery_limit_by_policy_ends_returns() {
    let (http, mut w) = (shared().http(), shared().open());
    let quorum = Table::new().str("x-queue-type", "quorum");
    w.declare_with("po-limit", queue::DURABLE, &quorum);
    set(
        &http,
        "po-limit",
        "^po-limit$",
        &json!({"delivery-limit": 1}),
    );
    w.enqueue("po-limit", "poison");
    let mut deliveries = 0;
    eventually("the message to die", || {
        if let Some(got) = w.get("po-limit", false) {
            deliveries += 1;
            w.send(1, &basic::reject(got.tag, true));
            return None;
        }
        let left = http.json("/queues/%2F/po-limit")["messages"].as_u64();
        (deliveries > 0 && left == Some(0)).then_some(())
    });
    assert_eq!(deliveries, 2);
}

#[test]
fn duplicates_are_dropped_while_the_policy_says_so() {
    let (http, mut w) = (shared().http(), shared().open());
    w.declare("po-dup", queue::DURABLE);
    let of = |value: &str| Properties::headers(Table::new().str("x-deduplication-header", value));
    let put = |w: &mut Wire, exchange: &str, value: &str, body: &str| {
        w.publish(1, &basic::publish(exchange, "po-dup", 0), &of(value), body);
        w.expect_silence();
    };
    put(&mut w, "", "a", "1");
    await_depth(&mut w, "po-dup", 1);
    let definition = json!({"x-message-deduplication": true});
    set(&http, "po-dup", "^po-dup$", &definition);
    put(&mut w, "", "a", "2");
    put(&mut w, "", "b", "3");
    clear(&http, "po-dup");
    put(&mut w, "", "b", "4");
    assert_eq!(w.drain("po-dup"), ["1", "3", "4"]);
    // The cache of an exchange.
    let sized = Table::new().int("x-cache-size", 100);
    let kind = "x-message-deduplication";
    w.declare_exchange("po-dup-x", kind, exchange::AUTO_DELETE, &sized);
    w.bind("po-dup", "po-dup-x", "po-dup");
    set(&http, "po-dup-x", "^po-dup-x$", &json!({"x-cache-size": 1}));
    for (value, body) in [("a", "1"), ("a", "2"), ("b", "3"), ("a", "4")] {
        put(&mut w, "po-dup-x", value, body);
    }
    clear(&http, "po-dup-x");
    for (value, body) in [("b", "5"), ("a", "6"), ("b", "7")] {
        put(&mut w, "po-dup-x", value, body);
    }
    assert_eq!(w.drain("po-dup"), ["1", "3", "4", "5"]);
}

#[test]
fn a_delivery_is_timed_by_the_policy() {
    let (http, mut w) = (shared().http(), shared().open());
    w.declare("po-slow", queue::DURABLE);
    set(
        &http,
        "po-slow",
        "^po-slow$",
        &json!({"consumer-timeout": 200}),
    );
    w.enqueue("po-slow", "m");
    w.consume("po-slow", "c", 0);
    w.delivery(1);
    w.expect_channel_close(
        1,
        406,
        "PRECONDITION_FAILED - delivery acknowledgement on channel 1 timed out. Timeout value used: 200 ms…",
    );
    clear(&http, "po-slow");
}

#[test]
fn a_policy_makes_no_difference_to_a_redeclaration() {
    let (http, mut w) = (shared().http(), shared().open());
    let arguments = Table::new().int("x-max-length", 5);
    w.declare_with("po-same", queue::DURABLE, &arguments);
    set(
        &http,
        "po-same",
        "^po-same$",
        &json!({"max-length": 2, "message-ttl": 60_000}),
    );
    w.declare_with("po-same", queue::DURABLE, &arguments);
    clear(&http, "po-same");
}

#[test]
fn a_time_to_live_by_policy_is_for_messages_that_come_later() {
    let (http, mut w) = (shared().http(), shared().open());
    w.declare("po-stamped", queue::DURABLE);
    w.enqueue("po-stamped", "before");
    await_depth(&mut w, "po-stamped", 1);
    set(
        &http,
        "po-stamped",
        "^po-stamped$",
        &json!({"message-ttl": 20}),
    );
    w.enqueue("po-stamped", "after");
    thread::sleep(Duration::from_millis(100));
    // The first one stands before it, and stays.
    assert_eq!(w.depth("po-stamped").0, 2);
    assert_eq!(w.drain("po-stamped"), ["before"]);
    clear(&http, "po-stamped");
}

#[test]
fn predeclared_exchanges_and_exclusive_queues_come_under_policies_too() {
    let broker = Broker::start();
    let (http, mut w) = (broker.http(), broker.open());
    w.declare("elsewhere", queue::EXCLUSIVE);
    w.bind("elsewhere", "amq.fanout", "");
    set(
        &http,
        "predeclared",
        "^amq[.]direct$",
        &json!({"alternate-exchange": "amq.fanout"}),
    );
    set(&http, "exclusive", "^elsewhere$", &json!({"max-length": 1}));
    for body in ["1", "2"] {
        let publish = basic::publish("amq.direct", "nobody", 0);
        w.publish(1, &publish, &Properties::new(), body);
    }
    assert_eq!(w.drain("elsewhere"), ["2"]);
}
