//! What of the delayed messages is in memory.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, HashMap, HashSet};

use crate::delay::bucket::{Bucket, BucketKey, Phase};
use crate::message::Message;

/// Bytes of messages kept in memory because they are due within seconds. What does not fit is
/// read back when it is due. A few tens of thousands of small messages.
pub(super) const KEPT_BYTES_MAX: usize = 8 * 1024 * 1024;

/// Slots in memory before no further second is opened, unless the next message is in it. A
/// slot takes 24 bytes.
pub(super) const SLOTS_MAX: usize = 500_000;

/// Orders of one millisecond: they begin with the clock, so that those after a restart are
/// higher than those before.
const ORDERS_PER_MS: u64 = 1 << 20;

/// Cancelled messages noted before those are forgotten that need not be known any more.
const CANCELLED_SWEEP: usize = 10_000;

/// Milliseconds after which the store has settled what it was told to.
const SETTLED_MS: u64 = 10_000;

/// A message that is due soon.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Slot {
    pub(super) fire_ms: u64,
    pub(super) order: u64,
    /// Its number in the bucket of its second.
    pub(super) seq: u64,
}

/// A message with its further routing keys.
pub(super) type Kept = (Message, Vec<String>);

/// The delayed messages, behind their lock.
pub(super) struct State {
    /// False once the exchange is deleted.
    pub(super) live: bool,
    pub(super) buckets: BTreeMap<BucketKey, Bucket>,
    slots: BinaryHeap<Reverse<Slot>>,
    kept: HashMap<u64, Kept>,
    kept_bytes: usize,
    /// Orders of messages that were cancelled, with the time: they may have been read before, or
    /// be read yet until the store has settled them.
    pub(super) cancelled: HashMap<u64, u64>,
    /// Orders of messages that are just being sent on.
    pub(super) firing: HashSet<u64>,
    next_order: u64,
    /// Messages that wait.
    pub(super) count: u64,
    /// The deadline that the timers have; `u64::MAX` for none.
    pub(super) armed_ms: u64,
}

impl State {
    pub(super) fn new(now_ms: u64) -> Self {
        Self {
            live: true,
            buckets: BTreeMap::new(),
            slots: BinaryHeap::new(),
            kept: HashMap::new(),
            kept_bytes: 0,
            cancelled: HashMap::new(),
            firing: HashSet::new(),
            next_order: now_ms.saturating_mul(ORDERS_PER_MS).max(1),
            count: 0,
            armed_ms: u64::MAX,
        }
    }

    pub(super) fn clear(&mut self) {
        *self = Self {
            live: false,
            ..Self::new(0)
        };
    }

    pub(super) fn next_order(&mut self) -> u64 {
        self.next_order += 1;
        self.next_order
    }

    /// Gives a message of an open second its slot, and keeps it if there is room.
    pub(super) fn push(&mut self, fire_ms: u64, order: u64, seq: u64, message: Option<Kept>) {
        self.slots.push(Reverse(Slot {
            fire_ms,
            order,
            seq,
        }));
        if let Some(kept) = message {
            let bytes = kept.0.wire_len();
            if self.kept_bytes + bytes <= KEPT_BYTES_MAX {
                self.kept_bytes += bytes;
                self.kept.insert(order, kept);
            }
        }
    }

    /// Takes the next slot that is due before `before_ms`.
    pub(super) fn pop(&mut self, before_ms: u64) -> Option<(Slot, Option<Kept>)> {
        let Reverse(next) = self.slots.peek()?;
        if next.fire_ms >= before_ms {
            return None;
        }
        let Reverse(slot) = self.slots.pop()?;
        let kept = self.kept.remove(&slot.order);
        if let Some((message, _)) = &kept {
            self.kept_bytes -= message.wire_len();
        }
        if self.slots.is_empty() {
            // A burst has gone: so does its memory.
            self.slots = BinaryHeap::new();
            self.kept = HashMap::new();
        }
        Some((slot, kept))
    }

    /// Whether a message has a slot. Linear, for those who look for one message.
    pub(super) fn has_slot(&self, order: u64) -> bool {
        self.slots.iter().any(|Reverse(slot)| slot.order == order)
    }

    /// Whether a message that is still in the store has been sent on: its second is open, the
    /// next in turn comes behind it.
    pub(super) fn is_fired(&self, fire_ms: u64, order: u64) -> bool {
        let open = self
            .buckets
            .get(&BucketKey::at(0, fire_ms))
            .is_some_and(|bucket| bucket.phase == Phase::Open);
        let next = self.slots.peek();
        open && next.is_none_or(|Reverse(slot)| (slot.fire_ms, slot.order) > (fire_ms, order))
    }

    /// Notes that a message was cancelled.
    pub(super) fn cancelled(&mut self, order: u64, now_ms: u64) {
        if self.cancelled.len() >= CANCELLED_SWEEP {
            let slots: HashSet<u64> = self.slots.iter().map(|Reverse(slot)| slot.order).collect();
            self.cancelled
                .retain(|order, at| *at + SETTLED_MS > now_ms || slots.contains(order));
        }
        self.cancelled.insert(order, now_ms);
    }

    /// Whether another second may be opened.
    pub(super) fn has_room(&self) -> bool {
        self.slots.len() < SLOTS_MAX
    }

    /// When the next slot is due.
    pub(super) fn next_fire(&self) -> Option<u64> {
        self.slots.peek().map(|Reverse(slot)| slot.fire_ms)
    }

    /// The bucket to open next, the one that begins first: buckets are opened in order of
    /// their time, not of their lead.
    pub(super) fn to_open(&self, now_ms: u64) -> Option<BucketKey> {
        self.unopened(now_ms)
            .min_by_key(|key| (key.start_ms(), key.level))
    }

    /// What is due from here on may come behind something that is not in a slot yet.
    pub(super) fn barrier_ms(&self, now_ms: u64) -> u64 {
        let starts = self.unopened(now_ms).map(|key| key.start_ms());
        starts.min().unwrap_or(u64::MAX)
    }

    fn unopened(&self, now_ms: u64) -> impl Iterator<Item = BucketKey> {
        self.buckets
            .iter()
            .take_while(move |(key, _)| key.opens_ms <= now_ms)
            .filter(|(_, bucket)| bucket.phase != Phase::Open)
            .map(|(key, _)| *key)
    }

    /// When there is something to do next, if nothing is left to do now.
    pub(super) fn next_deadline(&self, now_ms: u64) -> Option<u64> {
        let opens = self
            .buckets
            .iter()
            .find(|(key, _)| key.opens_ms > now_ms)
            .map(|(key, _)| key.opens_ms);
        let ends = self
            .buckets
            .iter()
            .filter(|(_, b)| b.phase == Phase::Open && b.live == 0)
            .map(|(key, _)| key.end_ms())
            .min();
        let fire = self.next_fire().filter(|at| *at > now_ms);
        [opens, ends, fire].into_iter().flatten().min()
    }
}
