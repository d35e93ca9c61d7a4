//! Deliveries that wait for their acknowledgement, in the order of their tags.

use std::collections::VecDeque;
use std::sync::Arc;

use broker::{AckMode, ConsumerId, Entry, Queue};

use crate::limits::IDLE_ENTRIES_MAX;

/// Where a delivery came from, shared by all of them from one consumer.
pub(crate) struct Origin {
    pub(crate) queue: Arc<Queue>,
    /// `None` for `basic.get`.
    pub(crate) consumer: Option<ConsumerId>,
    /// With [`AckMode::Automatic`] the queue has settled it already.
    pub(crate) ack: AckMode,
}

/// A delivery that the client holds.
pub(crate) struct Held {
    pub(crate) tag: u64,
    pub(crate) origin: Arc<Origin>,
    pub(crate) entry: Entry,
}

/// The deliveries that a channel's client holds. Acknowledging the oldest is O(1), and so is
/// finding one as long as every delivery of the channel is acknowledged by the client.
#[derive(Default)]
pub(crate) struct Unacked {
    slots: VecDeque<Slot>,
    /// Slots whose delivery was acknowledged out of order. The first slot is never one.
    dead: usize,
}

struct Slot {
    tag: u64,
    held: Option<(Arc<Origin>, Entry)>,
}

impl Slot {
    fn into_held(self) -> Option<Held> {
        let tag = self.tag;
        self.held.map(|(origin, entry)| Held { tag, origin, entry })
    }
}

impl Unacked {
    /// Adds a delivery; its tag is higher than all before it.
    #[inline]
    pub(crate) fn push(&mut self, held: Held) {
        let Held { tag, origin, entry } = held;
        self.slots.push_back(Slot {
            tag,
            held: Some((origin, entry)),
        });
    }

    pub(crate) fn len(&self) -> usize {
        self.slots.len() - self.dead
    }

    /// Takes the delivery of this tag.
    #[inline]
    pub(crate) fn take(&mut self, tag: u64) -> Option<Held> {
        let at = self.find(tag)?;
        if at == 0 {
            let first = self.slots.pop_front();
            self.skip_dead();
            return first.and_then(Slot::into_held);
        }
        let (origin, entry) = self.slots[at].held.take()?;
        self.dead += 1;
        self.compact();
        Some(Held { tag, origin, entry })
    }

    /// Takes all deliveries up to this tag, oldest first, if it is one itself.
    pub(crate) fn take_upto(&mut self, tag: u64) -> Option<impl Iterator<Item = Held> + '_> {
        let at = self.find(tag).filter(|at| self.slots[*at].held.is_some())?;
        let dead = self
            .slots
            .range(..=at)
            .filter(|slot| slot.held.is_none())
            .count();
        let dead_after = self
            .slots
            .range(at + 1..)
            .take_while(|slot| slot.held.is_none())
            .count();
        self.dead -= dead + dead_after;
        Some(
            self.slots
                .drain(..=at + dead_after)
                .filter_map(Slot::into_held),
        )
    }

    /// Takes all deliveries, oldest first.
    pub(crate) fn take_all(&mut self) -> impl Iterator<Item = Held> + '_ {
        self.dead = 0;
        self.slots.drain(..).filter_map(Slot::into_held)
    }

    /// Puts deliveries back that were taken, in any order.
    pub(crate) fn restore(&mut self, held: impl Iterator<Item = Held>) {
        for held in held {
            self.push(held);
        }
        self.dead = 0;
        self.slots.retain(|slot| slot.held.is_some());
        self.slots
            .make_contiguous()
            .sort_unstable_by_key(|slot| slot.tag);
    }

    /// Gives memory back that a burst has left behind.
    pub(crate) fn release(&mut self) {
        if self.slots.is_empty() && self.slots.capacity() > IDLE_ENTRIES_MAX {
            self.slots = VecDeque::new();
        }
    }

    #[inline]
    fn find(&self, tag: u64) -> Option<usize> {
        let first = self.slots.front()?.tag;
        // Tags mostly follow each other without gaps.
        let guess = usize::try_from(tag.checked_sub(first)?).ok()?;
        match self.slots.get(guess) {
            Some(slot) if slot.tag == tag => Some(guess),
            _ => self.slots.binary_search_by_key(&tag, |slot| slot.tag).ok(),
        }
    }

    #[inline]
    fn skip_dead(&mut self) {
        while self.dead > 0
            && self
                .slots
                .pop_front_if(|slot| slot.held.is_none())
                .is_some()
        {
            self.dead -= 1;
        }
    }

    fn compact(&mut self) {
        if self.dead > IDLE_ENTRIES_MAX && self.dead > self.slots.len() / 2 {
            self.slots.retain(|slot| slot.held.is_some());
            self.dead = 0;
        }
    }
}
