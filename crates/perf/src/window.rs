//! Messages that wait for their confirm.

use std::collections::VecDeque;

/// Messages that were written together.
struct Batch {
    first: u64,
    last: u64,
    unconfirmed: u64,
    sent_ns: u64,
}

/// What a producer has sent and the broker has not confirmed.
#[derive(Default)]
pub(crate) struct Window {
    batches: VecDeque<Batch>,
    outstanding: u64,
}

impl Window {
    /// How many there are.
    pub(crate) const fn outstanding(&self) -> u64 {
        self.outstanding
    }

    /// Messages with the numbers `first` to `last` are sent.
    pub(crate) fn add(&mut self, first: u64, last: u64, sent_ns: u64) {
        let unconfirmed = last + 1 - first;
        self.outstanding += unconfirmed;
        self.batches.push_back(Batch {
            first,
            last,
            unconfirmed,
            sent_ns,
        });
    }

    /// The broker has confirmed a number, or all up to it. Tells `each` how many were sent when;
    /// gives how many it were.
    pub(crate) fn confirm(
        &mut self,
        tag: u64,
        multiple: bool,
        mut each: impl FnMut(u64, u64),
    ) -> u64 {
        let mut confirmed = 0;
        if multiple {
            while let Some(batch) = self.batches.front_mut().filter(|batch| batch.first <= tag) {
                let beyond = batch.last.saturating_sub(tag);
                let n = batch.unconfirmed.saturating_sub(beyond);
                batch.unconfirmed -= n;
                confirmed += n;
                each(n, batch.sent_ns);
                if beyond > 0 {
                    batch.first = tag + 1;
                    break;
                }
                self.batches.pop_front();
            }
        } else {
            let at = self.batches.partition_point(|batch| batch.last < tag);
            if let Some(batch) = self
                .batches
                .get_mut(at)
                .filter(|batch| batch.unconfirmed > 0)
            {
                batch.unconfirmed -= 1;
                confirmed = 1;
                each(1, batch.sent_ns);
            }
            while self
                .batches
                .pop_front_if(|batch| batch.unconfirmed == 0)
                .is_some()
            {}
        }
        self.outstanding -= confirmed;
        confirmed
    }
}
