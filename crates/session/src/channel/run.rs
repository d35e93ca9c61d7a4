//! Successive publishes with the same route, handed to each queue under one lock.

use std::cell::RefCell;
use std::sync::Arc;

use broker::{Message, Route, Ticket, Wakes};
use codec::Slab;

use crate::client::PublishedBy;
use crate::limits::RUN_MESSAGES_MAX;

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
    messages: usize,
    /// Publishes that reached no queue, after the first of this run.
    unroutable: u64,
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

    pub(crate) fn begin(&mut self, channel: u16, route: Arc<Route>) {
        self.open = Some(Open {
            channel,
            route,
            messages: 0,
            unroutable: 0,
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
                open.unroutable += 1;
                true
            }
            _ => false,
        }
    }

    /// Ends the run and hands it to its queues.
    pub(crate) fn publish(&mut self, wakes: &mut Wakes) -> Option<PublishedBy> {
        let Open {
            channel,
            route,
            messages,
            unroutable,
        } = self.open.take()?;
        let ticket = MESSAGES.with_borrow_mut(|run| {
            self.slab.drain_into(run);
            publish(&route, run, wakes)
        });
        Some(PublishedBy {
            channel,
            n: messages as u64 + unroutable,
            ticket,
        })
    }
}

/// Moves messages to the queues of `route`. The ticket covers all of them.
pub(crate) fn publish(
    route: &Route,
    messages: &mut Vec<Message>,
    wakes: &mut Wakes,
) -> Option<Ticket> {
    let n = messages.len() as u64;
    route
        .exchange
        .count_publish(n, n * route.queues.len() as u64);
    let mut ticket = None;
    if let Some((last, others)) = route.queues.split_last() {
        for queue in others {
            ticket = ticket.max(queue.publish_clones(messages, wakes).ticket);
        }
        ticket = ticket.max(last.publish(messages, wakes).ticket);
    }
    messages.clear();
    ticket
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
