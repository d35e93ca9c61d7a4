//! Looking at delayed messages, and cancelling them.

use std::fmt;
use std::str::FromStr;

use store::QueueId;

use crate::delay::Delays;
use crate::delay::bucket::{BucketKey, Phase};
use crate::delay::open::Read;
use crate::delay::state::State;
use crate::delay::stored::Head;
use crate::message::Message;

/// Messages in a page at most.
pub const DELAYED_PAGE_MAX: usize = 500;

/// Messages and bytes that a search reads at once.
const SEARCH: (usize, usize) = (512, 1 << 20);

/// Times that a message may move on while it is looked for: once per level.
const MOVES_MAX: usize = 4;

/// Names one delayed message of an exchange. It stays the same until the message is sent on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DelayedId {
    /// When it is due, in milliseconds since 1970.
    pub fire_ms: u64,
    order: u64,
}

impl fmt::Display for DelayedId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.fire_ms, self.order)
    }
}

impl FromStr for DelayedId {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (fire_ms, order) = text.split_once('-').ok_or(())?;
        Ok(Self {
            fire_ms: fire_ms.parse().map_err(|_| ())?,
            order: order.parse().map_err(|_| ())?,
        })
    }
}

/// A message that waits.
#[derive(Clone, Debug)]
pub struct DelayedMessage {
    /// Its name, with the time at which it is due.
    pub id: DelayedId,
    /// As it will be delivered.
    pub message: Message,
}

/// Some of an exchange's delayed messages.
#[derive(Clone, Debug, Default)]
pub struct DelayedPage {
    /// Those that are due sooner come first, roughly: in order within a day, an hour, a minute
    /// or a second they come as they were published.
    pub messages: Vec<DelayedMessage>,
    /// Where the next page begins; none behind the last.
    pub next: Option<String>,
}

/// A place in the listing: start and level of a bucket, and a number in it.
type Cursor = (u64, u8, u64);

fn parse_cursor(text: &str) -> Option<Cursor> {
    let mut parts = text.split('-');
    let cursor = (
        parts.next()?.parse().ok()?,
        parts.next()?.parse().ok()?,
        parts.next()?.parse().ok()?,
    );
    parts.next().is_none().then_some(cursor)
}

impl Delays {
    /// Up to `max` messages from a place on that an earlier page named. Reads from the disk.
    pub(crate) fn list(&self, from: Option<&str>, max: usize) -> DelayedPage {
        let max = max.clamp(1, DELAYED_PAGE_MAX);
        let start = from.and_then(parse_cursor).unwrap_or_default();
        let mut page = DelayedPage::default();
        for (bucket_start, level, id, first) in self.buckets_from(start) {
            let mut seq = if (bucket_start, level) == (start.0, start.1) {
                first.max(start.2)
            } else {
                first
            };
            loop {
                let room = max - page.messages.len();
                if room == 0 {
                    page.next = Some(format!("{bucket_start}-{level}-{seq}"));
                    return page;
                }
                match self.read(id, seq, room, SEARCH.1) {
                    Read::Messages(found) => {
                        let Some((last, _)) = found.last() else {
                            break;
                        };
                        seq = last + 1;
                        let read = found.iter().filter_map(|(_, body)| Head::read(body));
                        self.keep_waiting(read, &mut page);
                    }
                    Read::Damaged(damaged) => seq = damaged + 1,
                    Read::Failed => return page,
                }
            }
        }
        page
    }

    fn buckets_from(&self, start: Cursor) -> Vec<(u64, u8, QueueId, u64)> {
        let state = self.state.lock();
        let mut all: Vec<_> = state
            .buckets
            .iter()
            .map(|(key, bucket)| {
                (
                    key.start_ms(),
                    key.level,
                    bucket.id,
                    unmoved(bucket.phase, bucket.first_seq, key),
                )
            })
            .filter(|(at, level, ..)| (*at, *level) >= (start.0, start.1))
            .collect();
        all.sort_unstable_by_key(|(at, level, ..)| (*at, *level));
        all
    }

    /// Adds what is neither cancelled nor just being sent on.
    fn keep_waiting(&self, read: impl Iterator<Item = (Head, Message)>, page: &mut DelayedPage) {
        let state = self.state.lock();
        for (head, message) in read {
            let gone = state.cancelled.contains_key(&head.order)
                || state.firing.contains(&head.order)
                || state.is_fired(head.fire_ms, head.order);
            if !gone {
                let id = DelayedId {
                    fire_ms: head.fire_ms,
                    order: head.order,
                };
                page.messages.push(DelayedMessage { id, message });
            }
        }
    }

    /// Cancels a message; false if there is none of this name any more. The ticket says when
    /// the cancellation survives. Reads from the disk.
    pub(crate) fn cancel(&self, id: DelayedId) -> Option<store::Ticket> {
        for _ in 0..MOVES_MAX {
            let mut moved = false;
            for key in BucketKey::all_for(id.fire_ms) {
                let Some((queue, seq)) = self.find(key, id.order) else {
                    continue;
                };
                let mut state = self.state.lock();
                match self.cancel_at(&mut state, key, (queue, seq), id) {
                    Cancel::Done(ticket) => return Some(ticket),
                    Cancel::Gone => return None,
                    Cancel::Moved => moved = true,
                }
            }
            if !moved {
                return None;
            }
        }
        None
    }

    fn cancel_at(
        &self,
        state: &mut State,
        key: BucketKey,
        (queue, seq): (QueueId, u64),
        id: DelayedId,
    ) -> Cancel {
        if state.cancelled.contains_key(&id.order) || state.firing.contains(&id.order) {
            return Cancel::Gone;
        }
        let now_ms = self.place.services.clock.now_ms();
        let Some(bucket) = state.buckets.get(&key).filter(|b| b.id == queue) else {
            return Cancel::Moved;
        };
        match bucket.phase {
            Phase::Opening { from, .. } if key.level > 0 && seq < from => return Cancel::Moved,
            Phase::Open if !state.has_slot(id.order) => return Cancel::Gone,
            Phase::Opening { from, upto }
                if key.level == 0 && !(from..=upto).contains(&seq) && !state.has_slot(id.order) =>
            {
                return Cancel::Gone;
            }
            _ => {}
        }
        let ticket = self.place.services.store.purge(queue, &[(seq, seq)]);
        if let Some(bucket) = state.buckets.get_mut(&key) {
            bucket.live = bucket.live.saturating_sub(1);
        }
        state.count = state.count.saturating_sub(1);
        state.cancelled(id.order, now_ms);
        Cancel::Done(ticket)
    }

    /// The number of a message in a bucket.
    fn find(&self, key: BucketKey, order: u64) -> Option<(QueueId, u64)> {
        let (id, first, next, sorted) = {
            let state = self.state.lock();
            let bucket = state.buckets.get(&key)?;
            let first = unmoved(bucket.phase, bucket.first_seq, &key);
            (bucket.id, first, bucket.next_seq, bucket.is_sorted())
        };
        let from = if sorted {
            self.halve(id, (first, next), order)
        } else {
            first
        };
        let mut seq = from;
        while let Read::Messages(found) = self.read(id, seq, SEARCH.0, SEARCH.1) {
            let (last, _) = found.last()?;
            seq = last + 1;
            for (seq, body) in &found {
                match Head::read(body) {
                    Some((head, _)) if head.order == order => return Some((id, *seq)),
                    Some((head, _)) if sorted && head.order > order => return None,
                    _ => {}
                }
            }
        }
        None
    }

    /// The last place before which all orders are lower, by halves.
    fn halve(&self, id: QueueId, (mut low, mut high): (u64, u64), order: u64) -> u64 {
        while high - low > SEARCH.0 as u64 {
            let middle = low + (high - low) / 2;
            let Read::Messages(found) = self.read(id, middle, 1, 1) else {
                return low;
            };
            let head = found.first().and_then(|(_, body)| Head::read(body));
            match head {
                Some((head, _)) if head.order <= order => low = middle,
                _ => high = middle,
            }
        }
        low
    }
}

/// What became of an attempt to cancel.
enum Cancel {
    Done(store::Ticket),
    /// It is cancelled already, or sent on.
    Gone,
    /// It is not here any more, but may be in a finer bucket.
    Moved,
}

/// The first number that was not moved to a finer bucket.
fn unmoved(phase: Phase, first_seq: u64, key: &BucketKey) -> u64 {
    match phase {
        Phase::Opening { from, .. } if key.level > 0 => from,
        _ => first_seq,
    }
}

impl crate::vhost::VHost {
    /// A page of the messages that an exchange delays, from the place on that an earlier page
    /// named. `max` is at most 500. Reads from the disk. None if it does not delay messages.
    #[must_use]
    pub fn delayed_messages(
        &self,
        exchange: &str,
        from: Option<&str>,
        max: usize,
    ) -> Option<DelayedPage> {
        let exchange = self.exchange(exchange)?;
        Some(exchange.delays.as_ref()?.list(from, max))
    }

    /// Cancels a message that an exchange delays. None if it is not there any more, else the
    /// ticket of the cancellation. Reads from the disk.
    #[must_use]
    pub fn cancel_delayed(&self, exchange: &str, id: DelayedId) -> Option<store::Ticket> {
        self.exchange(exchange)?.delays.as_ref()?.cancel(id)
    }
}
