//! Every setting, declared once: key, default, unit, meaning, and how it is read.

use super::listen::Listen;
use super::raw::RawConfig;
use super::value::{self, Amount};

/// Smallest `frame_max` a client may be offered; RabbitMQ raised it from 4096 in 4.1.
const FRAME_MAX_MIN: u32 = 8192;

/// Bytes; RabbitMQ's own ceiling for `max_message_size` (512 MiB).
const MESSAGE_BYTES_MAX: u64 = 512 * 1024 * 1024;

/// Milliseconds; whoever can lose more than ten seconds of messages wants transient ones.
const POWER_LOSS_MS_MAX: u64 = 10_000;

/// One key of the configuration file.
pub(crate) struct Setting {
    /// RabbitMQ's key. A last segment of `$name` stands for any one segment.
    pub(crate) key: &'static str,
    /// As it would be written in the file; empty where "not set" has its own meaning.
    pub(crate) default: &'static str,
    /// Unit or form of the value.
    pub(crate) unit: &'static str,
    /// What it does.
    pub(crate) doc: &'static str,
    /// Stores the value; `name` is what stood for `$name`.
    pub(crate) read: fn(raw: &mut RawConfig, name: &str, value: &str) -> Result<(), String>,
}

/// All settings, in the order that `--help` prints.
pub(crate) const SETTINGS: &[Setting] = &[
    Setting {
        key: "listeners.tcp",
        default: "",
        unit: "none",
        doc: "'none': no AMQP listener",
        read: |raw, _, text| match text {
            "none" => {
                raw.amqp = Some(Vec::new());
                Ok(())
            }
            _ => Err(format!("expected none, got '{text}'")),
        },
    },
    Setting {
        key: "listeners.tcp.$name",
        default: "5672",
        unit: "PORT or IP:PORT",
        doc: "an AMQP listener; repeat with other names",
        read: |raw, name, text| {
            let listen = Listen::parse(text)?;
            let listeners = raw.amqp.get_or_insert_with(Vec::new);
            listeners.retain(|(other, _)| other != name);
            listeners.push((name.to_owned(), listen));
            Ok(())
        },
    },
    Setting {
        key: "management.tcp.port",
        default: "15672",
        unit: "port",
        doc: "port of the management API and pages",
        read: |raw, _, text| {
            raw.management_port = Some(value::integer(text)?);
            Ok(())
        },
    },
    Setting {
        key: "management.tcp.ip",
        default: "",
        unit: "IP address",
        doc: "interface of the management API (every one)",
        read: |raw, _, text| {
            raw.management_ip = Some(
                text.parse()
                    .map_err(|_| format!("expected an IP address, got '{text}'"))?,
            );
            Ok(())
        },
    },
    Setting {
        key: "default_user",
        default: "guest",
        unit: "name",
        doc: "user created in an empty data directory",
        read: |raw, _, text| keep(&mut raw.default_user, text),
    },
    Setting {
        key: "default_pass",
        default: "guest",
        unit: "password",
        doc: "its password",
        read: |raw, _, text| keep(&mut raw.default_pass, text),
    },
    Setting {
        key: "default_vhost",
        default: "/",
        unit: "name",
        doc: "virtual host created in an empty data directory",
        read: |raw, _, text| keep(&mut raw.default_vhost, text),
    },
    Setting {
        key: "loopback_users",
        default: "",
        unit: "none",
        doc: "'none': every user may connect from anywhere",
        read: |raw, _, text| match text {
            "none" => {
                raw.loopback_users = Some(Vec::new());
                Ok(())
            }
            _ => Err(format!("expected none, got '{text}'")),
        },
    },
    Setting {
        key: "loopback_users.$name",
        default: "",
        unit: "true or false",
        doc: "user may connect from this machine only (guest)",
        read: |raw, name, text| {
            let only_local = value::switch(text)?;
            let users = raw.loopback_users.get_or_insert_with(Vec::new);
            users.retain(|user| user != name);
            users.extend(only_local.then(|| name.to_owned()));
            Ok(())
        },
    },
    Setting {
        key: "heartbeat",
        default: "60",
        unit: "seconds",
        doc: "heartbeat offered to clients; 0 is none",
        read: |raw, _, text| {
            raw.heartbeat = Some(value::integer(text)?);
            Ok(())
        },
    },
    Setting {
        key: "frame_max",
        default: "131072",
        unit: "bytes",
        doc: "largest frame offered to clients; 0 is no limit",
        read: |raw, _, text| {
            let bytes =
                u32::try_from(value::bytes(text)?).map_err(|_| format!("{text} is too large"))?;
            if bytes != 0 && bytes < FRAME_MAX_MIN {
                return Err(format!(
                    "expected 0 or at least {FRAME_MAX_MIN} bytes, got {text}"
                ));
            }
            raw.frame_max = Some(bytes);
            Ok(())
        },
    },
    Setting {
        key: "channel_max",
        default: "2047",
        unit: "channels",
        doc: "channels per connection; 0 is no limit",
        read: |raw, _, text| {
            raw.channel_max = Some(value::integer(text)?);
            Ok(())
        },
    },
    Setting {
        key: "max_message_size",
        default: "16777216",
        unit: "bytes",
        doc: "largest message body accepted",
        read: |raw, _, text| {
            let bytes = value::bytes(text)?;
            if bytes > MESSAGE_BYTES_MAX {
                return Err(format!(
                    "expected at most {MESSAGE_BYTES_MAX} bytes, got {text}"
                ));
            }
            raw.max_message_size = Some(bytes);
            Ok(())
        },
    },
    Setting {
        key: "handshake_timeout",
        default: "10000",
        unit: "milliseconds",
        doc: "time from accept to connection.open",
        read: |raw, _, text| {
            raw.handshake_timeout_ms = Some(value::integer(text)?);
            Ok(())
        },
    },
    Setting {
        key: "vm_memory_high_watermark.relative",
        default: "0.6",
        unit: "part of the memory",
        doc: "publishers are blocked above this use; 0: always",
        read: |raw, _, text| relative(&mut raw.memory, text),
    },
    Setting {
        key: "vm_memory_high_watermark.absolute",
        default: "",
        unit: "bytes",
        doc: "the same as an amount; wins over a part",
        read: |raw, _, text| {
            raw.memory = Some(Amount::Absolute(value::bytes(text)?));
            Ok(())
        },
    },
    Setting {
        key: "disk_free_limit.absolute",
        default: "50MB",
        unit: "bytes",
        doc: "publishers are blocked when less disk is free",
        read: |raw, _, text| {
            raw.disk = Some(Amount::Absolute(value::bytes(text)?));
            Ok(())
        },
    },
    Setting {
        key: "disk_free_limit.relative",
        default: "",
        unit: "part of the memory",
        doc: "the same as a part; an amount in the file wins",
        read: |raw, _, text| relative(&mut raw.disk, text),
    },
    Setting {
        key: "leveret.power_loss_may_lose_ms",
        default: "0",
        unit: "milliseconds",
        doc: "0: confirm after fdatasync. More: confirm after write, fdatasync at this pause; \
              power loss may lose what was confirmed in that time",
        read: |raw, _, text| {
            let ms = value::integer(text)?;
            if ms > POWER_LOSS_MS_MAX {
                return Err(format!("expected at most {POWER_LOSS_MS_MAX}, got {text}"));
            }
            raw.power_loss_may_lose_ms = Some(ms);
            Ok(())
        },
    },
    Setting {
        key: "leveret.message_memory_max",
        default: "256MiB",
        unit: "bytes",
        doc: "message bodies kept in memory, all queues together; the rest is on disk only",
        read: |raw, _, text| {
            raw.message_memory_max = Some(value::bytes(text)?);
            Ok(())
        },
    },
    Setting {
        key: "leveret.queue_memory_max",
        default: "4MiB",
        unit: "bytes",
        doc: "the same of one queue, or of the deliveries of one channel",
        read: |raw, _, text| {
            raw.queue_memory_max = Some(value::bytes(text)?);
            Ok(())
        },
    },
    Setting {
        key: "cluster_name",
        default: "",
        unit: "name",
        doc: "name shown to clients (rabbit@HOST)",
        read: |raw, _, text| keep(&mut raw.cluster_name, text),
    },
    Setting {
        key: "log.console.level",
        default: "info",
        unit: "level",
        doc: "debug, info, warning, error or none",
        read: |raw, _, text| {
            raw.log_level = Some(value::level(text)?);
            Ok(())
        },
    },
];

/// An absolute limit of the same file wins, wherever it stands: as in RabbitMQ.
fn relative(field: &mut Option<Amount>, text: &str) -> Result<(), String> {
    let part = value::part(text)?;
    if !matches!(field, Some(Amount::Absolute(_))) {
        *field = Some(Amount::Relative(part));
    }
    Ok(())
}

fn keep(field: &mut Option<String>, text: &str) -> Result<(), String> {
    if text.is_empty() {
        return Err("expected a value, got nothing".to_owned());
    }
    *field = Some(text.to_owned());
    Ok(())
}

/// The declaration of `key`, and what stood for its `$name`.
pub(crate) fn find(key: &str) -> Option<(&'static Setting, &str)> {
    SETTINGS
        .iter()
        .find_map(|setting| match setting.key.strip_suffix("$name") {
            None => (setting.key == key).then_some((setting, "")),
            Some(prefix) => {
                let name = key.strip_prefix(prefix)?;
                (!name.is_empty() && !name.contains('.')).then_some((setting, name))
            }
        })
}

/// The known key that is spelled most like `key`, if one is near enough to be what was meant.
pub(crate) fn nearest(key: &str) -> Option<&'static str> {
    SETTINGS
        .iter()
        .map(|setting| (distance(key, setting.key), setting.key))
        .min()
        .filter(|(distance, known)| *distance <= known.len() / 3)
        .map(|(_, known)| known)
}

/// Levenshtein's: single characters inserted, deleted or replaced.
fn distance(from: &str, to: &str) -> usize {
    let mut row: Vec<usize> = (0..=to.chars().count()).collect();
    for (i, a) in from.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in to.chars().enumerate() {
            let replaced = diagonal + usize::from(a != b);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row.last().copied().unwrap_or_default()
}
