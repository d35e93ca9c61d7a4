//! What events say of the things they are about, by RabbitMQ's names.

use crate::binding::{BindingSpec, Destination};
use crate::events::Facts;
use crate::exchange::Exchange;
use crate::json::table_from_json;
use crate::message::AckMode;
use crate::policy::Policy;
use crate::queue::{ConsumerSpec, Queue, queue_type};
use crate::registry::ConnectionInfo;

impl Facts {
    /// A queue that has come.
    pub(crate) fn of_queue(queue: &Queue) -> Self {
        Self::of_gone_queue(queue)
            .flag("durable", queue.durable())
            .flag("auto_delete", queue.auto_delete())
            .flag("exclusive", queue.exclusive())
            .table("arguments", queue.arguments())
    }

    /// A queue that has gone.
    pub(crate) fn of_gone_queue(queue: &Queue) -> Self {
        let kind = format!("rabbit_{}_queue", queue_type(queue.arguments()));
        Self::new()
            .text("name", queue.name())
            .text("vhost", queue.vhost())
            .text("type", &kind)
    }

    /// An exchange that has come.
    pub(crate) fn of_exchange(exchange: &Exchange) -> Self {
        Self::of_gone_exchange(exchange)
            .text("type", exchange.kind.as_str())
            .flag("durable", exchange.durable)
            .flag("auto_delete", exchange.auto_delete)
            .flag("internal", exchange.internal)
            .table("arguments", &exchange.arguments)
    }

    /// An exchange that has gone.
    pub(crate) fn of_gone_exchange(exchange: &Exchange) -> Self {
        Self::new()
            .text("name", &exchange.name)
            .text("vhost", &exchange.vhost)
    }

    /// A binding.
    pub(crate) fn of_binding(vhost: &str, spec: &BindingSpec) -> Self {
        let kind = match spec.destination {
            Destination::Queue(_) => "queue",
            Destination::Exchange(_) => "exchange",
        };
        Self::new()
            .text("vhost", vhost)
            .text("source_name", &spec.source)
            .text("source_kind", "exchange")
            .text("destination_name", spec.destination.name())
            .text("destination_kind", kind)
            .text("routing_key", &spec.routing_key)
            .table("arguments", &spec.arguments)
    }

    /// A connection, coming or going.
    #[must_use]
    pub fn of_connection(info: &ConnectionInfo, node: &str) -> Self {
        Self::new()
            .text("pid", &info.name)
            .text("name", &info.name)
            .text("node", node)
            .text("type", "network")
            .text("protocol", "AMQP 0-9-1")
            .text("host", &info.host)
            .number("port", info.port.into())
            .text("peer_host", &info.peer_host)
            .number("peer_port", info.peer_port.into())
            .flag("ssl", info.tls.is_some())
            .text("auth_mechanism", info.auth_mechanism)
            .text("user", &info.user)
            .text("vhost", &info.vhost)
            .number("timeout", info.heartbeat_s.into())
            .number("frame_max", info.frame_max.into())
            .number("channel_max", info.channel_max.into())
            .number("connected_at", info.connected_at_ms)
            .table("client_properties", &info.client_properties.table())
            .by(&info.user)
    }

    /// A channel, coming or going.
    #[must_use]
    pub fn of_channel(info: &ConnectionInfo, number: u16) -> Self {
        let name = channel_name(info, number);
        Self::new()
            .text("pid", &name)
            .text("name", &name)
            .text("connection", &info.name)
            .number("number", number.into())
            .text("user", &info.user)
            .text("vhost", &info.vhost)
            .by(&info.user)
    }

    /// A consumer on a queue, going; one that comes has more to tell.
    #[must_use]
    pub fn of_consumer(info: &ConnectionInfo, number: u16, tag: &str, queue: &str) -> Self {
        Self::new()
            .text("consumer_tag", tag)
            .text("channel", &channel_name(info, number))
            .text("queue", queue)
            .text("vhost", &info.vhost)
            .by(&info.user)
    }

    /// A consumer on a queue, coming.
    #[must_use]
    pub fn of_new_consumer(info: &ConnectionInfo, spec: &ConsumerSpec, queue: &str) -> Self {
        Self::of_consumer(info, spec.channel, &spec.tag, queue)
            .flag("ack_required", spec.ack == AckMode::Manual)
            .flag("exclusive", spec.exclusive)
            .number("prefetch_count", spec.prefetch.into())
            .table("arguments", &spec.arguments)
    }

    /// A policy of a virtual host.
    #[must_use]
    pub fn of_policy(vhost: &str, policy: &Policy) -> Self {
        let definition = table_from_json(policy.definition()).unwrap_or_default();
        Self::of_parameter(vhost, policy.name())
            .text("pattern", policy.pattern())
            .text("apply-to", policy.apply_to().as_str())
            .number("priority", policy.priority().as_u64().unwrap_or(0))
            .table("definition", &definition)
    }

    /// A parameter, or a policy that goes.
    #[must_use]
    pub fn of_parameter(vhost: &str, name: &str) -> Self {
        Self::new().text("name", name).text("vhost", vhost)
    }

    /// Who did it.
    #[must_use]
    pub fn by(self, user: &str) -> Self {
        self.text("user_who_performed_action", user)
    }
}

/// RabbitMQ's name of a channel.
fn channel_name(info: &ConnectionInfo, number: u16) -> String {
    format!("{} ({number})", info.name)
}
