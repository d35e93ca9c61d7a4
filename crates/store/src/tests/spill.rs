//! Messages that only leave memory.

use super::sim::{Operation, Sim, Verdict};
use super::*;

fn bodies(texts: &[&str]) -> Vec<Body> {
    texts.iter().map(|text| body(text)).collect()
}

#[test]
fn spilled_messages_are_read_like_others_and_gone_after_a_restart() {
    for clean in [true, false] {
        let scratch = Scratch::new();
        let (store, _) = open(&scratch);
        store.wait(append(&store, Q, 1, &["a", "b"])).unwrap();
        store.wait(store.spill(Q, 3, bodies(&["c", "d"]))).unwrap();
        store.wait(append(&store, Q, 5, &["e"])).unwrap();
        let found = texts(&store, Q);
        let seqs: Vec<u64> = found.iter().map(|(seq, _)| *seq).collect();
        assert_eq!(seqs, [1, 2, 3, 4, 5]);
        assert_eq!(found[2].1, "c");
        if clean {
            store.close().unwrap();
        } else {
            store.checkpoint().unwrap();
            store.wait(store.spill(Q, 6, bodies(&["f"]))).unwrap();
            store.abandon();
        }
        for _ in 0..2 {
            let (store, recovered) = open(&scratch);
            let seqs: Vec<u64> = texts(&store, Q).iter().map(|(seq, _)| *seq).collect();
            assert_eq!(seqs, [1, 2, 5]);
            assert_eq!(
                (recovered.queues[0].live, recovered.queues[0].live_bytes),
                (3, 3)
            );
            assert!(recovered.queues[0].next_seq >= 6);
            store.close().unwrap();
        }
    }
}

#[test]
fn spilling_waits_for_no_sync() {
    let (scratch, sim) = (Scratch::new(), Sim::new());
    let (store, _) = Store::open_on(scratch.dir(), options(), Arc::new(sim.clone())).unwrap();
    store.wait(append(&store, Q, 1, &["a"])).unwrap();
    sim.on_operation(|_, now| match now {
        Operation::Sync => Verdict::Fail,
        _ => Verdict::Go,
    });
    store.wait(store.spill(Q, 2, bodies(&["b", "c"]))).unwrap();
    assert_eq!(texts(&store, Q).len(), 3);
    store.settle(Q, &[2]);
    store.wait(store.spill(Q, 4, bodies(&["d"]))).unwrap();
    assert_eq!(texts(&store, Q).len(), 3);
    assert!(store.wait(append(&store, Q, 5, &["e"])).is_err());
}

#[test]
fn older_messages_may_be_spilled_after_newer_ones() {
    let scratch = Scratch::new();
    let (store, _) = open(&scratch);
    let many = |n: u64| (0..n).map(|n| body(&n.to_string())).collect::<Vec<_>>();
    store.wait(store.append(Q, 1, many(5000))).unwrap();
    store.checkpoint().unwrap();
    store.wait(store.purge(Q, &[(1, 4000)])).unwrap();
    store.checkpoint().unwrap();
    store.checkpoint().unwrap();
    store.wait(store.spill(Q, 600, many(10))).unwrap();
    store.checkpoint().unwrap();
    assert_eq!(store.read(Q, 0, 1, 1).unwrap()[0].0, 600);
    let crashed = scratch.copy();
    let (store, recovered) = open(&crashed);
    assert_eq!(recovered.queues[0].live, 1000);
    assert_eq!(recovered.queues[0].first_seq, 4001);
    store.close().unwrap();
}

#[test]
fn one_body_may_be_durable_in_one_queue_and_spilled_in_another() {
    let scratch = Scratch::new();
    let (store, _) = open(&scratch);
    let message = body("shared");
    store.append(Q, 1, vec![message.clone()]);
    store.wait(store.spill(R, 1, vec![message])).unwrap();
    store.wait(append(&store, Q, 2, &["x"])).unwrap();
    store.abandon();
    let (store, _) = open(&scratch);
    assert_eq!(texts(&store, Q).len(), 2);
    assert_eq!(texts(&store, R), []);
}
