//! Users, permissions and limits, by AMQP and HTTP.

mod limits;
mod logins;
mod operations;
mod restart;
mod users;
mod vhosts;
mod visibility;

use serde_json::{Value, json};
use tests::{Broker, Http, Wire, http::segment, unique};

/// Everything.
const ALL: [&str; 3] = [".*", ".*", ".*"];

/// Creates a user who has its name as password.
fn user(broker: &Broker, name: &str, tags: &str) {
    let body = json!({"password": name, "tags": tags});
    let answer = broker
        .http()
        .put(&format!("/users/{}", segment(name)), &body);
    answer.ok(201);
}

/// Sets configure, write and read.
fn grant(broker: &Broker, name: &str, vhost: &str, permission: [&str; 3]) {
    let path = format!("/permissions/{}/{}", segment(vhost), segment(name));
    let [configure, write, read] = permission;
    let body = json!({"configure": configure, "write": write, "read": read});
    let status = broker.http().put(&path, &body).status;
    assert!(status == 201 || status == 204, "{status}");
}

/// A new user with these permissions on `/`.
fn granted(broker: &Broker, permission: [&str; 3]) -> String {
    let name = unique("acc-user");
    user(broker, &name, "");
    grant(broker, &name, "/", permission);
    name
}

/// The HTTP API as somebody whose password is its name.
fn as_user(broker: &Broker, name: &str) -> Http {
    broker.http().login(name, name)
}

/// A connection of somebody whose password is its name, with channel 1 open.
#[track_caller]
fn open(broker: &Broker, name: &str) -> Wire {
    Wire::open_as(broker.amqp(), (name, name), "/")
}

/// The names of a list.
fn names(list: &Value) -> Vec<&str> {
    let items = list.as_array().unwrap();
    items
        .iter()
        .map(|item| item["name"].as_str().unwrap())
        .collect()
}
