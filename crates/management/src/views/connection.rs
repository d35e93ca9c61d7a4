//! Connections.

use std::sync::atomic::Ordering::Relaxed;

use broker::ConnectionInfo;
use serde::Serialize;
use serde_json::Value;

use super::{GarbageCollection, Reductions};
use crate::context::Context;
use crate::page::to_value;
use crate::query::Windows;
use crate::rates::{OCTETS, Sampled, Stats};
use crate::table;

#[derive(Serialize, Debug)]
struct ConnectionView<'a> {
    name: &'a str,
    user: &'a str,
    user_who_performed_action: &'a str,
    vhost: &'a str,
    node: &'a str,
    host: &'a str,
    port: u16,
    peer_host: &'a str,
    peer_port: u16,
    protocol: &'static str,
    auth_mechanism: &'a str,
    r#type: &'static str,
    state: &'static str,
    channels: usize,
    channel_max: u16,
    frame_max: u32,
    timeout: u16,
    connected_at: u64,
    client_properties: Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_provided_name: Option<&'a str>,
    #[serde(flatten)]
    tls: Tls<'a>,
    #[serde(flatten)]
    octets: Stats,
    recv_cnt: u64,
    send_cnt: u64,
    send_pend: u64,
    #[serde(flatten)]
    reductions: Reductions,
    garbage_collection: GarbageCollection,
}

/// Null for a connection without TLS, and what is about a certificate for one without that.
#[derive(Default, Serialize, Debug)]
struct Tls<'a> {
    ssl: bool,
    ssl_protocol: Option<&'a str>,
    ssl_key_exchange: Option<&'a str>,
    ssl_cipher: Option<&'a str>,
    ssl_hash: Option<&'a str>,
    peer_cert_subject: Option<&'a str>,
    peer_cert_issuer: Option<&'a str>,
    peer_cert_validity: Option<&'a str>,
    /// Not kept.
    peer_cert_serial_number: Option<&'a str>,
}

impl<'a> Tls<'a> {
    fn of(connection: &'a ConnectionInfo) -> Self {
        let Some(tls) = &connection.tls else {
            return Self::default();
        };
        let certificate = tls.certificate.as_ref();
        Self {
            ssl: true,
            ssl_protocol: Some(tls.protocol),
            ssl_key_exchange: Some(&tls.key_exchange),
            ssl_cipher: Some(&tls.cipher),
            ssl_hash: Some(tls.hash),
            peer_cert_subject: certificate.map(|c| &*c.subject),
            peer_cert_issuer: certificate.map(|c| &*c.issuer),
            peer_cert_validity: certificate.map(|c| &*c.validity),
            peer_cert_serial_number: None,
        }
    }
}

/// What RabbitMQ shows of a user's connections.
#[derive(Serialize, Debug)]
struct BriefConnection<'a> {
    name: &'a str,
    user: &'a str,
    vhost: &'a str,
    node: &'a str,
}

/// A connection as JSON.
pub(crate) fn show(
    context: &Context,
    sampled: &Sampled,
    connection: &ConnectionInfo,
    windows: &Windows,
) -> Value {
    let traffic = &connection.traffic;
    let row = [
        traffic.recv_oct.load(Relaxed),
        traffic.send_oct.load(Relaxed),
    ];
    let mut octets = Stats::default();
    octets.add(
        &OCTETS,
        &row,
        sampled.connections.get(&connection.id),
        0,
        windows.data_rates,
    );
    to_value(&ConnectionView {
        name: &connection.name,
        user: &connection.user,
        user_who_performed_action: &connection.user,
        vhost: &connection.vhost,
        node: &context.broker.settings().node,
        host: &connection.host,
        port: connection.port,
        peer_host: &connection.peer_host,
        peer_port: connection.peer_port,
        protocol: "AMQP 0-9-1",
        auth_mechanism: connection.auth_mechanism,
        r#type: "network",
        state: connection.state(),
        channels: connection.channel_count(),
        channel_max: connection.channel_max,
        frame_max: connection.frame_max,
        timeout: connection.heartbeat_s,
        connected_at: connection.connected_at_ms,
        client_properties: table::to_json(&connection.client_properties.table()),
        user_provided_name: connection.user_provided_name.as_deref(),
        tls: Tls::of(connection),
        octets,
        recv_cnt: traffic.recv_cnt.load(Relaxed),
        send_cnt: traffic.send_cnt.load(Relaxed),
        send_pend: 0,
        reductions: Reductions::default(),
        garbage_collection: GarbageCollection::default(),
    })
}

/// A connection in the list of its user.
pub(crate) fn brief(context: &Context, connection: &ConnectionInfo) -> Value {
    to_value(&BriefConnection {
        name: &connection.name,
        user: &connection.user,
        vhost: &connection.vhost,
        node: &context.broker.settings().node,
    })
}
