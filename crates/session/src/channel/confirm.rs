//! Publisher confirms (RabbitMQ's confirm.select): which publishes are safe, in ranges.

use std::collections::VecDeque;

use broker::Ticket;
use codec::Ack;

/// Counts publishes and says when they are safe. They become safe in order: a transient
/// message behind a persistent one waits for it, which is a few milliseconds, and buys one
/// `multiple` ack for both.
#[derive(Default, Debug)]
pub(crate) struct ConfirmTracker {
    /// Publishes since `confirm.select`: the sequence number of the last one.
    published: u64,
    /// All up to this one are safe.
    settled: u64,
    /// All up to this one have been acknowledged.
    acked: u64,
    waiting: VecDeque<Waiting>,
}

#[derive(Debug)]
struct Waiting {
    /// Last sequence number of the group.
    upto: u64,
    ticket: Ticket,
}

impl ConfirmTracker {
    /// Notes `n` more publishes, safe once `ticket` is committed, or at once.
    pub(crate) fn published(&mut self, n: u64, ticket: Option<Ticket>) {
        self.published += n;
        let upto = self.published;
        match (self.waiting.back_mut(), ticket) {
            (None, None) => self.settled = upto,
            (Some(last), None) => last.upto = upto,
            (Some(last), Some(ticket)) if last.ticket >= ticket => last.upto = upto,
            (_, Some(ticket)) => self.waiting.push_back(Waiting { upto, ticket }),
        }
    }

    /// Everything up to `upto` is on the disk.
    pub(crate) fn committed(&mut self, upto: Ticket) {
        while let Some(group) = self.waiting.pop_front_if(|group| group.ticket <= upto) {
            self.settled = group.upto;
        }
    }

    /// The ticket that the oldest group waits for.
    pub(crate) fn awaits(&self) -> Option<Ticket> {
        self.waiting.front().map(|group| group.ticket)
    }

    /// Groups that wait.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// Publishes not acknowledged yet.
    pub(crate) fn unconfirmed(&self) -> u64 {
        self.published - self.acked
    }

    /// The ack that is due, and how many publishes it confirms.
    pub(crate) fn due(&mut self) -> Option<(Ack, u64)> {
        let n = self.settled - self.acked;
        self.acked = self.settled;
        (n > 0).then_some((
            Ack {
                delivery_tag: self.settled,
                multiple: n > 1,
            },
            n,
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn single(delivery_tag: u64) -> Option<(Ack, u64)> {
        Some((
            Ack {
                delivery_tag,
                multiple: false,
            },
            1,
        ))
    }

    fn multiple(delivery_tag: u64, n: u64) -> Option<(Ack, u64)> {
        Some((
            Ack {
                delivery_tag,
                multiple: true,
            },
            n,
        ))
    }

    #[test]
    fn transient_publishes_are_confirmed_together_at_once() {
        let mut tracker = ConfirmTracker::default();
        tracker.published(1, None);
        assert_eq!(tracker.due(), single(1));
        assert_eq!(tracker.due(), None);
        tracker.published(2, None);
        tracker.published(3, None);
        assert_eq!(tracker.due(), multiple(6, 5));
        assert_eq!(tracker.unconfirmed(), 0);
    }

    #[test]
    fn persistent_publishes_wait_for_their_ticket_and_hold_back_later_ones() {
        let mut tracker = ConfirmTracker::default();
        tracker.published(2, Some(Ticket(7)));
        tracker.published(1, None);
        tracker.published(1, Some(Ticket(9)));
        assert_eq!((tracker.due(), tracker.awaits()), (None, Some(Ticket(7))));
        tracker.committed(Ticket(6));
        assert_eq!(tracker.due(), None);
        tracker.committed(Ticket(8));
        assert_eq!(
            (tracker.due(), tracker.awaits()),
            (multiple(3, 3), Some(Ticket(9)))
        );
        tracker.committed(Ticket(9));
        assert_eq!((tracker.due(), tracker.awaits()), (single(4), None));
    }

    #[test]
    fn groups_of_one_ticket_are_one_group() {
        let mut tracker = ConfirmTracker::default();
        for _ in 0..10 {
            tracker.published(1, Some(Ticket(3)));
        }
        assert_eq!((tracker.waiting(), tracker.unconfirmed()), (1, 10));
        tracker.committed(Ticket(3));
        assert_eq!(tracker.due(), multiple(10, 10));
    }
}
