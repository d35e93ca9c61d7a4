//! Every operation of AMQP against every permission that it needs.

use tests::{
    Wire, eventually, shared, unique,
    wire::{Method, Properties, Table, basic, channel, exchange, queue},
};

use super::{ALL, as_user, grant, granted, open, user};

const CONFIGURE: usize = 0;
const WRITE: usize = 1;
const READ: usize = 2;

/// Something that a user does with the names `a` and `b`.
struct Operation {
    name: &'static str,
    /// What is there before.
    prepare: fn(&mut Wire, &str, &str),
    /// The permissions that it needs: the right, and on which name, as texts call it.
    needs: &'static [(usize, Needed)],
    act: fn(&mut Wire, &str, &str),
}

#[derive(Clone, Copy)]
enum Needed {
    QueueA,
    QueueB,
    ExchangeA,
    ExchangeB,
    DefaultExchange,
}

impl Needed {
    /// As in texts, and the name that patterns see.
    fn resource(self, a: &str, b: &str) -> (String, String) {
        let (kind, name) = match self {
            Self::QueueA => ("queue", a),
            Self::QueueB => ("queue", b),
            Self::ExchangeA => ("exchange", a),
            Self::ExchangeB => ("exchange", b),
            Self::DefaultExchange => ("exchange", "amq.default"),
        };
        (format!("{kind} '{name}' in vhost '/'"), name.to_owned())
    }
}

fn none() -> Table {
    Table::new()
}

fn arguments(key: &str, text: &str) -> Table {
    Table::new().str(key, text)
}

fn nothing(_: &mut Wire, _: &str, _: &str) {}

fn queue_a(w: &mut Wire, a: &str, _: &str) {
    w.declare(a, 0);
}

fn exchange_a(w: &mut Wire, a: &str, _: &str) {
    w.declare_exchange(a, "direct", 0, &none());
}

fn queue_a_exchange_b(w: &mut Wire, a: &str, b: &str) {
    w.declare(a, 0);
    w.declare_exchange(b, "topic", 0, &none());
}

fn exchanges(w: &mut Wire, a: &str, b: &str) {
    w.declare_exchange(a, "direct", 0, &none());
    w.declare_exchange(b, "direct", 0, &none());
}

const OPERATIONS: [Operation; 15] = [
    Operation {
        name: "exchange.declare",
        prepare: nothing,
        needs: &[(CONFIGURE, Needed::ExchangeA)],
        act: |w, a, _| w.send(1, &exchange::declare(a, "direct", 0, &none())),
    },
    Operation {
        name: "exchange.declare with an alternate exchange",
        prepare: nothing,
        needs: &[
            (CONFIGURE, Needed::ExchangeA),
            (READ, Needed::ExchangeA),
            (WRITE, Needed::ExchangeB),
        ],
        act: |w, a, b| {
            let arguments = arguments("alternate-exchange", b);
            w.send(1, &exchange::declare(a, "direct", 0, &arguments));
        },
    },
    Operation {
        name: "exchange.delete",
        prepare: exchange_a,
        needs: &[(CONFIGURE, Needed::ExchangeA)],
        act: |w, a, _| w.send(1, &exchange::delete(a, 0)),
    },
    Operation {
        name: "queue.declare",
        prepare: nothing,
        needs: &[(CONFIGURE, Needed::QueueA)],
        act: |w, a, _| w.send(1, &queue::declare(a, 0, &none())),
    },
    Operation {
        name: "queue.declare with a dead letter exchange",
        prepare: nothing,
        needs: &[
            (CONFIGURE, Needed::QueueA),
            (READ, Needed::QueueA),
            (WRITE, Needed::ExchangeB),
        ],
        act: |w, a, b| {
            let arguments = arguments("x-dead-letter-exchange", b);
            w.send(1, &queue::declare(a, 0, &arguments));
        },
    },
    Operation {
        name: "queue.delete",
        prepare: queue_a,
        needs: &[(CONFIGURE, Needed::QueueA)],
        act: |w, a, _| w.send(1, &queue::delete(a, 0)),
    },
    Operation {
        name: "queue.bind",
        prepare: queue_a_exchange_b,
        needs: &[(WRITE, Needed::QueueA), (READ, Needed::ExchangeB)],
        act: |w, a, b| w.send(1, &queue::bind(a, b, "k", &none())),
    },
    Operation {
        name: "queue.unbind",
        prepare: queue_a_exchange_b,
        needs: &[(WRITE, Needed::QueueA), (READ, Needed::ExchangeB)],
        act: |w, a, b| w.send(1, &queue::unbind(a, b, "k", &none())),
    },
    Operation {
        name: "exchange.bind",
        prepare: exchanges,
        needs: &[(WRITE, Needed::ExchangeA), (READ, Needed::ExchangeB)],
        act: |w, a, b| w.send(1, &exchange::bind(a, b, "k", &none())),
    },
    Operation {
        name: "exchange.unbind",
        prepare: exchanges,
        needs: &[(WRITE, Needed::ExchangeA), (READ, Needed::ExchangeB)],
        act: |w, a, b| w.send(1, &exchange::unbind(a, b, "k", &none())),
    },
    Operation {
        name: "queue.purge",
        prepare: queue_a,
        needs: &[(READ, Needed::QueueA)],
        act: |w, a, _| w.send(1, &queue::purge(a)),
    },
    Operation {
        name: "basic.get",
        prepare: |w, _, b| drop(w.declare(b, 0)),
        needs: &[(READ, Needed::QueueB)],
        act: |w, _, b| w.send(1, &basic::get(b, true)),
    },
    Operation {
        name: "basic.consume",
        prepare: queue_a,
        needs: &[(READ, Needed::QueueA)],
        act: |w, a, _| w.send(1, &basic::consume(a, "t", 0, &none())),
    },
    Operation {
        name: "basic.publish",
        prepare: exchange_a,
        needs: &[(WRITE, Needed::ExchangeA)],
        act: |w, a, _| publish(w, a, "k", &Properties::new()),
    },
    Operation {
        name: "basic.publish to the default exchange",
        prepare: nothing,
        needs: &[(WRITE, Needed::DefaultExchange)],
        act: |w, a, _| publish(w, "", a, &Properties::new()),
    },
];

fn publish(w: &mut Wire, exchange: &str, key: &str, properties: &Properties) {
    w.publish(1, &basic::publish(exchange, key, 0), properties, "x");
}

/// What was asked for is done, and the channel lives.
#[track_caller]
fn expect_success(w: &mut Wire, what: &str) {
    w.send(1, &channel::flow(true));
    loop {
        let method = w.method(1);
        if method.id == channel::FLOW_OK {
            return;
        }
        assert_ne!(method.id, channel::CLOSE, "{what}: {method:?}");
    }
}

fn escaped(name: &str) -> String {
    format!("^{}$", name.replace('.', "\\."))
}

#[test]
fn every_operation_is_refused_without_each_permission_that_it_needs() {
    let mut admin = shared().open();
    for operation in &OPERATIONS {
        for (right, needed) in operation.needs {
            let (a, b) = (unique("acc-a"), unique("acc-b"));
            (operation.prepare)(&mut admin, &a, &b);
            let mut permission = ALL;
            permission[*right] = "";
            let user = granted(shared(), permission);
            let mut w = open(shared(), &user);
            (operation.act)(&mut w, &a, &b);
            let right = ["configure", "write", "read"][*right];
            let (resource, _) = needed.resource(&a, &b);
            let text =
                format!("ACCESS_REFUSED - {right} access to {resource} refused for user '{user}'");
            w.expect_channel_close(1, 403, &text);
        }
    }
}

#[test]
fn every_operation_needs_no_more_permission_than_that() {
    let mut admin = shared().open();
    for operation in &OPERATIONS {
        let (a, b) = (unique("acc-a"), unique("acc-b"));
        (operation.prepare)(&mut admin, &a, &b);
        let mut patterns = [String::new(), String::new(), String::new()];
        for (right, needed) in operation.needs {
            patterns[*right] = escaped(&needed.resource(&a, &b).1);
        }
        let user = granted(shared(), [&*patterns[0], &*patterns[1], &*patterns[2]]);
        let mut w = open(shared(), &user);
        (operation.act)(&mut w, &a, &b);
        expect_success(&mut w, operation.name);
    }
}

#[test]
fn passive_declare_needs_any_permission() {
    let mut admin = shared().open();
    let name = unique("acc-passive");
    admin.declare(&name, 0);
    admin.declare_exchange(&name, "direct", 0, &none());
    let declares: [fn(&str) -> Method; 2] = [
        |name| queue::declare(name, queue::PASSIVE, &none()),
        |name| exchange::declare(name, "direct", exchange::PASSIVE, &none()),
    ];
    for declare in declares {
        for right in [CONFIGURE, WRITE, READ] {
            let mut permission = [""; 3];
            let pattern = escaped(&name);
            permission[right] = &pattern;
            let mut w = open(shared(), &granted(shared(), permission));
            w.send(1, &declare(&name));
            expect_success(&mut w, "passive declare");
        }
        let mut w = open(shared(), &granted(shared(), [""; 3]));
        w.send(1, &declare(&name));
        w.expect_channel_close(1, 403, "ACCESS_REFUSED - …");
    }
}

#[test]
fn names_that_are_not_there_are_refused_before_they_are_missed() {
    let user = granted(shared(), [""; 3]);
    let methods = [
        queue::purge("gone"),
        queue::delete("gone", 0),
        basic::get("gone", true),
        basic::consume("gone", "t", 0, &none()),
        queue::bind("gone", "gone", "k", &none()),
        exchange::delete("gone", 0),
    ];
    let mut w = open(shared(), &user);
    for method in methods {
        w.send(1, &method);
        w.expect_channel_close(1, 403, "ACCESS_REFUSED - …");
    }
    publish(&mut w, "gone", "k", &Properties::new());
    w.expect_channel_close(1, 403, "ACCESS_REFUSED - write access to exchange 'gone' …");
}

#[test]
fn patterns_are_not_anchored_and_server_named_queues_are_matched_by_name() {
    let user = granted(shared(), ["acc-in", ".*", "^amq\\.gen"]);
    let mut w = open(shared(), &user);
    let name = unique("x-acc-in-x");
    w.declare(&name, 0);
    w.send(1, &queue::declare("", queue::EXCLUSIVE, &none()));
    w.expect_channel_close(
        1,
        403,
        "ACCESS_REFUSED - configure access to queue 'amq.gen-…",
    );
    grant(shared(), &user, "/", ["^amq\\.gen", "", "^amq\\.gen"]);
    let (name, ..) = w.declare("", queue::EXCLUSIVE);
    w.consume(&name, "t", 0);
}

#[test]
fn a_change_of_permissions_is_in_force_at_once() {
    let mut admin = shared().open();
    let name = unique("acc-change");
    admin.declare(&name, 0);
    let user = granted(shared(), ALL);
    let mut w = open(shared(), &user);
    w.confirm_select();
    for _ in 0..50 {
        w.enqueue(&name, "x");
    }
    w.await_confirms(50);
    // The route of these publishes is cached.
    grant(shared(), &user, "/", ["", "", ".*"]);
    w.enqueue(&name, "x");
    w.expect_channel_close(
        1,
        403,
        "ACCESS_REFUSED - write access to exchange 'amq.default' …",
    );
    grant(shared(), &user, "/", ["", "^amq\\.default$", ""]);
    w.enqueue(&name, "x");
    w.expect_silence();
    w.send(1, &basic::get(&name, true));
    w.expect_channel_close(1, 403, "ACCESS_REFUSED - read access to queue…");
    assert_eq!(admin.depth(&name).0, 51);
}

#[test]
fn consumers_that_lose_read_access_go_on() {
    let mut admin = shared().open();
    let name = unique("acc-lose");
    admin.declare(&name, 0);
    let user = granted(shared(), ALL);
    let mut w = open(shared(), &user);
    w.consume(&name, "t", 2);
    grant(shared(), &user, "/", [""; 3]);
    admin.enqueue(&name, "still");
    assert_eq!(w.bodies(1), ["still"]);
}

#[test]
fn a_transaction_is_checked_when_it_is_published_into() {
    let user = granted(shared(), [".*", "", ".*"]);
    let mut w = open(shared(), &user);
    w.call(1, &tests::wire::tx::select(), tests::wire::tx::SELECT_OK);
    w.enqueue("anywhere", "x");
    w.expect_channel_close(1, 403, "ACCESS_REFUSED - write access to exchange…");
}

#[test]
fn without_any_permission_left_a_connection_can_do_nothing() {
    let user = granted(shared(), ALL);
    let mut w = open(shared(), &user);
    let path = format!("/permissions/%2F/{user}");
    shared().http().delete(&path).ok(204);
    w.send(1, &queue::declare("acc-nothing", 0, &none()));
    w.expect_channel_close(1, 403, "ACCESS_REFUSED - configure access to queue…");
}

/// Sets topic permissions of a user.
fn topic(user: &str, exchange: &str, write: &str, read: &str) {
    let body = serde_json::json!({"exchange": exchange, "write": write, "read": read});
    let answer = shared()
        .http()
        .put(&format!("/topic-permissions/%2F/{user}"), &body);
    assert!(matches!(answer.status, 201 | 204), "{answer:?}");
}

#[test]
fn topic_permissions_are_checked_for_publish_and_bind() {
    let mut admin = shared().open();
    let (x, q) = (unique("acc-topic"), unique("acc-topic-q"));
    admin.declare_exchange(&x, "topic", 0, &none());
    admin.declare(&q, 0);
    let user = granted(shared(), ALL);
    topic(&user, &x, "^{username}\\.", "^(a|b)\\.");
    let mut w = open(shared(), &user);
    publish(&mut w, &x, &format!("{user}.x"), &Properties::new());
    w.expect_silence();
    publish(&mut w, &x, "other.x", &Properties::new());
    w.expect_channel_close(
        1,
        403,
        &format!(
            "ACCESS_REFUSED - write access to topic 'other.x' in exchange '{x}' in vhost '/' refused for user '{user}'"
        ),
    );
    w.bind(&q, &x, "a.#");
    w.send(1, &queue::bind(&q, &x, "c.#", &none()));
    w.expect_channel_close(
        1,
        403,
        &format!(
            "ACCESS_REFUSED - read access to topic 'c.#' in exchange '{x}' in vhost '/' refused for user '{user}'"
        ),
    );
    w.send(1, &queue::unbind(&q, &x, "c.#", &none()));
    w.expect_channel_close(1, 403, "ACCESS_REFUSED - read access to topic 'c.#' …");
}

#[test]
fn topic_permissions_are_checked_for_cc_and_bcc_too() {
    let mut admin = shared().open();
    let x = unique("acc-topic");
    admin.declare_exchange(&x, "topic", 0, &none());
    let user = granted(shared(), ALL);
    topic(&user, &x, "^a\\.", "");
    let mut w = open(shared(), &user);
    for header in ["CC", "BCC"] {
        let properties = Properties::headers(Table::new().strs(header, &["a.2", "b.1"]));
        publish(&mut w, &x, "a.1", &properties);
        w.expect_channel_close(1, 403, "ACCESS_REFUSED - write access to topic 'b.1' …");
    }
}

#[test]
fn topic_permissions_concern_topic_exchanges_only_and_none_allows_all() {
    let mut admin = shared().open();
    let (direct, free) = (unique("acc-direct"), unique("acc-free"));
    admin.declare_exchange(&direct, "direct", 0, &none());
    admin.declare_exchange(&free, "topic", 0, &none());
    let user = granted(shared(), ALL);
    topic(&user, &direct, "", "");
    let mut w = open(shared(), &user);
    publish(&mut w, &direct, "k", &Properties::new());
    publish(&mut w, &free, "k", &Properties::new());
    w.expect_silence();
}

#[test]
fn a_change_of_topic_permissions_reaches_cached_routes() {
    let mut admin = shared().open();
    let x = unique("acc-topic");
    admin.declare_exchange(&x, "topic", 0, &none());
    let user = granted(shared(), ALL);
    let mut w = open(shared(), &user);
    for _ in 0..10 {
        publish(&mut w, &x, "k", &Properties::new());
    }
    w.expect_silence();
    topic(&user, &x, "^other$", "");
    publish(&mut w, &x, "k", &Properties::new());
    w.expect_channel_close(1, 403, "ACCESS_REFUSED - write access to topic 'k' …");
    let path = format!("/topic-permissions/%2F/{user}/{x}");
    shared().http().delete(&path).ok(204);
    publish(&mut w, &x, "k", &Properties::new());
    w.expect_silence();
}

#[test]
fn impersonators_may_publish_in_the_name_of_others_while_they_have_the_tag() {
    let user = granted(shared(), ALL);
    let mut w = open(shared(), &user);
    let properties = Properties {
        user_id: Some("somebody".to_owned()),
        ..Properties::new()
    };
    let text = format!(
        "PRECONDITION_FAILED - user_id property set to 'somebody' but authenticated user was '{user}'"
    );
    let tags = |tags: &str| {
        let body = serde_json::json!({"password": user, "tags": tags});
        shared()
            .http()
            .put(&format!("/users/{user}"), &body)
            .ok(204);
    };
    publish(&mut w, "amq.fanout", "k", &properties);
    w.expect_channel_close(1, 406, &text);
    tags("impersonator");
    publish(&mut w, "amq.fanout", "k", &properties);
    w.expect_silence();
    tags("");
    publish(&mut w, "amq.fanout", "k", &properties);
    w.expect_channel_close(1, 406, &text);
}

#[test]
fn delayed_messages_are_shown_to_readers_and_cancelled_by_writers() {
    let broker = shared();
    let x = unique("acc-delayed");
    let mut w = broker.open();
    let kind = arguments("x-delayed-type", "fanout");
    w.declare_exchange(&x, "x-delayed-message", 0, &kind);
    let properties = Properties::headers(Table::new().int("x-delay", 60_000));
    w.publish(1, &basic::publish(&x, "k", 0), &properties, "m");
    let path = format!("/leveret/delayed/%2F/{x}");
    let list = eventually("the message", || {
        let list = broker.http().json(&path);
        (list["messages_delayed"] == 1).then_some(list)
    });
    let one = format!("{path}/{}", list["items"][0]["id"].as_str().unwrap());
    let caller = unique("acc-user");
    user(broker, &caller, "management");
    let http = as_user(broker, &caller);
    grant(broker, &caller, "/", [".*", ".*", "^$"]);
    http.get(&path).ok(401);
    grant(broker, &caller, "/", [".*", "^$", ".*"]);
    http.get(&path).ok(200);
    http.delete(&one).ok(401);
    grant(broker, &caller, "/", ["^$", ".*", "^$"]);
    http.delete(&one).ok(204);
    w.call(1, &exchange::delete(&x, 0), exchange::DELETE_OK);
}
