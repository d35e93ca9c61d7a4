//! Metrics of the node: what it is, its resources, and what all clients together have done.

use std::sync::atomic::{AtomicU64, Ordering};

use broker::{DeadLetterCounts, MessageCounts, RABBITMQ_VERSION, SIZE_BOUNDS, VERSION};

use super::page::Kind::{Counter, Gauge};
use super::page::{Labels, Page};
use super::tables::{DELIVERED, GLOBAL};
use crate::context::Context;
use crate::os;

/// The protocol label of global counters.
const PROTOCOL: Labels<'static> = &[("protocol", "amqp091")];

/// Counters of deliveries are told apart by the type of their queue, too.
const DELIVERY: Labels<'static> = &[
    ("protocol", "amqp091"),
    ("queue_type", "rabbit_classic_queue"),
];

/// Counters of dead letters; queues of both types are counted together.
const DEAD_LETTERED: Labels<'static> = &[
    ("queue_type", "rabbit_classic_queue"),
    ("dead_letter_strategy", "at_most_once"),
];

/// Adds all of them.
pub(super) fn add(page: &mut Page, context: &Context) {
    add_identity(page, context);
    add_resources(page, context);
    add_alarms(page, context);
    add_churn(page, context);
    add_global(page, context);
    add_sizes(page, context);
    add_dead_letters(page, context);
    add_totals(page, context);
}

fn add_identity(page: &mut Page, context: &Context) {
    let settings = context.broker.settings();
    let endpoint = context
        .info
        .prometheus_listeners
        .first()
        .map_or_else(|| "aggregated".to_owned(), ToString::to_string);
    let identity = [
        ("rabbitmq_node", settings.node.as_str()),
        ("rabbitmq_cluster", settings.cluster_name.as_str()),
        (
            "rabbitmq_cluster_permanent_id",
            settings.cluster_name.as_str(),
        ),
        ("rabbitmq_endpoint", endpoint.as_str()),
    ];
    let help = "RabbitMQ node & cluster identity info";
    page.one("identity_info", help, Gauge, &identity, 1.0);
    let build = [
        ("rabbitmq_version", RABBITMQ_VERSION),
        ("prometheus_plugin_version", RABBITMQ_VERSION),
        ("prometheus_client_version", VERSION),
        ("erlang_version", "none"),
        ("product_name", "RabbitMQ"),
        ("product_version", RABBITMQ_VERSION),
    ];
    let help = "RabbitMQ & Erlang/OTP version info";
    page.one("build_info", help, Gauge, &build, 1.0);
}

fn add_resources(page: &mut Page, context: &Context) {
    let seen = context.broker.alarms().resources();
    let uptime = context.uptime_ms() as f64 / 1000.0;
    for (name, help, value) in [
        (
            "process_resident_memory_bytes",
            "Memory used in bytes",
            seen.memory_used as f64,
        ),
        (
            "resident_memory_limit_bytes",
            "Memory high watermark in bytes",
            seen.memory_limit as f64,
        ),
        (
            "disk_space_available_bytes",
            "Disk space available in bytes",
            seen.disk_free as f64,
        ),
        (
            "disk_space_available_limit_bytes",
            "Free disk space low watermark in bytes",
            seen.disk_free_limit as f64,
        ),
        (
            "process_open_fds",
            "Open file descriptors",
            os::descriptors_used() as f64,
        ),
        (
            "process_max_fds",
            "Open file descriptors limit",
            os::descriptors_limit() as f64,
        ),
        (
            "process_open_tcp_sockets",
            "Open TCP sockets",
            context.broker.registry().len() as f64,
        ),
        (
            "process_max_tcp_sockets",
            "Open TCP sockets limit",
            os::descriptors_limit() as f64,
        ),
        ("erlang_uptime_seconds", "Node uptime", uptime),
    ] {
        page.one(name, help, Gauge, &[], value);
    }
    let store = context.broker.store_stats();
    for (name, help, value) in [
        (
            "io_write_ops_total",
            "Total number of I/O write operations",
            store.groups,
        ),
        (
            "io_write_bytes_total",
            "Total number of I/O bytes written",
            store.log_bytes,
        ),
        (
            "io_sync_ops_total",
            "Total number of I/O sync operations",
            store.syncs,
        ),
    ] {
        page.one(name, help, Counter, &[], value as f64);
    }
}

fn add_alarms(page: &mut Page, context: &Context) {
    let raised = context.broker.alarms().raised();
    for (name, help, on) in [
        (
            "alarms_file_descriptor_limit",
            "is 1 if file descriptor limit alarm is in effect",
            false,
        ),
        (
            "alarms_free_disk_space_watermark",
            "is 1 if free disk space watermark alarm is in effect",
            raised.disk(),
        ),
        (
            "alarms_memory_used_watermark",
            "is 1 if VM memory watermark alarm is in effect",
            raised.memory(),
        ),
    ] {
        page.one(name, help, Gauge, &[], f64::from(u8::from(on)));
    }
}

fn add_churn(page: &mut Page, context: &Context) {
    let churn = context.broker.churn();
    let mut add = |name, help, count: &AtomicU64| {
        page.one(
            name,
            help,
            Counter,
            &[],
            count.load(Ordering::Relaxed) as f64,
        );
    };
    add(
        "connections_opened_total",
        "Total number of connections opened",
        &churn.connection_created,
    );
    add(
        "connections_closed_total",
        "Total number of connections closed or terminated",
        &churn.connection_closed,
    );
    add(
        "channels_opened_total",
        "Total number of channels opened",
        &churn.channel_created,
    );
    add(
        "channels_closed_total",
        "Total number of channels closed",
        &churn.channel_closed,
    );
    add(
        "queues_declared_total",
        "Total number of queues declared",
        &churn.queue_declared,
    );
    add(
        "queues_created_total",
        "Total number of queues created",
        &churn.queue_created,
    );
    add(
        "queues_deleted_total",
        "Total number of queues deleted",
        &churn.queue_deleted,
    );
}

fn add_global(page: &mut Page, context: &Context) {
    let mut counts = MessageCounts::default();
    for vhost in context.broker.vhosts() {
        counts.add(&vhost.stats().snapshot());
    }
    for metric in &GLOBAL {
        let labels = match metric.family {
            DELIVERED => DELIVERY,
            _ => PROTOCOL,
        };
        let value = (metric.value)(&counts);
        page.one(metric.name, metric.help, metric.kind, labels, value);
    }
}

fn add_sizes(page: &mut Page, context: &Context) {
    let sizes = context.broker.message_sizes().snapshot();
    page.histogram(
        (
            "message_size_bytes",
            "Size of messages received from publishers",
        ),
        PROTOCOL,
        &SIZE_BOUNDS,
        &sizes.messages,
        sizes.bytes,
    );
}

fn add_dead_letters(page: &mut Page, context: &Context) {
    let mut sum = DeadLetterCounts::default();
    for vhost in context.broker.vhosts() {
        sum.add(&vhost.dead_letters().snapshot());
    }
    for (name, help, value) in [
        (
            "global_messages_dead_lettered_maxlen_total",
            "Total number of messages dead-lettered due to overflow drop-head or reject-publish-dlx",
            sum.maxlen,
        ),
        (
            "global_messages_dead_lettered_expired_total",
            "Total number of messages dead-lettered due to message TTL exceeded",
            sum.expired,
        ),
        (
            "global_messages_dead_lettered_rejected_total",
            "Total number of messages dead-lettered due to basic.reject or basic.nack",
            sum.rejected,
        ),
        (
            "global_messages_dead_lettered_delivery_limit_total",
            "Total number of messages dead-lettered due to delivery-limit exceeded",
            sum.delivery_limit,
        ),
    ] {
        page.one(name, help, Counter, DEAD_LETTERED, value as f64);
    }
}

fn add_totals(page: &mut Page, context: &Context) {
    let connections = context.broker.registry().connections();
    let channels: usize = connections.iter().map(|c| c.channel_count()).sum();
    let publishers = connections
        .iter()
        .flat_map(|c| c.channels())
        .filter(|channel| channel.stats.snapshot().publish > 0)
        .count();
    let vhosts = context.broker.vhosts();
    let queues: usize = vhosts.iter().map(|v| v.queue_count()).sum();
    let consumers: u64 = vhosts
        .iter()
        .map(|vhost| crate::views::vhost::lengths(vhost).consumers)
        .sum();
    for (name, help, labels, value) in [
        (
            "connections",
            "Connections currently open",
            &[][..],
            connections.len() as f64,
        ),
        ("channels", "Channels currently open", &[], channels as f64),
        (
            "consumers",
            "Consumers currently connected",
            &[],
            consumers as f64,
        ),
        ("queues", "Queues available", &[], queues as f64),
        (
            "global_publishers",
            "Publishers currently connected",
            PROTOCOL,
            publishers as f64,
        ),
        (
            "global_consumers",
            "Consumers currently connected",
            PROTOCOL,
            consumers as f64,
        ),
    ] {
        page.one(name, help, Gauge, labels, value);
    }
}

/// Adds what memory is used for, as far as it is known.
pub(super) fn add_memory(page: &mut Page, context: &Context) {
    let rss = context.broker.alarms().resources().memory_used;
    let messages = context.broker.budget().used();
    for (name, help, value) in [
        (
            "memory_messages_bytes",
            "Memory used by message bodies",
            messages,
        ),
        (
            "memory_other_bytes",
            "Memory used by everything else",
            rss.saturating_sub(messages),
        ),
        (
            "memory_total_rss_bytes",
            "Resident memory of the process",
            rss,
        ),
    ] {
        page.one(name, help, Gauge, &[], value as f64);
    }
}
