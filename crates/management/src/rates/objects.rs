//! Histories of the objects of one kind. An object whose numbers were all zero so far has none.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::Hash;

use super::history::{History, Ring};

/// Objects of one kind with a history; those beyond have rates of zero. A short history takes
/// about 1 KiB, so this bounds a kind at some 50 MiB.
pub(crate) const OBJECTS_SAMPLED_MAX: usize = 50_000;

/// Objects of one kind whose history reaches back [`LONG`]; the others know [`SHORT`] only.
/// A long one takes about 10 KiB.
pub(crate) const LONG_HISTORIES_MAX: usize = 1000;

/// Enough for a rate.
pub(crate) const SHORT: &[Ring] = &[Ring {
    step_ms: 0,
    keep: 8,
}];

/// A rate, and five minutes in steps of five seconds.
pub(crate) const LONG: &[Ring] = &[
    Ring {
        step_ms: 0,
        keep: 8,
    },
    Ring {
        step_ms: 5000,
        keep: 64,
    },
];

/// When a round of sampling happens.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tick {
    pub(crate) now_ms: u64,
    /// The round before, if there was one: what is new since then started there from zero.
    pub(crate) before_ms: Option<u64>,
}

/// The histories of one kind of object, by key.
#[derive(Debug)]
pub(crate) struct Objects<K, const N: usize> {
    histories: HashMap<K, History<N>>,
}

impl<K: Eq + Hash, const N: usize> Objects<K, N> {
    pub(crate) fn new() -> Self {
        Self {
            histories: HashMap::new(),
        }
    }

    /// Notes the numbers of one object in this round.
    pub(crate) fn observe(&mut self, key: K, tick: Tick, values: [u64; N]) {
        if let Some(history) = self.histories.get_mut(&key) {
            history.record(tick.now_ms, values);
        } else if values != [0; N] && self.histories.len() < OBJECTS_SAMPLED_MAX {
            let layout = if self.histories.len() < LONG_HISTORIES_MAX {
                LONG
            } else {
                SHORT
            };
            let history = match tick.before_ms {
                None => History::new(layout, tick.now_ms, values),
                Some(before_ms) => {
                    let mut history = History::new(layout, before_ms, [0; N]);
                    history.record(tick.now_ms, values);
                    history
                }
            };
            self.histories.insert(key, history);
        }
    }

    /// Drops what this round has not seen: the object is gone.
    pub(crate) fn forget_unseen(&mut self, tick: Tick) {
        self.histories
            .retain(|_, history| history.seen_ms() == tick.now_ms);
    }

    /// The history of one object, if it ever had anything to tell.
    pub(crate) fn get<Q>(&self, key: &Q) -> Option<&History<N>>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        self.histories.get(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tick(second: u64) -> Tick {
        Tick {
            now_ms: second * 1000,
            before_ms: second.checked_sub(1).map(|s| s * 1000),
        }
    }

    #[test]
    fn an_object_that_never_did_anything_takes_no_memory() {
        let mut objects = Objects::<u64, 1>::new();
        objects.observe(7, tick(1), [0]);
        assert!(objects.get(&7).is_none());
    }

    #[test]
    fn a_new_object_starts_from_zero_one_round_ago() {
        let mut objects = Objects::<u64, 1>::new();
        objects.observe(7, tick(10), [50]);
        assert_eq!(objects.get(&7).unwrap().rate(0), 50.0);
    }

    #[test]
    fn what_was_there_before_the_first_round_has_no_rate_yet() {
        let mut objects = Objects::<u64, 1>::new();
        objects.observe(7, tick(0), [50]);
        assert_eq!(objects.get(&7).unwrap().rate(0), 0.0);
    }

    #[test]
    fn objects_that_are_gone_are_forgotten() {
        let mut objects = Objects::<u64, 1>::new();
        objects.observe(7, tick(1), [1]);
        objects.observe(8, tick(1), [1]);
        objects.observe(8, tick(2), [1]);
        objects.forget_unseen(tick(2));
        assert!(objects.get(&7).is_none());
        assert!(objects.get(&8).is_some());
    }
}
