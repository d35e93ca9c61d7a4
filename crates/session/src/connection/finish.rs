//! The end of a turn: the one place where publishers are told that their messages are safe.

use std::sync::atomic::Ordering;

use crate::connection::running::Running;
use crate::connection::slots::Slot;
use crate::connection::throttle::Rest;
use crate::limits::{CONFIRMS_WAITING_MAX, IDLE_ENTRIES_MAX};
use crate::turn::Turn;
use broker::Ticket;

impl Running {
    pub(crate) fn finish(&mut self, turn: &mut Turn<'_>) {
        self.client.hand_over(&mut turn.wakes);
        if let Some(outbox) = turn.wakes.take_crowded() {
            self.rest = Some(Rest::new(outbox, turn.now));
        }
        self.note_published();
        let mut touched = std::mem::take(&mut self.touched);
        for number in touched.drain(..) {
            self.confirm(number, turn);
            let Some(Slot::Open(channel)) = self.channels.get_mut(number) else {
                continue;
            };
            channel.touched = false;
            if channel.resume {
                channel.resume_consumers(turn);
            }
            channel.flush_counts(&self.client);
            channel.note_ages(turn.now);
            if let Some(within) = channel.look_within() {
                let at = turn.now + within;
                self.ages_due = Some(self.ages_due.map_or(at, |due| due.min(at)));
            }
            if !channel.waiting && channel.awaits().is_some() {
                channel.waiting = true;
                self.waiting.push(number);
            }
        }
        if touched.capacity() <= IDLE_ENTRIES_MAX {
            self.touched = touched;
        }
        self.client.flush_sizes();
        self.client.release_memory();
        self.look_ahead();
        self.heed_alarms(turn);
        self.watch_output(turn);
        self.show_state();
        self.count_output(turn);
    }

    /// Tells the confirms of each channel what has been handed to the queues.
    pub(super) fn note_published(&mut self) {
        let mut published = std::mem::take(&mut self.client.published);
        for group in published.drain(..) {
            let ticket = self.client.pending(group.ticket);
            if let Some(Slot::Open(channel)) = self.channels.get_mut(group.channel)
                && let Some(confirms) = &mut channel.confirms
            {
                confirms.published(group.n, ticket, &group.refused);
                channel.touch(&mut self.touched);
            }
        }
        self.client.published = published;
    }

    /// Sends the confirms that are due on a channel. Returns were written before, as the
    /// messages came in.
    pub(super) fn confirm(&mut self, number: u16, turn: &mut Turn<'_>) {
        if let Some(Slot::Open(channel)) = self.channels.get_mut(number)
            && let Some(due) = channel
                .confirms
                .as_mut()
                .and_then(|confirms| confirms.due())
        {
            due.write(number, turn.out);
            channel.counts.confirm += due.accepted_count();
        }
    }

    /// What the driver has to wait for.
    fn look_ahead(&mut self) {
        self.awaits = None;
        let mut groups = 0;
        for number in &self.waiting {
            let ticket = match self.channels.get(*number) {
                Some(Slot::Open(channel)) => {
                    groups += channel
                        .confirms
                        .as_ref()
                        .map_or(0, |confirms| confirms.waiting());
                    channel.awaits()
                }
                Some(Slot::Closing(parked)) => parked.awaits(),
                None => None,
            };
            self.awaits = match (self.awaits, ticket) {
                (Some(one), Some(other)) => Some(one.min(other)),
                (one, other) => one.or(other),
            };
        }
        self.congested = None;
        if self.client.publishes {
            // Read before asking: a store that is congested has yet to commit something
            // beyond this, and that commit brings us back here.
            let committed = self.client.broker.commits().committed();
            if groups > CONFIRMS_WAITING_MAX || self.client.broker.is_congested() {
                self.congested = Some(Ticket(committed.0 + 1));
            }
        }
    }

    fn count_output(&mut self, turn: &Turn<'_>) {
        let emitted = turn.emitted();
        if emitted == 0 {
            return;
        }
        let traffic = &self.client.info.traffic;
        traffic
            .send_oct
            .fetch_add(emitted as u64, Ordering::Relaxed);
        traffic.send_cnt.fetch_add(1, Ordering::Relaxed);
        if let Some(heartbeat) = &mut self.heartbeat {
            heartbeat.sent();
        }
    }
}
