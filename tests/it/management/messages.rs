//! Publishing, getting and purging over HTTP.

use serde_json::{Value, json};
use tests::{
    shared,
    wire::{Properties, Table, basic, queue},
};

use super::has;

fn get(queue: &str, count: u32, ackmode: &str) -> Value {
    let body = json!({"count": count, "ackmode": ackmode, "encoding": "auto"});
    shared()
        .http()
        .post(&format!("/queues/%2F/{queue}/get"), &body)
        .ok(200)
        .json()
}

fn publish(exchange: &str, body: &Value) -> Value {
    shared()
        .http()
        .post(&format!("/exchanges/%2F/{exchange}/publish"), body)
        .ok(200)
        .json()
}

#[test]
fn a_published_message_is_routed_and_got() {
    let mut w = shared().open();
    w.declare("mg-pub", queue::EXCLUSIVE | queue::DURABLE);
    drop(w);
    let mut w = shared().open();
    w.declare("mg-pub-2", queue::DURABLE);
    let message = json!({
        "routing_key": "mg-pub-2",
        "payload": "hello",
        "payload_encoding": "string",
        "properties": {
            "delivery_mode": 2,
            "content_type": "text/plain",
            "headers": {"a": "b", "n": 7, "flag": true},
        },
    });
    assert_eq!(publish("amq.default", &message), json!({"routed": true}));
    let list = get("mg-pub-2", 5, "ack_requeue_true");
    assert_eq!(list.as_array().unwrap().len(), 1);
    let got = &list[0];
    has(
        got,
        "payload_bytes:number redelivered:bool exchange:string routing_key:string",
    );
    has(
        got,
        "message_count:number properties:object payload:string payload_encoding:string",
    );
    assert_eq!(got["payload"], "hello");
    assert_eq!(got["payload_encoding"], "string");
    assert_eq!(got["payload_bytes"], 5);
    assert_eq!(got["message_count"], 0);
    assert_eq!(got["routing_key"], "mg-pub-2");
    assert_eq!(got["properties"]["delivery_mode"], 2);
    assert_eq!(got["properties"]["content_type"], "text/plain");
    assert_eq!(
        got["properties"]["headers"],
        json!({"a": "b", "n": 7, "flag": true})
    );
    // It went back, and an AMQP client sees the same message.
    let got = w.get("mg-pub-2", true).unwrap();
    assert_eq!((&*got.body, got.redelivered), (&b"hello"[..], true));
    assert_eq!(got.properties.delivery_mode, Some(2));
    w.call(1, &queue::delete("mg-pub-2", 0), queue::DELETE_OK);
}

#[test]
fn an_unroutable_message_is_told_so() {
    let message = json!({
        "routing_key": "mg-nowhere", "payload": "x", "payload_encoding": "string", "properties": {},
    });
    assert_eq!(publish("amq.direct", &message), json!({"routed": false}));
}

#[test]
fn binary_payloads_travel_as_base64() {
    let mut w = shared().open();
    w.declare("mg-bin", queue::AUTO_DELETE);
    let message = json!({
        "routing_key": "mg-bin",
        "payload": "AP+A",
        "payload_encoding": "base64",
        "properties": {},
    });
    assert_eq!(publish("amq.default", &message), json!({"routed": true}));
    let got = &get("mg-bin", 1, "ack_requeue_true")[0];
    assert_eq!(got["payload"], "AP+A");
    assert_eq!(got["payload_encoding"], "base64");
    assert_eq!(got["payload_bytes"], 3);
    assert_eq!(w.get("mg-bin", true).unwrap().body, [0, 255, 128]);
    w.call(1, &queue::delete("mg-bin", 0), queue::DELETE_OK);
}

#[test]
fn ack_modes_keep_or_take_messages() {
    let mut w = shared().open();
    w.declare("mg-ack", queue::AUTO_DELETE);
    for body in ["a", "b", "c"] {
        w.enqueue("mg-ack", body);
    }
    w.expect_silence();
    let payloads = |list: &Value| -> Vec<String> {
        let items = list.as_array().unwrap().iter();
        items
            .map(|m| m["payload"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(payloads(&get("mg-ack", 2, "ack_requeue_true")), ["a", "b"]);
    assert_eq!(
        payloads(&get("mg-ack", 2, "reject_requeue_true")),
        ["a", "b"]
    );
    assert_eq!(payloads(&get("mg-ack", 1, "ack_requeue_false")), ["a"]);
    assert_eq!(payloads(&get("mg-ack", 1, "reject_requeue_false")), ["b"]);
    assert_eq!(payloads(&get("mg-ack", 9, "ack_requeue_false")), ["c"]);
    let nothing: [&str; 0] = [];
    assert_eq!(payloads(&get("mg-ack", 9, "ack_requeue_false")), nothing);
    w.call(1, &queue::delete("mg-ack", 0), queue::DELETE_OK);
}

#[test]
fn a_payload_is_cut_when_asked() {
    let mut w = shared().open();
    w.declare("mg-cut", queue::AUTO_DELETE);
    w.enqueue("mg-cut", "0123456789");
    w.expect_silence();
    let body =
        json!({"count": 1, "ackmode": "ack_requeue_false", "encoding": "auto", "truncate": 4});
    let got = shared()
        .http()
        .post("/queues/%2F/mg-cut/get", &body)
        .ok(200)
        .json();
    assert_eq!(got[0]["payload"], "0123");
    assert_eq!(got[0]["payload_bytes"], 10);
    w.call(1, &queue::delete("mg-cut", 0), queue::DELETE_OK);
}

#[test]
fn a_request_without_its_keys_is_400() {
    let mut w = shared().open();
    w.declare("mg-keys", queue::AUTO_DELETE);
    let http = shared().http();
    http.post("/queues/%2F/mg-keys/get", &json!({"count": 1}))
        .ok(400);
    http.post(
        "/exchanges/%2F/amq.default/publish",
        &json!({"routing_key": "mg-keys"}),
    )
    .ok(400);
    let odd = json!({
        "routing_key": "mg-keys", "payload": 7, "payload_encoding": "string", "properties": {},
    });
    http.post("/exchanges/%2F/amq.default/publish", &odd)
        .ok(400);
    let bad = json!({
        "routing_key": "mg-keys", "payload": "*", "payload_encoding": "base64", "properties": {},
    });
    http.post("/exchanges/%2F/amq.default/publish", &bad)
        .ok(400);
    let missing = json!({
        "routing_key": "k", "payload": "x", "payload_encoding": "string", "properties": {},
    });
    let status = http.post("/exchanges/%2F/missing/publish", &missing).status;
    assert!(status == 404 || status == 400, "{status}");
    w.call(1, &queue::delete("mg-keys", 0), queue::DELETE_OK);
}

#[test]
fn a_purge_empties_a_queue() {
    let mut w = shared().open();
    w.declare("mg-purge", queue::AUTO_DELETE);
    for _ in 0..5 {
        w.enqueue("mg-purge", "x");
    }
    w.expect_silence();
    shared()
        .http()
        .delete("/queues/%2F/mg-purge/contents")
        .ok(204);
    assert_eq!(w.depth("mg-purge"), (0, 0));
    w.call(1, &queue::delete("mg-purge", 0), queue::DELETE_OK);
}

#[test]
fn headers_of_amqp_messages_are_shown_as_json() {
    let mut w = shared().open();
    w.declare("mg-head", queue::AUTO_DELETE);
    let headers = Table::new()
        .str("s", "text")
        .long("n", 1 << 40)
        .bool("t", true)
        .strs("list", &["a", "b"])
        .table("inner", &Table::new().int("i", 1));
    let properties = Properties {
        headers: Some(headers),
        correlation_id: Some("c".into()),
        timestamp: Some(1_700_000_000),
        ..Properties::new()
    };
    w.publish(1, &basic::publish("", "mg-head", 0), &properties, "x");
    w.expect_silence();
    let got = &get("mg-head", 1, "ack_requeue_false")[0]["properties"];
    assert_eq!(
        got["headers"],
        json!({"s": "text", "n": 1u64 << 40, "t": true, "list": ["a", "b"], "inner": {"i": 1}})
    );
    assert_eq!(got["correlation_id"], "c");
    assert_eq!(got["timestamp"], 1_700_000_000);
    w.call(1, &queue::delete("mg-head", 0), queue::DELETE_OK);
}
