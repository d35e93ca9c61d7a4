//! The rules of one queue, and a property: no message is lost or doubled.

mod bursts;
mod deaths;
mod held;
mod model;
mod paging;
mod pick;
mod quorum;
mod rules;

use std::collections::BTreeSet;
use std::sync::Arc;

use codec::FieldTable;
use proptest::prelude::*;

use crate::tests::{actor, declare, message, open_with};
use crate::*;

struct Fixture {
    dir: tempfile::TempDir,
    broker: Arc<Broker>,
    queue: Arc<Queue>,
}

impl Fixture {
    fn new() -> Self {
        Self::with_memory(limits::MESSAGE_MEMORY_MAX, limits::WARM_BYTES_MAX)
    }

    /// A broker that may keep `total` bytes of messages in memory, and one queue `each` of it.
    fn with_memory(total: u64, each: u64) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let broker = open_with(dir.path(), |settings| {
            settings.message_memory_max = total;
            settings.queue_memory_max = each;
        });
        let queue = broker
            .vhost("/")
            .unwrap()
            .declare_queue(declare("q"), &actor())
            .unwrap()
            .queue;
        Self { dir, broker, queue }
    }

    fn publish(&self, bodies: &[&str]) {
        let mut run = bodies.iter().map(|b| message("q", b, 1)).collect();
        self.queue.publish(&mut run, &mut Wakes::new());
    }

    fn spec(&self, outbox: &Arc<Outbox>, prefetch: u32) -> ConsumerSpec {
        ConsumerSpec {
            id: self.broker.next_consumer_id(),
            tag: "tag".into(),
            connection: ConnectionId(1),
            connection_name: "c".into(),
            channel: 1,
            outbox: Arc::clone(outbox),
            ack: AckMode::Manual,
            prefetch,
            priority: 0,
            exclusive: false,
            arguments: FieldTable::default(),
            credit: Arc::default(),
        }
    }

    fn consume(&self, outbox: &Arc<Outbox>, prefetch: u32) -> ConsumerId {
        let spec = self.spec(outbox, prefetch);
        let id = spec.id;
        self.queue.add_consumer(spec, &mut Wakes::new()).unwrap();
        id
    }

    fn ack(&self, delivery: &Delivery) {
        self.queue.ack(
            &[Settled::of(&delivery.entry, Some(delivery.consumer))],
            &mut Wakes::new(),
        );
    }

    fn requeue(&self, deliveries: Vec<Delivery>) {
        let returned = deliveries
            .into_iter()
            .map(|d| Returned {
                entry: d.entry,
                consumer: Some(d.consumer),
                ack: AckMode::Manual,
            })
            .collect();
        self.queue.requeue(returned, &mut Wakes::new());
    }
}

fn taken(outbox: &Outbox) -> Vec<Delivery> {
    let mut batch = Batch::default();
    outbox.take(&mut batch);
    std::mem::take(&mut batch.deliveries)
}

fn bodies(deliveries: &[Delivery]) -> Vec<String> {
    deliveries
        .iter()
        .map(|d| String::from_utf8(d.entry.message.body().to_vec()).unwrap())
        .collect()
}

#[test]
fn requeued_messages_return_to_their_original_place() {
    let f = Fixture::new();
    f.publish(&["1", "2", "3", "4"]);
    let outbox = Outbox::new();
    let id = f.consume(&outbox, 3);
    let mut got = taken(&outbox);
    assert_eq!(bodies(&got), ["1", "2", "3"]);
    f.queue.remove_consumer(id, &mut Wakes::new());
    let second = got.remove(1);
    f.ack(&second);
    f.requeue(got);
    f.consume(&outbox, 0);
    let again = taken(&outbox);
    assert_eq!(bodies(&again), ["1", "3", "4"]);
    let flags: Vec<_> = again.iter().map(|d| d.entry.redelivered).collect();
    assert_eq!(flags, [true, true, false]);
}

#[test]
fn what_leaves_with_a_later_message_of_its_run_is_recorded_first() {
    let f = Fixture::new();
    let outbox = Outbox::new();
    f.consume(&outbox, 0);
    let before = f.queue.recorded();
    let transient = message("q", &"x".repeat(1000), 1);
    let mut run = vec![transient; 100];
    run[0] = message("q", "durable", 2);
    let mut left = false;
    let watched = run.into_iter().inspect(|_| {
        if outbox.bytes() > 0 {
            left = true;
            assert!(f.queue.recorded() > before, "seen, and not in the log");
        }
    });
    f.queue.publish_all(watched, &mut Wakes::new());
    assert!(
        left,
        "the run is too short for its beginning to leave first"
    );
}

#[test]
fn prefetch_limits_what_a_consumer_holds_and_an_ack_gives_credit_back() {
    let f = Fixture::new();
    let outbox = Outbox::new();
    f.consume(&outbox, 2);
    f.publish(&["1", "2", "3", "4"]);
    let first = taken(&outbox);
    assert_eq!(bodies(&first), ["1", "2"]);
    f.ack(&first[0]);
    assert_eq!(bodies(&taken(&outbox)), ["3"]);
    let counts = f.queue.counts();
    assert_eq!((counts.ready, counts.unacked), (1, 2));
}

#[test]
fn consumers_with_credit_take_turns_strictly() {
    let f = Fixture::new();
    let boxes = [Outbox::new(), Outbox::new(), Outbox::new()];
    for (outbox, prefetch) in boxes.iter().zip([0, 1, 0]) {
        f.consume(outbox, prefetch);
    }
    f.publish(&["1", "2", "3", "4", "5", "6", "7"]);
    let got = boxes.each_ref().map(|b| bodies(&taken(b)));
    assert_eq!(got, [vec!["1", "4", "6"], vec!["2"], vec!["3", "5", "7"]]);
}

#[test]
fn turns_go_on_when_messages_come_one_at_a_time() {
    let f = Fixture::new();
    let boxes = [Outbox::new(), Outbox::new()];
    for outbox in &boxes {
        f.consume(outbox, 0);
    }
    for body in ["1", "2", "3", "4"] {
        f.publish(&[body]);
    }
    let got = boxes.each_ref().map(|b| bodies(&taken(b)));
    assert_eq!(got, [["1", "3"], ["2", "4"]]);
}

#[test]
fn the_highest_priority_is_served_while_it_has_credit() {
    let f = Fixture::new();
    let (low, high) = (Outbox::new(), Outbox::new());
    f.consume(&low, 0);
    let spec = ConsumerSpec {
        priority: 5,
        ..f.spec(&high, 2)
    };
    f.queue.add_consumer(spec, &mut Wakes::new()).unwrap();
    f.publish(&["1", "2", "3"]);
    assert_eq!(bodies(&taken(&high)), ["1", "2"]);
    assert_eq!(bodies(&taken(&low)), ["3"]);
}

#[test]
fn a_channels_shared_limit_holds_over_its_consumers() {
    let f = Fixture::new();
    let outbox = Outbox::new();
    let credit = Arc::new(ChannelCredit::new());
    credit.set_limit(3, 0);
    let mut ids = Vec::new();
    for _ in 0..2 {
        let spec = ConsumerSpec {
            credit: Arc::clone(&credit),
            ..f.spec(&outbox, 0)
        };
        ids.push(spec.id);
        f.queue.add_consumer(spec, &mut Wakes::new()).unwrap();
    }
    f.publish(&["1", "2", "3", "4", "5"]);
    let got = taken(&outbox);
    assert_eq!(got.len(), 3);
    assert!(credit.release(1), "the limit was reached");
    f.ack(&got[0]);
    assert_eq!(taken(&outbox).len(), 1);
}

#[test]
fn an_exclusive_consumer_stands_alone() {
    let f = Fixture::new();
    let outbox = Outbox::new();
    let exclusive = |f: &Fixture| ConsumerSpec {
        exclusive: true,
        ..f.spec(&outbox, 0)
    };
    f.queue
        .add_consumer(exclusive(&f), &mut Wakes::new())
        .unwrap();
    let second = f.queue.add_consumer(f.spec(&outbox, 0), &mut Wakes::new());
    assert_eq!(
        second.unwrap_err().to_string(),
        "queue 'q' in vhost '/' in exclusive use"
    );

    let shared = Fixture::new();
    shared.consume(&outbox, 0);
    assert!(matches!(
        shared
            .queue
            .add_consumer(exclusive(&shared), &mut Wakes::new()),
        Err(Error::ExclusiveUse(_))
    ));
}

#[test]
fn a_full_outbox_pauses_its_consumer_until_it_is_taken() {
    let f = Fixture::new();
    let outbox = Outbox::new();
    let id = f.consume(&outbox, 0);
    let body = "x".repeat(100_000);
    let many = limits::OUTBOX_BYTES_MAX / body.len() * 2;
    for _ in 0..many {
        f.publish(&[&body]);
    }
    assert!(f.queue.counts().ready > 0, "the rest waits in the queue");
    let mut batch = Batch::default();
    outbox.take(&mut batch);
    assert_eq!(batch.paused, [id]);
    let first = batch.deliveries.len();
    f.queue.resume(id, &mut Wakes::new());
    assert_eq!(first + taken(&outbox).len(), many);
}

#[test]
fn purge_drops_what_is_ready_and_leaves_what_is_delivered() {
    let f = Fixture::new();
    let outbox = Outbox::new();
    f.consume(&outbox, 1);
    f.publish(&["1", "2", "3"]);
    assert_eq!(f.queue.purge().messages, 2);
    let counts = f.queue.counts();
    assert_eq!(
        (counts.ready, counts.unacked, counts.ready_bytes),
        (0, 1, 0)
    );
}

#[test]
fn a_deleted_queue_tells_its_consumers_and_ignores_what_comes_late() {
    let f = Fixture::new();
    let outbox = Outbox::new();
    let id = f.consume(&outbox, 1);
    f.publish(&["1", "2"]);
    let late = taken(&outbox);
    let vhost = f.broker.vhost("/").unwrap();
    let deleted = vhost
        .delete_queue("q", DeleteIf::default(), &actor(), &mut Wakes::new())
        .unwrap();
    assert_eq!(deleted.messages, 1);
    let mut batch = Batch::default();
    assert!(outbox.take(&mut batch));
    assert_eq!(batch.events, [Event::ConsumerCancelled(id)]);
    f.publish(&["3"]);
    f.requeue(late);
    assert_eq!(f.queue.counts(), QueueCounts::default());
}

#[test]
fn an_auto_delete_queue_goes_with_its_last_consumer_not_before_the_first() {
    let f = Fixture::new();
    let vhost = f.broker.vhost("/").unwrap();
    let auto = QueueDeclare {
        auto_delete: true,
        ..declare("a")
    };
    let queue = vhost.declare_queue(auto, &actor()).unwrap().queue;
    let mut wakes = Wakes::new();
    vhost.remove_queue_if_unused(&queue, &mut wakes);
    assert!(vhost.queue("a").is_some(), "never used is not abandoned");
    let outbox = Outbox::new();
    let spec = f.spec(&outbox, 0);
    let id = spec.id;
    queue.add_consumer(spec, &mut wakes).unwrap();
    assert_eq!(
        queue.remove_consumer(id, &mut wakes),
        Removed::LastOfAutoDelete
    );
    vhost.remove_queue_if_unused(&queue, &mut wakes);
    assert!(vhost.queue("a").is_none());
}

#[derive(Clone, Debug)]
enum Step {
    Publish(u8),
    Consume { prefetch: u32 },
    Cancel(usize),
    Take,
    Ack(usize),
    Requeue(usize),
    Get,
    Purge,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (1..20u8).prop_map(Step::Publish),
        1 => (0..4u32).prop_map(|prefetch| Step::Consume { prefetch }),
        1 => (0..4usize).prop_map(Step::Cancel),
        3 => Just(Step::Take),
        3 => (0..64usize).prop_map(Step::Ack),
        2 => (0..64usize).prop_map(Step::Requeue),
        1 => Just(Step::Get),
        1 => Just(Step::Purge),
    ]
}

/// What must be true of any history: published = ready + in outboxes + unacked + settled +
/// purged, each message in one place, and a connection never gets an older message after a
/// newer one unless it is marked as redelivered.
struct Model {
    f: Fixture,
    outbox: Arc<Outbox>,
    consumers: Vec<ConsumerId>,
    unacked: Vec<Delivery>,
    published: u64,
    gone: u64,
    newest: u64,
}

impl Model {
    fn take(&mut self) {
        for delivery in taken(&self.outbox) {
            let seq = delivery.entry.seq;
            let newest = &mut self.newest;
            assert!(
                seq > *newest || delivery.entry.redelivered,
                "{seq} after {newest}"
            );
            *newest = seq.max(*newest);
            self.unacked.push(delivery);
        }
    }

    fn apply(&mut self, step: Step) {
        match step {
            Step::Publish(n) => {
                let mut run = (0..n)
                    .map(|i| message("q", &i.to_string(), 1 + i % 2))
                    .collect();
                self.f.queue.publish(&mut run, &mut Wakes::new());
                self.published += u64::from(n);
            }
            Step::Consume { prefetch } if self.consumers.len() < 4 => {
                self.consumers.push(self.f.consume(&self.outbox, prefetch));
            }
            Step::Cancel(i) if i < self.consumers.len() => {
                let id = self.consumers.remove(i);
                assert_eq!(
                    self.f.queue.remove_consumer(id, &mut Wakes::new()),
                    Removed::Yes
                );
            }
            Step::Take => self.take(),
            Step::Ack(i) if i < self.unacked.len() => {
                let delivery = self.unacked.remove(i);
                self.f.ack(&delivery);
                self.gone += 1;
            }
            Step::Requeue(i) if i < self.unacked.len() => {
                let delivery = self.unacked.remove(i);
                self.f.requeue(vec![delivery]);
            }
            Step::Get => {
                self.gone += u64::from(self.f.queue.get(AckMode::Automatic).is_some());
            }
            Step::Purge => self.gone += self.f.queue.purge().messages,
            Step::Consume { .. } | Step::Cancel(_) | Step::Ack(_) | Step::Requeue(_) => {}
        }
    }

    fn check(&mut self) {
        self.take();
        let counts = self.f.queue.counts();
        assert_eq!(counts.unacked, self.unacked.len() as u64);
        assert_eq!(self.published, counts.ready + counts.unacked + self.gone);
        let distinct: BTreeSet<u64> = self.unacked.iter().map(|d| d.entry.seq).collect();
        assert_eq!(
            distinct.len(),
            self.unacked.len(),
            "no message is in two places"
        );
        let bytes: u64 = self
            .unacked
            .iter()
            .map(|d| d.entry.message.body_len() as u64)
            .sum();
        assert_eq!(counts.unacked_bytes, bytes);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]
    #[test]
    fn messages_are_conserved_whatever_happens(steps in prop::collection::vec(step(), 1..120)) {
        let (f, outbox) = (Fixture::new(), Outbox::new());
        let mut model = Model {
            f, outbox, consumers: Vec::new(), unacked: Vec::new(), published: 0, gone: 0, newest: 0,
        };
        for step in steps {
            model.apply(step);
            model.check();
        }
    }
}

#[test]
fn a_delivery_that_came_back_counts_as_redelivered_once() {
    let f = Fixture::new();
    f.publish(&["a"]);
    let first = f.queue.get(AckMode::Manual).unwrap().entry;
    let returned = Returned {
        entry: first,
        consumer: None,
        ack: AckMode::Manual,
    };
    let outbox = Outbox::new();
    f.consume(&outbox, 1);
    f.queue
        .requeue([returned].into_iter().collect(), &mut Wakes::new());
    let counts = f.queue.snapshot().messages;
    assert_eq!((counts.deliver, counts.redeliver), (1, 1));
}
