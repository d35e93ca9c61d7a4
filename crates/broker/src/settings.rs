//! What the operator decides.

use std::path::PathBuf;
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
    /// The tags of that user.
    pub default_user_tags: Vec<String>,
    /// What that user may do in the default virtual host.
    pub default_permissions: DefaultPermissions,
    /// The virtual host that a new broker has.
    pub default_vhost: String,
    /// The type of queues that are declared without `x-queue-type`, where the virtual host has no
    /// default of its own: `classic`, `quorum` or `stream`.
    pub default_queue_type: String,
    /// A quorum queue may be declared again as a classic one, if little else differs.
    pub relaxed_redeclaration: bool,
    /// Limits that new virtual hosts are given; the first whose pattern matches the name counts.
    pub default_vhost_limits: Vec<DefaultVhostLimits>,
    /// How new passwords are hashed, by RabbitMQ's name: `rabbit_password_hashing_sha256`, or
    /// `…_sha512` or `…_md5`.
    pub password_hashing_module: String,
    /// Users that may log in from this machine only.
    pub loopback_users: Vec<String>,
    /// Offer SASL ANONYMOUS, which logs in as the default user.
    pub anonymous_login: bool,
    /// SASL mechanisms that may be offered. `EXTERNAL` is, to clients with a verified certificate.
    pub auth_mechanisms: Vec<String>,
    /// Seconds between heartbeats that are proposed to clients, 0 for none.
    pub heartbeat_s: u16,
    /// Bytes in a frame, 0 for no limit.
    pub frame_max: u32,
    /// Channels on a connection, 0 for no limit.
    pub channel_max: u16,
    /// Connections to this node; `None` for no limit. At 0 nobody gets in.
    pub connection_max: Option<u32>,
    /// Channels of all connections together; `None` for no limit.
    pub channel_max_per_node: Option<u32>,
    /// Consumers on a channel; `None` for no limit.
    pub consumer_max_per_channel: Option<u32>,
    /// Virtual hosts; `None` for no limit.
    pub vhost_max: Option<u32>,
    /// Queues of all virtual hosts together; `None` for no limit.
    pub cluster_queue_limit: Option<u32>,
    /// Exchanges of all virtual hosts together; `None` for no limit.
    pub cluster_exchange_limit: Option<u32>,
    /// Prefetch of consumers on channels that ask for none; 0 for no limit.
    pub default_consumer_prefetch: u16,
    /// Milliseconds that a delivery may stay unacknowledged before its channel is closed; `None`
    /// for no limit.
    pub consumer_timeout_ms: Option<u64>,
    /// Have an exchange `amq.rabbitmq.event` in the default virtual host, for events.
    pub event_exchange: bool,
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
    /// A definitions file, or a directory of them, to import at the start.
    pub load_definitions: Option<PathBuf>,
    /// Import it only if it has changed since the last time.
    pub definitions_skip_if_unchanged: bool,
    /// How much the HTTP API tells of rates.
    pub rates_mode: RatesMode,
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
            default_user_tags: vec!["administrator".to_owned()],
            default_permissions: DefaultPermissions::default(),
            default_vhost: "/".to_owned(),
            default_queue_type: "classic".to_owned(),
            relaxed_redeclaration: false,
            default_vhost_limits: Vec::new(),
            password_hashing_module: "rabbit_password_hashing_sha256".to_owned(),
            loopback_users: vec!["guest".to_owned()],
            anonymous_login: true,
            auth_mechanisms: ["PLAIN", "AMQPLAIN", "ANONYMOUS", "EXTERNAL"]
                .map(str::to_owned)
                .to_vec(),
            heartbeat_s: 60,
            frame_max: 131_072,
            channel_max: 2047,
            connection_max: None,
            channel_max_per_node: None,
            consumer_max_per_channel: None,
            vhost_max: None,
            cluster_queue_limit: None,
            cluster_exchange_limit: None,
            default_consumer_prefetch: 0,
            consumer_timeout_ms: Some(1_800_000),
            event_exchange: true,
            max_message_size: 16 * 1024 * 1024,
            message_memory_max: MESSAGE_MEMORY_MAX,
            queue_memory_max: WARM_BYTES_MAX,
            handshake_timeout: Duration::from_secs(10),
            recover: Recover::Strict,
            durability: Durability::Synced,
            load_definitions: None,
            definitions_skip_if_unchanged: false,
            rates_mode: RatesMode::Basic,
            started,
            started_ms,
            clock: Clock::manual(started_ms).0,
        }
    }
}

/// Permissions as three regular expressions.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DefaultPermissions {
    /// What may be declared and deleted.
    pub configure: String,
    /// What may be published to.
    pub write: String,
    /// What may be consumed from.
    pub read: String,
}

impl Default for DefaultPermissions {
    /// Everything.
    fn default() -> Self {
        let all = ".*".to_owned();
        Self {
            configure: all.clone(),
            write: all.clone(),
            read: all,
        }
    }
}

/// Limits for new virtual hosts (`default_limits.vhosts.$n`).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DefaultVhostLimits {
    /// A regular expression that the name of the virtual host must match somewhere.
    pub pattern: String,
    /// `max-connections`; `None` for no limit.
    pub max_connections: Option<u32>,
    /// `max-queues`; `None` for no limit.
    pub max_queues: Option<u32>,
}

/// `management.rates_mode`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RatesMode {
    /// Rates of every object (RabbitMQ's default).
    Basic,
    /// Rates of pairs of objects too, such as a channel and the exchange it publishes to.
    Detailed,
    /// Counters only.
    None,
}
