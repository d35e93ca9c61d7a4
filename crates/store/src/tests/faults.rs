//! A disk that misbehaves: what was announced stays true, and nothing is announced that is not.

use super::sim::{Operation, Sim, Unsynced, Verdict};
use super::*;

fn open_on(scratch: &Scratch, sim: &Sim) -> (Store, Recovered) {
    Store::open_on(scratch.dir(), options(), Arc::new(sim.clone())).unwrap()
}

/// Does `verdict` to the first `operation` after this call.
fn once(sim: &Sim, operation: Operation, verdict: Verdict) {
    let mut done = false;
    sim.on_operation(move |_, now| {
        if now == operation && !std::mem::replace(&mut done, true) {
            verdict
        } else {
            Verdict::Go
        }
    });
}

#[test]
fn a_failed_sync_or_write_stops_the_store_and_is_not_retried() {
    for (operation, verdict) in [
        (Operation::Sync, Verdict::Fail),
        (Operation::Write, Verdict::Fail),
        (Operation::Write, Verdict::Tear(100)),
    ] {
        let (scratch, sim) = (Scratch::new(), Sim::new());
        let (store, _) = open_on(&scratch, &sim);
        store.wait(append(&store, Q, 1, &["first"])).unwrap();
        once(&sim, operation, verdict);
        let ticket = append(&store, Q, 2, &["second"]);
        assert!(matches!(store.wait(ticket), Err(Error::Failed(_))));
        assert!(store.committed() < ticket);
        let later = append(&store, Q, 3, &["third"]);
        assert!(matches!(store.wait(later), Err(Error::Failed(_))));
        let operations = sim.operations();
        assert!(store.close().is_err());
        assert_eq!(sim.operations(), operations);
        drop(store);
        // After the power was off too, the first is there.
        let sim = sim.after_power_loss(Unsynced::Lost, &mut |_| 0);
        let (store, _) = open_on(&scratch, &sim);
        assert_eq!(texts(&store, Q), [(1, "first".to_owned())]);
    }
}

#[test]
fn a_slow_sync_delays_the_announcement_and_nothing_else() {
    let (scratch, sim) = (Scratch::new(), Sim::new());
    let (store, _) = open_on(&scratch, &sim);
    store.wait(append(&store, Q, 1, &["first"])).unwrap();
    let (let_go, gate) = std::sync::mpsc::channel::<()>();
    let (reached, at_sync) = std::sync::mpsc::channel();
    sim.on_operation(move |_, now| {
        if now == Operation::Sync {
            let _ = reached.send(());
            let _ = gate.recv();
        }
        Verdict::Go
    });
    let ticket = append(&store, Q, 2, &["second"]);
    at_sync.recv().unwrap();
    assert!(store.committed() < ticket);
    let later = append(&store, Q, 3, &["third"]);
    assert!(later > ticket);
    drop(let_go);
    store.wait(later).unwrap();
    assert_eq!(store.read(Q, 1, 10, 1000).unwrap().len(), 3);
}

#[test]
fn a_write_that_the_disk_swallowed_is_noticed_at_the_next_start() {
    let (scratch, sim) = (Scratch::new(), Sim::new());
    let (store, _) = open_on(&scratch, &sim);
    store.wait(append(&store, Q, 1, &["first"])).unwrap();
    once(&sim, Operation::Write, Verdict::Drop);
    store.wait(append(&store, Q, 2, &["second"])).unwrap();
    store.wait(append(&store, Q, 3, &["third"])).unwrap();
    store.abandon();
    let error = Store::open_on(scratch.dir(), options(), Arc::new(sim)).unwrap_err();
    assert!(matches!(error, Error::CorruptLog { .. }), "{error}");
}
