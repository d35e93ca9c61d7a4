//! The node itself, and what only Leveret has.

use std::time::Duration;

use broker::{Durability, Recover};

use super::super::value;
use super::{Setting, choice, keep, setting};

/// Milliseconds; whoever can lose more than ten seconds of messages wants transient ones.
const POWER_LOSS_MS_MAX: u64 = 10_000;

pub(super) const SETTINGS: &[Setting] = &[
    setting(
        "cluster_name",
        "",
        "name",
        "name shown to clients (rabbit@HOST)",
        |config, _, text| keep(config.cluster_name.get_or_insert_default(), text),
    ),
    setting(
        "leveret.node_name",
        "",
        "name@host",
        "name of this node (rabbit@HOST)",
        |config, _, text| keep(config.node.get_or_insert_default(), text),
    ),
    setting(
        "leveret.data_dir",
        "leveret-data",
        "directory",
        "where messages and definitions are kept",
        |config, _, text| {
            config.data_dir = text.into();
            Ok(())
        },
    ),
    setting(
        "leveret.recover",
        "strict",
        "strict or salvage",
        "damaged messages: refuse to start, or start without them and report what is lost",
        |config, _, text| {
            let modes = [("strict", Recover::Strict), ("salvage", Recover::Salvage)];
            config.broker.recover = choice(text, &modes)?;
            Ok(())
        },
    ),
    setting(
        "leveret.power_loss_may_lose_ms",
        "0",
        "milliseconds",
        "0: confirm after fdatasync. More: confirm after write, fdatasync at this pause; \
         power loss may lose what was confirmed in that time",
        |config, _, text| {
            let ms = value::integer(text)?;
            if ms > POWER_LOSS_MS_MAX {
                return Err(format!("expected at most {POWER_LOSS_MS_MAX}, got {text}").into());
            }
            config.broker.durability = match ms {
                0 => Durability::Synced,
                _ => Durability::Written {
                    sync_every: Duration::from_millis(ms),
                },
            };
            Ok(())
        },
    ),
    setting(
        "leveret.message_memory_max",
        "256MiB",
        "bytes",
        "message bodies kept in memory, all queues together; the rest is on disk only",
        |config, _, text| {
            config.broker.message_memory_max = value::bytes(text)?;
            Ok(())
        },
    ),
    setting(
        "leveret.queue_memory_max",
        "2MiB",
        "bytes",
        "the same of one queue, or of the deliveries of one channel",
        |config, _, text| {
            config.broker.queue_memory_max = value::bytes(text)?;
            Ok(())
        },
    ),
    setting(
        "leveret.event_exchange",
        "true",
        "true or false",
        "have an exchange amq.rabbitmq.event that is told what happens to queues, users and all else",
        |config, _, text| {
            config.broker.event_exchange = value::switch(text)?;
            Ok(())
        },
    ),
];
