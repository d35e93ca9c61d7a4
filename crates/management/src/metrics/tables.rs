//! Which numbers of an object are shown under which of RabbitMQ's names.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use broker::{ChannelInfo, ConnectionInfo, MessageCounts, QueueCounts};

use super::page::Kind;
use super::page::Kind::{Counter, Gauge};

/// One number of something, and how it is called.
pub(super) struct Metric<T> {
    pub(super) family: &'static str,
    pub(super) name: &'static str,
    pub(super) help: &'static str,
    pub(super) kind: Kind,
    pub(super) value: fn(&T) -> f64,
}

const fn metric<T>(
    family: &'static str,
    name: &'static str,
    help: &'static str,
    kind: Kind,
    value: fn(&T) -> f64,
) -> Metric<T> {
    Metric {
        family,
        name,
        help,
        kind,
        value,
    }
}

/// What is counted of a queue.
pub(super) type QueueNumbers = (QueueCounts, MessageCounts);

/// In the order of the page.
pub(super) const QUEUE: [Metric<QueueNumbers>; 15] = [
    metric(
        "queue_coarse_metrics",
        "queue_messages_ready",
        "Messages ready to be delivered to consumers",
        Gauge,
        |q| q.0.ready as f64,
    ),
    metric(
        "queue_coarse_metrics",
        "queue_messages_unacked",
        "Messages delivered to consumers but not yet acknowledged",
        Gauge,
        |q| q.0.unacked as f64,
    ),
    metric(
        "queue_coarse_metrics",
        "queue_messages",
        "Sum of ready and unacknowledged messages - total queue depth",
        Gauge,
        |q| (q.0.ready + q.0.unacked) as f64,
    ),
    metric(
        "queue_consumer_count",
        "queue_consumers",
        "Consumers on a queue",
        Gauge,
        |q| q.0.consumers as f64,
    ),
    metric(
        "queue_metrics",
        "queue_consumers",
        "Consumers on a queue",
        Gauge,
        |q| q.0.consumers as f64,
    ),
    metric(
        "queue_metrics",
        "queue_consumer_utilisation",
        "Consumer utilisation",
        Gauge,
        utilisation,
    ),
    metric(
        "queue_metrics",
        "queue_consumer_capacity",
        "Consumer capacity",
        Gauge,
        utilisation,
    ),
    metric(
        "queue_metrics",
        "queue_messages_bytes",
        "Size in bytes of ready and unacknowledged messages",
        Gauge,
        |q| (q.0.ready_bytes + q.0.unacked_bytes) as f64,
    ),
    metric(
        "queue_metrics",
        "queue_messages_ready_bytes",
        "Size in bytes of ready messages",
        Gauge,
        |q| q.0.ready_bytes as f64,
    ),
    metric(
        "queue_metrics",
        "queue_messages_unacked_bytes",
        "Size in bytes of all unacknowledged messages",
        Gauge,
        |q| q.0.unacked_bytes as f64,
    ),
    metric(
        "queue_metrics",
        "queue_process_memory_bytes",
        "Memory in bytes used by the queue",
        Gauge,
        |q| (q.0.ready_bytes + q.0.unacked_bytes) as f64,
    ),
    metric(
        "queue_exchange_metrics",
        "queue_messages_published_total",
        "Total number of messages published to queues",
        Counter,
        |q| q.1.publish as f64,
    ),
    metric(
        "queue_delivery_metrics",
        "queue_messages_delivered_ack_total",
        "Total number of messages delivered to consumers in manual acknowledgement mode",
        Counter,
        |q| q.1.deliver as f64,
    ),
    metric(
        "queue_delivery_metrics",
        "queue_messages_delivered_total",
        "Total number of messages delivered to consumers in automatic acknowledgement mode",
        Counter,
        |q| q.1.deliver_no_ack as f64,
    ),
    metric(
        "queue_delivery_metrics",
        "queue_messages_acked_total",
        "Total number of messages acknowledged by consumers",
        Counter,
        |q| q.1.ack as f64,
    ),
];

/// Consumers are kept waiting by an empty queue only.
fn utilisation(queue: &QueueNumbers) -> f64 {
    f64::from(u8::from(queue.0.consumers > 0 && queue.0.ready == 0))
}

/// A channel, and what it has done.
pub(super) type ChannelNumbers = (Arc<ChannelInfo>, MessageCounts);

/// In the order of the page.
pub(super) const CHANNEL: [Metric<ChannelNumbers>; 17] = [
    metric(
        "channel_metrics",
        "channel_consumers",
        "Consumers on a channel",
        Gauge,
        |c| f64::from(c.0.consumer_count.load(Ordering::Relaxed)),
    ),
    metric(
        "channel_metrics",
        "channel_messages_unacked",
        "Delivered but not yet acknowledged messages",
        Gauge,
        |c| f64::from(c.0.unacked.load(Ordering::Relaxed)),
    ),
    metric(
        "channel_metrics",
        "channel_messages_unconfirmed",
        "Published but not yet confirmed messages",
        Gauge,
        |c| f64::from(c.0.unconfirmed.load(Ordering::Relaxed)),
    ),
    metric(
        "channel_metrics",
        "channel_messages_uncommitted",
        "Messages received in a transaction but not yet committed",
        Gauge,
        |c| f64::from(c.0.uncommitted.load(Ordering::Relaxed)),
    ),
    metric(
        "channel_metrics",
        "channel_acks_uncommitted",
        "Message acknowledgements in a transaction not yet committed",
        Gauge,
        |c| f64::from(c.0.acks_uncommitted.load(Ordering::Relaxed)),
    ),
    metric(
        "channel_metrics",
        "consumer_prefetch",
        "Limit of unacknowledged messages for each consumer",
        Gauge,
        |c| f64::from(c.0.prefetch_count.load(Ordering::Relaxed)),
    ),
    metric(
        "channel_metrics",
        "channel_prefetch",
        "Total limit of unacknowledged messages for all consumers on a channel",
        Gauge,
        |c| f64::from(c.0.global_prefetch_count.load(Ordering::Relaxed)),
    ),
    metric(
        "channel_exchange_metrics",
        "channel_messages_published_total",
        "Total number of messages published into an exchange on a channel",
        Counter,
        |c| c.1.publish as f64,
    ),
    metric(
        "channel_exchange_metrics",
        "channel_messages_confirmed_total",
        "Total number of messages published into an exchange and confirmed on the channel",
        Counter,
        |c| c.1.confirm as f64,
    ),
    metric(
        "channel_exchange_metrics",
        "channel_messages_unroutable_returned_total",
        "Total number of messages published as mandatory into an exchange and returned to the publisher as unroutable",
        Counter,
        |c| c.1.return_unroutable as f64,
    ),
    metric(
        "channel_exchange_metrics",
        "channel_messages_unroutable_dropped_total",
        "Total number of messages published as non-mandatory into an exchange and dropped as unroutable",
        Counter,
        |c| c.1.drop_unroutable as f64,
    ),
    metric(
        "channel_queue_metrics",
        "channel_get_ack_total",
        "Total number of messages fetched with basic.get in manual acknowledgement mode",
        Counter,
        |c| c.1.get as f64,
    ),
    metric(
        "channel_queue_metrics",
        "channel_get_total",
        "Total number of messages fetched with basic.get in automatic acknowledgement mode",
        Counter,
        |c| c.1.get_no_ack as f64,
    ),
    metric(
        "channel_queue_metrics",
        "channel_messages_delivered_ack_total",
        "Total number of messages delivered to consumers in manual acknowledgement mode",
        Counter,
        |c| c.1.deliver as f64,
    ),
    metric(
        "channel_queue_metrics",
        "channel_messages_delivered_total",
        "Total number of messages delivered to consumers in automatic acknowledgement mode",
        Counter,
        |c| c.1.deliver_no_ack as f64,
    ),
    metric(
        "channel_queue_metrics",
        "channel_messages_redelivered_total",
        "Total number of messages redelivered to consumers",
        Counter,
        |c| c.1.redeliver as f64,
    ),
    metric(
        "channel_queue_metrics",
        "channel_messages_acked_total",
        "Total number of messages acknowledged by consumers",
        Counter,
        |c| c.1.ack as f64,
    ),
];

/// In the order of the page.
pub(super) const CONNECTION: [Metric<Arc<ConnectionInfo>>; 6] = [
    metric(
        "connection_coarse_metrics",
        "connection_incoming_bytes_total",
        "Total number of bytes received on a connection",
        Counter,
        |c| c.traffic.recv_oct.load(Ordering::Relaxed) as f64,
    ),
    metric(
        "connection_coarse_metrics",
        "connection_outgoing_bytes_total",
        "Total number of bytes sent on a connection",
        Counter,
        |c| c.traffic.send_oct.load(Ordering::Relaxed) as f64,
    ),
    metric(
        "connection_metrics",
        "connection_incoming_packets_total",
        "Total number of packets received on a connection",
        Counter,
        |c| c.traffic.recv_cnt.load(Ordering::Relaxed) as f64,
    ),
    metric(
        "connection_metrics",
        "connection_outgoing_packets_total",
        "Total number of packets sent on a connection",
        Counter,
        |c| c.traffic.send_cnt.load(Ordering::Relaxed) as f64,
    ),
    metric(
        "connection_metrics",
        "connection_pending_packets",
        "Number of packets waiting to be sent on a connection",
        Gauge,
        |_| 0.0,
    ),
    metric(
        "connection_metrics",
        "connection_channels",
        "Channels on a connection",
        Gauge,
        |c| c.channel_count() as f64,
    ),
];

/// Global counters of what came in.
const RECEIVED: &str = "received";

/// Global counters of what went out, by type of queue.
pub(super) const DELIVERED: &str = "delivered";

/// What all clients together have done.
pub(super) const GLOBAL: [Metric<MessageCounts>; 14] = [
    metric(
        RECEIVED,
        "global_messages_received_total",
        "Total number of messages received from clients",
        Counter,
        |m| m.publish as f64,
    ),
    metric(
        RECEIVED,
        "global_messages_received_confirm_total",
        "Total number of messages received from publishers expecting confirmations",
        Counter,
        |m| m.confirm as f64,
    ),
    metric(
        RECEIVED,
        "global_messages_confirmed_total",
        "Total number of messages confirmed to publishers",
        Counter,
        |m| m.confirm as f64,
    ),
    metric(
        RECEIVED,
        "global_messages_routed_total",
        "Total number of messages routed to queues or streams",
        Counter,
        |m| routed(m) as f64,
    ),
    metric(
        RECEIVED,
        "global_messages_unroutable_dropped_total",
        "Total number of messages published as non-mandatory into an exchange and dropped as unroutable",
        Counter,
        |m| m.drop_unroutable as f64,
    ),
    metric(
        RECEIVED,
        "global_messages_unroutable_returned_total",
        "Total number of messages published as mandatory into an exchange and returned to the publisher as unroutable",
        Counter,
        |m| m.return_unroutable as f64,
    ),
    metric(
        DELIVERED,
        "global_messages_delivered_total",
        "Total number of messages delivered to consumers",
        Counter,
        |m| (m.deliver + m.deliver_no_ack) as f64,
    ),
    metric(
        DELIVERED,
        "global_messages_delivered_consume_manual_ack_total",
        "Total number of messages delivered to consumers using basic.consume with manual acknowledgment",
        Counter,
        |m| m.deliver as f64,
    ),
    metric(
        DELIVERED,
        "global_messages_delivered_consume_auto_ack_total",
        "Total number of messages delivered to consumers using basic.consume with automatic acknowledgment",
        Counter,
        |m| m.deliver_no_ack as f64,
    ),
    metric(
        DELIVERED,
        "global_messages_delivered_get_manual_ack_total",
        "Total number of messages delivered to consumers using basic.get with manual acknowledgment",
        Counter,
        |m| m.get as f64,
    ),
    metric(
        DELIVERED,
        "global_messages_delivered_get_auto_ack_total",
        "Total number of messages delivered to consumers using basic.get with automatic acknowledgment",
        Counter,
        |m| m.get_no_ack as f64,
    ),
    metric(
        DELIVERED,
        "global_messages_get_empty_total",
        "Total number of times basic.get operations fetched no message",
        Counter,
        |m| m.get_empty as f64,
    ),
    metric(
        DELIVERED,
        "global_messages_redelivered_total",
        "Total number of messages redelivered to consumers",
        Counter,
        |m| m.redeliver as f64,
    ),
    metric(
        DELIVERED,
        "global_messages_acknowledged_total",
        "Total number of message acknowledgements received from consumers",
        Counter,
        |m| m.ack as f64,
    ),
];

const fn routed(messages: &MessageCounts) -> u64 {
    let unroutable = messages.drop_unroutable + messages.return_unroutable;
    messages.publish.saturating_sub(unroutable)
}
