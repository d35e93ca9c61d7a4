//! What every handler is given.

use std::future::poll_fn;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::task::Context as TaskContext;
use std::time::{Duration, Instant};

use broker::{Broker, Commits, Ticket};
use tokio::time::timeout;

use crate::error::ApiError;
use crate::rates::Rates;

/// How long a request waits for the disk before it is told that nobody knows. RabbitMQ gives its
/// own publishes five seconds; a slow disk deserves more.
pub(crate) const COMMIT_WAIT_MAX: Duration = Duration::from_secs(30);

/// What the server knows and the API shows.
#[derive(Clone, Debug)]
pub struct Info {
    /// Bound AMQP sockets.
    pub amqp_listeners: Vec<SocketAddr>,
    /// Bound sockets of this API.
    pub management_listeners: Vec<SocketAddr>,
    /// Bound sockets of the metrics.
    pub prometheus_listeners: Vec<SocketAddr>,
    /// Where the store is.
    pub data_dir: PathBuf,
    /// The present. Only the server asks the operating system for it.
    pub clock: fn() -> Instant,
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
