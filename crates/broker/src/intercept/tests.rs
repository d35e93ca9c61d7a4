use std::sync::Arc;

use codec::{AMQPValue, BasicProperties, FieldTable};

use crate::tests::{actor, declare, open_with};
use crate::*;

pub(crate) fn table(fields: &[(&str, AMQPValue)]) -> FieldTable {
    let mut table = FieldTable::default();
    for (name, value) in fields {
        table.insert((*name).into(), value.clone());
    }
    table
}

pub(crate) fn text(value: &str) -> AMQPValue {
    AMQPValue::LongString(value.into())
}

/// A durable exchange.
pub(crate) fn exchange(vhost: &VHost, name: &str, kind: &str, fields: &[(&str, AMQPValue)]) {
    let declare = ExchangeDeclare {
        name: name.to_owned(),
        kind: kind.to_owned(),
        durable: true,
        auto_delete: false,
        internal: false,
        arguments: table(fields),
    };
    vhost.declare_exchange(&declare, &actor()).unwrap();
}

pub(crate) fn queue(vhost: &VHost, name: &str) -> Arc<Queue> {
    vhost.declare_queue(declare(name), &actor()).unwrap().queue
}

pub(crate) fn bind(vhost: &VHost, source: &str, to: Destination, key: &str) {
    let spec = BindingSpec {
        source: source.to_owned(),
        destination: to,
        routing_key: key.to_owned(),
        arguments: FieldTable::default(),
    };
    vhost.bind(&spec, &actor()).unwrap();
}

pub(crate) fn message(
    exchange: &str,
    key: &str,
    body: &str,
    headers: &[(&str, AMQPValue)],
) -> Message {
    let properties = BasicProperties::default()
        .with_delivery_mode(2)
        .with_headers(table(headers));
    Message::build(exchange, key, &properties, body.as_bytes()).unwrap()
}

pub(crate) fn publish(vhost: &VHost, message: Message) -> PublishedOne {
    vhost.publish(message, &mut Wakes::new()).unwrap()
}

pub(crate) fn bodies(queue: &Queue) -> Vec<String> {
    let get = || queue.get(AckMode::Automatic);
    std::iter::from_fn(get)
        .map(|got| String::from_utf8(got.entry.message.body().to_vec()).unwrap())
        .collect()
}

fn to_queue(name: &str) -> Destination {
    Destination::Queue(name.to_owned())
}

fn send(vhost: &VHost, exchange: &str, body: &str, headers: &[(&str, AMQPValue)]) -> bool {
    publish(vhost, message(exchange, "k", body, headers)).routed
}

#[test]
fn a_new_binding_gets_the_last_messages_and_then_the_next_ones() {
    let dir = tempfile::tempdir().unwrap();
    let broker = open_with(dir.path(), |_| ());
    let vhost = broker.vhost("/").unwrap();
    let length = [("x-recent-history-length", AMQPValue::LongInt(2))];
    exchange(&vhost, "x", "x-recent-history", &length);
    let unkept = [("x-recent-history-no-store", AMQPValue::Boolean(true))];
    for body in ["1", "2", "3"] {
        assert!(!send(&vhost, "x", body, &[]), "nothing is bound");
    }
    send(&vhost, "x", "unkept", &unkept);
    let q = queue(&vhost, "q");
    bind(&vhost, "x", to_queue("q"), "");
    assert_eq!(bodies(&q), ["2", "3"]);
    bind(&vhost, "x", to_queue("q"), "another key");
    assert_eq!(bodies(&q), ["2", "3"], "a further binding is new, too");
    bind(&vhost, "x", to_queue("q"), "another key");
    assert!(bodies(&q).is_empty(), "the same binding is not");
    assert!(send(&vhost, "x", "4", &unkept));
    assert_eq!(bodies(&q), ["4"]);
}

#[test]
fn a_history_goes_on_through_bound_exchanges_and_survives_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let broker = open_with(dir.path(), |_| ());
    let vhost = broker.vhost("/").unwrap();
    let length = [("x-recent-history-length", AMQPValue::LongInt(3))];
    exchange(&vhost, "x", "x-recent-history", &length);
    for n in 0..1_000 {
        send(&vhost, "x", &n.to_string(), &[]);
    }
    broker.close().unwrap();
    let broker = open_with(dir.path(), |_| ());
    let vhost = broker.vhost("/").unwrap();
    send(&vhost, "x", "new", &[]);
    let q = queue(&vhost, "q");
    exchange(&vhost, "next", "direct", &[]);
    bind(&vhost, "next", to_queue("q"), "k");
    bind(&vhost, "x", Destination::Exchange("next".to_owned()), "");
    assert_eq!(bodies(&q), ["998", "999", "new"]);
    let before = broker.store_stats().live;
    vhost
        .delete_exchange("x", DeleteIf::default(), &actor())
        .unwrap();
    broker.store().checkpoint().unwrap();
    assert!(broker.store_stats().live < before, "its records go with it");
}

#[test]
fn a_duplicate_goes_nowhere() {
    let dir = tempfile::tempdir().unwrap();
    let broker = open_with(dir.path(), |_| ());
    let vhost = broker.vhost("/").unwrap();
    let size = [("x-cache-size", AMQPValue::LongInt(100))];
    exchange(&vhost, "type", "x-message-deduplication", &size);
    let argument = [("x-message-deduplication", AMQPValue::Boolean(true))];
    exchange(&vhost, "argument", "direct", &argument);
    let q = queue(&vhost, "q");
    for (name, key) in [("type", "any"), ("argument", "k")] {
        bind(&vhost, name, to_queue("q"), key);
        let id = |id: &str| [("x-deduplication-header", text(id))];
        assert!(send(&vhost, name, "1", &id("a")));
        assert!(!send(&vhost, name, "2", &id("a")));
        assert!(send(&vhost, name, "3", &id("b")));
        assert!(send(&vhost, name, "4", &[]) && send(&vhost, name, "5", &[]));
        assert_eq!(bodies(&q), ["1", "3", "4", "5"], "{name}");
        let dropped = vhost.exchange(name).unwrap().duplicates_dropped();
        assert_eq!(dropped, Some(1));
    }
}

#[test]
fn a_value_is_a_duplicate_for_the_time_of_the_exchange_or_the_message() {
    let dir = tempfile::tempdir().unwrap();
    let (clock, hand) = Clock::manual(1_000_000);
    let broker = open_with(dir.path(), |settings| settings.clock = clock);
    let vhost = broker.vhost("/").unwrap();
    let arguments = [
        ("x-cache-size", text("10")),
        ("x-cache-ttl", AMQPValue::LongInt(500)),
    ];
    exchange(&vhost, "x", "x-message-deduplication", &arguments);
    queue(&vhost, "q");
    bind(&vhost, "x", to_queue("q"), "");
    let a = [("x-deduplication-header", text("a"))];
    let b = [
        ("x-deduplication-header", text("b")),
        ("x-cache-ttl", AMQPValue::LongInt(5_000)),
    ];
    assert!(send(&vhost, "x", "", &a) && send(&vhost, "x", "", &b));
    hand.advance(499);
    assert!(!send(&vhost, "x", "", &a) && !send(&vhost, "x", "", &b));
    hand.advance(1);
    assert!(send(&vhost, "x", "", &a) && !send(&vhost, "x", "", &b));
}

#[test]
fn a_cache_on_disk_survives_a_restart_and_one_in_memory_does_not() {
    let dir = tempfile::tempdir().unwrap();
    let broker = open_with(dir.path(), |_| ());
    let vhost = broker.vhost("/").unwrap();
    for name in ["disk", "memory"] {
        let arguments = [
            ("x-cache-size", AMQPValue::LongInt(2)),
            ("x-cache-persistence", text(name)),
        ];
        exchange(&vhost, name, "x-message-deduplication", &arguments);
        queue(&vhost, "q");
        bind(&vhost, name, to_queue("q"), "");
    }
    let id = |id: &str| [("x-deduplication-header", text(id))];
    for name in ["disk", "memory"] {
        for value in ["a", "b", "c"] {
            assert!(send(&vhost, name, "", &id(value)));
        }
    }
    broker.close().unwrap();
    let broker = open_with(dir.path(), |_| ());
    let vhost = broker.vhost("/").unwrap();
    assert!(!send(&vhost, "disk", "", &id("b")) && !send(&vhost, "disk", "", &id("c")));
    assert!(send(&vhost, "disk", "", &id("a")), "there was no room");
    assert!(!send(&vhost, "disk", "", &id("c")), "b was the oldest");
    assert!(send(&vhost, "memory", "", &id("c")));
}

#[test]
fn arguments_of_deduplication_are_judged_as_by_the_plugin() {
    let dir = tempfile::tempdir().unwrap();
    let broker = open_with(dir.path(), |_| ());
    let vhost = broker.vhost("/").unwrap();
    let refusal = |fields: &[(&str, AMQPValue)]| {
        let declare = ExchangeDeclare {
            name: "x".to_owned(),
            kind: "x-message-deduplication".to_owned(),
            durable: true,
            auto_delete: false,
            internal: false,
            arguments: table(fields),
        };
        vhost
            .declare_exchange(&declare, &actor())
            .unwrap_err()
            .to_string()
    };
    let size = "Missing or invalid argument, 'x-cache-size' must be an integer greater than 0";
    assert_eq!(refusal(&[]), size);
    assert_eq!(refusal(&[("x-cache-size", AMQPValue::LongInt(0))]), size);
    assert_eq!(refusal(&[("x-cache-size", text("many"))]), size);
    let good = ("x-cache-size", AMQPValue::LongInt(1));
    assert_eq!(
        refusal(&[good.clone(), ("x-cache-ttl", AMQPValue::LongInt(-1))]),
        "Invalid argument, 'x-cache-ttl' must be an integer greater than 0"
    );
    assert_eq!(
        refusal(&[good, ("x-cache-persistence", text("tape"))]),
        "Invalid argument, 'x-cache-persistence' must be either 'disk' or 'memory'"
    );
}
