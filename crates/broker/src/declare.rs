//! Requests that change topology: checked in RabbitMQ's order, then applied.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use codec::AMQPValue;
use parking_lot::MutexGuard;
use routing::Kind;
use store::{QueueId, Ticket};

use crate::auth::{Access, Right};
use crate::binding::{BindingSpec, Destination};
use crate::definitions::{Applied, Definition, Origin, Topology, is_predeclared};
use crate::error::{Error, Resource};
use crate::exchange::{Exchange, ExchangeDeclare};
use crate::ids::ConnectionId;
use crate::queue::{
    Queue, QueueCounts, QueueDeclare, QueueKind, Rules, Span, Strictness, check_arguments,
    check_equivalent, check_server_named, queue_type, type_name,
};
use crate::vhost::VHost;
use crate::wakes::Wakes;

/// Names of direct reply-to pseudo queues begin so.
pub const REPLY_QUEUE_PREFIX: &str = "amq.rabbitmq.reply-to";

/// Who asks.
#[derive(Clone, Debug)]
pub struct Actor {
    /// The user.
    pub user: Arc<str>,
    /// The connection; none for HTTP.
    pub connection: Option<ConnectionId>,
    /// What the user may do in the virtual host.
    pub access: Arc<Access>,
}

impl Actor {
    /// The broker itself, which may do everything.
    #[must_use]
    pub fn internal() -> Self {
        let access = Arc::new(Access::unlimited());
        Self {
            user: Arc::clone(&access.user().name),
            connection: None,
            access,
        }
    }
}

/// Conditions of a deletion.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct DeleteIf {
    /// Only without consumers (a queue) or bindings (an exchange).
    pub unused: bool,
    /// Only without ready messages.
    pub empty: bool,
}

/// The result of `queue.declare`.
pub struct QueueDeclared {
    /// The queue.
    pub queue: Arc<Queue>,
    /// Ready messages.
    pub messages: u64,
    /// Consumers.
    pub consumers: u64,
    /// It is new.
    pub created: bool,
    /// When this is committed it survives. None: nothing to wait for.
    pub ticket: Option<Ticket>,
}

/// The result of a deletion.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Deleted {
    /// Ready messages that went with it.
    pub messages: u64,
    /// There was something to delete.
    pub existed: bool,
    /// When this is committed it stays deleted. None: nothing to wait for.
    pub ticket: Option<Ticket>,
}

impl VHost {
    /// The queue of this name, for a connection that may use it.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Locked`] when it is exclusive to another connection.
    pub fn find_queue(&self, name: &str, actor: &Actor) -> Result<Arc<Queue>, Error> {
        let queue = self
            .queue(name)
            .ok_or_else(|| Error::NotFound(Resource::queue(name, &self.name)))?;
        check_owner(&queue, actor)?;
        Ok(queue)
    }

    /// Declares a queue; one that is there must be equivalent.
    ///
    /// # Errors
    /// 403 for a reserved name, 405 for another connection's exclusive queue, 406 for
    /// arguments that are wrong or differ.
    pub fn declare_queue(
        &self,
        mut declare: QueueDeclare,
        actor: &Actor,
    ) -> Result<QueueDeclared, Error> {
        self.churn.queue_declared.fetch_add(1, Ordering::Relaxed);
        if declare.name.starts_with("amq.") && !declare.server_named {
            return Err(Error::ReservedName(Resource::queue(
                &declare.name,
                &self.name,
            )));
        }
        let may = |right, name: &str| actor.access.check_queue(right, name, &self.name);
        may(Right::Configure, &declare.name)?;
        check_server_named(&declare)?;
        self.add_default_type(&mut declare);
        // The topology lock makes "look, then create" one step.
        let mut topology = self.topology_for(actor);
        if let Some(queue) = self.queue(&declare.name) {
            check_owner(&queue, actor)?;
            check_equivalent(&queue, &declare, self.strictness())?;
            let QueueCounts {
                ready, consumers, ..
            } = queue.counts();
            queue.redeclared();
            return Ok(QueueDeclared {
                queue,
                messages: ready,
                consumers,
                created: false,
                ticket: None,
            });
        }
        if let Some(exchange) = codec::get_str(&declare.arguments, "x-dead-letter-exchange") {
            may(Right::Read, &declare.name)?;
            actor
                .access
                .check_exchange(Right::Write, exchange, &self.name)?;
        }
        check_arguments(&declare, &self.name)?;
        self.check_queue_limits(&declare.name)?;
        // RabbitMQ 4 stores the type that was chosen, so that listings show it.
        let kind = queue_type(&declare.arguments).to_owned();
        declare
            .arguments
            .insert("x-queue-type".into(), AMQPValue::LongString(kind.into()));
        let levels = Rules::of(&declare.arguments).levels();
        let first = self
            .next_queue_id
            .fetch_add(levels.into(), Ordering::Relaxed);
        let span = Span {
            first: QueueId(first),
            levels,
        };
        let owner = if declare.exclusive {
            actor.connection
        } else {
            None
        };
        let definition = Definition::DeclareQueue(&declare, span, owner, None);
        let applied = self.apply(&mut topology, definition, Origin::Client, &mut Wakes::new())?;
        self.churn.queue_created.fetch_add(1, Ordering::Relaxed);
        let queue = self
            .queue(&declare.name)
            .ok_or_else(|| Error::NotFound(Resource::queue(&declare.name, &self.name)))?;
        Ok(QueueDeclared {
            queue,
            messages: 0,
            consumers: 0,
            created: true,
            ticket: applied.ticket,
        })
    }

    /// Deletes a queue. A missing one is no error.
    ///
    /// # Errors
    /// 405 for another connection's exclusive queue, 406 when a condition does not hold.
    pub fn delete_queue(
        &self,
        name: &str,
        only_if: DeleteIf,
        actor: &Actor,
        wakes: &mut Wakes,
    ) -> Result<Deleted, Error> {
        actor
            .access
            .check_queue(Right::Configure, name, &self.name)?;
        let Some(queue) = self.queue(name) else {
            return Ok(Deleted::default());
        };
        check_owner(&queue, actor)?;
        check_conditions(&queue, only_if)?;
        self.close_queue(&queue, actor, wakes, |counts| {
            if only_if.unused && counts.consumers > 0 {
                return Err(Error::InUse(queue.resource()));
            }
            if only_if.empty && counts.ready > 0 {
                return Err(Error::NotEmpty(queue.resource()));
            }
            Ok(())
        })
    }

    /// Deletes an auto-delete queue whose last consumer has gone, unless another has come.
    pub fn remove_queue_if_unused(&self, queue: &Arc<Queue>, wakes: &mut Wakes) {
        if !queue.auto_delete() || !queue.is_abandoned() {
            return;
        }
        let unused = |counts: &QueueCounts| match counts.consumers {
            0 => Ok(()),
            _ => Err(Error::InUse(queue.resource())),
        };
        // Refused means that somebody uses it again, which is fine.
        let _ = self.close_queue(queue, &Actor::internal(), wakes, unused);
    }

    /// Deletes a queue that has asked for it, if `condition` still holds. False: it stays.
    pub(crate) fn remove_queue(
        &self,
        queue: &Arc<Queue>,
        wakes: &mut Wakes,
        condition: impl FnOnce(&QueueCounts) -> bool,
    ) -> bool {
        let holds = |counts: &QueueCounts| match condition(counts) {
            true => Ok(()),
            false => Err(Error::InUse(queue.resource())),
        };
        self.close_queue(queue, &Actor::internal(), wakes, holds)
            .is_ok_and(|deleted| deleted.existed)
    }

    /// Deletes the queues of a connection that has ended.
    pub fn delete_exclusive_queues(&self, owner: ConnectionId, wakes: &mut Wakes) {
        let owned = self
            .topology
            .lock()
            .exclusive
            .remove(&owner)
            .unwrap_or_default();
        for id in owned {
            let queue = self.queues.numbered(id);
            if let Some(queue) = queue {
                let _ = self.close_queue(&queue, &Actor::internal(), wakes, |_| Ok(()));
            }
        }
    }

    /// The lock of the topology, for a change that `actor` makes.
    fn topology_for(&self, actor: &Actor) -> MutexGuard<'_, Topology> {
        let mut topology = self.topology.lock();
        topology.by = Some(Arc::clone(&actor.user));
        topology
    }

    fn close_queue(
        &self,
        queue: &Arc<Queue>,
        actor: &Actor,
        wakes: &mut Wakes,
        condition: impl FnOnce(&QueueCounts) -> Result<(), Error>,
    ) -> Result<Deleted, Error> {
        let mut topology = self.topology_for(actor);
        let Some(closed) = queue.close_if(condition)? else {
            return Ok(Deleted::default());
        };
        let messages = closed.messages;
        let definition = Definition::DeleteQueue(Arc::clone(queue), closed);
        let applied = self.apply(&mut topology, definition, Origin::Client, wakes)?;
        Ok(Deleted {
            messages,
            existed: true,
            ticket: applied.ticket,
        })
    }

    /// Declares an exchange; one that is there must be equivalent.
    ///
    /// # Errors
    /// 403 for a reserved name or the default exchange, 406 for an unknown type or a
    /// difference.
    pub fn declare_exchange(
        &self,
        declare: &ExchangeDeclare,
        actor: &Actor,
    ) -> Result<Applied, Error> {
        let kind = Kind::parse(&declare.kind)
            .ok_or_else(|| Error::UnknownExchangeType(declare.kind.clone()))?;
        if declare.name.is_empty() {
            return Err(Error::DefaultExchange);
        }
        let may = |right, name: &str| actor.access.check_exchange(right, name, &self.name);
        may(Right::Configure, &declare.name)?;
        let mut topology = self.topology_for(actor);
        if let Some(exchange) = self.exchange(&declare.name) {
            return check_same_exchange(&exchange, declare, kind).map(|()| Applied::default());
        }
        let resource = || Resource::exchange(&declare.name, &self.name);
        if declare.name.starts_with("amq.") {
            return Err(Error::ReservedName(resource()));
        }
        check_alternate(declare, resource)?;
        self.services
            .census
            .check_exchange(&declare.name, &self.name)?;
        if let Some(alternate) = codec::get_str(&declare.arguments, "alternate-exchange") {
            may(Right::Read, &declare.name)?;
            may(Right::Write, alternate)?;
        }
        let definition = Definition::DeclareExchange(declare, kind);
        self.apply(&mut topology, definition, Origin::Client, &mut Wakes::new())
    }

    /// Deletes an exchange. A missing one is no error.
    ///
    /// # Errors
    /// 403 for the default or a predeclared exchange, 406 when it has bindings and must not.
    pub fn delete_exchange(
        &self,
        name: &str,
        only_if: DeleteIf,
        actor: &Actor,
    ) -> Result<Deleted, Error> {
        if name.is_empty() {
            return Err(Error::DefaultExchange);
        }
        if is_predeclared(name) {
            return Err(Error::SystemExchange(Resource::exchange(name, &self.name)));
        }
        actor
            .access
            .check_exchange(Right::Configure, name, &self.name)?;
        let mut topology = self.topology_for(actor);
        let Some(exchange) = self.exchange(name) else {
            return Ok(Deleted::default());
        };
        if only_if.unused && !exchange.bindings.read().is_empty() {
            return Err(Error::InUse(exchange.resource()));
        }
        let definition = Definition::DeleteExchange(exchange);
        let applied = self.apply(&mut topology, definition, Origin::Client, &mut Wakes::new())?;
        Ok(Deleted {
            messages: 0,
            existed: true,
            ticket: applied.ticket,
        })
    }

    /// Binds; what is bound already is no error.
    ///
    /// # Errors
    /// 403 for the default exchange or a reply queue, 404 for a missing end, 405 for another
    /// connection's exclusive queue, 406 for wrong arguments.
    pub fn bind(&self, spec: &BindingSpec, actor: &Actor) -> Result<Applied, Error> {
        self.check_binding(spec, actor)?;
        let mut topology = self.topology_for(actor);
        let source = self.find_exchange(&spec.source)?;
        let queue = match &spec.destination {
            Destination::Queue(name) => Some(self.find_queue(name, actor)?),
            Destination::Exchange(name) => {
                self.find_exchange(name)?;
                None
            }
        };
        if source.kind == Kind::LocalRandom && spec.routing_key.is_empty() {
            check_local(queue.as_deref())?;
        }
        self.apply(
            &mut topology,
            Definition::Bind(spec),
            Origin::Client,
            &mut Wakes::new(),
        )
    }

    /// Unbinds; what is not bound, or not there, is no error.
    ///
    /// # Errors
    /// 403 for the default exchange or a reply queue, 405 for another connection's exclusive
    /// queue.
    pub fn unbind(&self, spec: &BindingSpec, actor: &Actor) -> Result<Applied, Error> {
        self.check_binding(spec, actor)?;
        let mut topology = self.topology_for(actor);
        if let Destination::Queue(name) = &spec.destination
            && let Some(queue) = self.queue(name)
        {
            check_owner(&queue, actor)?;
        }
        self.apply(
            &mut topology,
            Definition::Unbind(spec),
            Origin::Client,
            &mut Wakes::new(),
        )
    }

    /// Whether this may be bound or unbound by this actor, whatever there is. RabbitMQ's order:
    /// reply queue, write to the destination, default exchange, read from the source, topic.
    fn check_binding(&self, spec: &BindingSpec, actor: &Actor) -> Result<(), Error> {
        let access = &actor.access;
        match &spec.destination {
            Destination::Queue(name) if name.starts_with(REPLY_QUEUE_PREFIX) => {
                return Err(Error::ReplyQueueBinding);
            }
            Destination::Queue(name) => access.check_queue(Right::Write, name, &self.name)?,
            Destination::Exchange(name) => access.check_exchange(Right::Write, name, &self.name)?,
        }
        let to_default =
            matches!(&spec.destination, Destination::Exchange(name) if name.is_empty());
        if spec.source.is_empty() || to_default {
            return Err(Error::DefaultExchange);
        }
        access.check_exchange(Right::Read, &spec.source, &self.name)?;
        match self.exchange(&spec.source) {
            Some(source) => access.check_topics(Right::Read, &source, [&*spec.routing_key]),
            None => Ok(()),
        }
    }

    /// Adds the virtual host's or the node's default type, if the queue can be of it.
    fn strictness(&self) -> Strictness {
        if self.services.census.relaxed_redeclaration {
            Strictness::Relaxed
        } else {
            Strictness::Full
        }
    }

    fn add_default_type(&self, declare: &mut QueueDeclare) {
        let meta = self.meta();
        let kind = meta.default_queue_type.as_deref();
        let kind = kind.unwrap_or(&self.services.census.default_queue_type);
        let classic_only =
            !declare.durable || declare.exclusive || declare.auto_delete || declare.server_named;
        if kind == "classic"
            || classic_only
            || declare.arguments.inner().contains_key("x-queue-type")
        {
            return;
        }
        let kind = AMQPValue::LongString(kind.into());
        declare.arguments.insert("x-queue-type".into(), kind);
    }

    /// Whether there may be one queue more.
    fn check_queue_limits(&self, name: &str) -> Result<(), Error> {
        self.services.census.check_queue(name)?;
        let limit = self.meta().limits.max_queues;
        let limit = limit
            .filter(|limit| usize::try_from(*limit).is_ok_and(|limit| self.queue_count() >= limit));
        match limit {
            None => Ok(()),
            Some(limit) => Err(Error::queue_limit(name, &self.name, limit)),
        }
    }
}

fn check_owner(queue: &Queue, actor: &Actor) -> Result<(), Error> {
    match queue.owner() {
        Some(owner) if actor.connection != Some(owner) => Err(Error::Locked(queue.resource())),
        _ => Ok(()),
    }
}

/// Quorum queues are deleted without conditions or not at all (RabbitMQ).
fn check_conditions(queue: &Queue, only_if: DeleteIf) -> Result<(), Error> {
    let flag = match only_if {
        _ if Rules::of(queue.arguments()).kind != QueueKind::Quorum => return Ok(()),
        DeleteIf { unused: true, .. } => "if-unused",
        DeleteIf { empty: true, .. } => "if-empty",
        DeleteIf { .. } => return Ok(()),
    };
    Err(Error::NotImplemented(format!(
        "cannot delete {}. queue.delete operations with {flag} flag set are not supported by quorum queues",
        queue.resource()
    )))
}

/// What may be bound to an exchange of type x-local-random.
fn check_local(queue: Option<&Queue>) -> Result<(), Error> {
    let refusal = match queue.map(|queue| queue_type(queue.arguments())) {
        Some("classic") => return Ok(()),
        Some(kind) => format!("Queue type rabbit_{kind}_queue not valid for this exchange type"),
        None => "Destination not found".to_owned(),
    };
    Err(Error::BadBinding(refusal))
}

pub(crate) fn check_alternate(
    declare: &ExchangeDeclare,
    resource: impl FnOnce() -> Resource,
) -> Result<(), Error> {
    match declare.arguments.inner().get("alternate-exchange") {
        None | Some(AMQPValue::LongString(_)) => Ok(()),
        Some(other) => Err(Error::InvalidArgumentType {
            arg: "alternate-exchange".to_owned(),
            resource: resource(),
            given: type_name(other),
        }),
    }
}

fn check_same_exchange(
    exchange: &Exchange,
    declare: &ExchangeDeclare,
    kind: Kind,
) -> Result<(), Error> {
    let differs = |arg: &str, received: &str, current: &str| {
        let difference = format!("received '{received}' but current is '{current}'");
        Err(Error::Inequivalent {
            arg: arg.to_owned(),
            resource: exchange.resource(),
            difference,
        })
    };
    if exchange.kind != kind {
        return differs("type", kind.as_str(), exchange.kind.as_str());
    }
    for (arg, received, current) in [
        ("durable", declare.durable, exchange.durable),
        ("auto_delete", declare.auto_delete, exchange.auto_delete),
        ("internal", declare.internal, exchange.internal),
    ] {
        if received != current {
            return differs(arg, &received.to_string(), &current.to_string());
        }
    }
    let received = codec::get_str(&declare.arguments, "alternate-exchange");
    match (received, exchange.alternate.as_deref()) {
        (None, None) => Ok(()),
        (Some(r), Some(c)) if r == c => Ok(()),
        (r, c) => {
            let show = |v: Option<&str>| {
                v.map_or_else(
                    || "none".to_owned(),
                    |v| format!("the value '{v}' of type 'longstr'"),
                )
            };
            let difference = match (r, c) {
                (Some(r), Some(c)) => format!("received '{r}' but current is '{c}'"),
                _ => format!("received {} but current is {}", show(r), show(c)),
            };
            Err(Error::Inequivalent {
                arg: "alternate-exchange".to_owned(),
                resource: exchange.resource(),
                difference,
            })
        }
    }
}
