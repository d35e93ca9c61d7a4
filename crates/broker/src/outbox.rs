//! A connection's mailbox: queues push, the connection swaps everything out at once.
//!
//! **Rules.** Deliveries are pushed under the queue's lock, so that two publishers can't
//! invert their order. The task is woken on the edge from empty to not empty only: who
//! pushes onto something that is already there relies on the wake-up of who came first,
//! which is flushed at the end of that turn.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};

use codec::Pack;
use parking_lot::Mutex;

use crate::ids::ConsumerId;
use crate::inquiry::{INQUIRIES_WAITING_MAX, Inquiry};
use crate::limits::{
    OUTBOX_BYTES_MAX, OUTBOX_CROWDED_BYTES, OUTBOX_IDLE_DELIVERIES_MAX, OUTBOX_WAITING_MAX,
};
use crate::message::{Entry, Expiry};
use crate::wakes::Wakes;

/// A message on its way to a consumer.
pub struct Delivery {
    /// For whom.
    pub consumer: ConsumerId,
    /// What.
    pub entry: Entry,
}

/// Messages on their way to a consumer, all of a run together.
pub struct Burst {
    /// For whom.
    pub consumer: ConsumerId,
    /// The first one's number in the queue; the others' follow.
    pub first: u64,
    /// What: shared with other queues that it went to.
    pub pack: Arc<Pack>,
}

impl Burst {
    /// Each of its messages as an entry of its own.
    pub fn entries(&self) -> impl Iterator<Item = Entry> {
        let entry = |(seq, message)| Entry {
            seq,
            message,
            expiry: Expiry::NEVER,
            redelivered: false,
            durable: false,
            settled: false,
        };
        (self.first..).zip(self.pack.contents()).map(entry)
    }
}

/// Something that a connection must hear besides deliveries.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Event {
    /// The consumer's queue is gone: tell the client with `basic.cancel`.
    ConsumerCancelled(ConsumerId),
    /// Close the connection with 320 CONNECTION_FORCED and this text.
    Close(String),
    /// Look at the alarms: one was raised or cleared.
    AlarmsChanged,
    /// Say what the client holds of a queue.
    Inquiry(Arc<Inquiry>),
}

/// All that has arrived since the last swap.
#[derive(Default)]
pub struct Batch {
    /// Messages, in order for each consumer.
    pub deliveries: Vec<Delivery>,
    /// Runs of messages, in order, each with how many of `deliveries` come before it.
    pub bursts: Vec<(usize, Burst)>,
    /// Bytes of the messages.
    pub bytes: usize,
    /// Consumers that were paused because this outbox was full: resume them.
    pub paused: Vec<ConsumerId>,
    /// Publishers that have waited for this: wake them first.
    pub waiting: Vec<Waker>,
    /// The rest; to be looked at after the deliveries.
    pub events: Vec<Event>,
}

impl Batch {
    /// Nothing in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.deliveries.is_empty()
            && self.bursts.is_empty()
            && self.paused.is_empty()
            && self.events.is_empty()
    }

    /// Messages in it.
    #[must_use]
    pub fn messages(&self) -> usize {
        let together = self.bursts.iter().map(|(_, burst)| burst.pack.len());
        self.deliveries.len() + together.sum::<usize>()
    }

    /// Drops all of it.
    pub fn clear(&mut self) {
        self.deliveries.clear();
        self.bursts.clear();
        self.paused.clear();
        self.waiting.drain(..).for_each(Waker::wake);
        self.events.clear();
    }

    /// Gives back memory that a burst has left behind. For an empty batch.
    pub fn release(&mut self) {
        if self.deliveries.capacity() > OUTBOX_IDLE_DELIVERIES_MAX {
            self.deliveries = Vec::new();
        }
        if self.bursts.capacity() > OUTBOX_IDLE_DELIVERIES_MAX {
            self.bursts = Vec::new();
        }
    }
}

/// The mailbox of one connection.
#[derive(Default)]
pub struct Outbox {
    inner: Mutex<Inner>,
    /// Bytes waiting, readable without the lock: a hint for the queue's dispatch.
    bytes: AtomicUsize,
}

#[derive(Default)]
struct Inner {
    batch: Batch,
    waker: Option<Waker>,
    /// A publisher has waited in vain; nobody else shall, before it has been taken.
    slow: bool,
}

impl Outbox {
    /// An empty mailbox.
    #[must_use]
    pub fn new() -> Arc<Self> {
        Arc::new(Self::default())
    }

    /// Bytes that may still be pushed. A hint: others push too.
    pub(crate) fn room(&self) -> usize {
        OUTBOX_BYTES_MAX.saturating_sub(self.bytes.load(Ordering::Relaxed))
    }

    /// Bytes of messages that wait. A hint: others push.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }

    /// So much waits that publishers should let it be taken before they go on: a message that
    /// finds no room here has to go through the queue, which costs twice as much.
    pub(crate) fn is_crowded(&self) -> bool {
        self.bytes() > OUTBOX_CROWDED_BYTES
    }

    /// Ready for a publisher when it may go on: nothing crowds the outbox, it is known to be taken
    /// slowly, or very many wait already. `Pending` leaves its waker behind, to be woken as soon as
    /// all has been taken.
    pub fn poll_uncrowded(&self, cx: &mut Context<'_>) -> Poll<()> {
        if !self.is_crowded() {
            return Poll::Ready(());
        }
        let mut inner = self.inner.lock();
        if inner.slow || !self.is_crowded() {
            return Poll::Ready(());
        }
        let waiting = &mut inner.batch.waiting;
        if !waiting.iter().any(|waker| waker.will_wake(cx.waker())) {
            if waiting.len() == OUTBOX_WAITING_MAX {
                return Poll::Ready(());
            }
            waiting.push(cx.waker().clone());
        }
        Poll::Pending
    }

    /// A publisher has waited long enough: its client must not suffer for one that reads slowly.
    pub fn give_up_waiting(&self) {
        let mut inner = self.inner.lock();
        inner.slow = self.is_crowded();
    }

    /// Moves `staged` in. `bytes` is their size in memory.
    pub(crate) fn push(&self, staged: &mut Vec<Delivery>, bytes: usize, wakes: &mut Wakes) {
        let mut inner = self.inner.lock();
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
        if inner.batch.deliveries.is_empty() && inner.batch.deliveries.capacity() < staged.len() {
            std::mem::swap(&mut inner.batch.deliveries, staged);
        } else {
            inner.batch.deliveries.append(staged);
        }
        wakes.extend(inner.waker.take());
    }

    /// Moves a run in, behind what is there.
    pub(crate) fn push_burst(&self, burst: Burst, wakes: &mut Wakes) {
        let mut inner = self.inner.lock();
        self.bytes
            .fetch_add(burst.pack.wire_len(), Ordering::Relaxed);
        let before = inner.batch.deliveries.len();
        inner.batch.bursts.push((before, burst));
        wakes.extend(inner.waker.take());
    }

    /// Notes that a consumer waits until this outbox has been taken.
    pub(crate) fn report_paused(&self, consumer: ConsumerId, wakes: &mut Wakes) {
        let mut inner = self.inner.lock();
        inner.batch.paused.push(consumer);
        wakes.extend(inner.waker.take());
    }

    /// Sends something else than a message. Said twice in a row, it is heard once: alarms that
    /// come and go must not fill the mailbox of a connection that can't take it now.
    pub fn send(&self, event: Event, wakes: &mut Wakes) {
        let mut inner = self.inner.lock();
        if inner.batch.events.last() != Some(&event) {
            inner.batch.events.push(event);
        }
        wakes.extend(inner.waker.take());
    }

    /// Asks what the client holds, unless too many such questions wait already.
    pub fn inquire(&self, inquiry: &Arc<Inquiry>, wakes: &mut Wakes) {
        let mut inner = self.inner.lock();
        let events = inner.batch.events.iter();
        let waiting = events.filter(|event| matches!(event, Event::Inquiry(_)));
        if waiting.count() < INQUIRIES_WAITING_MAX {
            let event = Event::Inquiry(Arc::clone(inquiry));
            inner.batch.events.push(event);
            wakes.extend(inner.waker.take());
        }
    }

    /// Swaps what has arrived into `batch`, which must be empty. False: nothing was there.
    pub fn take(&self, batch: &mut Batch) -> bool {
        let mut inner = self.inner.lock();
        self.take_locked(&mut inner, batch)
    }

    /// As [`Self::take`], for a task: `Pending` leaves its waker behind.
    pub fn poll_take(&self, cx: &mut Context<'_>, batch: &mut Batch) -> Poll<()> {
        let mut inner = self.inner.lock();
        if self.take_locked(&mut inner, batch) {
            return Poll::Ready(());
        }
        match &mut inner.waker {
            Some(waker) => waker.clone_from(cx.waker()),
            none => *none = Some(cx.waker().clone()),
        }
        inner.batch.release();
        Poll::Pending
    }

    fn take_locked(&self, inner: &mut Inner, batch: &mut Batch) -> bool {
        debug_assert!(batch.is_empty(), "a batch is drained before the next one");
        if inner.batch.is_empty() {
            return false;
        }
        std::mem::swap(&mut inner.batch, batch);
        batch.bytes = self.bytes.swap(0, Ordering::Relaxed);
        inner.slow = false;
        true
    }
}

impl Extend<Waker> for Wakes {
    fn extend<T: IntoIterator<Item = Waker>>(&mut self, iter: T) {
        for waker in iter {
            self.push(waker);
        }
    }
}
