//! Serving: the listeners, the sampler, and the end of both.

use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use broker::Broker;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Interval, MissedTickBehavior, interval, timeout};

use crate::context::{Context, Info};
use crate::listener::{Bounded, Insider, Local, Peer, Socket, places};
use crate::metrics;
use crate::rates::SAMPLE_EVERY;
use crate::router::{Routes, router};

/// How long answers under way may take once shutdown has begun.
const DRAIN_MAX: Duration = Duration::from_secs(1);

/// Bound sockets, each for one kind of answer.
#[derive(Default)]
pub struct Sockets {
    /// The API and the dashboard.
    pub management: Vec<Socket>,
    /// Prometheus.
    pub prometheus: Vec<Socket>,
    /// The API for whoever can reach it, as an administrator.
    pub local: Option<std::os::unix::net::UnixListener>,
}

/// Serves the API and the dashboard on bound sockets until `shutdown` is ready. Calls `ready` when
/// it has all that it needs to answer, which takes a few milliseconds.
///
/// Needs a tokio runtime with I/O and time; a current-thread one of its own is meant for it.
///
/// # Errors
/// A socket that tokio can't take over.
pub async fn serve(
    broker: Arc<Broker>,
    sockets: Sockets,
    info: Info,
    routes: Routes,
    ready: impl FnOnce(),
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let context = Context::new(broker, info);
    let app = router(Arc::clone(&context), routes);
    let places = places();
    let (stop, stopped) = watch::channel(());
    let mut tasks = JoinSet::new();
    let scraped = metrics::routes(Arc::clone(&context));
    if let Some(listener) = sockets.local {
        let listener = Local::new(listener, Arc::clone(&places))?;
        tasks.spawn(listen_locally(listener, app.clone(), stopped.clone()));
    }
    for (sockets, app) in [(sockets.management, app), (sockets.prometheus, scraped)] {
        for socket in sockets {
            let listener = Bounded::new(socket, Arc::clone(&places))?;
            tasks.spawn(listen(listener, app.clone(), stopped.clone()));
        }
    }
    let mut ticks = interval(SAMPLE_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    // At once, not by the first tick: a timer takes a millisecond at least.
    ticks.reset();
    context.sample();
    ready();
    let sampler = tokio::spawn(sample(context, ticks));
    shutdown.await;
    sampler.abort();
    drop(stop);
    // Whoever is still being answered then is cut off with the runtime.
    let _ = timeout(DRAIN_MAX, tasks.join_all()).await;
    Ok(())
}

async fn listen(listener: Bounded, app: Router, mut stopped: watch::Receiver<()>) {
    let service = app.into_make_service_with_connect_info::<Peer>();
    let served = axum::serve(listener, service).with_graceful_shutdown(async move {
        // An error means that the sender is gone, which is the signal.
        let _ = stopped.changed().await;
    });
    if let Err(error) = served.await {
        tracing::error!(%error, "a management listener stopped");
    }
}

async fn listen_locally(listener: Local, app: Router, mut stopped: watch::Receiver<()>) {
    let service = app.into_make_service_with_connect_info::<Insider>();
    let served = axum::serve(listener, service).with_graceful_shutdown(async move {
        let _ = stopped.changed().await;
    });
    if let Err(error) = served.await {
        tracing::error!(%error, "the local listener stopped");
    }
}

async fn sample(context: Arc<Context>, mut ticks: Interval) {
    loop {
        ticks.tick().await;
        context.sample();
    }
}
