//! Which numbers are sampled together, under RabbitMQ's names.

use std::sync::atomic::{AtomicU64, Ordering};

use broker::{Churn, MessageCounts};

/// One sampled number: its name and that of its details object.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Column {
    pub(crate) name: &'static str,
    pub(crate) details: &'static str,
    /// Gauges may shrink; counters can't, so a negative rate of one is an artefact.
    pub(crate) gauge: bool,
}

macro_rules! columns {
    ($gauge:literal: $($name:literal),* $(,)?) => {
        [$(Column { name: $name, details: concat!($name, "_details"), gauge: $gauge }),*]
    };
}

/// What messages did: `message_stats`.
pub(crate) const MESSAGES: [Column; 12] = columns!(false:
    "publish", "confirm", "return_unroutable", "drop_unroutable", "deliver", "deliver_no_ack",
    "get", "get_no_ack", "get_empty", "redeliver", "ack", "deliver_get",
);

/// How many messages there are.
pub(crate) const LENGTHS: [Column; 3] =
    columns!(true: "messages", "messages_ready", "messages_unacknowledged");

/// Bytes from and to clients.
pub(crate) const OCTETS: [Column; 2] = columns!(false: "recv_oct", "send_oct");

/// Messages into and out of an exchange.
pub(crate) const EXCHANGE: [Column; 2] = columns!(false: "publish_in", "publish_out");

/// Coming and going of objects: `churn_rates`.
pub(crate) const CHURN: [Column; 7] = columns!(false:
    "connection_created", "connection_closed", "channel_created", "channel_closed",
    "queue_declared", "queue_created", "queue_deleted",
);

/// What the process uses.
pub(crate) const NODE: [Column; 5] =
    columns!(true: "mem_used", "fd_used", "sockets_used", "proc_used", "disk_free");

/// What the process did with files; `disk_reads` and `disk_writes` of the overview.
pub(crate) const DISK: [Column; 2] = columns!(false: "disk_reads", "disk_writes");

/// One row of [`MESSAGES`].
pub(crate) fn message_values(counts: &MessageCounts) -> [u64; 12] {
    [
        counts.publish,
        counts.confirm,
        counts.return_unroutable,
        counts.drop_unroutable,
        counts.deliver,
        counts.deliver_no_ack,
        counts.get,
        counts.get_no_ack,
        counts.get_empty,
        counts.redeliver,
        counts.ack,
        counts.deliver_get(),
    ]
}

/// One row of [`CHURN`].
pub(crate) fn churn_values(churn: &Churn) -> [u64; 7] {
    let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    [
        read(&churn.connection_created),
        read(&churn.connection_closed),
        read(&churn.channel_created),
        read(&churn.channel_closed),
        read(&churn.queue_declared),
        read(&churn.queue_created),
        read(&churn.queue_deleted),
    ]
}
