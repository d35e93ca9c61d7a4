//! What the channel numbers of a connection stand for.

use crate::channel::Channel;
use crate::channel::parked::Parked;

/// What a channel number stands for.
pub(crate) enum Slot {
    Open(Box<Channel>),
    /// Closed by us; its number is free once the client has said close-ok. Replies that still
    /// wait for the disk go out before our close.
    Closing(Box<Parked>),
}

/// The numbers in use, in order. Most connections use one, so there is room for one at first, and
/// finding it is one comparison.
#[derive(Default)]
pub(crate) struct Slots(Vec<(u16, Slot)>);

impl Slots {
    #[inline]
    fn find(&self, number: u16) -> Result<usize, usize> {
        match self.0.first() {
            Some((first, _)) if *first == number => Ok(0),
            _ => self.0.binary_search_by_key(&number, |(number, _)| *number),
        }
    }

    #[inline]
    pub(crate) fn get(&self, number: u16) -> Option<&Slot> {
        let at = self.find(number).ok()?;
        self.0.get(at).map(|(_, slot)| slot)
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, number: u16) -> Option<&mut Slot> {
        let at = self.find(number).ok()?;
        self.0.get_mut(at).map(|(_, slot)| slot)
    }

    /// Puts a slot in the place of whatever the number stood for.
    pub(crate) fn insert(&mut self, number: u16, slot: Slot) {
        match self.find(number) {
            Ok(at) => self.0[at].1 = slot,
            Err(at) => {
                if self.0.is_empty() {
                    self.0.reserve_exact(1);
                }
                self.0.insert(at, (number, slot));
            }
        }
    }

    pub(crate) fn remove(&mut self, number: u16) -> Option<Slot> {
        let at = self.find(number).ok()?;
        Some(self.0.remove(at).1)
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = (u16, &mut Slot)> {
        self.0.iter_mut().map(|(number, slot)| (*number, slot))
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (u16, &Slot)> {
        self.0.iter().map(|(number, slot)| (*number, slot))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(slots: &Slots) -> Vec<u16> {
        slots.iter().map(|(number, _)| number).collect()
    }

    #[test]
    fn numbers_come_and_go_in_any_order() {
        let mut slots = Slots::default();
        for number in [5, 1, 9, 1] {
            slots.insert(number, Slot::Closing(Box::default()));
        }
        assert_eq!(numbers(&slots), [1, 5, 9]);
        assert!(slots.get(5).is_some() && slots.get_mut(9).is_some());
        assert!(slots.get(2).is_none() && slots.remove(2).is_none());
        assert!(slots.remove(5).is_some() && slots.get(5).is_none());
        assert_eq!((numbers(&slots), slots.len()), (vec![1, 9], 2));
    }
}
