//! Declaring and deleting queues, exchanges and bindings over HTTP.

use serde_json::json;
use tests::{eventually, http::segment, shared, wire::queue};

use super::{has, named};

#[test]
fn a_queue_is_put_got_and_deleted() {
    let http = shared().http();
    let durable = json!({"durable": true, "auto_delete": false, "arguments": {"x-note": "n"}});
    http.put("/queues/%2F/mg-q", &durable).ok(201);
    http.put("/queues/%2F/mg-q", &durable).ok(204);
    let queue = http.json("/queues/%2F/mg-q");
    assert_eq!(queue["name"], "mg-q");
    assert_eq!(queue["vhost"], "/");
    assert_eq!(queue["durable"], true);
    assert_eq!(queue["auto_delete"], false);
    assert_eq!(queue["exclusive"], false);
    assert_eq!(queue["type"], "classic");
    assert_eq!(queue["arguments"]["x-note"], "n");
    assert_eq!(queue["arguments"]["x-queue-type"], "classic");
    // Other properties than it has: the text of the AMQP error.
    let answer = http
        .put("/queues/%2F/mg-q", &json!({"durable": false}))
        .ok(400);
    let body = answer.json();
    assert_eq!(body["error"], "bad_request");
    let reason = body["reason"].as_str().unwrap();
    assert!(
        reason.contains("inequivalent arg 'durable' for queue 'mg-q' in vhost '/'"),
        "{reason}"
    );
    http.delete("/queues/%2F/mg-q").ok(204);
    http.delete("/queues/%2F/mg-q").ok(404);
    http.get("/queues/%2F/mg-q").ok(404);
}

#[test]
fn a_queue_may_be_put_with_an_empty_body() {
    let http = shared().http();
    for body in ["", "null", "{}"] {
        let path = "/api/queues/%2F/mg-empty";
        http.request("PUT", path, Some(body)).ok(201);
        http.request("DELETE", path, None).ok(204);
    }
}

#[test]
fn names_are_percent_encoded() {
    let http = shared().http();
    for name in ["mg a/b", "mg ü%2F?#&+", "mg+plus", "mg'quote\""] {
        let path = format!("/queues/%2F/{}", segment(name));
        http.put(&path, &json!({"durable": true})).ok(201);
        assert_eq!(http.json(&path)["name"], name);
        assert_eq!(shared().open().depth(name), (0, 0));
        http.delete(&path).ok(204);
    }
}

#[test]
fn conditions_of_delete_are_checked() {
    let http = shared().http();
    let mut w = shared().open();
    w.declare("mg-cond", queue::DURABLE);
    w.enqueue("mg-cond", "x");
    w.expect_silence();
    http.delete("/queues/%2F/mg-cond?if-empty=true").ok(400);
    w.consume("mg-cond", "c", 0);
    w.delivery(1);
    http.delete("/queues/%2F/mg-cond?if-unused=true").ok(400);
    http.delete("/queues/%2F/mg-cond").ok(204);
}

#[test]
fn an_exclusive_queue_is_not_for_http() {
    let mut w = shared().open();
    w.declare("mg-excl", queue::EXCLUSIVE);
    let http = shared().http();
    let queue = eventually("the owner to be shown", || {
        let queue = http.json("/queues/%2F/mg-excl");
        queue["owner_pid_details"]["name"]
            .is_string()
            .then_some(queue)
    });
    assert_eq!(queue["exclusive"], true);
    assert_eq!(queue["durable"], false);
    let owner = &queue["owner_pid_details"];
    has(owner, "name:string peer_host:string peer_port:number");
    assert_eq!(owner["peer_port"], w.local().port());
    http.delete("/queues/%2F/mg-excl").ok(400);
}

#[test]
fn an_exchange_is_put_got_and_deleted() {
    let http = shared().http();
    let body = json!({"type": "topic", "durable": true, "arguments": {"a": 1}});
    http.put("/exchanges/%2F/mg-x", &body).ok(201);
    http.put("/exchanges/%2F/mg-x", &body).ok(204);
    let exchange = http.json("/exchanges/%2F/mg-x");
    assert_eq!(exchange["type"], "topic");
    assert_eq!(exchange["durable"], true);
    assert_eq!(exchange["auto_delete"], false);
    assert_eq!(exchange["internal"], false);
    assert_eq!(exchange["arguments"], json!({"a": 1}));
    http.put(
        "/exchanges/%2F/mg-x",
        &json!({"type": "direct", "durable": true}),
    )
    .ok(400);
    http.put("/exchanges/%2F/mg-y", &json!({"type": "nonsense"}))
        .ok(400);
    http.delete("/exchanges/%2F/mg-x").ok(204);
    http.delete("/exchanges/%2F/mg-x").ok(404);
}

#[test]
fn reserved_names_are_refused_as_401() {
    let http = shared().http();
    http.put("/exchanges/%2F/amq.mine", &json!({"type": "direct"}))
        .ok(401);
    http.put("/queues/%2F/amq.mine", &json!({"durable": true}))
        .ok(401);
    http.delete("/exchanges/%2F/amq.direct").ok(401);
}

#[test]
fn the_standard_exchanges_are_listed() {
    let list = shared().http().json("/exchanges/%2F");
    for (name, kind) in [
        ("", "direct"),
        ("amq.direct", "direct"),
        ("amq.fanout", "fanout"),
        ("amq.topic", "topic"),
        ("amq.headers", "headers"),
        ("amq.match", "headers"),
    ] {
        let exchange = named(&list, name);
        assert_eq!(exchange["type"], kind, "{name}");
        assert_eq!(exchange["durable"], true, "{name}");
        has(
            exchange,
            "vhost:string auto_delete:bool internal:bool arguments:object",
        );
    }
    assert_eq!(
        shared().http().json("/exchanges/%2F/amq.default")["name"],
        ""
    );
}

#[test]
fn a_binding_is_posted_found_and_deleted() {
    let http = shared().http();
    http.put("/queues/%2F/mg-bind", &json!({"durable": true}))
        .ok(201);
    http.put(
        "/exchanges/%2F/mg-bind-x",
        &json!({"type": "direct", "durable": true}),
    )
    .ok(201);
    let base = "/bindings/%2F/e/mg-bind-x/q/mg-bind";
    let answer = http
        .post(base, &json!({"routing_key": "a.key", "arguments": {}}))
        .ok(201);
    let location = answer.header("location").unwrap();
    assert_eq!(
        location.rsplit_once('/').map_or(location, |(_, last)| last),
        "a.key"
    );
    http.post(base, &json!({"routing_key": ""})).ok(201);
    let with_arguments = json!({"routing_key": "a.key", "arguments": {"x": "y"}});
    http.post(base, &with_arguments).ok(201);

    let list = http.json(base);
    let list = list.as_array().unwrap();
    assert_eq!(list.len(), 3);
    for binding in list {
        has(
            binding,
            "source:string vhost:string destination:string destination_type:string",
        );
        has(
            binding,
            "routing_key:string arguments:object properties_key:string",
        );
        assert_eq!(binding["destination_type"], "queue");
    }
    let keys: Vec<&str> = list
        .iter()
        .map(|b| b["properties_key"].as_str().unwrap())
        .collect();
    assert!(keys.contains(&"a.key") && keys.contains(&"~"), "{keys:?}");

    http.get(&format!("{base}/a.key")).ok(200);
    http.delete(&format!("{base}/a.key")).ok(204);
    http.delete(&format!("{base}/a.key")).ok(404);
    http.delete(&format!("{base}/~")).ok(204);
    assert_eq!(http.json(base).as_array().unwrap().len(), 1);
    // The implicit binding of the default exchange is listed with the queue's own.
    let of_queue = http.json("/queues/%2F/mg-bind/bindings");
    let sources: Vec<&str> = of_queue
        .as_array()
        .unwrap()
        .iter()
        .map(|b| b["source"].as_str().unwrap())
        .collect();
    assert!(
        sources.contains(&"") && sources.contains(&"mg-bind-x"),
        "{sources:?}"
    );
    let from = http.json("/exchanges/%2F/mg-bind-x/bindings/source");
    assert_eq!(from.as_array().unwrap().len(), 1);
    http.delete("/queues/%2F/mg-bind").ok(204);
    http.delete("/exchanges/%2F/mg-bind-x").ok(204);
}

#[test]
fn exchanges_are_bound_to_exchanges() {
    let http = shared().http();
    http.put("/exchanges/%2F/mg-e2e", &json!({"type": "fanout"}))
        .ok(201);
    let base = "/bindings/%2F/e/amq.topic/e/mg-e2e";
    http.post(base, &json!({"routing_key": "mg.#"})).ok(201);
    let list = http.json(base);
    assert_eq!(list[0]["destination_type"], "exchange");
    assert_eq!(list[0]["routing_key"], "mg.#");
    let into = http.json("/exchanges/%2F/mg-e2e/bindings/destination");
    assert_eq!(into[0]["source"], "amq.topic");
    http.delete("/exchanges/%2F/mg-e2e").ok(204);
    let gone = http.get(base);
    assert!(gone.status == 404 || gone.json() == json!([]), "{gone:?}");
}
