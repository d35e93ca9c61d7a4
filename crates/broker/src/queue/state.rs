//! What a queue is: its messages, its consumers and the rules between them.
//!
//! Everything here runs under the queue's lock, in bounded time, and reaches nothing but
//! the store (which only takes notes) and outboxes. After every change that could let a
//! message go, [`QueueState::dispatch`] runs: publish, settle, requeue, resume, consume.

use store::{Body, QueueId, Store, Ticket};

use crate::ids::ConsumerId;
use crate::message::{AckMode, Entry, Message};
use crate::queue::consumers::{ConsumerSpec, Consumers};
use crate::queue::ready::Ready;
use crate::stats::MessageCounts;
use crate::wakes::Wakes;

/// A delivery that the client has settled.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Settled {
    /// Its number in the queue.
    pub seq: u64,
    /// Whose credit it gives back; none for `basic.get`.
    pub consumer: Option<ConsumerId>,
    /// Bytes of its body.
    pub body_len: u32,
    /// Recorded in the store.
    pub durable: bool,
}

impl Settled {
    /// The settlement of `entry`.
    #[must_use]
    pub fn of(entry: &Entry, consumer: Option<ConsumerId>) -> Self {
        let body_len = u32::try_from(entry.message.body_len()).unwrap_or(u32::MAX);
        Self {
            seq: entry.seq,
            consumer,
            body_len,
            durable: entry.durable,
        }
    }
}

/// A delivery that comes back.
pub struct Returned {
    /// The message.
    pub entry: Entry,
    /// Whose credit it gives back; none for `basic.get`.
    pub consumer: Option<ConsumerId>,
    /// It was delivered with [`AckMode::Automatic`], so it counts as settled already.
    pub ack: AckMode,
}

/// The queue, behind its lock.
pub(crate) struct QueueState {
    /// False once deleted: late calls find it so and do nothing.
    pub(crate) live: bool,
    pub(crate) ready: Ready,
    next_seq: u64,
    /// The highest number ever delivered; stored at a clean stop, because what lies below
    /// it may have been delivered before.
    pub(crate) delivered_to: u64,
    pub(crate) unacked: u64,
    pub(crate) unacked_bytes: u64,
    pub(crate) consumers: Consumers,
    pub(crate) had_consumer: bool,
    pub(crate) counts: MessageCounts,
    /// Numbers settled by being delivered, kept for its allocation.
    auto_settled: Vec<u64>,
}

/// What stays the same while the state changes.
#[derive(Clone, Copy)]
pub(crate) struct Place<'a> {
    pub(crate) id: QueueId,
    pub(crate) durable: bool,
    pub(crate) store: &'a Store,
}

impl QueueState {
    pub(crate) fn new(ready: Ready, next_seq: u64, delivered_to: u64) -> Self {
        Self {
            live: true,
            ready,
            next_seq,
            delivered_to,
            unacked: 0,
            unacked_bytes: 0,
            consumers: Consumers::default(),
            had_consumer: false,
            counts: MessageCounts::default(),
            auto_settled: Vec::new(),
        }
    }

    /// Appends a run of messages and hands out what can go. The ticket covers those that
    /// had to be recorded.
    pub(crate) fn publish(
        &mut self,
        place: Place<'_>,
        run: impl ExactSizeIterator<Item = Message>,
        wakes: &mut Wakes,
    ) -> Option<Ticket> {
        if !self.live {
            // Deleted since it was looked up: as if routed a moment before the deletion.
            run.for_each(drop);
            return None;
        }
        self.counts.publish += run.len() as u64;
        let mut record = Recording::default();
        for message in run {
            let seq = self.next_seq;
            self.next_seq += 1;
            let durable = place.durable && message.persistent();
            if durable {
                record.add(place, seq, &message);
            }
            self.ready.push(Entry {
                seq,
                message,
                redelivered: false,
                durable,
            });
        }
        // The record is enqueued before anybody can see the message: else its ack could
        // stand before it in the log, and it would come back after a restart.
        let ticket = record.finish(place);
        self.dispatch(place, wakes);
        ticket
    }

    /// Gives ready messages to consumers until either side has none left.
    pub(crate) fn dispatch(&mut self, place: Place<'_>, wakes: &mut Wakes) {
        if self.consumers.is_spent() || self.ready.is_empty() {
            return;
        }
        let sole = self.consumers.is_sole();
        'consumers: while let Some(turn) = self.consumers.next() {
            loop {
                let Some(mut entry) = self.ready.pop(place.id, place.store) else {
                    break 'consumers;
                };
                self.delivered_to = self.delivered_to.max(entry.seq);
                self.counts.redeliver += u64::from(entry.redelivered);
                if turn.ack == AckMode::Manual {
                    self.unacked += 1;
                    self.unacked_bytes += entry.message.body_len() as u64;
                    self.counts.deliver += 1;
                } else {
                    self.counts.deliver_no_ack += 1;
                    if std::mem::take(&mut entry.durable) {
                        self.auto_settled.push(entry.seq);
                    }
                }
                if !(self.consumers.stage(turn, entry, wakes) && sole) {
                    break;
                }
            }
        }
        self.consumers.flush(wakes);
        if !self.auto_settled.is_empty() {
            place.store.settle(place.id, &self.auto_settled);
            self.auto_settled.clear();
        }
    }

    /// Takes one message for `basic.get`.
    pub(crate) fn get(&mut self, place: Place<'_>, ack: AckMode) -> Option<Entry> {
        let Some(mut entry) = self
            .live
            .then(|| self.ready.pop(place.id, place.store))
            .flatten()
        else {
            self.counts.get_empty += 1;
            return None;
        };
        self.delivered_to = self.delivered_to.max(entry.seq);
        self.counts.redeliver += u64::from(entry.redelivered);
        match ack {
            AckMode::Manual => {
                self.counts.get += 1;
                self.unacked += 1;
                self.unacked_bytes += entry.message.body_len() as u64;
            }
            AckMode::Automatic => {
                self.counts.get_no_ack += 1;
                if std::mem::take(&mut entry.durable) {
                    place.store.settle(place.id, &[entry.seq]);
                }
            }
        }
        Some(entry)
    }

    /// The client has acknowledged or rejected deliveries.
    pub(crate) fn settle(&mut self, place: Place<'_>, settled: &[Settled], wakes: &mut Wakes) {
        if !self.live {
            return;
        }
        let mut rest = settled;
        while let [first, ..] = rest {
            // Acks come in runs for one consumer: look it up once.
            let run = rest
                .iter()
                .take_while(|s| s.consumer == first.consumer)
                .count();
            self.unacked = self.unacked.saturating_sub(run as u64);
            for one in &rest[..run] {
                self.unacked_bytes = self.unacked_bytes.saturating_sub(u64::from(one.body_len));
            }
            if let Some(consumer) = first.consumer {
                self.consumers.release(consumer, run as u32);
            }
            rest = &rest[run..];
        }
        self.dispatch(place, wakes);
    }

    /// Deliveries come back, to where they were.
    pub(crate) fn requeue(&mut self, place: Place<'_>, returned: Vec<Returned>, wakes: &mut Wakes) {
        if !self.live {
            return;
        }
        let mut entries = Vec::with_capacity(returned.len());
        for Returned {
            mut entry,
            consumer,
            ack,
        } in returned
        {
            if ack == AckMode::Manual {
                self.unacked = self.unacked.saturating_sub(1);
                let bytes = entry.message.body_len() as u64;
                self.unacked_bytes = self.unacked_bytes.saturating_sub(bytes);
                if let Some(consumer) = consumer {
                    self.consumers.release(consumer, 1);
                }
            }
            entry.redelivered = true;
            entries.push(entry);
        }
        entries.sort_by_key(|e| e.seq);
        self.ready.put_back(entries);
        self.dispatch(place, wakes);
    }

    pub(crate) fn add_consumer(&mut self, place: Place<'_>, spec: ConsumerSpec, wakes: &mut Wakes) {
        self.had_consumer = true;
        self.consumers.add(spec);
        self.dispatch(place, wakes);
    }

    /// Drops all ready messages. Durable ones of the cold part are dropped in the store.
    pub(crate) fn purge(&mut self, place: Place<'_>) -> (u64, Option<Ticket>) {
        let count = self.ready.len();
        let mut runs = Vec::new();
        if let Some(cold) = self.ready.take_cold() {
            runs.push((cold.next, cold.last));
        }
        runs.extend(self.ready.clear());
        let ticket = (!runs.is_empty()).then(|| place.store.purge(place.id, &runs));
        (count, ticket)
    }
}

/// Collects what a run has to record, as stretches of successive numbers.
#[derive(Default)]
struct Recording {
    first: u64,
    bodies: Vec<Body>,
    ticket: Option<Ticket>,
}

impl Recording {
    fn add(&mut self, place: Place<'_>, seq: u64, message: &Message) {
        if seq != self.first + self.bodies.len() as u64 {
            self.write(place);
        }
        if self.bodies.is_empty() {
            self.first = seq;
        }
        self.bodies.push(Body {
            head: message.bytes().clone(),
            tail: message.large_body().cloned(),
        });
    }

    fn write(&mut self, place: Place<'_>) {
        if !self.bodies.is_empty() {
            let bodies = std::mem::take(&mut self.bodies);
            self.ticket = Some(place.store.append(place.id, self.first, bodies));
        }
    }

    fn finish(mut self, place: Place<'_>) -> Option<Ticket> {
        self.write(place);
        self.ticket
    }
}
