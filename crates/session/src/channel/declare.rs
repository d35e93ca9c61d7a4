//! queue.declare, bind, unbind, purge, delete.

use std::sync::Arc;

use broker::{BindingSpec, DeleteIf, Destination, Error, QueueDeclare, Resource, Ticket};
use codec::{AMQPClass, queue};

use crate::channel::Channel;
use crate::channel::consume::{REPLY_PREFIX, REPLY_TO};
use crate::client::Client;
use crate::close::{Fault, short};
use crate::turn::Turn;

/// Names lose their line ends in some methods: so does RabbitMQ, and clients' tests know.
pub(crate) fn strip(name: &str) -> String {
    name.replace(['\r', '\n'], "")
}

impl Channel {
    pub(crate) fn declare_queue(
        &mut self,
        m: queue::Declare,
        client: &mut Client,
        turn: &mut Turn<'_>,
    ) -> Result<(), Fault> {
        let name = strip(m.queue.as_str());
        if name == REPLY_TO || name.starts_with(REPLY_PREFIX) {
            return self.declare_replies(&name, m.nowait, client, turn);
        }
        if m.passive {
            let resource = Resource::queue(&name, client.vhost.name());
            client.actor.access.check_any(resource)?;
            let queue = client.vhost.find_queue(&name, &client.actor)?;
            let counts = queue.counts();
            self.declare_ok(
                queue.name(),
                (counts.ready, counts.consumers),
                None,
                m.nowait,
                client,
                turn,
            );
            return Ok(());
        }
        let server_named = name.is_empty();
        let declare = QueueDeclare {
            name: if server_named {
                client.broker.random_name("amq.gen-")
            } else {
                name
            },
            durable: m.durable,
            exclusive: m.exclusive,
            auto_delete: m.auto_delete,
            arguments: m.arguments,
            server_named,
        };
        let declared = client.vhost.declare_queue(declare, &client.actor)?;
        let counts = (declared.messages, declared.consumers);
        self.declare_ok(
            declared.queue.name(),
            counts,
            declared.ticket,
            m.nowait,
            client,
            turn,
        );
        Ok(())
    }

    /// Declaring a direct reply-to name only asks whether the requester is still there.
    fn declare_replies(
        &mut self,
        name: &str,
        nowait: bool,
        client: &mut Client,
        turn: &mut Turn<'_>,
    ) -> Result<(), Fault> {
        if name != REPLY_TO && !client.vhost.replies().exists(name) {
            return Err(Error::NotFound(Resource::queue(name, client.vhost.name())).into());
        }
        self.declare_ok(&name.into(), (0, 1), None, nowait, client, turn);
        Ok(())
    }

    fn declare_ok(
        &mut self,
        name: &Arc<str>,
        (messages, consumers): (u64, u64),
        ticket: Option<Ticket>,
        nowait: bool,
        client: &mut Client,
        turn: &mut Turn<'_>,
    ) {
        self.last_queue = Some(name.to_string());
        if nowait {
            return;
        }
        let ok = queue::DeclareOk {
            queue: short(name),
            message_count: u32::try_from(messages).unwrap_or(u32::MAX),
            consumer_count: u32::try_from(consumers).unwrap_or(u32::MAX),
        };
        self.reply(
            AMQPClass::Queue(queue::AMQPMethod::DeclareOk(ok)),
            ticket,
            client,
            turn,
        );
    }

    pub(crate) fn bind_queue(
        &mut self,
        m: queue::Bind,
        client: &mut Client,
        turn: &mut Turn<'_>,
    ) -> Result<(), Fault> {
        let (queue, routing_key) = self.bound_queue(m.queue.as_str(), m.routing_key.as_str())?;
        let source = strip(m.exchange.as_str());
        let destination = Destination::Queue(queue);
        let binding = BindingSpec {
            source,
            destination,
            routing_key,
            arguments: m.arguments,
        };
        let bound = client.vhost.bind(&binding, &client.actor)?;
        if !m.nowait {
            let ok = queue::AMQPMethod::BindOk(queue::BindOk {});
            self.reply(AMQPClass::Queue(ok), bound.ticket, client, turn);
        }
        Ok(())
    }

    pub(crate) fn unbind_queue(
        &mut self,
        m: queue::Unbind,
        client: &mut Client,
        turn: &mut Turn<'_>,
    ) -> Result<(), Fault> {
        let (queue, routing_key) = self.bound_queue(m.queue.as_str(), m.routing_key.as_str())?;
        let source = strip(m.exchange.as_str());
        let destination = Destination::Queue(queue);
        let binding = BindingSpec {
            source,
            destination,
            routing_key,
            arguments: m.arguments,
        };
        let unbound = client.vhost.unbind(&binding, &client.actor)?;
        let ok = queue::AMQPMethod::UnbindOk(queue::UnbindOk {});
        self.reply(AMQPClass::Queue(ok), unbound.ticket, client, turn);
        Ok(())
    }

    /// An empty queue name means the queue declared last; with it, an empty routing key means
    /// that name too (spec, queue.bind).
    fn bound_queue(&self, queue: &str, key: &str) -> Result<(String, String), Fault> {
        let name = self.queue_name(&strip(queue))?;
        let key = if queue.is_empty() && key.is_empty() {
            name.clone()
        } else {
            key.to_owned()
        };
        Ok((name, key))
    }

    pub(crate) fn purge_queue(
        &mut self,
        m: &queue::Purge,
        client: &mut Client,
        turn: &mut Turn<'_>,
    ) -> Result<(), Fault> {
        let name = self.queue_name(m.queue.as_str())?;
        client.may_read(&name)?;
        let purged = client.vhost.find_queue(&name, &client.actor)?.purge();
        if !m.nowait {
            let ok = queue::PurgeOk {
                message_count: u32::try_from(purged.messages).unwrap_or(u32::MAX),
            };
            self.reply(
                AMQPClass::Queue(queue::AMQPMethod::PurgeOk(ok)),
                purged.ticket,
                client,
                turn,
            );
        }
        Ok(())
    }

    pub(crate) fn delete_queue(
        &mut self,
        m: &queue::Delete,
        client: &mut Client,
        turn: &mut Turn<'_>,
    ) -> Result<(), Fault> {
        let name = self.queue_name(&strip(m.queue.as_str()))?;
        let only_if = DeleteIf {
            unused: m.if_unused,
            empty: m.if_empty,
        };
        let deleted = client
            .vhost
            .delete_queue(&name, only_if, &client.actor, &mut turn.wakes)?;
        if !m.nowait {
            let ok = queue::DeleteOk {
                message_count: u32::try_from(deleted.messages).unwrap_or(u32::MAX),
            };
            self.reply(
                AMQPClass::Queue(queue::AMQPMethod::DeleteOk(ok)),
                deleted.ticket,
                client,
                turn,
            );
        }
        Ok(())
    }
}
