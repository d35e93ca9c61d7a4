//! The store alone: what a group costs, by its size and by what is in it, and how long a start
//! takes. `cargo bench -p store`; needs a directory on a real disk, `TMPDIR` if it is set.
//!
//! One iteration is one group with its `fdatasync`, so that times compare with the disk's own.

use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use divan::{Bencher, counter::ItemsCount};
use store::{Body, Options, QueueId, Store};

/// Messages in a group.
const GROUPS: [u64; 4] = [1, 10, 100, 1000];

/// Bytes of a message.
const BYTES: usize = 1024;

fn main() {
    divan::main();
}

/// A store in a directory of its own, and the next number of each queue.
struct Bench {
    dir: tempfile::TempDir,
    store: Store,
    next: AtomicU64,
}

impl Bench {
    #[expect(
        clippy::expect_used,
        reason = "a benchmark without a disk has nothing to say"
    )]
    fn new() -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let (store, _) = Store::open(dir.path(), Options::default()).expect("a store");
        Self {
            dir,
            store,
            next: AtomicU64::new(1),
        }
    }

    /// Appends `group` messages to each of `queues` and waits until they are safe.
    fn publish(&self, group: u64, queues: u32) -> u64 {
        let first = self.next.fetch_add(group, Ordering::Relaxed);
        let slab = Bytes::from(vec![0x5A; BYTES * group as usize]);
        let bodies: Vec<Body> = (0..group as usize)
            .map(|n| Body {
                head: slab.slice(n * BYTES..(n + 1) * BYTES),
                tail: None,
            })
            .collect();
        let mut ticket = None;
        for queue in 1..=queues {
            ticket = Some(self.store.append(QueueId(queue), first, bodies.clone()));
        }
        if let Some(ticket) = ticket {
            let committed = self.store.wait(ticket);
            assert!(committed.is_ok(), "the disk works");
        }
        first
    }
}

#[divan::bench(args = GROUPS, sample_count = 20)]
fn publish(bencher: Bencher<'_, '_>, group: u64) {
    let bench = Bench::new();
    bencher
        .counter(ItemsCount::new(group))
        .bench_local(|| bench.publish(group, 1));
}

#[divan::bench(args = GROUPS, sample_count = 20)]
fn publish_and_ack(bencher: Bencher<'_, '_>, group: u64) {
    let bench = Bench::new();
    bencher.counter(ItemsCount::new(group)).bench_local(|| {
        let first = bench.publish(group, 1);
        let settled: Vec<u64> = (first..first + group).collect();
        bench.store.settle(QueueId(1), &settled);
    });
}

#[divan::bench(args = GROUPS, sample_count = 20)]
fn fan_out_10(bencher: Bencher<'_, '_>, group: u64) {
    let bench = Bench::new();
    bencher
        .counter(ItemsCount::new(group * 10))
        .bench_local(|| bench.publish(group, 10));
}

#[divan::bench(args = [10_000, 100_000], sample_count = 5, sample_size = 1)]
fn recovery(bencher: Bencher<'_, '_>, messages: u64) {
    let bench = Bench::new();
    for _ in 0..messages / 1000 {
        bench.publish(1000, 1);
    }
    let closed = bench.store.close();
    assert!(closed.is_ok(), "the disk works");
    bencher.counter(ItemsCount::new(messages)).bench_local(|| {
        let opened = Store::open(bench.dir.path(), Options::default());
        let recovered = opened
            .as_ref()
            .map(|(_, r)| r.queues.iter().map(|q| q.live).sum::<u64>());
        assert_eq!(recovered.ok(), Some(messages));
        opened.map(|(store, _)| store.close())
    });
}
