//! What went between channels, exchanges and queues: `incoming`, `outgoing`, `publishes` and
//! `deliveries`.

use std::sync::Arc;

use broker::{ChannelInfo, ConnectionInfo, Exchange, MessageCounts, Queue, RatesMode};
use serde::Serialize;
use serde_json::Value;

use super::Named;
use super::consumer::ChannelDetails;
use crate::context::Context;
use crate::page::to_value;
use crate::rates::{MESSAGES, Side, Stats, message_values};

/// What a channel counts of an exchange.
const PUBLISHED: &[&str] = &["publish", "confirm", "return_unroutable", "drop_unroutable"];

/// What a channel counts of a queue.
const DELIVERED: &[&str] = &[
    "deliver",
    "deliver_no_ack",
    "get",
    "get_no_ack",
    "get_empty",
    "redeliver",
    "ack",
    "deliver_get",
];

/// What a queue counts of an exchange.
const ROUTED: &[&str] = &["publish"];

/// Where messages of the object that is shown came from, and where they went.
#[derive(Default, Debug)]
pub(crate) struct Pairs {
    /// `incoming` of an exchange or a queue, `publishes` of a channel.
    pub(crate) before: Vec<Value>,
    /// `outgoing` of an exchange, `deliveries` of a queue or a channel.
    pub(crate) after: Vec<Value>,
}

/// The other one of a pair, under the name that its kind has.
#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Other<'a> {
    Exchange(Named<'a>),
    Queue(Named<'a>),
    ChannelDetails(ChannelDetails<'a>),
}

#[derive(Serialize)]
struct PairView<'a> {
    stats: Stats,
    #[serde(flatten)]
    other: Other<'a>,
}

/// A channel of a connection.
type Channel = (Arc<ConnectionInfo>, Arc<ChannelInfo>);

impl Pairs {
    /// Those of a queue. Channels are looked through: they know the queues, not the queue them.
    pub(crate) fn of_queue(context: &Context, queue: &Arc<Queue>) -> Self {
        if !wanted(context) {
            return Self::default();
        }
        let one = Side::Queue(queue.id());
        let mut incoming = queue.incoming().list();
        incoming.retain(|(exchange, _)| is_there(context, exchange));
        let before = incoming.iter().map(|(exchange, counts)| {
            let pair = (side_of_exchange(exchange), one.clone());
            show(context, pair, counts, ROUTED, Other::of_exchange(exchange))
        });
        let after = channels(context, queue.vhost()).filter_map(|channel| {
            let counts = channel.1.deliveries.of(queue)?;
            let pair = (side_of_channel(&channel), one.clone());
            let other = Other::of_channel(context, &channel);
            Some(show(context, pair, &counts, DELIVERED, other))
        });
        Self {
            before: before.collect(),
            after: after.collect(),
        }
    }

    /// Those of an exchange, found in the same way.
    pub(crate) fn of_exchange(context: &Context, exchange: &Arc<Exchange>) -> Self {
        if !wanted(context) {
            return Self::default();
        }
        let one = side_of_exchange(exchange);
        let before = channels(context, &exchange.vhost).filter_map(|channel| {
            let counts = published(&channel.1, exchange)?;
            let pair = (side_of_channel(&channel), one.clone());
            let other = Other::of_channel(context, &channel);
            Some(show(context, pair, &counts, PUBLISHED, other))
        });
        let vhost = context.broker.vhost(&exchange.vhost);
        let queues = vhost.map(|vhost| vhost.queues()).unwrap_or_default();
        let after = queues.iter().filter_map(|queue| {
            let counts = queue.incoming().of(exchange)?;
            let pair = (one.clone(), Side::Queue(queue.id()));
            Some(show(context, pair, &counts, ROUTED, Other::of_queue(queue)))
        });
        Self {
            before: before.collect(),
            after: after.collect(),
        }
    }

    /// Those of a channel.
    pub(crate) fn of_channel(context: &Context, channel: &Channel) -> Self {
        if !wanted(context) {
            return Self::default();
        }
        let one = side_of_channel(channel);
        let mut publishes = channel.1.publishes.list();
        publishes.retain(|(exchange, _)| is_there(context, exchange));
        let before = publishes.iter().filter_map(|(exchange, _)| {
            let counts = published(&channel.1, exchange)?;
            let pair = (one.clone(), side_of_exchange(exchange));
            let other = Other::of_exchange(exchange);
            Some(show(context, pair, &counts, PUBLISHED, other))
        });
        let mut deliveries = channel.1.deliveries.list();
        deliveries.retain(|(queue, _)| queue.is_live());
        let after = deliveries.iter().map(|(queue, counts)| {
            let pair = (one.clone(), Side::Queue(queue.id()));
            show(context, pair, counts, DELIVERED, Other::of_queue(queue))
        });
        Self {
            before: before.collect(),
            after: after.collect(),
        }
    }
}

/// `management.rates_mode = none` asks for no such thing.
fn wanted(context: &Context) -> bool {
    context.broker.settings().rates_mode != RatesMode::None
}

/// It has not been deleted. A connection may know it for some time yet.
fn is_there(context: &Context, exchange: &Arc<Exchange>) -> bool {
    let vhost = context.broker.vhost(&exchange.vhost);
    let named = vhost.and_then(|vhost| vhost.exchange(&exchange.name));
    named.is_some_and(|named| Arc::ptr_eq(&named, exchange))
}

/// The channels in a virtual host.
fn channels(context: &Context, vhost: &str) -> impl Iterator<Item = Channel> {
    let mut connections = context.broker.registry().connections();
    connections.retain(|connection| *connection.vhost == *vhost);
    connections.into_iter().flat_map(|connection| {
        let of = |channel| (Arc::clone(&connection), channel);
        connection
            .channels()
            .into_iter()
            .map(of)
            .collect::<Vec<_>>()
    })
}

/// What a channel published to an exchange. Confirms are counted by channel only, which tells
/// them for an exchange if the channel knows no other.
fn published(channel: &ChannelInfo, exchange: &Arc<Exchange>) -> Option<MessageCounts> {
    let counts = channel.publishes.of(exchange)?;
    let confirm = match channel.publishes.len() {
        1 => channel.stats.snapshot().confirm,
        _ => 0,
    };
    Some(MessageCounts { confirm, ..counts })
}

fn show(
    context: &Context,
    pair: (Side, Side),
    counts: &MessageCounts,
    shown: &[&str],
    other: Other<'_>,
) -> Value {
    let row = message_values(counts);
    let rates = context.rates.looks().rates(pair, context.now_ms(), row);
    let mut stats = Stats::default();
    for ((column, value), rate) in MESSAGES.iter().zip(row).zip(rates) {
        if shown.contains(&column.name) {
            stats.add_rate(*column, value, rate);
        }
    }
    to_value(&PairView { stats, other })
}

fn side_of_channel((connection, channel): &Channel) -> Side {
    Side::Channel(connection.id, channel.number)
}

fn side_of_exchange(exchange: &Exchange) -> Side {
    Side::Exchange(Arc::clone(&exchange.vhost), Arc::clone(&exchange.name))
}

impl<'a> Other<'a> {
    fn of_exchange(exchange: &'a Exchange) -> Self {
        Self::Exchange(Named {
            name: &exchange.name,
            vhost: &exchange.vhost,
        })
    }

    fn of_queue(queue: &'a Queue) -> Self {
        Self::Queue(Named {
            name: queue.name(),
            vhost: queue.vhost(),
        })
    }

    fn of_channel(context: &'a Context, (connection, channel): &'a Channel) -> Self {
        let peer = Some(&**connection);
        let name = &connection.name;
        let node = &context.broker.settings().node;
        Self::ChannelDetails(ChannelDetails::of(node, name, channel.number, peer))
    }
}
