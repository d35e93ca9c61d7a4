//! Many clients at once, doing everything to the same things.

use std::{
    collections::BTreeSet,
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use tests::{
    Broker, Wire, eventually,
    wire::{Frame, Id, Method, Properties, Table, basic, channel, exchange, queue},
};

/// Numbers that look random but are the same in every run.
struct Dice(u64);

impl Dice {
    fn new(seed: u64) -> Self {
        // Spreads small seeds over all bits.
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15))
    }

    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }

    fn pick<'a>(&mut self, names: &[&'a str]) -> &'a str {
        let at = self.roll(u64::try_from(names.len()).unwrap());
        names[usize::try_from(at).unwrap()]
    }
}

const PUBLISHERS: u64 = 3;
/// Messages of each publisher.
const EACH: u64 = 3000;

/// What became of the messages, over all consumers.
#[derive(Default)]
struct Fates {
    /// Acknowledged, and the broker answered something later: never to be seen again.
    settled: Mutex<BTreeSet<u64>>,
    /// Acknowledged right before the connection was dropped.
    uncertain: Mutex<BTreeSet<u64>>,
    over: AtomicBool,
}

fn publish_all(mut w: Wire, queue: &str, publisher: u64) {
    w.confirm_select();
    for n in 1..=EACH {
        let publish = basic::publish("", queue, basic::MANDATORY);
        let body = (publisher * EACH + n).to_string();
        w.publish(1, &publish, &Properties::persistent(), body);
        // Every hundred, until the last of them is confirmed; acks of the others may be spread.
        while n % 100 == 0 && w.expect(1, basic::ACK).read().longlong() != n {}
    }
}

/// One connection of a consumer: takes messages, settles them by luck, goes away by luck.
fn consume_some(mut w: Wire, queue: &str, fates: &Fates, dice: &mut Dice) {
    w.call(1, &basic::qos(20, false), basic::QOS_OK);
    w.consume(queue, "c", 0);
    let mut acked = Vec::new();
    for _ in 0..50 + dice.roll(500) {
        if !w.has_news(Duration::from_millis(100)) {
            break;
        }
        let delivery = w.delivery(1);
        let number: u64 = String::from_utf8(delivery.body).unwrap().parse().unwrap();
        assert!(
            !fates.settled.lock().unwrap().contains(&number),
            "{number} came again"
        );
        match dice.roll(12) {
            0 => w.send(1, &basic::nack(delivery.tag, basic::REQUEUE)),
            1 => w.send(1, &basic::reject(delivery.tag, true)),
            2 => {}
            _ => {
                w.send(1, &basic::ack(delivery.tag, 0));
                acked.push(number);
            }
        }
    }
    if dice.roll(4) == 0 {
        drop(w);
        fates.uncertain.lock().unwrap().extend(acked);
        return;
    }
    // Deliveries under way may come before the answer; they go back with the channel.
    w.send(1, &channel::close());
    loop {
        if let (1, Frame::Method(method)) = w.frame()
            && method.id == channel::CLOSE_OK
        {
            break;
        }
    }
    fates.settled.lock().unwrap().extend(acked);
}

#[test]
fn unruly_consumers_lose_nothing_and_see_nothing_settled_again() {
    let broker = Broker::start();
    broker.open().declare("soak", queue::DURABLE);
    let fates = Fates::default();
    let http = broker.http();
    thread::scope(|scope| {
        for seed in 1..=4 {
            let (broker, fates) = (&broker, &fates);
            scope.spawn(move || {
                let mut dice = Dice::new(seed);
                while !fates.over.load(Ordering::SeqCst) {
                    consume_some(broker.open(), "soak", fates, &mut dice);
                }
            });
        }
        let publishers: Vec<_> = (0..PUBLISHERS)
            .map(|n| {
                let w = broker.open();
                scope.spawn(move || publish_all(w, "soak", n))
            })
            .collect();
        for publisher in publishers {
            publisher.join().unwrap();
        }
        let total = usize::try_from(PUBLISHERS * EACH).unwrap();
        let known = || {
            let settled = fates.settled.lock().unwrap();
            settled.union(&fates.uncertain.lock().unwrap()).count()
        };
        let empty = || http.json("/queues/%2F/soak")["messages"] == 0;
        eventually("an empty queue", || {
            (known() == total && empty()).then_some(())
        });
        fates.over.store(true, Ordering::SeqCst);
    });
    assert_eq!(broker.open().depth("soak"), (0, 0));
}

const QUEUES: [&str; 3] = ["race-q1", "race-q2", "race-q3"];
const EXCHANGES: [&str; 3] = ["race-x1", "race-x2", "race-x3"];

/// Sends a method and waits until it is answered or has closed the channel with an error that
/// the others' doings explain.
fn attempt(w: &mut Wire, method: &Method, answer: Id) {
    w.send(1, method);
    loop {
        match w.frame() {
            (1, Frame::Method(m)) if m.id == answer => return,
            (1, Frame::Method(m)) if m.id == channel::CLOSE => {
                let code = m.read().short();
                assert!([403, 404, 405, 406].contains(&code), "{code} to {method:?}");
                w.send(1, &channel::close_ok());
                w.open_channel(1);
                return;
            }
            (0, other) => panic!("{other:?} to {method:?}"),
            _ => {}
        }
    }
}

fn race(mut w: Wire, mut dice: Dice) {
    let none = Table::new();
    for _ in 0..1500 {
        let (q, x, y) = (
            dice.pick(&QUEUES),
            dice.pick(&EXCHANGES),
            dice.pick(&EXCHANGES),
        );
        let key = dice.pick(&["a", "b", "a.b"]);
        let kind = dice.pick(&["direct", "fanout", "topic"]);
        let auto = if dice.roll(2) == 0 {
            queue::AUTO_DELETE
        } else {
            0
        };
        match dice.roll(12) {
            0 => attempt(&mut w, &queue::declare(q, auto, &none), queue::DECLARE_OK),
            1 => attempt(
                &mut w,
                &queue::declare(q, queue::EXCLUSIVE, &none),
                queue::DECLARE_OK,
            ),
            2 => attempt(&mut w, &queue::delete(q, 0), queue::DELETE_OK),
            3 => attempt(
                &mut w,
                &exchange::declare(x, kind, 0, &none),
                exchange::DECLARE_OK,
            ),
            4 => attempt(&mut w, &exchange::delete(x, 0), exchange::DELETE_OK),
            5 | 6 => attempt(&mut w, &queue::bind(q, x, key, &none), queue::BIND_OK),
            7 => attempt(&mut w, &exchange::bind(x, y, key, &none), exchange::BIND_OK),
            8 => attempt(&mut w, &queue::unbind(q, x, key, &none), queue::UNBIND_OK),
            9 => attempt(&mut w, &basic::consume(q, "", 0, &none), basic::CONSUME_OK),
            10 => attempt(&mut w, &queue::purge(q), queue::PURGE_OK),
            _ => {
                for _ in 0..20 {
                    let publish = basic::publish(x, key, basic::MANDATORY);
                    w.publish(1, &publish, &Properties::new(), "x");
                }
                attempt(&mut w, &channel::flow(true), channel::FLOW_OK);
            }
        }
    }
}

#[test]
fn clients_that_race_for_the_same_names_leave_nothing_behind() {
    let broker = Broker::start();
    thread::scope(|scope| {
        for seed in 1..=4 {
            let w = broker.open();
            scope.spawn(move || race(w, Dice::new(seed)));
        }
    });
    let http = broker.http();
    eventually("all connections to be gone", || {
        http.json("/connections")
            .as_array()
            .unwrap()
            .is_empty()
            .then_some(())
    });
    let mut w = broker.open();
    for name in QUEUES {
        w.call(1, &queue::delete(name, 0), queue::DELETE_OK);
    }
    for name in EXCHANGES {
        w.call(1, &exchange::delete(name, 0), exchange::DELETE_OK);
    }
    for list in ["/queues", "/bindings", "/consumers"] {
        let rest = http.json(list);
        assert!(rest.as_array().unwrap().is_empty(), "{list}: {rest}");
    }
    let exchanges = http.json("/exchanges");
    for exchange in exchanges.as_array().unwrap() {
        let name = exchange["name"].as_str().unwrap();
        assert!(
            name.is_empty() || name.starts_with("amq."),
            "{name} is left"
        );
    }
    w.declare("race-after", queue::EXCLUSIVE);
    w.enqueue("race-after", "x");
    assert_eq!(w.drain("race-after"), ["x"]);
}
