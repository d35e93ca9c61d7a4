//! What a queue does with time and with too many messages: everything that lets messages die
//! without a client's say, and the one deadline that it has with the timers.

use std::sync::Arc;

use crate::dead_letter::{DeadLetter, Reason};
use crate::limits::{DEATHS_SLICE_MAX, UNREADABLE_RETRY_MS};
use crate::message::Entry;
use crate::queue::ready::{Popped, Stretch};
use crate::queue::state::{Place, QueueState};
use crate::queue::{Overflow, Rules};
use crate::wakes::Wakes;

impl QueueState {
    /// Lets go what has expired or is too much, a slice of it at a time, and sees to it that
    /// the timers know when to come back.
    #[inline(never)]
    pub(super) fn tend(&mut self, place: Place<'_>, wakes: &mut Wakes) {
        let mut left = DEATHS_SLICE_MAX;
        let now_ms = place.queue.now_ms_if(self.timed);
        while left > 0 {
            let expired = match self.timed {
                true => self.ready.pop_expired(now_ms),
                false => None,
            };
            // What has expired is not too much.
            if let Some(entry) = expired {
                self.die(place, entry, Reason::Expired, wakes);
            } else if self.is_over()
                && !self.has_unread_head()
                && let Popped::Entry(entry) = self.ready.pop()
            {
                self.die(place, entry, Reason::Maxlen, wakes);
            } else {
                break;
            }
            left -= 1;
        }
        self.settle_collected(place);
        if left == 0 {
            self.arm(place, place.queue.now_ms());
        } else if self.timed {
            self.rearm(place);
        }
    }

    /// There is more than there may be, and the oldest has to go.
    fn is_over(&self) -> bool {
        let rules = &self.rules;
        // A limit lowered below what is there is enforced whichever way new ones are refused.
        rules.has_limit()
            && rules.overflow == Overflow::DropHead
            && rules.are_exceeded(self.ready.len(), self.ready.bytes())
    }

    /// What stands first somewhere may have expired, and has to be read to know.
    fn has_unread_head(&self) -> bool {
        self.timed && !self.unreadable && self.ready.unknown_head().is_some()
    }

    /// What has to be read to tell what expires when, or to drop it.
    pub(super) fn wanted_to_tend(&mut self) -> Option<Stretch> {
        let unknown = match self.timed {
            true => self.ready.unknown_head(),
            false => None,
        };
        match unknown {
            None if self.is_over() => self.ready.wanted(),
            unknown => unknown,
        }
    }

    /// A message that is in no list any more is dead: it goes on as a dead letter, or it is
    /// settled.
    pub(super) fn die(
        &mut self,
        place: Place<'_>,
        entry: Entry,
        reason: Reason,
        wakes: &mut Wakes,
    ) {
        self.let_go(std::iter::once(entry.seq));
        place
            .queue
            .count_death(reason, self.rules.dead_letter_exchange.is_some());
        if self.rules.dead_letter_exchange.is_none() {
            place.queue.show_drop(&entry, reason);
            if entry.durable {
                self.settling.push(entry.seq);
            }
            self.forget_returns(place, std::iter::once(entry.seq));
            return;
        }
        if self.rules.keeps_dead_letters() && !self.letters().admit(&entry, reason) {
            return;
        }
        let mut entry = entry;
        if !self.rules.keeps_dead_letters()
            && self.letters.as_ref().is_some_and(|l| l.are_waiting())
        {
            self.arm(place, 0);
            let Some(excess) = self.letters().line_up(entry, reason) else {
                return;
            };
            entry = excess;
        }
        if let Some(queue) = place.queue.handle() {
            wakes.bury(DeadLetter {
                queue,
                rules: Arc::clone(&self.rules),
                entry,
                reason,
            });
        }
    }

    /// As [`Self::die`], for a message that is in the store only. To go on as a dead letter it
    /// has to be read, which the timers see to.
    pub(super) fn die_unread(
        &mut self,
        place: Place<'_>,
        (seq, bytes): (u64, u64),
        reason: Reason,
    ) {
        self.let_go(std::iter::once(seq));
        place
            .queue
            .count_death(reason, self.rules.dead_letter_exchange.is_some());
        if self.rules.dead_letter_exchange.is_some() {
            self.letters().add_unread(seq, bytes, reason);
            self.arm(place, 0);
        } else {
            self.settling.push(seq);
            self.forget_returns(place, std::iter::once(seq));
        }
    }

    /// The timers are to come back at `at_ms` at the latest.
    pub(super) fn arm(&mut self, place: Place<'_>, at_ms: u64) {
        if self.armed.is_none_or(|armed| at_ms < armed) {
            self.armed = Some(at_ms);
            place.queue.set_deadline(at_ms);
        }
    }

    /// The timers are to come back when there is something to do.
    #[inline(never)]
    pub(super) fn rearm(&mut self, place: Place<'_>) {
        if let Some(at_ms) = self.next_deadline(place) {
            self.arm(place, at_ms);
        }
    }

    /// When there will be something to do.
    pub(super) fn next_deadline(&self, place: Place<'_>) -> Option<u64> {
        let expiry = match self.timed {
            false => None,
            // Somebody has to read it, to know.
            true if self.ready.unknown_head().is_some() && !self.reading => {
                let wait = if self.unreadable {
                    UNREADABLE_RETRY_MS
                } else {
                    0
                };
                Some(place.queue.now_ms() + wait)
            }
            true => self.ready.next_expiry_ms(),
        };
        let disuse = self.disused_at();
        let letters = self.letters.as_ref().and_then(|l| l.next_try_ms());
        [expiry, disuse, letters].into_iter().flatten().min()
    }

    /// When the queue itself expires, if nobody uses it until then.
    pub(super) fn disused_at(&self) -> Option<u64> {
        let expires = self.rules.expires_ms?;
        self.consumers
            .is_empty()
            .then(|| self.unused_since_ms.saturating_add(expires))
    }

    /// Somebody uses the queue.
    pub(super) fn touch(&mut self, place: Place<'_>) {
        if self.rules.expires_ms.is_some() {
            self.unused_since_ms = place.queue.now_ms();
            self.rearm(place);
        }
    }

    /// Other rules hold from now on. True: so do they for what is there already, as far as
    /// that is in memory. Else the timers see to it.
    pub(super) fn set_rules(&mut self, place: Place<'_>, rules: Rules, wakes: &mut Wakes) -> bool {
        self.timed |= rules.message_ttl_ms.is_some();
        let began_to_expire = self.rules.expires_ms.is_none();
        // What is fixed at declaration stays.
        self.rules = Arc::new(Rules {
            kind: self.rules.kind,
            max_priority: self.rules.max_priority,
            single_active_consumer: self.rules.single_active_consumer,
            ..rules
        });
        if !self.rules.deduplicates {
            self.held = None;
        }
        self.special = self.rules.are_special();
        if began_to_expire {
            self.touch(place);
        }
        // One thread does all of it, or dead letters would overtake each other.
        let at_once = self.ready.len() <= DEATHS_SLICE_MAX as u64;
        if at_once {
            self.tend(place, wakes);
        } else {
            self.arm(place, 0);
        }
        self.rearm(place);
        at_once
    }
}
