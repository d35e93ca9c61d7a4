//! Whether deliveries should wait for more of their kind before they are written.
//!
//! Eight clients that call one service wake it with the first call, and each of the others would
//! be a write of its own. If the service lets the tasks that are awake go first, all calls leave in
//! one write, which is most of what a call costs. Where nothing else comes meanwhile, a message
//! would be held up for nothing: so a connection waits for as long as that pays, and finds out
//! now and then whether it does.

/// Bytes that are worth a write of their own.
const WRITE_BYTES_MIN: usize = 8 * 1024;

/// How many waits in vain are forgiven once waiting has paid often.
const PAID_MAX: u8 = 8;

/// Deliveries without a wait between two trials, at most. Such a trial costs about a microsecond.
const UNTRIED_MAX: u16 = 1024;

/// What a connection has learnt about its deliveries.
#[derive(Default)]
pub(crate) struct Gather {
    /// Bytes that were there when it let the others go first.
    before: Option<usize>,
    /// How often that has paid lately.
    paid: u8,
    /// Deliveries still to come before it is tried again.
    untried: u16,
    /// How many they were after the last trial: twice as many each time.
    pause: u16,
}

impl Gather {
    /// Whether to let the others go first, now that `bytes` are there. Never twice in a row.
    pub(crate) fn waits(&mut self, bytes: usize) -> bool {
        if let Some(before) = self.before.take() {
            self.learn(bytes > before);
            return false;
        }
        if bytes == 0 || bytes >= WRITE_BYTES_MIN {
            return false;
        }
        if self.paid == 0 && self.untried > 0 {
            self.untried -= 1;
            return false;
        }
        self.before = Some(bytes);
        true
    }

    fn learn(&mut self, has_paid: bool) {
        if has_paid {
            self.paid = (self.paid + 1).min(PAID_MAX);
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

    /// Waits among so many deliveries of 100 bytes that meet `more` bytes when they wait.
    fn waits(gather: &mut Gather, deliveries: usize, more: usize) -> usize {
        let mut waits = 0;
        for _ in 0..deliveries {
            if gather.waits(100) {
                waits += 1;
                assert!(!gather.waits(100 + more), "waited twice");
            }
        }
        waits
    }

    #[test]
    fn deliveries_wait_for_each_other_while_that_pays() {
        assert_eq!(waits(&mut Gather::default(), 1_000, 100), 1_000);
    }

    #[test]
    fn lonely_deliveries_hardly_ever_wait() {
        let mut gather = Gather::default();
        assert!(waits(&mut gather, 10_000, 0) < 25);
        assert!(waits(&mut gather, 100_000, 0) < 110);
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
        assert!(!gather.waits(0));
        assert!(!gather.waits(WRITE_BYTES_MIN));
    }
}
