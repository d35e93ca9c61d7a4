//! Settings: defaults, then the file, then the flags; the later one wins.

mod file;
mod listen;
mod raw;
mod settings;
#[cfg(test)]
mod tests;
mod value;

use std::fmt;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use broker::{Durability, Recover};
use tracing::level_filters::LevelFilter;

pub(crate) use self::listen::Listen;
pub(crate) use self::raw::RawConfig;
pub(crate) use self::settings::SETTINGS;
pub(crate) use self::value::{Amount, level};

/// Every setting, resolved and checked.
#[derive(Clone, PartialEq)]
#[cfg_attr(test, derive(Debug))] // It holds a password: never in a log.
pub(crate) struct Config {
    /// Where everything that survives a restart is kept.
    pub(crate) data_dir: PathBuf,
    /// AMQP listeners, in the order given.
    pub(crate) amqp: Vec<Listen>,
    /// The management API's listener.
    pub(crate) management: Listen,
    /// First user of an empty data directory.
    pub(crate) default_user: String,
    /// Its password.
    pub(crate) default_pass: String,
    /// First virtual host of an empty data directory.
    pub(crate) default_vhost: String,
    /// Users who may connect from this machine only.
    pub(crate) loopback_users: Vec<String>,
    /// Heartbeat offered, in seconds; 0 is none.
    pub(crate) heartbeat: u16,
    /// Largest frame offered, in bytes; 0 is no limit.
    pub(crate) frame_max: u32,
    /// Most channels of one connection; 0 is no limit.
    pub(crate) channel_max: u16,
    /// Largest message body, in bytes.
    pub(crate) max_message_size: u64,
    /// From accept to connection.open.
    pub(crate) handshake_timeout: Duration,
    /// Memory above which publishers are held back.
    pub(crate) memory: Amount,
    /// Free disk below which publishers are held back.
    pub(crate) disk: Amount,
    /// What to do about a damaged log.
    pub(crate) recover: Recover,
    /// What a confirm means.
    pub(crate) durability: Durability,
    /// Bytes of message bodies in memory, all queues and channels together.
    pub(crate) message_memory_max: u64,
    /// Bytes of them that one queue, or the deliveries of one channel, may have.
    pub(crate) queue_memory_max: u64,
    /// Name shown to clients; `None` is `rabbit@HOST`.
    pub(crate) cluster_name: Option<String>,
    /// What is logged.
    pub(crate) log_level: LevelFilter,
}

/// Why the settings cannot be used.
#[derive(Debug)]
pub(crate) enum ConfigError {
    /// The file cannot be read.
    Unreadable { file: PathBuf, reason: String },
    /// A line of the file is wrong.
    Line {
        file: PathBuf,
        line: usize,
        reason: String,
    },
    /// A setting has no value, or its declared default is not one: a fault of this program.
    Undeclared(&'static str),
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable { file, reason } => {
                write!(f, "cannot read {}: {reason}", file.display())
            }
            Self::Line { file, line, reason } => {
                write!(f, "{}, line {line}: {reason}", file.display())
            }
            Self::Undeclared(key) => write!(f, "setting {key} has no usable default"),
        }
    }
}

impl std::error::Error for ConfigError {}

impl Config {
    /// Resolves the flags over the file (if one is named) over the defaults.
    ///
    /// # Errors
    ///
    /// The file cannot be read, or holds an unknown key or a bad value.
    pub(crate) fn load(flags: RawConfig, file: Option<&Path>) -> Result<Self, ConfigError> {
        let written = match file {
            Some(path) => read(path)?,
            None => RawConfig::default(),
        };
        resolve(flags.over(written).over(defaults()?))
    }
}

/// The declared defaults, as if they stood in a file.
fn defaults() -> Result<RawConfig, ConfigError> {
    let mut raw = RawConfig {
        data_dir: Some(PathBuf::from("leveret-data")),
        recover: Some(Recover::Strict),
        loopback_users: Some(vec!["guest".to_owned()]),
        ..RawConfig::default()
    };
    for setting in SETTINGS
        .iter()
        .filter(|setting| !setting.default.is_empty())
    {
        (setting.read)(&mut raw, "default", setting.default)
            .map_err(|_| ConfigError::Undeclared(setting.key))?;
    }
    Ok(raw)
}

fn read(path: &Path) -> Result<RawConfig, ConfigError> {
    let unreadable = |reason: String| ConfigError::Unreadable {
        file: path.to_owned(),
        reason,
    };
    let mut text = String::new();
    std::fs::File::open(path)
        .and_then(|file| {
            file.take(file::CONFIG_FILE_BYTES_MAX + 1)
                .read_to_string(&mut text)
        })
        .map_err(|error| unreadable(error.to_string()))?;
    if text.len() as u64 > file::CONFIG_FILE_BYTES_MAX {
        return Err(unreadable("larger than 1 MiB".to_owned()));
    }
    interpret(&text).map_err(|(line, reason)| ConfigError::Line {
        file: path.to_owned(),
        line,
        reason,
    })
}

/// The settings in `text`, or the line that is wrong and why.
fn interpret(text: &str) -> Result<RawConfig, (usize, String)> {
    let mut raw = RawConfig::default();
    let entries = file::parse(text).map_err(|line| (line, "expected 'key = value'".to_owned()))?;
    for entry in entries {
        let Some((setting, name)) = settings::find(entry.key) else {
            let hint = settings::nearest(entry.key)
                .map(|known| format!("; did you mean '{known}'?"))
                .unwrap_or_default();
            return Err((entry.line, format!("unknown key '{}'{hint}", entry.key)));
        };
        (setting.read)(&mut raw, name, entry.value)
            .map_err(|reason| (entry.line, format!("{}: {reason}", entry.key)))?;
    }
    Ok(raw)
}

fn resolve(raw: RawConfig) -> Result<Config, ConfigError> {
    let management_port = required(raw.management_port, "management.tcp.port")?;
    let management = raw.management.unwrap_or_else(|| {
        let everywhere = Listen::Everywhere(management_port);
        raw.management_ip
            .map_or(everywhere, |ip| everywhere.on_interface(ip))
    });
    Ok(Config {
        data_dir: required(raw.data_dir, "--data-dir")?,
        amqp: required(raw.amqp, "listeners.tcp.$name")?
            .into_iter()
            .map(|(_, listen)| listen)
            .collect(),
        management,
        default_user: required(raw.default_user, "default_user")?,
        default_pass: required(raw.default_pass, "default_pass")?,
        default_vhost: required(raw.default_vhost, "default_vhost")?,
        loopback_users: required(raw.loopback_users, "loopback_users.$name")?,
        heartbeat: required(raw.heartbeat, "heartbeat")?,
        frame_max: required(raw.frame_max, "frame_max")?,
        channel_max: required(raw.channel_max, "channel_max")?,
        max_message_size: required(raw.max_message_size, "max_message_size")?,
        handshake_timeout: Duration::from_millis(required(
            raw.handshake_timeout_ms,
            "handshake_timeout",
        )?),
        memory: required(raw.memory, "vm_memory_high_watermark.relative")?,
        disk: required(raw.disk, "disk_free_limit.absolute")?,
        recover: required(raw.recover, "--recover")?,
        durability: match required(raw.power_loss_may_lose_ms, "leveret.power_loss_may_lose_ms")? {
            0 => Durability::Synced,
            ms => Durability::Written {
                sync_every: Duration::from_millis(ms),
            },
        },
        message_memory_max: required(raw.message_memory_max, "leveret.message_memory_max")?,
        queue_memory_max: required(raw.queue_memory_max, "leveret.queue_memory_max")?,
        cluster_name: raw.cluster_name,
        log_level: required(raw.log_level, "log.console.level")?,
    })
}

fn required<T>(value: Option<T>, key: &'static str) -> Result<T, ConfigError> {
    value.ok_or(ConfigError::Undeclared(key))
}
