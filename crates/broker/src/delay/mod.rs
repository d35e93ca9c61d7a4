//! Messages of an `x-delayed-message` exchange that wait for their time.
//!
//! ```text
//! publish ─► the coarsest bucket that does not open yet      a day  ─┐
//!                                                            an hour ─┤ opened ahead of time:
//!                                                            a minute ┤ moved to the next finer
//!                                                            a second ┘
//!            a second's bucket, opened ─► slots: (time, order) in memory ─► queues
//! ```
//!
//! A bucket is a queue of the store, written once and read once, in sequence. So a message costs
//! no memory until the second before it is due, and however far away that is, it is moved three
//! times at most. A move appends first and settles then; so does the publish to the queues when
//! the time has come: a crash repeats messages and loses none.
//!
//! The lock is never held while the store is read. Only the timers' thread opens and fires.

mod bucket;
mod fire;
mod list;
mod negate;
mod open;
mod state;
mod stored;
#[cfg(test)]
mod tests;

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Weak};

use codec::{AMQPValue, FieldTable};
use parking_lot::Mutex;
use store::{QueueId, RecoveredQueue, Ticket};

pub use list::{DELAYED_PAGE_MAX, DelayedId, DelayedMessage, DelayedPage};

use crate::delay::bucket::{Bucket, BucketKey, Phase};
use crate::delay::state::State;
use crate::delay::stored::Head;
use crate::ids::ExchangeId;
use crate::message::Message;
use crate::record::Record;
use crate::services::Services;
use crate::timers::{Timed, TimerKey};
use crate::vhost::VHost;
use crate::wakes::Wakes;

/// The header that asks for a delay in milliseconds.
pub(crate) const HEADER: &str = "x-delay";

/// Longest delay in milliseconds, as RabbitMQ's plugin has it: 49.7 days.
pub const DELAY_MS_MAX: u64 = u32::MAX as u64;

/// The delay in milliseconds that these headers ask for; `None` if the message is to go on at
/// once. Strings and floats count as the numbers they show.
pub(crate) fn requested(headers: &FieldTable) -> Option<u64> {
    let value = headers.inner().get(HEADER)?;
    let delay = match value {
        AMQPValue::Float(v) => Some(f64::from(*v).round() as i64),
        AMQPValue::Double(v) => Some(v.round() as i64),
        other => codec::as_int(other).or_else(|| codec::as_str(other)?.parse().ok()),
    };
    delay
        .and_then(|ms| u64::try_from(ms).ok())
        .filter(|ms| (1..=DELAY_MS_MAX).contains(ms))
}

/// Where the delayed messages of one exchange come from and go to.
pub(crate) struct Place {
    pub(crate) vhost: Weak<VHost>,
    pub(crate) vhost_name: Arc<str>,
    pub(crate) exchange: ExchangeId,
    pub(crate) exchange_name: Arc<str>,
    pub(crate) durable: bool,
    pub(crate) services: Arc<Services>,
    pub(crate) next_queue_id: Arc<AtomicU32>,
}

/// The delayed messages of one exchange.
pub(crate) struct Delays {
    own: Weak<Self>,
    place: Place,
    timer: TimerKey,
    state: Mutex<State>,
}

impl Delays {
    pub(crate) fn new(place: Place) -> Arc<Self> {
        let timer = place.services.timers.next_key();
        let state = State::new(place.services.clock.now_ms());
        Arc::new_cyclic(|own| Self {
            own: Weak::clone(own),
            place,
            timer,
            state: Mutex::new(state),
        })
    }

    /// Messages that wait.
    pub(crate) fn len(&self) -> u64 {
        self.state.lock().count
    }

    /// Keeps a message for `delay_ms`. `further_keys` are those of CC and BCC. The ticket is
    /// none if the exchange is not durable: then nothing of it survives a restart anyway.
    pub(crate) fn add(
        &self,
        message: &Message,
        further_keys: &[&str],
        delay_ms: u64,
    ) -> Option<Ticket> {
        let waiting = negate::negated(message);
        let now_ms = self.place.services.clock.now_ms();
        let mut state = self.state.lock();
        if !state.live {
            return None;
        }
        let head = Head {
            fire_ms: self.place.services.clock.after_ms(delay_ms),
            order: state.next_order(),
            further_keys: further_keys.iter().map(|key| (*key).to_owned()).collect(),
        };
        let key = BucketKey::for_message(head.fire_ms, now_ms);
        let (fire_ms, order) = (head.fire_ms, head.order);
        let body = head.body(&waiting);
        let bucket = self.bucket(&mut state, key);
        if bucket.is_new() && key.opens_ms <= now_ms {
            bucket.phase = Phase::Open;
        }
        let seq = bucket.take_seqs(1, order);
        let ticket = self.write(bucket, seq, vec![body]);
        let ready = key.level == 0 && bucket.phase != Phase::Closed;
        state.count += 1;
        let deadline = if ready {
            state.push(fire_ms, order, seq, Some((waiting, head.further_keys)));
            fire_ms
        } else {
            key.opens_ms
        };
        self.arm(&mut state, deadline);
        ticket.filter(|_| self.place.durable)
    }

    /// The bucket of this key, made if need be.
    fn bucket<'a>(&self, state: &'a mut State, key: BucketKey) -> &'a mut Bucket {
        state.buckets.entry(key).or_insert_with(|| {
            let id = QueueId(self.place.next_queue_id.fetch_add(1, Ordering::Relaxed));
            if self.place.durable {
                let record = self.record(key, id);
                self.place.services.store.put(&record.key, &record.value);
            }
            Bucket::new(id)
        })
    }

    fn record(&self, key: BucketKey, id: QueueId) -> Record {
        let (vhost, exchange) = (&self.place.vhost_name, &self.place.exchange_name);
        Record::bucket(vhost, exchange, (key.level, key.index), id)
    }

    fn write(&self, bucket: &mut Bucket, seq: u64, bodies: Vec<store::Body>) -> Option<Ticket> {
        let store = &self.place.services.store;
        let ticket = if self.place.durable {
            store.append(bucket.id, seq, bodies)
        } else {
            store.spill(bucket.id, seq, bodies)
        };
        bucket.written = bucket.written.max(ticket);
        Some(ticket)
    }

    /// A bucket is empty and closed for good.
    fn drop_bucket(&self, state: &mut State, key: BucketKey) {
        if let Some(bucket) = state.buckets.remove(&key) {
            if self.place.durable {
                let record = self.record(key, bucket.id);
                self.place.services.store.remove(&record.key);
            }
            self.place.services.store.drop_queue(bucket.id);
        }
    }

    /// Sees to it that [`Timed::due`] is called at `deadline_ms`.
    fn arm(&self, state: &mut State, deadline_ms: u64) {
        if deadline_ms < state.armed_ms {
            state.armed_ms = deadline_ms;
            let timed: Weak<dyn Timed> = self.own.clone();
            self.place
                .services
                .timers
                .set(self.timer, deadline_ms, timed);
        }
    }

    /// Takes a bucket back that was recorded before a restart.
    pub(crate) fn restore(&self, level: u8, index: u64, recovered: RecoveredQueue) {
        let Some(key) = BucketKey::new(level, index) else {
            return;
        };
        let mut state = self.state.lock();
        state.count += recovered.live;
        state.buckets.insert(key, Bucket::recovered(&recovered));
        if recovered.live == 0 {
            self.drop_bucket(&mut state, key);
            return;
        }
        self.arm(&mut state, key.opens_ms);
    }

    /// The exchange is deleted, and its messages with it.
    pub(crate) fn forget(&self) {
        let mut state = self.state.lock();
        let keys: Vec<BucketKey> = state.buckets.keys().copied().collect();
        for key in keys {
            self.drop_bucket(&mut state, key);
        }
        state.clear();
        drop(state);
        self.place.services.timers.cancel(self.timer);
    }
}

impl Timed for Delays {
    fn due(&self, now_ms: u64, wakes: &mut Wakes) -> Option<u64> {
        let fired = self.fire_slice(now_ms, wakes);
        let opening = self.open_slice(now_ms);
        let mut state = self.state.lock();
        if !state.live {
            return None;
        }
        let next = [opening, fired, state.next_deadline(now_ms)]
            .into_iter()
            .flatten()
            .min();
        state.armed_ms = next.unwrap_or(u64::MAX);
        next
    }
}
