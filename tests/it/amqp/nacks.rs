//! Publishes that a full queue refuses (`x-overflow: reject-publish`).

use serde_json::json;
use tests::{
    shared, unique,
    wire::{Properties, Table, Wire, basic, exchange, message, queue, tx},
};

fn limited(max: i32) -> Table {
    Table::new()
        .int("x-max-length", max)
        .str("x-overflow", "reject-publish")
}

/// The bytes of a publish to a queue.
fn to(queue: &str, properties: &Properties) -> Vec<u8> {
    message(1, &basic::publish("", queue, 0), properties, b"x", 131_072)
}

/// Waits until `n` publishes are answered, and believes every `multiple`: which of them were
/// acked.
#[track_caller]
fn answers(w: &mut Wire, n: usize) -> Vec<bool> {
    let mut known: Vec<Option<bool>> = vec![None; n];
    while known.contains(&None) {
        let method = w.method(1);
        let acked = match method.id {
            basic::ACK => true,
            basic::NACK => false,
            other => panic!("{other:?}"),
        };
        let mut read = method.read();
        let (tag, flags) = (read.longlong(), read.octet());
        assert_eq!(flags & basic::REQUEUE, 0, "a nack never asks for a requeue");
        let last = usize::try_from(tag).unwrap();
        assert_eq!(known[last - 1], None, "{tag} was answered before");
        let first = if flags & basic::MULTIPLE == 0 {
            last
        } else {
            1
        };
        for answer in &mut known[first - 1..last] {
            answer.get_or_insert(acked);
        }
    }
    known.into_iter().map(Option::unwrap).collect()
}

#[test]
fn what_does_not_fit_is_nacked() {
    let mut w = shared().open();
    w.declare_with("na-full", queue::EXCLUSIVE, &limited(3));
    w.confirm_select();
    let burst = to("na-full", &Properties::new()).repeat(6);
    w.send_bytes(&burst);
    assert_eq!(answers(&mut w, 6), [true, true, true, false, false, false]);
    assert_eq!(w.depth("na-full"), (3, 0));
    w.expect_silence();
}

#[test]
fn a_refused_publish_among_others_is_the_only_one_nacked() {
    let mut w = shared().open();
    let plain = unique("na-plain");
    w.declare(&plain, queue::DURABLE);
    w.declare_with("na-one", queue::EXCLUSIVE, &limited(1));
    w.confirm_select();
    // One write of persistent, refused and unroutable messages; the first to na-one fits.
    let (durable, plain_one) = (Properties::persistent(), Properties::new());
    let mut burst = Vec::new();
    let mut expected = Vec::new();
    for n in 0..120 {
        let (queue, taken) = match n % 4 {
            0 | 1 => (&*plain, true),
            2 => ("na-one", n == 2),
            _ => ("na-nowhere", true),
        };
        let properties = if n % 3 == 0 { &plain_one } else { &durable };
        burst.extend(to(queue, properties));
        expected.push(taken);
    }
    w.send_bytes(&burst);
    assert_eq!(answers(&mut w, 120), expected);
    assert_eq!(w.depth(&plain), (60, 0));
    w.call(1, &queue::delete(&plain, 0), queue::DELETE_OK);
}

#[test]
fn one_queue_that_refuses_nacks_the_message_and_the_others_keep_it() {
    let mut w = shared().open();
    w.declare_exchange("na-fan", "fanout", exchange::AUTO_DELETE, &Table::new());
    for (name, arguments) in [
        ("na-fan-1", limited(1)),
        ("na-fan-2", Table::new()),
        ("na-fan-3", limited(2)),
    ] {
        w.declare_with(name, queue::EXCLUSIVE, &arguments);
        w.bind(name, "na-fan", "");
    }
    w.confirm_select();
    for body in ["a", "b", "c"] {
        let publish = basic::publish("na-fan", "", basic::MANDATORY);
        w.publish(1, &publish, &Properties::new(), body);
    }
    assert_eq!(answers(&mut w, 3), [true, false, false]);
    assert_eq!(w.drain("na-fan-1"), ["a"]);
    assert_eq!(w.drain("na-fan-2"), ["a", "b", "c"]);
    assert_eq!(w.drain("na-fan-3"), ["a", "b"]);
}

#[test]
fn there_is_room_again_once_something_was_taken() {
    let mut w = shared().open();
    w.declare_with("na-room", queue::EXCLUSIVE, &limited(1));
    w.confirm_select();
    for _ in 0..2 {
        w.enqueue("na-room", "x");
    }
    assert_eq!(answers(&mut w, 2), [true, false]);
    assert_eq!(w.drain("na-room"), ["x"]);
    w.enqueue("na-room", "y");
    assert_eq!(w.expect(1, basic::ACK).read().longlong(), 3);
    // Unacknowledged messages don't count, and a waiting consumer takes all that comes.
    w.consume("na-room", "c", 0);
    assert_eq!(w.bodies(1), ["y"]);
    for tag in 4..=6 {
        w.enqueue("na-room", "z");
        let mut seen = [w.method(1).id, (0, 0)];
        if seen[0] == basic::DELIVER {
            w.frame();
            w.frame();
        }
        let second = w.method(1);
        seen[1] = second.id;
        if seen[1] == basic::DELIVER {
            w.frame();
            w.frame();
        }
        seen.sort_unstable();
        assert_eq!(seen, [basic::DELIVER, basic::ACK], "publish {tag}");
    }
}

#[test]
fn without_confirms_it_is_silently_dropped() {
    let mut w = shared().open();
    w.declare_with("na-silent", queue::EXCLUSIVE, &limited(1));
    for body in ["a", "b"] {
        let publish = basic::publish("", "na-silent", basic::MANDATORY);
        w.publish(1, &publish, &Properties::new(), body);
    }
    w.expect_silence();
    assert_eq!(w.drain("na-silent"), ["a"]);
}

#[test]
fn a_transaction_with_a_refused_publish_fails_and_keeps_the_rest() {
    let mut w = shared().open();
    w.declare_with("na-tx", queue::EXCLUSIVE, &limited(1));
    w.declare("na-tx-2", queue::EXCLUSIVE);
    w.enqueue("na-tx-2", "to be acked");
    w.open_channel(2);
    w.call(1, &tx::select(), tx::SELECT_OK);
    let got = w.get("na-tx-2", false).unwrap();
    w.send(1, &basic::ack(got.tag, 0));
    for body in ["a", "b"] {
        w.enqueue("na-tx", body);
    }
    w.enqueue("na-tx-2", "c");
    w.send(1, &tx::commit());
    w.expect_channel_close(1, 406, "PRECONDITION_FAILED - partial tx completion");
    assert_eq!(w.drain("na-tx"), ["a"]);
    assert_eq!(w.drain("na-tx-2"), ["c"]);
}

#[test]
fn a_publish_over_http_is_refused_with_400() {
    let mut w = shared().open();
    w.declare_with("na-http", queue::EXCLUSIVE, &limited(1));
    let message = json!({
        "routing_key": "na-http",
        "payload": "x",
        "payload_encoding": "string",
        "properties": {},
    });
    let publish = || {
        shared()
            .http()
            .post("/exchanges/%2F/amq.default/publish", &message)
    };
    assert_eq!(publish().ok(200).json()["routed"], true);
    let refused = publish().ok(400).json();
    assert_eq!(refused["error"], "bad_request");
    assert_eq!(
        refused["reason"],
        "rejected Unable to publish message. Check queue limits."
    );
}
