//! Whether deliveries should wait for more of their kind before they are written.
//!
//! Eight clients that call one service wake it with the first call, and each of the others would
//! be a write of its own. If the service lets the tasks that are awake go first, all calls leave in
//! one write, which is most of what a call costs. Where nothing else comes meanwhile, a message
//! would be held up for nothing: so a connection waits for as long as that pays. It tries where
//! deliveries come so close after each other that they might have left together, and ever more
//! seldom if in vain: a wait may wake another worker, on whatever core.

use std::time::{Duration, Instant};

/// Bytes that are worth a write of their own.
const WRITE_BYTES_MIN: usize = 8 * 1024;

/// Waits in vain that are forgiven once waiting has paid often.
const PAID_MAX: u8 = 8;

/// Waits in vain that one forgives which has paid: a write takes more than two waits.
const PAYS: u8 = 2;

/// Deliveries within this time might have left together. A client that answers what it has got
/// takes longer than that, even on the same machine.
const CLOSE: Duration = Duration::from_micros(25);

/// Deliveries without a wait between two trials, at most.
const UNTRIED_MAX: u16 = 1024;

/// What a connection has learnt about its deliveries.
#[derive(Default)]
pub(crate) struct Gather {
    /// Bytes that were there when it let the others go first.
    before: Option<usize>,
    /// How often that has paid lately.
    paid: u8,
    /// When the last delivery was.
    last: Option<Instant>,
    /// Deliveries still to come before it is tried again.
    untried: u16,
    /// How many they were after the last trial: twice as many each time.
    pause: u16,
}

impl Gather {
    /// Whether to let the others go first, now that `bytes` are there. Never twice in a row.
    pub(crate) fn waits(&mut self, bytes: usize, now: Instant) -> bool {
        if let Some(before) = self.before.take() {
            self.learn(bytes > before);
            return false;
        }
        if bytes == 0 || bytes >= WRITE_BYTES_MIN {
            return false;
        }
        let last = self.last.replace(now);
        if self.paid == 0 {
            if last.is_none_or(|last| now.duration_since(last) >= CLOSE) {
                return false;
            }
            if self.untried > 0 {
                self.untried -= 1;
                return false;
            }
        }
        self.before = Some(bytes);
        true
    }

    fn learn(&mut self, has_paid: bool) {
        if has_paid {
            self.paid = (self.paid + PAYS).min(PAID_MAX);
            self.pause = 0;
        } else {
            self.paid = self.paid.saturating_sub(1);
        }
        if self.paid == 0 {
            self.pause = (self.pause * 2 + 1).min(UNTRIED_MAX);
            self.untried = self.pause;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;

    /// Waits among so many deliveries of 100 bytes, one every `gap`, that meet `more` bytes when
    /// they wait.
    fn waits_at(gather: &mut Gather, deliveries: usize, more: usize, gap: Duration) -> usize {
        let mut waits = 0;
        let mut now = gather.last.unwrap_or_else(clock::now);
        for _ in 0..deliveries {
            now += gap;
            if gather.waits(100, now) {
                waits += 1;
                assert!(!gather.waits(100 + more, now), "waited twice");
            }
        }
        waits
    }

    fn waits(gather: &mut Gather, deliveries: usize, more: usize) -> usize {
        waits_at(gather, deliveries, more, CLOSE / 2)
    }

    #[test]
    fn deliveries_wait_for_each_other_while_that_pays() {
        assert_eq!(waits(&mut Gather::default(), 1_000, 100), 999);
    }

    #[test]
    fn lonely_deliveries_hardly_ever_wait() {
        let mut gather = Gather::default();
        assert!(waits(&mut gather, 10_000, 0) < 25);
        assert!(waits(&mut gather, 100_000, 0) < 110);
    }

    #[test]
    fn deliveries_far_apart_never_wait() {
        assert_eq!(waits_at(&mut Gather::default(), 10_000, 100, CLOSE), 0);
    }

    #[test]
    fn a_connection_finds_out_that_waiting_has_begun_to_pay_or_ceased_to() {
        let mut gather = Gather::default();
        waits(&mut gather, 10_000, 0);
        assert!(waits(&mut gather, 10_000, 100) > 8_000);
        assert!(waits(&mut gather, 10_000, 0) < 30);
    }

    #[test]
    fn much_or_nothing_does_not_wait() {
        let mut gather = Gather::default();
        waits(&mut gather, 10, 100);
        let now = gather.last.unwrap();
        assert!(!gather.waits(0, now));
        assert!(!gather.waits(WRITE_BYTES_MIN, now));
        assert!(gather.waits(WRITE_BYTES_MIN - 1, now));
    }
}
