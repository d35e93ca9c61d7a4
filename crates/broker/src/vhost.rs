//! A virtual host: its queues and exchanges by name, and the way of a message between them.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Weak};

use codec::{FieldTable, as_str, get_array};
use dashmap::DashMap;
use parking_lot::{Mutex, RwLock};
use routing::{Kind, Routes, Subject};
use store::{QueueId, Ticket};

use crate::binding::{BindingSpec, Destination};
use crate::definitions::{Definition, Origin, Topology};
use crate::delay::Place;
use crate::error::{Error, Resource};
use crate::exchange::{Bound, Exchange, ExchangeDeclare};
use crate::ids::ExchangeId;
use crate::intercept::RoutingView;
use crate::message::Message;
use crate::parameters::Parameters;
use crate::queue::Queue;
use crate::queues::Queues;
use crate::replies::Replies;
use crate::services::Services;
use crate::stats::{Churn, DeadLetterStats, MessageCounts, MessageStats};
use crate::tracer::Tracer;
use crate::vhost_meta::VHostMeta;
use crate::wakes::Wakes;

/// Exchanges that every virtual host has from the start.
pub(crate) const PREDECLARED: [(&str, Kind, bool); 7] = [
    ("", Kind::Direct, false),
    ("amq.direct", Kind::Direct, false),
    ("amq.fanout", Kind::Fanout, false),
    ("amq.headers", Kind::Headers, false),
    ("amq.match", Kind::Headers, false),
    ("amq.rabbitmq.trace", Kind::Topic, true),
    ("amq.topic", Kind::Topic, false),
];

/// What a message's exchange and key resolve to.
pub struct Route {
    /// The exchange it was published to.
    pub exchange: Arc<Exchange>,
    /// Every queue that gets it, each once.
    pub queues: Box<[Arc<Queue>]>,
    /// The same exchange and key lead here again until the generation changes. False when
    /// headers, properties or chance took part.
    pub cacheable: bool,
    /// An exchange on the way wants the message itself. Holds the keys of CC and BCC.
    pub(crate) intercepted: Option<Box<[String]>>,
}

impl Route {
    /// The message is to go through [`VHost::publish_intercepted`]. The route has no queues then.
    #[must_use]
    pub const fn is_intercepted(&self) -> bool {
        self.intercepted.is_some()
    }

    /// Counts messages of clients that go this way.
    pub fn count(&self, messages: u64) {
        let copies = messages * self.queues.len() as u64;
        self.exchange.count_publish(messages, copies);
        let counts = MessageCounts {
            publish: messages,
            ..MessageCounts::ZERO
        };
        for queue in &self.queues {
            queue.incoming().count(&self.exchange, &counts);
        }
    }
}

/// The result of publishing one message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PublishedOne {
    /// It reached at least one queue.
    pub routed: bool,
    /// A full queue has refused it; others may have taken it.
    pub rejected: bool,
    /// When this is committed it is safe. None: nothing to wait for.
    pub ticket: Option<Ticket>,
}

/// One virtual host.
pub struct VHost {
    pub(crate) name: Arc<str>,
    pub(crate) exchanges: DashMap<String, Arc<Exchange>>,
    pub(crate) exchanges_by_id: DashMap<ExchangeId, Arc<Exchange>>,
    pub(crate) queues: Queues,
    pub(crate) topology: Mutex<Topology>,
    pub(crate) generation: AtomicU64,
    pub(crate) services: Arc<Services>,
    pub(crate) next_queue_id: Arc<AtomicU32>,
    pub(crate) churn: Arc<Churn>,
    pub(crate) parameters: Parameters,
    meta: RwLock<Arc<VHostMeta>>,
    pub(crate) tracer: Tracer,
    replies: Replies,
    stats: MessageStats,
    dead_letters: DeadLetterStats,
}

/// The kind of a predeclared exchange.
pub(crate) fn predeclared_kind(name: &str) -> Option<Kind> {
    let mut all = PREDECLARED.iter();
    all.find(|(predeclared, ..)| *predeclared == name)
        .map(|(_, kind, _)| *kind)
}

impl VHost {
    /// A virtual host with nothing but the predeclared exchanges.
    pub(crate) fn new(
        meta: VHostMeta,
        services: Arc<Services>,
        next_queue_id: Arc<AtomicU32>,
        churn: Arc<Churn>,
    ) -> Self {
        let vhost = Self {
            name: Arc::clone(&services.vhost_name),
            exchanges: DashMap::new(),
            exchanges_by_id: DashMap::new(),
            queues: Queues::default(),
            topology: Mutex::default(),
            generation: AtomicU64::new(1),
            services,
            next_queue_id,
            churn,
            parameters: Parameters::default(),
            tracer: Tracer::new(meta.tracing),
            meta: RwLock::new(Arc::new(meta)),
            replies: Replies::default(),
            stats: MessageStats::default(),
            dead_letters: DeadLetterStats::default(),
        };
        for (name, kind, internal) in PREDECLARED {
            vhost.predeclare(name, kind, internal);
        }
        vhost
    }

    /// Adds an exchange that is there without having been declared.
    pub(crate) fn predeclare(&self, name: &str, kind: Kind, internal: bool) {
        let mut topology = self.topology.lock();
        let declare = ExchangeDeclare {
            name: name.to_owned(),
            kind: kind.as_str().to_owned(),
            durable: true,
            auto_delete: false,
            internal,
            arguments: FieldTable::default(),
        };
        let definition = Definition::DeclareExchange(&declare, kind);
        let declared = self.apply(&mut topology, definition, Origin::Client, &mut Wakes::new());
        debug_assert!(declared.is_ok(), "declaring an exchange can't fail");
    }

    /// Where a delayed exchange keeps its messages and sends them to.
    pub(crate) fn delays_of(&self, exchange: &Exchange) -> Place {
        Place {
            vhost: Weak::clone(&self.services.vhost),
            vhost_name: Arc::clone(&self.name),
            exchange: exchange.id,
            exchange_name: Arc::clone(&exchange.name),
            durable: exchange.durable,
            services: Arc::clone(&self.services),
            next_queue_id: Arc::clone(&self.next_queue_id),
        }
    }

    /// Its name.
    #[must_use]
    pub const fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// Changes whenever a route could have changed. Routes found under one generation hold
    /// until it moves on.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// Makes every route that was found before be looked up anew.
    pub(crate) fn touch(&self) {
        self.generation.fetch_add(1, Ordering::Release);
    }

    /// What is known about it besides what is in it.
    #[must_use]
    pub fn meta(&self) -> Arc<VHostMeta> {
        Arc::clone(&self.meta.read())
    }

    pub(crate) fn set_meta(&self, meta: VHostMeta) {
        self.set_traced(meta.tracing);
        *self.meta.write() = Arc::new(meta);
    }

    /// What happened to its messages.
    #[must_use]
    pub const fn stats(&self) -> &MessageStats {
        &self.stats
    }

    /// The messages that died in its queues.
    #[must_use]
    pub const fn dead_letters(&self) -> &DeadLetterStats {
        &self.dead_letters
    }

    /// Direct reply-to.
    #[must_use]
    pub const fn replies(&self) -> &Replies {
        &self.replies
    }

    /// The queue of this name, without any checks.
    #[must_use]
    pub fn queue(&self, name: &str) -> Option<Arc<Queue>> {
        self.queues.named(name)
    }

    /// The exchange of this name, without any checks.
    #[must_use]
    pub fn exchange(&self, name: &str) -> Option<Arc<Exchange>> {
        self.exchanges.get(name).map(|x| Arc::clone(x.value()))
    }

    /// The exchange of this name.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub fn find_exchange(&self, name: &str) -> Result<Arc<Exchange>, Error> {
        self.exchange(name)
            .ok_or_else(|| Error::NotFound(Resource::exchange(name, &self.name)))
    }

    pub(crate) fn exchange_by_id(&self, id: ExchangeId) -> Option<Arc<Exchange>> {
        self.exchanges_by_id.get(&id).map(|x| Arc::clone(x.value()))
    }

    /// All queues, by name.
    #[must_use]
    pub fn queues(&self) -> Vec<Arc<Queue>> {
        let mut all = self.queues.all();
        all.sort_by(|a, b| a.name().cmp(b.name()));
        all
    }

    /// How many queues there are.
    #[must_use]
    pub fn queue_count(&self) -> usize {
        self.queues.len()
    }

    /// All exchanges, by name.
    #[must_use]
    pub fn exchanges(&self) -> Vec<Arc<Exchange>> {
        let mut all: Vec<_> = self
            .exchanges
            .iter()
            .map(|x| Arc::clone(x.value()))
            .collect();
        all.sort_by(|a, b| a.name.cmp(&b.name));
        all
    }

    /// How many exchanges there are.
    #[must_use]
    pub fn exchange_count(&self) -> usize {
        self.exchanges.len()
    }

    /// All bindings, those of the default exchange first, then by exchange.
    #[must_use]
    pub fn bindings(&self) -> Vec<BindingSpec> {
        let mut all = Vec::new();
        for exchange in self.exchanges() {
            all.extend(self.bindings_from(&exchange));
        }
        all
    }

    /// The bindings with this exchange as source.
    #[must_use]
    pub fn bindings_from(&self, exchange: &Exchange) -> Vec<BindingSpec> {
        if exchange.is_default() {
            return self
                .queues()
                .iter()
                .map(|q| implicit_binding(q.name()))
                .collect();
        }
        let bindings = exchange.bindings.read();
        let mut all: Vec<_> = bindings
            .iter()
            .map(|b| BindingSpec {
                source: exchange.name.to_string(),
                destination: self.name_of(b.destination),
                routing_key: b.key.to_string(),
                arguments: (*b.arguments).clone(),
            })
            .collect();
        drop(bindings);
        all.sort_by(|a, b| (&a.destination, &a.routing_key).cmp(&(&b.destination, &b.routing_key)));
        all
    }

    /// The bindings that lead to a queue, the default exchange's first.
    #[must_use]
    pub fn bindings_to_queue(&self, queue: &Queue) -> Vec<BindingSpec> {
        let mut all = vec![implicit_binding(queue.name())];
        all.extend(self.bindings_to(Bound::Queue(queue.id())));
        all
    }

    /// The bindings that lead to an exchange.
    #[must_use]
    pub fn bindings_to_exchange(&self, exchange: &Exchange) -> Vec<BindingSpec> {
        self.bindings_to(Bound::Exchange(exchange.id))
    }

    fn bindings_to(&self, destination: Bound) -> Vec<BindingSpec> {
        let sources = self
            .topology
            .lock()
            .sources
            .get(&destination)
            .cloned()
            .unwrap_or_default();
        let mut all: Vec<_> = sources
            .into_iter()
            .filter_map(|id| self.exchange_by_id(id))
            .flat_map(|source| {
                let bindings = source.bindings.read();
                let of = |b: &routing::Binding<Bound>| BindingSpec {
                    source: source.name.to_string(),
                    destination: self.name_of(destination),
                    routing_key: b.key.to_string(),
                    arguments: (*b.arguments).clone(),
                };
                bindings
                    .to_destination(destination)
                    .map(of)
                    .collect::<Vec<_>>()
            })
            .collect();
        all.sort_by(|a, b| (&a.source, &a.routing_key).cmp(&(&b.source, &b.routing_key)));
        all
    }

    pub(crate) fn name_of(&self, end: Bound) -> Destination {
        match end {
            Bound::Queue(id) => Destination::Queue(
                self.queues
                    .numbered(id)
                    .map(|q| q.name().to_string())
                    .unwrap_or_default(),
            ),
            Bound::Exchange(id) => Destination::Exchange(
                self.exchange_by_id(id)
                    .map(|x| x.name.to_string())
                    .unwrap_or_default(),
            ),
        }
    }

    /// Where a message goes. `keys` are its routing key and those of CC and BCC.
    ///
    /// # Errors
    /// [`Error::NotFound`] without the exchange, [`Error::InternalExchange`].
    pub fn route<'a>(
        &self,
        exchange: &str,
        keys: &[&str],
        subject: impl Into<Subject<'a>>,
    ) -> Result<Route, Error> {
        let exchange = self.find_exchange(exchange)?;
        if exchange.internal {
            return Err(Error::InternalExchange(exchange.resource()));
        }
        Ok(self.route_from(exchange, keys, subject))
    }

    /// The same for messages of the broker's own, which may enter anywhere.
    pub(crate) fn route_from<'a>(
        &self,
        exchange: Arc<Exchange>,
        keys: &[&str],
        subject: impl Into<Subject<'a>>,
    ) -> Route {
        let view = RoutingView::new(self);
        let mut ids = Routes::new();
        routing::resolve(&view, exchange.id, keys, subject, &mut ids);
        if view.intercepted.get() {
            let further = keys.iter().skip(1).map(|key| (*key).to_owned());
            return Route {
                exchange,
                queues: Box::default(),
                cacheable: false,
                intercepted: Some(further.collect()),
            };
        }
        Route {
            exchange,
            queues: self.queues_of(&ids),
            cacheable: view.repeatable.get(),
            intercepted: None,
        }
    }

    /// The queues of these numbers that are still there.
    pub(crate) fn queues_of(&self, ids: &Routes<QueueId>) -> Box<[Arc<Queue>]> {
        ids.iter().filter_map(|id| self.queue_by_id(id)).collect()
    }

    pub(crate) fn queue_by_id(&self, id: QueueId) -> Option<Arc<Queue>> {
        self.queues.numbered(id)
    }

    /// Publishes one message to the exchange and key that it names, as the HTTP API does.
    ///
    /// # Errors
    /// Those of [`Self::route`].
    pub fn publish(&self, mut message: Message, wakes: &mut Wakes) -> Result<PublishedOne, Error> {
        let properties = codec::to_basic_properties(&message.header()).unwrap_or_default();
        let headers = properties.headers().clone().unwrap_or_default();
        if headers.contains_key("BCC") {
            message = message.with_properties(&properties.with_headers(without_bcc(&headers)));
        }
        let mut keys = vec![message.routing_key()];
        for name in ["CC", "BCC"] {
            let further = get_array(&headers, name).into_iter().flatten();
            keys.extend(further.filter_map(as_str));
        }
        let route = self.route(message.exchange(), &keys, &headers)?;
        if self.is_traced() {
            self.show_publish(&message, &route.queues, None);
        }
        if route.is_intercepted() {
            return Ok(self.publish_intercepted(&route, &message, wakes));
        }
        let copies = route.queues.len() as u64;
        route.count(1);
        let (mut ticket, mut rejected) = (None, false);
        for queue in &route.queues {
            let published = queue.publish_clones(std::slice::from_ref(&message), wakes);
            ticket = published.ticket.max(ticket);
            rejected |= !published.rejected.is_empty();
        }
        Ok(PublishedOne {
            routed: copies > 0,
            rejected,
            ticket,
        })
    }
}

/// What consumers see of the headers.
fn without_bcc(headers: &FieldTable) -> FieldTable {
    let mut left = FieldTable::default();
    for (name, value) in headers
        .inner()
        .iter()
        .filter(|(name, _)| name.as_str() != "BCC")
    {
        left.insert(name.clone(), value.clone());
    }
    left
}

fn implicit_binding(queue: &str) -> BindingSpec {
    BindingSpec {
        source: String::new(),
        destination: Destination::Queue(queue.to_owned()),
        routing_key: queue.to_owned(),
        arguments: FieldTable::default(),
    }
}
