//! The event exchange `amq.rabbitmq.event`.

use std::collections::BTreeMap;

use tests::{
    Broker, Launch, eventually, shared,
    wire::{Properties, Table, Value, Wire, basic, exchange, queue},
};

/// A connection with a queue that gets the events of these keys.
fn listening(broker: &Broker, keys: &[&str]) -> Wire {
    let mut w = broker.open();
    w.declare("events", queue::EXCLUSIVE);
    for key in keys {
        w.bind("events", "amq.rabbitmq.event", key);
    }
    w
}

/// The next event: its name and what it says.
#[track_caller]
fn next(w: &mut Wire) -> (String, BTreeMap<String, Value>) {
    let got = eventually("an event", || w.get("events", true));
    assert_eq!(got.exchange, "amq.rabbitmq.event");
    assert_eq!(got.body, b"");
    assert_eq!(got.properties.delivery_mode, Some(2));
    let headers: BTreeMap<_, _> = got.properties.header_entries().into_iter().collect();
    let Some(Value::Int(ms)) = headers.get("timestamp_in_ms") else {
        panic!("{headers:?}");
    };
    assert_eq!(got.properties.timestamp, Some(ms.cast_unsigned() / 1000));
    (got.key, headers)
}

/// The next event must be this one and say this.
#[track_caller]
fn expect(w: &mut Wire, name: &str, facts: &[(&str, Value)]) {
    let (key, headers) = next(w);
    assert_eq!(key, name, "{headers:?}");
    for (fact, value) in facts {
        assert_eq!(
            headers.get(*fact),
            Some(value),
            "{fact} of {name}: {headers:?}"
        );
    }
}

#[test]
fn the_exchange_is_an_internal_topic_exchange_of_the_default_vhost() {
    let it = shared().http().json("/exchanges/%2F/amq.rabbitmq.event");
    assert_eq!(
        (&it["type"], &it["internal"]),
        (&"topic".into(), &true.into())
    );
    let mut w = shared().open();
    let publish = basic::publish("amq.rabbitmq.event", "k", 0);
    w.publish(1, &publish, &Properties::new(), "x");
    w.expect_channel_close(
        1,
        403,
        "ACCESS_REFUSED - cannot publish to internal exchange 'amq.rabbitmq.event' in vhost '/'",
    );
}

#[test]
fn the_operator_can_do_without_the_exchange() {
    let broker = Launch::default()
        .config("leveret.event_exchange = false\n")
        .start();
    broker
        .http()
        .get("/exchanges/%2F/amq.rabbitmq.event")
        .ok(404);
}

#[test]
fn queues_exchanges_and_bindings_come_and_go() {
    let broker = Broker::start();
    let mut w = listening(
        &broker,
        &[
            "queue.*",
            "exchange.#",
            "binding.deleted",
            "binding.created",
        ],
    );
    // The binding for bindings is told as well, and those before it if that was late enough.
    while next(&mut w).1["routing_key"] != "binding.created".into() {}
    let vhost = || ("vhost", Value::from("/"));
    let user = || ("user_who_performed_action", Value::from("guest"));
    let arguments = Table::new().int("x-max-length", 5);
    w.declare_with("ev-q", queue::DURABLE, &arguments);
    let facts = [
        ("name", "ev-q".into()),
        vhost(),
        ("durable", Value::Bool(true)),
        ("auto_delete", Value::Bool(false)),
        user(),
    ];
    expect(&mut w, "queue.created", &facts);
    w.declare_exchange("ev-x", "fanout", exchange::AUTO_DELETE, &Table::new());
    let facts = [
        ("name", "ev-x".into()),
        vhost(),
        ("type", "fanout".into()),
        user(),
    ];
    expect(&mut w, "exchange.created", &facts);
    w.bind("ev-q", "ev-x", "key");
    let facts = [
        ("source_name", "ev-x".into()),
        ("source_kind", "exchange".into()),
        ("destination_name", "ev-q".into()),
        ("destination_kind", "queue".into()),
        ("routing_key", "key".into()),
        vhost(),
        user(),
    ];
    expect(&mut w, "binding.created", &facts);
    // Nothing is told of what is there already.
    w.declare_with("ev-q", queue::DURABLE, &arguments);
    w.bind("ev-q", "ev-x", "key");
    w.call(1, &queue::delete("ev-q", 0), queue::DELETE_OK);
    expect(&mut w, "binding.deleted", &facts);
    expect(
        &mut w,
        "exchange.deleted",
        &[("name", "ev-x".into()), vhost()],
    );
    expect(
        &mut w,
        "queue.deleted",
        &[("name", "ev-q".into()), vhost(), user()],
    );
    // What nobody asked for is the broker's own doing.
    w.declare("ev-auto", queue::AUTO_DELETE);
    expect(&mut w, "queue.created", &[("name", "ev-auto".into())]);
    w.consume("ev-auto", "c", 0);
    w.call(1, &basic::cancel("c"), basic::CANCEL_OK);
    let facts = [
        ("name", "ev-auto".into()),
        ("user_who_performed_action", "rmq-internal".into()),
    ];
    expect(&mut w, "queue.deleted", &facts);
}

#[test]
fn connections_channels_and_consumers_come_and_go() {
    let broker = Broker::start();
    let keys = [
        "connection.*",
        "channel.*",
        "consumer.*",
        "user.authentication.*",
    ];
    let mut w = listening(&broker, &keys);
    let mut other = broker.open();
    let name = format!("{} -> {}", other.local(), broker.amqp());
    let user = || ("user_who_performed_action", Value::from("guest"));
    let facts = [
        ("name", "guest".into()),
        ("auth_mechanism", "PLAIN".into()),
        ("connection_name", (&*name).into()),
    ];
    expect(&mut w, "user.authentication.success", &facts);
    let connection = [
        ("name", (&*name).into()),
        ("vhost", "/".into()),
        ("user", "guest".into()),
        ("protocol", "AMQP 0-9-1".into()),
        user(),
    ];
    expect(&mut w, "connection.created", &connection);
    let channel = [
        ("name", Value::from(&*format!("{name} (1)"))),
        ("connection", (&*name).into()),
        ("number", Value::Int(1)),
        user(),
    ];
    expect(&mut w, "channel.created", &channel);
    other.declare("ev-c", queue::EXCLUSIVE);
    other.call(1, &basic::qos(7, false), basic::QOS_OK);
    other.consume("ev-c", "mine", 0);
    let consumer = [
        ("consumer_tag", Value::from("mine")),
        ("queue", "ev-c".into()),
        ("channel", (&*format!("{name} (1)")).into()),
        ("ack_required", Value::Bool(true)),
        ("prefetch_count", Value::Int(7)),
        user(),
    ];
    expect(&mut w, "consumer.created", &consumer);
    drop(other);
    expect(&mut w, "consumer.deleted", &consumer[..3]);
    expect(&mut w, "channel.closed", &channel);
    expect(&mut w, "connection.closed", &connection);
    drop(Wire::greet(broker.amqp()));
    let (mut stranger, _) = Wire::greet(broker.amqp());
    let response = tests::wire::plain("stranger", "x");
    let start_ok = tests::wire::connection::start_ok(&tests::wire::capable(), "PLAIN", &response);
    stranger.send(0, &start_ok);
    expect(
        &mut w,
        "user.authentication.failure",
        &[("name", "stranger".into())],
    );
}

#[test]
fn virtual_hosts_come_and_go() {
    let broker = Broker::start();
    let mut w = listening(&broker, &["vhost.*"]);
    let http = broker.http();
    http.put("/vhosts/ev", &serde_json::json!({})).ok(201);
    expect(&mut w, "vhost.created", &[("name", "ev".into())]);
    http.delete("/vhosts/ev").ok(204);
    expect(&mut w, "vhost.deleted", &[("name", "ev".into())]);
}

#[test]
fn users_and_permissions_come_change_and_go() {
    let broker = Broker::start();
    let keys = [
        "user.#",
        "permission.*",
        "topic.permission.*",
        "vhost.limits.*",
    ];
    let mut w = listening(&broker, &keys);
    let http = broker.http();
    let user = || ("name", Value::from("ev"));
    let put = |tags: &str| {
        let body = serde_json::json!({ "password": "secret", "tags": tags });
        http.put("/users/ev", &body)
    };
    put("monitoring").ok(201);
    expect(&mut w, "user.created", &[user()]);
    put("management").ok(204);
    expect(&mut w, "user.password.changed", &[user()]);
    let tags = Value::Array(vec!["management".into()]);
    expect(&mut w, "user.tags.set", &[user(), ("tags", tags)]);
    let row = serde_json::json!({ "configure": "^a", "write": "b", "read": ".*" });
    http.put("/permissions/%2F/ev", &row).ok(201);
    let whose = || [("user", Value::from("ev")), ("vhost", "/".into())];
    expect(&mut w, "permission.created", &whose());
    let row = serde_json::json!({ "exchange": "amq.topic", "write": "^x", "read": "^y" });
    http.put("/topic-permissions/%2F/ev", &row).ok(201);
    expect(&mut w, "topic.permission.created", &whose());
    http.delete("/topic-permissions/%2F/ev").ok(204);
    expect(&mut w, "topic.permission.deleted", &whose());
    http.delete("/permissions/%2F/ev").ok(204);
    expect(&mut w, "permission.deleted", &whose());
    let limit = serde_json::json!({ "value": 5 });
    http.put("/user-limits/ev/max-connections", &limit).ok(204);
    expect(&mut w, "user.limits.set", &[user()]);
    http.delete("/user-limits/ev/max-connections").ok(204);
    expect(&mut w, "user.limits.cleared", &[user()]);
    http.put("/vhost-limits/%2F/max-queues", &limit).ok(204);
    expect(&mut w, "vhost.limits.set", &[("name", "/".into())]);
    http.delete("/vhost-limits/%2F/max-queues").ok(204);
    expect(&mut w, "vhost.limits.cleared", &[("name", "/".into())]);
    http.delete("/users/ev").ok(204);
    expect(&mut w, "user.deleted", &[user()]);
}

#[test]
fn policies_and_parameters_are_set_and_cleared() {
    let broker = Broker::start();
    let mut w = listening(&broker, &["policy.*", "parameter.*"]);
    let http = broker.http();
    let by = ("user_who_performed_action", Value::from("guest"));
    let about = |name: &str| [("name", name.into()), ("vhost", "/".into()), by.clone()];
    for (path, name) in [("policies", "ev-p"), ("operator-policies", "ev-o")] {
        let path = format!("/{path}/%2F/{name}");
        let policy = serde_json::json!({
            "pattern": "^ev", "definition": {"max-length": 5}, "priority": 3, "apply-to": "queues",
        });
        http.put(&path, &policy).ok(201);
        let facts = [
            ("pattern", "^ev".into()),
            ("apply-to", "queues".into()),
            ("priority", Value::Int(3)),
        ];
        expect(&mut w, "policy.set", &[&about(name)[..], &facts].concat());
        http.delete(&path).ok(204);
        expect(&mut w, "policy.cleared", &about(name));
    }
    let path = "/parameters/federation-upstream/%2F/ev-f";
    let value = serde_json::json!({ "value": {"uri": "amqp://"} });
    let facts = [
        &about("ev-f")[..],
        &[("component", "federation-upstream".into())],
    ]
    .concat();
    http.put(path, &value).ok(201);
    expect(&mut w, "parameter.set", &facts);
    http.delete(path).ok(204);
    expect(&mut w, "parameter.cleared", &facts);
    let facts = [("name", "ev-g".into()), ("component", "global".into()), by];
    let value = serde_json::json!({ "name": "ev-g", "value": 1 });
    http.put("/global-parameters/ev-g", &value).ok(201);
    expect(&mut w, "parameter.set", &facts);
    http.delete("/global-parameters/ev-g").ok(204);
    expect(&mut w, "parameter.cleared", &facts);
}

#[test]
fn listeners_are_remembered_over_a_restart() {
    let mut broker = Broker::start();
    let mut w = broker.open();
    w.declare("ev-durable", queue::DURABLE);
    w.bind("ev-durable", "amq.rabbitmq.event", "queue.created");
    broker.kill();
    broker.restart();
    let mut w = broker.open();
    w.declare("ev-new", queue::EXCLUSIVE);
    let got = eventually("an event", || w.get("ev-durable", true));
    assert_eq!(got.key, "queue.created");
}
