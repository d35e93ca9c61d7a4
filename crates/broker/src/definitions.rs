//! The one place that changes topology.
//!
//! Everything that declares, deletes or binds ends in [`VHost::apply`]: AMQP, HTTP, and the
//! start of the broker. It runs under the virtual host's topology lock, changes the
//! registries, tells the store and moves the generation on, so that every route cache knows.
//!
//! The durable form of an object is the AMQP method that would declare it, under a key that
//! names it ([`Record`]): one codec serves the wire and the disk.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};

use routing::Kind;
use store::{QueueId, Ticket};

use crate::alike::Alike;
use crate::binding::{BindingSpec, Destination};
use crate::delay::Delays;
use crate::error::Error;
use crate::events::Facts;
use crate::exchange::{Bound, Exchange, ExchangeDeclare};
use crate::extension::Extension;
use crate::ids::{ConnectionId, ExchangeId};
use crate::outbox::Event;
use crate::queue::{Closed, Queue, QueueDeclare, Revived, Span};
use crate::record::Record;
use crate::vhost::VHost;
use crate::wakes::Wakes;

/// A change of topology, already checked and allowed.
pub(crate) enum Definition<'a> {
    /// A new exchange.
    DeclareExchange(&'a ExchangeDeclare, Kind),
    /// An exchange and its bindings go.
    DeleteExchange(Arc<Exchange>),
    /// A new queue; one that had messages in the store brings them along.
    DeclareQueue(
        &'a QueueDeclare,
        Span,
        Option<ConnectionId>,
        Option<Revived>,
    ),
    /// A queue, already closed, and its bindings go.
    DeleteQueue(Arc<Queue>, Closed),
    /// A new binding between things that exist.
    Bind(&'a BindingSpec),
    /// A binding goes.
    Unbind(&'a BindingSpec),
}

/// Where a change comes from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Origin {
    /// A client: durable things are recorded.
    Client,
    /// The store, at start: they are recorded already.
    Store,
}

/// What only topology changes look at, behind the topology lock.
#[derive(Default)]
pub(crate) struct Topology {
    /// Exchanges that have bindings to a destination, so that deleting one of ten thousand
    /// queues need not look at every exchange.
    pub(crate) sources: HashMap<Bound, HashSet<ExchangeId>>,
    /// Queues to delete with their connection.
    pub(crate) exclusive: HashMap<ConnectionId, Vec<QueueId>>,
    next_exchange: u32,
    /// Arguments of queues.
    alike: Alike,
    /// Who makes the change that is under way.
    pub(crate) by: Option<Arc<str>>,
}

impl Topology {
    /// RabbitMQ's name of whoever does what no user asked for.
    const NOBODY: &str = "rmq-internal";

    fn by(&self) -> &str {
        self.by.as_deref().unwrap_or(Self::NOBODY)
    }
}

/// What a change did.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Applied {
    /// False when it was so already.
    pub created: bool,
    /// When this is committed the change survives. None: nothing to wait for.
    pub ticket: Option<Ticket>,
}

impl VHost {
    /// Makes one change. Whoever calls holds the topology lock and has checked everything.
    pub(crate) fn apply(
        &self,
        topology: &mut Topology,
        definition: Definition<'_>,
        origin: Origin,
        wakes: &mut Wakes,
    ) -> Result<Applied, Error> {
        let applied = match definition {
            Definition::DeclareExchange(declare, kind) => {
                self.add_exchange(topology, declare, kind, origin)?
            }
            Definition::DeleteExchange(exchange) => self.drop_exchanges(topology, vec![exchange]),
            Definition::DeclareQueue(declare, span, owner, revived) => {
                self.add_queue(topology, declare, (span, owner, revived), origin)
            }
            Definition::DeleteQueue(queue, closed) => {
                self.drop_queue(topology, &queue, closed, wakes)
            }
            Definition::Bind(spec) => self.add_binding(topology, spec, origin, wakes)?,
            Definition::Unbind(spec) => self.drop_binding(topology, spec),
        };
        if applied.created {
            self.generation.fetch_add(1, Ordering::Release);
            self.services.events.look_for_listeners(self);
        }
        topology.by = None;
        Ok(applied)
    }

    fn add_exchange(
        &self,
        topology: &mut Topology,
        declare: &ExchangeDeclare,
        kind: Kind,
        origin: Origin,
    ) -> Result<Applied, Error> {
        let extension = Extension::parse(kind, &declare.arguments)?;
        topology.next_exchange += 1;
        let id = ExchangeId(topology.next_exchange);
        let mut exchange = Exchange::new(id, Arc::clone(&self.name), kind, declare, extension);
        if kind == Kind::Delayed {
            exchange.delays = Some(Delays::new(self.delays_of(&exchange)));
        }
        let exchange = Arc::new(exchange);
        exchange.govern(
            self.policy_set().for_exchange(&exchange.name),
            &self.services,
        );
        self.services.census.add_exchange();
        self.exchanges_by_id.insert(id, Arc::clone(&exchange));
        if origin == Origin::Client && !is_predeclared(&declare.name) {
            let events = &self.services.events;
            events.emit("exchange.created", || {
                Facts::of_exchange(&exchange).by(topology.by())
            });
        }
        self.exchanges.insert(declare.name.clone(), exchange);
        let record = declare.durable && origin == Origin::Client && !is_predeclared(&declare.name);
        let ticket = record.then(|| self.put(&Record::exchange(&self.name, declare)));
        Ok(Applied {
            created: true,
            ticket,
        })
    }

    fn add_queue(
        &self,
        topology: &mut Topology,
        declare: &QueueDeclare,
        (span, owner, revived): (Span, Option<ConnectionId>, Option<Revived>),
        origin: Origin,
    ) -> Applied {
        let id = span.first;
        let arguments = topology.alike.share(&declare.arguments);
        let queue = Arc::new_cyclic(|queue| {
            let around = (Weak::clone(queue), Arc::clone(&self.services));
            Queue::new(id, (declare, arguments), owner, around, revived)
        });
        queue.begin();
        let policies = self.policy_set().for_queue(queue.name(), queue.kind());
        queue.govern(policies, &mut Wakes::new());
        if let Some(owner) = owner {
            topology.exclusive.entry(owner).or_default().push(id);
        }
        let record = queue.durable() && origin == Origin::Client;
        if origin == Origin::Client {
            let events = &self.services.events;
            events.emit("queue.created", || {
                Facts::of_queue(&queue).by(topology.by())
            });
        }
        self.services.census.add_queue();
        self.queues.insert(queue);
        let ticket = record.then(|| self.put(&Record::queue(&self.name, declare, span)));
        Applied {
            created: true,
            ticket,
        }
    }

    fn drop_queue(
        &self,
        topology: &mut Topology,
        queue: &Arc<Queue>,
        closed: Closed,
        wakes: &mut Wakes,
    ) -> Applied {
        if self.queues.forget_name(queue.name()) {
            self.services.census.remove_queue();
        }
        if let Some(owned) = queue
            .owner()
            .and_then(|owner| topology.exclusive.get_mut(&owner))
        {
            owned.retain(|id| *id != queue.id());
        }
        for consumer in closed.consumers {
            consumer
                .outbox
                .send(Event::ConsumerCancelled(consumer.id), wakes);
        }
        let orphans = self.unbind_everywhere(topology, Bound::Queue(queue.id()), queue.durable());
        let mut ticket = self.drop_exchanges(topology, orphans).ticket;
        // Last: until here its bindings could still be named.
        self.queues.forget_number(queue.id());
        if queue.durable() {
            self.services
                .store
                .remove(&Record::queue_key(&self.name, queue.name()));
            self.services.store.remove(&Record::timed_key(queue.id()));
            for seq in closed.returned {
                self.services
                    .store
                    .remove(&Record::returns_key(queue.id(), seq));
            }
            for id in closed.span.ids() {
                ticket = Some(self.services.store.drop_queue(id));
            }
        } else if queue.recorded() > Ticket::default() {
            // Messages that were written to free memory.
            for id in closed.span.ids() {
                self.services.store.drop_queue(id);
            }
        }
        self.churn.queue_deleted.fetch_add(1, Ordering::Relaxed);
        let events = &self.services.events;
        events.emit("queue.deleted", || {
            Facts::of_gone_queue(queue).by(topology.by())
        });
        Applied {
            created: true,
            ticket,
        }
    }

    /// Deletes exchanges, and the auto-delete exchanges that this leaves without bindings.
    fn drop_exchanges(&self, topology: &mut Topology, mut pending: Vec<Arc<Exchange>>) -> Applied {
        let mut applied = Applied::default();
        while let Some(exchange) = pending.pop() {
            if self.exchanges.remove(&*exchange.name).is_none() {
                continue;
            }
            self.services.census.remove_exchanges(1);
            applied.created = true;
            for binding in exchange.bindings.read().iter() {
                forget_source(topology, binding.destination, exchange.id);
                let spec = || {
                    let (to, key) = (binding.destination, &binding.key);
                    self.spec(&exchange, to, key, &binding.arguments)
                };
                self.tell_binding("binding.deleted", topology, spec);
                if exchange.durable && self.is_durable(binding.destination) {
                    let spec = spec();
                    applied.ticket = Some(
                        self.services
                            .store
                            .remove(&Record::binding_key(&self.name, &spec)),
                    );
                }
            }
            pending.extend(self.unbind_everywhere(
                topology,
                Bound::Exchange(exchange.id),
                exchange.durable,
            ));
            self.exchanges_by_id.remove(&exchange.id);
            exchange.forget(&self.services);
            let events = &self.services.events;
            events.emit("exchange.deleted", || {
                Facts::of_gone_exchange(&exchange).by(topology.by())
            });
            if exchange.durable {
                applied.ticket = Some(
                    self.services
                        .store
                        .remove(&Record::exchange_key(&self.name, &exchange.name)),
                );
            }
        }
        applied
    }

    fn add_binding(
        &self,
        topology: &mut Topology,
        spec: &BindingSpec,
        origin: Origin,
        wakes: &mut Wakes,
    ) -> Result<Applied, Error> {
        let Some((source, destination)) = self.ends(spec) else {
            return Ok(Applied::default());
        };
        if !source
            .bindings
            .write()
            .bind(destination, &spec.routing_key, &spec.arguments)?
        {
            return Ok(Applied::default());
        }
        topology
            .sources
            .entry(destination)
            .or_default()
            .insert(source.id);
        if origin == Origin::Client {
            self.tell_binding("binding.created", topology, || spec.clone());
        }
        let record = source.durable && self.is_durable(destination) && origin == Origin::Client;
        let ticket = record.then(|| self.put(&Record::binding(&self.name, spec)));
        if origin == Origin::Client {
            self.replay_history(&source, destination, wakes);
        }
        Ok(Applied {
            created: true,
            ticket,
        })
    }

    fn drop_binding(&self, topology: &mut Topology, spec: &BindingSpec) -> Applied {
        let Some((source, destination)) = self.ends(spec) else {
            return Applied::default();
        };
        let mut bindings = source.bindings.write();
        if !bindings.unbind(destination, &spec.routing_key, &spec.arguments) {
            return Applied::default();
        }
        if bindings.to_destination(destination).next().is_none() {
            forget_source(topology, destination, source.id);
        }
        let orphaned = source.auto_delete && bindings.is_empty();
        drop(bindings);
        self.tell_binding("binding.deleted", topology, || spec.clone());
        let durable = source.durable && self.is_durable(destination);
        let mut ticket = durable.then(|| {
            self.services
                .store
                .remove(&Record::binding_key(&self.name, spec))
        });
        if orphaned {
            ticket = self
                .drop_exchanges(topology, vec![source])
                .ticket
                .or(ticket);
        }
        Applied {
            created: true,
            ticket,
        }
    }

    /// Removes all bindings to `destination`; returns the auto-delete exchanges left without.
    fn unbind_everywhere(
        &self,
        topology: &mut Topology,
        destination: Bound,
        durable: bool,
    ) -> Vec<Arc<Exchange>> {
        let mut orphans = Vec::new();
        for id in topology.sources.remove(&destination).unwrap_or_default() {
            let Some(source) = self.exchange_by_id(id) else {
                continue;
            };
            let mut bindings = source.bindings.write();
            let gone = bindings.unbind_destination(destination);
            let orphaned = source.auto_delete && bindings.is_empty() && !gone.is_empty();
            drop(bindings);
            for binding in &gone {
                let spec = || self.spec(&source, destination, &binding.key, &binding.arguments);
                self.tell_binding("binding.deleted", topology, spec);
                if durable && source.durable {
                    let key = Record::binding_key(&self.name, &spec());
                    self.services.store.remove(&key);
                }
            }
            if orphaned {
                orphans.push(source);
            }
        }
        orphans
    }

    fn tell_binding(
        &self,
        event: &'static str,
        topology: &Topology,
        spec: impl FnOnce() -> BindingSpec,
    ) {
        let events = &self.services.events;
        events.emit(event, || {
            Facts::of_binding(&self.name, &spec()).by(topology.by())
        });
    }

    /// The binding's ends, if both exist.
    pub(crate) fn ends(&self, spec: &BindingSpec) -> Option<(Arc<Exchange>, Bound)> {
        let source = self.exchange(&spec.source)?;
        let destination = match &spec.destination {
            Destination::Queue(name) => Bound::Queue(self.queue(name)?.id()),
            Destination::Exchange(name) => Bound::Exchange(self.exchange(name)?.id),
        };
        Some((source, destination))
    }

    /// A binding in names. The ends exist, or are just being deleted.
    fn spec(
        &self,
        source: &Exchange,
        destination: Bound,
        key: &str,
        arguments: &codec::FieldTable,
    ) -> BindingSpec {
        BindingSpec {
            source: source.name.to_string(),
            destination: self.name_of(destination),
            routing_key: key.to_owned(),
            arguments: arguments.clone(),
        }
    }

    fn is_durable(&self, end: Bound) -> bool {
        match end {
            Bound::Queue(id) => self.queues.numbered(id).is_some_and(|q| q.durable()),
            Bound::Exchange(id) => self.exchange_by_id(id).is_some_and(|x| x.durable),
        }
    }

    fn put(&self, record: &Record) -> Ticket {
        self.services.store.put(&record.key, &record.value)
    }
}

fn forget_source(topology: &mut Topology, destination: Bound, source: ExchangeId) {
    if let Some(sources) = topology.sources.get_mut(&destination) {
        sources.remove(&source);
        if sources.is_empty() {
            topology.sources.remove(&destination);
        }
    }
}

/// Exchanges that every virtual host has from the start are not recorded.
pub(crate) fn is_predeclared(name: &str) -> bool {
    name.is_empty() || name.starts_with("amq.")
}
