//! What the operator decides.

use std::time::{Duration, Instant};

use store::{Durability, Recover};

use crate::clock::Clock;
use crate::limits::{MESSAGE_MEMORY_MAX, WARM_BYTES_MAX};

/// The resolved settings of a broker, immutable while it runs. Names are those of
/// `rabbitmq.conf` where the setting exists there.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `name@host`, shown in the HTTP API.
    pub node: String,
    /// Shown to clients and in the HTTP API.
    pub cluster_name: String,
    /// The user that a new broker has.
    pub default_user: String,
    /// The password of that user.
    pub default_pass: String,
    /// The virtual host that a new broker has.
    pub default_vhost: String,
    /// Users that may log in from this machine only.
    pub loopback_users: Vec<String>,
    /// Offer SASL ANONYMOUS, which logs in as the default user.
    pub anonymous_login: bool,
    /// Seconds between heartbeats that are proposed to clients, 0 for none.
    pub heartbeat_s: u16,
    /// Bytes in a frame, 0 for no limit.
    pub frame_max: u32,
    /// Channels on a connection, 0 for no limit.
    pub channel_max: u16,
    /// Bytes in the body of a message.
    pub max_message_size: u64,
    /// Bytes of message bodies kept in memory, all queues and channels together. What is above
    /// is in the store only. Soft: see [`Budget`](crate::Budget).
    pub message_memory_max: u64,
    /// Bytes of that which one queue, or the deliveries of one channel, may use.
    pub queue_memory_max: u64,
    /// From accept to `connection.open-ok`.
    pub handshake_timeout: Duration,
    /// What to do about a damaged log.
    pub recover: Recover,
    /// What a confirm means.
    pub durability: Durability,
    /// When the process started.
    pub started: Instant,
    /// The same moment in milliseconds of the epoch.
    pub started_ms: u64,
    /// The wall clock. Stands still unless the server sets it.
    pub clock: Clock,
}

impl Settings {
    /// RabbitMQ's defaults, for a process that started at `started`.
    #[must_use]
    pub fn new(started: Instant, started_ms: u64) -> Self {
        Self {
            node: "rabbit@localhost".to_owned(),
            cluster_name: "rabbit@localhost".to_owned(),
            default_user: "guest".to_owned(),
            default_pass: "guest".to_owned(),
            default_vhost: "/".to_owned(),
            loopback_users: vec!["guest".to_owned()],
            anonymous_login: true,
            heartbeat_s: 60,
            frame_max: 131_072,
            channel_max: 2047,
            max_message_size: 16 * 1024 * 1024,
            message_memory_max: MESSAGE_MEMORY_MAX,
            queue_memory_max: WARM_BYTES_MAX,
            handshake_timeout: Duration::from_secs(10),
            recover: Recover::Strict,
            durability: Durability::Synced,
            started,
            started_ms,
            clock: Clock::manual(started_ms).0,
        }
    }
}
