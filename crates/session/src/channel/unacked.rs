//! Deliveries that wait for their acknowledgement.

use std::sync::Arc;

use broker::limits::WARM_BYTES_MIN;
use broker::{AckMode, Budget, ConsumerId, Entry, Pair, Queue, Settled, Share, Ticket};

use crate::channel::tagged::Tagged;

/// Bytes that a delivery takes here besides its message.
const SLOT_BYTES: u64 = size_of::<(u64, Option<Whole>)>() as u64;

/// Where a delivery came from, shared by all of them from one consumer.
pub(crate) struct Origin {
    pub(crate) queue: Arc<Queue>,
    /// `None` for `basic.get`.
    pub(crate) consumer: Option<ConsumerId>,
    /// With [`AckMode::Automatic`] the queue has settled it already.
    pub(crate) ack: AckMode,
    /// `x-consumer-timeout` of the consumer, in milliseconds.
    pub(crate) timeout_ms: Option<u64>,
    /// Counts what went between the channel and the queue.
    pub(crate) pair: Arc<Pair<Queue>>,
}

/// A delivery that the client holds.
pub(crate) struct Held {
    pub(crate) tag: u64,
    pub(crate) origin: Arc<Origin>,
    pub(crate) delivered: Delivered,
}

/// What is left of a delivery here.
pub(crate) enum Delivered {
    /// All of it.
    Whole(Entry),
    /// The message is in the store.
    Stored(Stored),
}

/// A delivery that is looked at.
pub(crate) enum Seen<'a> {
    /// All of it is here.
    Whole(&'a Entry),
    /// The message is in the store.
    Stored(&'a Stored),
}

/// A delivery whose message is in the store, or whose queue is gone.
#[derive(Clone, Copy)]
pub(crate) struct Stored {
    pub(crate) seq: u64,
    pub(crate) body_len: u32,
    pub(crate) durable: bool,
}

impl Held {
    #[inline]
    pub(crate) fn settled(&self) -> Settled {
        let consumer = self.origin.consumer;
        match &self.delivered {
            Delivered::Whole(entry) => Settled::of(entry, consumer),
            Delivered::Stored(stored) => Settled {
                seq: stored.seq,
                consumer,
                body_len: stored.body_len,
                durable: stored.durable,
            },
        }
    }
}

struct Whole {
    origin: Arc<Origin>,
    entry: Entry,
}

impl Whole {
    #[inline]
    fn cost(&self) -> u64 {
        SLOT_BYTES + self.entry.message.wire_len() as u64
    }

    fn held(self, tag: u64) -> Held {
        Held {
            tag,
            origin: self.origin,
            delivered: Delivered::Whole(self.entry),
        }
    }
}

struct Lean {
    origin: Arc<Origin>,
    stored: Stored,
}

/// A client that never acknowledges costs no more than this for each delivery.
const _: () = assert!(size_of::<(u64, Option<Lean>)>() <= 40);

impl Lean {
    fn held(self, tag: u64) -> Held {
        Held {
            tag,
            origin: self.origin,
            delivered: Delivered::Stored(self.stored),
        }
    }
}

/// The deliveries that a channel's client holds. Above an allowance the messages of the
/// oldest are left to the store; transient ones are written there first.
pub(crate) struct Unacked {
    recent: Tagged<Whole>,
    old: Tagged<Lean>,
    /// Bytes that `recent` takes.
    cost: u64,
    share: Share,
    /// When the ticket is committed, the store has all deliveries up to the tag.
    mark: Option<(Ticket, u64)>,
    /// There is no use in trying below this many bytes.
    vain: u64,
}

impl Unacked {
    pub(crate) fn new(budget: Arc<Budget>) -> Self {
        Self {
            recent: Tagged::default(),
            old: Tagged::default(),
            cost: 0,
            share: Share::new(budget),
            mark: None,
            vain: 0,
        }
    }

    /// Adds a delivery; its tag is higher than all before it.
    #[inline]
    pub(crate) fn push(&mut self, tag: u64, origin: Arc<Origin>, entry: Entry) {
        let whole = Whole { origin, entry };
        self.cost += whole.cost();
        self.recent.push(tag, whole);
    }

    pub(crate) fn len(&self) -> usize {
        self.recent.len() + self.old.len()
    }

    /// Tags and origins of all deliveries, mostly oldest first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u64, &Origin)> + '_ {
        let old = self.old.iter().map(|(tag, lean)| (tag, &*lean.origin));
        let recent = self.recent.iter();
        old.chain(recent.map(|(tag, whole)| (tag, &*whole.origin)))
    }

    /// The tag of the oldest delivery; that of a younger one where some came back out of order.
    #[inline]
    pub(crate) fn oldest(&self) -> Option<u64> {
        let old = self.old.iter().next().map(|(tag, _)| tag);
        let recent = || self.recent.iter().next().map(|(tag, _)| tag);
        old.or_else(recent)
    }

    /// All deliveries, mostly oldest first: tag, origin, and the message or what is left of it.
    pub(crate) fn look(&self) -> impl Iterator<Item = (u64, &Origin, Seen<'_>)> + '_ {
        let old = self.old.iter();
        let old = old.map(|(tag, lean)| (tag, &*lean.origin, Seen::Stored(&lean.stored)));
        let recent = self.recent.iter();
        let recent = recent.map(|(tag, whole)| (tag, &*whole.origin, Seen::Whole(&whole.entry)));
        old.chain(recent)
    }

    /// Whether the client holds a delivery of this tag.
    pub(crate) fn contains(&self, tag: u64) -> bool {
        self.recent.contains(tag) || self.old.contains(tag)
    }

    /// Deliveries up to this tag.
    pub(crate) fn count_upto(&self, tag: u64) -> usize {
        self.recent.count_upto(tag) + self.old.count_upto(tag)
    }

    /// The tag up to which there are about `n` deliveries, one at least. None if those up to
    /// `tag` are no more than that.
    pub(crate) fn part_of(&self, tag: u64, n: usize) -> Option<u64> {
        // Nearly always, and quick to tell.
        if self.old.slots_upto(tag) + self.recent.slots_upto(tag) <= n {
            return None;
        }
        let old = self.old.len();
        let nth = |n: usize| match n.checked_sub(old) {
            None => self.old.nth_tag(n),
            Some(n) => self.recent.nth_tag(n),
        };
        let n = n.max(1);
        let (part, next) = (nth(n - 1)?, nth(n)?);
        (part < tag && next <= tag).then_some(part)
    }

    /// The highest tag of all deliveries, 0 if there are none.
    pub(crate) fn last_tag(&self) -> u64 {
        let last = self.recent.last_tag().max(self.old.last_tag());
        last.unwrap_or(0)
    }

    /// Takes the delivery of this tag.
    #[inline]
    pub(crate) fn take(&mut self, tag: u64) -> Option<Held> {
        match self.recent.take(tag) {
            Some(whole) => {
                self.cost -= whole.cost();
                Some(whole.held(tag))
            }
            None => self.old.take(tag).map(|lean| lean.held(tag)),
        }
    }

    /// Takes all deliveries up to this tag, oldest first.
    pub(crate) fn take_upto(&mut self, tag: u64) -> impl Iterator<Item = Held> + '_ {
        let cost = &mut self.cost;
        let old = self.old.take_upto(tag).map(|(tag, lean)| lean.held(tag));
        let recent = self.recent.take_upto(tag).map(|(tag, whole)| {
            *cost -= whole.cost();
            whole.held(tag)
        });
        old.chain(recent)
    }

    /// Takes all deliveries, oldest first.
    pub(crate) fn take_all(&mut self) -> impl Iterator<Item = Held> + '_ {
        self.take_upto(u64::MAX)
    }

    /// Puts deliveries back that were taken, in any order.
    pub(crate) fn restore(&mut self, held: impl Iterator<Item = Held>) {
        let (mut recent, mut old) = (Vec::new(), Vec::new());
        for Held {
            tag,
            origin,
            delivered,
        } in held
        {
            match delivered {
                Delivered::Whole(entry) => {
                    let whole = Whole { origin, entry };
                    self.cost += whole.cost();
                    recent.push((tag, whole));
                }
                Delivered::Stored(stored) => old.push((tag, Lean { origin, stored })),
            }
        }
        self.recent.restore(recent);
        self.old.restore(old);
    }

    /// Gives memory back that a burst has left behind.
    pub(crate) fn release(&mut self) {
        self.recent.release();
        self.old.release();
        self.vain = self.vain.min(2 * self.cost);
        self.share.report(self.cost);
    }

    /// More messages are here than allowed: time to [`Self::relieve`].
    #[inline]
    pub(crate) fn is_heavy(&self) -> bool {
        self.cost > WARM_BYTES_MIN.max(self.vain) && self.cost > self.share.budget().allowance()
    }

    /// Leaves messages to the store, as far as it has them: the store is at `committed`.
    #[cold]
    pub(crate) fn relieve(&mut self, committed: Ticket) {
        self.share.report(self.cost);
        if self.mark.is_none() {
            self.mark = self.record();
        }
        let Some((_, upto)) = self.mark.take_if(|(ticket, _)| *ticket <= committed) else {
            return;
        };
        // Half, so that each is looked at twice or so while it is here.
        let enough = self.share.budget().allowance() / 2;
        while self.cost > enough {
            let can_go = |tag, whole: &Whole| {
                tag <= upto && (whole.entry.durable || !whole.origin.queue.is_live())
            };
            let Some((tag, whole)) = self.recent.pop_if(can_go) else {
                break;
            };
            self.cost -= whole.cost();
            let Settled {
                seq,
                body_len,
                durable,
                ..
            } = Settled::of(&whole.entry, None);
            let lean = Lean {
                origin: whole.origin,
                stored: Stored {
                    seq,
                    body_len,
                    durable,
                },
            };
            self.old.push(tag, lean);
        }
        // Something may stand in the way that can't go. Looking at everything again for each
        // delivery would not help.
        self.vain = self.cost.saturating_add(enough);
        self.share.report(self.cost);
    }

    /// Has everything recorded that is not. Says when, and up to which tag, the store has it.
    fn record(&mut self) -> Option<(Ticket, u64)> {
        let last = self.recent.last_tag()?;
        let mut upto = Ticket::default();
        let queue = |slot: &(u64, Option<Whole>)| {
            let whole = slot.1.as_ref();
            whole.map(|whole| Arc::as_ptr(&whole.origin.queue))
        };
        let slots = self.recent.make_contiguous();
        for chunk in slots.chunk_by_mut(|a, b| queue(a) == queue(b)) {
            let Some(whole) = chunk.first().and_then(|(_, whole)| whole.as_ref()) else {
                continue;
            };
            let queue = Arc::clone(&whole.origin.queue);
            let entries = || chunk.iter().filter_map(|(_, whole)| whole.as_ref());
            if entries().any(|whole| !whole.entry.durable) {
                let entries = chunk.iter_mut().filter_map(|(_, whole)| whole.as_mut());
                queue.spill(entries.map(|whole| &mut whole.entry));
            }
            upto = upto.max(queue.recorded());
        }
        Some((upto, last))
    }
}
