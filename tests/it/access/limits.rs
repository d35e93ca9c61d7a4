//! Limits of virtual hosts, users and the node.

use serde_json::json;
use tests::{
    Broker, Launch, Wire, eventually, shared, unique,
    wire::{Table, channel, connection, exchange, queue},
};

use super::{ALL, grant, granted, open, user};

/// Sets a limit.
fn limit(broker: &Broker, path: &str, value: i64) {
    broker.http().put(path, &json!({"value": value})).ok(204);
}

/// A virtual host that a new user may use; returns both names.
fn place(broker: &Broker) -> (String, String) {
    let (vhost, name) = (unique("acc-v"), unique("acc-u"));
    broker
        .http()
        .put(&format!("/vhosts/{vhost}"), &json!({}))
        .ok(201);
    user(broker, &name, "");
    grant(broker, &name, &vhost, ALL);
    (vhost, name)
}

/// Opens a connection that has to be refused.
#[track_caller]
fn refused(broker: &Broker, name: &str, vhost: &str, text: &str) {
    let mut w = Wire::ask_to_open(broker.amqp(), (name, name), vhost);
    w.expect_connection_close(530, text);
}

/// Opens a connection, as soon as those that were closed are gone.
fn opened_at_last(broker: &Broker, name: &str, vhost: &str) -> Wire {
    eventually("room for a connection", || {
        let mut w = Wire::ask_to_open(broker.amqp(), (name, name), vhost);
        (w.method(0).id == connection::OPEN_OK).then_some(w)
    })
}

#[test]
fn a_virtual_host_takes_no_more_connections_than_its_limit() {
    let (vhost, name) = place(shared());
    let path = format!("/vhost-limits/{vhost}/max-connections");
    limit(shared(), &path, 1);
    let w = Wire::open_as(shared().amqp(), (&name, &name), &vhost);
    let text = format!(
        "NOT_ALLOWED - access to vhost '{vhost}' refused for user '{name}': connection limit (1) is reached"
    );
    refused(shared(), &name, &vhost, &text);
    drop(w);
    drop(opened_at_last(shared(), &name, &vhost));
    limit(shared(), &path, 0);
    let text = text.replace("(1)", "(0)");
    refused(shared(), &name, &vhost, &text);
    limit(shared(), &path, -1);
    let some: Vec<Wire> = (0..3)
        .map(|_| Wire::open_as(shared().amqp(), (&name, &name), &vhost))
        .collect();
    assert_eq!(some.len(), 3);
    shared().http().delete(&path).ok(204);
}

#[test]
fn a_user_opens_no_more_connections_than_the_limit() {
    let name = granted(shared(), ALL);
    let path = format!("/user-limits/{name}/max-connections");
    limit(shared(), &path, 2);
    let first = open(shared(), &name);
    let _second = open(shared(), &name);
    let text = format!(
        "NOT_ALLOWED - connection refused for user '{name}': user connection limit (2) is reached"
    );
    refused(shared(), &name, "/", &text);
    drop(first);
    let _third = opened_at_last(shared(), &name, "/");
    shared().http().delete(&path).ok(204);
    drop(open(shared(), &name));
}

#[test]
fn a_user_opens_no_more_channels_than_the_limit() {
    let name = granted(shared(), ALL);
    limit(shared(), &format!("/user-limits/{name}/max-channels"), 3);
    let mut one = open(shared(), &name);
    let mut other = open(shared(), &name);
    one.open_channel(2);
    other.send(2, &channel::open());
    other.expect_connection_close(
        530,
        &format!(
            "NOT_ALLOWED - number of channels opened for user '{name}' has reached the maximum allowed user limit of 3"
        ),
    );
    // That connection's channel is free again, and a closed one, too.
    eventually("room for a channel", || {
        let mut w = Wire::ask_to_open(shared().amqp(), (&name, &name), "/");
        w.expect(0, connection::OPEN_OK);
        w.send(1, &channel::open());
        w.send(0, &connection::close());
        loop {
            let (on, frame) = w.frame();
            let tests::wire::Frame::Method(method) = frame else {
                continue;
            };
            match method.id {
                channel::OPEN_OK => return Some(()),
                connection::CLOSE => return None,
                _ => assert_eq!(on, 0),
            }
        }
    });
    one.call(2, &channel::close(), channel::CLOSE_OK);
    one.open_channel(3);
}

#[test]
fn counts_return_to_zero_however_connections_end() {
    let (vhost, name) = place(shared());
    limit(
        shared(),
        &format!("/vhost-limits/{vhost}/max-connections"),
        8,
    );
    limit(shared(), &format!("/user-limits/{name}/max-connections"), 8);
    limit(shared(), &format!("/user-limits/{name}/max-channels"), 16);
    for round in 0..6 {
        let mut some: Vec<Wire> = Vec::new();
        for _ in 0..8 {
            let mut w = opened_at_last(shared(), &name, &vhost);
            eventually("room for channels", || {
                w.send(1, &channel::open());
                w.send(2, &channel::open());
                (w.method(1).id == channel::OPEN_OK && w.method(2).id == channel::OPEN_OK)
                    .then_some(())
            });
            some.push(w);
        }
        for (at, mut w) in some.into_iter().enumerate() {
            match (at + round) % 4 {
                // Properly, cut off, by an error of a channel, by an error of the connection.
                0 => {
                    w.call(0, &connection::close(), connection::CLOSE_OK);
                }
                1 => drop(w),
                2 => {
                    w.send(1, &queue::purge("acc-gone"));
                    w.expect_channel_close(1, 404, "NOT_FOUND…");
                }
                _ => {
                    w.send(9, &channel::flow(true));
                    w.expect_connection_close(504, "CHANNEL_ERROR");
                }
            }
        }
        // What is left over must not hold a place for the next round.
        eventually("connections to end", || {
            let path = format!("/connections/username/{name}");
            let left = shared().http().json(&path);
            left.as_array().unwrap().is_empty().then_some(())
        });
    }
}

#[test]
fn a_virtual_host_holds_no_more_queues_than_its_limit() {
    let (vhost, name) = place(shared());
    limit(shared(), &format!("/vhost-limits/{vhost}/max-queues"), 1);
    let mut w = Wire::open_as(shared().amqp(), (&name, &name), &vhost);
    w.declare("one", 0);
    w.declare("one", 0);
    w.send(1, &queue::declare("two", 0, &Table::new()));
    let text = format!(
        "PRECONDITION_FAILED - cannot declare queue 'two': queue limit in vhost '{vhost}' (1) is reached"
    );
    w.expect_channel_close(1, 406, &text);
    w.call(1, &queue::delete("one", 0), queue::DELETE_OK);
    w.declare("two", 0);
}

#[test]
fn the_node_takes_no_more_connections_and_channels_than_its_limits() {
    let lines = "connection_max = 2\nchannel_max_per_node = 3\n";
    let broker = Launch::default().config(lines).start();
    let mut one = broker.open();
    let _other = broker.open();
    refused(
        &broker,
        "guest",
        "/",
        "NOT_ALLOWED - connection refused: node connection limit (2) is reached",
    );
    one.open_channel(2);
    one.send(3, &channel::open());
    one.expect_connection_close(530, "NOT_ALLOWED - number of channels opened on node '");
}

#[test]
fn limits_are_listed() {
    let (vhost, name) = place(shared());
    let http = shared().http();
    let vhost_path = format!("/vhost-limits/{vhost}");
    assert_eq!(http.json(&vhost_path), json!([]));
    limit(shared(), &format!("{vhost_path}/max-queues"), 5);
    let row = json!({"vhost": vhost, "value": {"max-queues": 5}});
    assert_eq!(http.json(&vhost_path), json!([row]));
    assert!(
        http.json("/vhost-limits")
            .as_array()
            .unwrap()
            .contains(&row)
    );
    let user_path = format!("/user-limits/{name}");
    limit(shared(), &format!("{user_path}/max-channels"), 7);
    let row = json!({"user": name, "value": {"max-channels": 7}});
    assert_eq!(http.json(&user_path), json!([row]));
    assert!(http.json("/user-limits").as_array().unwrap().contains(&row));
    let shown = http.json(&format!("/users/{name}"));
    assert_eq!(shown["limits"], json!({"max-channels": 7}));
    http.delete(&format!("{user_path}/max-channels")).ok(204);
    assert_eq!(http.json(&user_path), json!([]));
}

#[test]
fn wrong_limits_are_refused() {
    let http = shared().http();
    for (path, body, status) in [
        ("/vhost-limits/%2F/max-cars", json!({"value": 1}), 400),
        ("/vhost-limits/%2F/max-queues", json!({"value": "x"}), 400),
        ("/vhost-limits/%2F/max-queues", json!({}), 400),
        ("/vhost-limits/nowhere/max-queues", json!({"value": 1}), 404),
        ("/user-limits/guest/max-cars", json!({"value": 1}), 400),
        ("/user-limits/nobody/max-channels", json!({"value": 1}), 404),
    ] {
        assert_eq!(http.put(path, &body).status, status, "{path} {body}");
    }
}

#[test]
fn the_node_holds_no_more_queues_and_exchanges_than_its_limits() {
    // Eight exchanges are there from the beginning: seven, and that of events.
    let lines = "cluster_queue_limit = 1\ncluster_exchange_limit = 9\n";
    let broker = Launch::default().config(lines).start();
    let mut w = broker.open();
    w.declare("one", 0);
    w.declare("one", 0);
    w.send(1, &queue::declare("two", 0, &Table::new()));
    w.expect_channel_close(
        1,
        406,
        "PRECONDITION_FAILED - cannot declare queue 'two': queue limit in cluster (1) is reached",
    );
    w.declare_exchange("one", "fanout", 0, &Table::new());
    w.send(1, &exchange::declare("two", "fanout", 0, &Table::new()));
    w.expect_channel_close(
        1,
        406,
        "PRECONDITION_FAILED - cannot declare exchange 'two' in vhost '/': exchange limit of 9 is reached",
    );
}
