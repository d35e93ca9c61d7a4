//! Deliveries on their way back to their queue.

use std::collections::HashMap;

use crate::ids::ConsumerId;
use crate::message::{AckMode, Entry};
use crate::queue::cold::{Run, Runs};

/// A delivery that comes back.
pub struct Returned {
    /// The message.
    pub entry: Entry,
    /// Whose credit it gives back; none for `basic.get`.
    pub consumer: Option<ConsumerId>,
    /// It was delivered with [`AckMode::Automatic`], so it counts as settled already.
    pub ack: AckMode,
}

/// Deliveries of one queue that come back together. A million that are in the store take
/// a few bytes, if they follow each other.
#[derive(Default)]
pub struct Returns {
    pub(crate) entries: Vec<Entry>,
    pub(crate) runs: Runs,
    pub(crate) credit: HashMap<ConsumerId, u32>,
    /// Messages and bytes that are not unacknowledged any more.
    pub(crate) unacked: (u64, u64),
}

impl Returns {
    /// Adds a delivery.
    pub fn add(&mut self, returned: Returned) {
        let Returned {
            mut entry,
            consumer,
            ack,
        } = returned;
        if ack == AckMode::Manual {
            self.release(entry.message.body_len() as u64, consumer);
        }
        entry.redelivered = true;
        self.entries.push(entry);
    }

    /// Adds a delivery whose message is in the store ([`Queue::recorded`](crate::Queue::recorded)
    /// is committed) and nowhere else.
    pub fn add_stored(&mut self, seq: u64, body_len: u32, consumer: Option<ConsumerId>) {
        self.release(body_len.into(), consumer);
        self.runs.push(Run::one(seq, body_len.into(), true));
    }

    fn release(&mut self, body_len: u64, consumer: Option<ConsumerId>) {
        self.unacked.0 += 1;
        self.unacked.1 += body_len;
        if let Some(consumer) = consumer {
            *self.credit.entry(consumer).or_default() += 1;
        }
    }
}

impl FromIterator<Returned> for Returns {
    fn from_iter<T: IntoIterator<Item = Returned>>(iter: T) -> Self {
        let mut returns = Self::default();
        iter.into_iter().for_each(|returned| returns.add(returned));
        returns
    }
}
