//! The firehose: copies of what is published and delivered (`amq.rabbitmq.trace`).

use serde_json::json;
use tests::{
    Broker,
    wire::{Properties, Table, Value, Wire, basic, lookup, queue},
};

/// A connection with queue `trace` bound to everything that is traced, and queue `q`.
fn traced(broker: &Broker, on: bool) -> Wire {
    broker
        .http()
        .put("/vhosts/%2F", &json!({ "tracing": on }))
        .ok(204);
    let mut w = broker.open();
    w.declare("trace", queue::EXCLUSIVE);
    w.bind("trace", "amq.rabbitmq.trace", "#");
    w.declare("q", queue::EXCLUSIVE);
    w
}

fn text<'a>(headers: &'a [(String, Value)], name: &str) -> &'a str {
    match find(headers, name) {
        Value::Str(text) => text,
        other => panic!("{name}: {other:?}"),
    }
}

fn find<'a>(headers: &'a [(String, Value)], name: &str) -> &'a Value {
    lookup(headers, name).unwrap_or_else(|| panic!("no {name} in {headers:?}"))
}

#[test]
fn a_published_message_is_copied_with_its_properties_and_routes() {
    let broker = Broker::start();
    let mut w = traced(&broker, true);
    let properties = Properties {
        content_type: Some("text/plain".to_owned()),
        priority: Some(3),
        headers: Some(Table::new().str("mine", "yes").strs("CC", &["also"])),
        ..Properties::persistent()
    };
    w.publish(1, &basic::publish("", "q", 0), &properties, "body");
    let copy = w.get("trace", true).unwrap();
    assert_eq!(
        (&*copy.exchange, &*copy.key),
        ("amq.rabbitmq.trace", "publish.")
    );
    assert_eq!(copy.body, b"body");
    let headers = copy.properties.header_entries();
    assert_eq!(text(&headers, "exchange_name"), "");
    let both = vec![Value::from("q"), Value::from("also")];
    assert_eq!(find(&headers, "routing_keys"), &Value::Array(both));
    let queues = vec![Value::from("q")];
    assert_eq!(find(&headers, "routed_queues"), &Value::Array(queues));
    assert_eq!(text(&headers, "vhost"), "/");
    assert_eq!(text(&headers, "user"), "guest");
    assert_eq!(find(&headers, "channel"), &Value::Int(1));
    let connection = text(&headers, "connection");
    assert!(
        connection.starts_with(&format!("{} -> ", w.local())),
        "{connection}"
    );
    assert!(text(&headers, "node").contains('@'));
    let Value::Table(properties) = find(&headers, "properties") else {
        panic!("properties");
    };
    assert_eq!(text(properties, "content_type"), "text/plain");
    assert_eq!(find(properties, "delivery_mode"), &Value::Int(2));
    assert_eq!(find(properties, "priority"), &Value::Int(3));
    let Value::Table(theirs) = find(properties, "headers") else {
        panic!("headers");
    };
    assert_eq!(text(theirs, "mine"), "yes");
}

#[test]
fn deliveries_and_gets_are_copied_and_traces_themselves_are_not() {
    let broker = Broker::start();
    let mut w = traced(&broker, true);
    w.enqueue("q", "one");
    w.consume("q", "c", 0);
    assert_eq!(w.bodies(1), ["one"]);
    w.call(1, &basic::recover(true), basic::RECOVER_OK);
    assert!(w.delivery(1).redelivered);
    let mut keys = Vec::new();
    while let Some(copy) = w.get("trace", true) {
        let headers = copy.properties.header_entries();
        let redelivered = lookup(&headers, "redelivered").cloned();
        assert_eq!(copy.body, b"one");
        keys.push((copy.key, redelivered));
    }
    let deliver = "deliver.q".to_owned();
    let expected = [
        ("publish.".to_owned(), None),
        (deliver.clone(), Some(Value::Int(0))),
        (deliver, Some(Value::Int(1))),
    ];
    assert_eq!(keys, expected);
}

#[test]
fn unroutable_and_transactional_publishes_are_copied_too() {
    let broker = Broker::start();
    let mut w = traced(&broker, true);
    w.publish(
        1,
        &basic::publish("amq.topic", "no.where", 0),
        &Properties::new(),
        "lost",
    );
    let copy = w.get("trace", true).unwrap();
    assert_eq!(
        (&*copy.key, &*copy.body),
        ("publish.amq.topic", &b"lost"[..])
    );
    let headers = copy.properties.header_entries();
    assert_eq!(find(&headers, "routed_queues"), &Value::Array(vec![]));
    w.call(1, &tests::wire::tx::select(), tests::wire::tx::SELECT_OK);
    w.enqueue("q", "later");
    assert!(w.get("trace", true).is_none());
    w.call(1, &tests::wire::tx::commit(), tests::wire::tx::COMMIT_OK);
    assert_eq!(w.get("trace", true).unwrap().body, b"later");
}

#[test]
fn nothing_is_copied_while_tracing_is_off() {
    let broker = Broker::start();
    let mut w = traced(&broker, false);
    w.enqueue("q", "one");
    assert_eq!(w.drain("q"), ["one"]);
    assert!(w.get("trace", true).is_none());
    let http = broker.http();
    assert_eq!(http.get("/vhosts/%2F").ok(200).json()["tracing"], false);
    http.put("/vhosts/%2F", &json!({ "tracing": true })).ok(204);
    assert_eq!(http.get("/vhosts/%2F").ok(200).json()["tracing"], true);
    w.enqueue("q", "two");
    assert_eq!(w.get("trace", true).unwrap().body, b"two");
}
