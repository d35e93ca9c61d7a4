//! Exchanges that do more with a message than choosing its queues: delay it, drop a duplicate,
//! remember it for later bindings.
//!
//! [`VHost::route`] changes nothing; it only finds that such an exchange lies on the way
//! ([`Route::is_intercepted`]). The message then goes through here instead of along its route, off
//! the hot path.

use std::cell::{Cell, RefCell};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use codec::FieldTable;
use routing::{Graph, Kind, Routes, Subject};
use store::{QueueId, Ticket};

use crate::delay;
use crate::exchange::{Bound, Exchange};
use crate::ids::ExchangeId;
use crate::message::Message;
use crate::recent;
use crate::record::Record;
use crate::vhost::{PublishedOne, Route, VHost};
use crate::wakes::Wakes;

impl Exchange {
    /// Whether a message with these headers is more than routed here.
    fn intercepts(&self, headers: &FieldTable) -> bool {
        (self.delays.is_some() && delay::requested(headers).is_some())
            || self.dedup.as_ref().is_some_and(|d| d.applies(headers))
            || (self.history.is_some() && recent::is_kept(headers))
    }
}

/// The exchanges as routing sees them, looked at without any effect.
pub(crate) struct RoutingView<'a> {
    vhost: &'a VHost,
    /// The result depends on the keys alone.
    pub(crate) repeatable: Cell<bool>,
    /// An exchange on the way wants the message itself.
    pub(crate) intercepted: Cell<bool>,
}

impl<'a> RoutingView<'a> {
    pub(crate) const fn new(vhost: &'a VHost) -> Self {
        Self {
            vhost,
            repeatable: Cell::new(true),
            intercepted: Cell::new(false),
        }
    }
}

impl Graph for RoutingView<'_> {
    type Exchange = ExchangeId;
    type Queue = QueueId;

    fn route(
        &self,
        exchange: ExchangeId,
        keys: &[&str],
        subject: &Subject<'_>,
        targets: &mut Routes<Bound>,
    ) {
        let Some(exchange) = self.vhost.exchange_by_id(exchange) else {
            return;
        };
        if exchange.is_extended() {
            self.repeatable.set(false);
            if exchange.intercepts(subject.headers) {
                self.intercepted.set(true);
            }
        }
        if !self.vhost.targets(&exchange, keys, subject, targets) {
            self.repeatable.set(false);
        }
    }

    fn alternate(&self, exchange: ExchangeId) -> Option<ExchangeId> {
        self.vhost.alternate_of(exchange)
    }
}

/// The exchanges as one message meets them, with all effects.
struct Passage<'a> {
    vhost: &'a VHost,
    message: &'a Message,
    /// Where it comes from after its delay: there it is not a duplicate of itself.
    fired_from: Option<ExchangeId>,
    /// Exchanges that delay it.
    delaying: RefCell<Vec<(Arc<Exchange>, u64)>>,
    /// Exchanges that let it go no further. Their alternates do not get it.
    stopping: RefCell<Vec<ExchangeId>>,
    ticket: Cell<Option<Ticket>>,
}

impl Passage<'_> {
    fn stop(&self, exchange: &Exchange) {
        self.stopping.borrow_mut().push(exchange.id);
    }

    fn wait_for(&self, ticket: Option<Ticket>) {
        self.ticket.set(self.ticket.get().max(ticket));
    }

    /// Whether the message goes on to the exchange's bindings.
    fn passes(&self, exchange: &Arc<Exchange>, headers: &FieldTable) -> bool {
        if let Some(dedup) = &exchange.dedup
            && self.fired_from != Some(exchange.id)
        {
            let (duplicate, ticket) = dedup.is_duplicate(headers, &self.vhost.services);
            self.wait_for(ticket);
            if duplicate {
                exchange.dropped_duplicates.fetch_add(1, Ordering::Relaxed);
                self.stop(exchange);
                return false;
            }
        }
        if exchange.delays.is_some()
            && let Some(delay_ms) = delay::requested(headers)
        {
            self.delaying
                .borrow_mut()
                .push((Arc::clone(exchange), delay_ms));
            self.stop(exchange);
            return false;
        }
        if let Some(history) = &exchange.history
            && recent::is_kept(headers)
        {
            let record = || self.vhost.history_record(exchange);
            self.wait_for(history.push(self.message, &self.vhost.services, record));
        }
        true
    }
}

impl Graph for Passage<'_> {
    type Exchange = ExchangeId;
    type Queue = QueueId;

    fn route(
        &self,
        exchange: ExchangeId,
        keys: &[&str],
        subject: &Subject<'_>,
        targets: &mut Routes<Bound>,
    ) {
        if let Some(exchange) = self.vhost.exchange_by_id(exchange)
            && self.passes(&exchange, subject.headers)
        {
            self.vhost.targets(&exchange, keys, subject, targets);
        }
    }

    fn alternate(&self, exchange: ExchangeId) -> Option<ExchangeId> {
        if self.stopping.borrow().contains(&exchange) {
            return None;
        }
        self.vhost.alternate_of(exchange)
    }
}

impl VHost {
    /// Publishes a message along a route that [is intercepted](Route::is_intercepted).
    ///
    /// A delayed message counts as routed: nobody knows what will be bound when its time comes.
    /// A duplicate counts as not routed.
    pub fn publish_intercepted(
        &self,
        route: &Route,
        message: &Message,
        wakes: &mut Wakes,
    ) -> PublishedOne {
        let further = route.intercepted.as_deref().unwrap_or_default();
        self.pass(&route.exchange, message, further, None, wakes)
    }

    /// Sends a message on whose delay in `exchange` is over.
    pub(crate) fn publish_fired(
        &self,
        exchange: &Arc<Exchange>,
        message: &Message,
        further_keys: &[String],
        wakes: &mut Wakes,
    ) {
        self.pass(exchange, message, further_keys, Some(exchange.id), wakes);
    }

    fn pass(
        &self,
        exchange: &Arc<Exchange>,
        message: &Message,
        further_keys: &[String],
        fired_from: Option<ExchangeId>,
        wakes: &mut Wakes,
    ) -> PublishedOne {
        let header = message.header();
        let properties = header.properties().unwrap_or_default();
        let headers = properties.headers.and_then(|t| codec::decode_table(t).ok());
        let headers = headers.unwrap_or_default();
        let subject = Subject {
            headers: &headers,
            message_id: properties.message_id,
            correlation_id: properties.correlation_id,
            timestamp: properties.timestamp,
        };
        let passage = Passage {
            vhost: self,
            message,
            fired_from,
            delaying: RefCell::default(),
            stopping: RefCell::default(),
            ticket: Cell::new(None),
        };
        let further: Vec<&str> = further_keys.iter().map(String::as_str).collect();
        let keys = [&[message.routing_key()], &further[..]].concat();
        let mut ids = Routes::new();
        routing::resolve(&passage, exchange.id, &keys, subject, &mut ids);
        let delaying = passage.delaying.take();
        for (exchange, delay_ms) in &delaying {
            if let Some(delays) = &exchange.delays {
                passage.wait_for(delays.add(message, &further, *delay_ms));
            }
        }
        let queues = self.queues_of(&ids);
        exchange.count_publish(u64::from(fired_from.is_none()), queues.len() as u64);
        let mut rejected = false;
        for queue in &queues {
            let published = queue.publish_clones(std::slice::from_ref(message), wakes);
            passage.wait_for(published.ticket);
            rejected |= !published.rejected.is_empty();
        }
        PublishedOne {
            routed: !(queues.is_empty() && delaying.is_empty()),
            rejected,
            ticket: passage.ticket.get(),
        }
    }

    /// Adds where an exchange's own bindings lead; whether the keys alone decided.
    fn targets(
        &self,
        exchange: &Exchange,
        keys: &[&str],
        subject: &Subject<'_>,
        targets: &mut Routes<Bound>,
    ) -> bool {
        if exchange.is_default() {
            for key in keys {
                if let Some(queue) = self.queue(key) {
                    targets.push(Bound::Queue(queue.id()));
                }
            }
            return true;
        }
        let bindings = exchange.bindings.read();
        bindings.route_keys_into(keys, subject, targets);
        bindings.is_repeatable()
    }

    fn alternate_of(&self, exchange: ExchangeId) -> Option<ExchangeId> {
        let exchange = self.exchange_by_id(exchange)?;
        Some(self.exchange(&exchange.alternate()?)?.id)
    }

    /// The store queue of a history that is to survive a restart.
    fn history_record(&self, exchange: &Exchange) -> Option<(QueueId, Record)> {
        exchange.durable.then(|| {
            let id = QueueId(self.next_queue_id.fetch_add(1, Ordering::Relaxed));
            (id, Record::history(&self.name, &exchange.name, id))
        })
    }

    /// A new binding of an exchange that remembers messages gets them.
    pub(crate) fn replay_history(&self, source: &Exchange, to: Bound, wakes: &mut Wakes) {
        let Some(history) = &source.history else {
            return;
        };
        let messages = history.messages();
        match to {
            Bound::Queue(id) => {
                if let Some(queue) = self.queue_by_id(id) {
                    queue.publish_clones(&messages, wakes);
                }
            }
            Bound::Exchange(id) => {
                let Some(exchange) = self.exchange_by_id(id) else {
                    return;
                };
                for message in &messages {
                    self.pass(&exchange, message, &[], None, wakes);
                }
            }
        }
    }
}

/// Whether a type is more than an index over bindings.
pub(crate) const fn is_extended(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::Delayed | Kind::Deduplication | Kind::RecentHistory
    )
}

#[cfg(test)]
pub(crate) mod tests;
