//! A queue with all its rules against a naive one that does a message at a time.

use std::cmp::Reverse;
use std::collections::BTreeMap;

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
    let overflow = prop_oneof![Just(Overflow::DropHead), Just(Overflow::RejectPublish)];
    (
        prop::option::of(prop_oneof![Just(0u64), 1..300u64]),
        prop::option::of(0..12u64),
        overflow,
        0..4u8,
        any::<bool>(),
    )
        .prop_map(|(ttl, max_length, overflow, max_priority, paged)| Setup {
            // What may be refused depends on what has expired just then: kept apart.
            ttl: ttl.filter(|_| overflow == Overflow::DropHead),
            max_length,
            overflow,
            max_priority,
            paged,
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
            ("x-max-priority", int(setup.max_priority.into())),
            ("x-dead-letter-exchange", text("")),
            ("x-dead-letter-routing-key", text("dead")),
        ];
        let number = |n: u64| int(n.try_into().unwrap());
        arguments.extend(setup.ttl.map(|ttl| ("x-message-ttl", number(ttl))));
        arguments.extend(setup.max_length.map(|max| ("x-max-length", number(max))));
        if setup.overflow == Overflow::RejectPublish {
            arguments.push(("x-overflow", text("reject-publish")));
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
        while let Some((place, one)) = self.ready.pop_first() {
            if one.expires.is_none_or(|at| at >= self.w.now()) {
                return Some((place, one));
            }
            self.deaths.push((place.1, "expired"));
        }
        None
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
        for level in (0..=self.setup.max_priority).map(Reverse) {
            while let Some((place, one)) = self.ready.range((level, 0)..=(level, u64::MAX)).next()
                && one.expires.is_some_and(|at| at <= self.w.now())
            {
                let place = *place;
                self.deaths.push((place.1, "expired"));
                self.ready.remove(&place);
            }
        }
    }

    fn is_over(&self, more: u64) -> bool {
        let len = self.ready.len() as u64 + more;
        self.setup.max_length.is_some_and(|max| len > max)
    }

    fn tend(&mut self) {
        self.expire();
        while self.setup.overflow == Overflow::DropHead && self.is_over(0) {
            let (place, _) = self.ready.pop_first().unwrap();
            self.deaths.push((place.1, "maxlen"));
            self.expire();
        }
    }

    fn publish(&mut self, n: u8, priority: u8, expiration: Option<u64>) {
        let expiration = expiration.filter(|_| self.setup.overflow == Overflow::DropHead);
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
            if self.setup.overflow == Overflow::RejectPublish && self.is_over(1) {
                self.dispatch();
                if self.is_over(1) && !(self.ready.is_empty() && self.credit() > 0) {
                    rejected.push(at);
                    continue;
                }
            }
            let one = Naive {
                expires: ttl.map(|ttl| self.w.now() + ttl),
                redelivered: false,
            };
            let level = priority.min(self.setup.max_priority);
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
                if let Some((delivery, place, mut one)) = self.settle(at) {
                    let returned = Returned {
                        entry: delivery.entry,
                        consumer: Some(delivery.consumer),
                        ack: AckMode::Manual,
                    };
                    self.queue.requeue([returned].into_iter().collect(), wakes);
                    one.redelivered = true;
                    self.ready.insert(place, one);
                    self.dispatch();
                    self.tend();
                }
            }
            Step::Get => self.get(),
            Step::Purge => {
                assert_eq!(self.queue.purge().messages, self.ready.len() as u64);
                self.ready.clear();
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

    fn pick(&mut self, skip: usize, mask: u16) {
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
        assert_eq!(counts.ready, self.ready.len() as u64);
        let picked: usize = self.picked.iter().map(Vec::len).sum();
        assert_eq!(counts.unacked, (self.unacked.len() + picked) as u64);
        let bytes: usize = self.ready.keys().map(|(_, n)| text_of(*n).len()).sum();
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
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]
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
