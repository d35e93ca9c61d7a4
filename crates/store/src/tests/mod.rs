//! Tests of the whole store, through its public seam and on real files.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;

use crate::keep::Keep;
use crate::log::record::{Place, Record, References, encode_long};
use crate::{Body, Error, Lost, Options, QueueId, Recover, Recovered, Store, Ticket};

mod backlog;
mod compaction;
mod crash;
mod faults;
mod histories;
mod killed;
mod levels;
mod marker;
mod model;
mod rebuild;
mod sim;
mod spill;
mod threads;

/// A directory that disappears with the test.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let name = format!(
            "leveret-store-{}-{}",
            std::process::id(),
            NEXT.fetch_add(1, Ordering::Relaxed)
        );
        let dir = std::env::temp_dir().join(name);
        let _ = fs::remove_dir_all(&dir);
        Self(dir)
    }

    fn dir(&self) -> &Path {
        &self.0
    }

    /// The directory as a crash would leave it now.
    fn copy(&self) -> Self {
        let copy = Self::new();
        copy_dir(&self.0, &copy.0);
        copy
    }

    fn segments(&self) -> Vec<PathBuf> {
        let files = fs::read_dir(self.0.join("log/q")).unwrap();
        let mut segments: Vec<_> = files
            .map(|file| file.unwrap().path())
            .filter(|path| path.extension().is_some_and(|e| e == "seg"))
            .collect();
        segments.sort();
        segments
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn copy_dir(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_dir(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// Small segments, and checkpoints only on demand.
fn options() -> Options {
    Options {
        segment_bytes: 64 << 10,
        checkpoint_every: Duration::from_secs(3600),
        ..Options::default()
    }
}

fn open(scratch: &Scratch) -> (Store, Recovered) {
    Store::open(scratch.dir(), options()).unwrap()
}

fn body(text: &str) -> Body {
    let (head, tail) = text.split_at(text.len() / 2);
    Body {
        head: Bytes::copy_from_slice(head.as_bytes()),
        tail: Some(Bytes::copy_from_slice(tail.as_bytes())),
    }
}

/// The messages of a queue as (number, text).
fn texts(store: &Store, queue: QueueId) -> Vec<(u64, String)> {
    let read = store.read(queue, 0, usize::MAX, usize::MAX).unwrap();
    read.into_iter()
        .map(|(seq, body)| (seq, text(&body)))
        .collect()
}

fn text(body: &Body) -> String {
    let mut bytes = body.head.to_vec();
    bytes.extend_from_slice(body.tail.as_deref().unwrap_or_default());
    String::from_utf8(bytes).unwrap()
}

fn append(store: &Store, queue: QueueId, first: u64, texts: &[&str]) -> Ticket {
    store.append(queue, first, texts.iter().map(|text| body(text)).collect())
}

const Q: QueueId = QueueId(7);
const R: QueueId = QueueId(9);

#[test]
fn a_new_store_is_empty_and_clean() {
    let scratch = Scratch::new();
    let (store, recovered) = open(&scratch);
    assert_eq!(
        recovered,
        Recovered {
            clean: true,
            ..Recovered::default()
        }
    );
    assert_eq!(store.committed(), Ticket(0));
    assert_eq!(store.read(Q, 1, 10, 10).unwrap(), []);
    store.close().unwrap();
    let (_, recovered) = open(&scratch);
    assert_eq!(
        recovered,
        Recovered {
            clean: true,
            ..Recovered::default()
        }
    );
}

#[test]
fn messages_come_back_in_two_pieces_and_in_order() {
    let scratch = Scratch::new();
    let (store, _) = open(&scratch);
    let bodies = vec![
        Body {
            head: Bytes::from_static(b"head"),
            tail: None,
        },
        Body {
            head: Bytes::from_static(b"head"),
            tail: Some(Bytes::new()),
        },
        Body {
            head: Bytes::new(),
            tail: Some(Bytes::from_static(b"tail")),
        },
        Body::default(),
    ];
    store.wait(store.append(Q, 5, bodies.clone())).unwrap();
    let expected: Vec<_> = (5..).zip(bodies).collect();
    assert_eq!(store.read(Q, 0, 10, 1000).unwrap(), expected);
    store.close().unwrap();

    let (store, recovered) = open(&scratch);
    assert!(recovered.clean);
    assert_eq!(recovered.max_queue_id, 7);
    let queue = recovered.queues[0];
    assert_eq!((queue.id, queue.first_seq, queue.next_seq), (Q, 5, 9));
    assert_eq!((queue.live, queue.live_bytes), (4, 12));
    assert_eq!(store.read(Q, 0, 10, 1000).unwrap(), expected);
}

#[test]
fn a_read_stops_at_its_limits_but_returns_one_message() {
    let scratch = Scratch::new();
    let (store, _) = open(&scratch);
    store
        .wait(append(&store, Q, 1, &["aaaa", "bbbb", "cccc", "dddd"]))
        .unwrap();
    let seqs = |from, messages, bytes| -> Vec<u64> {
        store
            .read(Q, from, messages, bytes)
            .unwrap()
            .into_iter()
            .map(|(seq, _)| seq)
            .collect()
    };
    assert_eq!(seqs(2, 2, 100), [2, 3]);
    assert_eq!(seqs(1, 10, 8), [1, 2]);
    assert_eq!(seqs(1, 10, 1), [1]);
    assert_eq!(seqs(1, 0, 100), [0; 0]);
    assert_eq!(seqs(5, 10, 100), [0; 0]);
}

#[test]
fn settled_messages_are_gone_for_good() {
    let scratch = Scratch::new();
    let (store, _) = open(&scratch);
    store
        .wait(append(&store, Q, 1, &["a", "b", "c", "d", "e"]))
        .unwrap();
    store.settle(Q, &[4, 1, 99]);
    store.settle(R, &[1]);
    store.wait(store.purge(Q, &[(5, u64::MAX)])).unwrap();
    let left = [(2, "b".to_owned()), (3, "c".to_owned())];
    assert_eq!(texts(&store, Q), left);
    let crashed = scratch.copy();
    let (store, recovered) = open(&crashed);
    assert!(!recovered.clean);
    assert_eq!(recovered.queues.len(), 1);
    assert_eq!(texts(&store, Q), left);
}

#[test]
fn settlements_alone_are_written_without_a_sync_and_soon() {
    let scratch = Scratch::new();
    let (store, _) = open(&scratch);
    store.wait(append(&store, Q, 1, &["a", "b"])).unwrap();
    let syncs = store.stats().syncs;
    store.settle(Q, &[1]);
    while texts(&store, Q).len() > 1 {
        std::thread::yield_now();
    }
    assert_eq!(store.stats().syncs, syncs);
}

#[test]
fn a_dropped_queue_is_gone_with_its_messages() {
    let scratch = Scratch::new();
    let (store, _) = open(&scratch);
    append(&store, Q, 1, &["a"]);
    append(&store, R, 1, &["b"]);
    store.checkpoint().unwrap();
    store.wait(store.drop_queue(Q)).unwrap();
    assert_eq!(store.stats().live, 1);
    for scratch in [scratch.copy(), {
        store.close().unwrap();
        scratch
    }] {
        let (store, recovered) = open(&scratch);
        assert_eq!(recovered.queues.len(), 1);
        assert_eq!(recovered.max_queue_id, R.0);
        assert_eq!(texts(&store, Q), []);
        assert_eq!(texts(&store, R).len(), 1);
    }
}

#[test]
fn entries_survive_with_values_of_any_size() {
    let scratch = Scratch::new();
    let (store, _) = open(&scratch);
    let large: Vec<u8> = (0..100_000u32).map(|n| n as u8).collect();
    store.put(b"a", b"1");
    store.put(b"b", &large);
    store.put(b"c", b"");
    store.put(b"", b"nameless");
    store.checkpoint().unwrap();
    store.put(b"b", b"small");
    store.put(b"d", &large);
    store.wait(store.remove(b"a")).unwrap();
    let expected: BTreeMap<Vec<u8>, Vec<u8>> = [
        (&b"b"[..], &b"small"[..]),
        (b"c", b""),
        (b"", b"nameless"),
        (b"d", &large),
    ]
    .into_iter()
    .map(|(key, value)| (key.to_vec(), value.to_vec()))
    .collect();
    for scratch in [scratch.copy(), {
        store.close().unwrap();
        scratch
    }] {
        let (store, recovered) = open(&scratch);
        assert_eq!(recovered.entries, expected);
        store.close().unwrap();
        let (_, recovered) = open(&scratch);
        assert_eq!(recovered.entries, expected);
    }
}

#[test]
fn a_body_for_many_queues_is_written_once() {
    let scratch = Scratch::new();
    let (store, _) = open(&scratch);
    let large = body(&"x".repeat(10_000));
    // Whether all of it meets in one group is up to the commit thread; most of it does.
    let mut last = Ticket(0);
    for queue in 1..=100 {
        last = store.append(QueueId(queue), 1, vec![large.clone()]);
    }
    store.wait(last).unwrap();
    assert!(store.stats().log_bytes < 50 * 10_000, "{:?}", store.stats());
    let crashed = scratch.copy();
    let (store, recovered) = open(&crashed);
    assert_eq!(recovered.queues.len(), 100);
    for queue in 1..=100 {
        assert_eq!(
            store.read(QueueId(queue), 1, 10, 1).unwrap(),
            [(1, large.clone())]
        );
    }
}

#[test]
fn segments_without_live_messages_are_used_again_and_never_replayed() {
    let scratch = Scratch::new();
    let (store, _) = open(&scratch);
    let text = "y".repeat(1000);
    let mut seq = 1;
    for round in 0..20 {
        let first = seq;
        for _ in 0..15 {
            store
                .wait(append(&store, Q, seq, &[text.as_str(); 10]))
                .unwrap();
            seq += 10;
        }
        // One message of each round but the last stays until the next.
        store.wait(store.purge(Q, &[(0, seq - 2)])).unwrap();
        store.checkpoint().unwrap();
        assert!(
            store.stats().segments <= 6,
            "round {round}, {first}: {:?}",
            store.stats()
        );
    }
    assert!(store.stats().free_segments > 0);
    append(&store, Q, seq, &["last"]);
    store.wait(store.put(b"k", b"v")).unwrap();
    let crashed = scratch.copy();
    let (store, recovered) = open(&crashed);
    assert_eq!(recovered.queues[0].next_seq, seq + 1);
    assert_eq!(
        texts(&store, Q),
        [(seq - 1, text), (seq, "last".to_owned())]
    );
}

#[test]
fn a_message_larger_than_a_segment_is_stored() {
    let scratch = Scratch::new();
    let (store, _) = open(&scratch);
    let large = "z".repeat(3 << 20);
    store
        .wait(append(&store, Q, 1, &["a", &large, "b"]))
        .unwrap();
    for scratch in [scratch.copy(), {
        store.close().unwrap();
        scratch
    }] {
        let (store, _) = open(&scratch);
        let expected = [(1, "a".to_owned()), (2, large.clone()), (3, "b".to_owned())];
        assert!(texts(&store, Q) == expected);
    }
}

#[test]
fn a_message_settled_before_its_group_is_not_written() {
    let scratch = Scratch::new();
    let large = "x".repeat(1 << 20);
    let (store, _) = open(&scratch);
    // A slow first group, so that the rest meets in the second.
    let slow: Vec<_> = (0..20).map(|_| body(&large)).collect();
    store.append(R, 1, slow);
    let mut last = Ticket(0);
    for seq in 1..=20 {
        last = store.append(Q, seq, vec![body(&large)]);
        store.settle(Q, &[seq]);
    }
    store.wait(last).unwrap();
    assert!(store.stats().log_bytes < 40 << 20, "{:?}", store.stats());
    assert_eq!(texts(&store, Q), []);
    store.wait(append(&store, Q, 21, &["next"])).unwrap();
    let crashed = scratch.copy();
    let (store, _) = open(&crashed);
    assert_eq!(texts(&store, Q), [(21, "next".to_owned())]);
}

#[test]
fn the_database_never_makes_blob_files() {
    let scratch = Scratch::new();
    let (store, _) = open(&scratch);
    for round in 0u64..4 {
        for queue in 1..200 {
            store.append(QueueId(queue), 1 + round * 500, vec![body("m"); 500]);
            store.put(
                format!("entry {queue}").as_bytes(),
                &vec![round as u8; 9000],
            );
        }
        store.checkpoint().unwrap();
    }
    store.close().unwrap();
    let blobs = scratch.dir().join("meta/blobs");
    assert_eq!(fs::read_dir(blobs).map_or(0, Iterator::count), 0);
}

#[test]
fn a_directory_has_one_store_at_a_time() {
    let scratch = Scratch::new();
    let (store, _) = open(&scratch);
    let error = Store::open(scratch.dir(), options()).unwrap_err();
    assert!(matches!(error, Error::InUse(_)), "{error}");
    assert!(error.to_string().ends_with("is in use by another process"));
    store.close().unwrap();
    open(&scratch);
    let clone = store.clone();
    clone.close().unwrap();
    assert!(matches!(clone.read(Q, 1, 1, 1), Err(Error::Closed)));
    assert!(matches!(clone.checkpoint(), Err(Error::Closed)));
    let ticket = append(&clone, Q, 1, &["late"]);
    assert!(matches!(clone.wait(ticket), Err(Error::Closed)));
    assert_eq!(clone.stats().pending_bytes, 0);
}

#[test]
fn a_format_from_the_future_is_refused() {
    let scratch = Scratch::new();
    open(&scratch).0.close().unwrap();
    let version = scratch.dir().join("VERSION");
    assert_eq!(fs::read_to_string(&version).unwrap(), "4\n");
    fs::write(&version, "5\n").unwrap();
    let error = Store::open(scratch.dir(), options()).unwrap_err();
    assert!(
        error.to_string().contains("format version 5 is newer"),
        "{error}"
    );
    fs::remove_file(&version).unwrap();
    let error = Store::open(scratch.dir(), options()).unwrap_err();
    assert!(matches!(error, Error::BadVersion(_)), "{error}");
}

/// A segment as the last format had it: 300 messages of one queue, each with the long header.
fn segment_of_long_headers() -> Vec<u8> {
    let mut bytes = Vec::new();
    for n in 1..=300u64 {
        let body = body(&format!("message {n:04}"));
        let place = match n {
            1 => Place::GroupStart,
            _ => Place::Within,
        };
        let at = (1, bytes.len() as u64);
        let record = Record::Publish {
            keep: Keep::Always,
            first: (Q.0, n),
            more: References(&[]),
            head: &body.head,
            tail: body.tail.as_deref(),
        };
        encode_long(&mut bytes, &record, at, place);
    }
    assert_eq!(bytes.len(), 300 * 48);
    bytes
}

#[test]
fn earlier_formats_are_read_and_made_the_present_one() {
    for earlier in ["2\n", "3\n"] {
        let scratch = Scratch::new();
        let (log, version) = (scratch.dir().join("log/q"), scratch.dir().join("VERSION"));
        fs::create_dir_all(&log).unwrap();
        fs::create_dir_all(scratch.dir().join("log/c")).unwrap();
        fs::write(&version, earlier).unwrap();
        fs::write(scratch.dir().join("LOCK"), "").unwrap();
        fs::write(log.join("0000000001.seg"), segment_of_long_headers()).unwrap();
        // A look changes nothing.
        let looked = Scratch::new();
        let found = crate::inspect(scratch.dir(), looked.dir()).unwrap();
        assert_eq!((found.damaged.len(), found.segments[0].live), (0, 300));
        assert_eq!(fs::read_to_string(&version).unwrap(), earlier);

        let (store, recovered) = open(&scratch);
        assert_eq!(recovered.damaged, []);
        assert_eq!(fs::read_to_string(&version).unwrap(), "4\n");
        let mut expected: Vec<_> = (1..=300).map(|n| (n, format!("message {n:04}"))).collect();
        assert_eq!(texts(&store, Q), expected);
        // New messages get the short header; both come back, from rows and from the log.
        store
            .wait(append(&store, Q, 301, &["short", "ones"]))
            .unwrap();
        expected.extend([(301, "short".into()), (302, "ones".into())]);
        assert_eq!(texts(&store, Q), expected);
        store.close().unwrap();
        let (store, _) = open(&scratch);
        assert_eq!(texts(&store, Q), expected);
        store.close().unwrap();
    }
}

#[test]
fn long_headers_move_out_of_sparse_segments_as_short_ones() {
    let scratch = Scratch::new();
    let log = scratch.dir().join("log/q");
    fs::create_dir_all(&log).unwrap();
    fs::write(scratch.dir().join("VERSION"), "3\n").unwrap();
    fs::write(log.join("0000000001.seg"), segment_of_long_headers()).unwrap();
    let options = || Options {
        compact_above: 1,
        ..options()
    };
    let (store, _) = Store::open(scratch.dir(), options()).unwrap();
    let settled: Vec<u64> = (1..=300).filter(|n| n % 10 != 0).collect();
    store.settle(Q, &settled);
    for _ in 0..4 {
        // A segment that is draining is left alone.
        if store.stats().relocated_bytes == 0 {
            store.wait(store.put(b"key", b"value")).unwrap();
            store.checkpoint().unwrap();
        }
    }
    let mut copies = fs::read_dir(scratch.dir().join("log/c")).unwrap();
    let copies = fs::read(copies.next().unwrap().unwrap().path()).unwrap();
    // 24 of header and 12 of body, padded, of the kind 14.
    assert!((0..30).all(|n| copies[n * 40 + 8] == 14));
    let expected: Vec<_> = (1..=30)
        .map(|n| (n * 10, format!("message {:04}", n * 10)))
        .collect();
    assert_eq!(texts(&store, Q), expected);
    store.close().unwrap();
    let (store, _) = Store::open(scratch.dir(), options()).unwrap();
    assert_eq!(texts(&store, Q), expected);
}

#[test]
fn a_format_that_is_too_old_is_refused() {
    let scratch = Scratch::new();
    open(&scratch).0.close().unwrap();
    fs::write(scratch.dir().join("VERSION"), "1\n").unwrap();
    let error = Store::open(scratch.dir(), options()).unwrap_err();
    assert!(matches!(error, Error::OlderVersion { .. }), "{error}");
}

#[test]
fn a_data_directory_that_is_a_file_is_refused_in_plain_words() {
    let scratch = Scratch::new();
    fs::write(scratch.dir(), "").unwrap();
    let error = Store::open(scratch.dir(), options()).unwrap_err();
    assert!(error.to_string().contains("is not writable"), "{error}");
    fs::remove_file(scratch.dir()).unwrap();
}

#[test]
fn an_idle_store_takes_little_space() {
    let scratch = Scratch::new();
    let (store, _) = Store::open(scratch.dir(), Options::default()).unwrap();
    assert_eq!(scratch.segments().len(), 0);
    store.wait(append(&store, Q, 1, &["a"])).unwrap();
    // A page, and one ahead.
    assert_eq!(fs::metadata(&scratch.segments()[0]).unwrap().len(), 8192);
}

#[test]
fn small_groups_find_the_space_that_they_need_already_written() {
    let scratch = Scratch::new();
    let options = Options {
        segment_bytes: 16 << 20,
        ..options()
    };
    let (store, _) = Store::open(scratch.dir(), options).unwrap();
    let (mut len, mut longer) = (0, 0);
    for seq in 1..=1_000 {
        let body = body(&"w".repeat(1_000));
        store.wait(store.append(Q, seq, vec![body])).unwrap();
        let now = fs::metadata(&scratch.segments()[0]).unwrap().len();
        longer += u32::from(now > len);
        len = now;
    }
    // It doubles up to 256 KiB, and grows by that.
    assert!((6..=12).contains(&longer), "{longer} times");
    assert!(len < 1_600_000, "{len}");
    let (before, large) = (len, body(&"l".repeat(4 << 20)));
    store.wait(store.append(Q, 1_001, vec![large])).unwrap();
    let now = fs::metadata(&scratch.segments()[0]).unwrap().len();
    assert!(now < before + (4 << 20) + 8192, "a large group needs none");
}

#[test]
fn commits_are_announced_in_order() {
    let scratch = Scratch::new();
    let seen = Arc::new(parking_lot::Mutex::new(Vec::new()));
    let hears = Arc::clone(&seen);
    let on_commit = Box::new(move |ticket| hears.lock().push(ticket));
    let (store, _) = Store::open(
        scratch.dir(),
        Options {
            on_commit,
            ..options()
        },
    )
    .unwrap();
    let mut tickets = Vec::new();
    for seq in 1..50 {
        tickets.push(append(&store, Q, seq, &["m"]));
    }
    store.close().unwrap();
    assert!(tickets.is_sorted());
    let seen = seen.lock();
    assert!(seen.is_sorted());
    assert!(seen.last() >= tickets.last());
    assert_eq!(store.committed(), *seen.last().unwrap());
}
