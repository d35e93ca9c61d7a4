//! Who has the messages that are not in their queue.

use serde_json::Value;
use tests::{
    eventually, shared,
    wire::{Properties, basic, queue},
};

use super::has;

fn unacked(path: &str) -> Value {
    shared().http().json(&format!("/leveret/queues/%2F/{path}"))
}

#[test]
fn unacknowledged_messages_are_listed_with_who_has_them_and_for_how_long() {
    let broker = shared();
    let mut w = broker.open();
    w.declare("ho-unacked", 0);
    for body in ["got", "consumed", "ready"] {
        w.enqueue("ho-unacked", body);
    }
    let _got = w.get("ho-unacked", false).unwrap();
    let mut other = broker.open();
    other.call(1, &basic::qos(1, false), basic::QOS_OK);
    other.consume("ho-unacked", "ho-tag", 0);
    let _delivery = other.delivery(1);

    let answer = unacked("ho-unacked/unacked?truncate=3");
    assert_eq!(answer["total"], 2);
    assert_eq!(answer["complete"], true);
    let messages = answer["messages"].as_array().unwrap();
    assert_eq!(messages.len(), 2, "{answer:#}");
    for (message, (tag, payload)) in messages.iter().zip([("", "got"), ("ho-tag", "con")]) {
        has(
            message,
            "id:string channel:object delivery_tag:number age_ms:number redelivered:bool \
             payload_bytes:number exchange:string routing_key:string properties:object \
             payload_encoding:string delivered_at:number",
        );
        has(
            &message["channel"],
            "name:string number:number connection_name:string user:string",
        );
        assert_eq!(message["consumer_tag"], tag);
        assert_eq!(message["payload"], payload);
        assert_eq!(message["routing_key"], "ho-unacked");
    }
    assert_ne!(
        messages[0]["channel"]["name"],
        messages[1]["channel"]["name"]
    );
    assert_eq!(
        unacked("ho-unacked/unacked?count=1")["messages"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    w.send(1, &basic::ack(1, 0));
    other.send(1, &basic::ack(1, 0));
    other.delivery(1);
    eventually("one is left", || {
        (unacked("ho-unacked/unacked")["total"] == 1).then_some(())
    });
}

#[test]
fn messages_that_only_the_store_has_are_listed_with_their_bodies() {
    let broker = shared();
    let mut w = broker.open();
    w.declare("ho-deep", queue::DURABLE);
    w.confirm_select();
    let filler = "x".repeat(30_000);
    for n in 0..600 {
        let publish = basic::publish("", "ho-deep", 0);
        w.publish(
            1,
            &publish,
            &Properties::persistent(),
            format!("{n:04}{filler}"),
        );
    }
    w.await_confirms(600);
    w.consume("ho-deep", "ho-all", 0);
    for _ in 0..600 {
        w.delivery(1);
    }
    let answer = unacked("ho-deep/unacked?count=1000&truncate=4");
    let messages = answer["messages"].as_array().unwrap();
    assert_eq!((messages.len(), &answer["total"]), (600, &Value::from(600)));
    // The store does not say whether they were delivered before.
    assert!(messages.iter().any(|one| one["redelivered"].is_null()));
    for (n, message) in (0..).zip(messages) {
        assert_eq!(message["payload_bytes"], 30_004);
        assert_eq!(message["payload"], format!("{n:04}"), "{message}");
    }
}

#[test]
fn a_stopped_consumer_is_told_and_keeps_what_it_has() {
    let broker = shared();
    let http = broker.http();
    let mut w = broker.open();
    w.declare("ho-stop", 0);
    w.enqueue("ho-stop", "first");
    w.consume("ho-stop", "ho/stop", 0);
    let _delivery = w.delivery(1);
    let consumers = http.json("/leveret/queues/%2F/ho-stop/unacked");
    let channel = consumers["messages"][0]["channel"]["name"]
        .as_str()
        .unwrap();
    let channel = tests::http::segment(channel);
    let path = format!("/leveret/consumers/%2F/ho-stop/{channel}/ho%2Fstop");
    http.delete(&path).ok(204);
    let cancel = w.expect(1, basic::CANCEL);
    assert_eq!(cancel.read().shortstr(), "ho/stop");
    http.delete(&path).ok(404);
    w.enqueue("ho-stop", "second");
    eventually("it waits", || {
        (http.json("/queues/%2F/ho-stop")["messages_ready"] == 1).then_some(())
    });
    w.send(1, &basic::ack(1, 0));
    assert_eq!(w.drain("ho-stop"), ["second"]);
}
