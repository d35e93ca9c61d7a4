//! Rates of what is not sampled: the pairs of channel, exchange and queue, of which there are too
//! many to keep the past of each. Whoever looks at one leaves a mark, and the next look, a few
//! seconds later, tells the rate in between.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use broker::{ConnectionId, QueueId};

use super::columns::MESSAGES;
use super::history::{RATE_SPAN_MS, slope};

/// Pairs that somebody looks at, at the same time; further ones have rates of zero. Each takes
/// up to 1 KiB.
pub(crate) const LOOKED_AT_MAX: usize = 10_000;

/// Marks that are kept of one pair: enough for one look a second over the span of a rate.
const MARKS_MAX: usize = 6;

/// Milliseconds between two marks at least.
const MARK_EVERY_MS: u64 = 900;

/// Milliseconds without a look after which a pair is forgotten.
const FORGET_AFTER_MS: u64 = 60_000;

/// One side of a pair.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Side {
    Channel(ConnectionId, u16),
    Queue(QueueId),
    /// Of a virtual host, by name.
    Exchange(Arc<str>, Arc<str>),
}

type Row = [u64; MESSAGES.len()];

/// The marks of all pairs.
#[derive(Default)]
pub(crate) struct Looks(HashMap<(Side, Side), VecDeque<(u64, Row)>>);

impl Looks {
    /// The rates of a pair whose numbers are `row` now, and a mark for the next look. The first
    /// look knows none.
    pub(crate) fn rates(
        &mut self,
        pair: (Side, Side),
        now_ms: u64,
        row: Row,
    ) -> [f64; MESSAGES.len()] {
        if self.0.len() >= LOOKED_AT_MAX && !self.0.contains_key(&pair) {
            return [0.0; MESSAGES.len()];
        }
        let marks = self.0.entry(pair).or_default();
        let old_enough = |(at, _): &&(u64, Row)| at + RATE_SPAN_MS <= now_ms + MARK_EVERY_MS / 2;
        let from = marks.iter().rfind(old_enough).or_else(|| marks.front());
        let mut rates = [0.0; MESSAGES.len()];
        if let Some((at, before)) = from.filter(|(at, _)| *at < now_ms) {
            for ((rate, before), now) in rates.iter_mut().zip(before).zip(row) {
                *rate = slope(*before, now, now_ms - at).max(0.0);
            }
        }
        if marks
            .back()
            .is_none_or(|(at, _)| at + MARK_EVERY_MS <= now_ms)
        {
            if marks.len() >= MARKS_MAX {
                marks.pop_front();
            }
            marks.push_back((now_ms, row));
        }
        rates
    }

    /// Forgets the pairs that nobody looks at any more.
    pub(crate) fn forget_unseen(&mut self, now_ms: u64) {
        self.0.retain(|_, marks| {
            marks
                .back()
                .is_some_and(|(at, _)| at + FORGET_AFTER_MS > now_ms)
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair() -> (Side, Side) {
        (Side::Channel(ConnectionId(1), 1), Side::Queue(QueueId(7)))
    }

    fn row(published: u64) -> Row {
        let mut row = [0; MESSAGES.len()];
        row[0] = published;
        row
    }

    #[test]
    fn the_second_look_knows_the_rate_since_the_first() {
        let mut looks = Looks::default();
        assert_eq!(looks.rates(pair(), 10_000, row(100))[0], 0.0);
        assert_eq!(looks.rates(pair(), 20_000, row(200))[0], 10.0);
    }

    #[test]
    fn frequent_looks_see_the_last_five_seconds() {
        let mut looks = Looks::default();
        let mut last = 0.0;
        for tenth in 0..200 {
            let published = if tenth < 100 { tenth } else { 100 };
            last = looks.rates(pair(), 10_000 + tenth * 100, row(published))[0];
            if tenth == 99 {
                assert!((9.0..=11.0).contains(&last), "{last}");
            }
        }
        assert_eq!(last, 0.0);
        assert!(looks.0[&pair()].len() <= MARKS_MAX);
    }

    #[test]
    fn pairs_that_nobody_looks_at_are_forgotten() {
        let mut looks = Looks::default();
        looks.rates(pair(), 10_000, row(1));
        looks.forget_unseen(69_999);
        assert_eq!(looks.0.len(), 1);
        looks.forget_unseen(70_000);
        assert!(looks.0.is_empty());
    }
}
