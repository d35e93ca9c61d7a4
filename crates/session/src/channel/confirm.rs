//! Publisher confirms (RabbitMQ's confirm.select): which publishes are safe and which were
//! refused, in ranges.

mod due;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;

use broker::Ticket;

pub(crate) use due::Due;

/// Counts publishes and says when they are safe. They become safe in order: a transient
/// message behind a persistent one waits for it, which is a few milliseconds, and buys one
/// `multiple` ack for both. A refusal waits in the same order.
#[derive(Default, Debug)]
pub(crate) struct ConfirmTracker {
    /// Publishes since `confirm.select`: the sequence number of the last one.
    published: u64,
    /// All up to this one are safe, or were refused.
    settled: u64,
    /// All up to this one have been answered.
    answered: u64,
    waiting: VecDeque<Waiting>,
    /// Those among them that were refused and not yet answered, in order, without neighbours.
    refused: VecDeque<Refused>,
}

#[derive(Debug)]
struct Waiting {
    /// Last sequence number of the group.
    upto: u64,
    ticket: Ticket,
}

/// A range of refused publishes, by their sequence numbers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Refused {
    first: u64,
    last: u64,
}

impl ConfirmTracker {
    /// Notes `n` more publishes, safe once `ticket` is committed, or at once. `refused` are the
    /// places among them, from 0 and rising, of those that a queue refused.
    pub(crate) fn published(&mut self, n: u64, ticket: Option<Ticket>, refused: &[u32]) {
        for place in refused {
            self.refuse(self.published + 1 + u64::from(*place));
        }
        self.published += n;
        let upto = self.published;
        match (self.waiting.back_mut(), ticket) {
            (None, None) => self.settled = upto,
            (Some(last), None) => last.upto = upto,
            (Some(last), Some(ticket)) if last.ticket >= ticket => last.upto = upto,
            (_, Some(ticket)) => self.waiting.push_back(Waiting { upto, ticket }),
        }
    }

    fn refuse(&mut self, number: u64) {
        match self.refused.back_mut() {
            Some(range) if range.last + 1 == number => range.last = number,
            _ => self.refused.push_back(Refused {
                first: number,
                last: number,
            }),
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

    /// Publishes not answered yet.
    pub(crate) fn unconfirmed(&self) -> u64 {
        self.published - self.answered
    }

    /// The answers that are due.
    pub(crate) fn due(&mut self) -> Option<Due> {
        let (before, upto) = (self.answered, self.settled);
        self.answered = upto;
        if upto == before {
            return None;
        }
        if self.refused.front().is_none_or(|range| range.first > upto) {
            return Some(Due::accepted(before, upto));
        }
        Some(Due::mixed(before, upto, self.take_refused(upto)))
    }

    /// Takes the refused ones up to this number.
    fn take_refused(&mut self, upto: u64) -> Vec<Refused> {
        let mut taken = Vec::new();
        while let Some(range) = self.refused.front_mut().filter(|range| range.first <= upto) {
            let last = range.last.min(upto);
            let first = range.first;
            taken.push(Refused { first, last });
            if last < range.last {
                range.first = last + 1;
                break;
            }
            self.refused.pop_front();
        }
        taken
    }
}
