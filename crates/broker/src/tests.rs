//! Topology, recovery and users, against a real store.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use codec::{AMQPValue, BasicProperties, FieldTable};

use crate::*;

pub(crate) fn open(dir: &Path) -> Arc<Broker> {
    open_with(dir, |_| ())
}

#[allow(clippy::disallowed_methods, reason = "a test may ask for the time")]
pub(crate) fn open_with(dir: &Path, change: impl FnOnce(&mut Settings)) -> Arc<Broker> {
    let mut settings = Settings::new(Instant::now(), 0);
    change(&mut settings);
    Broker::open(settings, dir).unwrap()
}

pub(crate) fn actor() -> Actor {
    Actor {
        user: "guest".into(),
        connection: Some(ConnectionId(1)),
        ..Actor::internal()
    }
}

pub(crate) fn declare(name: &str) -> QueueDeclare {
    QueueDeclare {
        name: name.to_owned(),
        durable: true,
        exclusive: false,
        auto_delete: false,
        arguments: FieldTable::default(),
        server_named: false,
    }
}

pub(crate) fn message(key: &str, body: &str, delivery_mode: u8) -> Message {
    let properties = BasicProperties::default().with_delivery_mode(delivery_mode);
    Message::build("", key, &properties, body.as_bytes()).unwrap()
}

fn exchange(name: &str, kind: &str) -> ExchangeDeclare {
    ExchangeDeclare {
        name: name.to_owned(),
        kind: kind.to_owned(),
        durable: true,
        auto_delete: false,
        internal: false,
        arguments: FieldTable::default(),
    }
}

fn binding(source: &str, queue: &str, key: &str) -> BindingSpec {
    BindingSpec {
        source: source.to_owned(),
        destination: Destination::Queue(queue.to_owned()),
        routing_key: key.to_owned(),
        arguments: FieldTable::default(),
    }
}

fn routed(vhost: &VHost, exchange: &str, key: &str) -> Vec<String> {
    let route = vhost
        .route(exchange, &[key], &FieldTable::default())
        .unwrap();
    let mut names: Vec<_> = route.queues.iter().map(|q| q.name().to_string()).collect();
    names.sort();
    names
}

fn bodies(queue: &Queue) -> Vec<(String, bool)> {
    std::iter::from_fn(|| queue.get(AckMode::Manual))
        .map(|got| {
            (
                String::from_utf8(got.entry.message.body().to_vec()).unwrap(),
                got.entry.redelivered,
            )
        })
        .collect()
}

#[test]
fn durable_topology_and_messages_survive_a_clean_stop() {
    let dir = tempfile::tempdir().unwrap();
    {
        let broker = open(dir.path());
        let vhost = broker.vhost("/").unwrap();
        vhost
            .declare_exchange(&exchange("x", "topic"), &actor())
            .unwrap();
        vhost.declare_queue(declare("q"), &actor()).unwrap();
        vhost
            .declare_queue(
                QueueDeclare {
                    durable: false,
                    ..declare("t")
                },
                &actor(),
            )
            .unwrap();
        vhost.bind(&binding("x", "q", "a.#"), &actor()).unwrap();
        vhost.bind(&binding("x", "t", "a.#"), &actor()).unwrap();
        let queue = vhost.queue("q").unwrap();
        let mut run = vec![
            message("q", "one", 2),
            message("q", "gone", 1),
            message("q", "two", 2),
        ];
        queue.publish(&mut run, &mut Wakes::new());
        let got = queue.get(AckMode::Manual).unwrap();
        queue.requeue(
            Returns::from_iter([Returned {
                entry: got.entry,
                consumer: None,
                ack: AckMode::Manual,
            }]),
            &mut Wakes::new(),
        );
        broker.close().unwrap();
    }
    let broker = open(dir.path());
    let vhost = broker.vhost("/").unwrap();
    assert_eq!(routed(&vhost, "x", "a.b.c"), ["q"]);
    assert!(
        vhost.queue("t").is_none(),
        "a transient queue does not survive"
    );
    let expected = [("one".to_owned(), true), ("two".to_owned(), false)];
    assert_eq!(
        bodies(&vhost.queue("q").unwrap()),
        expected,
        "only what was delivered is marked as redelivered"
    );
}

#[test]
fn after_a_crash_every_message_counts_as_redelivered_and_acked_ones_are_gone() {
    let dir = tempfile::tempdir().unwrap();
    let copy = tempfile::tempdir().unwrap();
    let broker = open(dir.path());
    let vhost = broker.vhost("/").unwrap();
    let queue = vhost.declare_queue(declare("q"), &actor()).unwrap().queue;
    let mut run = vec![
        message("q", "one", 2),
        message("q", "two", 2),
        message("q", "three", 2),
    ];
    queue.publish(&mut run, &mut Wakes::new());
    let got = queue.get(AckMode::Manual).unwrap();
    queue.ack(&[Settled::of(&got.entry, None)], &mut Wakes::new());
    // A message that is never acked, to have a ticket to wait for behind the ack.
    let ticket = queue
        .publish(&mut vec![message("q", "four", 2)], &mut Wakes::new())
        .ticket
        .unwrap();
    while broker.commits().committed() < ticket {
        std::thread::yield_now();
    }
    // What is in the directory now is what a crash would leave.
    copy_dir(dir.path(), copy.path());
    let after = open(copy.path());
    let queue = after.vhost("/").unwrap().queue("q").unwrap();
    let expected = [
        ("two".to_owned(), true),
        ("three".to_owned(), true),
        ("four".to_owned(), true),
    ];
    assert_eq!(bodies(&queue), expected);
}

fn copy_dir(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            std::fs::create_dir_all(&target).unwrap();
            copy_dir(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

#[test]
fn recovered_messages_stay_in_front_of_new_ones_also_when_requeued() {
    let dir = tempfile::tempdir().unwrap();
    {
        let broker = open(dir.path());
        let queue = broker
            .vhost("/")
            .unwrap()
            .declare_queue(declare("q"), &actor())
            .unwrap()
            .queue;
        queue.publish(
            &mut vec![message("q", "1", 2), message("q", "2", 2)],
            &mut Wakes::new(),
        );
        broker.close().unwrap();
    }
    let broker = open(dir.path());
    let queue = broker.vhost("/").unwrap().queue("q").unwrap();
    assert_eq!(queue.counts().ready, 2);
    queue.publish(&mut vec![message("q", "3", 2)], &mut Wakes::new());
    let first = queue.get(AckMode::Manual).unwrap().entry;
    queue.requeue(
        Returns::from_iter([Returned {
            entry: first,
            consumer: None,
            ack: AckMode::Manual,
        }]),
        &mut Wakes::new(),
    );
    let order: Vec<_> = bodies(&queue).into_iter().map(|(body, _)| body).collect();
    assert_eq!(order, ["1", "2", "3"]);
}

#[test]
fn deleted_things_stay_deleted_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    {
        let broker = open(dir.path());
        let vhost = broker.vhost("/").unwrap();
        vhost
            .declare_exchange(&exchange("x", "direct"), &actor())
            .unwrap();
        vhost
            .declare_exchange(&exchange("y", "direct"), &actor())
            .unwrap();
        for name in ["q", "r"] {
            vhost.declare_queue(declare(name), &actor()).unwrap();
            vhost.bind(&binding("x", name, "k"), &actor()).unwrap();
            vhost.bind(&binding("y", name, "k"), &actor()).unwrap();
        }
        vhost
            .delete_queue("q", DeleteIf::default(), &actor(), &mut Wakes::new())
            .unwrap();
        vhost
            .delete_exchange("y", DeleteIf::default(), &actor())
            .unwrap();
        vhost.unbind(&binding("x", "r", "k"), &actor()).unwrap();
        broker.close().unwrap();
    }
    let broker = open(dir.path());
    let vhost = broker.vhost("/").unwrap();
    assert!(vhost.queue("q").is_none());
    assert!(vhost.exchange("y").is_none());
    assert_eq!(routed(&vhost, "x", "k"), Vec::<String>::new());
    assert_eq!(
        vhost.bindings().len(),
        1,
        "only the default exchange's own binding of r"
    );
}

#[test]
fn auto_delete_exchanges_go_with_their_last_binding_through_a_chain() {
    let dir = tempfile::tempdir().unwrap();
    let broker = open(dir.path());
    let vhost = broker.vhost("/").unwrap();
    for name in ["a", "b"] {
        vhost
            .declare_exchange(
                &ExchangeDeclare {
                    auto_delete: true,
                    ..exchange(name, "fanout")
                },
                &actor(),
            )
            .unwrap();
    }
    vhost.declare_queue(declare("q"), &actor()).unwrap();
    let to_b = BindingSpec {
        destination: Destination::Exchange("b".to_owned()),
        ..binding("a", "", "")
    };
    vhost.bind(&to_b, &actor()).unwrap();
    vhost.bind(&binding("b", "q", ""), &actor()).unwrap();
    assert_eq!(routed(&vhost, "a", ""), ["q"]);
    let generation = vhost.generation();
    vhost
        .delete_queue("q", DeleteIf::default(), &actor(), &mut Wakes::new())
        .unwrap();
    assert!(vhost.exchange("b").is_none() && vhost.exchange("a").is_none());
    assert!(vhost.generation() > generation, "route caches must notice");
}

#[test]
fn an_alternate_exchange_gets_what_its_exchange_cannot_route() {
    let dir = tempfile::tempdir().unwrap();
    let broker = open(dir.path());
    let vhost = broker.vhost("/").unwrap();
    let mut main = exchange("main", "direct");
    main.arguments.insert(
        "alternate-exchange".into(),
        AMQPValue::LongString("rest".into()),
    );
    vhost.declare_exchange(&main, &actor()).unwrap();
    vhost
        .declare_exchange(&exchange("rest", "fanout"), &actor())
        .unwrap();
    for (source, name, key) in [("main", "q", "k"), ("rest", "other", "")] {
        vhost.declare_queue(declare(name), &actor()).unwrap();
        vhost.bind(&binding(source, name, key), &actor()).unwrap();
    }
    assert_eq!(routed(&vhost, "main", "k"), ["q"]);
    assert_eq!(routed(&vhost, "main", "?"), ["other"]);
}

#[test]
fn refusals_have_rabbitmqs_words() {
    let dir = tempfile::tempdir().unwrap();
    let broker = open(dir.path());
    let vhost = broker.vhost("/").unwrap();
    vhost.declare_queue(declare("q"), &actor()).unwrap();
    let says =
        |result: Result<(), Error>, text: &str| assert_eq!(result.unwrap_err().to_string(), text);
    let redeclare = |d: QueueDeclare| vhost.declare_queue(d, &actor()).map(drop);
    says(
        redeclare(QueueDeclare {
            durable: false,
            ..declare("q")
        }),
        "inequivalent arg 'durable' for queue 'q' in vhost '/': received 'false' but current is 'true'",
    );
    says(
        redeclare(declare("amq.q")),
        "queue name 'amq.q' contains reserved prefix 'amq.*'",
    );
    let mut with_ttl = declare("q");
    with_ttl
        .arguments
        .insert("x-message-ttl".into(), AMQPValue::LongInt(2));
    says(
        redeclare(with_ttl),
        "inequivalent arg 'x-message-ttl' for queue 'q' in vhost '/': received the value '2' of type 'signedint' but current is none",
    );
    says(
        vhost
            .declare_exchange(&exchange("x", "nonsense"), &actor())
            .map(drop),
        "unknown exchange type 'nonsense'",
    );
    says(
        vhost
            .declare_exchange(&exchange("", "direct"), &actor())
            .map(drop),
        "operation not permitted on the default exchange",
    );
    says(
        vhost
            .delete_exchange("amq.direct", DeleteIf::default(), &actor())
            .map(drop),
        "deletion of system exchange 'amq.direct' in vhost '/' not allowed",
    );
    says(
        vhost.find_queue("none", &actor()).map(drop),
        "no queue 'none' in vhost '/'",
    );
}

#[test]
fn redeclaring_with_integers_of_another_width_is_the_same_queue() {
    let dir = tempfile::tempdir().unwrap();
    let broker = open(dir.path());
    let vhost = broker.vhost("/").unwrap();
    for value in [
        AMQPValue::LongInt(60_000),
        AMQPValue::LongLongInt(60_000),
        AMQPValue::LongUInt(60_000),
    ] {
        let mut wanted = declare("q");
        wanted.arguments.insert("x-message-ttl".into(), value);
        vhost.declare_queue(wanted, &actor()).unwrap();
    }
}

#[test]
fn exclusive_queues_belong_to_their_connection_and_go_with_it() {
    let dir = tempfile::tempdir().unwrap();
    let broker = open(dir.path());
    let vhost = broker.vhost("/").unwrap();
    let exclusive = QueueDeclare {
        exclusive: true,
        ..declare("e")
    };
    let queue = vhost
        .declare_queue(exclusive.clone(), &actor())
        .unwrap()
        .queue;
    assert!(!queue.durable(), "an exclusive queue is never durable");
    let other = Actor {
        connection: Some(ConnectionId(2)),
        ..actor()
    };
    assert!(matches!(
        vhost.find_queue("e", &other),
        Err(Error::Locked(_))
    ));
    assert!(matches!(
        vhost.declare_queue(exclusive.clone(), &other),
        Err(Error::Locked(_))
    ));
    let as_transient = QueueDeclare {
        durable: false,
        ..exclusive
    };
    assert!(
        vhost.declare_queue(as_transient, &actor()).is_ok(),
        "its durable flag does not matter"
    );
    vhost.delete_exclusive_queues(ConnectionId(1), &mut Wakes::new());
    assert!(vhost.queue("e").is_none());
}

#[test]
fn guest_logs_in_from_loopback_only() {
    let dir = tempfile::tempdir().unwrap();
    let broker = open(dir.path());
    let now = broker.settings().started;
    let login = |name, password, loopback| {
        let host = if loopback { "127.0.0.1" } else { "10.0.0.1" };
        let protocol = LoginProtocol::Amqp;
        let from = LoginFrom {
            host,
            loopback,
            protocol,
        };
        broker.users().authenticate(name, password, from, now)
    };
    assert!(login("guest", "guest", true).is_ok());
    let refused = |name, password, loopback| login(name, password, loopback).err();
    assert_eq!(
        refused("guest", "guest", false),
        Some(LoginRefused::NotLoopback)
    );
    assert_eq!(
        refused("guest", "", true),
        Some(LoginRefused::WrongPassword)
    );
    assert_eq!(
        refused("nobody", "guest", true),
        Some(LoginRefused::UnknownUser)
    );
}

#[test]
fn a_virtual_host_is_deleted_with_all_that_is_in_it() {
    let dir = tempfile::tempdir().unwrap();
    let broker = open(dir.path());
    assert!(broker.create_vhost("other").created);
    assert!(!broker.create_vhost("other").created);
    let vhost = broker.vhost("other").unwrap();
    vhost.declare_queue(declare("q"), &actor()).unwrap();
    broker.delete_vhost("other").unwrap();
    assert!(broker.vhost("other").is_none());
    assert!(matches!(
        broker.delete_vhost("other"),
        Err(Error::NoVhost(_))
    ));
    broker.close().unwrap();
    drop((broker, vhost));
    assert!(open(dir.path()).vhost("other").is_none());
}
