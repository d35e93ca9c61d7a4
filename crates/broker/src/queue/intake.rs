//! How a run of messages comes in: passed on whole, handed out as it comes, or enqueued.

use std::sync::Arc;

use codec::Pack;
use store::Ticket;

use crate::limits::PACK_BYTES_MAX;
use crate::message::{AckMode, Entry, Expiry, Message};
use crate::queue::Published;
use crate::queue::admission::Enqueue;
use crate::queue::levels::seq_of;
use crate::queue::ready::ENTRY_BYTES;
use crate::queue::recording::Purpose;
use crate::queue::state::{Place, QueueState};
use crate::wakes::Wakes;

impl QueueState {
    /// Appends a run of messages and hands out what can go. The ticket covers those that
    /// had to be recorded.
    pub(crate) fn publish(
        &mut self,
        place: Place<'_>,
        mut run: impl ExactSizeIterator<Item = Message>,
        wakes: &mut Wakes,
    ) -> Published {
        if !self.live {
            // Deleted since it was looked up: as if routed a moment before the deletion.
            run.for_each(drop);
            return Published::default();
        }
        self.counts.publish += run.len() as u64;
        if self.ready.is_deep() {
            let little = self.share.budget().allowance() / 2;
            self.ready.rejoin(little);
        }
        let mut enqueue = Enqueue::new(self, run.len());
        // Of a run with priorities the highest goes first, not the one that came first.
        let in_order = self.rules.max_priority == 0;
        if in_order
            && !(self.special || self.timed || self.consumers.is_spent())
            && self.ready.is_empty()
        {
            self.hand_out(place, &mut run, &mut enqueue, wakes);
        }
        let mut rejected = Vec::new();
        for (at, message) in run.enumerate() {
            // The rules of the queue, or of this message: nothing for nearly all of them.
            let mut value = None;
            if self.special {
                value = self.value_of(&message);
                if value.is_some_and(|value| self.holds(&value)) {
                    continue;
                }
                if self.refuses(&mut enqueue, place, &message, wakes) {
                    rejected.push(u32::try_from(at).unwrap_or(u32::MAX));
                    self.refuse(place, message, wakes);
                    continue;
                }
            }
            let expiry = if self.special || message.marks().expires() {
                self.expiry_of(&mut enqueue, place, &message)
            } else {
                Expiry::NEVER
            };
            let seq = self.enqueue(&mut enqueue, place, message, expiry);
            if let Some(value) = value {
                self.hold(value, seq);
            }
        }
        // The record is enqueued before anybody can see the message: else its ack could
        // stand before it in the log, and it would come back after a restart.
        let ticket = self.finish(enqueue, place);
        self.consumers.flush(wakes);
        self.settle_collected(place);
        self.dispatch(place, wakes);
        if self.special || self.timed {
            self.tend(place, wakes);
        }
        self.chill(place);
        Published { ticket, rejected }
    }

    /// Gives a run to the only consumer as it is, if nothing of it has to be recorded, held until it
    /// is acknowledged, or looked at message by message. Else the run is to be published.
    pub(crate) fn hand_on(
        &mut self,
        place: Place<'_>,
        pack: &Arc<Pack>,
        wakes: &mut Wakes,
    ) -> bool {
        let looks = self.special || self.timed || self.rules.max_priority > 0;
        let records = place.durable && pack.any_persistent();
        if !self.live || looks || records || pack.any_expires() || pack.wire_len() > PACK_BYTES_MAX
        {
            return false;
        }
        if !self.consumers.is_sole() || self.consumers.is_spent() || !self.ready.is_empty() {
            return false;
        }
        let Some(turn) = self.consumers.next() else {
            return false;
        };
        if turn.ack == AckMode::Manual {
            return false;
        }
        let messages = pack.len() as u64;
        self.counts.publish += messages;
        self.counts.deliver_no_ack += messages;
        let level = self.ready.level(0);
        let first = seq_of(0, level.next_seq);
        level.next_seq += messages;
        level.delivered_to = level.next_seq - 1;
        self.consumers.hand_on(turn, first, Arc::clone(pack), wakes);
        true
    }

    /// Gives the first of a run to consumers, for as long as one can take a message. Nothing
    /// waits before them, so they need not go through the ready messages. [`Consumers::flush`]
    /// follows, when they have been recorded.
    #[inline]
    fn hand_out(
        &mut self,
        place: Place<'_>,
        run: &mut impl ExactSizeIterator<Item = Message>,
        enqueue: &mut Enqueue,
        wakes: &mut Wakes,
    ) {
        let sole = self.consumers.is_sole();
        while let Some(turn) = self.consumers.next() {
            if sole {
                self.consumers.expect(turn, run.len());
            }
            loop {
                let Some(message) = run.next() else {
                    return;
                };
                let expiry = if message.marks().expires() {
                    self.expiry_of(enqueue, place, &message)
                } else {
                    Expiry::NEVER
                };
                let at = self.ready.level_for(message.marks().priority());
                let level = self.ready.level(at);
                level.delivered_to = level.next_seq;
                level.next_seq += 1;
                let durable = place.durable && message.persistent();
                let manual = turn.ack == AckMode::Manual;
                let (body_len, wire_len) = (message.body_len(), message.wire_len());
                let entry = Entry {
                    seq: seq_of(at, level.delivered_to),
                    message,
                    expiry,
                    redelivered: false,
                    durable: durable && manual,
                    settled: durable && !manual,
                };
                if durable {
                    enqueue.record.add(place, &entry, Purpose::Durability);
                }
                // Whatever this one is, those staged before it go with it.
                if enqueue.record.waits() && self.consumers.flushes(turn, wire_len) {
                    enqueue.record.write(place);
                }
                if manual {
                    self.unacked += 1;
                    self.unacked_bytes += body_len as u64;
                    self.counts.deliver += 1;
                } else {
                    self.counts.deliver_no_ack += 1;
                    if durable {
                        self.settling.push(entry.seq);
                    }
                }
                if !(self.consumers.stage(turn, entry, wakes) && sole) {
                    break;
                }
            }
        }
    }

    #[inline]
    fn enqueue(
        &mut self,
        enqueue: &mut Enqueue,
        place: Place<'_>,
        message: Message,
        expiry: Expiry,
    ) -> u64 {
        let at = self.ready.level_for(message.marks().priority());
        let level = self.ready.level(at);
        let seq = seq_of(at, level.next_seq);
        level.next_seq += 1;
        let durable = place.durable && (message.persistent() || enqueue.all_durable);
        let allowance = if durable {
            enqueue.allowance
        } else {
            enqueue.transient_allowance
        };
        let deep = level.ready.is_deep() || enqueue.cost >= allowance;
        enqueue.cost += message.wire_len() as u64 + ENTRY_BYTES;
        let entry = Entry {
            seq,
            message,
            expiry,
            redelivered: false,
            durable: durable || deep,
            settled: false,
        };
        if durable {
            enqueue.record.add(place, &entry, Purpose::Durability);
        } else if deep {
            enqueue.record.add(place, &entry, Purpose::Memory);
        }
        if deep {
            level.ready.push_tail(entry);
        } else {
            level.ready.push(entry);
        }
        seq
    }

    /// Hands the records of a run to the store.
    #[inline]
    pub(super) fn finish(&mut self, enqueue: Enqueue, place: Place<'_>) -> Option<Ticket> {
        let tickets = enqueue.record.finish(place);
        if let Some(ticket) = tickets.all {
            self.ready.mark(ticket);
        }
        tickets.durable.max(enqueue.ticket)
    }
}
