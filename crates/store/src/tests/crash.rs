//! What a crash may leave behind, made by hand.

use super::*;
use crate::keys;
use crate::meta::{Batch, MetaStore, Sled};

/// Bytes up to which a segment holds something other than zeros.
fn used(segment: &[u8]) -> usize {
    segment.len() - segment.iter().rev().take_while(|byte| **byte == 0).count()
}

#[test]
fn a_tail_torn_at_any_byte_loses_only_the_last_group() {
    let scratch = Scratch::new();
    let (store, _) = open(&scratch);
    store
        .wait(append(&store, Q, 1, &["first", "second"]))
        .unwrap();
    let segment = scratch.segments()[0].clone();
    let start = used(&fs::read(&segment).unwrap()).next_multiple_of(8);
    store.wait(append(&store, Q, 3, &["third"])).unwrap();
    store.abandon();
    let whole = fs::read(&segment).unwrap();
    let end = used(&whole);
    assert!(end > start);
    for cut in start..=end {
        for fill in [0u8, 0xA5] {
            let torn = scratch.copy();
            let mut bytes = whole.clone();
            bytes[cut..].fill(fill);
            fs::write(&torn.segments()[0], bytes).unwrap();
            let (store, recovered) = open(&torn);
            assert!(!recovered.clean);
            let found = texts(&store, Q).len();
            assert_eq!(
                found,
                if cut < end { 2 } else { 3 },
                "cut at {cut} of {end}"
            );
            let next = recovered.queues[0].next_seq;
            store.wait(append(&store, Q, next, &["new"])).unwrap();
            store.abandon();
            // The second crash finds what the first recovery kept, and what came after it.
            let (store, _) = open(&torn);
            assert_eq!(texts(&store, Q).len(), found + 1);
        }
    }
}

#[test]
fn a_file_cut_short_loses_only_the_last_group() {
    let scratch = Scratch::new();
    let (store, _) = open(&scratch);
    store.wait(append(&store, Q, 1, &["first"])).unwrap();
    store.wait(append(&store, Q, 2, &["second"])).unwrap();
    store.abandon();
    let segment = scratch.segments()[0].clone();
    let bytes = fs::read(&segment).unwrap();
    fs::write(&segment, &bytes[..used(&bytes) - 1]).unwrap();
    let (store, _) = open(&scratch);
    assert_eq!(texts(&store, Q), [(1, "first".to_owned())]);
}

#[test]
fn damage_before_a_committed_group_is_refused() {
    let scratch = Scratch::new();
    let (store, _) = open(&scratch);
    for seq in 1..=3 {
        store.wait(append(&store, Q, seq, &["message"])).unwrap();
    }
    store.abandon();
    let segment = scratch.segments()[0].clone();
    let mut bytes = fs::read(&segment).unwrap();
    bytes[96 + 27] ^= 1;
    fs::write(&segment, bytes).unwrap();
    let error = Store::open(scratch.dir(), options()).unwrap_err();
    assert!(
        matches!(error, Error::CorruptLog { offset: 96, .. }),
        "{error}"
    );
    assert!(
        error
            .to_string()
            .ends_with("at 96, followed by valid records"),
        "{error}"
    );
}

#[test]
fn damage_before_a_further_segment_is_refused() {
    let scratch = Scratch::new();
    let (store, _) = open(&scratch);
    let text = "x".repeat(10_000);
    store
        .wait(append(&store, Q, 1, &vec![text.as_str(); 20]))
        .unwrap();
    store.abandon();
    let segments = scratch.segments();
    assert!(segments.len() > 2);
    let mut bytes = fs::read(&segments[0]).unwrap();
    bytes[20_100] ^= 1;
    fs::write(&segments[0], bytes).unwrap();
    let error = Store::open(scratch.dir(), options()).unwrap_err();
    assert!(matches!(error, Error::CorruptLog { .. }), "{error}");
    fs::remove_file(&segments[1]).unwrap();
    let error = Store::open(scratch.dir(), options()).unwrap_err();
    assert!(
        matches!(error, Error::CorruptLog { .. } | Error::MissingSegment(_)),
        "{error}"
    );
}

#[test]
fn a_live_message_that_is_damaged_is_reported_by_queue_and_number() {
    let scratch = Scratch::new();
    let (store, _) = open(&scratch);
    store
        .wait(append(&store, Q, 1, &["first", "second"]))
        .unwrap();
    store.close().unwrap();
    let segment = scratch.segments()[0].clone();
    let mut bytes = fs::read(&segment).unwrap();
    // Behind the two records of an empty snapshot.
    bytes[64 + 26] ^= 1;
    fs::write(&segment, bytes).unwrap();
    let (store, _) = open(&scratch);
    let error = store.read(Q, 1, 10, 1000).unwrap_err();
    assert!(
        matches!(
            error,
            Error::CorruptMessage {
                queue: 7,
                seq: 1,
                ..
            }
        ),
        "{error}"
    );
    assert_eq!(store.read(Q, 2, 10, 1000).unwrap().len(), 1);
}

#[test]
fn a_missing_segment_with_live_messages_is_refused() {
    let scratch = Scratch::new();
    let (store, _) = open(&scratch);
    store.wait(append(&store, Q, 1, &["first"])).unwrap();
    store.close().unwrap();
    fs::remove_file(&scratch.segments()[0]).unwrap();
    let error = Store::open(scratch.dir(), options()).unwrap_err();
    assert!(matches!(error, Error::MissingSegment(_)), "{error}");
}

#[test]
fn a_crash_between_checkpoints_keeps_what_was_settled_settled() {
    let scratch = Scratch::new();
    let (store, _) = open(&scratch);
    store.append(Q, 1, (0..2000).map(|n| body(&n.to_string())).collect());
    store.checkpoint().unwrap();
    // The chunk's row is still in the database when its last message goes.
    store
        .wait(store.purge(Q, &[(512, 1023), (1500, 1500)]))
        .unwrap();
    let crashed = scratch.copy();
    let (store, recovered) = open(&crashed);
    assert_eq!(recovered.queues[0].live, 2000 - 513);
    assert_eq!(store.read(Q, 512, 1, 1).unwrap()[0].0, 1024);
    store.close().unwrap();
    let (store, recovered) = open(&crashed);
    assert_eq!(recovered.queues[0].live, 2000 - 513);
    assert!(recovered.clean);
    drop(store);
}

#[test]
fn opening_without_writing_stays_clean() {
    let scratch = Scratch::new();
    let (store, _) = open(&scratch);
    append(&store, Q, 1, &["first"]);
    store.close().unwrap();
    for _ in 0..3 {
        let (store, recovered) = open(&scratch);
        assert!(recovered.clean);
        store.abandon();
    }
    let (store, _) = open(&scratch);
    store.wait(append(&store, Q, 2, &["second"])).unwrap();
    store.abandon();
    assert!(!open(&scratch).1.clean);
}

#[test]
fn dropping_the_last_clone_commits_what_was_pending() {
    let scratch = Scratch::new();
    let (store, _) = open(&scratch);
    append(&store, Q, 1, &["first"]);
    store.settle(Q, &[99]);
    append(&store, Q, 2, &["second"]);
    drop(store);
    let (store, recovered) = open(&scratch);
    assert!(!recovered.clean);
    assert_eq!(texts(&store, Q).len(), 2);
}

#[test]
fn entries_written_ahead_of_a_checkpoint_that_never_came_are_what_the_log_says() {
    let scratch = Scratch::new();
    let (store, _) = open(&scratch);
    for key in [b"changed", b"removed", b"settled"] {
        store.put(key, b"old");
    }
    store.checkpoint().unwrap();
    store.put(b"changed", &[1; 20_000]);
    store.remove(b"removed");
    store.remove(b"settled");
    store.put(b"settled", b"new");
    store.wait(store.put(b"added", b"new")).unwrap();
    let crashed = scratch.copy();
    drop(store);

    let (store, wanted) = open(&scratch.copy());
    assert_eq!(wanted.entries.len(), 3);
    drop(store);
    for written in 0..=4 {
        let crashed = crashed.copy();
        let meta = Sled::open(&crashed.dir().join("meta")).unwrap();
        let mut step = Batch::default();
        let big = &[1; 20_000][..];
        let changes = [
            (&b"added"[..], Some(&b"new"[..])),
            (b"changed", Some(big)),
            (b"removed", None),
            (b"settled", Some(b"new")),
        ];
        for (key, value) in changes.into_iter().take(written) {
            let old = meta.get(&keys::entry_head(key)).unwrap();
            keys::write_entry(&mut step, key, value, old.as_deref());
        }
        meta.stage(step).unwrap();
        drop(meta);
        let (store, recovered) = open(&crashed);
        assert_eq!(recovered.entries, wanted.entries, "{written} ahead");
        store.close().unwrap();
        assert_eq!(open(&crashed).1.entries, wanted.entries);
    }
}
