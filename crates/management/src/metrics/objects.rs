//! Metrics of queues, channels, connections and exchanges: each, or all added up.

use std::sync::Arc;

use broker::{ConnectionInfo, Queue};

use super::page::Kind::Gauge;
use super::page::Page;
use super::tables::{CHANNEL, CONNECTION, ChannelNumbers, Metric, QUEUE, QueueNumbers};
use crate::context::Context;

/// Whether objects are told apart.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Scope {
    /// One value for all.
    Total,
    /// One for each.
    Each,
}

/// What a scrape asks for.
#[derive(Default, Debug)]
pub(super) struct Wanted {
    /// Families by RabbitMQ's names; none stands for all of them.
    families: Option<Vec<String>>,
    /// Virtual hosts; empty for all.
    vhosts: Vec<String>,
}

impl Wanted {
    pub(super) fn everything() -> Self {
        Self::default()
    }

    /// Reads `family=…&family=…&vhost=…`.
    pub(super) fn parse(query: Vec<(String, String)>) -> Self {
        let mut wanted = Self {
            families: Some(Vec::new()),
            vhosts: Vec::new(),
        };
        for (name, value) in query {
            match (&*name, &mut wanted.families) {
                ("family", Some(families)) => families.push(value),
                ("vhost", _) => wanted.vhosts.push(value),
                _ => {}
            }
        }
        wanted
    }

    fn family(&self, name: &str) -> bool {
        self.families
            .as_ref()
            .is_none_or(|families| families.iter().any(|family| family == name))
    }

    /// A family that is only shown on request.
    fn names(&self, name: &str) -> bool {
        self.families.is_some() && self.family(name)
    }

    fn vhost(&self, name: &str) -> bool {
        self.vhosts.is_empty() || self.vhosts.iter().any(|vhost| vhost == name)
    }
}

/// Something with its labels.
struct Labelled<T> {
    labels: Vec<(&'static str, String)>,
    value: T,
}

/// Adds the metrics of queues, channels and connections.
pub(super) fn add(page: &mut Page, context: &Context, wanted: &Wanted, scope: Scope) {
    let queues = if QUEUE.iter().any(|m| wanted.family(m.family)) {
        queues(context, wanted)
    } else {
        Vec::new()
    };
    write(page, &QUEUE, &queues, wanted, scope);
    let connections: Vec<_> = context
        .broker
        .registry()
        .connections()
        .into_iter()
        .filter(|connection| wanted.vhost(&connection.vhost))
        .collect();
    write(page, &CHANNEL, &channels(&connections), wanted, scope);
    let connections: Vec<_> = connections.into_iter().map(labelled_connection).collect();
    write(page, &CONNECTION, &connections, wanted, scope);
}

fn write<T>(
    page: &mut Page,
    metrics: &[Metric<T>],
    things: &[Labelled<T>],
    wanted: &Wanted,
    scope: Scope,
) {
    let mut seen = Vec::new();
    for metric in metrics.iter().filter(|m| wanted.family(m.family)) {
        // Some are in two families.
        if seen.contains(&metric.name) {
            continue;
        }
        seen.push(metric.name);
        page.begin(metric.name, metric.help, metric.kind);
        match scope {
            Scope::Total => {
                let total = things
                    .iter()
                    .map(|thing| (metric.value)(&thing.value))
                    .sum();
                page.line(&[], total);
            }
            Scope::Each => {
                for thing in things {
                    let labels: Vec<_> = thing
                        .labels
                        .iter()
                        .map(|(name, value)| (*name, value.as_str()))
                        .collect();
                    page.line(&labels, (metric.value)(&thing.value));
                }
            }
        }
    }
}

fn queues(context: &Context, wanted: &Wanted) -> Vec<Labelled<QueueNumbers>> {
    let vhosts = context.broker.vhosts();
    let vhosts = vhosts.iter().filter(|vhost| wanted.vhost(vhost.name()));
    let labelled = |queue: Arc<Queue>| Labelled {
        labels: vec![
            ("vhost", queue.vhost().to_string()),
            ("queue", queue.name().to_string()),
        ],
        value: queue.tally(),
    };
    vhosts
        .flat_map(|vhost| vhost.queues())
        .map(labelled)
        .collect()
}

fn channels(connections: &[Arc<ConnectionInfo>]) -> Vec<Labelled<ChannelNumbers>> {
    let of = |connection: &Arc<ConnectionInfo>| {
        let connection = Arc::clone(connection);
        connection
            .channels()
            .into_iter()
            .map(move |channel| Labelled {
                labels: vec![
                    (
                        "channel",
                        format!("{} ({})", connection.name, channel.number),
                    ),
                    ("vhost", connection.vhost.to_string()),
                    ("username", connection.user.to_string()),
                ],
                value: (Arc::clone(&channel), channel.stats.snapshot()),
            })
    };
    connections.iter().flat_map(of).collect()
}

fn labelled_connection(connection: Arc<ConnectionInfo>) -> Labelled<Arc<ConnectionInfo>> {
    Labelled {
        labels: vec![
            ("connection", connection.name.to_string()),
            ("vhost", connection.vhost.to_string()),
            ("username", connection.user.to_string()),
        ],
        value: connection,
    }
}

/// Adds what in a cluster would be the same on every node, if it was asked for.
pub(super) fn add_cluster(page: &mut Page, context: &Context, wanted: &Wanted) {
    let vhosts = context.broker.vhosts();
    let vhosts: Vec<_> = vhosts.iter().filter(|v| wanted.vhost(v.name())).collect();
    if wanted.names("vhost_status") {
        page.begin("vhost_status", "Whether a given vhost is running", Gauge);
        for vhost in &vhosts {
            page.line(&[("vhost", vhost.name())], 1.0);
        }
    }
    for (family, help) in [
        (
            "exchange_names",
            "Enumerates exchanges without any additional info",
        ),
        ("exchange_bindings", "Number of bindings for an exchange"),
    ] {
        if !wanted.names(family) {
            continue;
        }
        let name = if family == "exchange_names" {
            "exchange_name"
        } else {
            family
        };
        page.begin(name, help, Gauge);
        for vhost in &vhosts {
            for exchange in vhost.exchanges() {
                let labels = [
                    ("vhost", &**vhost.name()),
                    ("exchange", &*exchange.name),
                    ("type", exchange.kind.as_str()),
                ];
                let value = match family {
                    "exchange_names" => 1,
                    _ => vhost.bindings_from(&exchange).len(),
                };
                page.line(&labels, value as f64);
            }
        }
    }
}
