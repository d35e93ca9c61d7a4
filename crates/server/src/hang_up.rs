//! Noticing that a client has gone without reading what it sent before.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use tokio::io::Interest;
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

/// Time between two looks at the socket of a client that is not read, as an alarm blocks it.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// A stream that can tell that nothing more will come behind what has not been read.
pub(crate) trait HangUp {
    /// The other side has closed the stream, or it has failed. May be wrong for a moment.
    fn has_hung_up(&self, cx: &mut Context<'_>) -> bool;
}

impl HangUp for TcpStream {
    fn has_hung_up(&self, cx: &mut Context<'_>) -> bool {
        // The runtime keeps what the system said last of the socket; nothing is asked or read.
        let ready = pin!(self.ready(Interest::READABLE));
        matches!(ready.poll(cx), Poll::Ready(Ok(ready)) if ready.is_read_closed())
    }
}

impl HangUp for Box<TlsStream<TcpStream>> {
    fn has_hung_up(&self, cx: &mut Context<'_>) -> bool {
        self.get_ref().0.has_hung_up(cx)
    }
}

#[cfg(test)]
impl HangUp for tokio::io::DuplexStream {
    fn has_hung_up(&self, _: &mut Context<'_>) -> bool {
        false
    }
}

/// When to look at the socket of a client that is blocked.
#[derive(Debug, Default)]
pub(crate) struct Lookout {
    next: Option<Instant>,
}

impl Lookout {
    /// Starts, goes on or ends, and says when the next look is due.
    pub(crate) fn watch(&mut self, blocked: bool, now: Instant) -> Option<Instant> {
        let next = blocked.then(|| self.next.unwrap_or(now + LOOK_EVERY));
        self.next = next;
        next
    }

    /// Whether a look is due now; the next one is not before [`LOOK_EVERY`] is over.
    pub(crate) fn is_due(&mut self, now: Instant) -> bool {
        let due = self.next.is_some_and(|next| next <= now);
        if due {
            self.next = Some(now + LOOK_EVERY);
        }
        due
    }
}
