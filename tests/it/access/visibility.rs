//! What each tag may ask of the HTTP API, and what it sees.

use serde_json::json;
use tests::{Wire, shared, unique};

use super::{ALL, as_user, grant, names, user};

/// A user with this tag and all permissions on `/`.
fn tagged(tag: &str) -> String {
    let name = unique("acc-tag");
    user(shared(), &name, tag);
    grant(shared(), &name, "/", ALL);
    name
}

/// The status for everybody: no tag, management, policymaker, monitoring, administrator.
#[test]
fn each_tag_may_ask_for_its_part() {
    let users = [
        "",
        "management",
        "policymaker",
        "monitoring",
        "administrator",
    ]
    .map(tagged);
    for (path, expected) in [
        ("/overview", [401, 200, 200, 200, 200]),
        ("/whoami", [401, 200, 200, 200, 200]),
        ("/queues", [401, 200, 200, 200, 200]),
        ("/queues/%2F", [401, 200, 200, 200, 200]),
        ("/exchanges/%2F/amq.direct", [401, 200, 200, 200, 200]),
        ("/bindings/%2F", [401, 200, 200, 200, 200]),
        ("/connections", [401, 200, 200, 200, 200]),
        ("/channels", [401, 200, 200, 200, 200]),
        ("/consumers", [401, 200, 200, 200, 200]),
        ("/vhosts", [401, 200, 200, 200, 200]),
        ("/vhost-limits", [401, 200, 200, 200, 200]),
        ("/nodes", [401, 401, 401, 200, 200]),
        ("/users", [401, 401, 401, 401, 200]),
        ("/users/guest", [401, 401, 401, 401, 200]),
        ("/users/guest/permissions", [401, 401, 401, 401, 200]),
        ("/permissions", [401, 401, 401, 401, 200]),
        ("/permissions/%2F/guest", [401, 401, 401, 401, 200]),
        ("/topic-permissions", [401, 401, 401, 401, 200]),
        ("/vhosts/%2F/permissions", [401, 401, 401, 401, 200]),
        ("/user-limits", [401, 401, 401, 401, 200]),
        ("/auth/hash_password/x", [401, 401, 401, 401, 200]),
    ] {
        for (name, expected) in users.iter().zip(expected) {
            let answer = as_user(shared(), name).get(path);
            assert_eq!(answer.status, expected, "{path} as {name}");
        }
    }
    let reason = |name: &str, path: &str| as_user(shared(), name).get(path).ok(401).json();
    let said = reason(&users[0], "/overview");
    assert_eq!(
        said,
        json!({"error": "not_authorised", "reason": "Not management user"})
    );
    assert_eq!(reason(&users[1], "/nodes")["reason"], "Not monitor user");
    assert_eq!(
        reason(&users[3], "/users")["reason"],
        "Not administrator user"
    );
}

#[test]
fn only_administrators_change_users_and_virtual_hosts() {
    let monitor = as_user(shared(), &tagged("monitoring"));
    for path in [
        "/users/acc-x",
        "/vhosts/acc-x",
        "/permissions/%2F/guest",
        "/topic-permissions/%2F/guest",
        "/vhost-limits/%2F/max-queues",
        "/user-limits/guest/max-channels",
    ] {
        monitor.put(path, &json!({})).ok(401);
        monitor.delete(path).ok(401);
    }
    monitor
        .post("/users/bulk-delete", &json!({"users": ["guest"]}))
        .ok(401);
    monitor
        .post("/vhosts/%2F/deletion/protection", &json!({}))
        .ok(401);
}

#[test]
fn lists_show_what_the_user_may_see() {
    let (mine, other) = (unique("acc-mine"), unique("acc-other"));
    let admin = shared().http();
    for vhost in [&mine, &other] {
        admin.put(&format!("/vhosts/{vhost}"), &json!({})).ok(201);
        admin
            .put(
                &format!("/queues/{vhost}/{vhost}-q"),
                &json!({"durable": true}),
            )
            .ok(201);
    }
    let name = unique("acc-see");
    user(shared(), &name, "management");
    grant(shared(), &name, &mine, ALL);
    let http = as_user(shared(), &name);
    assert_eq!(names(&http.json("/vhosts")), [&*mine]);
    assert_eq!(names(&http.json("/queues")), [format!("{mine}-q")]);
    for path in ["queues", "exchanges", "bindings", "consumers"] {
        let answer = http.get(&format!("/{path}/{other}")).ok(401).json();
        assert_eq!(
            answer,
            json!({
                "error": "not_authorised",
                "reason": "User not authorised to access virtual host"
            }),
            "{path}"
        );
    }
    http.get(&format!("/vhosts/{other}")).ok(401);
    http.get(&format!("/vhosts/{mine}")).ok(200);
    // A monitor sees that there are others, but not what is in them.
    user(shared(), &format!("{name}-m"), "monitoring");
    let monitor = as_user(shared(), &format!("{name}-m"));
    let all = monitor.json("/vhosts");
    assert!(names(&all).contains(&&*mine) && names(&all).contains(&&*other));
    assert_eq!(monitor.json("/queues"), json!([]));
    monitor.get(&format!("/queues/{mine}")).ok(401);
}

#[test]
fn connections_of_others_are_seen_by_monitors_and_closed_by_administrators() {
    let (manager, monitor) = (tagged("management"), tagged("monitoring"));
    let mut w = Wire::open_as(shared().amqp(), (&manager, &manager), "/");
    let users = |list: serde_json::Value| -> Vec<String> {
        let items = list.as_array().unwrap().clone();
        let user = |item: &serde_json::Value| item["user"].as_str().unwrap().to_owned();
        items.iter().map(user).collect()
    };
    let seen = users(as_user(shared(), &manager).json("/connections"));
    assert_eq!(seen, [&*manager]);
    let seen = users(as_user(shared(), &monitor).json("/connections"));
    assert!(seen.contains(&manager));
    let path = format!("/connections/username/{manager}");
    as_user(shared(), &monitor).delete(&path).ok(401);
    w.expect_silence();
    as_user(shared(), &manager).delete(&path).ok(204);
    w.expect_connection_close(320, "CONNECTION_FORCED - Closed via management plugin");
}

#[test]
fn publishing_over_http_heeds_topic_permissions_and_names() {
    let name = tagged("management");
    let topic = json!({"exchange": "amq.topic", "write": "^a", "read": ""});
    let path = format!("/topic-permissions/%2F/{name}");
    shared().http().put(&path, &topic).ok(201);
    let publish = |key: &str, properties: serde_json::Value| {
        let body = json!({
            "routing_key": key, "properties": properties, "payload": "x",
            "payload_encoding": "string"
        });
        let http = as_user(shared(), &name);
        http.post("/exchanges/%2F/amq.topic/publish", &body).status
    };
    assert_eq!(publish("a", json!({})), 200);
    assert_eq!(publish("b", json!({})), 401);
    for header in ["CC", "BCC"] {
        assert_eq!(publish("a", json!({"headers": {header: ["a", "b"]}})), 401);
        assert_eq!(publish("a", json!({"headers": {header: ["a", "a2"]}})), 200);
    }
    assert_eq!(publish("a", json!({"user_id": name})), 200);
    assert_eq!(publish("a", json!({"user_id": "somebody"})), 400);
}

#[test]
fn declaring_publishing_and_getting_over_http_needs_permissions() {
    let name = unique("acc-http");
    user(shared(), &name, "management");
    grant(shared(), &name, "/", ["^acc-may", "", ""]);
    let (http, admin) = (as_user(shared(), &name), shared().http());
    let queue = unique("acc-may");
    http.put(&format!("/queues/%2F/{queue}"), &json!({"durable": true}))
        .ok(201);
    let refused = json!({"error": "not_authorised", "reason": "Access refused."});
    let publish = json!({
        "routing_key": queue, "properties": {}, "payload": "x", "payload_encoding": "string"
    });
    let get = json!({"count": 1, "ackmode": "ack_requeue_false", "encoding": "auto"});
    for answer in [
        http.put("/queues/%2F/acc-not", &json!({"durable": true})),
        http.put("/exchanges/%2F/acc-not", &json!({"type": "direct"})),
        http.post("/exchanges/%2F/amq.default/publish", &publish),
        http.post(&format!("/queues/%2F/{queue}/get"), &get),
        http.delete(&format!("/queues/%2F/{queue}/contents")),
        http.post(&format!("/bindings/%2F/e/amq.direct/q/{queue}"), &json!({})),
    ] {
        assert_eq!(answer.ok(401).json(), refused);
    }
    admin.put("/queues/%2F/acc-theirs", &json!({"durable": true}));
    http.delete("/queues/%2F/acc-theirs").ok(401);
    http.delete(&format!("/queues/%2F/{queue}")).ok(204);
}
