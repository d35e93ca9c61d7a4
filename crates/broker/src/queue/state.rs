//! What a queue is: its messages, its consumers and the rules between them.
//!
//! Everything here runs under the queue's lock, in bounded time, and reaches nothing but
//! the store (which only takes notes) and outboxes. After every change that could let a
//! message go, [`QueueState::dispatch`] runs: publish, settle, requeue, resume, consume.

use std::sync::Arc;

use store::{QueueId, Store, Ticket};

use crate::budget::Share;
use crate::dead_letter::Reason;
use crate::ids::ConsumerId;
use crate::limits::{DEATHS_SLICE_MAX, REFILL_BYTES_MAX, WARM_BYTES_MIN};
use crate::message::{AckMode, Entry};
use crate::queue::consumers::{ConsumerSpec, Consumers};
use crate::queue::held::Held;
use crate::queue::letters::Letters;
use crate::queue::levels::{Levels, Turns, level_of, number_of};
use crate::queue::pick::Picked;
use crate::queue::poison::ReturnCounts;
use crate::queue::ready::{Popped, Stretch};
use crate::queue::recorded::Recorded;
use crate::queue::returns::Returns;
use crate::queue::settling::{purge_in, settle_in};
use crate::queue::{Queue, QueueKind, Rules};
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
    pub(crate) ready: Levels,
    pub(crate) unacked: u64,
    pub(crate) unacked_bytes: u64,
    pub(crate) consumers: Consumers,
    pub(crate) had_consumer: bool,
    pub(crate) counts: MessageCounts,
    pub(crate) rules: Arc<Rules>,
    /// The rules ask for more than a plain queue does.
    pub(super) special: bool,
    /// Some of its messages may expire.
    pub(super) timed: bool,
    /// The deadline that the timers know of.
    pub(super) armed: Option<u64>,
    /// When it was last used, in milliseconds of the epoch; kept if it expires.
    pub(super) unused_since_ms: u64,
    /// How often messages came back, if it is a quorum queue.
    pub(super) returns: ReturnCounts,
    /// Values of its messages, once one has come, if it drops duplicates.
    pub(super) held: Option<Box<Held>>,
    /// Dead letters that wait until a queue takes them, once there were some.
    pub(super) letters: Option<Box<Letters>>,
    /// Numbers settled by being delivered or by dying, kept for its allocation.
    pub(super) settling: Vec<u64>,
    /// Somebody reads for the consumers just now.
    pub(super) reading: bool,
    /// The last read failed, and somebody has been told.
    pub(crate) unreadable: bool,
    pub(super) share: Share,
}

/// What stays the same while the state changes.
#[derive(Clone, Copy)]
pub(crate) struct Place<'a> {
    pub(crate) id: QueueId,
    pub(crate) durable: bool,
    pub(crate) store: &'a Store,
    pub(crate) recorded: &'a Recorded,
    pub(crate) queue: &'a Queue,
}

/// What became of a `basic.get`.
pub(crate) enum Search {
    Found(Entry),
    /// Read this from the store and ask again.
    Read(Stretch),
    /// Let others have the lock, and ask again: a slice of what has expired is out of the way.
    Expired,
    Empty,
}

impl QueueState {
    pub(crate) fn new(ready: Levels, rules: Arc<Rules>, share: Share) -> Self {
        Self {
            live: true,
            ready,
            unacked: 0,
            unacked_bytes: 0,
            consumers: Consumers::new(&rules),
            had_consumer: false,
            counts: MessageCounts::default(),
            special: rules.are_special(),
            timed: rules.message_ttl_ms.is_some(),
            rules,
            armed: None,
            unused_since_ms: 0,
            returns: ReturnCounts::default(),
            held: None,
            letters: None,
            settling: Vec::new(),
            reading: false,
            unreadable: false,
            share,
        }
    }

    /// Dead letters that wait, or will.
    pub(super) fn letters(&mut self) -> &mut Letters {
        self.letters.get_or_insert_default()
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
        let now_ms = if self.timed { place.queue.now_ms() } else { 0 };
        let mut expired = 0;
        'consumers: while let Some(turn) = self.consumers.next() {
            loop {
                let Popped::Entry(mut entry) = self.ready.pop() else {
                    break 'consumers;
                };
                if self.timed && entry.expiry.is_before(now_ms) {
                    self.die(place, entry, Reason::Expired, wakes);
                    expired += 1;
                    if expired == DEATHS_SLICE_MAX {
                        self.arm(place, now_ms);
                        break 'consumers;
                    }
                    continue;
                }
                self.note_delivery(&mut entry);
                if turn.ack == AckMode::Manual {
                    self.unacked += 1;
                    self.unacked_bytes += entry.message.body_len() as u64;
                    self.counts.deliver += 1;
                } else {
                    self.counts.deliver_no_ack += 1;
                    if self.special {
                        self.let_go(std::iter::once(entry.seq));
                    }
                    if std::mem::take(&mut entry.durable) {
                        entry.settled = true;
                        self.settling.push(entry.seq);
                    }
                }
                if !(self.consumers.stage(turn, entry, wakes) && sole) {
                    break;
                }
            }
        }
        self.consumers.flush(wakes);
        self.settle_collected(place);
        if self.timed {
            self.rearm(place);
        }
    }

    #[inline]
    fn note_delivery(&mut self, entry: &mut Entry) {
        let level = self.ready.level(level_of(entry.seq));
        level.delivered_to = level.delivered_to.max(number_of(entry.seq));
        if entry.redelivered {
            self.counts.redeliver += 1;
            if self.special {
                self.show_returns(entry);
            }
        }
    }

    /// Tells the store what was settled under this lock.
    pub(super) fn settle_collected(&mut self, place: Place<'_>) {
        if !self.settling.is_empty() {
            settle_in(place.store, place.id, &self.settling);
            self.settling.clear();
        }
    }

    /// Takes one message for `basic.get`.
    pub(crate) fn get(&mut self, place: Place<'_>, ack: AckMode, wakes: &mut Wakes) -> Search {
        let now_ms = place
            .queue
            .now_ms_if(self.timed || self.rules.expires_ms.is_some());
        self.unused_since_ms = now_ms;
        let mut expired = 0;
        let mut entry = loop {
            if expired == DEATHS_SLICE_MAX {
                self.settle_collected(place);
                return Search::Expired;
            }
            match (self.ready.pop(), self.ready.wanted()) {
                (Popped::Entry(entry), _) if entry.expiry.is_before(now_ms) => {
                    expired += 1;
                    self.die(place, entry, Reason::Expired, wakes);
                }
                (Popped::Entry(entry), _) => break entry,
                (Popped::Cold, Some(stretch)) => return Search::Read(stretch),
                _ => {
                    self.counts.get_empty += 1;
                    self.settle_collected(place);
                    return Search::Empty;
                }
            }
        };
        self.note_delivery(&mut entry);
        match ack {
            AckMode::Manual => {
                self.counts.get += 1;
                self.unacked += 1;
                self.unacked_bytes += entry.message.body_len() as u64;
            }
            AckMode::Automatic => {
                self.counts.get_no_ack += 1;
                self.let_go(std::iter::once(entry.seq));
                if std::mem::take(&mut entry.durable) {
                    entry.settled = true;
                    self.settling.push(entry.seq);
                }
            }
        }
        self.settle_collected(place);
        if self.timed {
            self.rearm(place);
        }
        self.share.report(self.ready.cost());
        Search::Found(entry)
    }

    /// The client has acknowledged deliveries.
    pub(crate) fn settle(&mut self, place: Place<'_>, settled: &[Settled], wakes: &mut Wakes) {
        if !self.live {
            return;
        }
        self.release(settled);
        if self.special {
            self.forget_returns(place, settled.iter().map(|settled| settled.seq));
            self.let_go(settled.iter().map(|settled| settled.seq));
        }
        self.dispatch(place, wakes);
    }

    /// Takes deliveries off the unacknowledged and gives their credit back.
    pub(super) fn release(&mut self, settled: &[Settled]) {
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
    }

    /// Deliveries come back, to where they were.
    pub(crate) fn requeue(&mut self, place: Place<'_>, returns: Returns, wakes: &mut Wakes) {
        if !self.live {
            return;
        }
        let Returns {
            mut entries,
            mut runs,
            credit,
            unacked: (messages, bytes),
        } = returns;
        self.unacked = self.unacked.saturating_sub(messages);
        self.unacked_bytes = self.unacked_bytes.saturating_sub(bytes);
        for (consumer, n) in credit {
            self.consumers.release(consumer, n);
        }
        if self.rules.kind == QueueKind::Quorum {
            self.count_returns(place, &mut entries, &mut runs, wakes);
            self.ready.put_first(runs, entries);
        } else {
            entries.sort_by_key(|e| e.seq);
            self.ready.put_back(entries);
            self.ready.put_back_cold(runs);
        }
        self.come_back(place, wakes);
    }

    /// Messages are ready again.
    fn come_back(&mut self, place: Place<'_>, wakes: &mut Wakes) {
        self.dispatch(place, wakes);
        if self.special || self.timed {
            self.tend(place, wakes);
        }
        self.chill(place);
    }

    /// Messages are picked, which counts as being delivered to nobody.
    pub(super) fn take_picked(&mut self, picked: &[Picked]) {
        self.unacked += picked.len() as u64;
        for one in picked {
            self.unacked_bytes += one.entry.message.body_len() as u64;
        }
    }

    /// What was picked comes back.
    pub(super) fn unpick(&mut self, place: Place<'_>, picked: Vec<Picked>, wakes: &mut Wakes) {
        if !self.live {
            return;
        }
        for one in &picked {
            self.unacked = self.unacked.saturating_sub(1);
            let bytes = one.entry.message.body_len() as u64;
            self.unacked_bytes = self.unacked_bytes.saturating_sub(bytes);
        }
        self.ready.unpick(picked);
        self.come_back(place, wakes);
    }

    /// A consumer could take a message that is in the store only: what to read. The caller is
    /// the only one to read for consumers until it comes back.
    pub(crate) fn begin_read(&mut self) -> Option<Stretch> {
        if self.reading {
            return None;
        }
        let stretch = if self.consumers.is_spent() {
            if !(self.special || self.timed) || !self.live {
                return None;
            }
            self.wanted_to_tend()?
        } else {
            self.ready.wanted()?
        };
        self.reading = true;
        Some(stretch)
    }

    /// The reader is back, and what it has read is in place.
    pub(crate) fn end_read(&mut self, place: Place<'_>, wakes: &mut Wakes) {
        self.reading = false;
        self.dispatch(place, wakes);
        if self.special || self.timed {
            self.tend(place, wakes);
        }
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
        self.let_go_of_ready();
        let runs = self.ready.clear();
        let ticket = purge_in(place.store, place.id, &runs);
        self.share.report(self.ready.cost());
        (count, ticket)
    }

    /// The queue is deleted.
    pub(crate) fn close(&mut self) -> u64 {
        self.live = false;
        let messages = self.ready.len();
        self.ready = Levels::new(Vec::new(), Turns::Strict);
        self.letters = None;
        self.held = None;
        self.returns = ReturnCounts::default();
        (self.unacked, self.unacked_bytes) = (0, 0);
        self.share.report(0);
        messages
    }
}
