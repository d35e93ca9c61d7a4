//! The metadata database is lost or damaged in every way; the log brings everything back.

use super::*;

type Entries = BTreeMap<Vec<u8>, Vec<u8>>;

/// A store with a past: freed segments, settled messages, entries, dropped queues, survivors.
fn lived_in() -> (Scratch, Vec<(u64, String)>, Entries) {
    let scratch = Scratch::new();
    let options = Options {
        compact_above: 0,
        ..options()
    };
    let (store, _) = Store::open(scratch.dir(), options).unwrap();
    store.put(b"queue/q", &[7; 100]);
    store.put(b"large", &[8; 30_000]);
    store.put(b"gone", b"x");
    store.append(QueueId(3), 1, vec![body("dropped")]);
    store.append(Q, 1, vec![body("held for long")]);
    store.checkpoint().unwrap();
    store.remove(b"gone");
    store.drop_queue(QueueId(3));
    let filler = "f".repeat(900);
    for first in (2..2000).step_by(100) {
        store.append(
            Q,
            first,
            (first..first + 100).map(|_| body(&filler)).collect(),
        );
        store.wait(store.purge(Q, &[(first, first + 99)])).unwrap();
        store.checkpoint().unwrap();
    }
    store.put(b"late", b"y");
    store
        .wait(append(&store, Q, 5000, &["a", "b", "c"]))
        .unwrap();
    store.settle(Q, &[5001]);
    store.wait(store.put(b"queue/r", b"z")).unwrap();
    assert!(!scratch.dir().join("log/q/0000000001.seg").exists());
    let (live, entries) = (texts(&store, Q), entries(&scratch));
    assert_eq!(live.len(), 3);
    store.close().unwrap();
    (scratch, live, entries)
}

fn entries(scratch: &Scratch) -> Entries {
    let copy = scratch.copy();
    let (_, recovered) = open(&copy);
    recovered.entries
}

fn check(scratch: &Scratch, live: &[(u64, String)], expected: &Entries) {
    let (store, recovered) = open(scratch);
    assert_eq!(&recovered.entries, expected);
    assert_eq!(recovered.max_queue_id, 7);
    assert_eq!(recovered.queues.len(), 1);
    assert_eq!(recovered.queues[0].next_seq, 5003);
    let found = texts(&store, Q);
    assert!(
        live.iter().all(|message| found.contains(message)),
        "{found:?}"
    );
    store.wait(append(&store, Q, 5003, &["new"])).unwrap();
    store.put(b"new", b"n");
    store.checkpoint().unwrap();
    store.close().unwrap();
    let (store, recovered) = open(scratch);
    assert_eq!(recovered.moved_aside, None);
    assert_eq!(recovered.entries.len(), expected.len() + 1);
    assert!(texts(&store, Q).contains(&(5003, "new".to_owned())));
}

#[test]
fn a_deleted_database_is_rebuilt_with_entries_and_messages() {
    let (scratch, live, entries) = lived_in();
    fs::remove_dir_all(scratch.dir().join("meta")).unwrap();
    check(&scratch, &live, &entries);
}

#[test]
fn rebuilding_twice_gives_the_same() {
    let (scratch, live, entries) = lived_in();
    for _ in 0..2 {
        fs::remove_dir_all(scratch.dir().join("meta")).unwrap();
        let (store, recovered) = open(&scratch);
        assert_eq!(recovered.entries, entries);
        assert_eq!(texts(&store, Q), live);
        store.close().unwrap();
    }
}

#[test]
fn a_truncated_database_is_rebuilt() {
    let (scratch, live, entries) = lived_in();
    let len = fs::metadata(scratch.dir().join("meta/db")).unwrap().len();
    for keep in [0, 1, 100, 5000, len / 3, len / 2, len - 1] {
        let copy = scratch.copy();
        let db = copy.dir().join("meta/db");
        let db = fs::File::options().write(true).open(db).unwrap();
        db.set_len(keep).unwrap();
        check(&copy, &live, &entries);
    }
}

#[test]
fn a_database_with_flipped_bytes_is_rebuilt_or_right() {
    let (scratch, live, entries) = lived_in();
    let db = fs::read(scratch.dir().join("meta/db")).unwrap();
    let used: Vec<usize> = (0..db.len()).filter(|at| db[*at] != 0).collect();
    for n in 0..24 {
        let copy = scratch.copy();
        let mut bytes = db.clone();
        for k in 0..=n % 4 {
            bytes[used[(n * 7919 + k * 104_729) % used.len()]] ^= 0x55;
        }
        fs::write(copy.dir().join("meta/db"), bytes).unwrap();
        check(&copy, &live, &entries);
    }
}

#[test]
fn an_old_database_that_was_put_back_is_noticed() {
    let scratch = Scratch::new();
    let (store, _) = open(&scratch);
    store.wait(append(&store, Q, 1, &["first"])).unwrap();
    store.checkpoint().unwrap();
    let old = scratch.copy();
    let filler = "f".repeat(900);
    for first in (2..1000).step_by(100) {
        store.append(
            Q,
            first,
            (first..first + 100).map(|_| body(&filler)).collect(),
        );
        store.wait(store.purge(Q, &[(1, first + 99)])).unwrap();
        store.checkpoint().unwrap();
    }
    store.wait(append(&store, Q, 2000, &["last"])).unwrap();
    store.close().unwrap();
    drop(store);
    fs::remove_dir_all(scratch.dir().join("meta")).unwrap();
    copy_dir(&old.dir().join("meta"), &scratch.dir().join("meta"));
    let (store, recovered) = open(&scratch);
    assert!(recovered.moved_aside.is_some_and(|path| path.exists()));
    assert!(texts(&store, Q).contains(&(2000, "last".to_owned())));
}

#[test]
fn salvage_keeps_what_can_be_read_and_reports_the_rest() {
    let scratch = Scratch::new();
    let (store, _) = open(&scratch);
    for seq in 1..=5 {
        store.wait(append(&store, Q, seq, &["message"])).unwrap();
    }
    let segment = scratch.segments()[0].clone();
    let bytes = fs::read(&segment).unwrap();
    // Behind the two records of an empty snapshot.
    let at = |seq: usize| 64 + 32 * (seq - 1);
    let mut damaged = bytes.clone();
    damaged[at(3) + 25] ^= 1;
    for checkpoint in [false, true] {
        let copy = scratch.copy();
        if checkpoint {
            open(&copy).0.close().unwrap();
        }
        fs::write(copy.dir().join("log/q/0000000001.seg"), &damaged).unwrap();
        if !checkpoint {
            let error = Store::open(copy.dir(), options()).unwrap_err();
            let named =
                matches!(&error, Error::CorruptLog { offset, .. } if *offset as usize == at(3));
            assert!(named, "{error}");
        }
        let salvage = || Options {
            recover: Recover::Salvage,
            ..options()
        };
        let (store, recovered) = Store::open(copy.dir(), salvage()).unwrap();
        let lost = Lost {
            queue: Q,
            first_seq: 3,
            last_seq: 3,
        };
        assert_eq!(recovered.lost, [lost]);
        assert_eq!(recovered.damaged.len(), 1);
        assert_eq!(recovered.damaged[0].offset as usize, at(3));
        assert!(
            fs::read_dir(copy.dir().join("log/damaged"))
                .unwrap()
                .count()
                == 1
        );
        let seqs: Vec<u64> = texts(&store, Q).iter().map(|(seq, _)| *seq).collect();
        assert_eq!(seqs, [1, 2, 4, 5]);
        store.close().unwrap();
        assert!(Store::open(copy.dir(), options()).is_ok());
    }
}

#[test]
fn salvage_goes_on_without_a_missing_segment() {
    let scratch = Scratch::new();
    let (store, _) = open(&scratch);
    let text = "x".repeat(10_000);
    store
        .wait(append(&store, Q, 1, &vec![text.as_str(); 20]))
        .unwrap();
    store.close().unwrap();
    fs::remove_file(&scratch.segments()[1]).unwrap();
    assert!(matches!(
        Store::open(scratch.dir(), options()).unwrap_err(),
        Error::MissingSegment(_)
    ));
    let salvage = Options {
        recover: Recover::Salvage,
        ..options()
    };
    let (store, recovered) = Store::open(scratch.dir(), salvage).unwrap();
    let lost: u64 = recovered
        .lost
        .iter()
        .map(|l| l.last_seq - l.first_seq + 1)
        .sum();
    assert!(lost > 0);
    assert_eq!(texts(&store, Q).len() as u64, 20 - lost);
}
