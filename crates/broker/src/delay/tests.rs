//! Delayed messages on a clock that is turned by hand.

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;

use codec::AMQPValue;
use proptest::prelude::*;
use store::QueueId;

use crate::intercept::tests::{bind, bodies, exchange, message, publish, queue, text};
use crate::tests::{actor, open_with};
use crate::*;

const START: u64 = 1_790_000_000_000;

struct Fixture {
    broker: Arc<Broker>,
    vhost: Arc<VHost>,
    clock: Clock,
    hand: Hand,
}

impl Fixture {
    fn open(dir: &Path, start_ms: u64) -> Self {
        let (clock, hand) = Clock::manual(start_ms);
        let shown = clock.clone();
        let broker = open_with(dir, |settings| settings.clock = shown);
        let vhost = broker.vhost("/").unwrap();
        Self {
            broker,
            vhost,
            clock,
            hand,
        }
    }

    /// With a delayed exchange `x` that routes everything to the queue `q`.
    fn new(dir: &Path) -> (Self, Arc<Queue>) {
        let f = Self::open(dir, START);
        let kind = [("x-delayed-type", text("fanout"))];
        exchange(&f.vhost, "x", "x-delayed-message", &kind);
        let q = queue(&f.vhost, "q");
        bind(&f.vhost, "x", Destination::Queue("q".to_owned()), "");
        (f, q)
    }

    fn delay(&self, body: &str, delay_ms: i64) {
        let headers = [("x-delay", AMQPValue::LongLongInt(delay_ms))];
        let published = publish(&self.vhost, message("x", "k", body, &headers));
        assert!(published.routed && published.ticket.is_some());
    }

    /// Waits for the disk.
    fn sync(&self) {
        let last = self.broker.store().purge(QueueId(u32::MAX - 1), &[]);
        self.broker.store().wait(last).unwrap();
    }

    fn waiting(&self) -> u64 {
        let exchange = self.vhost.exchange("x").unwrap();
        exchange.messages_delayed().unwrap()
    }

    /// Lets time pass in steps, with everything done that comes due.
    fn pass(&self, total_ms: u64, step_ms: u64) {
        let end = self.clock.now_ms() + total_ms;
        while self.clock.now_ms() < end {
            self.hand.advance(step_ms.min(end - self.clock.now_ms()));
            self.run();
            // Long steps leave no time to wait for the disk, so some is given.
            while self.soon() && self.clock.now_ms() + 20 < end {
                self.sync();
                self.hand.advance(2);
                self.run();
            }
        }
    }

    fn soon(&self) -> bool {
        let now = self.clock.now_ms();
        self.broker
            .timers()
            .earliest()
            .is_some_and(|at| at <= now + 2)
    }

    fn run(&self) {
        let now = self.clock.now_ms();
        while self.broker.timers().earliest().is_some_and(|at| at <= now) {
            self.broker.timers().run_due(now);
        }
    }
}

#[test]
fn messages_come_when_their_time_has_come_and_not_before() {
    let dir = tempfile::tempdir().unwrap();
    let (f, q) = Fixture::new(dir.path());
    for (body, delay) in [("late", 1_500), ("soon", 10), ("first", 10), ("now", 0)] {
        if delay > 0 {
            f.delay(body, delay);
        } else {
            publish(&f.vhost, message("x", "k", body, &[]));
        }
    }
    f.run();
    assert_eq!((bodies(&q), f.waiting()), (vec!["now".to_owned()], 3));
    f.pass(9, 1);
    assert!(bodies(&q).is_empty());
    f.pass(1, 1);
    assert_eq!(bodies(&q), ["soon", "first"]);
    f.pass(1_489, 1);
    assert!(bodies(&q).is_empty());
    f.pass(1, 1);
    assert_eq!((bodies(&q), f.waiting()), (vec!["late".to_owned()], 0));
}

#[test]
fn a_delivered_message_shows_its_delay_negated() {
    let dir = tempfile::tempdir().unwrap();
    let (f, q) = Fixture::new(dir.path());
    f.delay("m", 70);
    f.pass(70, 1);
    let got = q.get(AckMode::Automatic).unwrap().entry.message;
    let header = got.header();
    let table = codec::decode_table(header.properties().unwrap().headers.unwrap()).unwrap();
    assert_eq!(codec::get_int(&table, "x-delay"), Some(-70));
}

#[test]
fn delays_that_are_none_are_not_waited_for() {
    let dir = tempfile::tempdir().unwrap();
    let (f, q) = Fixture::new(dir.path());
    for value in [
        AMQPValue::LongInt(0),
        AMQPValue::LongInt(-5),
        AMQPValue::LongLongInt(1 << 32),
        text("soon"),
        AMQPValue::Void,
    ] {
        publish(&f.vhost, message("x", "k", "m", &[("x-delay", value)]));
    }
    assert_eq!((bodies(&q).len(), f.waiting()), (5, 0));
    for value in [
        AMQPValue::ShortUInt(9),
        AMQPValue::LongLongInt((1 << 32) - 1),
        text("9"),
        AMQPValue::Double(9.2),
    ] {
        publish(&f.vhost, message("x", "k", "m", &[("x-delay", value)]));
    }
    assert_eq!((bodies(&q).len(), f.waiting()), (0, 4));
}

#[test]
fn far_messages_move_through_finer_buckets_and_come_to_the_millisecond() {
    const MINUTE: i64 = 60_000;
    let dir = tempfile::tempdir().unwrap();
    let (f, q) = Fixture::new(dir.path());
    let delays = [
        5,
        3_000,
        50_000,
        2 * MINUTE + 7,
        59 * MINUTE,
        5 * 60 * MINUTE + 3,
        50 * 60 * MINUTE + 1,
        200 * 60 * MINUTE,
    ];
    for delay in delays.iter().rev() {
        f.delay(&delay.to_string(), *delay);
    }
    f.sync();
    for delay in delays {
        let fire = START + delay as u64;
        let left = (fire - 1).saturating_sub(f.clock.now_ms());
        f.pass(left, 1_000);
        assert!(bodies(&q).is_empty(), "{delay} is not due");
        f.pass(1, 1);
        assert_eq!(bodies(&q), [delay.to_string()]);
    }
    assert_eq!(f.waiting(), 0);
    f.pass(2_000, 1_000);
    f.sync();
    f.broker.store().checkpoint().unwrap();
    assert_eq!(f.broker.store_stats().live, 0, "nothing is left behind");
}

#[test]
fn delayed_messages_survive_a_restart_and_those_overdue_come_in_order() {
    let dir = tempfile::tempdir().unwrap();
    let (f, _) = Fixture::new(dir.path());
    let delays = [900_000, 5, 100, 3_000, 70_000, 100_000_000];
    for delay in delays {
        f.delay(&delay.to_string(), delay);
    }
    f.broker.close().unwrap();
    drop(f);
    let f = Fixture::open(dir.path(), START + 1_000_000);
    assert_eq!(f.waiting(), 6);
    let q = f.vhost.queue("q").unwrap();
    f.pass(100, 1);
    assert_eq!(bodies(&q), ["5", "100", "3000", "70000", "900000"]);
    assert_eq!(f.waiting(), 1);
    f.pass(99_100_000, 10_000);
    assert_eq!(bodies(&q), ["100000000"]);
}

#[test]
fn pending_messages_are_listed_and_cancelled_wherever_they_are() {
    let dir = tempfile::tempdir().unwrap();
    let (f, q) = Fixture::new(dir.path());
    for n in 0..1_300 {
        f.delay(&n.to_string(), 1_000 + n * 97_000);
    }
    f.sync();
    let mut all = Vec::new();
    let mut from: Option<String> = None;
    loop {
        let page = f.vhost.delayed_messages("x", from.as_deref(), 100).unwrap();
        assert!(page.messages.len() <= 100);
        all.extend(page.messages);
        from = page.next;
        if from.is_none() {
            break;
        }
    }
    assert_eq!(all.len(), 1_300);
    let ids: HashSet<String> = all.iter().map(|m| m.id.to_string()).collect();
    assert_eq!(ids.len(), 1_300);
    let body = |m: &DelayedMessage| String::from_utf8(m.message.body().to_vec()).unwrap();
    for listed in all.iter().filter(|m| body(m).ends_with('7')) {
        let id: DelayedId = listed.id.to_string().parse().unwrap();
        assert!(f.vhost.cancel_delayed("x", id).is_some());
        assert!(f.vhost.cancel_delayed("x", id).is_none(), "only once");
    }
    assert_eq!(f.waiting(), 1_170);
    f.sync();
    f.pass(130_100_000, 20_000);
    let got = bodies(&q);
    let wanted: Vec<String> = (0..1_300)
        .map(|n| n.to_string())
        .filter(|n| !n.ends_with('7'))
        .collect();
    assert_eq!(got, wanted);
    assert!(f.vhost.cancel_delayed("x", all[0].id).is_none());
}

#[test]
fn a_message_is_cancelled_a_moment_before_its_time() {
    let dir = tempfile::tempdir().unwrap();
    let (f, q) = Fixture::new(dir.path());
    f.delay("kept", 500);
    f.delay("cancelled", 500);
    f.sync();
    f.pass(499, 1);
    let page = f.vhost.delayed_messages("x", None, 10).unwrap();
    assert_eq!(page.messages.len(), 2);
    assert!(f.vhost.cancel_delayed("x", page.messages[1].id).is_some());
    let page = f.vhost.delayed_messages("x", None, 10).unwrap();
    assert_eq!((page.messages.len(), f.waiting()), (1, 1));
    f.pass(10, 1);
    assert_eq!(bodies(&q), ["kept"]);
}

#[test]
fn a_deleted_exchange_takes_its_messages_along() {
    let dir = tempfile::tempdir().unwrap();
    let (f, q) = Fixture::new(dir.path());
    f.delay("soon", 10);
    f.delay("late", 10_000_000);
    f.vhost
        .delete_exchange("x", DeleteIf::default(), &actor())
        .unwrap();
    f.sync();
    f.broker.store().checkpoint().unwrap();
    assert_eq!(f.broker.store_stats().live, 0);
    f.pass(20_000_000, 1_000_000);
    assert!(bodies(&q).is_empty());
}

#[test]
fn a_hundred_thousand_messages_come_once_each_and_in_order() {
    let dir = tempfile::tempdir().unwrap();
    let (f, q) = Fixture::new(dir.path());
    let mut order = 1u64;
    for n in 0..100_000u64 {
        order = order
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        let delay = (order >> 33) % 200_000 + 1;
        f.delay(&format!("{delay}:{n}"), delay as i64);
    }
    f.sync();
    assert_eq!(f.waiting(), 100_000);
    let (mut last, mut seen) = ((0, 0), 0);
    for _ in 0..250 {
        f.pass(1_000, 500);
        for body in bodies(&q) {
            let (delay, n) = body.split_once(':').unwrap();
            let this: (u64, u64) = (delay.parse().unwrap(), n.parse().unwrap());
            assert!(this > last, "{this:?} after {last:?}");
            (last, seen) = (this, seen + 1);
        }
    }
    assert_eq!((seen, f.waiting()), (100_000, 0));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]
    #[test]
    fn nothing_is_lost_doubled_or_early_over_restarts(
        rounds in prop::collection::vec(
            (prop::collection::vec(1i64..400_000, 0..30), 0u64..200_000, any::<bool>()),
            1..6,
        ),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let (mut f, mut q) = Fixture::new(dir.path());
        let (mut pending, mut got, mut number) = (Vec::new(), Vec::new(), 0);
        for (delays, pause, restart) in rounds {
            for delay in delays {
                number += 1;
                f.delay(&number.to_string(), delay);
                pending.push((f.clock.now_ms() + delay as u64, number.to_string()));
            }
            f.sync();
            f.pass(pause, 777);
            if restart {
                let now = f.clock.now_ms();
                f.broker.close().unwrap();
                drop(q);
                drop(f);
                f = Fixture::open(dir.path(), now);
                q = f.vhost.queue("q").unwrap();
                f.pass(777, 777);
            }
            let now = f.clock.now_ms();
            for body in bodies(&q) {
                let at = pending.iter().find(|(_, b)| *b == body).unwrap().0;
                prop_assert!(at <= now);
                got.push(body);
            }
        }
        f.pass(402_000, 1_000);
        got.extend(bodies(&q));
        pending.sort_by_key(|(at, body)| (*at, body.parse::<u64>().unwrap()));
        let wanted: Vec<String> = pending.into_iter().map(|(_, body)| body).collect();
        prop_assert_eq!(got, wanted);
        prop_assert_eq!(f.waiting(), 0);
    }
}

#[test]
fn deaths_are_known_for_the_brokers_own_after_a_delay() {
    let dir = tempfile::tempdir().unwrap();
    let (f, q) = Fixture::new(dir.path());
    for delay_ms in [10, 3_600_000] {
        let headers = [("x-delay", AMQPValue::LongLongInt(delay_ms))];
        let dead = message("x", "k", "m", &headers);
        let marks = dead.marks().with_own_deaths();
        publish(&f.vhost, dead.with_marks(marks));
    }
    f.sync();
    f.pass(3_600_100, 10_000);
    for _ in 0..2 {
        let got = q.get(AckMode::Automatic).unwrap();
        assert!(got.entry.message.marks().own_deaths());
    }
}
