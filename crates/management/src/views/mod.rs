//! What the API shows, with RabbitMQ's field names. The broker's own types are not serializable:
//! this is the only place that knows both.
//!
//! Numbers that only an Erlang system has (reductions, garbage collection) are zero: clients that
//! decode strictly need the fields.

pub(crate) mod binding;
pub(crate) mod channel;
pub(crate) mod connection;
pub(crate) mod consumer;
pub(crate) mod exchange;
pub(crate) mod memory;
pub(crate) mod message;
pub(crate) mod node;
pub(crate) mod overview;
pub(crate) mod pair;
pub(crate) mod permission;
pub(crate) mod policy;
pub(crate) mod queue;
pub(crate) mod user;
pub(crate) mod vhost;

use broker::ConnectionInfo;
use serde::Serialize;

/// `{}`
#[derive(Clone, Copy, Default, Serialize, Debug)]
pub(crate) struct Empty {}

/// A list that is empty because there is nothing of the kind.
pub(crate) const NOTHING: [Empty; 0] = [];

/// `{"rate": 0.0}`
#[derive(Clone, Copy, Default, Serialize, Debug)]
pub(crate) struct NoRate {
    rate: f64,
}

/// Figures of an Erlang process. One of them is never zero there, and clients check it.
#[derive(Clone, Copy, Serialize, Debug)]
pub(crate) struct GarbageCollection {
    max_heap_size: u64,
    min_bin_vheap_size: u64,
    min_heap_size: u64,
    fullsweep_after: u64,
    minor_gcs: u64,
}

impl Default for GarbageCollection {
    fn default() -> Self {
        Self {
            max_heap_size: 0,
            min_bin_vheap_size: 0,
            min_heap_size: 0,
            fullsweep_after: 65_535,
            minor_gcs: 0,
        }
    }
}

/// Work of an Erlang process.
#[derive(Clone, Copy, Default, Serialize, Debug)]
pub(crate) struct Reductions {
    reductions: u64,
    reductions_details: NoRate,
}

/// An object of a virtual host, referred to.
#[derive(Clone, Copy, Serialize, Debug)]
pub(crate) struct Named<'a> {
    pub(crate) name: &'a str,
    pub(crate) vhost: &'a str,
}

/// A connection, referred to.
#[derive(Clone, Copy, Serialize, Debug)]
pub(crate) struct PeerView<'a> {
    name: &'a str,
    peer_host: &'a str,
    peer_port: u16,
}

impl<'a> PeerView<'a> {
    pub(crate) fn of(connection: &'a ConnectionInfo) -> Self {
        Self {
            name: &connection.name,
            peer_host: &connection.peer_host,
            peer_port: connection.peer_port,
        }
    }
}

/// RabbitMQ's name of a channel.
pub(crate) fn channel_name(connection: &str, number: u16) -> String {
    format!("{connection} ({number})")
}
