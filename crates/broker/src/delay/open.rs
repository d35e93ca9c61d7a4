//! Opening buckets ahead of their time, in slices.

use std::collections::BTreeMap;

use store::{Body, QueueId};

use crate::delay::Delays;
use crate::delay::bucket::{BucketKey, Phase};
use crate::delay::state::State;
use crate::delay::stored::Head;

/// Messages that one slice moves: about a millisecond, for which nothing fires.
const SLICE_MESSAGES: usize = 128;

/// Milliseconds from one slice to the next, where there is time: the disk and the other
/// threads have more to do than to prepare for later.
const PACE_MS: u64 = 2;

/// Bytes that one slice reads.
const SLICE_BYTES: usize = 1 << 20;

/// Milliseconds until a slice is tried again that could not be read for now.
const RETRY_MS: u64 = 1_000;

/// Milliseconds until a slice is tried again that waits for the disk.
const WAIT_MS: u64 = 2;

/// A slice to read.
#[derive(Clone, Copy)]
struct Slice {
    key: BucketKey,
    id: QueueId,
    from: u64,
    upto: u64,
}

impl Slice {
    /// How long to wait before the next slice, which begins with `from`: not at all, if the
    /// bucket would not be opened in half the time that is left.
    fn pause_ms(&self, from: u64, now_ms: u64) -> u64 {
        let slices = (self.upto.saturating_sub(from) / SLICE_MESSAGES as u64).saturating_add(1);
        let left_ms = self.key.start_ms().saturating_sub(now_ms);
        let enough = slices.saturating_mul(PACE_MS) < left_ms / 2;
        u64::from(enough) * PACE_MS
    }
}

/// What reading gave.
pub(super) enum Read {
    /// Messages in order; none when there are no more.
    Messages(Vec<(u64, Body)>),
    /// This one is damaged, and is lost.
    Damaged(u64),
    /// The store can't be read.
    Failed,
}

impl Delays {
    /// Opens a part of the bucket that comes first. Returns when to go on.
    pub(super) fn open_slice(&self, now_ms: u64) -> Option<u64> {
        let slice = match self.next_slice(now_ms)? {
            Ok(slice) => slice,
            Err(wait) => return Some(wait),
        };
        let messages = match self.read(slice.id, slice.from, SLICE_MESSAGES, SLICE_BYTES) {
            Read::Messages(messages) => messages,
            Read::Damaged(seq) => {
                self.skip(slice, seq);
                return Some(now_ms);
            }
            Read::Failed => return Some(now_ms + RETRY_MS),
        };
        let mut state = self.state.lock();
        if !state.live {
            return None;
        }
        let last = messages.last().map_or(slice.upto, |(seq, _)| *seq);
        if slice.key.level == 0 {
            place_slots(&mut state, slice, messages);
        } else {
            self.cascade(&mut state, slice, messages);
        }
        self.proceed(&mut state, slice, last + 1);
        Some(now_ms + slice.pause_ms(last + 1, now_ms))
    }

    /// The slice to open now; or when it can be.
    fn next_slice(&self, now_ms: u64) -> Option<Result<Slice, u64>> {
        let store = &self.place.services.store;
        let mut state = self.state.lock();
        let key = state.to_open(now_ms)?;
        let can_begin = state.has_room()
            || state
                .next_fire()
                .is_none_or(|at| at >= state.barrier_ms(now_ms));
        let bucket = state.buckets.get_mut(&key)?;
        if bucket.phase == Phase::Closed {
            if !can_begin {
                return None;
            }
            if bucket.written > store.committed() {
                return Some(Err(now_ms + WAIT_MS));
            }
            bucket.phase = Phase::Opening {
                from: bucket.first_seq,
                upto: bucket.next_seq.saturating_sub(1),
            };
        }
        if key.level > 0 && store.is_congested() {
            return Some(Err(now_ms + WAIT_MS));
        }
        let Phase::Opening { from, upto } = bucket.phase else {
            return None;
        };
        Some(Ok(Slice {
            key,
            id: bucket.id,
            from,
            upto,
        }))
    }

    /// Notes how far a bucket has been opened.
    fn proceed(&self, state: &mut State, slice: Slice, from: u64) {
        let Some(bucket) = state.buckets.get_mut(&slice.key) else {
            return;
        };
        if from <= slice.upto {
            bucket.phase = Phase::Opening {
                from,
                upto: slice.upto,
            };
        } else if slice.key.level == 0 {
            bucket.phase = Phase::Open;
        } else if bucket.next_seq > slice.upto + 1 {
            // The clock was set back, and something was added meanwhile.
            bucket.first_seq = slice.upto + 1;
            bucket.phase = Phase::Closed;
        } else {
            self.drop_bucket(state, slice.key);
        }
    }

    /// Moves messages to the next finer buckets.
    fn cascade(&self, state: &mut State, slice: Slice, messages: Vec<(u64, Body)>) {
        let mut finer: BTreeMap<BucketKey, Vec<(u64, u64, Body)>> = BTreeMap::new();
        let mut settled = Vec::with_capacity(messages.len());
        let (mut moved, mut lost) = (0, 0);
        for (seq, body) in messages {
            if seq > slice.upto {
                break;
            }
            settled.push(seq);
            match Head::read(&body) {
                Some((head, _)) if state.cancelled.remove(&head.order).is_some() => {}
                Some((head, _)) => {
                    moved += 1;
                    let target = BucketKey::at(slice.key.level - 1, head.fire_ms);
                    let list = finer.entry(target).or_default();
                    list.push((head.fire_ms, head.order, body));
                }
                None => lost += 1,
            }
        }
        for (target, list) in finer {
            let bucket = self.bucket(state, target);
            let (mut first, mut bodies, mut slots) = (None, Vec::with_capacity(list.len()), vec![]);
            let open = bucket.phase != Phase::Closed;
            for (fire_ms, order, body) in list {
                let seq = bucket.take_seqs(1, order);
                first = first.or(Some(seq));
                bodies.push(body);
                if open {
                    slots.push((fire_ms, order, seq));
                }
            }
            self.write(bucket, first.unwrap_or(1), bodies);
            for (fire_ms, order, seq) in slots {
                state.push(fire_ms, order, seq, None);
            }
        }
        // Behind the appends in the log.
        self.place.services.store.settle(slice.id, &settled);
        if let Some(bucket) = state.buckets.get_mut(&slice.key) {
            bucket.live = bucket.live.saturating_sub(moved + lost);
        }
        self.lose(state, lost);
    }

    /// A message can't be read: it is settled and counted out.
    fn skip(&self, slice: Slice, seq: u64) {
        self.place.services.store.settle(slice.id, &[seq]);
        let mut state = self.state.lock();
        if let Some(bucket) = state.buckets.get_mut(&slice.key) {
            bucket.live = bucket.live.saturating_sub(1);
        }
        self.lose(&mut state, 1);
        self.proceed(&mut state, slice, seq + 1);
    }

    pub(super) fn lose(&self, state: &mut State, lost: u64) {
        state.count = state.count.saturating_sub(lost);
        if lost > 0 {
            let exchange = &*self.place.exchange_name;
            tracing::error!(
                exchange,
                lost,
                "delayed messages can't be read and are lost"
            );
        }
    }

    /// Reads from the store, without the lock.
    pub(super) fn read(&self, id: QueueId, from: u64, mut max: usize, bytes: usize) -> Read {
        loop {
            match self.place.services.store.read(id, from, max, bytes) {
                Ok(messages) => return Read::Messages(messages),
                // Those before the damaged one are whole, but come only without it.
                Err(store::Error::CorruptMessage { .. }) if max > 1 => max /= 2,
                Err(store::Error::CorruptMessage { seq, .. }) => return Read::Damaged(seq),
                Err(store::Error::Closed) => return Read::Failed,
                Err(error) => {
                    let exchange = &*self.place.exchange_name;
                    tracing::error!(exchange, %error, "can't read delayed messages back");
                    return Read::Failed;
                }
            }
        }
    }
}

/// Gives the messages of a second their slots.
fn place_slots(state: &mut State, slice: Slice, messages: Vec<(u64, Body)>) {
    for (seq, body) in messages {
        if seq > slice.upto {
            break;
        }
        let Some((head, message)) = Head::read(&body) else {
            continue;
        };
        if state.cancelled.remove(&head.order).is_some() {
            continue;
        }
        let kept = (message, head.further_keys);
        state.push(head.fire_ms, head.order, seq, Some(kept));
    }
}
