//! The way down: a signal, a goodbye to every client, a bounded wait.

use std::future::poll_fn;
use std::io;
use std::task::Poll;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::connections::{Connections, Stage};

/// How long clients may take to answer connection.close. The whole of a shutdown has five seconds.
const GOODBYE_TIME_MAX: Duration = Duration::from_secs(3);

/// How long ended connections may take to return their messages.
const ABORT_TIME_MAX: Duration = Duration::from_millis(500);

/// What the operator can say to the process.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Word {
    /// Stop: SIGTERM or SIGINT, by name.
    Stop(&'static str),
    /// SIGHUP: read the settings again.
    Reload,
}

/// The signals that mean something.
pub(crate) struct Signals {
    term: Signal,
    int: Signal,
    hup: Signal,
}

impl Signals {
    /// Takes the signals over from their default action.
    ///
    /// # Errors
    ///
    /// The system refuses.
    pub(crate) fn listen() -> io::Result<Self> {
        Ok(Self {
            term: signal(SignalKind::terminate())?,
            int: signal(SignalKind::interrupt())?,
            hup: signal(SignalKind::hangup())?,
        })
    }

    /// What the next one that arrives means.
    pub(crate) async fn next(&mut self) -> Word {
        poll_fn(|cx| {
            if self.term.poll_recv(cx).is_ready() {
                return Poll::Ready(Word::Stop("SIGTERM"));
            }
            if self.int.poll_recv(cx).is_ready() {
                return Poll::Ready(Word::Stop("SIGINT"));
            }
            self.hup.poll_recv(cx).map(|_| Word::Reload)
        })
        .await
    }

    /// The name of the next one that means to stop.
    pub(crate) async fn stop(&mut self) -> &'static str {
        loop {
            if let Word::Stop(signal) = self.next().await {
                return signal;
            }
        }
    }
}

/// Sends every client away with 320 CONNECTION_FORCED, then drops those that do not go.
pub(crate) async fn say_goodbye(connections: &Connections) {
    let empty = || poll_fn(|cx| connections.poll_empty(cx));
    connections.enter(Stage::Closing);
    if tokio::time::timeout(GOODBYE_TIME_MAX, empty())
        .await
        .is_ok()
    {
        return;
    }
    tracing::warn!(
        "{} clients did not answer and are dropped",
        connections.len()
    );
    connections.enter(Stage::Aborting);
    if tokio::time::timeout(ABORT_TIME_MAX, empty()).await.is_err() {
        tracing::warn!("{} connections are stuck", connections.len());
    }
}
