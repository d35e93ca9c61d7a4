//! One layer of configuration, before it is resolved.

use std::net::IpAddr;
use std::path::PathBuf;

use broker::Recover;
use tracing::level_filters::LevelFilter;

use super::listen::Listen;
use super::value::Amount;

/// What one source (defaults, file, flags) says; `None` where it says nothing.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct RawConfig {
    pub(crate) data_dir: Option<PathBuf>,
    /// Named so that a later line with the same name replaces an earlier one.
    pub(crate) amqp: Option<Vec<(String, Listen)>>,
    pub(crate) management: Option<Listen>,
    pub(crate) management_port: Option<u16>,
    pub(crate) management_ip: Option<IpAddr>,
    pub(crate) default_user: Option<String>,
    pub(crate) default_pass: Option<String>,
    pub(crate) default_vhost: Option<String>,
    pub(crate) loopback_users: Option<Vec<String>>,
    pub(crate) heartbeat: Option<u16>,
    pub(crate) frame_max: Option<u32>,
    pub(crate) channel_max: Option<u16>,
    pub(crate) max_message_size: Option<u64>,
    pub(crate) handshake_timeout_ms: Option<u64>,
    pub(crate) memory: Option<Amount>,
    pub(crate) disk: Option<Amount>,
    pub(crate) recover: Option<Recover>,
    pub(crate) power_loss_may_lose_ms: Option<u64>,
    pub(crate) message_memory_max: Option<u64>,
    pub(crate) queue_memory_max: Option<u64>,
    pub(crate) cluster_name: Option<String>,
    pub(crate) log_level: Option<LevelFilter>,
}

impl RawConfig {
    /// This layer, and `under` where this one says nothing.
    pub(crate) fn over(self, under: Self) -> Self {
        Self {
            data_dir: self.data_dir.or(under.data_dir),
            amqp: self.amqp.or(under.amqp),
            management: self.management.or(under.management),
            management_port: self.management_port.or(under.management_port),
            management_ip: self.management_ip.or(under.management_ip),
            default_user: self.default_user.or(under.default_user),
            default_pass: self.default_pass.or(under.default_pass),
            default_vhost: self.default_vhost.or(under.default_vhost),
            loopback_users: self.loopback_users.or(under.loopback_users),
            heartbeat: self.heartbeat.or(under.heartbeat),
            frame_max: self.frame_max.or(under.frame_max),
            channel_max: self.channel_max.or(under.channel_max),
            max_message_size: self.max_message_size.or(under.max_message_size),
            handshake_timeout_ms: self.handshake_timeout_ms.or(under.handshake_timeout_ms),
            memory: self.memory.or(under.memory),
            disk: self.disk.or(under.disk),
            recover: self.recover.or(under.recover),
            power_loss_may_lose_ms: self.power_loss_may_lose_ms.or(under.power_loss_may_lose_ms),
            message_memory_max: self.message_memory_max.or(under.message_memory_max),
            queue_memory_max: self.queue_memory_max.or(under.queue_memory_max),
            cluster_name: self.cluster_name.or(under.cluster_name),
            log_level: self.log_level.or(under.log_level),
        }
    }
}
