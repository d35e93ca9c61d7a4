//! A list in the order of delivery tags, from which things are taken anywhere.

use std::collections::VecDeque;

use crate::limits::IDLE_ENTRIES_MAX;

/// Things by delivery tag. Taking the oldest is O(1), and so is finding one as long as tags
/// follow each other without gaps.
pub(crate) struct Tagged<T> {
    slots: VecDeque<(u64, Option<T>)>,
    /// Slots that were taken out of order. The first slot is never one.
    dead: usize,
}

impl<T> Default for Tagged<T> {
    fn default() -> Self {
        Self {
            slots: VecDeque::new(),
            dead: 0,
        }
    }
}

impl<T> Tagged<T> {
    /// Adds a thing whose tag is mostly higher than all before it.
    #[inline]
    pub(crate) fn push(&mut self, tag: u64, thing: T) {
        if self.slots.back().is_none_or(|(last, _)| *last < tag) {
            self.slots.push_back((tag, Some(thing)));
        } else {
            let at = self.slots.partition_point(|(other, _)| *other < tag);
            self.slots.insert(at, (tag, Some(thing)));
        }
    }

    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.slots.len() - self.dead
    }

    /// All of them, oldest first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u64, &T)> + '_ {
        self.slots
            .iter()
            .filter_map(|(tag, thing)| Some((*tag, thing.as_ref()?)))
    }

    /// The tag of the youngest, taken or not.
    pub(crate) fn last_tag(&self) -> Option<u64> {
        self.slots.back().map(|(tag, _)| *tag)
    }

    /// Whether there is one of this tag.
    pub(crate) fn contains(&self, tag: u64) -> bool {
        self.find(tag).is_some_and(|at| self.slots[at].1.is_some())
    }

    /// How many there are up to this tag.
    pub(crate) fn count_upto(&self, tag: u64) -> usize {
        let upto = self.slots.partition_point(|(other, _)| *other <= tag);
        let live = |slot: &&(u64, Option<T>)| slot.1.is_some();
        match self.dead {
            0 => upto,
            _ => self.slots.range(..upto).filter(live).count(),
        }
    }

    /// No fewer than there are up to this tag.
    pub(crate) fn slots_upto(&self, tag: u64) -> usize {
        self.slots.partition_point(|(other, _)| *other <= tag)
    }

    /// The tag that so many others come before.
    pub(crate) fn nth_tag(&self, before: usize) -> Option<u64> {
        match self.dead {
            0 => self.slots.get(before).map(|(tag, _)| *tag),
            _ => self.iter().nth(before).map(|(tag, _)| tag),
        }
    }

    /// Takes the one of this tag.
    #[inline]
    pub(crate) fn take(&mut self, tag: u64) -> Option<T> {
        let at = self.find(tag)?;
        if at == 0 {
            let (_, first) = self.slots.pop_front()?;
            self.skip_dead();
            return first;
        }
        let thing = self.slots[at].1.take()?;
        self.dead += 1;
        self.compact();
        Some(thing)
    }

    /// Takes the oldest one for which `which` holds, if it is the oldest of all.
    pub(crate) fn pop_if(&mut self, which: impl FnOnce(u64, &T) -> bool) -> Option<(u64, T)> {
        let (tag, thing) = self.slots.front()?;
        if !thing.as_ref().is_some_and(|thing| which(*tag, thing)) {
            return None;
        }
        let (tag, thing) = self.slots.pop_front()?;
        self.skip_dead();
        Some((tag, thing?))
    }

    /// Takes all up to this tag, oldest first.
    pub(crate) fn take_upto(&mut self, tag: u64) -> impl Iterator<Item = (u64, T)> + '_ {
        let upto = self.slots.partition_point(|(other, _)| *other <= tag);
        let dead = |slot: &&(u64, Option<T>)| slot.1.is_none();
        let taken = self.slots.range(..upto).filter(dead).count();
        let after = self.slots.range(upto..).take_while(dead).count();
        self.dead -= taken + after;
        self.slots
            .drain(..upto + after)
            .filter_map(|(tag, thing)| Some((tag, thing?)))
    }

    /// Puts things back that were taken, in any order.
    pub(crate) fn restore(&mut self, things: Vec<(u64, T)>) {
        if things.is_empty() {
            return;
        }
        // A slot that is left of one of them must not be found in its place.
        self.slots.retain(|(_, thing)| thing.is_some());
        self.dead = 0;
        self.slots
            .extend(things.into_iter().map(|(tag, thing)| (tag, Some(thing))));
        self.slots
            .make_contiguous()
            .sort_unstable_by_key(|slot| slot.0);
    }

    /// Everything there is, oldest first, to be changed in place.
    pub(crate) fn make_contiguous(&mut self) -> &mut [(u64, Option<T>)] {
        if self.dead > 0 {
            self.slots.retain(|(_, thing)| thing.is_some());
            self.dead = 0;
        }
        self.slots.make_contiguous()
    }

    /// Gives memory back that a burst has left behind.
    pub(crate) fn release(&mut self) {
        if self.slots.is_empty() && self.slots.capacity() > IDLE_ENTRIES_MAX {
            self.slots = VecDeque::new();
        }
    }

    #[inline]
    fn find(&self, tag: u64) -> Option<usize> {
        let first = self.slots.front()?.0;
        // Tags mostly follow each other without gaps.
        let guess = usize::try_from(tag.checked_sub(first)?).ok()?;
        match self.slots.get(guess) {
            Some(slot) if slot.0 == tag => Some(guess),
            _ => self.slots.binary_search_by_key(&tag, |slot| slot.0).ok(),
        }
    }

    #[inline]
    fn skip_dead(&mut self) {
        while self.dead > 0 && self.slots.pop_front_if(|slot| slot.1.is_none()).is_some() {
            self.dead -= 1;
        }
    }

    fn compact(&mut self) {
        if self.dead > IDLE_ENTRIES_MAX && self.dead > self.slots.len() / 2 {
            self.slots.retain(|slot| slot.1.is_some());
            self.dead = 0;
        }
    }
}
