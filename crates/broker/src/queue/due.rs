//! The queue and time: its deadline with the timers, and what is done when that comes.

use std::sync::Arc;

use crate::dead_letter::Reason;
use crate::message::Entry;
use crate::queue::{Locked, Queue, QueueCounts, Rules};
use crate::record::Record;
use crate::timers::{Timed, TimerKey};
use crate::vhost::VHost;
use crate::wakes::Wakes;

impl Queue {
    /// The time, in milliseconds since 1970.
    pub(crate) fn now_ms(&self) -> u64 {
        self.services.clock.now_ms()
    }

    /// The time if somebody needs it, else 0.
    pub(super) fn now_ms_if(&self, needed: bool) -> u64 {
        if needed { self.now_ms() } else { 0 }
    }

    /// Its virtual host, unless that is gone.
    pub(crate) fn home(&self) -> Option<Arc<VHost>> {
        self.services.vhost.upgrade()
    }

    pub(super) fn handle(&self) -> Option<Arc<Self>> {
        self.own.upgrade()
    }

    pub(super) fn set_deadline(&self, at_ms: u64) {
        let timed = self.own.clone();
        self.services
            .timers
            .set(TimerKey::Queue(self.id.0), at_ms, timed);
    }

    pub(super) fn count_death(&self, reason: Reason, lettered: bool) {
        if let Some(vhost) = self.home() {
            vhost.dead_letters().count(reason, lettered);
        }
    }

    /// Shows a message that dies for good to whoever follows it.
    pub(super) fn show_drop(&self, entry: &Entry, reason: Reason) {
        if let Some(vhost) = self.home().filter(|vhost| vhost.is_traced()) {
            vhost.show_drop(self, entry, reason.as_str());
        }
    }

    /// From now on a start has to look when its messages expire.
    pub(super) fn remember_timed(&self) {
        if self.durable {
            self.services.store.put(&Record::timed_key(self.id), &[1]);
        }
    }

    /// It is new, or back: sees to its first deadline.
    pub(crate) fn begin(&self) {
        self.recall();
        let mut state = self.lock();
        state.touch(self.place());
        if state.timed && !state.ready.is_empty() {
            state.arm(self.place(), 0);
        }
    }

    /// The rules that hold now.
    #[must_use]
    pub fn rules(&self) -> Arc<Rules> {
        Arc::clone(&self.lock().rules)
    }

    /// Other rules hold from now on, also for the messages that are there; only a time to live
    /// is that of the moment when a message came. What is fixed at declaration stays.
    pub fn set_rules(&self, rules: Rules, wakes: &mut Wakes) {
        let mut state = self.lock();
        if *state.rules == rules || !state.live {
            return;
        }
        let (had_ttl, knew_duplicates) = (state.timed, state.rules.deduplicates);
        let at_once = state.set_rules(self.place(), rules, wakes);
        if state.timed && !had_ttl {
            self.remember_timed();
        }
        let learns_duplicates = state.rules.deduplicates && !knew_duplicates;
        if at_once {
            self.refill(state, wakes);
        } else {
            drop(state);
        }
        if learns_duplicates {
            self.recall();
        }
    }

    /// Milliseconds that a consumer may take over a delivery, if the queue has a say in it.
    #[must_use]
    pub fn consumer_timeout_ms(&self) -> Option<u64> {
        self.lock().rules.consumer_timeout_ms
    }

    /// It was declared again, which counts as a use of a classic queue.
    pub(crate) fn redeclared(&self) {
        let mut state = self.lock();
        if state.rules.kind == crate::queue::QueueKind::Classic {
            state.touch(self.place());
        }
    }

    /// Goes away if it has not been used for long enough. False: it stays.
    fn go_if_disused(&self, now_ms: u64, wakes: &mut Wakes) -> bool {
        let disused = |state: &Locked<'_>| state.disused_at().is_some_and(|at| at <= now_ms);
        let state = self.lock();
        if !disused(&state) {
            return false;
        }
        drop(state);
        let (Some(vhost), Some(queue)) = (self.home(), self.handle()) else {
            return false;
        };
        tracing::debug!(queue = %self.name, "a queue that nobody uses has expired");
        let unused = |counts: &QueueCounts| counts.consumers == 0;
        vhost.remove_queue(&queue, wakes, unused)
    }
}

impl Timed for Queue {
    fn due(&self, now_ms: u64, wakes: &mut Wakes) -> Option<u64> {
        self.lock().armed = None;
        if self.go_if_disused(now_ms, wakes) {
            return None;
        }
        self.retry_letters(now_ms, wakes);
        let mut state = self.lock();
        if !state.live {
            return None;
        }
        state.dispatch(self.place(), wakes);
        state.tend(self.place(), wakes);
        self.refill(state, wakes);
        let mut state = self.lock();
        let next = [state.armed, state.next_deadline(self.place())]
            .into_iter()
            .flatten()
            .min();
        state.armed = next;
        next
    }
}
