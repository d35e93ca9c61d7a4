//! x-random and x-local-random.

use super::publish;
use tests::{
    shared, unique,
    wire::{Properties, Table, basic, exchange, queue},
};

#[test]
fn random_delivers_each_message_to_one_queue_by_chance() {
    for kind in ["x-random", "x-local-random"] {
        let mut w = shared().open();
        let x = unique(kind);
        w.declare_exchange(&x, kind, 0, &Table::new());
        let queues = [format!("{x}-1"), format!("{x}-2"), format!("{x}-3")];
        for q in &queues {
            w.declare(q, queue::EXCLUSIVE);
            w.bind(q, &x, "");
        }
        for _ in 0..600 {
            publish(&mut w, &x, "any", Table::new(), "m");
        }
        let depths: Vec<u32> = queues.iter().map(|q| w.depth(q).0).collect();
        assert_eq!(depths.iter().sum::<u32>(), 600, "{kind}");
        assert!(depths.iter().all(|n| *n > 130), "{kind}: {depths:?}");
    }
}

#[test]
fn random_ignores_binding_keys() {
    let mut w = shared().open();
    let x = unique("x-random");
    w.declare_exchange(&x, "x-random", 0, &Table::new());
    let q = format!("{x}-q");
    w.declare(&q, queue::EXCLUSIVE);
    w.bind(&q, &x, "some.key");
    publish(&mut w, &x, "another", Table::new(), "m");
    assert_eq!(w.drain(&q), ["m"]);
}

#[test]
fn random_without_bindings_is_unroutable() {
    let mut w = shared().open();
    let x = unique("x-random");
    w.declare_exchange(&x, "x-random", 0, &Table::new());
    let mandatory = basic::publish(&x, "k", basic::MANDATORY);
    w.publish(1, &mandatory, &Properties::new(), "m");
    assert_eq!(w.returned().code, 312);
}

#[test]
fn local_random_takes_no_key_and_only_classic_queues() {
    let mut w = shared().open();
    let x = unique("x-local");
    w.declare_exchange(&x, "x-local-random", 0, &Table::new());
    let q = format!("{x}-q");
    w.declare(&q, queue::EXCLUSIVE);
    w.send(1, &queue::bind(&q, &x, "k", &Table::new()));
    let text = "PRECONDITION_FAILED - Non empty binding 'k' key not permitted";
    w.expect_channel_close(1, 406, text);

    let quorum = format!("{x}-quorum");
    let kind = Table::new().str("x-queue-type", "quorum");
    w.declare_with(&quorum, queue::DURABLE, &kind);
    w.send(1, &queue::bind(&quorum, &x, "", &Table::new()));
    let text =
        "PRECONDITION_FAILED - Queue type rabbit_quorum_queue not valid for this exchange type";
    w.expect_channel_close(1, 406, text);

    w.send(1, &exchange::bind("amq.fanout", &x, "", &Table::new()));
    w.expect_channel_close(1, 406, "PRECONDITION_FAILED - Destination not found");
    w.call(1, &queue::delete(&quorum, 0), queue::DELETE_OK);
}
