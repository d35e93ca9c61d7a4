//! Following single messages through a virtual host: published, routed, delivered, settled, or
//! dead and on its way elsewhere.
//!
//! A message gets its number only in a queue, so one that was just published is told by a
//! fingerprint until it is delivered for the first time; from then on by queue and number. Of
//! several that are alike the oldest counts as the one that is delivered.
//!
//! Nobody follows: then it costs what the firehose costs, which is one load, since both share
//! what is loaded. A sink may be called under a queue's lock, and must not ask queues for more
//! than their names.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};

use parking_lot::Mutex;
use store::QueueId;

use crate::message::{Entry, Message};
use crate::queue::Queue;
use crate::tracer::Tap;
use crate::vhost::VHost;

/// Followers of one virtual host at a time: each looks at every message.
pub const FOLLOWERS_MAX: usize = 8;

/// Messages that one follower follows. Of later ones it hears nothing.
pub const FOLLOWED_MAX: usize = 1000;

/// Sightings that one follower is told of.
pub const SIGHTINGS_MAX: usize = 1000;

/// Bytes of a body that go into its fingerprint.
const PRINT_BYTES_MAX: usize = 4096;

/// What happened to a message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Happening<'a> {
    /// It was published.
    Published,
    /// It goes to these queues; none: it is unroutable.
    Routed(Vec<&'a str>),
    /// A client gets it.
    Delivered {
        /// From where.
        queue: &'a str,
        /// The consumer; empty for `basic.get`.
        consumer_tag: &'a str,
        /// It was delivered before.
        redelivered: bool,
    },
    /// A client is done with it.
    Settled {
        /// Of which queue.
        queue: &'a str,
        /// `acked`, `rejected` or `requeued`.
        outcome: &'static str,
    },
    /// It died, and that was the end of it.
    Dropped {
        /// Where it died.
        queue: &'a str,
        /// Why.
        reason: &'static str,
    },
    /// It died, and goes on.
    DeadLettered {
        /// Where it died.
        queue: &'a str,
        /// Why.
        reason: &'static str,
        /// Where it goes.
        queues: Vec<&'a str>,
    },
}

/// A followed message was seen.
#[derive(Clone, Debug)]
pub struct Sighting<'a> {
    /// Which message, counted from 0 in the order in which they were seen first.
    pub number: usize,
    /// What happened.
    pub happening: Happening<'a>,
    /// The message, where it is at hand.
    pub message: Option<&'a Message>,
    /// Whose doing it is; none for the broker's own.
    pub tap: Option<&'a Tap<'a>>,
}

/// A delivery's place: a queue, and the number in it.
type Place = (QueueId, u64);
/// Whether a message on its way to these queues is of interest.
type Filter = dyn Fn(&Message, &[Arc<Queue>]) -> bool + Send + Sync;
/// Is told of sightings.
type Sink = dyn Fn(&Sighting<'_>) + Send + Sync;

/// Somebody who follows messages.
pub struct Follower {
    filter: Box<Filter>,
    sink: Box<Sink>,
    done: AtomicBool,
    known: Mutex<Known>,
}

/// The messages that are followed.
#[derive(Default)]
struct Known {
    count: usize,
    told: usize,
    by_place: HashMap<Place, usize>,
    by_print: HashMap<u64, Vec<Undelivered>>,
}

/// A message that some queues have not delivered yet.
struct Undelivered {
    number: usize,
    /// Where its body was in memory: mostly that tells it from others that are alike.
    body_at: usize,
    queues: Vec<QueueId>,
}

impl Follower {
    /// A follower of what `filter` lets pass. `sink` is told of all that happens to it.
    #[must_use]
    pub fn new(
        filter: impl Fn(&Message, &[Arc<Queue>]) -> bool + Send + Sync + 'static,
        sink: impl Fn(&Sighting<'_>) + Send + Sync + 'static,
    ) -> Arc<Self> {
        Arc::new(Self {
            filter: Box::new(filter),
            sink: Box::new(sink),
            done: AtomicBool::new(false),
            known: Mutex::default(),
        })
    }

    fn tell(&self, known: &mut Known, sighting: &Sighting<'_>) {
        if known.told < SIGHTINGS_MAX {
            known.told += 1;
            (self.sink)(sighting);
        }
        if known.told >= SIGHTINGS_MAX {
            self.done.store(true, Ordering::Relaxed);
        }
    }

    fn wants(&self, message: &Message, queues: &[Arc<Queue>]) -> bool {
        !self.done.load(Ordering::Relaxed) && (self.filter)(message, queues)
    }

    pub(crate) fn published(
        &self,
        message: &Message,
        queues: &[Arc<Queue>],
        tap: Option<&Tap<'_>>,
    ) {
        if !self.wants(message, queues) {
            return;
        }
        let mut known = self.known.lock();
        let Some(number) = known.begin() else {
            return;
        };
        known.expect(number, message, queues);
        let message = Some(message);
        for happening in [Happening::Published, Happening::Routed(names(queues))] {
            self.tell(
                &mut known,
                &Sighting {
                    number,
                    happening,
                    message,
                    tap,
                },
            );
        }
    }

    pub(crate) fn delivered(
        &self,
        entry: &Entry,
        (queue, consumer_tag): (&Arc<Queue>, &str),
        tap: Option<&Tap<'_>>,
    ) {
        if self.done.load(Ordering::Relaxed) {
            return;
        }
        let (message, place) = (&entry.message, (queue.id(), entry.seq));
        let mut known = self.known.lock();
        let mut number = known.find(message, place);
        if number.is_none() {
            drop(known);
            let wanted = self.wants(message, std::slice::from_ref(queue));
            known = self.known.lock();
            number = if wanted { known.begin() } else { None };
        }
        let Some(number) = number else {
            return;
        };
        known.by_place.insert(place, number);
        let happening = Happening::Delivered {
            queue: queue.name(),
            consumer_tag,
            redelivered: entry.redelivered,
        };
        self.tell(
            &mut known,
            &Sighting {
                number,
                happening,
                message: Some(message),
                tap,
            },
        );
    }

    pub(crate) fn settled(
        &self,
        (queue, seq): (&Queue, u64),
        outcome: &'static str,
        tap: Option<&Tap<'_>>,
    ) {
        let mut known = self.known.lock();
        let place = (queue.id(), seq);
        // A rejected one may go on elsewhere, and one that comes back is delivered again.
        let number = match outcome {
            "acked" => known.by_place.remove(&place),
            _ => known.by_place.get(&place).copied(),
        };
        if let Some(number) = number {
            let queue = queue.name();
            self.tell(
                &mut known,
                &Sighting {
                    number,
                    happening: Happening::Settled { queue, outcome },
                    message: None,
                    tap,
                },
            );
        }
    }

    pub(crate) fn dropped(&self, (queue, entry, reason): (&Queue, &Entry, &'static str)) {
        let mut known = self.known.lock();
        let place = (queue.id(), entry.seq);
        let Some(number) = known.find(&entry.message, place) else {
            return;
        };
        known.by_place.remove(&place);
        let queue = queue.name();
        self.tell(
            &mut known,
            &Sighting {
                number,
                happening: Happening::Dropped { queue, reason },
                message: Some(&entry.message),
                tap: None,
            },
        );
    }

    pub(crate) fn died(
        &self,
        (queue, entry, reason): (&Queue, &Entry, &'static str),
        letter: &Message,
        queues: &[Arc<Queue>],
    ) {
        let mut known = self.known.lock();
        let place = (queue.id(), entry.seq);
        let Some(number) = known.find(&entry.message, place) else {
            return;
        };
        known.by_place.remove(&place);
        known.expect(number, letter, queues);
        let happening = Happening::DeadLettered {
            queue: queue.name(),
            reason,
            queues: names(queues),
        };
        self.tell(
            &mut known,
            &Sighting {
                number,
                happening,
                message: Some(letter),
                tap: None,
            },
        );
    }
}

impl Known {
    /// The number of one more message, unless there are enough.
    fn begin(&mut self) -> Option<usize> {
        let number = self.count;
        (number < FOLLOWED_MAX).then(|| {
            self.count += 1;
            number
        })
    }

    /// A message is to come out of these queues.
    fn expect(&mut self, number: usize, message: &Message, queues: &[Arc<Queue>]) {
        if queues.is_empty() {
            return;
        }
        let alike = self.by_print.entry(print(message)).or_default();
        alike.push(Undelivered {
            number,
            body_at: message.body().as_ptr() as usize,
            queues: queues.iter().map(|queue| queue.id()).collect(),
        });
    }

    /// Which message it is that has this place in a queue.
    fn find(&mut self, message: &Message, place: Place) -> Option<usize> {
        if let Some(number) = self.by_place.get(&place) {
            return Some(*number);
        }
        let print = print(message);
        let alike = self.by_print.get_mut(&print)?;
        let body_at = message.body().as_ptr() as usize;
        let in_queue = |one: &Undelivered| one.queues.contains(&place.0);
        let same = alike
            .iter()
            .position(|one| one.body_at == body_at && in_queue(one));
        let at = same.or_else(|| alike.iter().position(in_queue))?;
        let found = alike.get_mut(at)?;
        found.queues.retain(|queue| *queue != place.0);
        let (number, rest) = (found.number, found.queues.len());
        if rest == 0 {
            alike.remove(at);
        }
        if alike.is_empty() {
            self.by_print.remove(&print);
        }
        Some(number)
    }
}

fn names(queues: &[Arc<Queue>]) -> Vec<&str> {
    queues.iter().map(|queue| &**queue.name()).collect()
}

/// A fingerprint that a message has in memory and when it was read from the store.
fn print(message: &Message) -> u64 {
    let mut hasher = DefaultHasher::new();
    let body = message.body();
    (message.exchange(), message.routing_key(), body.len()).hash(&mut hasher);
    body.get(..PRINT_BYTES_MAX)
        .unwrap_or(body)
        .hash(&mut hasher);
    hasher.finish()
}

/// Somebody follows messages as long as this is there.
pub struct Following {
    vhost: Weak<VHost>,
    follower: Arc<Follower>,
}

impl Drop for Following {
    fn drop(&mut self) {
        if let Some(vhost) = self.vhost.upgrade() {
            vhost.tracer.leave(&self.follower);
        }
    }
}

impl VHost {
    /// Tells `follower` what happens to messages, until what is returned is dropped. None: there
    /// are [`FOLLOWERS_MAX`] already.
    #[must_use]
    pub fn follow(&self, follower: Arc<Follower>) -> Option<Following> {
        self.tracer.join(&follower).then(|| Following {
            vhost: Weak::clone(&self.services.vhost),
            follower,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::{actor, declare, message, open_with};
    use crate::{AckMode, Broker, Wakes};

    fn setting() -> (tempfile::TempDir, Arc<Broker>, Arc<VHost>, Arc<Queue>) {
        let dir = tempfile::tempdir().unwrap();
        let broker = open_with(dir.path(), |_| ());
        let vhost = broker.vhost("/").unwrap();
        let queue = vhost.declare_queue(declare("q"), &actor()).unwrap().queue;
        (dir, broker, vhost, queue)
    }

    /// What a follower is told, as numbers and words.
    type Told = Arc<Mutex<Vec<(usize, String)>>>;

    fn follower() -> (Arc<Follower>, Told) {
        let told = Told::default();
        let sink = {
            let told = Arc::clone(&told);
            move |sighting: &Sighting<'_>| {
                let word = match &sighting.happening {
                    Happening::Published => "published",
                    Happening::Routed(_) => "routed",
                    Happening::Delivered { .. } => "delivered",
                    Happening::Settled { outcome, .. } => outcome,
                    Happening::DeadLettered { .. } | Happening::Dropped { .. } => "died",
                };
                told.lock().push((sighting.number, word.to_owned()));
            }
        };
        (Follower::new(|_, _| true, sink), told)
    }

    const TAP: Tap<'_> = Tap {
        node: "n",
        connection: "c",
        channel: 1,
        user: "u",
    };

    fn deliver(vhost: &VHost, queue: &Arc<Queue>) -> u64 {
        let entry = queue.get(AckMode::Manual).unwrap().entry;
        vhost.trace_deliver(&entry, (queue, ""), &TAP, &mut Wakes::new());
        entry.seq
    }

    #[test]
    fn of_messages_that_are_alike_each_is_delivered_once() {
        let (_dir, broker, vhost, queue) = setting();
        let (follower, told) = follower();
        let following = vhost.follow(follower).unwrap();
        for _ in 0..2 {
            vhost
                .publish(message("q", "same", 1), &mut Wakes::new())
                .unwrap();
        }
        let (first, second) = (deliver(&vhost, &queue), deliver(&vhost, &queue));
        vhost.trace_settle(&queue, second, "acked", &TAP);
        vhost.trace_settle(&queue, first, "requeued", &TAP);
        vhost.trace_settle(&queue, second, "acked", &TAP);
        let words = [
            "published",
            "routed",
            "published",
            "routed",
            "delivered",
            "delivered",
        ];
        let mut expected: Vec<(usize, String)> = [0, 0, 1, 1, 0, 1]
            .into_iter()
            .zip(words.map(str::to_owned))
            .collect();
        expected.extend([(1, "acked".to_owned()), (0, "requeued".to_owned())]);
        assert_eq!(*told.lock(), expected);
        assert!(vhost.is_traced());
        drop(following);
        assert!(!vhost.is_traced());
        broker.close().unwrap();
    }

    #[test]
    fn a_follower_hears_so_much_and_no_more() {
        let (_dir, broker, vhost, queue) = setting();
        let (follower, told) = follower();
        let known = Arc::clone(&follower);
        let _following = vhost.follow(follower).unwrap();
        for n in 0..SIGHTINGS_MAX {
            let message = message("q", &n.to_string(), 1);
            vhost.publish(message, &mut Wakes::new()).unwrap();
        }
        deliver(&vhost, &queue);
        assert_eq!(told.lock().len(), SIGHTINGS_MAX);
        assert_eq!(known.known.lock().count, SIGHTINGS_MAX / 2);
        broker.close().unwrap();
    }

    #[test]
    fn so_many_may_follow_at_a_time() {
        let (_dir, broker, vhost, _queue) = setting();
        let mut all: Vec<Following> = (0..FOLLOWERS_MAX)
            .map(|_| vhost.follow(follower().0).unwrap())
            .collect();
        assert!(vhost.follow(follower().0).is_none());
        all.pop();
        assert!(vhost.follow(follower().0).is_some());
        broker.close().unwrap();
    }
}
