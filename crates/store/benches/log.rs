//! What the store does for messages: to take them, to write them, to forget them, to read them back.
//!
//! `cargo bench -p store --bench log -- STEP MESSAGES` does so with so many messages and says
//! nothing: it is run by `tests/instructions`, which counts what happens in `Bench::run…` here and
//! in `Commit::write` on the thread of the store. What times are, the bench `store` tells.

#![allow(
    clippy::expect_used,
    reason = "a benchmark without a disk has nothing to say"
)]

use bytes::Bytes;
use store::{Body, Options, QueueId, Store};

/// Messages in a group.
const GROUP: u64 = 100;

/// Bytes of a message.
const BYTES: usize = 1024;

const QUEUE: QueueId = QueueId(1);

fn main() {
    let mut words = std::env::args().skip(1).filter(|word| word != "--bench");
    let step = words.next().unwrap_or_default();
    let messages: u64 = words.next().and_then(|n| n.parse().ok()).unwrap_or(1);
    let bench = Bench::open();
    for group in 0..messages.div_ceil(GROUP) {
        let first = 1 + group * GROUP;
        match &*step {
            "append" => bench.append(first),
            "settle" => bench.settle(first),
            "read" => bench.read(first),
            other => eprintln!("no step {other}"),
        }
    }
    let _ = bench.store.close();
}

struct Bench {
    store: Store,
    bodies: Vec<Body>,
    _dir: tempfile::TempDir,
}

impl Bench {
    fn open() -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let (store, _) = Store::open(dir.path(), Options::default()).expect("a store");
        let slab = Bytes::from(vec![0x5A; BYTES * GROUP as usize]);
        let body = |n: usize| Body {
            head: slab.slice(n * BYTES..(n + 1) * BYTES),
            tail: None,
        };
        Self {
            store,
            bodies: (0..GROUP as usize).map(body).collect(),
            _dir: dir,
        }
    }

    /// One group, which is safe afterwards.
    fn append(&self, first: u64) {
        let ticket = self.run_append(first, self.bodies.clone());
        self.store.wait(ticket).expect("a disk");
    }

    /// As [`Self::append`], and a second group that forgets it.
    fn settle(&self, first: u64) {
        self.append(first);
        self.run_settle(&(first..first + GROUP).collect::<Vec<_>>());
        // Settlements wait for company.
        self.store
            .wait(self.store.put(b"key", b"value"))
            .expect("a disk");
    }

    fn read(&self, first: u64) {
        self.append(first);
        let read = self.run_read(first);
        assert_eq!(read.len() as u64, GROUP, "all of them");
    }

    #[inline(never)]
    fn run_append(&self, first: u64, bodies: Vec<Body>) -> store::Ticket {
        self.store.append(QUEUE, first, bodies)
    }

    #[inline(never)]
    fn run_settle(&self, numbers: &[u64]) {
        self.store.settle(QUEUE, numbers);
    }

    #[inline(never)]
    fn run_read(&self, first: u64) -> Vec<(u64, Body)> {
        let read = self.store.read(QUEUE, first, GROUP as usize, usize::MAX);
        read.expect("a disk")
    }
}
