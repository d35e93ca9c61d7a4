//! Users, permissions, limits and virtual hosts after a restart and after SIGKILL.

use serde_json::{Value, json};
use tests::{Broker, Wire};

use super::{as_user, grant, user};

/// Everything that is to be there again.
fn everything(broker: &Broker) -> Vec<Value> {
    let paths = [
        "/users",
        "/permissions",
        "/topic-permissions",
        "/vhost-limits",
        "/user-limits",
        "/vhosts?columns=name,description,tags,default_queue_type,protected_from_deletion,tracing",
    ];
    paths
        .iter()
        .map(|path| as_user(broker, "admin").json(path))
        .collect()
}

fn set_up(broker: &Broker) {
    let http = broker.http();
    let vhost = json!({
        "description": "d", "tags": "x,y", "default_queue_type": "quorum",
        "protected_from_deletion": true, "tracing": true
    });
    http.put("/vhosts/v", &vhost).ok(201);
    http.put("/vhosts/gone", &json!({})).ok(201);
    user(broker, "admin", "administrator");
    user(broker, "u", "management,mine");
    user(broker, "gone", "");
    grant(broker, "u", "v", ["^c", "^w", "^r"]);
    grant(broker, "u", "gone", ["^c", "^w", "^r"]);
    let topic = json!({"exchange": "amq.topic", "write": "^{username}", "read": ""});
    http.put("/topic-permissions/v/u", &topic).ok(201);
    for (path, value) in [
        ("/vhost-limits/v/max-queues", 3),
        ("/vhost-limits/v/max-connections", 0),
        ("/user-limits/u/max-channels", 4),
    ] {
        http.put(path, &json!({"value": value})).ok(204);
    }
    http.delete("/vhosts/gone").ok(204);
    http.delete("/users/gone").ok(204);
    http.delete("/users/guest").ok(204);
}

#[track_caller]
fn check(broker: &Broker, before: &[Value]) {
    assert_eq!(everything(broker), before);
    // The default user does not come back.
    broker.http().get("/whoami").ok(401);
    as_user(broker, "u").get("/whoami").ok(200);
    let mut w = Wire::ask_to_open(broker.amqp(), ("u", "u"), "v");
    w.expect_connection_close(
        530,
        "NOT_ALLOWED - access to vhost 'v' refused for user 'u': connection limit (0) is reached",
    );
}

#[test]
fn all_of_it_survives_a_clean_restart() {
    let mut broker = Broker::start();
    set_up(&broker);
    let before = everything(&broker);
    broker.terminate();
    broker.restart();
    check(&broker, &before);
}

#[test]
fn all_of_it_survives_sigkill() {
    let mut broker = Broker::start();
    set_up(&broker);
    let before = everything(&broker);
    broker.kill();
    broker.restart();
    check(&broker, &before);
}
