//! The node: the process and the machine under it.

use std::path::PathBuf;

use broker::RatesMode;
use serde::Serialize;
use serde_json::Value;

use super::overview::{AUTH_MECHANISMS, ContextView, EXCHANGE_TYPES, NO_ERLANG, Type, contexts};
use super::{Empty, NOTHING, NoRate};
use crate::context::Context;
use crate::os;
use crate::page::to_value;
use crate::query::Windows;
use crate::rates::{CHURN, Column, NODE, QUEUE_ROW, Sampled, Stats, churn_values, node_values};

#[derive(Serialize, Debug)]
struct NodeView<'a> {
    name: &'a str,
    r#type: &'static str,
    running: bool,
    being_drained: bool,
    os_pid: String,
    uptime: u64,
    run_queue: u32,
    processors: u64,
    rates_mode: &'static str,
    net_ticktime: u32,
    rabbitmq_version: &'static str,
    erlang_version: &'static str,
    erlang_full_version: &'static str,
    crypto_lib_version: &'static str,
    #[serde(flatten)]
    alarms: Alarms,
    mem_calculation_strategy: &'static str,
    fd_total: u64,
    sockets_total: u64,
    proc_total: u64,
    db_dir: String,
    config_files: Vec<String>,
    log_files: Vec<String>,
    enabled_plugins: [&'static str; 1],
    applications: [Application; 2],
    auth_mechanisms: [Type; 3],
    exchange_types: [Type; 11],
    contexts: Vec<ContextView<'a>>,
    cluster_links: [Empty; 0],
    partitions: [Empty; 0],
    ra_open_file_metrics: OpenFiles,
    metrics_gc_queue_length: GcQueues,
    /// In milliseconds.
    io_sync_avg_time: f64,
    io_sync_avg_time_details: NoRate,
    #[serde(flatten)]
    used: Stats,
    #[serde(flatten)]
    churn: Stats,
    #[serde(flatten)]
    work: Stats,
}

#[derive(Serialize, Debug)]
struct Alarms {
    mem_limit: u64,
    mem_alarm: bool,
    disk_free_limit: u64,
    disk_free_alarm: bool,
}

#[derive(Serialize, Debug)]
struct Application {
    name: &'static str,
    description: &'static str,
    version: &'static str,
}

#[derive(Default, Serialize, Debug)]
struct OpenFiles {
    ra_log_wal: u32,
    ra_log_segment_writer: u32,
}

#[derive(Default, Serialize, Debug)]
struct GcQueues {
    connection_closed: u32,
    channel_closed: u32,
    consumer_deleted: u32,
    exchange_deleted: u32,
    queue_deleted: u32,
    vhost_deleted: u32,
    node_node_deleted: u32,
    channel_consumer_deleted: u32,
}

const fn counter(name: &'static str, details: &'static str) -> Column {
    Column {
        name,
        details,
        gauge: false,
    }
}

macro_rules! counters {
    ($($name:literal),* $(,)?) => { [$(counter($name, concat!($name, "_details"))),*] };
}

/// What the log does with the disk; the rest has no counterpart here and is zero.
const WORK: [Column; 19] = counters!(
    "io_write_count",
    "io_write_bytes",
    "io_sync_count",
    "context_switches",
    "io_write_avg_time",
    "io_read_count",
    "io_read_bytes",
    "io_read_avg_time",
    "io_seek_count",
    "io_seek_avg_time",
    "io_reopen_count",
    "gc_num",
    "gc_bytes_reclaimed",
    "mnesia_disk_tx_count",
    "mnesia_ram_tx_count",
    "msg_store_read_count",
    "msg_store_write_count",
    "queue_index_read_count",
    "queue_index_write_count",
);

/// The node as JSON.
pub(crate) fn show(context: &Context, sampled: &Sampled, windows: &Windows) -> Value {
    let settings = context.broker.settings();
    let store = context.broker.store_stats();
    let used_row = node_values(&context.broker);
    let mut used = Stats::default();
    used.add(
        &NODE,
        &used_row,
        sampled.node.as_ref(),
        0,
        windows.node_stats,
    );
    let churn_row = churn_values(context.broker.churn());
    let mut churn = Stats::default();
    churn.add(
        &CHURN,
        &churn_row,
        sampled.global.as_ref(),
        QUEUE_ROW,
        windows.node_stats,
    );
    let mut row = [0; WORK.len()];
    row[..4].copy_from_slice(&[
        store.groups,
        store.log_bytes,
        store.syncs,
        os::context_switches(),
    ]);
    let mut work = Stats::default();
    work.add::<1>(&WORK, &row, None, 0, windows.node_stats);
    to_value(&NodeView {
        name: &settings.node,
        r#type: "disc",
        running: true,
        being_drained: false,
        os_pid: std::process::id().to_string(),
        uptime: context.uptime_ms(),
        run_queue: 0,
        processors: os::processors(),
        rates_mode: rates_mode(context),
        net_ticktime: 60,
        rabbitmq_version: broker::RABBITMQ_VERSION,
        erlang_version: NO_ERLANG,
        erlang_full_version: NO_ERLANG,
        crypto_lib_version: NO_ERLANG,
        alarms: alarms(context),
        mem_calculation_strategy: "rss",
        fd_total: os::descriptors_limit(),
        sockets_total: os::descriptors_limit(),
        proc_total: PROCESSES_TOTAL,
        db_dir: context.info.data_dir.display().to_string(),
        config_files: shown(&context.info.config_files),
        log_files: shown(context.info.log_file.as_slice())
            .into_iter()
            .chain(["<stderr>".to_owned()])
            .collect(),
        enabled_plugins: ["rabbitmq_management"],
        applications: APPLICATIONS,
        auth_mechanisms: AUTH_MECHANISMS,
        exchange_types: EXCHANGE_TYPES,
        contexts: contexts(context, None),
        cluster_links: NOTHING,
        partitions: NOTHING,
        ra_open_file_metrics: OpenFiles::default(),
        metrics_gc_queue_length: GcQueues::default(),
        io_sync_avg_time: store.sync_avg.as_secs_f64() * 1000.0,
        io_sync_avg_time_details: NoRate::default(),
        used,
        churn,
        work,
    })
}

fn shown(paths: &[PathBuf]) -> Vec<String> {
    paths
        .iter()
        .map(|path| path.display().to_string())
        .collect()
}

fn alarms(context: &Context) -> Alarms {
    let alarms = context.broker.alarms();
    let (resources, raised) = (alarms.resources(), alarms.raised());
    Alarms {
        mem_limit: resources.memory_limit,
        mem_alarm: raised.memory(),
        disk_free_limit: resources.disk_free_limit,
        disk_free_alarm: raised.disk(),
    }
}

/// RabbitMQ's default limit of Erlang processes; threads take their place here.
const PROCESSES_TOTAL: u64 = 1_048_576;

const APPLICATIONS: [Application; 2] = [
    Application {
        name: "leveret",
        description: "Leveret: AMQP 0-9-1 broker",
        version: broker::VERSION,
    },
    Application {
        name: "rabbit",
        description: "The RabbitMQ version that clients are told",
        version: broker::RABBITMQ_VERSION,
    },
];

/// `management.rates_mode`.
pub(crate) fn rates_mode(context: &Context) -> &'static str {
    match context.broker.settings().rates_mode {
        RatesMode::Basic => "basic",
        RatesMode::Detailed => "detailed",
        RatesMode::None => "none",
    }
}
