//! Messages followed live.

use std::{
    io::{BufRead, BufReader, Write},
    net::TcpStream,
};

use serde_json::{Value, json};
use tests::{
    Broker, PATIENCE, Wire, eventually,
    http::base64,
    shared,
    wire::{Properties, Table, basic, queue},
};

/// Server-sent events of one request.
struct Events {
    status: String,
    lines: Box<dyn Iterator<Item = String>>,
}

impl Events {
    fn of(broker: &Broker, parameters: &str) -> Self {
        Self::of_user(broker, parameters, "guest:guest")
    }

    fn of_user(broker: &Broker, parameters: &str, user: &str) -> Self {
        let mut stream = TcpStream::connect(broker.http_address()).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let login = base64(user.as_bytes());
        let request = format!(
            "GET /api/leveret/trace/%2F?{parameters} HTTP/1.1\r\nHost: x\r\n\
             Authorization: Basic {login}\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).unwrap();
        let mut lines = BufReader::new(stream).lines().map(Result::unwrap);
        let mut head = lines.by_ref().take_while(|line| !line.is_empty());
        let status = head.next().unwrap();
        head.for_each(drop);
        let lines = Box::new(lines);
        Self { status, lines }
    }

    /// The next event's name and data.
    fn next(&mut self) -> (String, Value) {
        let mut name = String::new();
        loop {
            let line = self.lines.next().expect("the events have ended");
            if let Some(given) = line.strip_prefix("event: ") {
                given.clone_into(&mut name);
            } else if let Some(data) = line.strip_prefix("data: ") {
                return (name, serde_json::from_str(data).unwrap());
            }
        }
    }

    /// The next event, which must be this one of this message.
    #[track_caller]
    fn expect(&mut self, event: &str, number: u64) -> Value {
        let (name, data) = self.next();
        assert_eq!(name, "trace");
        assert_eq!(
            (&data["event"], &data["number"]),
            (&json!(event), &json!(number)),
            "{data:#}"
        );
        data
    }
}

fn publish(w: &mut Wire, exchange: &str, key: &str, body: &str) {
    let properties = Properties {
        message_id: Some(format!("id of {body:.40}")),
        ..Properties::persistent()
    };
    w.publish(1, &basic::publish(exchange, key, 0), &properties, body);
}

#[test]
fn a_message_is_followed_from_its_publish_to_its_ack() {
    let broker = shared();
    let mut w = broker.open();
    w.declare_exchange("fo-x", "topic", 0, &Table::new());
    w.declare("fo-q", 0);
    w.bind("fo-q", "fo-x", "eu.#");
    let mut events = Events::of(
        broker,
        "exchange=fo-x&routing_key=eu.*.de&queue=fo-q&text=WANTED",
    );
    for (key, body) in [
        ("eu.order.fr", "wanted"),
        ("eu.order.de", "something else"),
        ("us.order.de", "wanted"),
        ("eu.order.de", "This is wanted"),
    ] {
        publish(&mut w, "fo-x", key, body);
    }
    let published = events.expect("published", 0);
    assert_eq!(published["payload"], "This is wanted");
    assert_eq!(published["message_id"], "id of This is wanted");
    assert_eq!(published["exchange"], "fo-x");
    assert_eq!(published["routing_key"], "eu.order.de");
    assert_eq!(published["us_since_publish"], 0);
    assert!(published["at_ms"].as_u64().unwrap() > 1_600_000_000_000);
    let peer = w.local().to_string();
    assert!(published["connection"].as_str().unwrap().contains(&peer));
    assert_eq!(events.expect("routed", 0)["queues"], json!(["fo-q"]));
    w.consume("fo-q", "fo-tag", 0);
    for _ in 0..3 {
        w.delivery(1);
    }
    w.send(1, &basic::ack(0, basic::MULTIPLE));
    let delivered = events.expect("delivered", 0);
    assert_eq!(delivered["consumer_tag"], "fo-tag");
    assert_eq!(delivered["redelivered"], false);
    assert_eq!(delivered["queue"], "fo-q");
    let acked = events.expect("acked", 0);
    assert_eq!(acked["queue"], "fo-q");
    assert!(delivered["us_since_publish"].as_u64() <= acked["us_since_publish"].as_u64());
}

#[test]
fn a_message_that_comes_back_and_dies_stays_the_same_one() {
    let broker = shared();
    let mut w = broker.open();
    w.declare("fo-dead", 0);
    let arguments = Table::new()
        .str("x-dead-letter-exchange", "")
        .str("x-dead-letter-routing-key", "fo-dead");
    w.declare_with("fo-dies", 0, &arguments);
    let mut events = Events::of(broker, "text=fo-mortal");
    publish(&mut w, "", "fo-nowhere", "fo-mortal 0");
    events.expect("published", 0);
    events.expect("unroutable", 0);
    publish(&mut w, "", "fo-dies", "fo-mortal 1");
    events.expect("published", 1);
    events.expect("routed", 1);
    let first = w.get("fo-dies", false).unwrap();
    assert_eq!(events.expect("delivered", 1)["consumer_tag"], "");
    w.send(1, &basic::reject(first.tag, true));
    events.expect("requeued", 1);
    let second = w.get("fo-dies", false).unwrap();
    assert_eq!(events.expect("delivered", 1)["redelivered"], true);
    w.send(1, &basic::reject(second.tag, false));
    events.expect("rejected", 1);
    let died = events.expect("dead_lettered", 1);
    assert_eq!(
        (&died["reason"], &died["queue"]),
        (&json!("rejected"), &json!("fo-dies"))
    );
    assert_eq!(died["queues"], json!(["fo-dead"]));
    w.get("fo-dead", true).unwrap();
    assert_eq!(events.expect("delivered", 1)["queue"], "fo-dead");
    events.expect("acked", 1);
    // A death without a letter is the end.
    w.declare_with("fo-short", 0, &Table::new().int("x-max-length", 0));
    publish(&mut w, "", "fo-short", "fo-mortal 2");
    events.expect("published", 2);
    events.expect("routed", 2);
    assert_eq!(events.expect("dropped", 2)["reason"], "maxlen");
    // What waits already is followed from its delivery on.
    publish(&mut w, "", "fo-dead", "early");
    eventually("it is there", || (w.depth("fo-dead").0 == 1).then_some(()));
    let mut late = Events::of(broker, "queue=fo-dead");
    w.get("fo-dead", true).unwrap();
    let delivered = late.expect("delivered", 0);
    assert_eq!(delivered["us_since_publish"], Value::Null);
    assert_eq!(delivered["payload"], "early");
}

#[test]
fn a_message_that_was_in_the_store_only_is_known_again() {
    let broker = shared();
    let mut w = broker.open();
    w.declare("fo-deep", queue::DURABLE);
    w.confirm_select();
    let mut events = Events::of(broker, "text=fo-needle&queue=fo-deep");
    let filler = "x".repeat(30_000);
    for n in 0..400 {
        let needle = if n == 300 { "fo-needle" } else { "" };
        publish(&mut w, "", "fo-deep", &format!("{n:04}{filler}{needle}"));
    }
    w.await_confirms(400);
    let published = events.expect("published", 0);
    assert_eq!(published["payload"].as_str().unwrap().len(), 200);
    events.expect("routed", 0);
    w.consume("fo-deep", "", basic::NO_ACK);
    for _ in 0..400 {
        w.delivery(1);
    }
    events.expect("delivered", 0);
    events.expect("acked", 0);
}

#[test]
fn following_ends_and_is_bounded() {
    let broker = Broker::start();
    let mut w = broker.open();
    w.declare("fo-many", 0);
    let mut short = Events::of(&broker, "seconds=1&queue=fo-none");
    let (name, data) = short.next();
    assert_eq!(
        (&*name, data),
        ("end", json!({"reason": "time", "events": 0}))
    );
    let mut followers: Vec<Events> = (0..8).map(|_| Events::of(&broker, "")).collect();
    assert!(Events::of(&broker, "").status.contains("503"));
    for _ in 0..600 {
        w.enqueue("fo-many", "x");
    }
    let first = followers.first_mut().unwrap();
    for n in 0..500 {
        first.expect("published", n);
        first.expect("routed", n);
    }
    let (name, data) = first.next();
    assert_eq!(
        (&*name, data),
        ("end", json!({"reason": "events", "events": 1000}))
    );
    drop(followers);
    eventually("there is room again", || {
        Events::of(&broker, "").status.contains("200").then_some(())
    });
}

#[test]
fn only_administrators_follow_messages() {
    let broker = shared();
    let http = broker.http();
    let user = json!({"password": "fo", "tags": "monitoring"});
    http.put("/users/fo-monitor", &user).ok(201);
    let all = json!({"configure": ".*", "write": ".*", "read": ".*"});
    http.put("/permissions/%2F/fo-monitor", &all).ok(201);
    let refused = Events::of_user(broker, "", "fo-monitor:fo");
    assert!(refused.status.contains("401"), "{}", refused.status);
    assert_eq!(http.get("/leveret/trace/fo-none").status, 404);
    assert_eq!(http.get("/leveret/trace/%2F?seconds=x").status, 400);
}
