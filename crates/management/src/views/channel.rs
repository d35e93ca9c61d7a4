//! Channels.

use std::sync::atomic::Ordering::Relaxed;

use broker::{ChannelInfo, ConnectionInfo};
use serde::Serialize;
use serde_json::Value;

use super::pair::Pairs;
use super::{GarbageCollection, PeerView, Reductions, channel_name};
use crate::context::Context;
use crate::page::to_value;
use crate::query::Windows;
use crate::rates::{MESSAGES, Sampled, Stats, message_values};
use crate::timestamp;

#[derive(Serialize, Debug)]
struct ChannelView<'a> {
    name: String,
    number: u16,
    user: &'a str,
    user_who_performed_action: &'a str,
    vhost: &'a str,
    node: &'a str,
    state: &'static str,
    transactional: bool,
    confirm: bool,
    consumer_count: u32,
    messages_unacknowledged: u32,
    messages_unconfirmed: u32,
    messages_uncommitted: u32,
    acks_uncommitted: u32,
    prefetch_count: u32,
    global_prefetch_count: u32,
    pending_raft_commands: u32,
    cached_segments: u32,
    connection_details: PeerView<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    idle_since: Option<String>,
    #[serde(flatten)]
    reductions: Reductions,
    garbage_collection: GarbageCollection,
    #[serde(skip_serializing_if = "Option::is_none")]
    message_stats: Option<Stats>,
    #[serde(flatten)]
    full: Option<Full>,
}

#[derive(Serialize, Debug)]
struct Full {
    consumer_details: Vec<Value>,
    publishes: Vec<Value>,
    deliveries: Vec<Value>,
}

/// How long, in milliseconds, a channel does nothing before it counts as idle.
const IDLE_AFTER_MS: u64 = 10_000;

/// A channel as JSON, with its consumers and pairs when it is shown by itself.
pub(crate) fn show(
    context: &Context,
    sampled: &Sampled,
    (connection, channel): (&ConnectionInfo, &ChannelInfo),
    full: Option<(Vec<Value>, Pairs)>,
    windows: &Windows,
) -> Value {
    let history = sampled.channels.get(&(connection.id, channel.number));
    let mut stats = Stats::default();
    let row = message_values(&channel.stats.snapshot());
    stats.add(&MESSAGES, &row, history, 0, windows.msg_rates);
    let idle_ms = match history {
        Some(history) => history.changed_ms(),
        None => connection.connected_at_ms,
    };
    let idle = context.now_ms().saturating_sub(idle_ms) >= IDLE_AFTER_MS;
    to_value(&ChannelView {
        name: channel_name(&connection.name, channel.number),
        number: channel.number,
        user: &connection.user,
        user_who_performed_action: &connection.user,
        vhost: &connection.vhost,
        node: &context.broker.settings().node,
        state: if idle { "idle" } else { connection.state() },
        transactional: channel.transactional.load(Relaxed),
        confirm: channel.confirm.load(Relaxed),
        consumer_count: channel.consumer_count.load(Relaxed),
        messages_unacknowledged: channel.unacked.load(Relaxed),
        messages_unconfirmed: channel.unconfirmed.load(Relaxed),
        messages_uncommitted: channel.uncommitted.load(Relaxed),
        acks_uncommitted: channel.acks_uncommitted.load(Relaxed),
        prefetch_count: channel.prefetch_count.load(Relaxed),
        global_prefetch_count: channel.global_prefetch_count.load(Relaxed),
        pending_raft_commands: 0,
        cached_segments: 0,
        connection_details: PeerView::of(connection),
        idle_since: idle.then(|| timestamp::iso_8601(idle_ms)),
        reductions: Reductions::default(),
        garbage_collection: GarbageCollection::default(),
        message_stats: stats.unless_zero(),
        full: full.map(|(consumer_details, Pairs { before, after })| Full {
            consumer_details,
            publishes: before,
            deliveries: after,
        }),
    })
}
