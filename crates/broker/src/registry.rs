//! The connections and channels that are open, for listing and for closing by force.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, Ordering};

use dashmap::DashMap;
use parking_lot::Mutex;

use crate::client_properties::ClientProperties;
use crate::error::Error;
use crate::exchange::Exchange;
use crate::ids::ConnectionId;
use crate::outbox::{Event, Outbox};
use crate::pairs::Pairs;
use crate::queue::Queue;
use crate::stats::MessageStats;
use crate::wakes::Wakes;

/// Every open connection of the broker.
#[derive(Default)]
pub struct Registry {
    connections: DashMap<ConnectionId, Arc<ConnectionInfo>>,
    counts: Mutex<Counts>,
}

impl Registry {
    /// Lists a connection from now on, if that is allowed to one more.
    pub(crate) fn register(
        &self,
        info: ConnectionInfo,
        allowed: impl FnOnce(&Counts) -> Result<(), Error>,
    ) -> Result<Arc<ConnectionInfo>, Error> {
        let info = Arc::new(info);
        let mut counts = self.counts.lock();
        allowed(&counts)?;
        counts.add_connection(&info);
        self.connections.insert(info.id, Arc::clone(&info));
        Ok(info)
    }

    /// Lists it no longer. Calling it again does nothing.
    pub fn remove(&self, id: ConnectionId) {
        let mut counts = self.counts.lock();
        if let Some((_, info)) = self.connections.remove(&id) {
            let channels = std::mem::take(&mut *info.live.channels.lock());
            counts.remove_channels(&info.user, channels.len() as u64);
            counts.remove_connection(&info);
        }
    }

    /// Lists a channel from now on, if that is allowed to one more.
    pub(crate) fn open_channel(
        &self,
        connection: &ConnectionInfo,
        number: u16,
        allowed: impl FnOnce(&Counts) -> Result<(), Error>,
    ) -> Result<Arc<ChannelInfo>, Error> {
        let mut counts = self.counts.lock();
        allowed(&counts)?;
        counts.add_channel(&connection.user);
        Ok(connection.open_channel(number))
    }

    /// Lists a channel no longer. Calling it again does nothing.
    pub fn close_channel(&self, connection: &ConnectionInfo, number: u16) {
        let mut counts = self.counts.lock();
        if connection.close_channel(number) {
            counts.remove_channels(&connection.user, 1);
        }
    }

    /// Open channels of all connections together.
    #[must_use]
    pub fn channel_count(&self) -> u64 {
        self.counts.lock().channels()
    }

    /// All of them, in no order.
    #[must_use]
    pub fn all(&self) -> Vec<Arc<ConnectionInfo>> {
        let all = self.connections.iter();
        all.map(|c| Arc::clone(c.value())).collect()
    }

    /// All of them, by name.
    #[must_use]
    pub fn connections(&self) -> Vec<Arc<ConnectionInfo>> {
        let mut all = self.all();
        all.sort_by(|a, b| a.name.cmp(&b.name));
        all
    }

    /// The connection of this name.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<Arc<ConnectionInfo>> {
        self.connections
            .iter()
            .find(|c| &*c.name == name)
            .map(|c| Arc::clone(c.value()))
    }

    /// The connection of this number.
    #[must_use]
    pub fn get(&self, id: ConnectionId) -> Option<Arc<ConnectionInfo>> {
        self.connections.get(&id).map(|c| Arc::clone(c.value()))
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.connections.len()
    }

    /// No connection is open.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.connections.is_empty()
    }
}

/// How much is open, for limits. An entry goes with the last connection that it counts.
#[derive(Default)]
pub(crate) struct Counts {
    connections: u64,
    channels: u64,
    by_vhost: HashMap<Arc<str>, u64>,
    by_user: HashMap<Arc<str>, OfUser>,
}

#[derive(Clone, Copy, Default)]
struct OfUser {
    connections: u64,
    channels: u64,
}

impl Counts {
    pub(crate) const fn connections(&self) -> u64 {
        self.connections
    }

    pub(crate) const fn channels(&self) -> u64 {
        self.channels
    }

    pub(crate) fn of_vhost(&self, name: &str) -> u64 {
        self.by_vhost.get(name).copied().unwrap_or_default()
    }

    pub(crate) fn of_user(&self, name: &str) -> u64 {
        self.by_user.get(name).map_or(0, |user| user.connections)
    }

    pub(crate) fn channels_of_user(&self, name: &str) -> u64 {
        self.by_user.get(name).map_or(0, |user| user.channels)
    }

    fn add_connection(&mut self, info: &ConnectionInfo) {
        self.connections += 1;
        *self.by_vhost.entry(Arc::clone(&info.vhost)).or_default() += 1;
        let user = self.by_user.entry(Arc::clone(&info.user)).or_default();
        user.connections += 1;
    }

    fn remove_connection(&mut self, info: &ConnectionInfo) {
        self.connections -= 1;
        if let Some(connections) = self.by_vhost.get_mut(&info.vhost) {
            *connections -= 1;
            if *connections == 0 {
                self.by_vhost.remove(&info.vhost);
            }
        }
        if let Some(user) = self.by_user.get_mut(&info.user) {
            user.connections -= 1;
            if user.connections == 0 {
                self.by_user.remove(&info.user);
            }
        }
    }

    fn add_channel(&mut self, user: &Arc<str>) {
        self.channels += 1;
        self.by_user.entry(Arc::clone(user)).or_default().channels += 1;
    }

    fn remove_channels(&mut self, user: &str, channels: u64) {
        self.channels -= channels;
        if let Some(user) = self.by_user.get_mut(user) {
            user.channels -= channels;
        }
    }
}

/// What a connection is doing, in RabbitMQ's words.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum ConnectionState {
    /// Open.
    Running,
    /// Held back because the store can't keep up.
    Flow,
    /// There is an alarm; it goes on until it publishes.
    Blocking,
    /// It has published during an alarm and isn't read until that is over.
    Blocked,
    /// A close is under way.
    Closing,
}

/// One open connection, as others see it.
pub struct ConnectionInfo {
    /// Its number.
    pub id: ConnectionId,
    /// `peer:port -> host:port`, RabbitMQ's name for it.
    pub name: Arc<str>,
    /// Who logged in.
    pub user: Arc<str>,
    /// The virtual host that it opened.
    pub vhost: Arc<str>,
    /// Our address.
    pub host: String,
    /// Our port.
    pub port: u16,
    /// The client's address.
    pub peer_host: String,
    /// The client's port.
    pub peer_port: u16,
    /// The SASL mechanism it used.
    pub auth_mechanism: &'static str,
    /// What the client says of itself.
    pub client_properties: ClientProperties,
    /// `connection_name` of the client properties.
    pub user_provided_name: Option<String>,
    /// Negotiated: channels, 0 for no limit.
    pub channel_max: u16,
    /// Negotiated: bytes in a frame, 0 for no limit.
    pub frame_max: u32,
    /// Negotiated: seconds, 0 for none.
    pub heartbeat_s: u16,
    /// When it opened, milliseconds of the epoch.
    pub connected_at_ms: u64,
    /// What was negotiated with TLS, if it is spoken.
    pub tls: Option<Arc<TlsInfo>>,
    /// Where to reach it.
    pub outbox: Arc<Outbox>,
    /// Its counters of bytes and frames.
    pub traffic: Traffic,
    /// [`ConnectionState`] and open channels.
    pub live: Live,
}

/// TLS of a connection, in RabbitMQ's words.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TlsInfo {
    /// `tlsv1.2` or `tlsv1.3`.
    pub protocol: &'static str,
    /// `ecdhe_rsa`, …; `any` in TLS 1.3.
    pub key_exchange: String,
    /// `aes_256_gcm`, …
    pub cipher: String,
    /// `aead`: every cipher that is still safe checks integrity by itself.
    pub hash: &'static str,
    /// The client's certificate, if it has sent one; it was verified.
    pub certificate: Option<PeerCertificate>,
}

/// A client's certificate.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PeerCertificate {
    /// The user that it stands for (SASL EXTERNAL); `None` if it has no such name.
    pub user: Option<String>,
    /// Whose it is.
    pub subject: String,
    /// Who says so.
    pub issuer: String,
    /// From when until when.
    pub validity: String,
}

/// Bytes and reads or writes of a connection.
#[derive(Default, Debug)]
pub struct Traffic {
    /// Bytes read.
    pub recv_oct: AtomicU64,
    /// Reads.
    pub recv_cnt: AtomicU64,
    /// Bytes written.
    pub send_oct: AtomicU64,
    /// Writes.
    pub send_cnt: AtomicU64,
}

/// The part of a connection that changes while it is open.
#[derive(Default)]
pub struct Live {
    state: AtomicU8,
    channels: Mutex<Vec<Arc<ChannelInfo>>>,
}

impl ConnectionInfo {
    /// What it is doing: `running`, `flow`, `blocking`, `blocked` or `closing`.
    #[must_use]
    pub fn state(&self) -> &'static str {
        match self.live.state.load(Ordering::Relaxed) {
            0 => "running",
            1 => "flow",
            2 => "blocking",
            3 => "blocked",
            _ => "closing",
        }
    }

    /// Notes what it is doing.
    pub fn set_state(&self, state: ConnectionState) {
        self.live.state.store(state as u8, Ordering::Relaxed);
    }

    /// Its open channels, by number.
    #[must_use]
    pub fn channels(&self) -> Vec<Arc<ChannelInfo>> {
        self.live.channels.lock().clone()
    }

    /// How many channels are open.
    #[must_use]
    pub fn channel_count(&self) -> usize {
        self.live.channels.lock().len()
    }

    /// Lists a channel from now on.
    fn open_channel(&self, number: u16) -> Arc<ChannelInfo> {
        let info = Arc::new(ChannelInfo {
            number,
            ..ChannelInfo::default()
        });
        let mut channels = self.live.channels.lock();
        let at = channels.partition_point(|c| c.number < number);
        channels.insert(at, Arc::clone(&info));
        info
    }

    /// Lists it no longer; false if it was not listed.
    fn close_channel(&self, number: u16) -> bool {
        let mut channels = self.live.channels.lock();
        let before = channels.len();
        channels.retain(|c| c.number != number);
        channels.len() < before
    }

    /// Asks the connection to close with 320 CONNECTION_FORCED and `reason`.
    pub fn close(&self, reason: &str, wakes: &mut Wakes) {
        self.outbox.send(Event::Close(reason.to_owned()), wakes);
    }
}

/// One open channel, as others see it. Written by the connection at the end of a turn.
#[derive(Default, Debug)]
pub struct ChannelInfo {
    /// Its number on the connection.
    pub number: u16,
    /// Consumers on it.
    pub consumer_count: AtomicU32,
    /// `basic.qos(global=false)` for the next consumer.
    pub prefetch_count: AtomicU32,
    /// `basic.qos(global=true)`.
    pub global_prefetch_count: AtomicU32,
    /// Delivered and not acknowledged.
    pub unacked: AtomicU32,
    /// Published and not confirmed.
    pub unconfirmed: AtomicU32,
    /// Published in an open transaction.
    pub uncommitted: AtomicU32,
    /// Acknowledged in an open transaction.
    pub acks_uncommitted: AtomicU32,
    /// In confirm mode.
    pub confirm: AtomicBool,
    /// In transaction mode.
    pub transactional: AtomicBool,
    /// What it did.
    pub stats: MessageStats,
    /// The exchanges that it published to, and what became of that.
    pub publishes: Pairs<Exchange>,
    /// The queues that it had messages from.
    pub deliveries: Pairs<Queue>,
}
