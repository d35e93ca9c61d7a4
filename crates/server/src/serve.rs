//! From settings to a serving broker and back to an exit code.

use std::future::poll_fn;
use std::num::NonZero;
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use broker::{Broker, Durability, OpenError};
use tokio::runtime::{Builder, Runtime};

use crate::arrival::Entrance;
use crate::certificates::Certificates;
use crate::config::{Config, Problem, Sources};
use crate::connections::{CONNECTIONS_MAX, Connections, DESCRIPTORS_RESERVED};
use crate::local::LocalSocket;
use crate::reload::Reload;
use crate::shutdown::{Signals, Word, say_goodbye};
use crate::sockets::{Addresses, Sockets, listen};
use crate::telemetry::{Banner, Log, notify};
use crate::ticking::Ticking;
use crate::watch::{Limits, Watch};
use crate::{clock, definitions, listener, telemetry, web};

/// Serves until a signal comes or the store fails, then closes what is open.
///
/// # Errors
///
/// What keeps the broker from serving, as one line for the operator.
pub(crate) fn run(sources: Sources) -> Result<(), String> {
    let config = sources.load().map_err(|problems| summary(&problems))?;
    let log = telemetry::start(&config.log, &config.data_dir)?;
    for ignored in &config.ignored {
        tracing::warn!("{ignored}");
    }
    let runtime =
        amqp_runtime().map_err(|error| format!("cannot start worker threads: {error}"))?;
    let sockets = {
        let _within = runtime.enter();
        Sockets::bind(&config)?
    };
    let broker = open(&config).map_err(|error| refusal(&error, &config.data_dir))?;
    warn_of_risks(&config);
    if let Some(reason) = &sockets.no_metrics {
        tracing::warn!("metrics are not served: {reason}");
    }
    definitions::load(&broker)?;
    let outcome = runtime.block_on(serve(sockets, sources, &config, &broker, log));
    // Still within the runtime's life: a second signal must be able to end a slow checkpoint.
    let closed = broker.close();
    runtime.shutdown_background();
    outcome?;
    closed.map_err(|error| format!("data is not checkpointed: {error}"))?;
    tracing::info!("stopped");
    Ok(())
}

/// How long to wait for a predecessor that was killed and is not quite gone: its threads end one
/// by one, a sync that is under way has to end first, and the last of them lets go of the directory.
const PREDECESSOR_MAX: Duration = Duration::from_secs(5);

/// Between two looks whether it is gone.
const PREDECESSOR_POLL: Duration = Duration::from_millis(10);

fn open(config: &Config) -> Result<Arc<Broker>, OpenError> {
    let patience = clock::now() + PREDECESSOR_MAX;
    loop {
        match Broker::open(config.broker.clone(), &config.data_dir) {
            Err(OpenError::InUse(_)) if clock::now() < patience => thread::sleep(PREDECESSOR_POLL),
            outcome => return outcome,
        }
    }
}

/// The first problem, and how to see the others.
fn summary(problems: &[Problem]) -> String {
    match problems {
        [] => String::new(),
        [only] => only.to_string(),
        [first, others @ ..] => {
            let others = others.len();
            format!("{first} (and {others} more: 'leveret config check' names them)")
        }
    }
}

/// Why the data directory can't be opened, and what there is to do.
pub(crate) fn refusal(error: &OpenError, data_dir: &Path) -> String {
    let dir = data_dir.display();
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
    if let Durability::Written { sync_every } = config.broker.durability {
        tracing::warn!(
            "leveret.power_loss_may_lose_ms: confirms do not wait for fdatasync, power loss may \
             lose what was confirmed in the last {} ms",
            sync_every.as_millis()
        );
    }
}

async fn serve(
    mut sockets: Sockets,
    sources: Sources,
    config: &Config,
    broker: &Arc<Broker>,
    log: Log,
) -> Result<(), String> {
    let failed = |error: std::io::Error| format!("cannot serve: {error}");
    let mut signals = Signals::listen().map_err(failed)?;
    let bound = sockets.addresses().map_err(failed)?;
    let limits = Limits::new(config);
    let _watch = Watch::start(broker, &config.data_dir, limits.clone()).map_err(failed)?;
    let _ticking = Ticking::start(broker).map_err(failed)?;
    let connections = Connections::new(connection_limit());
    let certificates = Certificates::of(&sockets, &bound);
    let info = info(config, &bound, &log, &certificates);
    let mut pages = sockets.web().map_err(failed)?;
    let (_local, listener) = LocalSocket::bind(&config.data_dir).unzip();
    pages.local = listener;
    let management = web::serve(Arc::clone(broker), pages, info).map_err(failed)?;
    // From here on clients can connect: after everything else.
    let listeners = accept(sockets, config, broker, &connections)?;
    let watching = tokio::spawn(Arc::clone(&certificates).watch());

    Banner {
        amqp: &bound.amqp,
        amqps: &bound.amqps,
        http: &bound.http,
        https: &bound.https,
        prometheus: &bound.prometheus,
        path_prefix: &config.management.path_prefix,
        data_dir: &config.data_dir,
    }
    .show();
    let started: Instant = config.broker.started;
    tracing::info!("started in {} ms", (clock::now() - started).as_millis());
    notify("READY=1");

    let mut reload = Reload::new(sources, config, log, limits, certificates);
    let outcome = loop {
        tokio::select! {
            word = signals.next() => match word {
                Word::Reload => reload.run(),
                Word::Stop(signal) => {
                    tracing::info!("{signal}: stopping with {} connections open", connections.len());
                    break Ok(());
                }
            },
            reason = store_failure(broker) => {
                break Err(format!("stopped, because the store failed: {reason}"));
            }
        }
    };
    notify("STOPPING=1");
    drop(tokio::spawn(async move {
        let signal = signals.stop().await;
        tracing::warn!("{signal} again: stopping at once");
        std::process::exit(1);
    }));
    watching.abort();
    listeners.iter().for_each(tokio::task::JoinHandle::abort);
    say_goodbye(&connections).await;
    // It has ended by itself if nobody receives this.
    let _ = management.send(());
    outcome
}

/// What the API shows.
fn info(
    config: &Config,
    bound: &Addresses,
    log: &Log,
    certificates: &Certificates,
) -> management::Info {
    management::Info {
        amqp_listeners: bound.amqp.clone(),
        amqp_tls_listeners: bound.amqps.clone(),
        management_listeners: bound.http.clone(),
        management_tls_listeners: bound.https.clone(),
        prometheus_listeners: bound.prometheus.clone(),
        path_prefix: config.management.path_prefix.clone(),
        cors: config.management.cors(),
        headers: config.management.headers.clone(),
        operator_policies_fixed: config.management.operator_policies_fixed,
        replicas_fixed: config.management.replicas_fixed,
        settings: shown(config),
        config_files: config.files.clone(),
        log_file: telemetry::path(&config.log, &config.data_dir),
        log: Arc::clone(&log.ring),
        certificates: certificates.shown(),
        ..management::Info::new(config.data_dir.clone(), clock::now)
    }
}

/// The settings in effect, for the API.
fn shown(config: &Config) -> Vec<(String, String)> {
    let settings = config.effective.iter();
    settings
        .map(|written| (written.key.clone(), written.shown().to_owned()))
        .collect()
}

/// Lets AMQP clients in.
fn accept(
    sockets: Sockets,
    config: &Config,
    broker: &Arc<Broker>,
    connections: &Arc<Connections>,
) -> Result<Vec<tokio::task::JoinHandle<()>>, String> {
    let plain = Entrance {
        proxy_protocol: config.proxy_protocol,
        tls: None,
        login_from: config.login_from,
        time_max: config.ssl_handshake_timeout,
    };
    let secure = Entrance {
        tls: sockets.amqp_tls,
        ..plain.clone()
    };
    let (amqp, amqps) = (listen(sockets.amqp)?, listen(sockets.amqps)?);
    let plain = amqp.into_iter().map(|socket| (socket, plain.clone()));
    let secure = amqps.into_iter().map(|socket| (socket, secure.clone()));
    let all = plain
        .chain(secure)
        .map(|(socket, entrance)| {
            let (broker, connections) = (Arc::clone(broker), Arc::clone(connections));
            tokio::spawn(listener::accept(socket, entrance, broker, connections))
        })
        .collect();
    Ok(all)
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
fn amqp_runtime() -> std::io::Result<Runtime> {
    let workers = thread::available_parallelism().map_or(1, NonZero::get);
    Builder::new_multi_thread()
        .worker_threads(workers)
        .thread_name("amqp")
        .enable_all()
        .build()
}

/// As many connections as there are file descriptors for, once the soft limit is raised to the
/// hard one: the usual soft limit of 1,024 is for programs that call `select`.
fn connection_limit() -> usize {
    let descriptors = rlimit::increase_nofile_limit(u64::MAX).unwrap_or(1024);
    let spare = descriptors.saturating_sub(DESCRIPTORS_RESERVED).max(1);
    usize::try_from(spare).unwrap_or(CONNECTIONS_MAX)
}
