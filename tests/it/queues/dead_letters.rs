//! Dead-lettering.

use std::time::{SystemTime, UNIX_EPOCH};

use tests::{
    shared,
    wire::{Properties, Table, Value, Wire, basic, exchange, queue},
};

use super::{dead_to, deaths, header, summary, until};

fn reject(w: &mut Wire, name: &str) {
    let got = w.get(name, false).unwrap();
    w.send(1, &basic::reject(got.tag, false));
}

fn strings(values: &[&str]) -> Value {
    Value::Array(values.iter().map(|value| Value::from(*value)).collect())
}

#[test]
fn a_rejected_message_says_everything_about_its_death() {
    let mut w = shared().open();
    w.declare_exchange("dl-dlx", "fanout", exchange::AUTO_DELETE, &Table::new());
    w.declare("dl-dead", queue::EXCLUSIVE);
    w.bind("dl-dead", "dl-dlx", "");
    let arguments = Table::new().str("x-dead-letter-exchange", "dl-dlx");
    w.declare_with("dl-q", queue::EXCLUSIVE, &arguments);
    w.bind("dl-q", "amq.direct", "dl-key");
    let sent = Properties {
        content_type: Some("text/plain".into()),
        headers: Some(Table::new().str("mine", "kept").strs("CC", &["dl-cc"])),
        expiration: Some("100000".into()),
        message_id: Some("id".into()),
        ..Properties::persistent()
    };
    w.publish(1, &basic::publish("amq.direct", "dl-key", 0), &sent, "body");
    reject(&mut w, "dl-q");
    let got = w.get("dl-dead", true).unwrap();
    assert_eq!(
        (got.exchange.as_str(), got.key.as_str()),
        ("dl-dlx", "dl-key")
    );
    assert_eq!((got.body, got.redelivered), (b"body".to_vec(), false));
    let p = &got.properties;
    assert_eq!((p.expiration.as_ref(), p.delivery_mode), (None, Some(2)));
    assert_eq!(p.content_type.as_deref(), Some("text/plain"));
    assert_eq!(p.message_id.as_deref(), Some("id"));
    for (name, value) in [
        ("mine", Value::from("kept")),
        ("CC", strings(&["dl-cc"])),
        ("x-first-death-exchange", "amq.direct".into()),
        ("x-first-death-queue", "dl-q".into()),
        ("x-first-death-reason", "rejected".into()),
        ("x-last-death-exchange", "amq.direct".into()),
        ("x-last-death-queue", "dl-q".into()),
        ("x-last-death-reason", "rejected".into()),
    ] {
        assert_eq!(header(p, name), Some(value), "{name}");
    }
    let mut death = deaths(p).remove(0);
    death.retain(|(key, value)| match value {
        Value::Raw(b'T', bytes) if key == "time" => {
            let seconds = u64::from_be_bytes(bytes[..].try_into().unwrap());
            let now = SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .unwrap()
                .as_secs();
            assert!(now - seconds < 60, "{seconds}");
            false
        }
        _ => true,
    });
    let expected: Vec<(String, Value)> = [
        ("count", Value::Int(1)),
        ("exchange", "amq.direct".into()),
        ("original-expiration", "100000".into()),
        ("queue", "dl-q".into()),
        ("reason", "rejected".into()),
        ("routing-keys", strings(&["dl-key", "dl-cc"])),
    ]
    .map(|(key, value)| (key.to_owned(), value))
    .into();
    death.sort_by(|a, b| a.0.cmp(&b.0));
    assert_eq!(death, expected);
}

#[test]
fn each_way_to_die_has_its_reason() {
    let mut w = shared().open();
    w.declare("dl-why", queue::EXCLUSIVE);
    for (name, arguments, reason) in [
        (
            "dl-why-ttl",
            dead_to("dl-why").int("x-message-ttl", 20),
            "expired",
        ),
        (
            "dl-why-max",
            dead_to("dl-why").int("x-max-length", 0),
            "maxlen",
        ),
    ] {
        w.declare_with(name, queue::EXCLUSIVE, &arguments);
        w.enqueue(name, reason);
        until("it is dead", || w.depth("dl-why").0 == 1);
        let got = w.get("dl-why", true).unwrap();
        assert_eq!(summary(&got.properties), [(name.into(), reason.into(), 1)]);
    }
}

#[test]
fn nack_of_many_dead_letters_all_in_order_and_requeue_none() {
    let mut w = shared().open();
    w.declare("dl-many-dead", queue::EXCLUSIVE);
    w.declare_with("dl-many", queue::EXCLUSIVE, &dead_to("dl-many-dead"));
    for body in ["1", "2", "3", "4"] {
        w.enqueue("dl-many", body);
    }
    let mut last = 0;
    for _ in 0..3 {
        last = w.get("dl-many", false).unwrap().tag;
    }
    let fourth = w.get("dl-many", false).unwrap().tag;
    w.send(1, &basic::nack(last, basic::MULTIPLE));
    w.send(1, &basic::nack(fourth, basic::REQUEUE));
    assert_eq!(w.drain("dl-many-dead"), ["1", "2", "3"]);
    assert_eq!(w.drain("dl-many"), ["4"]);
}

#[test]
fn without_a_key_its_own_and_those_of_cc_are_used_with_one_only_that() {
    let mut w = shared().open();
    for name in ["dl-k-own", "dl-k-cc", "dl-k-one"] {
        w.declare(name, queue::EXCLUSIVE);
        w.bind(name, "amq.topic", name);
    }
    let own = Table::new().str("x-dead-letter-exchange", "amq.topic");
    w.declare_with("dl-k-1", queue::EXCLUSIVE, &own);
    let one = own.str("x-dead-letter-routing-key", "dl-k-one");
    w.declare_with("dl-k-2", queue::EXCLUSIVE, &one);
    for name in ["dl-k-1", "dl-k-2"] {
        w.bind(name, "amq.direct", "dl-k-own");
        let cc = Properties::headers(Table::new().strs("CC", &["dl-k-cc"]));
        w.publish(1, &basic::publish("amq.direct", "dl-k-own", 0), &cc, name);
        reject(&mut w, name);
        w.send(
            1,
            &queue::unbind(name, "amq.direct", "dl-k-own", &Table::new()),
        );
        w.expect(1, queue::UNBIND_OK);
    }
    assert_eq!(w.drain("dl-k-own"), ["dl-k-1"]);
    assert_eq!(w.drain("dl-k-cc"), ["dl-k-1"]);
    let got = w.get("dl-k-one", true).unwrap();
    assert_eq!(
        (got.key.as_str(), got.body),
        ("dl-k-one", b"dl-k-2".to_vec())
    );
    assert!(
        header(&got.properties, "CC").is_some(),
        "kept for who reads it"
    );
}

#[test]
fn a_missing_dead_letter_exchange_drops() {
    let mut w = shared().open();
    let arguments = Table::new().str("x-dead-letter-exchange", "dl-missing");
    w.declare_with("dl-nowhere", queue::EXCLUSIVE, &arguments);
    w.enqueue("dl-nowhere", "x");
    reject(&mut w, "dl-nowhere");
    assert_eq!(w.depth("dl-nowhere").0, 0);
}

#[test]
fn retries_with_growing_delays_go_round_and_count() {
    let mut w = shared().open();
    w.declare_with("dl-work", queue::EXCLUSIVE, &dead_to("dl-wait-1"));
    for (name, ms) in [("dl-wait-1", 30), ("dl-wait-2", 60)] {
        let arguments = dead_to("dl-work").int("x-message-ttl", ms);
        w.declare_with(name, queue::EXCLUSIVE, &arguments);
    }
    w.enqueue("dl-work", "job");
    for round in 1..=2 {
        reject(&mut w, "dl-work");
        assert_eq!(w.depth("dl-work").0, 0);
        until("it is back", || w.depth("dl-work").0 == 1);
        let got = w.get("dl-work", false).unwrap();
        let expected = [
            ("dl-wait-1".to_owned(), "expired".to_owned(), round),
            ("dl-work".to_owned(), "rejected".to_owned(), round),
        ];
        assert_eq!(summary(&got.properties), expected);
        assert_eq!(
            header(&got.properties, "x-first-death-queue"),
            Some("dl-work".into())
        );
        w.send(1, &basic::reject(got.tag, true));
    }
    // The application chooses the longer wait itself, with what it got.
    let got = w.get("dl-work", true).unwrap();
    w.publish(
        1,
        &basic::publish("", "dl-wait-2", 0),
        &got.properties,
        &got.body,
    );
    until("it is back", || w.depth("dl-work").0 == 1);
    let got = w.get("dl-work", true).unwrap();
    assert_eq!(
        summary(&got.properties),
        [("dl-wait-2".into(), "expired".into(), 1)],
        "headers of a publisher are not the broker's: counted anew"
    );
}

#[test]
fn a_circle_without_a_reject_ends() {
    let mut w = shared().open();
    w.declare_with(
        "dl-c1",
        queue::EXCLUSIVE,
        &dead_to("dl-c2").int("x-message-ttl", 20),
    );
    w.declare_with(
        "dl-c2",
        queue::EXCLUSIVE,
        &dead_to("dl-c1").int("x-message-ttl", 20),
    );
    w.declare_with(
        "dl-self",
        queue::EXCLUSIVE,
        &dead_to("dl-self").int("x-max-length", 0),
    );
    w.enqueue("dl-c1", "x");
    w.enqueue("dl-self", "x");
    until("it has gone once round", || {
        w.depth("dl-c1").0 + w.depth("dl-c2").0 == 0
    });
    assert_eq!(w.depth("dl-self").0, 0);
}

#[test]
fn bcc_is_gone_before_and_deletion_and_purge_are_no_deaths() {
    let mut w = shared().open();
    w.declare("dl-b-dead", queue::EXCLUSIVE);
    w.declare_with("dl-b", queue::DURABLE, &dead_to("dl-b-dead"));
    let bcc = Properties::headers(Table::new().strs("BCC", &["dl-b-other"]));
    w.publish(1, &basic::publish("", "dl-b", 0), &bcc, "1");
    reject(&mut w, "dl-b");
    let got = w.get("dl-b-dead", true).unwrap();
    assert_eq!(header(&got.properties, "BCC"), None);
    w.enqueue("dl-b", "2");
    w.call(1, &queue::purge("dl-b"), queue::PURGE_OK);
    w.enqueue("dl-b", "3");
    w.get("dl-b", false).unwrap();
    w.enqueue("dl-b", "4");
    w.call(1, &queue::delete("dl-b", 0), queue::DELETE_OK);
    assert_eq!(w.depth("dl-b-dead").0, 0);
}
