//! What a new message has to pass: length limits that refuse, and the stamp of its expiry.

use codec::Content;
use store::Ticket;

use crate::dead_letter::Reason;
use crate::message::{Entry, Expiry, Message};
use crate::queue::recording::Recording;
use crate::queue::state::{Place, QueueState};
use crate::queue::{Overflow, QueueKind, Rules};
use crate::wakes::Wakes;

/// A run on its way in.
pub(crate) struct Enqueue {
    pub(super) record: Recording,
    /// Of records that were finished before the end of the run.
    pub(super) ticket: Option<Ticket>,
    pub(super) allowance: u64,
    pub(super) transient_allowance: u64,
    /// What the ready messages take in memory.
    pub(super) cost: u64,
    /// Transient messages are recorded too.
    pub(super) all_durable: bool,
    /// Looked up once, when the first message of the run needs it.
    now_ms: Option<u64>,
}

impl Enqueue {
    #[inline]
    pub(super) fn new(state: &QueueState, messages: usize) -> Self {
        let budget = state.share.budget();
        Self {
            record: Recording::of(messages),
            ticket: None,
            allowance: budget.allowance(),
            transient_allowance: budget.transient_allowance(),
            cost: state.ready.cost(),
            all_durable: state.rules.kind == QueueKind::Quorum,
            now_ms: None,
        }
    }
}

impl Rules {
    /// They ask for more than a plain queue does when a message comes or goes.
    pub(super) fn are_special(&self) -> bool {
        self.message_ttl_ms.is_some()
            || self.has_limit()
            || self.kind == QueueKind::Quorum
            || self.deduplicates
    }

    /// It may be full.
    pub(super) const fn has_limit(&self) -> bool {
        self.max_length.is_some() || self.max_length_bytes.is_some()
    }

    /// So much is too much.
    pub(super) fn are_exceeded(&self, messages: u64, bytes: u64) -> bool {
        self.max_length.is_some_and(|max| messages > max)
            || self.max_length_bytes.is_some_and(|max| bytes > max)
    }
}

impl QueueState {
    /// The queue is full and refuses `message`. What can go to a consumer at once is let go
    /// first, with all of the run before it, so that a run is judged as if each message of it
    /// had come alone.
    #[inline(never)]
    pub(super) fn refuses(
        &mut self,
        enqueue: &mut Enqueue,
        place: Place<'_>,
        message: &Message,
        wakes: &mut Wakes,
    ) -> bool {
        if self.rules.overflow == Overflow::DropHead || !self.rules.has_limit() {
            return false;
        }
        if !self.exceeded_with(message) {
            return false;
        }
        if !self.consumers.is_spent() {
            let record = std::mem::take(&mut enqueue.record);
            let tickets = record.finish(place);
            if let Some(ticket) = tickets.all {
                self.ready.mark(ticket);
            }
            enqueue.ticket = enqueue.ticket.max(tickets.durable);
            self.dispatch(place, wakes);
            enqueue.cost = self.ready.cost();
        }
        // Somebody takes it at once.
        let awaited = self.ready.is_empty() && self.consumers.next().is_some();
        !awaited && self.exceeded_with(message)
    }

    fn exceeded_with(&self, message: &Message) -> bool {
        let bytes = match self.rules.max_length_bytes {
            Some(_) => self.ready.bytes() + message.body_len() as u64,
            None => 0,
        };
        self.rules.are_exceeded(self.ready.len() + 1, bytes)
    }

    /// A refused message may be dead-lettered, though it never was in the queue.
    #[cold]
    pub(super) fn refuse(&mut self, place: Place<'_>, message: Message, wakes: &mut Wakes) {
        if self.rules.overflow == Overflow::RejectPublishDlx {
            let entry = Entry {
                seq: 0,
                message,
                expiry: Expiry::NEVER,
                redelivered: false,
                durable: false,
                settled: true,
            };
            self.die(place, entry, Reason::Maxlen, wakes);
        }
    }

    /// When a message that comes now expires: the shorter of the queue's time to live and its
    /// own.
    #[inline(never)]
    pub(super) fn expiry_of(
        &mut self,
        enqueue: &mut Enqueue,
        place: Place<'_>,
        message: &Message,
    ) -> Expiry {
        let own = if message.marks().expires() {
            Content::expiration_ms(message)
        } else {
            None
        };
        let ttl = match (self.rules.message_ttl_ms, own) {
            (Some(ttl), Some(own)) => ttl.min(own),
            (Some(ttl), None) => ttl,
            (None, Some(own)) => own,
            (None, None) => return Expiry::NEVER,
        };
        if !self.timed {
            self.timed = true;
            place.queue.remember_timed();
        }
        let now_ms = *enqueue.now_ms.get_or_insert_with(|| place.queue.now_ms());
        Expiry::at_ms(now_ms.saturating_add(ttl))
    }
}
