//! From settings to a serving broker and back to an exit code.

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::num::NonZero;
use std::sync::Arc;
use std::thread;
use std::time::Instant;

use broker::{Broker, Clock, Durability, OpenError, Settings};
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::oneshot;

use crate::config::{Config, Listen};
use crate::connections::{CONNECTIONS_MAX, Connections, DESCRIPTORS_RESERVED};
use crate::shutdown::{Signals, say_goodbye};
use crate::telemetry::Banner;
use crate::ticking::Ticking;
use crate::watch::Watch;
use crate::{clock, definitions, listener, telemetry};

/// Serves until a signal comes or the store fails, then closes what is open.
///
/// # Errors
///
/// What keeps the broker from serving, as one line for the operator.
pub(crate) fn run(config: Config) -> Result<(), String> {
    let started = clock::now();
    telemetry::start(config.log_level);
    let runtime =
        amqp_runtime().map_err(|error| format!("cannot start worker threads: {error}"))?;
    let sockets = {
        let _within = runtime.enter();
        Sockets::bind(&config)?
    };
    let broker = Broker::open(settings(&config, started), &config.data_dir)
        .map_err(|error| refusal(&error, &config))?;
    warn_of_risks(&config);
    definitions::load(&broker)?;
    let runtime =
        amqp_runtime().map_err(|error| format!("cannot start worker threads: {error}"))?;
    let outcome = runtime.block_on(serve(sockets, &config, &broker, started));
    // Still within the runtime's life: a second signal must be able to end a slow checkpoint.
    let closed = broker.close();
    runtime.shutdown_background();
    outcome?;
    closed.map_err(|error| format!("data is not checkpointed: {error}"))?;
    tracing::info!("stopped");
    Ok(())
}

/// Why the data directory can't be opened, and what there is to do.
fn refusal(error: &OpenError, config: &Config) -> String {
    let dir = config.data_dir.display();
    let advice = match error {
        OpenError::CorruptLog { .. }
        | OpenError::CorruptMessage { .. }
        | OpenError::MissingSegment(_) => {
            "; --recover salvage starts without what is damaged and reports what is lost"
        }
        _ => "",
    };
    format!("cannot open {dir}: {error}{advice}")
}

fn warn_of_risks(config: &Config) {
    if let Durability::Written { sync_every } = config.durability {
        tracing::warn!(
            "leveret.power_loss_may_lose_ms: confirms do not wait for fdatasync, power loss may \
             lose what was confirmed in the last {} ms",
            sync_every.as_millis()
        );
    }
}

/// Bound, not yet accepting.
struct Sockets {
    amqp: Vec<TcpListener>,
    management: TcpListener,
}

impl Sockets {
    fn bind(config: &Config) -> Result<Self, String> {
        let bind = |listen: Listen| {
            let bound = match listener::bind(listen) {
                Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
                    // By the broker that runs here, most likely, and that will not go away.
                    if store::Store::is_open(&config.data_dir) {
                        let in_use = OpenError::InUse(config.data_dir.clone());
                        return Err(refusal(&in_use, config));
                    }
                    tracing::warn!("{listen} is in use; trying again for a moment");
                    listener::bind_again(listen)
                }
                bound => bound,
            };
            bound.map_err(|error| format!("cannot listen on {listen}: {error}"))
        };
        Ok(Self {
            amqp: config
                .amqp
                .iter()
                .copied()
                .map(bind)
                .collect::<Result<_, _>>()?,
            management: bind(config.management)?,
        })
    }
}

async fn serve(
    sockets: Sockets,
    config: &Config,
    broker: &Arc<Broker>,
    started: Instant,
) -> Result<(), String> {
    let failed = |error: io::Error| format!("cannot serve: {error}");
    let mut signals = Signals::listen().map_err(failed)?;
    let addresses = |listener: &TcpListener| listener.local_addr().map_err(failed);
    let amqp: Vec<SocketAddr> = sockets
        .amqp
        .iter()
        .map(addresses)
        .collect::<Result<_, _>>()?;
    let management = addresses(&sockets.management)?;

    let _watch = Watch::start(broker, config).map_err(failed)?;
    let _ticking = Ticking::start(broker).map_err(failed)?;
    let connections = Connections::new(connection_limit());
    let mut listeners = Vec::new();
    for socket in sockets.amqp {
        let accepting = listener::accept(socket, Arc::clone(broker), Arc::clone(&connections));
        listeners.push(tokio::spawn(accepting));
    }
    let info = management::Info {
        amqp_listeners: amqp.clone(),
        management_listeners: vec![management],
        prometheus_listeners: Vec::new(),
        data_dir: config.data_dir.clone(),
        clock: clock::now,
    };
    let socket = sockets.management.into_std().map_err(failed)?;
    let stop_management = start_management(socket, Arc::clone(broker), info).map_err(failed)?;

    Banner {
        amqp: &amqp,
        management,
        data_dir: &config.data_dir,
    }
    .show();
    tracing::info!("started in {} ms", (clock::now() - started).as_millis());

    let outcome = tokio::select! {
        signal = signals.next() => {
            tracing::info!("{signal}: stopping with {} connections open", connections.len());
            Ok(())
        }
        reason = store_failure(broker) => Err(format!("stopped, because the store failed: {reason}")),
    };
    drop(tokio::spawn(async move {
        let signal = signals.next().await;
        tracing::warn!("{signal} again: stopping at once");
        std::process::exit(1);
    }));
    listeners.iter().for_each(tokio::task::JoinHandle::abort);
    say_goodbye(&connections).await;
    // It has ended by itself if nobody receives this.
    let _ = stop_management.send(());
    outcome
}

/// Why the store failed, once it has. Whatever it has not written by then is not safe and never
/// will be, and what an fdatasync that failed leaves on the disk nobody knows, so going on would
/// be a promise without ground. Clients are told to go (320, upon which they connect elsewhere or
/// again), nothing more is confirmed to them, and the process ends with an error: a supervisor
/// sees it, and the next start reads what really is there.
async fn store_failure(broker: &Broker) -> String {
    poll_fn(|cx| broker.poll_failure(cx).map(str::to_owned)).await
}

/// One runtime with a worker a core. A runtime per core would write an eventfd for every hop from
/// one connection to another.
fn amqp_runtime() -> io::Result<Runtime> {
    let workers = thread::available_parallelism().map_or(1, NonZero::get);
    Builder::new_multi_thread()
        .worker_threads(workers)
        .thread_name("amqp")
        .enable_all()
        .build()
}

/// The management API has a thread and a runtime of its own, so that a listing of 50,000 queues
/// cannot delay a heartbeat.
fn start_management(
    listener: std::net::TcpListener,
    broker: Arc<Broker>,
    info: management::Info,
) -> io::Result<oneshot::Sender<()>> {
    let sockets = management::Sockets {
        management: vec![listener],
        prometheus: Vec::new(),
    };
    let (stop, stopped) = oneshot::channel::<()>();
    let runtime = Builder::new_current_thread().enable_all().build()?;
    thread::Builder::new()
        .name("management".to_owned())
        .spawn(move || {
            let stopped = async {
                // A sender that is gone says the same as one that has sent.
                let _ = stopped.await;
            };
            let served = runtime.block_on(management::serve(broker, sockets, info, stopped));
            if let Err(error) = served {
                tracing::error!("the management API has stopped: {error}");
            }
        })?;
    Ok(stop)
}

fn settings(config: &Config, started: Instant) -> Settings {
    let node = format!("rabbit@{}", host_name());
    let started_ms = clock::unix_ms();
    Settings {
        cluster_name: config.cluster_name.clone().unwrap_or_else(|| node.clone()),
        node,
        default_user: config.default_user.clone(),
        default_pass: config.default_pass.clone(),
        default_vhost: config.default_vhost.clone(),
        loopback_users: config.loopback_users.clone(),
        heartbeat_s: config.heartbeat,
        frame_max: config.frame_max,
        channel_max: config.channel_max,
        max_message_size: config.max_message_size,
        handshake_timeout: config.handshake_timeout,
        recover: config.recover,
        durability: config.durability,
        message_memory_max: config.message_memory_max,
        queue_memory_max: config.queue_memory_max,
        clock: Clock::new(clock::unix_ms),
        ..Settings::new(started, started_ms)
    }
}

/// The name before the first dot, as RabbitMQ's short node names have it.
fn host_name() -> String {
    let whole = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    match whole.trim().split('.').next() {
        Some(short) if !short.is_empty() => short.to_owned(),
        _ => "localhost".to_owned(),
    }
}

/// As many connections as there are file descriptors for, once the soft limit is raised to the
/// hard one: the usual soft limit of 1,024 is for programs that call `select`.
fn connection_limit() -> usize {
    let descriptors = rlimit::increase_nofile_limit(u64::MAX).unwrap_or(1024);
    let spare = descriptors.saturating_sub(DESCRIPTORS_RESERVED).max(1);
    usize::try_from(spare).unwrap_or(CONNECTIONS_MAX)
}
