//! Time to live, limits, priorities: a clock that is turned by hand, and timers that run when
//! asked.

use codec::{AMQPValue, BasicProperties};

use super::*;
use crate::tests::open_with;

/// Some time in 2026.
pub(super) const START_MS: u64 = 1_790_000_000_000;

pub(super) struct World {
    pub(super) dir: tempfile::TempDir,
    pub(super) broker: Arc<Broker>,
    pub(super) hand: Hand,
}

impl World {
    pub(super) fn new() -> Self {
        Self::with_memory(limits::WARM_BYTES_MAX)
    }

    /// Each queue may keep so many bytes in memory.
    pub(super) fn with_memory(each: u64) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (clock, hand) = Clock::manual(START_MS);
        let broker = open_with(dir.path(), |settings| {
            settings.clock = clock;
            settings.queue_memory_max = each;
        });
        Self { dir, broker, hand }
    }

    pub(super) fn now(&self) -> u64 {
        self.broker.settings().clock.now_ms()
    }

    /// Time passes, and what is due is done.
    pub(super) fn pass(&self, ms: u64) {
        self.hand.advance(ms);
        self.run_due();
    }

    pub(super) fn run_due(&self) {
        for _ in 0..100 {
            self.broker.timers().run_due(self.now());
            if self
                .broker
                .timers()
                .earliest()
                .is_none_or(|at| at > self.now())
            {
                return;
            }
        }
        panic!("the timers never rest");
    }

    pub(super) fn vhost(&self) -> Arc<VHost> {
        self.broker.vhost("/").unwrap()
    }

    pub(super) fn declare(&self, name: &str, arguments: &[(&str, AMQPValue)]) -> Arc<Queue> {
        let mut declare = declare(name);
        for (key, value) in arguments {
            declare.arguments.insert((*key).into(), value.clone());
        }
        self.vhost().declare_queue(declare, &actor()).unwrap().queue
    }

    pub(super) fn reopen(self, close: bool) -> Self {
        let Self { dir, broker, hand } = self;
        if close {
            broker.close().unwrap();
        } else {
            // Committed, but not closed.
            broker.store_for_tests().checkpoint().unwrap();
        }
        drop(broker);
        let clock = Clock::new({
            let hand = hand.clone();
            move || hand.now_ms() * 1000
        });
        let broker = open_with(dir.path(), |settings| settings.clock = clock);
        Self { dir, broker, hand }
    }
}

pub(super) fn int(value: i64) -> AMQPValue {
    AMQPValue::LongLongInt(value)
}

pub(super) fn text(value: &str) -> AMQPValue {
    AMQPValue::LongString(value.into())
}

pub(super) fn put(queue: &Queue, properties: &BasicProperties, bodies: &[&str]) -> Published {
    let mut run = bodies
        .iter()
        .map(|body| Message::build("", queue.name(), properties, body.as_bytes()).unwrap())
        .collect();
    queue.publish(&mut run, &mut Wakes::new())
}

pub(super) fn plain() -> BasicProperties {
    BasicProperties::default().with_delivery_mode(2)
}

pub(super) fn all(queue: &Queue) -> Vec<String> {
    std::iter::from_fn(|| queue.get(AckMode::Automatic))
        .map(|got| String::from_utf8(got.entry.message.body().to_vec()).unwrap())
        .collect()
}

pub(super) fn headers(message: &Message) -> FieldTable {
    let header = message.header();
    let bytes = header.properties().unwrap().headers.unwrap_or_default();
    codec::decode_table(bytes).unwrap()
}

pub(super) fn deaths(message: &Message) -> Vec<FieldTable> {
    let headers = headers(message);
    let Some(AMQPValue::FieldArray(list)) = headers.inner().get("x-death") else {
        return Vec::new();
    };
    let table = |value: &AMQPValue| match value {
        AMQPValue::FieldTable(table) => table.clone(),
        other => panic!("{other:?}"),
    };
    list.as_slice().iter().map(table).collect()
}

pub(super) fn consumer(
    w: &World,
    outbox: &Arc<Outbox>,
    prefetch: u32,
    priority: i32,
) -> ConsumerSpec {
    ConsumerSpec {
        id: w.broker.next_consumer_id(),
        tag: "tag".into(),
        connection: ConnectionId(1),
        connection_name: "c".into(),
        channel: 1,
        outbox: Arc::clone(outbox),
        ack: AckMode::Manual,
        prefetch,
        priority,
        exclusive: false,
        arguments: FieldTable::default(),
        credit: Arc::default(),
    }
}

pub(super) fn join(
    w: &World,
    queue: &Queue,
    outbox: &Arc<Outbox>,
    prefetch: u32,
    priority: i32,
) -> ConsumerId {
    let spec = consumer(w, outbox, prefetch, priority);
    let id = spec.id;
    queue.add_consumer(spec, &mut Wakes::new()).unwrap();
    id
}

pub(super) fn reject(queue: &Queue, entry: Entry) {
    queue.reject(&mut vec![Rejected::of(entry, None)], &mut Wakes::new());
}

pub(super) fn give_back(queue: &Queue, entry: Entry) {
    let returned = Returned {
        entry,
        consumer: None,
        ack: AckMode::Manual,
    };
    queue.requeue([returned].into_iter().collect(), &mut Wakes::new());
}

#[test]
fn messages_expire_after_the_shorter_of_both_times() {
    let w = World::new();
    let q = w.declare("q", &[("x-message-ttl", int(1000))]);
    put(&q, &plain().with_expiration("5000".into()), &["queue's"]);
    put(&q, &plain().with_expiration("1000".into()), &["own"]);
    w.pass(999);
    assert_eq!(q.counts().ready, 2);
    w.pass(1);
    assert_eq!(q.counts().ready, 0);
    assert_eq!(w.broker.timers().earliest(), None);
    assert_eq!(w.vhost().dead_letters().snapshot().dropped, 2);
}

#[test]
fn only_the_head_is_looked_at_and_nothing_expired_is_delivered() {
    let w = World::new();
    let q = w.declare("q", &[]);
    put(&q, &plain().with_expiration("5000".into()), &["long"]);
    put(&q, &plain().with_expiration("10".into()), &["short"]);
    put(&q, &plain(), &["ever"]);
    w.pass(100);
    assert_eq!(q.counts().ready, 3, "the longer one shields the shorter");
    let first = q.get(AckMode::Manual).unwrap();
    assert_eq!(first.entry.message.body(), b"long");
    assert_eq!(all(&q), ["ever"]);
}

#[test]
fn a_time_to_live_of_zero_is_for_those_who_wait() {
    let w = World::new();
    let q = w.declare("q", &[("x-message-ttl", int(0))]);
    put(&q, &plain(), &["1"]);
    assert_eq!(q.counts().ready, 0);
    let outbox = Outbox::new();
    join(&w, &q, &outbox, 1, 0);
    put(&q, &plain(), &["2", "3"]);
    assert_eq!(bodies(&taken(&outbox)), ["2"]);
    assert_eq!(q.counts().ready, 0);
}

#[test]
fn a_requeued_message_keeps_its_time() {
    let w = World::new();
    let q = w.declare("q", &[("x-message-ttl", int(1000))]);
    put(&q, &plain(), &["1"]);
    let got = q.get(AckMode::Manual).unwrap().entry;
    w.pass(2000);
    assert_eq!(q.counts().unacked, 1);
    give_back(&q, got);
    assert_eq!(q.counts().ready, 0);
}

#[test]
fn millions_may_expire_in_slices() {
    let w = World::with_memory(20_000);
    let q = w.declare("q", &[("x-message-ttl", int(1000))]);
    let body = "x".repeat(100);
    for _ in 0..30 {
        put(&q, &plain(), &[&body[..]; 100]);
    }
    q.services.store.wait(q.recorded()).unwrap();
    assert_eq!(q.counts().ready, 3000);
    w.pass(1000);
    assert_eq!(q.counts().ready, 0);
    w.broker.store_for_tests().checkpoint().unwrap();
    assert_eq!(w.broker.store_stats().live, 0);
}

#[test]
fn expiries_survive_a_restart_also_without_a_rule_of_the_queue() {
    for close in [true, false] {
        let w = World::new();
        let q = w.declare("q", &[]);
        put(&q, &plain().with_expiration("1000".into()), &["1", "2"]);
        put(&q, &plain(), &["3"]);
        drop(q);
        let w = w.reopen(close);
        let q = w.vhost().queue("q").unwrap();
        w.pass(500);
        assert_eq!(q.counts().ready, 3);
        w.pass(500);
        assert_eq!(q.counts().ready, 1);
        assert_eq!(all(&q), ["3"]);
    }
}

#[test]
fn a_queue_that_nobody_uses_expires() {
    let w = World::new();
    let q = w.declare("q", &[("x-expires", int(1000))]);
    let there = || w.vhost().queue("q").is_some();
    w.pass(900);
    assert!(q.get(AckMode::Manual).is_none(), "counts as a use");
    w.pass(900);
    assert!(there());
    w.declare("q", &[("x-expires", int(1000))]);
    w.pass(900);
    let outbox = Outbox::new();
    let id = join(&w, &q, &outbox, 1, 0);
    w.pass(5000);
    assert!(there());
    q.remove_consumer(id, &mut Wakes::new());
    w.pass(999);
    assert!(there());
    w.pass(1);
    assert!(!there());
}

#[test]
fn the_oldest_go_when_there_are_too_many() {
    let w = World::new();
    let dead = w.declare("dead", &[]);
    let q = w.declare(
        "q",
        &[
            ("x-max-length", int(2)),
            ("x-dead-letter-exchange", text("")),
            ("x-dead-letter-routing-key", text("dead")),
        ],
    );
    put(&q, &plain(), &["1", "2", "3", "4"]);
    assert_eq!(all(&dead), ["1", "2"]);
    // Only what is ready counts, and what comes back may be too much.
    let held = q.get(AckMode::Manual).unwrap().entry;
    put(&q, &plain(), &["5"]);
    assert_eq!(q.counts().ready, 2);
    give_back(&q, held);
    assert_eq!(all(&dead), ["3"]);
    assert_eq!(all(&q), ["4", "5"]);
}

#[test]
fn bytes_count_as_bodies() {
    let w = World::new();
    let q = w.declare("q", &[("x-max-length-bytes", int(10))]);
    put(&q, &plain(), &["12345", "67890", "x"]);
    assert_eq!(all(&q), ["67890", "x"]);
    put(&q, &plain(), &["longer than the limit"]);
    assert_eq!(q.counts().ready, 0);
}

#[test]
fn a_full_queue_refuses_what_no_consumer_takes() {
    let w = World::new();
    let q = w.declare(
        "q",
        &[
            ("x-max-length", int(2)),
            ("x-overflow", text("reject-publish")),
        ],
    );
    let published = put(&q, &plain(), &["1", "2", "3", "4"]);
    assert_eq!(published.rejected, [2, 3]);
    let outbox = Outbox::new();
    join(&w, &q, &outbox, 3, 0);
    let published = put(&q, &plain(), &["5", "6", "7", "8", "9"]);
    assert_eq!(published.rejected, [3, 4]);
    assert_eq!(bodies(&taken(&outbox)), ["1", "2", "5"]);
    assert_eq!(all(&q), ["6", "7"]);
    assert_eq!(
        put(&w.declare("plain", &[]), &plain(), &["x"]).rejected,
        [0; 0]
    );
}

#[test]
fn a_queue_of_length_zero_only_passes_on() {
    for overflow in ["drop-head", "reject-publish"] {
        let w = World::new();
        let q = w.declare(
            "q",
            &[("x-max-length", int(0)), ("x-overflow", text(overflow))],
        );
        put(&q, &plain(), &["1"]);
        assert_eq!(q.counts().ready, 0, "{overflow}");
        let outbox = Outbox::new();
        join(&w, &q, &outbox, 2, 0);
        put(&q, &plain(), &["2", "3", "4"]);
        assert_eq!(bodies(&taken(&outbox)), ["2", "3"], "{overflow}");
        assert_eq!(q.counts().ready, 0, "{overflow}");
    }
}

#[test]
fn refused_messages_can_be_dead_lettered() {
    let w = World::new();
    let dead = w.declare("dead", &[]);
    let q = w.declare(
        "q",
        &[
            ("x-max-length", int(1)),
            ("x-overflow", text("reject-publish-dlx")),
            ("x-dead-letter-exchange", text("")),
            ("x-dead-letter-routing-key", text("dead")),
        ],
    );
    assert_eq!(put(&q, &plain(), &["1", "2"]).rejected, [1]);
    let got = dead.get(AckMode::Manual).unwrap().entry;
    assert_eq!(got.message.body(), b"2");
    assert_eq!(
        codec::get_str(&deaths(&got.message)[0], "reason"),
        Some("maxlen")
    );
    assert_eq!(all(&q), ["1"]);
}

#[test]
fn a_lowered_limit_holds_at_once_also_deep_down() {
    let w = World::with_memory(20_000);
    let q = w.declare("q", &[]);
    let body = "x".repeat(100);
    for _ in 0..30 {
        put(&q, &plain(), &[&body[..]; 100]);
    }
    q.services.store.wait(q.recorded()).unwrap();
    let _looked_at = q.counts();
    let rules = Rules {
        max_length: Some(10),
        ..Rules::default()
    };
    q.set_rules(rules, &mut Wakes::new());
    w.run_due();
    assert_eq!(q.counts().ready, 10);
    assert_eq!(q.get(AckMode::Manual).unwrap().entry.seq, 2991);
}

#[test]
fn higher_priorities_go_first_and_each_in_order() {
    let w = World::new();
    let q = w.declare("q", &[("x-max-priority", int(3))]);
    for (priority, body) in [(0, "a"), (2, "b"), (9, "c"), (2, "d"), (3, "e")] {
        put(&q, &plain().with_priority(priority), &[body]);
    }
    put(&q, &plain(), &["f"]);
    assert_eq!(q.counts().ready, 6);
    let first = q.get(AckMode::Manual).unwrap().entry;
    assert_eq!(first.message.body(), b"c");
    give_back(&q, first);
    assert_eq!(all(&q), ["c", "e", "b", "d", "a", "f"]);
}

#[test]
fn priorities_survive_and_page() {
    for (memory, close) in [(limits::WARM_BYTES_MAX, true), (0, false)] {
        let w = World::with_memory(memory);
        let q = w.declare("q", &[("x-max-priority", int(5))]);
        for priority in [1, 5, 0, 3, 5] {
            put(
                &q,
                &plain().with_priority(priority),
                &[&priority.to_string()],
            );
        }
        let other = w.declare("other", &[]);
        put(&other, &plain(), &["mine"]);
        assert!(other.id().0 >= q.id().0 + 6, "numbers of its own");
        q.services.store.wait(q.recorded()).unwrap();
        let held = q.get(AckMode::Manual).unwrap().entry;
        assert_eq!(held.message.body(), b"5");
        drop((q, other));
        let w = w.reopen(close);
        let q = w.vhost().queue("q").unwrap();
        let first = q.get(AckMode::Manual).unwrap().entry;
        assert!(first.redelivered, "it was out, or may have been");
        assert_eq!(all(&q), ["5", "3", "1", "0"]);
        assert_eq!(all(&w.vhost().queue("other").unwrap()), ["mine"]);
        assert!(w.declare("third", &[]).id().0 > q.id().0 + 6);
    }
}

#[test]
fn purge_and_delete_reach_all_priorities() {
    let w = World::new();
    let q = w.declare("q", &[("x-max-priority", int(5))]);
    for _ in 0..2 {
        for priority in 0..6 {
            put(&q, &plain().with_priority(priority), &["x"]);
        }
        assert_eq!(q.purge().messages, 6);
    }
    put(&q, &plain().with_priority(4), &["x"]);
    let deleted = w
        .vhost()
        .delete_queue("q", DeleteIf::default(), &actor(), &mut Wakes::new())
        .unwrap();
    w.broker
        .store_for_tests()
        .wait(deleted.ticket.unwrap())
        .unwrap();
    assert_eq!(w.broker.store_stats().live, 0);
}

#[test]
fn of_a_run_the_highest_goes_first_to_a_consumer_that_waits() {
    let w = World::new();
    let q = w.declare("q", &[("x-max-priority", int(2))]);
    let outbox = Outbox::new();
    join(&w, &q, &outbox, 1, 0);
    let of = |priority, body: &str| {
        let properties = BasicProperties::default().with_priority(priority);
        Message::build("", "q", &properties, body.as_bytes()).unwrap()
    };
    let mut run = vec![of(0, "low"), of(2, "high"), of(1, "middle")];
    q.publish(&mut run, &mut Wakes::new());
    assert_eq!(bodies(&taken(&outbox)), ["high"]);
    assert_eq!(all(&q), ["middle", "low"]);
}
