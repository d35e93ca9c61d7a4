//! Deep queues: what lies in the store only comes back in order, once, and whole.

use std::collections::BTreeMap;

use super::*;

/// So little that every message goes to the store.
const NOTHING: u64 = 0;

impl Fixture {
    fn tiny() -> Self {
        Self::with_memory(1 << 20, NOTHING)
    }

    /// Publishes messages `1 ..= n` of 1,000 bytes, every second one transient.
    fn fill(&self, n: u64) {
        let body = |i: u64| format!("{i:01000}");
        for first in (1..=n).step_by(100) {
            let mut run = (first..=n.min(first + 99))
                .map(|i| message("q", &body(i), 1 + (i % 2) as u8))
                .collect();
            self.queue.publish(&mut run, &mut Wakes::new());
        }
        self.settle_down();
    }

    /// Everything is committed, and the queue has seen it.
    fn settle_down(&self) {
        self.queue
            .services
            .store
            .wait(self.queue.recorded())
            .unwrap();
        let _looked_at = self.queue.counts();
    }

    fn cost(&self) -> u64 {
        self.queue.lock().ready.cost()
    }

    fn return_stored(&self, deliveries: &[Delivery]) {
        self.settle_down();
        let mut returns = Returns::default();
        for delivery in deliveries {
            assert!(delivery.entry.durable, "only what has a record");
            let body_len = delivery.entry.message.body_len() as u32;
            returns.add_stored(delivery.entry.seq, body_len, Some(delivery.consumer));
        }
        self.queue.requeue(returns, &mut Wakes::new());
    }
}

fn seqs(deliveries: &[Delivery]) -> Vec<u64> {
    deliveries.iter().map(|d| d.entry.seq).collect()
}

/// Takes everything there is, as a connection does.
fn drain(f: &Fixture, outbox: &Outbox) -> Vec<Delivery> {
    let mut all = Vec::new();
    let mut batch = Batch::default();
    while outbox.take(&mut batch) {
        all.append(&mut batch.deliveries);
        for id in std::mem::take(&mut batch.paused) {
            f.queue.resume(id, &mut Wakes::new());
        }
    }
    all
}

#[test]
fn a_deep_queue_keeps_its_allowance_in_memory_and_counts_all() {
    let f = Fixture::with_memory(1 << 30, 100_000);
    f.fill(3000);
    let counts = f.queue.counts();
    assert_eq!((counts.ready, counts.ready_bytes), (3000, 3_000_000));
    assert!(f.cost() <= 200_000, "{} bytes", f.cost());
    f.consume(&Outbox::new(), 1);
    assert!(f.cost() <= 200_000, "{} bytes", f.cost());
    assert_eq!(f.queue.counts().ready_bytes, 2_999_000);
}

#[test]
fn a_deep_queue_comes_back_in_order_and_whole() {
    let f = Fixture::tiny();
    f.fill(3000);
    assert_eq!(f.cost(), 0);
    let outbox = Outbox::new();
    f.consume(&outbox, 0);
    let got = drain(&f, &outbox);
    assert_eq!(seqs(&got), (1..=3000).collect::<Vec<_>>());
    let whole =
        |d: &Delivery| d.entry.message.body() == format!("{:01000}", d.entry.seq).as_bytes();
    assert!(got.iter().all(|d| whole(d) && !d.entry.redelivered));
    assert_eq!(f.queue.counts().ready, 0);
}

#[test]
fn a_message_published_to_a_deep_queue_waits_for_those_before_it() {
    let f = Fixture::tiny();
    f.fill(10);
    f.publish(&["last"]);
    for i in 1..=10 {
        let got = f.queue.get(AckMode::Automatic).unwrap();
        assert_eq!((got.entry.seq, got.remaining), (i, 11 - i));
    }
    assert_eq!(
        f.queue.get(AckMode::Manual).unwrap().entry.message.body(),
        b"last"
    );
    assert!(f.queue.get(AckMode::Manual).is_none());
}

#[test]
fn a_queue_whose_consumer_has_caught_up_keeps_new_messages_in_memory() {
    let f = Fixture::with_memory(1 << 30, 100_000);
    f.fill(3000);
    let outbox = Outbox::new();
    let id = f.consume(&outbox, 0);
    assert_eq!(drain(&f, &outbox).len(), 3000);
    f.queue.remove_consumer(id, &mut Wakes::new());
    f.publish(&["transient"]);
    assert!(!f.queue.get(AckMode::Manual).unwrap().entry.durable);
}

#[test]
fn many_messages_requeued_at_once_are_cold_again_and_keep_their_place() {
    let f = Fixture::tiny();
    f.fill(2000);
    let outbox = Outbox::new();
    let id = f.consume(&outbox, 1500);
    let mut got = drain(&f, &outbox);
    assert_eq!(got.len(), 1500);
    f.queue.remove_consumer(id, &mut Wakes::new());
    // Some stay with the client, some come back as they are.
    let kept = got.split_off(1490);
    let whole = got.split_off(1400);
    f.ack(&got.remove(700));
    f.requeue(whole);
    f.return_stored(&got);
    assert!(f.cost() < 100_000, "{} bytes", f.cost());
    let counts = f.queue.counts();
    assert_eq!((counts.ready, counts.unacked), (1989, kept.len() as u64));
    assert_eq!(counts.ready_bytes, 1_989_000);
    f.consume(&outbox, 0);
    let again = drain(&f, &outbox);
    let expected: Vec<u64> = (1..=2000)
        .filter(|n| *n != 701 && !(1491..=1500).contains(n))
        .collect();
    assert_eq!(seqs(&again), expected);
    assert!(
        again
            .iter()
            .all(|d| d.entry.redelivered == (d.entry.seq <= 1490))
    );
}

#[test]
fn purge_and_delete_of_a_deep_queue_leave_nothing_in_the_store() {
    let f = Fixture::tiny();
    f.fill(1000);
    let held = f.queue.get(AckMode::Manual).unwrap().entry;
    let purged = f.queue.purge();
    assert_eq!(purged.messages, 999);
    f.queue.services.store.wait(purged.ticket.unwrap()).unwrap();
    assert_eq!(f.broker.store_stats().live, 1, "the one that is not ready");
    f.queue.ack(&[Settled::of(&held, None)], &mut Wakes::new());
    f.fill(1000);
    let vhost = f.broker.vhost("/").unwrap();
    let deleted = vhost
        .delete_queue("q", DeleteIf::default(), &actor(), &mut Wakes::new())
        .unwrap();
    assert_eq!(deleted.messages, 1000);
    f.queue
        .services
        .store
        .wait(deleted.ticket.unwrap())
        .unwrap();
    assert_eq!(f.broker.store_stats().live, 0);
}

#[test]
fn what_was_read_for_a_purged_queue_is_dropped() {
    let f = Fixture::tiny();
    f.fill(10);
    let stretch = f.queue.lock().ready.wanted().unwrap();
    let read = f
        .queue
        .services
        .store
        .read(f.queue.id(), stretch.first, 5, 1 << 20)
        .unwrap();
    f.queue.purge();
    let lost = f.queue.lock().ready.thaw(stretch, read);
    assert_eq!((lost, f.queue.counts().ready), (0, 0));
}

/// Flips a byte of `body` in the log.
fn damage(dir: &std::path::Path, body: &str) {
    use std::os::unix::fs::FileExt as _;
    let mut folders = vec![dir.join("log")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let bytes = std::fs::read(&path).unwrap();
            let found = bytes.windows(body.len()).position(|w| w == body.as_bytes());
            if let Some(at) = found {
                let file = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
                file.write_all_at(b"X", at as u64).unwrap();
                return;
            }
        }
    }
    panic!("not in the log: {body}");
}

#[test]
fn a_damaged_message_is_skipped_and_the_others_come() {
    let f = Fixture::tiny();
    f.fill(100);
    for seq in [1, 40, 100] {
        damage(f.dir.path(), &format!("{seq:01000}"));
    }
    let got: Vec<u64> = std::iter::from_fn(|| f.queue.get(AckMode::Automatic))
        .map(|got| got.entry.seq)
        .collect();
    let whole = |seq: &u64| ![1, 40, 100].contains(seq);
    assert_eq!(got, (1..=100).filter(whole).collect::<Vec<_>>());
    assert_eq!(f.queue.counts().ready, 0);
}

#[test]
fn two_readers_of_the_same_stretch_do_not_double_a_message() {
    let f = Fixture::tiny();
    f.fill(10);
    let stretch = f.queue.lock().ready.wanted().unwrap();
    let read = || {
        f.queue
            .services
            .store
            .read(f.queue.id(), stretch.first, 5, 1 << 20)
            .unwrap()
    };
    let (first, second) = (read(), read());
    let mut state = f.queue.lock();
    state.ready.thaw(stretch, first);
    state.ready.thaw(stretch, second);
    assert_eq!(state.ready.len(), 10);
    drop(state);
    let got: Vec<u64> = std::iter::from_fn(|| f.queue.get(AckMode::Automatic))
        .map(|got| got.entry.seq)
        .collect();
    assert_eq!(got, (1..=10).collect::<Vec<_>>());
}

#[test]
fn many_deep_queues_stay_within_the_budget_together() {
    let f = Fixture::with_memory(1 << 20, 256 << 10);
    let vhost = f.broker.vhost("/").unwrap();
    let queues: Vec<_> = (0..50)
        .map(|i| {
            vhost
                .declare_queue(declare(&format!("d{i}")), &actor())
                .unwrap()
                .queue
        })
        .collect();
    for queue in &queues {
        let mut run = (0..300u16)
            .map(|i| message("q", &format!("{i:01000}"), 1 + (i % 2) as u8))
            .collect();
        queue.publish(&mut run, &mut Wakes::new());
        queue.services.store.wait(queue.recorded()).unwrap();
        assert_eq!(queue.counts().ready, 300);
    }
    let kept: u64 = queues.iter().map(|q| q.lock().ready.cost()).sum();
    let most = (1 << 20) + (1 << 20) + 50 * 2 * limits::WARM_BYTES_MIN;
    assert!(kept < most, "{kept} bytes");
}

#[test]
fn publishers_getters_and_consumers_at_once_lose_and_double_nothing() {
    let f = Fixture::tiny();
    let (outbox, total) = (Outbox::new(), 4000u64);
    let mut got: Vec<u64> = std::thread::scope(|s| {
        let publisher = s.spawn(|| f.fill(total));
        let getters: Vec<_> = (0..2)
            .map(|_| {
                s.spawn(|| {
                    let mut seqs = Vec::new();
                    while !publisher_done(&f, total) || f.queue.counts().ready > 0 {
                        let got = f.queue.get(AckMode::Automatic);
                        seqs.extend(got.map(|got| got.entry.seq));
                    }
                    assert!(seqs.is_sorted(), "each sees the queue's order");
                    seqs
                })
            })
            .collect();
        let id = f.consume(&outbox, 0);
        let mut all = Vec::new();
        while !publisher.is_finished() {
            all.extend(seqs(&drain(&f, &outbox)));
        }
        all.extend(getters.into_iter().flat_map(|g| g.join().unwrap()));
        all.extend(seqs(&drain(&f, &outbox)));
        f.queue.remove_consumer(id, &mut Wakes::new());
        all.extend(seqs(&drain(&f, &outbox)));
        all
    });
    got.sort_unstable();
    assert_eq!(got, (1..=total).collect::<Vec<_>>());
}

fn publisher_done(f: &Fixture, total: u64) -> bool {
    f.queue.snapshot().messages.publish == total
}

#[derive(Clone, Debug)]
enum Step {
    Publish(u8),
    Consume { prefetch: u32 },
    Cancel(usize),
    Ack(usize),
    Requeue(usize, usize),
    ReturnStored(usize, usize),
    Get,
    Purge,
    Commit,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        5 => (1..40u8).prop_map(Step::Publish),
        1 => (0..20u32).prop_map(|prefetch| Step::Consume { prefetch }),
        2 => (0..4usize).prop_map(Step::Cancel),
        2 => (0..64usize).prop_map(Step::Ack),
        2 => (0..64usize, 1..20usize).prop_map(|(at, n)| Step::Requeue(at, n)),
        3 => (0..64usize, 1..20usize).prop_map(|(at, n)| Step::ReturnStored(at, n)),
        3 => Just(Step::Get),
        1 => Just(Step::Purge),
        4 => Just(Step::Commit),
    ]
}

/// What a queue is, without any of its cleverness: numbers in order, each with its body's
/// length and whether it was delivered before.
struct Naive {
    f: Fixture,
    outbox: Arc<Outbox>,
    consumers: Vec<ConsumerId>,
    ready: BTreeMap<u64, (usize, bool)>,
    unacked: Vec<Delivery>,
    next: u64,
}

impl Naive {
    fn new(f: Fixture) -> Self {
        Self {
            f,
            outbox: Outbox::new(),
            consumers: Vec::new(),
            ready: BTreeMap::new(),
            unacked: Vec::new(),
            next: 1,
        }
    }

    /// `entry` is what the queue gave out: it must be the lowest.
    fn check_next(&mut self, entry: &Entry) {
        let (seq, (len, redelivered)) = self.ready.pop_first().unwrap();
        assert_eq!((entry.seq, entry.redelivered), (seq, redelivered));
        assert_eq!(entry.message.body(), body(seq, len).as_bytes());
    }

    fn apply(&mut self, step: Step) {
        match step {
            Step::Publish(n) => self.publish(n),
            Step::Consume { prefetch } if self.consumers.len() < 4 => {
                self.consumers.push(self.f.consume(&self.outbox, prefetch));
            }
            Step::Cancel(i) if i < self.consumers.len() => {
                let id = self.consumers.remove(i);
                self.f.queue.remove_consumer(id, &mut Wakes::new());
            }
            Step::Ack(i) if i < self.unacked.len() => {
                let delivery = self.unacked.remove(i);
                self.f.ack(&delivery);
            }
            Step::Requeue(at, n) => {
                let back = self.take_unacked(at, n, |_| true);
                self.f.requeue(back);
            }
            Step::ReturnStored(at, n) => {
                let back = self.take_unacked(at, n, |d| d.entry.durable);
                self.f.return_stored(&back);
            }
            Step::Get => {
                let got = self.f.queue.get(AckMode::Automatic);
                assert_eq!(got.is_some(), !self.ready.is_empty());
                if let Some(got) = got {
                    self.check_next(&got.entry);
                    assert_eq!(got.remaining, self.ready.len() as u64);
                }
            }
            Step::Purge => {
                assert_eq!(self.f.queue.purge().messages, self.ready.len() as u64);
                self.ready.clear();
            }
            Step::Commit => self.f.settle_down(),
            Step::Consume { .. } | Step::Cancel(_) | Step::Ack(_) => {}
        }
        for delivery in taken(&self.outbox) {
            self.check_next(&delivery.entry);
            self.unacked.push(delivery);
        }
        self.check();
    }

    fn publish(&mut self, n: u8) {
        let seqs = self.next..self.next + u64::from(n);
        let len = |seq: u64| 10 + (seq % 7) as usize;
        let mut run = (seqs.clone())
            .map(|seq| message("q", &body(seq, len(seq)), 1 + (seq / 3 % 2) as u8))
            .collect();
        self.ready.extend(seqs.map(|seq| (seq, (len(seq), false))));
        self.next += u64::from(n);
        self.f.queue.publish(&mut run, &mut Wakes::new());
    }

    fn take_unacked(
        &mut self,
        at: usize,
        n: usize,
        which: impl Fn(&Delivery) -> bool,
    ) -> Vec<Delivery> {
        let (from, to) = (at.min(self.unacked.len()), (at + n).min(self.unacked.len()));
        let some: Vec<_> = self.unacked.drain(from..to).collect();
        let (back, stay): (Vec<_>, Vec<_>) = some.into_iter().partition(which);
        self.unacked.extend(stay);
        for entry in back.iter().map(|d| &d.entry) {
            self.ready
                .insert(entry.seq, (entry.message.body_len(), true));
        }
        back
    }

    fn check(&self) {
        let counts = self.f.queue.counts();
        assert_eq!(counts.ready, self.ready.len() as u64);
        assert_eq!(counts.unacked, self.unacked.len() as u64);
        let bytes: usize = self.ready.values().map(|(len, _)| len).sum();
        assert_eq!(counts.ready_bytes, bytes as u64);
        let bytes: usize = self
            .unacked
            .iter()
            .map(|d| d.entry.message.body_len())
            .sum();
        assert_eq!(counts.unacked_bytes, bytes as u64);
    }
}

fn body(seq: u64, len: usize) -> String {
    format!("{seq:0len$}")
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]
    #[test]
    fn a_deep_queue_is_like_a_naive_one(
        allowance in prop_oneof![Just(NOTHING), Just(500), Just(3000)],
        steps in prop::collection::vec(step(), 1..150),
    ) {
        let mut naive = Naive::new(Fixture::with_memory(1 << 30, allowance));
        for step in steps {
            naive.apply(step);
        }
    }
}
