//! What survives SIGKILL and what survives an orderly stop.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
};

use tests::{
    Broker, Wire, eventually,
    wire::{Frame, Properties, Table, basic, exchange, queue},
};

fn persistent(w: &mut Wire, exchange: &str, key: &str, body: impl AsRef<[u8]>) {
    w.publish(
        1,
        &basic::publish(exchange, key, 0),
        &Properties::persistent(),
        body,
    );
}

#[test]
fn durable_topology_survives_a_kill_and_transient_does_not() {
    let mut broker = Broker::start();
    let mut w = broker.open();
    w.declare("du-queue", queue::DURABLE);
    w.declare("du-transient", 0);
    w.declare_with(
        "du-args",
        queue::DURABLE,
        &Table::new().str("x-note", "kept"),
    );
    w.declare_exchange("du-x", "topic", exchange::DURABLE, &Table::new());
    w.declare_exchange("du-x-transient", "direct", 0, &Table::new());
    let ae = Table::new().str("alternate-exchange", "du-x");
    w.declare_exchange("du-ae", "direct", exchange::DURABLE, &ae);
    w.bind("du-queue", "du-x", "a.#");
    w.bind("du-queue", "du-x", "gone.#");
    let unbind = queue::unbind("du-queue", "du-x", "gone.#", &Table::new());
    w.call(1, &unbind, queue::UNBIND_OK);
    w.declare("du-deleted", queue::DURABLE);
    w.call(1, &queue::delete("du-deleted", 0), queue::DELETE_OK);
    broker.kill();
    broker.restart();

    let mut w = broker.open();
    assert_eq!(w.depth("du-queue"), (0, 0));
    w.declare_exchange("du-x", "topic", exchange::DURABLE, &Table::new());
    persistent(&mut w, "du-x", "a.b", "bound");
    persistent(&mut w, "du-x", "gone.b", "not bound");
    persistent(&mut w, "du-ae", "a.by-alternate", "alternate");
    assert_eq!(w.drain("du-queue"), ["bound", "alternate"]);
    for missing in ["du-transient", "du-deleted"] {
        w.send(1, &queue::purge(missing));
        let text = format!("NOT_FOUND - no queue '{missing}' in vhost '/'");
        w.expect_channel_close(1, 404, &text);
    }
    w.send(
        1,
        &exchange::declare("du-x-transient", "", exchange::PASSIVE, &Table::new()),
    );
    w.expect_channel_close(
        1,
        404,
        "NOT_FOUND - no exchange 'du-x-transient' in vhost '/'",
    );
    let arguments = broker.http().json("/queues/%2F/du-args")["arguments"].clone();
    assert_eq!(arguments["x-note"], "kept");
}

#[test]
fn confirmed_persistent_messages_survive_a_kill_in_order_and_others_do_not() {
    let mut broker = Broker::start();
    let mut w = broker.open();
    w.declare("du-messages", queue::DURABLE);
    w.confirm_select();
    let properties = Properties {
        headers: Some(Table::new().str("a", "b")),
        message_id: Some("m".into()),
        ..Properties::persistent()
    };
    for n in 0..500 {
        let publish = basic::publish("", "du-messages", 0);
        w.publish(1, &publish, &properties, n.to_string());
        w.enqueue("du-messages", "transient");
    }
    w.await_confirms(1000);
    broker.kill();
    broker.restart();

    let mut w = broker.open();
    for n in 0..500 {
        let got = w
            .get("du-messages", true)
            .unwrap_or_else(|| panic!("{n} is lost"));
        assert_eq!(String::from_utf8(got.body).unwrap(), n.to_string());
        assert_eq!(got.properties, properties);
        assert_eq!((&*got.exchange, &*got.key), ("", "du-messages"));
    }
    assert!(w.get("du-messages", true).is_none());
}

#[test]
fn acknowledged_messages_stay_gone_and_unacknowledged_come_back_redelivered() {
    let mut broker = Broker::start();
    let mut w = broker.open();
    w.declare("du-acked", queue::DURABLE);
    w.confirm_select();
    for n in 0..10 {
        persistent(&mut w, "", "du-acked", n.to_string());
    }
    w.await_confirms(10);
    for _ in 0..6 {
        w.get("du-acked", false).unwrap();
    }
    for tag in [1, 2, 4] {
        w.send(1, &basic::ack(tag, 0));
    }
    w.expect_silence();
    // A confirmed publish behind the acks: what was before it on the way to disk is there.
    persistent(&mut w, "", "du-acked", "10");
    assert_eq!(w.expect(1, basic::ACK).read().longlong(), 11);
    broker.kill();
    broker.restart();

    let mut w = broker.open();
    let mut seen = Vec::new();
    while let Some(got) = w.get("du-acked", true) {
        assert!(
            got.redelivered,
            "a message that may have been delivered before the crash"
        );
        seen.push(String::from_utf8(got.body).unwrap());
    }
    assert_eq!(seen, ["2", "4", "5", "6", "7", "8", "9", "10"]);
}

#[test]
fn an_orderly_stop_keeps_messages_order_and_redelivered_flags() {
    let mut broker = Broker::start();
    let mut w = broker.open();
    w.declare("du-stop", queue::DURABLE);
    w.confirm_select();
    for n in 0..100 {
        persistent(&mut w, "", "du-stop", n.to_string());
    }
    w.await_confirms(100);
    for _ in 0..3 {
        w.get("du-stop", false).unwrap();
    }
    w.send(1, &basic::ack(2, 0));
    w.expect_silence();
    drop(w);
    assert_eq!(broker.terminate().code(), Some(0));
    broker.restart();

    let mut w = broker.open();
    let first = w.get("du-stop", true).unwrap();
    assert_eq!((&*first.body, first.redelivered), (&b"0"[..], true));
    let third = w.get("du-stop", true).unwrap();
    assert_eq!((&*third.body, third.redelivered), (&b"2"[..], true));
    let rest: Vec<String> = (3..100).map(|n| n.to_string()).collect();
    assert_eq!(w.drain("du-stop"), rest);
}

#[test]
fn a_purge_and_a_delete_survive_a_kill() {
    let mut broker = Broker::start();
    let mut w = broker.open();
    for name in ["du-purged", "du-again"] {
        w.declare(name, queue::DURABLE);
    }
    w.confirm_select();
    for name in ["du-purged", "du-again"] {
        for _ in 0..20 {
            persistent(&mut w, "", name, "old");
        }
    }
    w.await_confirms(40);
    w.call(1, &queue::purge("du-purged"), queue::PURGE_OK);
    w.call(1, &queue::delete("du-again", 0), queue::DELETE_OK);
    w.declare("du-again", queue::DURABLE);
    persistent(&mut w, "", "du-purged", "new");
    persistent(&mut w, "", "du-again", "new");
    let mut open = 2;
    while open > 0 {
        let ack = w.expect(1, basic::ACK);
        open -= if ack.args[8] & 1 == 1 { 2 } else { 1 };
    }
    broker.kill();
    broker.restart();

    let mut w = broker.open();
    assert_eq!(w.drain("du-purged"), ["new"]);
    assert_eq!(w.drain("du-again"), ["new"]);
}

#[test]
fn a_fanned_out_message_survives_in_each_queue_until_acknowledged_there() {
    let mut broker = Broker::start();
    let mut w = broker.open();
    w.declare_exchange("du-fan", "fanout", exchange::DURABLE, &Table::new());
    for n in 0..4 {
        let name = format!("du-fan-{n}");
        w.declare(&name, queue::DURABLE);
        w.bind(&name, "du-fan", "");
    }
    w.confirm_select();
    let large = "y".repeat(100_000);
    for body in ["x", &large] {
        persistent(&mut w, "du-fan", "", body);
    }
    w.await_confirms(2);
    assert_eq!(w.drain("du-fan-0"), ["x", &large]);
    w.get("du-fan-1", true).unwrap();
    persistent(&mut w, "", "du-fan-3", "last");
    w.expect(1, basic::ACK);
    broker.kill();
    broker.restart();

    let mut w = broker.open();
    let empty: [&str; 0] = [];
    assert_eq!(w.drain("du-fan-0"), empty);
    assert_eq!(w.drain("du-fan-1"), [&*large]);
    assert_eq!(w.drain("du-fan-2"), ["x", &large]);
    assert_eq!(w.drain("du-fan-3"), ["x", &large, "last"]);
}

#[test]
fn a_committed_transaction_survives_a_kill_and_an_open_one_does_not() {
    use tests::wire::tx;
    let mut broker = Broker::start();
    let mut w = broker.open();
    w.declare("du-tx", queue::DURABLE);
    w.call(1, &tx::select(), tx::SELECT_OK);
    for n in 0..50 {
        persistent(&mut w, "", "du-tx", n.to_string());
    }
    w.call(1, &tx::commit(), tx::COMMIT_OK);
    persistent(&mut w, "", "du-tx", "uncommitted");
    w.expect_silence();
    broker.kill();
    broker.restart();
    let kept: Vec<String> = (0..50).map(|n| n.to_string()).collect();
    assert_eq!(broker.open().drain("du-tx"), kept);
}

/// One publisher: sends until told to stop or cut off, and returns what was confirmed, as the
/// number of messages from the first on.
fn publish_until_cut_off(mut w: Wire, queue: &str, from: u64, confirmed: &AtomicU64) {
    const WINDOW: u64 = 200;
    w.confirm_select();
    let mut sent = 0;
    let mut acked = 0;
    let mut early = BTreeSet::new();
    loop {
        while sent < acked + WINDOW {
            let publish = basic::publish("", queue, 0);
            let body = (from + sent).to_string();
            let properties = Properties::persistent();
            let bytes = tests::wire::message(1, &publish, &properties, body.as_bytes(), 131_072);
            if !w.try_send_bytes(&bytes) {
                return;
            }
            sent += 1;
        }
        let Some((1, Frame::Method(ack))) = w.receive() else {
            return;
        };
        assert_eq!(ack.id, basic::ACK);
        let (tag, multiple) = (ack.read().longlong(), ack.args[8] & 1 == 1);
        if multiple {
            early.retain(|t| *t > tag);
            acked = acked.max(tag);
        } else {
            early.insert(tag);
        }
        while early.remove(&(acked + 1)) {
            acked += 1;
        }
        confirmed.store(from + acked, Ordering::SeqCst);
    }
}

/// Consumes up to 1,500 messages: acknowledges half, rejects most of the others for good, and
/// keeps a few unacknowledged. Returns the numbers that were settled.
fn settle_some(w: &mut Wire, queue: &str) -> BTreeSet<u64> {
    let mut settled = BTreeSet::new();
    w.call(1, &basic::qos(50, false), basic::QOS_OK);
    w.consume(queue, "c", 0);
    for received in 1..1500 {
        let delivery = w.delivery(1);
        if received % 40 == 1 {
            continue;
        }
        let settle = match received % 2 {
            0 => basic::ack(delivery.tag, 0),
            _ => basic::reject(delivery.tag, false),
        };
        w.send(1, &settle);
        settled.insert(String::from_utf8(delivery.body).unwrap().parse().unwrap());
    }
    settled
}

#[test]
fn kills_under_load_lose_no_confirmed_message_and_keep_the_order() {
    let mut broker = Broker::start();
    broker.open().declare("du-load", queue::DURABLE);
    let mut next = 0;
    for round in 0..4u64 {
        let confirmed = Arc::new(AtomicU64::new(next));
        let w = broker.open();
        let publisher = {
            let confirmed = Arc::clone(&confirmed);
            thread::spawn(move || publish_until_cut_off(w, "du-load", next, &confirmed))
        };
        let settled = settle_some(&mut broker.open(), "du-load");
        let enough = next + 2000 + round * 700;
        eventually("enough confirms", || {
            (confirmed.load(Ordering::SeqCst) >= enough).then_some(())
        });
        broker.kill();
        publisher.join().unwrap();
        let safe = confirmed.load(Ordering::SeqCst);
        broker.restart();

        // Everything confirmed and not settled is there, in order. What was sent and not
        // confirmed may be there, too; so may a message whose ack was under way.
        let present: Vec<u64> = broker
            .open()
            .drain("du-load")
            .iter()
            .map(|b| b.parse().unwrap())
            .collect();
        assert!(
            present.is_sorted_by(|a, b| a < b),
            "order or duplicates in round {round}"
        );
        for n in next..safe {
            let there = present.binary_search(&n).is_ok();
            assert!(
                there || settled.contains(&n),
                "{n} of {next}..{safe} is lost in {round}"
            );
        }
        next = present.last().copied().unwrap_or(safe).max(safe) + 1;
    }
}

#[test]
fn several_publishers_to_several_queues_survive_a_kill() {
    let mut broker = Broker::start();
    let names: Vec<String> = (0..4).map(|n| format!("du-many-{n}")).collect();
    let mut w = broker.open();
    for name in &names {
        w.declare(name, queue::DURABLE);
    }
    let publishers: Vec<_> = names
        .iter()
        .map(|name| {
            let (w, name) = (broker.open(), name.clone());
            let confirmed = Arc::new(AtomicU64::new(0));
            let shared = Arc::clone(&confirmed);
            let handle = thread::spawn(move || publish_until_cut_off(w, &name, 0, &shared));
            (handle, confirmed)
        })
        .collect();
    eventually("a thousand confirms each", || {
        publishers
            .iter()
            .all(|(_, c)| c.load(Ordering::SeqCst) > 1000)
            .then_some(())
    });
    broker.kill();
    let safe: Vec<u64> = publishers
        .into_iter()
        .map(|(handle, confirmed)| {
            handle.join().unwrap();
            confirmed.load(Ordering::SeqCst)
        })
        .collect();
    broker.restart();
    let mut w = broker.open();
    for (name, safe) in names.iter().zip(safe) {
        let present = w.drain(name);
        let wanted: Vec<String> = (0..present.len()).map(|n| n.to_string()).collect();
        assert_eq!(present, wanted, "{name}");
        assert!(u64::try_from(present.len()).unwrap() >= safe, "{name}");
    }
}
