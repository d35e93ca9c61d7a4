//! How much of everything.

use super::super::value::{self, Amount};
use super::{Setting, Wrong, limit, setting};

/// Smallest `frame_max` a client may be offered; RabbitMQ raised it from 4096 in 4.1.
const FRAME_MAX_MIN: u32 = 8192;

/// Bytes; RabbitMQ's own ceiling for `max_message_size` (512 MiB).
const MESSAGE_BYTES_MAX: u64 = 512 * 1024 * 1024;

pub(super) const SETTINGS: &[Setting] = &[
    setting(
        "heartbeat",
        "60",
        "seconds",
        "heartbeat offered to clients; 0 is none",
        |config, _, text| {
            config.broker.heartbeat_s = value::integer(text)?;
            Ok(())
        },
    ),
    setting(
        "frame_max",
        "131072",
        "bytes",
        "largest frame offered to clients; 0 is no limit",
        |config, _, text| {
            let bytes =
                u32::try_from(value::bytes(text)?).map_err(|_| format!("{text} is too large"))?;
            if bytes != 0 && bytes < FRAME_MAX_MIN {
                return Err(
                    format!("expected 0 or at least {FRAME_MAX_MIN} bytes, got {text}").into(),
                );
            }
            config.broker.frame_max = bytes;
            Ok(())
        },
    ),
    setting(
        "channel_max",
        "2047",
        "channels",
        "channels per connection; 0 is no limit",
        |config, _, text| {
            config.broker.channel_max = value::integer(text)?;
            Ok(())
        },
    ),
    setting(
        "connection_max",
        "infinity",
        "connections",
        "connections to this node",
        |config, _, text| {
            config.broker.connection_max = limit(text)?;
            Ok(())
        },
    ),
    setting(
        "channel_max_per_node",
        "0",
        "channels",
        "channels of all connections; 0 is no limit",
        |config, _, text| {
            config.broker.channel_max_per_node = limit(text)?.filter(|max| *max > 0);
            Ok(())
        },
    ),
    setting(
        "consumer_max_per_channel",
        "infinity",
        "consumers",
        "consumers on a channel",
        |config, _, text| {
            config.broker.consumer_max_per_channel = limit(text)?.filter(|max| *max > 0);
            Ok(())
        },
    ),
    setting(
        "vhost_max",
        "infinity",
        "virtual hosts",
        "virtual hosts of this node",
        |config, _, text| {
            config.broker.vhost_max = limit(text)?;
            Ok(())
        },
    ),
    setting(
        "cluster_queue_limit",
        "infinity",
        "queues",
        "queues of all virtual hosts",
        |config, _, text| {
            config.broker.cluster_queue_limit = limit(text)?;
            Ok(())
        },
    ),
    setting(
        "cluster_exchange_limit",
        "infinity",
        "exchanges",
        "exchanges of all virtual hosts",
        |config, _, text| {
            config.broker.cluster_exchange_limit = limit(text)?;
            Ok(())
        },
    ),
    setting(
        "max_message_size",
        "16777216",
        "bytes",
        "largest message body accepted",
        |config, _, text| {
            let bytes = value::bytes(text)?;
            if bytes > MESSAGE_BYTES_MAX {
                return Err(
                    format!("expected at most {MESSAGE_BYTES_MAX} bytes, got {text}").into(),
                );
            }
            config.broker.max_message_size = bytes;
            Ok(())
        },
    ),
    setting(
        "consumer_timeout",
        "1800000",
        "milliseconds",
        "a delivery unacknowledged for longer closes its channel; 0 or infinity: never",
        |config, _, text| {
            config.broker.consumer_timeout_ms = match text {
                "infinity" | "undefined" | "false" => None,
                _ => Some(value::integer(text)?).filter(|ms| *ms > 0),
            };
            Ok(())
        },
    ),
    setting(
        "default_consumer_prefetch",
        "0",
        "messages",
        "prefetch of consumers that ask for none; 0 is no limit",
        |config, _, text| {
            config.broker.default_consumer_prefetch = value::integer(text)?;
            Ok(())
        },
    ),
    setting(
        "vm_memory_high_watermark.relative",
        "0.6",
        "part of the memory",
        "publishers are blocked above this use; 0: always",
        |config, _, text| amount(&mut config.memory, value::part(text)?),
    ),
    setting(
        "vm_memory_high_watermark.absolute",
        "",
        "bytes",
        "the same as an amount; wins over a part",
        |config, _, text| {
            config.memory = Amount::Absolute(value::bytes(text)?);
            Ok(())
        },
    ),
    setting(
        "disk_free_limit.relative",
        "",
        "part of the memory",
        "publishers are blocked when less disk is free; an amount wins",
        |config, _, text| amount(&mut config.disk, value::part(text)?),
    ),
    setting(
        "disk_free_limit.absolute",
        "50MB",
        "bytes",
        "the same as an amount",
        |config, _, text| {
            config.disk = Amount::Absolute(value::bytes(text)?);
            Ok(())
        },
    ),
];

#[expect(
    clippy::unnecessary_wraps,
    reason = "one form for all that read a value"
)]
fn amount(field: &mut Amount, part: f64) -> Result<(), Wrong> {
    *field = Amount::Relative(part);
    Ok(())
}
