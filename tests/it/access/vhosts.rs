//! Virtual hosts and what is known of them.

use serde_json::json;
use tests::{Wire, shared, unique, wire::queue};

#[test]
fn properties_of_a_virtual_host_are_kept() {
    let (http, name) = (shared().http(), unique("acc-v"));
    let path = format!("/vhosts/{name}");
    let body = json!({
        "description": "mine", "tags": "a,b", "default_queue_type": "quorum", "tracing": true
    });
    http.put(&path, &body).ok(201);
    let shown = http.json(&path);
    assert_eq!(shown["description"], "mine");
    assert_eq!(shown["tags"], json!(["a", "b"]));
    assert_eq!(shown["default_queue_type"], "quorum");
    assert_eq!(shown["metadata"]["description"], "mine");
    assert_eq!(shown["metadata"]["tags"], json!(["a", "b"]));
    assert_eq!(shown["tracing"], true);
    assert_eq!(shown["protected_from_deletion"], false);
    // What is not named stays.
    http.put(&path, &json!({"tags": ["c"], "tracing": false}))
        .ok(204);
    let shown = http.json(&path);
    assert_eq!(shown["description"], "mine");
    assert_eq!(shown["tags"], json!(["c"]));
    assert_eq!(shown["tracing"], false);
}

#[test]
fn unknown_and_empty_default_queue_types_are_400() {
    let http = shared().http();
    for kind in ["", "fast"] {
        let body = json!({"default_queue_type": kind});
        http.put("/vhosts/acc-wrong", &body).ok(400);
    }
    http.get("/vhosts/acc-wrong").ok(404);
}

#[test]
fn queues_get_the_default_type_of_their_virtual_host_if_they_can() {
    let (http, name) = (shared().http(), unique("acc-dqt"));
    let body = json!({"default_queue_type": "quorum"});
    http.put(&format!("/vhosts/{name}"), &body).ok(201);
    let mut w = Wire::open_as(shared().amqp(), ("guest", "guest"), &name);
    w.declare("durable", queue::DURABLE);
    w.declare("exclusive", queue::DURABLE | queue::EXCLUSIVE);
    w.declare("transient", 0);
    for (queue, kind) in [
        ("durable", "quorum"),
        ("exclusive", "classic"),
        ("transient", "classic"),
    ] {
        let shown = http.json(&format!("/queues/{name}/{queue}"));
        assert_eq!(shown["arguments"]["x-queue-type"], kind, "{queue}");
    }
}

#[test]
fn who_creates_a_virtual_host_may_use_it() {
    let name = unique("acc-own");
    shared()
        .http()
        .put(&format!("/vhosts/{name}"), &json!({}))
        .ok(201);
    let rows = shared().http().json(&format!("/vhosts/{name}/permissions"));
    assert_eq!(
        rows,
        json!([{"user": "guest", "vhost": name, "configure": ".*", "write": ".*", "read": ".*"}])
    );
}

#[test]
fn a_protected_virtual_host_is_deleted_only_once_it_is_not() {
    let (http, name) = (shared().http(), unique("acc-keep"));
    let path = format!("/vhosts/{name}");
    http.put(&path, &json!({})).ok(201);
    http.post(&format!("{path}/deletion/protection"), &json!({}))
        .ok(204);
    assert_eq!(http.json(&path)["protected_from_deletion"], true);
    let body = http.delete(&path).ok(412).json();
    assert_eq!(body["error"], "precondition_failed");
    http.delete(&format!("{path}/deletion/protection")).ok(204);
    http.delete(&path).ok(204);
    http.post("/vhosts/acc-gone/deletion/protection", &json!({}))
        .ok(404);
}

#[test]
fn deleting_a_virtual_host_closes_its_connections() {
    let name = unique("acc-del");
    shared()
        .http()
        .put(&format!("/vhosts/{name}"), &json!({}))
        .ok(201);
    let mut w = Wire::open_as(shared().amqp(), ("guest", "guest"), &name);
    shared().http().delete(&format!("/vhosts/{name}")).ok(204);
    w.expect_connection_close(
        320,
        &format!("CONNECTION_FORCED - vhost '{name}' is deleted"),
    );
    let rows = shared().http().json("/permissions");
    assert!(
        rows.as_array()
            .unwrap()
            .iter()
            .all(|row| row["vhost"] != *name)
    );
}

#[test]
fn a_virtual_host_is_started_on_its_node_only() {
    let http = shared().http();
    let node = http.json("/overview")["node"].as_str().unwrap().to_owned();
    http.post(&format!("/vhosts/%2F/start/{node}"), &json!({}))
        .ok(204);
    http.post("/vhosts/%2F/start/elsewhere", &json!({})).ok(404);
}
