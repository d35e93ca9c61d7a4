//! Virtual hosts.

use std::collections::BTreeMap;

use broker::{QueueCounts, VHost};
use serde::Serialize;
use serde_json::Value;

use super::{Empty, NOTHING};
use crate::context::Context;
use crate::page::to_value;
use crate::query::Windows;
use crate::rates::{LENGTHS, MESSAGES, OCTETS, QUEUE_ROW, Sampled, Stats, queue_values};

#[derive(Serialize, Debug)]
struct VHostView<'a> {
    name: &'a str,
    description: &'a str,
    tags: [Empty; 0],
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
    tags: [Empty; 0],
    default_queue_type: &'a str,
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
    let is_default = **vhost.name() == *context.broker.settings().default_vhost;
    let description = if is_default {
        "Default virtual host"
    } else {
        ""
    };
    to_value(&VHostView {
        name: vhost.name(),
        description,
        tags: NOTHING,
        default_queue_type: "classic",
        metadata: Metadata {
            description,
            tags: NOTHING,
            default_queue_type: "classic",
        },
        protected_from_deletion: false,
        tracing: vhost.is_traced(),
        cluster_state: BTreeMap::from([(&*context.broker.settings().node, "running")]),
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
