//! What every handler is given.

use std::future::poll_fn;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::task::Context as TaskContext;
use std::time::{Duration, Instant};

use broker::{Broker, Commits, Ticket};
use tokio::sync::watch;
use tokio::time::timeout;

use crate::cors::Cors;
use crate::error::ApiError;
use crate::log_ring::LogRing;
use crate::rates::Rates;

/// How long a request waits for the disk before it is told that nobody knows. RabbitMQ gives its
/// own publishes five seconds; a slow disk deserves more.
pub(crate) const COMMIT_WAIT_MAX: Duration = Duration::from_secs(30);

/// What the server knows and the API shows.
#[derive(Clone, Debug)]
pub struct Info {
    /// Bound AMQP sockets.
    pub amqp_listeners: Vec<SocketAddr>,
    /// Bound AMQP sockets with TLS.
    pub amqp_tls_listeners: Vec<SocketAddr>,
    /// Bound sockets of this API.
    pub management_listeners: Vec<SocketAddr>,
    /// Bound sockets of this API with TLS.
    pub management_tls_listeners: Vec<SocketAddr>,
    /// What every path begins with: empty, or `/prefix`.
    pub path_prefix: String,
    /// Bound sockets of the metrics.
    pub prometheus_listeners: Vec<SocketAddr>,
    /// Where the store is.
    pub data_dir: PathBuf,
    /// Settings in effect by key, secrets masked.
    pub settings: Vec<(String, String)>,
    /// Files that settings were read from.
    pub config_files: Vec<PathBuf>,
    /// Where log lines are written to, besides standard error.
    pub log_file: Option<PathBuf>,
    /// The last lines of the log.
    pub log: Arc<LogRing>,
    /// The certificates of all listeners with TLS, as they are now.
    pub certificates: watch::Receiver<Vec<ListenerCertificate>>,
    /// Pages of other origins that may use the API.
    pub cors: Cors,
    /// Headers of every answer, in place of the usual ones, by name.
    pub headers: Vec<(&'static str, String)>,
    /// Nobody may change operator policies through the API.
    pub operator_policies_fixed: bool,
    /// Nobody may add or remove replicas through the API.
    pub replicas_fixed: bool,
    /// The present. Only the server asks the operating system for it.
    pub clock: fn() -> Instant,
}

impl Info {
    /// A server without listeners, whose store is in `data_dir`.
    #[must_use]
    pub fn new(data_dir: PathBuf, clock: fn() -> Instant) -> Self {
        Self {
            amqp_listeners: Vec::new(),
            amqp_tls_listeners: Vec::new(),
            management_listeners: Vec::new(),
            management_tls_listeners: Vec::new(),
            prometheus_listeners: Vec::new(),
            path_prefix: String::new(),
            data_dir,
            settings: Vec::new(),
            config_files: Vec::new(),
            log_file: None,
            log: Arc::default(),
            certificates: watch::channel(Vec::new()).1,
            cors: Cors::default(),
            headers: Vec::new(),
            operator_policies_fixed: false,
            replicas_fixed: false,
            clock,
        }
    }
}

/// The certificate of one listener.
#[derive(Clone, Debug)]
pub struct ListenerCertificate {
    /// `amqp/ssl` or `https`.
    pub protocol: &'static str,
    /// Where it listens.
    pub address: SocketAddr,
    /// The file that it is from.
    pub certfile: String,
    /// When it expires, in seconds of the epoch.
    pub certfile_expires_s: u64,
    /// The file of the authorities.
    pub cacertfile: Option<String>,
    /// When the first of these expires.
    pub cacertfile_expires_s: Option<u64>,
}

/// The broker and what is known about it.
pub(crate) struct Context {
    pub(crate) broker: Arc<Broker>,
    pub(crate) info: Info,
    pub(crate) rates: Rates,
}

impl Context {
    pub(crate) fn new(broker: Arc<Broker>, info: Info) -> Arc<Self> {
        Arc::new(Self {
            broker,
            info,
            rates: Rates::new(),
        })
    }

    /// Milliseconds of the wall clock since the epoch.
    pub(crate) fn now_ms(&self) -> u64 {
        self.broker.wall_clock_ms((self.info.clock)())
    }

    /// Milliseconds since the broker started.
    pub(crate) fn uptime_ms(&self) -> u64 {
        self.now_ms()
            .saturating_sub(self.broker.settings().started_ms)
    }

    /// Looks at every counter.
    pub(crate) fn sample(&self) {
        self.rates.sample(&self.broker, self.now_ms());
    }

    /// Waits until a change is safe, so that what the client is told survives a crash.
    pub(crate) async fn committed(&self, ticket: Option<Ticket>) -> Result<(), ApiError> {
        let Some(ticket) = ticket else { return Ok(()) };
        // Waiters are told apart by connection number; a request takes one for its short life.
        let commits = self.broker.commits();
        let key = self.broker.next_connection_id().0;
        let _waiter = Waiter { commits, key };
        let committed = poll_fn(|cx: &mut TaskContext<'_>| commits.poll_committed(cx, key, ticket));
        match timeout(COMMIT_WAIT_MAX, committed).await {
            Ok(_) => Ok(()),
            Err(_) => Err(ApiError::bad_request("confirm_timeout")),
        }
    }
}

/// Somebody who waits for a commit. A client may go away before it comes.
struct Waiter<'a> {
    commits: &'a Commits,
    key: u64,
}

impl Drop for Waiter<'_> {
    fn drop(&mut self) {
        self.commits.forget(self.key);
    }
}
