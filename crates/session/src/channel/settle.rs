//! basic.ack, nack, reject, recover: deliveries that the client is done with.

use std::collections::HashMap;
use std::sync::Arc;

use broker::{MessageCounts, Pair, Queue, Rejected, Returned, Returns, Settled, Wakes};
use codec::basic;

use crate::channel::Channel;
use crate::channel::unacked::{Delivered, Held, Origin};
use crate::client::Client;
use crate::close::{Fault, Violation};
use crate::limits::{IDLE_ENTRIES_MAX, REJECTION_WEIGHT, SETTLE_RUN_MAX};
use crate::turn::Turn;

/// What a client says about a delivery.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Outcome {
    /// Done with it.
    Acked,
    /// Can't use it, and nobody should get it again.
    Rejected,
    /// Somebody may get it again.
    Requeued,
}

impl Outcome {
    /// How many deliveries may be settled so by whoever has `budget` left. Those that go back
    /// to their queue go together, so that nothing overtakes them.
    fn share_of(self, budget: usize) -> usize {
        match self {
            Self::Acked => budget,
            Self::Rejected => budget / REJECTION_WEIGHT,
            Self::Requeued => usize::MAX,
        }
    }

    fn weight(self) -> usize {
        match self {
            Self::Acked => 1,
            Self::Rejected | Self::Requeued => REJECTION_WEIGHT,
        }
    }
}

/// Which deliveries are meant.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Extent {
    /// The one of the tag.
    One,
    /// It and all before it; all, for tag 0.
    UpTo,
}

impl Extent {
    pub(crate) fn of(multiple: bool) -> Self {
        if multiple { Self::UpTo } else { Self::One }
    }
}

/// Settlements of one queue, handed over together.
#[derive(Default)]
pub(crate) struct Settling {
    queue: Option<(Arc<Queue>, Outcome)>,
    settled: Vec<Settled>,
    rejected: Vec<Rejected>,
    /// Acknowledged by one channel, not counted yet.
    acked: u64,
    pair: Option<Arc<Pair<Queue>>>,
}

impl Settling {
    #[inline]
    pub(crate) fn add(
        &mut self,
        origin: &Origin,
        settled: Settled,
        outcome: Outcome,
        wakes: &mut Wakes,
    ) {
        let joins = matches!(
            &self.queue,
            Some((queue, before)) if Arc::ptr_eq(queue, &origin.queue) && *before == outcome
        );
        if !joins || self.settled.len() >= SETTLE_RUN_MAX {
            self.flush(wakes);
            self.queue = Some((Arc::clone(&origin.queue), outcome));
        }
        self.settled.push(settled);
        if outcome == Outcome::Acked {
            self.count(&origin.pair);
        }
    }

    /// Counts an acknowledgement, together with those of the same channel around it.
    #[inline]
    fn count(&mut self, pair: &Arc<Pair<Queue>>) {
        if !matches!(&self.pair, Some(before) if Arc::ptr_eq(before, pair)) {
            self.finish_count();
            self.pair = Some(Arc::clone(pair));
        }
        self.acked += 1;
    }

    fn finish_count(&mut self) {
        if let Some(pair) = self.pair.take() {
            pair.count(&MessageCounts {
                ack: std::mem::take(&mut self.acked),
                ..MessageCounts::ZERO
            });
        }
    }

    /// Collects a rejection, with its message if that is here: it may go on elsewhere.
    pub(crate) fn reject(&mut self, held: Held, wakes: &mut Wakes) {
        let joins = matches!(
            &self.queue,
            Some((queue, Outcome::Rejected)) if Arc::ptr_eq(queue, &held.origin.queue)
        );
        if !joins || self.rejected.len() >= SETTLE_RUN_MAX {
            self.flush(wakes);
            self.queue = Some((Arc::clone(&held.origin.queue), Outcome::Rejected));
        }
        let settled = held.settled();
        let entry = match held.delivered {
            Delivered::Whole(entry) => Some(entry),
            Delivered::Stored(_) => None,
        };
        self.rejected.push(Rejected { settled, entry });
    }

    pub(crate) fn flush(&mut self, wakes: &mut Wakes) {
        self.finish_count();
        let Some((queue, outcome)) = self.queue.take() else {
            return;
        };
        match outcome {
            Outcome::Acked => queue.ack(&self.settled, wakes),
            Outcome::Rejected | Outcome::Requeued => {
                queue.reject(&mut self.rejected, wakes);
                wakes.relieve();
            }
        }
        self.settled.clear();
    }

    pub(crate) fn release(&mut self) {
        if self.settled.capacity() > IDLE_ENTRIES_MAX {
            self.settled = Vec::new();
        }
        if self.rejected.capacity() > IDLE_ENTRIES_MAX {
            self.rejected = Vec::new();
        }
    }
}

impl Channel {
    /// Settles one delivery or all up to it.
    #[inline]
    pub(crate) fn settle(
        &mut self,
        tag: u64,
        extent: Extent,
        outcome: Outcome,
        client: &mut Client,
        turn: &mut Turn<'_>,
    ) -> Result<(), Fault> {
        if extent == Extent::One && self.tx.is_none() && outcome != Outcome::Requeued {
            let Some(held) = self.unacked.take(tag) else {
                return Err(Violation::UnknownDeliveryTag(tag).into());
            };
            self.count_settled(1, outcome);
            client.settle(held, outcome, &mut turn.wakes);
            return Ok(());
        }
        self.settle_many(tag, extent, outcome, client, turn)
    }

    fn settle_many(
        &mut self,
        tag: u64,
        extent: Extent,
        outcome: Outcome,
        client: &mut Client,
        turn: &mut Turn<'_>,
    ) -> Result<(), Fault> {
        let begun = self.unfinished.take();
        // 0 means everything so far, which may be nothing.
        let all = extent == Extent::UpTo && tag == 0;
        if begun.is_none() && !all && !self.unacked.contains(tag) {
            return Err(Violation::UnknownDeliveryTag(tag).into());
        }
        let whole = begun.unwrap_or_else(|| if all { self.unacked.last_tag() } else { tag });
        let mut upto = whole;
        if self.tx.is_none() {
            let mut n = 1;
            if extent == Extent::UpTo {
                upto = self.next_part(whole, outcome, client);
                n = self.unacked.count_upto(upto);
            }
            let weight = n.saturating_mul(outcome.weight());
            client.settles_left = client.settles_left.saturating_sub(weight);
            self.count_settled(n, outcome);
        }
        let mut one = None;
        let mut many = None;
        match extent {
            Extent::One => one = self.unacked.take(tag),
            Extent::UpTo => many = Some(self.unacked.take_upto(upto)),
        }
        let held = one.into_iter().chain(many.into_iter().flatten());
        if let Some(tx) = &mut self.tx {
            return tx.settle(held.collect(), outcome).map_err(Fault::from);
        }
        hand_back(held, outcome, client, turn);
        Ok(())
    }

    /// The tag up to which deliveries up to `whole` are settled in this turn. If that isn't
    /// all of them, the same method has to be carried out again in the next.
    fn next_part(&mut self, whole: u64, outcome: Outcome, client: &mut Client) -> u64 {
        let n = outcome.share_of(client.settles_left);
        let part = self.unacked.part_of(whole, n);
        if part.is_some() {
            self.unfinished = Some(whole);
            client.unfinished = true;
            // Dead letters are publishes too, and no faster than the store.
            client.publishes |= outcome == Outcome::Rejected;
        }
        part.unwrap_or(whole)
    }

    #[inline]
    pub(super) fn count_settled(&mut self, n: usize, outcome: Outcome) {
        if outcome == Outcome::Acked {
            self.counts.ack += n as u64;
        }
        // The consumers are resumed once the settlements have been handed over.
        if self.credit.release(n as u32) {
            self.resume = true;
        }
    }

    /// basic.recover: everything goes back, and may come to any consumer.
    pub(crate) fn recover(
        &mut self,
        requeue: bool,
        client: &mut Client,
        turn: &mut Turn<'_>,
    ) -> Result<(), Fault> {
        if !requeue {
            return Err(Violation::RecoverWithoutRequeue.into());
        }
        self.count_settled(self.unacked.len(), Outcome::Requeued);
        hand_back(self.unacked.take_all(), Outcome::Requeued, client, turn);
        Ok(())
    }

    pub(crate) fn nack(
        &mut self,
        m: &basic::Nack,
        client: &mut Client,
        turn: &mut Turn<'_>,
    ) -> Result<(), Fault> {
        let outcome = if m.requeue {
            Outcome::Requeued
        } else {
            Outcome::Rejected
        };
        self.settle(
            m.delivery_tag,
            Extent::of(m.multiple),
            outcome,
            client,
            turn,
        )
    }

    pub(crate) fn reject(
        &mut self,
        m: &basic::Reject,
        client: &mut Client,
        turn: &mut Turn<'_>,
    ) -> Result<(), Fault> {
        let outcome = if m.requeue {
            Outcome::Requeued
        } else {
            Outcome::Rejected
        };
        self.settle(m.delivery_tag, Extent::One, outcome, client, turn)
    }
}

/// Hands settled deliveries back to their queues.
pub(crate) fn hand_back(
    held: impl Iterator<Item = Held>,
    outcome: Outcome,
    client: &mut Client,
    turn: &mut Turn<'_>,
) {
    if outcome == Outcome::Requeued {
        client.hand_over(&mut turn.wakes);
        let trace = client.trace();
        let held = held.inspect(|held| {
            if let Some(trace) = &trace {
                trace.settled(held, outcome);
            }
        });
        requeue(held, &mut turn.wakes);
        return;
    }
    // The iterator is a chain of chains, which goes through itself faster than it can be asked.
    held.for_each(|held| client.settle(held, outcome, &mut turn.wakes));
}

/// Puts deliveries back to their queues, each queue locked once.
pub(crate) fn requeue(held: impl Iterator<Item = Held>, wakes: &mut Wakes) {
    let mut groups: Vec<(Arc<Queue>, Returns)> = Vec::new();
    let mut places = HashMap::new();
    for Held {
        origin, delivered, ..
    } in held
    {
        let at = *places.entry(origin.queue.id()).or_insert_with(|| {
            groups.push((Arc::clone(&origin.queue), Returns::default()));
            groups.len() - 1
        });
        let returns = &mut groups[at].1;
        match delivered {
            Delivered::Whole(entry) => returns.add(Returned {
                entry,
                consumer: origin.consumer,
                ack: origin.ack,
            }),
            // Else its queue is gone.
            Delivered::Stored(stored) if stored.durable => {
                returns.add_stored(stored.seq, stored.body_len, origin.consumer);
            }
            Delivered::Stored(_) => {}
        }
    }
    for (queue, group) in groups {
        queue.requeue(group, wakes);
    }
}
