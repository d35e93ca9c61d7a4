//! Dead letters: their headers, their ways, and that none is left behind.

use codec::{AMQPValue, BasicProperties};

use super::rules::*;
use super::*;

#[test]
fn a_rejected_message_tells_how_it_died() {
    let w = World::new();
    let dead = w.declare("dead", &[]);
    let q = w.declare(
        "q",
        &[
            ("x-dead-letter-exchange", text("")),
            ("x-dead-letter-routing-key", text("dead")),
        ],
    );
    put(&q, &plain().with_expiration("60000".into()), &["1"]);
    reject(&q, q.get(AckMode::Manual).unwrap().entry);
    assert_eq!(q.counts().unacked, 0);
    let got = dead.get(AckMode::Manual).unwrap().entry;
    assert_eq!(
        (got.message.exchange(), got.message.routing_key()),
        ("", "dead")
    );
    assert!(!got.redelivered && got.message.persistent() && got.expiry.is_never());
    assert_eq!(got.message.header().properties().unwrap().expiration, None);
    let table = headers(&got.message);
    for (name, value) in [
        ("x-first-death-exchange", ""),
        ("x-first-death-queue", "q"),
        ("x-first-death-reason", "rejected"),
        ("x-last-death-exchange", ""),
        ("x-last-death-queue", "q"),
        ("x-last-death-reason", "rejected"),
    ] {
        assert_eq!(codec::get_str(&table, name), Some(value), "{name}");
    }
    let mut keys = codec::FieldArray::default();
    keys.push(text("q"));
    let mut expected = FieldTable::default();
    for (key, value) in [
        ("count", int(1)),
        ("reason", text("rejected")),
        ("queue", text("q")),
        ("exchange", text("")),
        ("time", AMQPValue::Timestamp(START_MS / 1000)),
        ("routing-keys", AMQPValue::FieldArray(keys)),
        ("original-expiration", text("60000")),
    ] {
        expected.insert(key.into(), value);
    }
    assert_eq!(deaths(&got.message), [expected]);
}

#[test]
fn the_same_death_is_counted_and_comes_first() {
    let w = World::new();
    let work = w.declare(
        "work",
        &[
            ("x-dead-letter-exchange", text("")),
            ("x-dead-letter-routing-key", text("retry")),
        ],
    );
    w.declare(
        "retry",
        &[
            ("x-message-ttl", int(100)),
            ("x-dead-letter-exchange", text("")),
            ("x-dead-letter-routing-key", text("work")),
        ],
    );
    put(&work, &plain(), &["1"]);
    for round in 1..=3 {
        reject(&work, work.get(AckMode::Manual).unwrap().entry);
        assert_eq!(work.counts().ready, 0);
        w.pass(100);
        assert_eq!(work.counts().ready, 1, "a client's reject lets it go round");
        let entry = work.get(AckMode::Manual).unwrap().entry;
        let list: Vec<_> = deaths(&entry.message)
            .iter()
            .map(|death| {
                let text = |key| codec::get_str(death, key).unwrap().to_owned();
                (
                    text("queue"),
                    text("reason"),
                    codec::get_int(death, "count"),
                )
            })
            .collect();
        let of = |queue: &str, reason: &str| (queue.to_owned(), reason.to_owned(), Some(round));
        assert_eq!(list, [of("retry", "expired"), of("work", "rejected")]);
        let table = headers(&entry.message);
        assert_eq!(codec::get_str(&table, "x-first-death-queue"), Some("work"));
        assert_eq!(codec::get_str(&table, "x-last-death-queue"), Some("retry"));
        give_back(&work, entry);
    }
}

#[test]
fn circles_without_a_reject_end() {
    let w = World::new();
    let arguments = |next: &str| {
        [
            ("x-message-ttl", int(100)),
            ("x-dead-letter-exchange", text("")),
            ("x-dead-letter-routing-key", text(next)),
        ]
    };
    let (a, b) = (
        w.declare("a", &arguments("b")),
        w.declare("b", &arguments("a")),
    );
    let own = w.declare("own", &arguments("own"));
    put(&a, &plain(), &["1"]);
    put(&own, &plain(), &["2"]);
    w.pass(100);
    assert_eq!(
        (a.counts().ready, b.counts().ready, own.counts().ready),
        (0, 1, 0)
    );
    w.pass(100);
    assert_eq!((a.counts().ready, b.counts().ready), (0, 0));
    assert_eq!(w.vhost().dead_letters().snapshot().cycles, 2);
    w.broker.store_for_tests().checkpoint().unwrap();
    assert_eq!(w.broker.store_stats().live, 0);
}

#[test]
fn headers_that_a_publisher_has_sent_are_not_the_brokers() {
    let w = World::new();
    let dead = w.declare("dead", &[]);
    let q = w.declare(
        "q",
        &[
            ("x-dead-letter-exchange", text("")),
            ("x-dead-letter-routing-key", text("dead")),
        ],
    );
    put(&q, &plain(), &["1"]);
    reject(&q, q.get(AckMode::Manual).unwrap().entry);
    let died = dead.get(AckMode::Automatic).unwrap().entry.message;
    // A consumer publishes what it got, headers and all.
    let properties = codec::to_basic_properties(&died.header()).unwrap();
    put(&q, &properties, &["2"]);
    let again = q.get(AckMode::Manual).unwrap().entry;
    assert_eq!(deaths(&again.message).len(), 1, "passed on as they are");
    reject(&q, again);
    let died = dead.get(AckMode::Automatic).unwrap().entry.message;
    assert_eq!(
        codec::get_int(&deaths(&died)[0], "count"),
        Some(1),
        "counted anew"
    );
}

#[test]
fn deaths_are_known_for_the_brokers_own_after_a_restart() {
    let w = World::new();
    let arguments = |next: &str| {
        [
            ("x-dead-letter-exchange", text("")),
            ("x-dead-letter-routing-key", text(next)),
        ]
    };
    let (a, _) = (
        w.declare("a", &arguments("b")),
        w.declare("b", &arguments("a")),
    );
    put(&a, &plain(), &["1"]);
    reject(&a, a.get(AckMode::Manual).unwrap().entry);
    drop(a);
    let w = w.reopen(false);
    let (a, b) = (w.vhost().queue("a").unwrap(), w.vhost().queue("b").unwrap());
    reject(&b, b.get(AckMode::Manual).unwrap().entry);
    reject(&a, a.get(AckMode::Manual).unwrap().entry);
    let counts: Vec<_> = deaths(&b.get(AckMode::Manual).unwrap().entry.message)
        .iter()
        .map(|death| codec::get_int(death, "count").unwrap())
        .collect();
    assert_eq!(counts, [2, 1]);
}

#[test]
fn without_a_dead_letter_exchange_nothing_is_left() {
    let w = World::new();
    let q = w.declare("q", &[("x-dead-letter-exchange", text("missing"))]);
    let none = w.declare("none", &[]);
    for queue in [&q, &none] {
        put(queue, &plain(), &["1"]);
        reject(queue, queue.get(AckMode::Manual).unwrap().entry);
    }
    w.broker.store_for_tests().checkpoint().unwrap();
    assert_eq!(w.broker.store_stats().live, 0);
}

#[test]
fn a_rejected_message_that_is_in_the_store_only_is_dead_lettered_too() {
    let w = World::new();
    let dead = w.declare("dead", &[]);
    let q = w.declare(
        "q",
        &[
            ("x-dead-letter-exchange", text("")),
            ("x-dead-letter-routing-key", text("dead")),
        ],
    );
    put(&q, &plain(), &["1", "2"]);
    q.services.store.wait(q.recorded()).unwrap();
    let mut rejected = (0..2)
        .map(|_| Rejected {
            settled: Settled::of(&q.get(AckMode::Manual).unwrap().entry, None),
            entry: None,
        })
        .collect();
    q.reject(&mut rejected, &mut Wakes::new());
    w.run_due();
    assert_eq!(all(&dead), ["1", "2"]);
    w.broker.store_for_tests().checkpoint().unwrap();
    assert_eq!((w.broker.store_stats().live, q.counts().unacked), (0, 0));
}

#[test]
fn dead_letters_that_have_to_be_read_are_not_overtaken() {
    let w = World::new();
    let dead = w.declare("dead", &[]);
    let arguments = [
        ("x-dead-letter-exchange", text("")),
        ("x-dead-letter-routing-key", text("dead")),
    ];
    let q = w.declare("q", &arguments);
    put(&q, &plain(), &["1", "2"]);
    put(&q, &BasicProperties::default(), &["3"]);
    q.services.store.wait(q.recorded()).unwrap();
    let mut held: Vec<Rejected> = std::iter::from_fn(|| q.get(AckMode::Manual))
        .map(|got| Rejected::of(got.entry, None))
        .collect();
    // Its channel has left the first one to the store.
    held[0].entry = None;
    q.reject(&mut held, &mut Wakes::new());
    assert_eq!((dead.counts().ready, q.counts().dead_letters), (0, 3));
    w.run_due();
    assert_eq!(all(&dead), ["1", "2", "3"]);
    assert_eq!(q.counts().dead_letters, 0);
    // Nobody waits any more: the next one goes at once.
    put(&q, &plain(), &["4"]);
    reject(&q, q.get(AckMode::Manual).unwrap().entry);
    assert_eq!(all(&dead), ["4"]);
}
