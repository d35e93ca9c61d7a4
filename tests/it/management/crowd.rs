//! Thousands of API calls at the same time, while messages flow.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tests::{Broker, Http, wire::basic};

/// HTTP clients at the same time: nearly as many as the broker has places for.
const CLIENTS: usize = 500;
/// Calls of each.
const CALLS: usize = 20;
/// How long a message may take beside them, in a debug build on a machine that does other things.
const LATENCY_MAX: Duration = Duration::from_secs(5);
/// More than `management.http.max_body_size`.
const BIG: usize = 20_000_001;

/// One call and what is right for it.
#[derive(Clone, Copy)]
enum Call {
    SortedPage,
    Overview,
    Publish,
    Get,
    DeclareAndDelete,
    WrongJson,
    MissingKey,
    BadRegex,
    BadPage,
    NoVhost,
    NoPath,
    NoLogin,
    NoMethod,
}

const EVERY: [Call; 13] = [
    Call::SortedPage,
    Call::Overview,
    Call::Publish,
    Call::Get,
    Call::DeclareAndDelete,
    Call::WrongJson,
    Call::MissingKey,
    Call::BadRegex,
    Call::BadPage,
    Call::NoVhost,
    Call::NoPath,
    Call::NoLogin,
    Call::NoMethod,
];

impl Call {
    fn check(self, http: &Http, client: usize) {
        match self {
            Self::SortedPage => {
                let path = "/queues?page=1&page_size=10&sort=messages&sort_reverse=true\
                            &name=mc-.%2A&use_regex=true";
                let page = http.json(path);
                assert!(page["filtered_count"].as_u64().unwrap() >= 20, "{page:#}");
                let messages = |item: &Value| item["messages"].as_u64().unwrap();
                let items = page["items"].as_array().unwrap();
                assert!(items.is_sorted_by(|a, b| messages(a) >= messages(b)));
            }
            Self::Overview => assert!(http.json("/overview")["object_totals"].is_object()),
            Self::Publish => {
                let message = json!({"routing_key": queue(client), "properties": {},
                    "payload": "x", "payload_encoding": "string"});
                let path = "/exchanges/%2F/amq.default/publish";
                assert_eq!(http.post(path, &message).ok(200).json()["routed"], true);
            }
            Self::Get => {
                let get = json!({"count": 2, "ackmode": "ack_requeue_false", "encoding": "auto"});
                let path = format!("/queues/%2F/{}/get", queue(client));
                assert!(http.post(&path, &get).ok(200).json().is_array());
            }
            Self::DeclareAndDelete => {
                let path = format!("/queues/%2F/mc-own-{client}");
                let declare = json!({"durable": true});
                let status = http.put(&path, &declare).status;
                assert!([201, 204].contains(&status), "{status}");
                http.delete(&path).ok(204);
            }
            wrong => wrong.check_refused(http),
        }
    }

    fn check_refused(self, http: &Http) {
        let publish = "/exchanges/%2F/amq.default/publish";
        let answer = match self {
            Self::WrongJson => http.request("PUT", "/api/queues/%2F/mc-w", Some("{\"durable\":")),
            Self::MissingKey => http.post(publish, &json!({"payload": "x"})),
            Self::BadRegex => http.get("/queues?page=1&name=%28&use_regex=true"),
            Self::BadPage => http.get("/queues?page=0"),
            Self::NoVhost => http.get("/queues/nowhere"),
            Self::NoPath => http.get("/nothing"),
            Self::NoLogin => http.clone().authorized(None).get("/overview"),
            _ => http.request("PATCH", "/api/overview", Some("{}")),
        };
        let (status, error) = match self {
            Self::NoLogin => (401, "not_authorized"),
            Self::NoVhost => (404, "not_found"),
            Self::NoPath => (404, "Object Not Found"),
            Self::NoMethod => (405, ""),
            _ => (400, "bad_request"),
        };
        let answer = answer.ok(status);
        if !error.is_empty() {
            assert!(answer.json()["error"] == error, "{}", answer.json());
        }
    }
}

fn queue(client: usize) -> String {
    format!("mc-{}", client % 20)
}

/// Sends messages through a queue one by one until told to stop; how many, and the slowest.
fn pass_messages(broker: &Broker, stop: &AtomicBool) -> (u64, Duration) {
    let mut w = broker.open();
    w.declare("mc-beside", 0);
    w.consume("mc-beside", "", basic::NO_ACK);
    let (mut passed, mut slowest) = (0, Duration::ZERO);
    while !stop.load(Ordering::Relaxed) {
        let sent = Instant::now();
        w.enqueue("mc-beside", "x");
        w.delivery(1);
        slowest = slowest.max(sent.elapsed());
        passed += 1;
    }
    (passed, slowest)
}

/// Publishes as fast as the broker takes it, until told to stop.
fn flood(broker: &Broker, stop: &AtomicBool) {
    let mut w = broker.open();
    w.declare("mc-flood", 0);
    w.consume("mc-flood", "", basic::NO_ACK);
    while !stop.load(Ordering::Relaxed) {
        for _ in 0..500 {
            w.enqueue("mc-flood", "x");
        }
        w.bodies(500);
    }
}

#[test]
fn ten_thousand_calls_while_messages_flow_are_answered_right() {
    let broker = Broker::start();
    let http = broker.http();
    for client in 0..20 {
        let path = format!("/queues/%2F/{}", queue(client));
        http.put(&path, &json!({"durable": true})).ok(201);
    }
    let stop = AtomicBool::new(false);
    let (passed, slowest) = thread::scope(|scope| {
        let beside = scope.spawn(|| pass_messages(&broker, &stop));
        let flood = scope.spawn(|| flood(&broker, &stop));
        let clients: Vec<_> = (0..CLIENTS)
            .map(|client| {
                let http = http.clone();
                let talk = move || {
                    for call in 0..CALLS {
                        EVERY[(client + call) % EVERY.len()].check(&http, client);
                    }
                };
                scope.spawn(talk)
            })
            .collect();
        let big = format!("\"{}\"", "x".repeat(BIG));
        for _ in 0..5 {
            // The broker may hang up on the sender once it has seen the length.
            let status = http.try_request("PUT", "/api/queues/%2F/mc-big", &big);
            assert!(matches!(status, None | Some(400)), "{status:?}");
        }
        let failed = clients.into_iter().filter_map(|client| client.join().err());
        let failed = failed.count();
        stop.store(true, Ordering::Relaxed);
        flood.join().unwrap();
        let beside = beside.join().unwrap();
        assert_eq!(failed, 0, "clients were answered wrong");
        beside
    });
    assert!(passed > 100, "{passed} messages");
    assert!(slowest < LATENCY_MAX, "a message took {slowest:?}");
    assert!(!broker.log().contains("panic"), "{}", broker.log());
}
