//! Consumers.

use broker::{AckMode, ConnectionInfo, ConsumerView, Queue};
use serde::Serialize;
use serde_json::Value;

use super::{Named, channel_name};
use crate::table;

/// RabbitMQ's default for how long a delivery may stay unacknowledged, in milliseconds. Shown,
/// because strict clients need a number; not enforced.
const CONSUMER_TIMEOUT_MS: u64 = 1_800_000;

/// One consumer.
#[derive(Serialize, Debug)]
pub(crate) struct ConsumerDetails<'a> {
    queue: Named<'a>,
    channel_details: ChannelDetails<'a>,
    consumer_tag: &'a str,
    exclusive: bool,
    ack_required: bool,
    prefetch_count: u32,
    active: bool,
    activity_status: &'static str,
    arguments: Value,
    consumer_timeout: u64,
}

#[derive(Serialize, Debug)]
pub(crate) struct ChannelDetails<'a> {
    name: String,
    number: u16,
    connection_name: &'a str,
    peer_host: &'a str,
    peer_port: u16,
    user: &'a str,
    node: &'a str,
}

impl<'a> ChannelDetails<'a> {
    /// `peer` is its connection, unless that has just gone.
    pub(crate) fn of(
        node: &'a str,
        connection_name: &'a str,
        number: u16,
        peer: Option<&'a ConnectionInfo>,
    ) -> Self {
        Self {
            name: channel_name(connection_name, number),
            number,
            connection_name,
            peer_host: peer.map_or("", |peer| &peer.peer_host),
            peer_port: peer.map_or(0, |peer| peer.peer_port),
            user: peer.map_or("", |peer| &peer.user),
            node,
        }
    }
}

impl<'a> ConsumerDetails<'a> {
    /// `peer` is the consumer's connection, unless that has just gone.
    pub(crate) fn of(
        node: &'a str,
        queue: &'a Queue,
        consumer: &'a ConsumerView,
        peer: Option<&'a ConnectionInfo>,
    ) -> Self {
        Self {
            queue: Named {
                name: queue.name(),
                vhost: queue.vhost(),
            },
            channel_details: ChannelDetails::of(
                node,
                &consumer.connection_name,
                consumer.channel,
                peer,
            ),
            consumer_tag: &consumer.tag,
            exclusive: consumer.exclusive,
            ack_required: consumer.ack == AckMode::Manual,
            prefetch_count: consumer.prefetch,
            active: consumer.activity.is_active(),
            activity_status: consumer.activity.as_str(),
            arguments: table::to_json(&consumer.arguments),
            consumer_timeout: CONSUMER_TIMEOUT_MS,
        }
    }
}
