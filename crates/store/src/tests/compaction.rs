//! Space: what little is live in old segments moves out of them.

use super::*;

fn compacting() -> Options {
    Options {
        compact_above: 256 << 10,
        ..options()
    }
}

fn disk_bytes(scratch: &Scratch) -> u64 {
    let lanes = ["log/q", "log/c"].map(|lane| fs::read_dir(scratch.dir().join(lane)).unwrap());
    let files = lanes.into_iter().flatten();
    files
        .map(|file| file.unwrap().metadata().unwrap().len())
        .sum()
}

fn padded_body(seq: u64) -> Body {
    body(&format!("{seq} {}", "z".repeat(400)))
}

/// Appends and settles all but every tenth message. Returns what is left.
fn hold_every_tenth(store: &Store, scratch: &Scratch, rounds: u64, first: u64) -> Vec<u64> {
    let mut held = Vec::new();
    for round in 0..rounds {
        let start = first + round * 400;
        store.append(Q, start, (start..start + 400).map(padded_body).collect());
        let (keep, settle): (Vec<u64>, Vec<u64>) =
            (start..start + 400).partition(|seq| seq % 10 == 0);
        store.checkpoint().unwrap();
        store.settle(Q, &settle);
        held.extend(keep);
        let live = store.stats().live * 440;
        let bound = (live * 10 / 3).max(256 << 10) + 4 * (64 << 10) + 3 * 400 * 440;
        assert!(
            disk_bytes(scratch) <= bound,
            "{} > {bound} in round {round}",
            disk_bytes(scratch)
        );
    }
    held
}

#[test]
fn messages_held_for_long_do_not_hold_the_disk() {
    let scratch = Scratch::new();
    let (store, _) = Store::open(scratch.dir(), compacting()).unwrap();
    let held = hold_every_tenth(&store, &scratch, 60, 1);
    assert!(store.stats().relocated_bytes > 0);
    let check = |store: &Store| {
        let found = store.read(Q, 0, usize::MAX, usize::MAX).unwrap();
        assert!(found.iter().all(|(seq, body)| *body == padded_body(*seq)));
        let seqs: Vec<u64> = found.iter().map(|(seq, _)| *seq).collect();
        assert_eq!(seqs, held);
    };
    store.wait(store.put(b"a", b"barrier")).unwrap();
    check(&store);
    let crashed = scratch.copy();
    store.close().unwrap();
    drop(store);
    for scratch in [scratch, crashed] {
        let (store, _) = Store::open(scratch.dir(), compacting()).unwrap();
        check(&store);
        let held = hold_every_tenth(&store, &scratch, 20, 100_000);
        store.wait(store.remove(b"barrier")).unwrap();
        assert_eq!(store.stats().live as usize, 2400 + held.len());
        store.wait(store.drop_queue(Q)).unwrap();
        (0..10).for_each(|_| store.checkpoint().unwrap());
        assert!(
            disk_bytes(&scratch) <= 8 * (64 << 10),
            "{}",
            disk_bytes(&scratch)
        );
    }
}

#[test]
fn readers_follow_messages_that_move() {
    let scratch = Scratch::new();
    let (store, _) = Store::open(scratch.dir(), compacting()).unwrap();
    let done = Arc::new(AtomicU64::new(0));
    let reader = {
        let (store, done) = (store.clone(), Arc::clone(&done));
        std::thread::spawn(move || {
            let mut most = 0;
            while done.load(Ordering::Relaxed) == 0 {
                let found = store.read(Q, 0, usize::MAX, usize::MAX).unwrap();
                assert!(found.iter().all(|(seq, body)| *body == padded_body(*seq)));
                let held = found.iter().filter(|(seq, _)| seq % 10 == 0).count();
                assert!(held >= most, "{held} after {most}");
                most = held;
            }
        })
    };
    hold_every_tenth(&store, &scratch, 40, 1);
    done.store(1, Ordering::Relaxed);
    reader.join().unwrap();
}

#[test]
fn fanned_out_messages_move_together_with_the_queues_that_still_have_them() {
    let scratch = Scratch::new();
    let options = Options {
        compact_above: 0,
        ..options()
    };
    let (store, _) = Store::open(scratch.dir(), options).unwrap();
    let held = body("held by two");
    for queue in [Q, R] {
        store.append(queue, 1, vec![held.clone()]);
    }
    store.append(QueueId(11), 1, vec![held.clone()]);
    store.checkpoint().unwrap();
    store.settle(QueueId(11), &[1]);
    for round in 0..30 {
        let start = 2 + round * 100;
        let bodies = (start..start + 100).map(padded_body).collect();
        store.wait(store.append(Q, start, bodies)).unwrap();
        store.wait(store.purge(Q, &[(start, start + 99)])).unwrap();
        store.checkpoint().unwrap();
    }
    assert!(!scratch.dir().join("log/q/0000000001.seg").exists());
    let crashed = scratch.copy();
    let (store, _) = open(&crashed);
    for queue in [Q, R] {
        assert_eq!(store.read(queue, 0, 10, 1000).unwrap(), [(1, held.clone())]);
    }
    assert_eq!(store.stats().live, 2);
}
