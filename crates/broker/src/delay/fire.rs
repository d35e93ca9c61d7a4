//! Sending on what is due.

use std::collections::HashMap;
use std::sync::Arc;

use store::{Body, QueueId};

use crate::delay::Delays;
use crate::delay::bucket::{BucketKey, Phase};
use crate::delay::open::Read;
use crate::delay::state::{Kept, Slot, State};
use crate::delay::stored::Head;
use crate::exchange::Exchange;
use crate::vhost::VHost;
use crate::wakes::Wakes;

/// Messages that one slice sends on: a few milliseconds, after which others may be due.
const SLICE_MESSAGES: usize = 512;

/// Bytes that are read back together.
const READ_BYTES: usize = 256 * 1024;

/// Milliseconds until a message is tried again that is not on the disk yet, or not readable.
const RETRY_MS: u64 = 2;

/// A message that is due.
struct Due {
    slot: Slot,
    kept: Option<Kept>,
}

impl Delays {
    /// Sends on what is due, in order of time and then of publishing. Returns when to go on.
    pub(super) fn fire_slice(&self, now_ms: u64, wakes: &mut Wakes) -> Option<u64> {
        let (mut due, more) = self.take_due(now_ms);
        if due.is_empty() {
            self.sweep(&mut self.state.lock(), now_ms);
            return more.then_some(now_ms);
        }
        let place = self.place.vhost.upgrade();
        let place = place.and_then(|vhost| {
            let exchange = vhost.exchange_by_id(self.place.exchange)?;
            Some((vhost, exchange))
        });
        let (vhost, exchange) = place?;
        let retry = self.fetch(&mut due);
        let fired = publish(&vhost, &exchange, due, wakes);
        wakes.flush();
        self.settle(fired, now_ms);
        match retry {
            true => Some(now_ms + RETRY_MS),
            false => more.then_some(now_ms),
        }
    }

    /// The messages that are due, and whether there are more.
    fn take_due(&self, now_ms: u64) -> (Vec<Due>, bool) {
        let mut state = self.state.lock();
        let before = state.barrier_ms(now_ms).min(now_ms + 1);
        let mut due = Vec::new();
        while due.len() < SLICE_MESSAGES {
            let Some((slot, kept)) = state.pop(before) else {
                return (due, false);
            };
            if state.cancelled.remove(&slot.order).is_none() {
                state.firing.insert(slot.order);
                due.push(Due { slot, kept });
            }
        }
        (due, true)
    }

    /// Reads back what is not in memory; true if some of it must be tried again later.
    fn fetch(&self, due: &mut Vec<Due>) -> bool {
        let mut missing: Vec<(u64, u64, usize)> = due
            .iter()
            .enumerate()
            .filter(|(_, due)| due.kept.is_none())
            .map(|(at, due)| (due.slot.fire_ms / 1_000, due.slot.seq, at))
            .collect();
        missing.sort_unstable();
        let mut found = HashMap::new();
        let mut rest = &missing[..];
        while let Some(&(second, seq, _)) = rest.first() {
            let follows = |i: &usize| {
                rest.get(*i)
                    .is_some_and(|(s, q, _)| (*s, *q) == (second, seq + *i as u64))
            };
            let run = (1..rest.len()).take_while(follows).count() + 1;
            let read = self.read_second(second, seq, run);
            let got = read.len().clamp(1, run);
            found.extend(read.into_iter().map(|(seq, body)| ((second, seq), body)));
            rest = rest.get(got..).unwrap_or_default();
        }
        for (second, seq, at) in &missing {
            let body: Option<Body> = found.remove(&(*second, *seq));
            if let (Some(body), Some(due)) = (body, due.get_mut(*at)) {
                due.kept = Head::read(&body).map(|(head, message)| (message, head.further_keys));
            }
        }
        if missing.is_empty() {
            return false;
        }
        self.put_back(due)
    }

    fn read_second(&self, second: u64, seq: u64, run: usize) -> Vec<(u64, Body)> {
        let Some(id) = self.bucket_of(second * 1_000).map(|(id, _)| id) else {
            return Vec::new();
        };
        match self.read(id, seq, run, READ_BYTES) {
            Read::Messages(messages) => messages,
            Read::Damaged(_) | Read::Failed => Vec::new(),
        }
    }

    fn bucket_of(&self, fire_ms: u64) -> Option<(QueueId, bool)> {
        let state = self.state.lock();
        let bucket = state.buckets.get(&BucketKey::at(0, fire_ms))?;
        let committed = bucket.written <= self.place.services.store.committed();
        Some((bucket.id, committed))
    }

    /// What could not be read goes back if it may be readable later, else it is lost.
    fn put_back(&self, due: &mut Vec<Due>) -> bool {
        let (ready, unread): (Vec<Due>, Vec<Due>) =
            due.drain(..).partition(|due| due.kept.is_some());
        *due = ready;
        let (mut again, mut lost) = (false, Vec::new());
        for Due { slot, .. } in unread {
            let committed = self.bucket_of(slot.fire_ms).is_none_or(|(_, done)| done);
            if committed {
                lost.push(slot);
            } else {
                again = true;
                let mut state = self.state.lock();
                state.firing.remove(&slot.order);
                state.push(slot.fire_ms, slot.order, slot.seq, None);
            }
        }
        if !lost.is_empty() {
            let mut state = self.state.lock();
            self.lose(&mut state, lost.len() as u64);
            // They were counted out just now.
            state.count += lost.len() as u64;
            drop(state);
            self.settle(lost, 0);
        }
        again
    }

    /// The messages are in their queues: they leave the buckets.
    fn settle(&self, fired: Vec<Slot>, now_ms: u64) {
        let mut state = self.state.lock();
        let mut by_bucket: HashMap<BucketKey, Vec<u64>> = HashMap::new();
        for slot in fired {
            state.firing.remove(&slot.order);
            state.count = state.count.saturating_sub(1);
            let key = BucketKey::at(0, slot.fire_ms);
            by_bucket.entry(key).or_default().push(slot.seq);
        }
        for (key, seqs) in by_bucket {
            if let Some(bucket) = state.buckets.get_mut(&key) {
                bucket.live = bucket.live.saturating_sub(seqs.len() as u64);
                self.place.services.store.settle(bucket.id, &seqs);
            }
        }
        self.sweep(&mut state, now_ms);
    }

    /// Drops seconds that are over.
    fn sweep(&self, state: &mut State, now_ms: u64) {
        let over: Vec<BucketKey> = state
            .buckets
            .iter()
            .take_while(|(key, _)| key.opens_ms <= now_ms)
            .filter(|(key, bucket)| {
                bucket.phase == Phase::Open && bucket.live == 0 && key.end_ms() <= now_ms
            })
            .map(|(key, _)| *key)
            .collect();
        for key in over {
            self.drop_bucket(state, key);
        }
    }
}

fn publish(vhost: &VHost, exchange: &Arc<Exchange>, due: Vec<Due>, wakes: &mut Wakes) -> Vec<Slot> {
    let mut fired = Vec::with_capacity(due.len());
    for Due { slot, kept } in due {
        if let Some((message, further)) = kept {
            vhost.publish_fired(exchange, &message, &further, wakes);
        }
        fired.push(slot);
    }
    fired
}
