//! Successive publishes with the same route, handed to each queue under one lock.

use std::cell::RefCell;
use std::sync::Arc;

use broker::{Exchange, Message, MessageCounts, Pair, Published, Queue, Route, Wakes};
use codec::{Pack, Slab};

use crate::channel::trace::Trace;
use crate::client::PublishedBy;
use crate::limits::RUN_MESSAGES_MAX;

/// Queues of a route that are looked through for each acknowledgement.
const SEARCHED_QUEUES_MAX: usize = 16;

/// Messages of a run that is passed on in one piece. A pack takes more allocations than the few
/// messages of a shorter run.
const PACKED_MESSAGES_MIN: usize = 4;

thread_local! {
    /// Where a run's messages are for the moment between slab and queue. Shared by the
    /// connections of a thread, so that none of them has to hold it.
    static MESSAGES: RefCell<Vec<Message>> = const { RefCell::new(Vec::new()) };
}

/// A run that may still grow.
#[derive(Default)]
pub(crate) struct Run {
    pub(crate) slab: Slab,
    open: Option<Open>,
}

struct Open {
    channel: u16,
    route: Arc<Route>,
    pair: Arc<Pair<Exchange>>,
    messages: usize,
    /// Publishes that reached no queue, after the first of this run: how many messages stood
    /// before them, and how many they were.
    unroutable: Vec<(u32, u32)>,
}

impl Run {
    /// Whether a message of `channel` for `route` may join.
    #[inline]
    pub(crate) fn accepts(&self, channel: u16, route: &Arc<Route>) -> bool {
        self.open.as_ref().is_some_and(|open| {
            open.channel == channel
                && open.messages < RUN_MESSAGES_MAX
                && (Arc::ptr_eq(&open.route, route) || leads_to_the_same(&open.route, route))
        })
    }

    /// Whether messages for this queue wait here, or may: a route to very many is not searched.
    #[inline]
    pub(crate) fn leads_to(&self, queue: &Arc<Queue>) -> bool {
        self.open.as_ref().is_some_and(|open| {
            let queues = &open.route.queues;
            queues.len() > SEARCHED_QUEUES_MAX || queues.iter().any(|one| Arc::ptr_eq(one, queue))
        })
    }

    pub(crate) fn begin(&mut self, channel: u16, route: Arc<Route>, pair: Arc<Pair<Exchange>>) {
        self.open = Some(Open {
            channel,
            route,
            pair,
            messages: 0,
            unroutable: Vec::new(),
        });
    }

    /// The slab for the next message of the run that was begun.
    #[inline]
    pub(crate) fn next(&mut self) -> &mut Slab {
        if let Some(open) = &mut self.open {
            open.messages += 1;
        }
        &mut self.slab
    }

    /// Counts an unroutable publish behind those of the run, if there is one of its channel.
    pub(crate) fn count_unroutable(&mut self, channel: u16) -> bool {
        match &mut self.open {
            Some(open) if open.channel == channel => {
                let before = u32::try_from(open.messages).unwrap_or(u32::MAX);
                match open.unroutable.last_mut() {
                    Some((at, n)) if *at == before => *n += 1,
                    _ => open.unroutable.push((before, 1)),
                }
                true
            }
            _ => false,
        }
    }

    /// Ends the run and hands it to its queues.
    pub(crate) fn publish(
        &mut self,
        trace: Option<Trace<'_>>,
        wakes: &mut Wakes,
    ) -> Option<PublishedBy> {
        let Open {
            channel,
            route,
            pair,
            messages,
            unroutable,
        } = self.open.take()?;
        pair.count(&published(messages as u64));
        let Published { ticket, rejected } = if trace.is_none() && messages >= PACKED_MESSAGES_MIN {
            publish_pack(&route, &Arc::new(self.slab.take_pack()), wakes)
        } else {
            MESSAGES.with_borrow_mut(|run| {
                self.slab.drain_into(run);
                if let Some(trace) = trace {
                    trace.published(channel, run, &route, wakes);
                }
                publish(&route, run, wakes)
            })
        };
        Some(PublishedBy {
            channel,
            n: messages as u64 + unroutable.iter().map(|(_, n)| u64::from(*n)).sum::<u64>(),
            ticket,
            refused: places(rejected, &unroutable),
        })
    }
}

/// Publishes, as counts.
pub(crate) const fn published(n: u64) -> MessageCounts {
    MessageCounts {
        publish: n,
        ..MessageCounts::ZERO
    }
}

/// Places among all publishes of a run, given those among its messages.
fn places(mut rejected: Vec<u32>, unroutable: &[(u32, u32)]) -> Vec<u32> {
    let mut unroutable = unroutable.iter().peekable();
    let mut shift = 0;
    for place in &mut rejected {
        while let Some((_, n)) = unroutable.next_if(|(before, _)| before <= place) {
            shift += n;
        }
        *place += shift;
    }
    rejected
}

/// Moves messages to the queues of `route`. The ticket covers all of them. One that any queue
/// has rejected counts as rejected; the others keep their copy (RabbitMQ).
pub(crate) fn publish(route: &Route, messages: &mut Vec<Message>, wakes: &mut Wakes) -> Published {
    route.count(messages.len() as u64);
    let mut all = Published::default();
    if let Some((last, others)) = route.queues.split_last() {
        for queue in others {
            join(&mut all, queue.publish_clones(messages, wakes));
        }
        join(&mut all, last.publish(messages, wakes));
    }
    messages.clear();
    all
}

/// As [`publish`], for a run that has not been taken apart.
fn publish_pack(route: &Route, pack: &Arc<Pack>, wakes: &mut Wakes) -> Published {
    route.count(pack.len() as u64);
    let mut all = Published::default();
    for queue in &route.queues {
        join(&mut all, queue.publish_pack(pack, wakes));
    }
    all
}

/// Adds what became of the same messages in another queue.
pub(crate) fn join(all: &mut Published, more: Published) {
    all.ticket = all.ticket.max(more.ticket);
    if all.rejected.is_empty() {
        all.rejected = more.rejected;
    } else if !more.rejected.is_empty() {
        all.rejected.extend(more.rejected);
        all.rejected.sort_unstable();
        all.rejected.dedup();
    }
}

/// Routes that looked at headers are made anew for each message, and are mostly equal.
fn leads_to_the_same(one: &Route, other: &Route) -> bool {
    Arc::ptr_eq(&one.exchange, &other.exchange)
        && one.queues.len() == other.queues.len()
        && one
            .queues
            .iter()
            .zip(&*other.queues)
            .all(|(one, other)| Arc::ptr_eq(one, other))
}

#[cfg(test)]
mod tests {
    use broker::Ticket;

    use super::*;

    #[test]
    fn places_count_the_unroutable_publishes_between_the_messages() {
        assert_eq!(places(Vec::new(), &[(1, 3)]), Vec::<u32>::new());
        assert_eq!(places(vec![0, 1, 4], &[]), [0, 1, 4]);
        // m0 u m1 u u m2 m3 u
        let unroutable = [(1, 1), (2, 2), (4, 1)];
        assert_eq!(places(vec![0, 1, 2, 3], &unroutable), [0, 2, 5, 6]);
        assert_eq!(places(vec![3], &unroutable), [6]);
    }

    #[test]
    fn a_message_is_rejected_once_however_many_queues_reject_it() {
        let published = |ticket, rejected: &[u32]| Published {
            ticket,
            rejected: rejected.to_vec(),
        };
        let mut all = Published::default();
        join(&mut all, published(Some(Ticket(3)), &[]));
        join(&mut all, published(None, &[2, 5]));
        join(&mut all, published(Some(Ticket(2)), &[1, 2, 7]));
        assert_eq!(all, published(Some(Ticket(3)), &[1, 2, 5, 7]));
    }
}
