//! The overview: what the whole broker does.

use std::net::SocketAddr;

use broker::{MessageCounts, QueueCounts, RABBITMQ_VERSION};
use serde::Serialize;
use serde_json::Value;

use super::{Empty, NOTHING};
use crate::auth::Caller;
use crate::context::Context;
use crate::page::to_value;
use crate::query::Windows;
use crate::rates::{
    CHURN, DISK, GLOBAL_ROW, History, LENGTHS, MESSAGES, QUEUE_ROW, Sampled, Stats, churn_values,
    disk_values, queue_values,
};
use crate::views::node::rates_mode;
use crate::views::vhost;

#[derive(Serialize, Debug)]
struct Overview<'a> {
    management_version: &'static str,
    rates_mode: &'static str,
    sample_retention_policies: Retention,
    exchange_types: [Type; 11],
    product_version: &'static str,
    product_name: &'static str,
    rabbitmq_version: &'static str,
    cluster_name: String,
    cluster_tags: Empty,
    node_tags: Empty,
    erlang_version: &'static str,
    erlang_full_version: &'static str,
    crypto_lib_version: &'static str,
    leveret_version: &'static str,
    release_series_support_status: &'static str,
    disable_stats: bool,
    default_queue_type: &'static str,
    is_op_policy_updating_enabled: bool,
    enable_queue_totals: bool,
    require_definition_json_extension: bool,
    message_stats: Stats,
    churn_rates: Stats,
    queue_totals: Stats,
    object_totals: ObjectTotals,
    statistics_db_event_queue: u32,
    node: &'a str,
    #[serde(flatten)]
    node_only: Option<NodeOnly<'a>>,
}

/// What only a monitor sees.
#[derive(Serialize, Debug)]
struct NodeOnly<'a> {
    listeners: Vec<ListenerView<'a>>,
    contexts: Vec<ContextView<'a>>,
}

/// How far back samples go, in seconds.
#[derive(Serialize, Debug)]
struct Retention {
    global: [u32; 4],
    basic: [u32; 1],
    detailed: [u32; 1],
}

/// A kind of exchange or a mechanism of authentication.
#[derive(Clone, Copy, Serialize, Debug)]
pub(crate) struct Type {
    name: &'static str,
    description: &'static str,
    enabled: bool,
}

#[derive(Default, Serialize, Debug)]
struct ObjectTotals {
    connections: usize,
    channels: usize,
    exchanges: usize,
    queues: usize,
    consumers: u64,
}

#[derive(Serialize, Debug)]
struct ListenerView<'a> {
    node: &'a str,
    protocol: &'static str,
    ip_address: String,
    port: u16,
    socket_opts: SocketOptions,
    tls: bool,
}

#[derive(Serialize, Debug)]
struct SocketOptions {
    backlog: u32,
    nodelay: bool,
    linger: (bool, u32),
    exit_on_close: bool,
}

/// An HTTP service.
#[derive(Serialize, Debug)]
pub(crate) struct ContextView<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    node: Option<&'a str>,
    description: &'static str,
    path: &'static str,
    cowboy_opts: &'static str,
    ip: String,
    port: String,
    ssl_opts: [Empty; 0],
}

/// What stands for the version of something that is not there.
pub(crate) const NO_ERLANG: &str = "none";

const fn exchange_type(name: &'static str, description: &'static str) -> Type {
    Type {
        name,
        description,
        enabled: true,
    }
}

/// The kinds of exchange.
pub(crate) const EXCHANGE_TYPES: [Type; 11] = [
    exchange_type(
        "direct",
        "AMQP direct exchange: the routing key equals the binding key",
    ),
    exchange_type("fanout", "AMQP fanout exchange: every binding matches"),
    exchange_type(
        "headers",
        "AMQP headers exchange: the binding's arguments match the headers",
    ),
    exchange_type(
        "topic",
        "AMQP topic exchange: patterns of words match the routing key",
    ),
    exchange_type(
        "x-consistent-hash",
        "One destination by a hash, in proportion to the binding keys",
    ),
    exchange_type("x-delayed-message", "Routes after the delay in x-delay"),
    exchange_type("x-local-random", "One classic queue of this node by chance"),
    exchange_type(
        "x-message-deduplication",
        "Every binding matches, once for each value of a header",
    ),
    exchange_type(
        "x-modulus-hash",
        "One destination by a hash modulo their number",
    ),
    exchange_type("x-random", "One binding by chance"),
    exchange_type(
        "x-recent-history",
        "Every binding matches, and new ones get the last messages",
    ),
];

/// The mechanisms of authentication.
pub(crate) const AUTH_MECHANISMS: [Type; 3] = [
    exchange_type("AMQPLAIN", "User name and password in a field table"),
    exchange_type("ANONYMOUS", "The configured user, without a password"),
    exchange_type("PLAIN", "SASL PLAIN: user name and password"),
];

/// The overview as JSON, of what the caller may see.
pub(crate) fn show(
    context: &Context,
    sampled: &Sampled,
    caller: &Caller,
    windows: &Windows,
) -> Value {
    let settings = context.broker.settings();
    let history = sampled.global.as_ref();
    let (objects, row) = totals(context, caller);
    let (queues, churn, disk) = stats(history, &row, windows);
    to_value(&Overview {
        management_version: RABBITMQ_VERSION,
        rates_mode: rates_mode(context),
        sample_retention_policies: Retention {
            global: [600, 3600, 28_800, 86_400],
            basic: [300],
            detailed: [300],
        },
        exchange_types: EXCHANGE_TYPES,
        product_version: RABBITMQ_VERSION,
        product_name: "RabbitMQ",
        rabbitmq_version: RABBITMQ_VERSION,
        cluster_name: context.broker.cluster_name(),
        cluster_tags: Empty {},
        node_tags: Empty {},
        erlang_version: NO_ERLANG,
        erlang_full_version: NO_ERLANG,
        crypto_lib_version: NO_ERLANG,
        leveret_version: broker::VERSION,
        release_series_support_status: "supported",
        disable_stats: false,
        default_queue_type: "classic",
        is_op_policy_updating_enabled: !context.info.operator_policies_fixed,
        enable_queue_totals: false,
        require_definition_json_extension: false,
        message_stats: disk,
        churn_rates: churn,
        queue_totals: queues,
        object_totals: objects,
        statistics_db_event_queue: 0,
        node: &settings.node,
        node_only: caller.is_monitor().then(|| NodeOnly {
            listeners: listeners(context),
            contexts: contexts(context, Some(&settings.node)),
        }),
    })
}

/// Counts over the virtual hosts that the caller may see.
fn totals(context: &Context, caller: &Caller) -> (ObjectTotals, [u64; GLOBAL_ROW]) {
    let mut objects = ObjectTotals::default();
    let mut lengths = QueueCounts::default();
    let mut messages = MessageCounts::default();
    let vhosts = caller.visible_vhosts(context);
    for vhost in &vhosts {
        let counts = vhost::lengths(vhost);
        lengths.ready += counts.ready;
        lengths.unacked += counts.unacked;
        objects.consumers += counts.consumers;
        objects.exchanges += vhost.exchange_count();
        objects.queues += vhost.queue_count();
        messages.add(&vhost.stats().snapshot());
    }
    for connection in context.broker.registry().connections() {
        if caller.sees(&connection) {
            objects.connections += 1;
            objects.channels += connection.channel_count();
        }
    }
    let mut row = [0; GLOBAL_ROW];
    let (queue, rest) = row.split_at_mut(QUEUE_ROW);
    queue.copy_from_slice(&queue_values(&messages, lengths));
    let (churn, disk) = rest.split_at_mut(CHURN.len());
    churn.copy_from_slice(&churn_values(context.broker.churn()));
    disk.copy_from_slice(&disk_values(&context.broker));
    (objects, row)
}

/// Lengths, churn, and messages with the disk's part.
fn stats(
    history: Option<&History<GLOBAL_ROW>>,
    row: &[u64; GLOBAL_ROW],
    windows: &Windows,
) -> (Stats, Stats, Stats) {
    let (done, rest) = row.split_at(MESSAGES.len());
    let (lengths, rest) = rest.split_at(LENGTHS.len());
    let (churn, disk) = rest.split_at(CHURN.len());
    let mut queue_totals = Stats::default();
    queue_totals.add(&LENGTHS, lengths, history, MESSAGES.len(), windows.lengths);
    let mut churn_rates = Stats::default();
    churn_rates.add(&CHURN, churn, history, QUEUE_ROW, windows.msg_rates);
    let mut message_stats = Stats::default();
    message_stats.add(&MESSAGES, done, history, 0, windows.msg_rates);
    let at = QUEUE_ROW + CHURN.len();
    message_stats.add(&DISK, disk, history, at, windows.msg_rates);
    (queue_totals, churn_rates, message_stats)
}

fn listeners(context: &Context) -> Vec<ListenerView<'_>> {
    let node = &context.broker.settings().node;
    let view = |protocol: &'static str, address: &SocketAddr| ListenerView {
        node,
        protocol,
        ip_address: address.ip().to_string(),
        port: address.port(),
        socket_opts: SocketOptions {
            backlog: 1024,
            nodelay: true,
            linger: (true, 0),
            exit_on_close: false,
        },
        tls: matches!(protocol, "amqp/ssl" | "https"),
    };
    let info = &context.info;
    [
        ("amqp", &info.amqp_listeners),
        ("amqp/ssl", &info.amqp_tls_listeners),
        ("http", &info.management_listeners),
        ("https", &info.management_tls_listeners),
        ("http/prometheus", &info.prometheus_listeners),
    ]
    .into_iter()
    .flat_map(|(protocol, addresses)| {
        let view = &view;
        addresses.iter().map(move |address| view(protocol, address))
    })
    .collect()
}

/// Where this API is served. Within a node the node's name is left out.
pub(crate) fn contexts<'a>(context: &'a Context, node: Option<&'a str>) -> Vec<ContextView<'a>> {
    let view = |address: &SocketAddr| ContextView {
        node,
        description: "RabbitMQ Management",
        path: "/",
        cowboy_opts: "[]",
        ip: address.ip().to_string(),
        port: address.port().to_string(),
        ssl_opts: NOTHING,
    };
    let info = &context.info;
    let plain = info.management_listeners.iter();
    plain
        .chain(&info.management_tls_listeners)
        .map(view)
        .collect()
}
