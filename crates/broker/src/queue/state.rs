//! What a queue is: its messages, its consumers and the rules between them.
//!
//! Everything here runs under the queue's lock, in bounded time, and reaches nothing but
//! the store (which only takes notes) and outboxes. After every change that could let a
//! message go, [`QueueState::dispatch`] runs: publish, settle, requeue, resume, consume.

use store::{QueueId, Store, Ticket};

use crate::budget::Share;
use crate::ids::ConsumerId;
use crate::limits::{REFILL_BYTES_MAX, WARM_BYTES_MIN};
use crate::message::{AckMode, Entry, Message};
use crate::queue::consumers::{ConsumerSpec, Consumers};
use crate::queue::ready::{Popped, Ready, Stretch};
use crate::queue::recorded::Recorded;
use crate::queue::recording::{Purpose, Recording};
use crate::queue::returns::Returns;
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
    /// Somebody reads for the consumers just now.
    reading: bool,
    /// The last read failed, and somebody has been told.
    pub(crate) unreadable: bool,
    share: Share,
}

/// What stays the same while the state changes.
#[derive(Clone, Copy)]
pub(crate) struct Place<'a> {
    pub(crate) id: QueueId,
    pub(crate) durable: bool,
    pub(crate) store: &'a Store,
    pub(crate) recorded: &'a Recorded,
}

/// What became of a `basic.get`.
pub(crate) enum Search {
    Found(Entry),
    /// Read this from the store and ask again.
    Read(Stretch),
    Empty,
}

impl QueueState {
    pub(crate) fn new(ready: Ready, next_seq: u64, delivered_to: u64, share: Share) -> Self {
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
            reading: false,
            unreadable: false,
            share,
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
        let budget = self.share.budget();
        let (allowance, transient_allowance) = (budget.allowance(), budget.transient_allowance());
        if self.ready.is_deep() {
            self.ready.rejoin(allowance / 2);
        }
        let mut record = Recording::default();
        for message in run {
            let seq = self.next_seq;
            self.next_seq += 1;
            let durable = place.durable && message.persistent();
            let allowance = if durable {
                allowance
            } else {
                transient_allowance
            };
            let deep = self.ready.is_deep() || self.ready.cost() >= allowance;
            if durable {
                record.add(place, seq, &message, Purpose::Durability);
            } else if deep {
                record.add(place, seq, &message, Purpose::Memory);
            }
            let entry = Entry {
                seq,
                message,
                redelivered: false,
                durable: durable || deep,
                settled: false,
            };
            if deep {
                self.ready.push_tail(entry);
            } else {
                self.ready.push(entry);
            }
        }
        // The record is enqueued before anybody can see the message: else its ack could
        // stand before it in the log, and it would come back after a restart.
        let tickets = record.finish(place);
        if let Some(ticket) = tickets.all {
            self.ready.mark(ticket);
        }
        self.dispatch(place, wakes);
        self.chill(place);
        tickets.durable
    }

    /// Keeps no more in memory than allowed, as far as the store is.
    pub(crate) fn chill(&mut self, place: Place<'_>) {
        let cost = self.ready.cost();
        if cost > WARM_BYTES_MIN || self.ready.is_deep() {
            let allowance = self.share.budget().allowance();
            if self.ready.is_deep() || cost > allowance {
                let committed = place.store.committed();
                self.ready
                    .chill(allowance, committed, place.recorded.latest());
            }
        }
        self.share.report(self.ready.cost());
    }

    /// Gives ready messages to consumers until either side has none left.
    pub(crate) fn dispatch(&mut self, place: Place<'_>, wakes: &mut Wakes) {
        if self.consumers.is_spent() || self.ready.is_empty() {
            return;
        }
        let sole = self.consumers.is_sole();
        'consumers: while let Some(turn) = self.consumers.next() {
            loop {
                let Popped::Entry(mut entry) = self.ready.pop() else {
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
                        entry.settled = true;
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
    pub(crate) fn get(&mut self, place: Place<'_>, ack: AckMode) -> Search {
        let mut entry = match (self.ready.pop(), self.ready.wanted()) {
            (Popped::Entry(entry), _) => entry,
            (Popped::Cold, Some(stretch)) => return Search::Read(stretch),
            _ => {
                self.counts.get_empty += 1;
                return Search::Empty;
            }
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
                    entry.settled = true;
                    place.store.settle(place.id, &[entry.seq]);
                }
            }
        }
        self.share.report(self.ready.cost());
        Search::Found(entry)
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
    pub(crate) fn requeue(&mut self, place: Place<'_>, returns: Returns, wakes: &mut Wakes) {
        if !self.live {
            return;
        }
        let Returns {
            mut entries,
            runs,
            credit,
            unacked: (messages, bytes),
        } = returns;
        self.unacked = self.unacked.saturating_sub(messages);
        self.unacked_bytes = self.unacked_bytes.saturating_sub(bytes);
        for (consumer, n) in credit {
            self.consumers.release(consumer, n);
        }
        entries.sort_by_key(|e| e.seq);
        self.ready.put_back(entries);
        self.ready.put_back_cold(runs);
        self.dispatch(place, wakes);
        self.chill(place);
    }

    /// A consumer could take a message that is in the store only: what to read. The caller is
    /// the only one to read for consumers until it comes back.
    pub(crate) fn begin_read(&mut self) -> Option<Stretch> {
        if self.reading || self.consumers.is_spent() {
            return None;
        }
        let stretch = self.ready.wanted()?;
        self.reading = true;
        Some(stretch)
    }

    /// The reader is back, and what it has read is in place.
    pub(crate) fn end_read(&mut self, place: Place<'_>, wakes: &mut Wakes) {
        self.reading = false;
        self.dispatch(place, wakes);
        self.share.report(self.ready.cost());
    }

    /// Bytes to read at once. What is read should be allowed to stay until it is delivered.
    pub(crate) fn refill_bytes(&self) -> usize {
        let half = self.share.budget().allowance() / 2;
        half.min(REFILL_BYTES_MAX) as usize
    }

    pub(crate) fn add_consumer(&mut self, place: Place<'_>, spec: ConsumerSpec, wakes: &mut Wakes) {
        self.had_consumer = true;
        self.consumers.add(spec);
        self.dispatch(place, wakes);
    }

    /// Drops all ready messages, in the store as runs.
    pub(crate) fn purge(&mut self, place: Place<'_>) -> (u64, Option<Ticket>) {
        let count = self.ready.len();
        let runs = self.ready.clear();
        let ticket = (!runs.is_empty()).then(|| place.store.purge(place.id, &runs));
        self.share.report(self.ready.cost());
        (count, ticket)
    }

    /// The queue is deleted.
    pub(crate) fn close(&mut self) -> u64 {
        self.live = false;
        let messages = self.ready.len();
        self.ready = Ready::default();
        (self.unacked, self.unacked_bytes) = (0, 0);
        self.share.report(0);
        messages
    }
}
