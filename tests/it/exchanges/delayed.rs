//! x-delayed-message.

use super::{publish, refused};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tests::{
    Broker, Wire, eventually, http, shared, unique,
    wire::{Properties, Table, Value, basic, exchange, lookup, queue, tx},
};

const KIND: &str = "x-delayed-message";

fn delayed(kind: &str) -> Table {
    Table::new().str("x-delayed-type", kind)
}

fn after(ms: i32) -> Table {
    Table::new().int("x-delay", ms)
}

/// A delayed fanout exchange with one queue.
fn bound(w: &mut Wire) -> (String, String) {
    let x = unique("x-delayed");
    w.declare_exchange(&x, KIND, 0, &delayed("fanout"));
    let q = format!("{x}-q");
    w.declare(&q, queue::EXCLUSIVE);
    w.bind(&q, &x, "");
    (x, q)
}

fn now_ms() -> u128 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_millis()
}

#[test]
fn a_message_comes_after_its_delay() {
    let mut w = shared().open();
    let (x, q) = bound(&mut w);
    w.consume(&q, "c", basic::NO_ACK);
    let start = Instant::now();
    publish(&mut w, &x, "k", after(250), "m");
    assert_eq!(w.delivery(1).body, b"m");
    let took = start.elapsed();
    assert!(took >= Duration::from_millis(249), "{took:?}");
}

#[test]
fn messages_come_in_order_of_their_time() {
    let mut w = shared().open();
    let (x, q) = bound(&mut w);
    w.consume(&q, "c", basic::NO_ACK);
    for (delay, body) in [(400, "4"), (100, "1"), (300, "3"), (200, "2"), (0, "0")] {
        publish(&mut w, &x, "k", after(delay), body);
    }
    assert_eq!(w.bodies(5), ["0", "1", "2", "3", "4"]);
}

#[test]
fn the_delivered_header_is_negated() {
    let mut w = shared().open();
    let (x, q) = bound(&mut w);
    w.consume(&q, "c", basic::NO_ACK);
    publish(&mut w, &x, "k", after(30).str("other", "kept"), "m");
    let headers = w.delivery(1).properties.header_entries();
    assert_eq!(lookup(&headers, "x-delay"), Some(&Value::Int(-30)));
    assert_eq!(lookup(&headers, "other"), Some(&"kept".into()));
}

#[test]
fn a_negated_delay_does_not_delay_again() {
    let mut w = shared().open();
    let (x, q) = bound(&mut w);
    let next = format!("{x}-next");
    w.declare_exchange(&next, KIND, exchange::AUTO_DELETE, &delayed("fanout"));
    w.bind(&q, &next, "");
    w.call(
        1,
        &queue::unbind(&q, &x, "", &Table::new()),
        queue::UNBIND_OK,
    );
    w.call(
        1,
        &exchange::bind(&next, &x, "", &Table::new()),
        exchange::BIND_OK,
    );
    w.consume(&q, "c", basic::NO_ACK);
    let start = Instant::now();
    publish(&mut w, &x, "k", after(600), "m");
    w.delivery(1);
    assert!(start.elapsed() < Duration::from_millis(1_150));
}

#[test]
fn the_inner_type_routes_when_the_time_has_come() {
    let mut w = shared().open();
    let x = unique("x-delayed");
    w.declare_exchange(&x, KIND, 0, &delayed("topic"));
    let (yes, no) = (format!("{x}-yes"), format!("{x}-no"));
    w.declare(&yes, queue::EXCLUSIVE);
    w.declare(&no, queue::EXCLUSIVE);
    w.bind(&no, &x, "other.#");
    w.consume(&yes, "c", basic::NO_ACK);
    publish(&mut w, &x, "a.b", after(300), "m");
    // Bound after the publish, and before the time.
    w.bind(&yes, &x, "a.*");
    assert_eq!(w.delivery(1).body, b"m");
    assert_eq!(w.depth(&no), (0, 0));
}

#[test]
fn a_delayed_message_counts_as_routed_and_is_confirmed_when_stored() {
    let mut w = shared().open();
    let x = unique("x-delayed");
    w.declare_exchange(&x, KIND, exchange::DURABLE, &delayed("direct"));
    w.confirm_select();
    let properties = Properties::headers(after(3_600_000));
    let mandatory = basic::publish(&x, "nowhere", basic::MANDATORY);
    w.publish(1, &mandatory, &properties, "m");
    w.await_confirms(1);
    w.call(1, &exchange::delete(&x, 0), exchange::DELETE_OK);
}

#[test]
fn a_transaction_delays_at_its_commit() {
    let mut w = shared().open();
    let (x, q) = bound(&mut w);
    w.call(1, &tx::select(), tx::SELECT_OK);
    publish(&mut w, &x, "k", after(20), "forgotten");
    w.call(1, &tx::rollback(), tx::ROLLBACK_OK);
    publish(&mut w, &x, "k", after(20), "m");
    w.call(1, &tx::commit(), tx::COMMIT_OK);
    w.consume(&q, "c", basic::NO_ACK);
    assert_eq!(w.delivery(1).body, b"m");
    w.expect_silence();
}

#[test]
fn a_delayed_type_is_required() {
    let mut w = shared().open();
    let text = "Invalid argument, 'x-delayed-type' must be an existing exchange type";
    refused(&mut w, "dl-bad", KIND, &Table::new(), text);
    refused(&mut w, "dl-bad", KIND, &delayed(KIND), text);
    let unknown = "unknown exchange type 'foo'";
    refused(&mut w, "dl-bad", KIND, &delayed("foo"), unknown);
}

#[test]
fn pending_messages_are_shown_and_can_be_cancelled() {
    let broker = shared();
    let mut w = broker.open();
    let x = unique("x-delayed");
    w.declare_exchange(&x, KIND, exchange::DURABLE, &delayed("fanout"));
    w.confirm_select();
    let before = now_ms();
    for n in 0..25 {
        publish(&mut w, &x, &format!("key-{n}"), after(60_000 + n), "body");
    }
    w.await_confirms(25);
    let http = broker.http();
    let object = format!("/exchanges/%2F/{}", http::segment(&x));
    assert_eq!(http.json(&object)["messages_delayed"], 25);

    let path = format!("/leveret/delayed/%2F/{}", http::segment(&x));
    let first = http.json(&format!("{path}?page_size=20"));
    let items = first["items"].as_array().unwrap();
    assert_eq!(items.len(), 20);
    let item = &items[3];
    assert_eq!(item["routing_key"], "key-3");
    assert_eq!(item["payload_bytes"], 4);
    assert_eq!(item["properties"]["delivery_mode"], 2);
    let due = u128::from(item["due_ms"].as_u64().unwrap());
    assert!((before + 60_000..now_ms() + 60_100).contains(&due));
    let next = first["next"].as_str().unwrap();
    let second = http.json(&format!("{path}?page_size=20&from={next}"));
    assert_eq!(second["items"].as_array().unwrap().len(), 5);
    assert!(second["next"].is_null());

    let id = item["id"].as_str().unwrap();
    http.delete(&format!("{path}/{id}")).ok(204);
    http.delete(&format!("{path}/{id}")).ok(404);
    http.delete(&format!("{path}/nonsense")).ok(404);
    assert_eq!(http.json(&object)["messages_delayed"], 24);
    http.get("/leveret/delayed/%2F/amq.topic").ok(404);
    w.call(1, &exchange::delete(&x, 0), exchange::DELETE_OK);
}

#[test]
fn delayed_messages_survive_a_crash() {
    let mut broker = Broker::start();
    let mut w = broker.open();
    w.declare_exchange("dl", KIND, exchange::DURABLE, &delayed("direct"));
    w.declare("q", queue::DURABLE);
    w.bind("q", "dl", "k");
    w.confirm_select();
    for (delay, body) in [(1, "soon"), (2_000, "later"), (500, "overdue")] {
        publish(&mut w, "dl", "k", after(delay), body);
    }
    publish(&mut w, "dl", "k", after(3_600_000), "in an hour");
    w.await_confirms(4);
    broker.kill();
    broker.restart();
    let mut w = broker.open();
    let mut got = Vec::new();
    eventually("the messages that are due", || {
        got.extend(w.drain("q"));
        got.contains(&"later".to_owned()).then_some(())
    });
    got.dedup();
    assert_eq!(got, ["soon", "overdue", "later"]);
    let shown = broker.http().json("/exchanges/%2F/dl");
    assert_eq!(shown["messages_delayed"], 1);
}

#[test]
fn delays_are_kept_to_ten_milliseconds() {
    const MESSAGES: u8 = 40;
    let broker = Broker::start();
    let mut w = broker.open();
    w.declare_exchange("dl", KIND, exchange::DURABLE, &delayed("fanout"));
    w.declare("q", queue::DURABLE);
    w.bind("q", "dl", "");
    w.confirm_select();
    for n in 0..MESSAGES {
        let delay = 2_000 + i32::from(n) * 10;
        publish(&mut w, "dl", &n.to_string(), after(delay), "m");
    }
    w.await_confirms(u64::from(MESSAGES));
    // When they are due is for the broker to say: it counts from when it got them.
    let listed = broker.http().json("/leveret/delayed/%2F/dl");
    let due: std::collections::HashMap<&str, u64> = listed["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| {
            let key = item["routing_key"].as_str().unwrap();
            (key, item["due_ms"].as_u64().unwrap())
        })
        .collect();
    w.consume("q", "c", basic::NO_ACK);
    let mut late = Vec::new();
    for _ in 0..MESSAGES {
        let delivery = w.delivery(1);
        let due = u128::from(due[&*delivery.key]);
        let now = now_ms();
        assert!(now >= due, "too early");
        late.push(now - due);
    }
    late.sort_unstable();
    // Not all of them: other tests run on the same machine.
    assert!(late[10] <= 10, "{late:?}");
}
