//! Stretches of time, each with its messages in a queue of the store.

use store::{QueueId, RecoveredQueue, Ticket};

/// Milliseconds that a bucket of each level covers: a second, a minute, an hour, a day. The
/// longest delay makes 50 buckets of the last.
const WIDTHS_MS: [u64; 4] = [1_000, 60_000, 3_600_000, 86_400_000];

/// How long before its time a bucket is opened, in milliseconds: enough to move millions of
/// messages, little enough that buckets of the finer level stay few.
const LEADS_MS: [u64; 4] = [2_000, 30_000, 600_000, 7_200_000];

/// Names a bucket. Ordered by the time at which it is opened.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) struct BucketKey {
    /// When it is opened, in milliseconds since 1970.
    pub(crate) opens_ms: u64,
    /// 0 for a second, 3 for a day.
    pub(crate) level: u8,
    /// Its number since 1970, in units of its width.
    pub(crate) index: u64,
}

impl BucketKey {
    /// None for a level that there is not.
    pub(crate) fn new(level: u8, index: u64) -> Option<Self> {
        let at = usize::from(level);
        let (width, lead) = (WIDTHS_MS.get(at)?, LEADS_MS.get(at)?);
        Some(Self {
            opens_ms: index.saturating_mul(*width).saturating_sub(*lead),
            level,
            index,
        })
    }

    /// The bucket of a level that covers a moment.
    pub(crate) fn at(level: u8, fire_ms: u64) -> Self {
        let width = WIDTHS_MS.get(usize::from(level)).copied().unwrap_or(1_000);
        Self::new(level, fire_ms / width).unwrap_or(Self {
            opens_ms: 0,
            level: 0,
            index: fire_ms / 1_000,
        })
    }

    /// Where a message goes that is due at `fire_ms`: the coarsest bucket that is not to be
    /// opened yet, or its second.
    pub(crate) fn for_message(fire_ms: u64, now_ms: u64) -> Self {
        (1..WIDTHS_MS.len() as u8)
            .rev()
            .map(|level| Self::at(level, fire_ms))
            .find(|key| key.opens_ms > now_ms)
            .unwrap_or_else(|| Self::at(0, fire_ms))
    }

    /// The buckets that a message due at `fire_ms` may be in, finest first.
    pub(crate) fn all_for(fire_ms: u64) -> impl Iterator<Item = Self> {
        (0..WIDTHS_MS.len() as u8).map(move |level| Self::at(level, fire_ms))
    }

    /// The first moment that it covers.
    pub(crate) fn start_ms(&self) -> u64 {
        let width = WIDTHS_MS.get(usize::from(self.level)).copied();
        self.index.saturating_mul(width.unwrap_or(1_000))
    }

    /// The first moment behind it.
    pub(crate) fn end_ms(&self) -> u64 {
        let width = WIDTHS_MS.get(usize::from(self.level)).copied();
        self.start_ms().saturating_add(width.unwrap_or(1_000))
    }
}

/// How far the opening of a bucket is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Phase {
    /// Its messages are in the store only.
    Closed,
    /// Those up to `upto` are read, from `from` on. What is added meanwhile is known.
    Opening { from: u64, upto: u64 },
    /// A second's bucket: every message has a slot.
    Open,
}

/// A bucket.
#[derive(Debug)]
pub(crate) struct Bucket {
    pub(crate) id: QueueId,
    pub(crate) first_seq: u64,
    pub(crate) next_seq: u64,
    /// Messages in it.
    pub(crate) live: u64,
    /// Once this is committed, all of it can be read.
    pub(crate) written: Ticket,
    pub(crate) phase: Phase,
    /// The highest order in it, as long as orders only grew.
    sorted_to: Option<u64>,
}

impl Bucket {
    pub(crate) fn new(id: QueueId) -> Self {
        Self {
            id,
            first_seq: 1,
            next_seq: 1,
            live: 0,
            written: Ticket::default(),
            phase: Phase::Closed,
            sorted_to: Some(0),
        }
    }

    pub(crate) fn recovered(queue: &RecoveredQueue) -> Self {
        Self {
            first_seq: queue.first_seq.max(1),
            next_seq: queue.next_seq.max(1),
            live: queue.live,
            sorted_to: None,
            ..Self::new(queue.id)
        }
    }

    /// Nothing was ever written to it.
    pub(crate) fn is_new(&self) -> bool {
        self.next_seq == 1
    }

    /// Numbers for `n` more messages, the last of which has this order; returns the first.
    pub(crate) fn take_seqs(&mut self, n: u64, order: u64) -> u64 {
        let first = self.next_seq;
        self.next_seq += n;
        self.live += n;
        self.sorted_to = self.sorted_to.filter(|last| *last < order).map(|_| order);
        first
    }

    /// Whether orders grow with the numbers, so that one can be searched for by halves.
    pub(crate) fn is_sorted(&self) -> bool {
        self.sorted_to.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_790_000_000_000;

    #[test]
    fn a_message_waits_in_the_coarsest_bucket_that_is_not_opened_yet() {
        for (delay, level) in [
            (1, 0),
            (25_000, 0),
            (120_000, 1),
            (1_500_000, 1),
            (8_000_000, 2),
            (200_000_000, 3),
            (u64::from(u32::MAX), 3),
        ] {
            let key = BucketKey::for_message(NOW + delay, NOW);
            assert_eq!(key.level, level, "{delay}");
            assert!(key.level == 0 || key.opens_ms > NOW, "{delay}");
            assert!((key.start_ms()..key.end_ms()).contains(&(NOW + delay)));
        }
    }

    #[test]
    fn a_bucket_is_opened_before_anything_in_it_is_due() {
        for delay in (1..100_000_000).step_by(999_983) {
            for key in BucketKey::all_for(NOW + delay) {
                assert!(key.opens_ms + 2_000 <= NOW + delay);
            }
        }
    }
}
