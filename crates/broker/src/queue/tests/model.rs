//! A queue with all its rules against a naive one that does a message at a time.

use std::cmp::Reverse;
use std::collections::{BTreeMap, VecDeque};

use codec::BasicProperties;

use super::rules::*;
use super::*;

#[derive(Clone, Debug)]
struct Setup {
    ttl: Option<u64>,
    max_length: Option<u64>,
    overflow: Overflow,
    max_priority: u8,
    paged: bool,
    /// A quorum queue, perhaps with its limit of returns. It has two priorities.
    quorum: Option<Option<u32>>,
}

#[derive(Clone, Debug)]
enum Step {
    Publish {
        n: u8,
        priority: u8,
        expiration: Option<u64>,
    },
    Pass(u64),
    Consume {
        prefetch: u32,
    },
    Cancel(usize),
    Ack(usize),
    Reject(usize),
    Requeue(usize),
    /// All that is unacknowledged, the first of them from the store.
    RequeueAll {
        stored: usize,
    },
    Get,
    Purge,
    Commit,
    /// Messages by their places, one bit each, from the first on that is looked at.
    Pick {
        skip: usize,
        mask: u16,
    },
    DropPicked(usize),
    Unpick(usize),
}

fn setup() -> impl Strategy<Value = Setup> {
    let overflow = prop_oneof![
        Just(Overflow::DropHead),
        Just(Overflow::RejectPublish),
        Just(Overflow::RejectPublishDlx),
    ];
    let quorum = prop::option::of(prop::option::of(0..4u32));
    (
        prop::option::of(prop_oneof![Just(0u64), 1..300u64]),
        prop::option::of(0..12u64),
        overflow,
        0..4u8,
        any::<bool>(),
        quorum,
    )
        .prop_map(|(ttl, max_length, overflow, max_priority, paged, quorum)| {
            let dlx = overflow == Overflow::RejectPublishDlx;
            Setup {
                ttl,
                max_length,
                overflow: if dlx && quorum.is_some() {
                    Overflow::DropHead
                } else {
                    overflow
                },
                max_priority: if quorum.is_some() { 1 } else { max_priority },
                paged,
                quorum,
            }
        })
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (1..8u8, 0..6u8, prop::option::of(0..200u64)).prop_map(|(n, priority, expiration)| {
            Step::Publish { n, priority, expiration }
        }),
        3 => (1..150u64).prop_map(Step::Pass),
        2 => (1..5u32).prop_map(|prefetch| Step::Consume { prefetch }),
        1 => (0..4usize).prop_map(Step::Cancel),
        3 => (0..16usize).prop_map(Step::Ack),
        2 => (0..16usize).prop_map(Step::Reject),
        2 => (0..16usize).prop_map(Step::Requeue),
        1 => (0..16usize).prop_map(|stored| Step::RequeueAll { stored }),
        2 => Just(Step::Get),
        1 => Just(Step::Purge),
        2 => Just(Step::Commit),
        4 => (0..6usize, 1..u16::MAX).prop_map(|(skip, mask)| Step::Pick { skip, mask }),
        2 => (0..4usize).prop_map(Step::DropPicked),
        3 => (0..4usize).prop_map(Step::Unpick),
    ]
}

/// A ready message of the naive queue.
#[derive(Clone, Debug)]
struct Naive {
    expires: Option<u64>,
    redelivered: bool,
    returns: u32,
}

/// Its place: the highest level first, then by number. The number is its body, too.
type Place = (Reverse<u8>, u64);

struct Model {
    w: World,
    queue: Arc<Queue>,
    dead: Arc<Queue>,
    setup: Setup,
    outbox: Arc<Outbox>,
    /// Each with its prefetch and what it holds.
    consumers: Vec<(ConsumerId, u32, u32)>,
    ready: BTreeMap<Place, Naive>,
    /// What came back to a quorum queue, in that order.
    returned: VecDeque<(Place, Naive)>,
    /// Turns of the high priority in a row.
    high_turns: u32,
    unacked: Vec<(Delivery, Place, Naive)>,
    picked: Vec<Vec<(Picked, Place, Naive)>>,
    expected: Vec<(Place, Naive)>,
    deaths: Vec<(u64, &'static str)>,
    next: u64,
}

impl Model {
    fn new(setup: Setup) -> Self {
        let w = World::with_memory(if setup.paged {
            300
        } else {
            limits::WARM_BYTES_MAX
        });
        let dead = w.declare("dead", &[]);
        let mut arguments = vec![
            ("x-dead-letter-exchange", text("")),
            ("x-dead-letter-routing-key", text("dead")),
        ];
        match setup.quorum {
            None => arguments.push(("x-max-priority", int(setup.max_priority.into()))),
            Some(limit) => {
                arguments.push(("x-queue-type", text("quorum")));
                let limit = limit.map_or(-1, i64::from);
                arguments.push(("x-delivery-limit", int(limit)));
            }
        }
        let number = |n: u64| int(n.try_into().unwrap());
        arguments.extend(setup.ttl.map(|ttl| ("x-message-ttl", number(ttl))));
        arguments.extend(setup.max_length.map(|max| ("x-max-length", number(max))));
        match setup.overflow {
            Overflow::DropHead => {}
            Overflow::RejectPublish => arguments.push(("x-overflow", text("reject-publish"))),
            Overflow::RejectPublishDlx => {
                arguments.push(("x-overflow", text("reject-publish-dlx")));
            }
        }
        let queue = w.declare("q", &arguments);
        Self {
            w,
            queue,
            dead,
            setup,
            outbox: Outbox::new(),
            consumers: Vec::new(),
            ready: BTreeMap::new(),
            returned: VecDeque::new(),
            high_turns: 0,
            unacked: Vec::new(),
            picked: Vec::new(),
            expected: Vec::new(),
            deaths: Vec::new(),
            next: 1,
        }
    }

    fn credit(&self) -> u32 {
        let of = |(_, prefetch, held): &(ConsumerId, u32, u32)| prefetch - held;
        let waiting = u32::try_from(self.expected.len()).unwrap();
        self.consumers.iter().map(of).sum::<u32>() - waiting
    }

    /// The next message, and those before it whose time was over.
    fn pop(&mut self) -> Option<(Place, Naive)> {
        while let Some((place, one)) = self.pop_any() {
            if one.expires.is_none_or(|at| at >= self.w.now()) {
                return Some((place, one));
            }
            self.deaths.push((place.1, "expired"));
        }
        None
    }

    /// The next message, whatever its time.
    fn pop_any(&mut self) -> Option<(Place, Naive)> {
        if self.setup.quorum.is_none() {
            return self.ready.pop_first();
        }
        if let Some(first) = self.returned.pop_front() {
            return Some(first);
        }
        let first_of = |level| {
            let level = Reverse(level);
            let mut of_level = self.ready.range((level, 0)..=(level, u64::MAX));
            of_level.next().map(|(place, _)| *place)
        };
        let (high, low) = (first_of(1), first_of(0));
        let place = match (high, low) {
            (Some(high), low) if self.high_turns < 2 || low.is_none() => high,
            (_, low) => low?,
        };
        let is_high = place.0 == Reverse(1);
        self.high_turns = if is_high { self.high_turns + 1 } else { 0 };
        self.ready.remove_entry(&place)
    }

    fn len(&self) -> u64 {
        (self.ready.len() + self.returned.len()) as u64
    }

    fn is_empty(&self) -> bool {
        self.ready.is_empty() && self.returned.is_empty()
    }

    /// A message comes back.
    fn put_back(&mut self, place: Place, mut one: Naive) {
        one.redelivered = true;
        one.returns += u32::from(self.setup.quorum.is_some());
        match self.setup.quorum {
            None => drop(self.ready.insert(place, one)),
            Some(Some(limit)) if one.returns > limit => {
                self.deaths.push((place.1, "delivery_limit"));
            }
            Some(_) => self.returned.push_back((place, one)),
        }
    }

    fn dispatch(&mut self) {
        while self.credit() > 0
            && let Some(one) = self.pop()
        {
            self.expected.push(one);
        }
    }

    /// The first of each level goes when its time has come.
    fn expire(&mut self) {
        let now = self.w.now();
        let has_come = |one: &Naive| one.expires.is_some_and(|at| at <= now);
        while let Some((place, _)) = self.returned.pop_front_if(|first| has_come(&first.1)) {
            self.deaths.push((place.1, "expired"));
        }
        for level in (0..=self.setup.max_priority).map(Reverse) {
            while let Some((place, one)) = self.ready.range((level, 0)..=(level, u64::MAX)).next()
                && has_come(one)
            {
                let place = *place;
                self.deaths.push((place.1, "expired"));
                self.ready.remove(&place);
            }
        }
    }

    fn is_over(&self, more: u64) -> bool {
        let len = self.len() + more;
        self.setup.max_length.is_some_and(|max| len > max)
    }

    fn tend(&mut self) {
        self.expire();
        while self.setup.overflow == Overflow::DropHead && self.is_over(0) {
            let (place, _) = self.pop_any().unwrap();
            self.deaths.push((place.1, "maxlen"));
            self.expire();
        }
    }

    fn publish(&mut self, n: u8, priority: u8, expiration: Option<u64>) {
        let mut properties = BasicProperties::default()
            .with_delivery_mode(1 + n % 2)
            .with_priority(priority);
        if let Some(ms) = expiration {
            properties = properties.with_expiration(ms.to_string().into());
        }
        let ttl = [self.setup.ttl, expiration].into_iter().flatten().min();
        let bodies: Vec<String> = (0..u64::from(n)).map(|i| text_of(self.next + i)).collect();
        let bodies: Vec<&str> = bodies.iter().map(String::as_str).collect();
        let published = put(&self.queue, &properties, &bodies);
        let mut rejected = Vec::new();
        for at in 0..u32::from(n) {
            let number = self.next;
            self.next += 1;
            if self.setup.overflow != Overflow::DropHead && self.is_over(1) {
                self.dispatch();
                if self.is_over(1) && !(self.is_empty() && self.credit() > 0) {
                    rejected.push(at);
                    if self.setup.overflow == Overflow::RejectPublishDlx {
                        self.deaths.push((number, "maxlen"));
                    }
                    continue;
                }
            }
            let one = Naive {
                expires: ttl.map(|ttl| self.w.now() + ttl),
                redelivered: false,
                returns: 0,
            };
            let level = match self.setup.quorum {
                None => priority.min(self.setup.max_priority),
                Some(_) => u8::from(priority > 4),
            };
            self.ready.insert((Reverse(level), number), one);
        }
        assert_eq!(published.rejected, rejected);
        self.dispatch();
        self.tend();
    }

    fn settle(&mut self, at: usize) -> Option<(Delivery, Place, Naive)> {
        if at >= self.unacked.len() {
            return None;
        }
        let settled = self.unacked.remove(at);
        let id = settled.0.consumer;
        if let Some(consumer) = self.consumers.iter_mut().find(|consumer| consumer.0 == id) {
            consumer.2 -= 1;
        }
        Some(settled)
    }

    fn apply(&mut self, step: &Step) {
        let wakes = &mut Wakes::new();
        match *step {
            Step::Publish {
                n,
                priority,
                expiration,
            } => self.publish(n, priority, expiration),
            Step::Pass(ms) => {
                self.w.hand.advance(ms);
                self.expire();
            }
            Step::Consume { prefetch } if self.consumers.len() < 4 => {
                let id = join(&self.w, &self.queue, &self.outbox, prefetch, 0);
                self.consumers.push((id, prefetch, 0));
                self.dispatch();
            }
            Step::Cancel(at) if at < self.consumers.len() => {
                let (id, ..) = self.consumers.remove(at);
                self.queue.remove_consumer(id, wakes);
            }
            Step::Ack(at) => {
                if let Some((delivery, ..)) = self.settle(at) {
                    let settled = Settled::of(&delivery.entry, Some(delivery.consumer));
                    self.queue.ack(&[settled], wakes);
                    self.dispatch();
                }
            }
            Step::Reject(at) => {
                if let Some((delivery, place, _)) = self.settle(at) {
                    let rejected = Rejected::of(delivery.entry, Some(delivery.consumer));
                    self.queue.reject(&mut vec![rejected], wakes);
                    self.deaths.push((place.1, "rejected"));
                    self.dispatch();
                }
            }
            Step::Requeue(at) => {
                if let Some((delivery, place, one)) = self.settle(at) {
                    let returned = Returned {
                        entry: delivery.entry,
                        consumer: Some(delivery.consumer),
                        ack: AckMode::Manual,
                    };
                    self.queue.requeue([returned].into_iter().collect(), wakes);
                    self.put_back(place, one);
                    self.dispatch();
                    self.tend();
                }
            }
            Step::RequeueAll { stored } => self.requeue_all(stored),
            Step::Get => self.get(),
            Step::Purge => {
                assert_eq!(self.queue.purge().messages, self.len());
                self.ready.clear();
                self.returned.clear();
            }
            Step::Commit => {
                self.queue
                    .services
                    .store
                    .wait(self.queue.recorded())
                    .unwrap();
            }
            Step::Pick { skip, mask } => self.pick(skip, mask),
            Step::DropPicked(at) if at < self.picked.len() => self.drop_picked(at),
            Step::Unpick(at) if at < self.picked.len() => self.unpick(at),
            Step::Consume { .. } | Step::Cancel(_) | Step::DropPicked(_) | Step::Unpick(_) => {}
        }
    }

    fn get(&mut self) {
        let got = self.queue.get(AckMode::Automatic);
        let expected = self.pop();
        assert_eq!(got.is_some(), expected.is_some());
        if let (Some(got), Some(expected)) = (got, expected) {
            check(&got.entry, &expected);
        }
    }

    fn drop_picked(&mut self, at: usize) {
        let picked = self.picked.remove(at).into_iter();
        let picked: Vec<Picked> = picked.map(|one| one.0).collect();
        self.queue.drop_picked(&picked, &mut Wakes::new());
        self.dispatch();
    }

    fn unpick(&mut self, at: usize) {
        let mut picked = Vec::new();
        for (one, place, naive) in self.picked.remove(at) {
            picked.push(one);
            self.ready.insert(place, naive);
        }
        self.queue.unpick(picked, &mut Wakes::new());
        self.dispatch();
        self.tend();
    }

    fn requeue_all(&mut self, stored: usize) {
        self.queue
            .services
            .store
            .wait(self.queue.recorded())
            .unwrap();
        // A time that is over right now ends during the read which comes between otherwise.
        let now = self.w.now();
        let is_over = |one: &Naive| one.expires.is_some_and(|at| at <= now);
        let unsure = self.unacked.iter().any(|(.., one)| is_over(one));
        let stored = if unsure { 0 } else { stored };
        let mut returns = Returns::default();
        let mut back = Vec::new();
        for n in 0.. {
            let Some((delivery, place, one)) = self.settle(0) else {
                break;
            };
            let consumer = Some(delivery.consumer);
            let entry = delivery.entry;
            if n < stored && entry.durable {
                let body_len = entry.message.body_len().try_into().unwrap();
                returns.add_stored(entry.seq, body_len, consumer);
                back.insert(returns.runs.numbers().count() - 1, (place, one));
            } else {
                returns.add(Returned {
                    entry,
                    consumer,
                    ack: AckMode::Manual,
                });
                back.push((place, one));
            }
        }
        self.queue.requeue(returns, &mut Wakes::new());
        for (place, one) in back {
            self.put_back(place, one);
        }
        self.dispatch();
        self.tend();
    }

    fn pick(&mut self, skip: usize, mask: u16) {
        if self.setup.quorum.is_some() {
            // What it does with those that came back has tests of its own.
            return;
        }
        let seen = self.queue.browse(None, BROWSE_MESSAGES_MAX);
        assert_eq!(seen.len(), self.ready.len());
        for (entry, (place, one)) in seen.iter().zip(&self.ready) {
            check(entry, &(*place, one.clone()));
        }
        let masked = seen.iter().skip(skip).zip(0..16u16);
        let seqs: Vec<u64> = masked
            .filter(|(_, bit)| mask & (1 << bit) != 0)
            .map(|(entry, _)| entry.seq)
            .collect();
        let now = self.w.now();
        let looked_at = self.queue.look_at(&seqs);
        let mut picked = Vec::new();
        for (one, looked_at) in self.queue.pick(&seqs).into_iter().zip(&looked_at) {
            assert_eq!(one.entry.seq, looked_at.seq);
            let number = number(&one.entry.message);
            let place = *self.ready.keys().find(|place| place.1 == number).unwrap();
            let naive = self.ready.remove(&place).unwrap();
            assert!(naive.expires.is_none_or(|at| at >= now));
            check(&one.entry, &(place, naive.clone()));
            picked.push((one, place, naive));
        }
        let fresh = seen.iter().filter(|one| seqs.contains(&one.seq));
        let fresh = fresh.filter(|one| !one.expiry.is_before(now)).count();
        assert_eq!((picked.len(), looked_at.len()), (fresh, fresh));
        assert!(self.queue.pick(&[0, u64::MAX]).is_empty(), "none of these");
        self.picked.push(picked);
    }

    /// What the real queue did must be what the naive one did.
    fn compare(&mut self) {
        self.w.run_due();
        self.expire();
        let mut expected = std::mem::take(&mut self.expected).into_iter();
        for delivery in taken(&self.outbox) {
            let (place, one) = expected.next().unwrap();
            check(&delivery.entry, &(place, one.clone()));
            let held = self.consumers.iter_mut().find(|c| c.0 == delivery.consumer);
            held.unwrap().2 += 1;
            self.unacked.push((delivery, place, one));
        }
        assert!(expected.next().is_none(), "a message that could go stays");
        let mut dead: Vec<(u64, String)> = std::iter::from_fn(|| self.dead.get(AckMode::Automatic))
            .map(|got| {
                let message = &got.entry.message;
                let reason = codec::get_str(&deaths(message)[0], "reason")
                    .unwrap()
                    .to_owned();
                (number(message), reason)
            })
            .collect();
        let mut expected: Vec<(u64, String)> = std::mem::take(&mut self.deaths)
            .into_iter()
            .map(|(number, reason)| (number, reason.to_owned()))
            .collect();
        // Levels are looked at in another order here.
        dead.sort();
        expected.sort();
        assert_eq!(dead, expected);
        let counts = self.queue.counts();
        assert_eq!(counts.ready, self.len());
        let picked: usize = self.picked.iter().map(Vec::len).sum();
        assert_eq!(counts.unacked, (self.unacked.len() + picked) as u64);
        let numbers = self
            .ready
            .keys()
            .chain(self.returned.iter().map(|back| &back.0));
        let bytes: usize = numbers.map(|(_, n)| text_of(*n).len()).sum();
        assert_eq!(counts.ready_bytes, bytes as u64);
    }
}

/// All of them are as long: what is known of the bytes in a part of a run is an average.
fn text_of(number: u64) -> String {
    format!("{number:04}")
}

fn number(message: &Message) -> u64 {
    std::str::from_utf8(message.body())
        .unwrap()
        .parse()
        .unwrap()
}

#[track_caller]
fn check(entry: &Entry, (place, one): &(Place, Naive)) {
    assert_eq!(
        (number(&entry.message), entry.redelivered),
        (place.1, one.redelivered)
    );
    let shown = codec::get_int(&headers(&entry.message), "x-delivery-count");
    assert_eq!(shown, (one.returns > 0).then_some(one.returns.into()));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]
    #[test]
    fn all_rules_together_do_what_a_naive_queue_does(
        setup in setup(),
        steps in prop::collection::vec(step(), 1..80),
    ) {
        let mut model = Model::new(setup);
        for step in &steps {
            model.apply(step);
            model.compare();
        }
    }
}
