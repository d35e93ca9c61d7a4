//! Since when a client holds its deliveries, for the consumer timeout.
//!
//! A delivery has no time of its own. Now and then the channel notes how far its tags have
//! come, so that a delivery is known to be at least as old as the first note behind it. It may
//! be older, by the time between two notes.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::limits::{
    AGE_MARKS_MAX, AGE_NOTES_MIN, CONSUMER_TIMEOUT_CHECK_MAX, CONSUMER_TIMEOUT_CHECK_MIN,
};

/// How often a timeout is divided into checks: it is noticed by a quarter of it too late.
const CHECKS_PER_TIMEOUT: u32 = 8;

/// The notes of one channel.
#[derive(Default, Debug)]
pub(crate) struct Ages {
    /// Tags up to this one had been sent at this time. Both rise.
    marks: VecDeque<(u64, Instant)>,
}

impl Ages {
    /// Notes that deliveries up to `last` have been sent, and that those below `oldest` are of
    /// no interest any more.
    pub(crate) fn mark(&mut self, oldest: u64, last: u64, now: Instant) {
        while self
            .marks
            .pop_front_if(|(upto, _)| *upto < oldest)
            .is_some()
        {}
        if self.marks.back().is_none_or(|(upto, _)| *upto < last) {
            self.marks.push_back((last, now));
        }
        if self.marks.len() > AGE_MARKS_MAX {
            self.thin_out(now);
        }
    }

    /// Notes, at the end of a turn, what has been sent in it: as [`Self::mark`], but the last
    /// note makes way for this one if both are close enough to the one before them.
    #[inline]
    pub(crate) fn note(&mut self, oldest: u64, last: u64, now: Instant) {
        let Some((upto, _)) = self.marks.back() else {
            return self.marks.push_back((last, now));
        };
        if *upto >= last {
            return;
        }
        let before = self.marks.len().checked_sub(2);
        let before = before.and_then(|at| self.marks.get(at));
        let close =
            before.is_some_and(|(_, at)| now.saturating_duration_since(*at) < AGE_NOTES_MIN);
        match self.marks.back_mut() {
            Some(back) if close => *back = (last, now),
            _ => self.mark(oldest, last, now),
        }
    }

    /// Drops marks as far as no delivery gets younger by more than an eighth of its age: that
    /// stays so as they age, and leaves a few for each doubling of the time.
    fn thin_out(&mut self, now: Instant) {
        let mut kept: VecDeque<(u64, Instant)> = VecDeque::with_capacity(self.marks.len());
        let mut marks = std::mem::take(&mut self.marks).into_iter().peekable();
        while let Some(mark) = marks.next() {
            let spare = match (kept.back(), marks.peek()) {
                (Some((_, before)), Some((_, after))) => {
                    let age = now.saturating_duration_since(*after);
                    after.saturating_duration_since(*before) * CHECKS_PER_TIMEOUT <= age
                }
                _ => false,
            };
            if !spare {
                kept.push_back(mark);
            }
        }
        self.marks = kept;
    }

    /// How long the delivery of this tag has been out, at least.
    pub(crate) fn of(&self, tag: u64, now: Instant) -> Duration {
        self.known(tag, now).unwrap_or(Duration::ZERO)
    }

    /// The same; none if nothing is known of it yet.
    pub(crate) fn known(&self, tag: u64, now: Instant) -> Option<Duration> {
        let at = self.marks.partition_point(|(upto, _)| *upto < tag);
        let (_, since) = self.marks.get(at)?;
        Some(now.saturating_duration_since(*since))
    }

    /// Forgets everything.
    pub(crate) fn clear(&mut self) {
        self.marks.clear();
    }
}

/// How often to look whether something is older than `timeout`. RabbitMQ looks once a minute.
pub(crate) fn check_interval(timeout: Duration) -> Duration {
    (timeout / CHECKS_PER_TIMEOUT).clamp(CONSUMER_TIMEOUT_CHECK_MIN, CONSUMER_TIMEOUT_CHECK_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[allow(clippy::disallowed_methods)] // Some moment has to be the first.
    fn start() -> Instant {
        Instant::now()
    }

    #[test]
    fn a_delivery_is_as_old_as_the_first_mark_behind_it() {
        let (start, second) = (start(), Duration::from_secs(1));
        let mut ages = Ages::default();
        ages.mark(1, 3, start);
        ages.mark(1, 3, start + second);
        ages.mark(1, 5, start + 2 * second);
        let now = start + 10 * second;
        assert_eq!(ages.of(1, now), 10 * second);
        assert_eq!(ages.of(3, now), 10 * second);
        assert_eq!(ages.of(4, now), 8 * second);
        assert_eq!(ages.of(6, now), Duration::ZERO);
        ages.mark(4, 5, now);
        assert_eq!(ages.marks.len(), 1);
    }

    #[test]
    fn notes_of_many_turns_leave_one_a_second_and_the_last() {
        let start = start();
        let at = |ms: u64| start + Duration::from_millis(ms);
        let mut ages = Ages::default();
        for n in 1..=100 {
            ages.note(1, n, at(n * 100));
        }
        ages.note(1, 100, at(20_000));
        assert!(ages.marks.len() <= 12, "{}", ages.marks.len());
        for tag in 1..=100 {
            let (age, truth) = (
                ages.of(tag, at(30_000)).as_millis(),
                u128::from(30_000 - tag * 100),
            );
            assert!(age <= truth && age + 1000 >= truth, "{tag}: {age}");
        }
        assert_eq!(ages.known(101, at(30_000)), None);
    }

    #[test]
    fn too_many_marks_are_thinned_out_and_ages_stay_true_by_an_eighth() {
        let start = start();
        let mut ages = Ages::default();
        let at = |n: u64| start + Duration::from_millis(n);
        let last = 100_000;
        for n in 1..=last {
            ages.mark(1, n, at(n));
            assert!(ages.marks.len() <= 2 * AGE_MARKS_MAX);
        }
        for tag in 1..=last {
            let (age, truth) = (ages.of(tag, at(last)).as_millis(), u128::from(last - tag));
            assert!(age <= truth && age >= truth - truth / 8, "{tag}: {age}");
        }
    }

    #[test]
    fn short_timeouts_are_looked_at_more_often() {
        let interval = |ms| check_interval(Duration::from_millis(ms)).as_millis();
        assert_eq!(interval(1_800_000), 60_000);
        assert_eq!(interval(1000), 125);
        assert_eq!(interval(0), 10);
    }
}
