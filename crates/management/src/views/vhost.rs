//! Virtual hosts.

use std::collections::BTreeMap;

use broker::{QueueCounts, VHost};
use serde::Serialize;
use serde_json::Value;

use crate::context::Context;
use crate::page::to_value;
use crate::query::Windows;
use crate::rates::{LENGTHS, MESSAGES, OCTETS, QUEUE_ROW, Sampled, Stats, queue_values};

#[derive(Serialize, Debug)]
struct VHostView<'a> {
    name: &'a str,
    description: &'a str,
    tags: &'a [String],
    default_queue_type: &'a str,
    metadata: Metadata<'a>,
    protected_from_deletion: bool,
    tracing: bool,
    cluster_state: BTreeMap<&'a str, &'a str>,
    #[serde(flatten)]
    stats: Option<VHostStats>,
}

#[derive(Serialize, Debug)]
struct Metadata<'a> {
    description: &'a str,
    tags: &'a [String],
    default_queue_type: &'a str,
    protected_from_deletion: bool,
}

#[derive(Serialize, Debug)]
struct VHostStats {
    #[serde(flatten)]
    totals: Stats,
    #[serde(skip_serializing_if = "Option::is_none")]
    message_stats: Option<Stats>,
}

/// A virtual host as JSON, with or without its numbers.
pub(crate) fn show(
    context: &Context,
    sampled: Option<&Sampled>,
    vhost: &VHost,
    windows: &Windows,
) -> Value {
    let (meta, settings) = (vhost.meta(), context.broker.settings());
    let (description, tags) = (&*meta.description, &*meta.tags);
    let default_queue_type = meta.default_queue_type.as_deref();
    let default_queue_type = default_queue_type.unwrap_or(&settings.default_queue_type);
    to_value(&VHostView {
        name: vhost.name(),
        description,
        tags,
        default_queue_type,
        metadata: Metadata {
            description,
            tags,
            default_queue_type,
            protected_from_deletion: meta.protected,
        },
        protected_from_deletion: meta.protected,
        tracing: meta.tracing,
        cluster_state: BTreeMap::from([(&*settings.node, "running")]),
        stats: sampled.map(|sampled| VHostStats::of(sampled, vhost, windows)),
    })
}

/// Messages in all queues of a virtual host.
pub(crate) fn lengths(vhost: &VHost) -> QueueCounts {
    let mut total = QueueCounts::default();
    for queue in vhost.queues() {
        let counts = queue.counts();
        total.ready += counts.ready;
        total.unacked += counts.unacked;
        total.consumers += counts.consumers;
    }
    total
}

impl VHostStats {
    fn of(sampled: &Sampled, vhost: &VHost, windows: &Windows) -> Self {
        let history = sampled.vhosts.get(&**vhost.name());
        let row = queue_values(&vhost.stats().snapshot(), lengths(vhost));
        let (done, lengths_row) = row.split_at(MESSAGES.len());
        let octets = sampled.octets(vhost.name());
        let mut totals = Stats::default();
        totals.add(
            &LENGTHS,
            lengths_row,
            history,
            MESSAGES.len(),
            windows.lengths,
        );
        totals.add(&OCTETS, &octets, history, QUEUE_ROW, windows.data_rates);
        let mut stats = Stats::default();
        stats.add(&MESSAGES, done, history, 0, windows.msg_rates);
        Self {
            totals,
            message_stats: stats.unless_zero(),
        }
    }
}
