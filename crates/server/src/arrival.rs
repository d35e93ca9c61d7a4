//! Between accept and the first byte of AMQP: the PROXY header and the TLS handshake.

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use broker::{Broker, TlsInfo};
use session::Peer;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::config::LoginFrom;
use crate::connection::Driver;
use crate::connections::{Seat, Stage};
use crate::proxy::{self, Ends};
use crate::tls::{Tls, negotiated};

/// What clients of one kind of listener do before they speak AMQP.
#[derive(Clone)]
pub(crate) struct Entrance {
    /// They come with a PROXY header.
    pub(crate) proxy_protocol: bool,
    /// They speak TLS.
    pub(crate) tls: Option<Arc<Tls>>,
    /// The user name in their certificates.
    pub(crate) login_from: LoginFrom,
    /// Time for all of that.
    pub(crate) time_max: Duration,
}

impl Entrance {
    /// There is nothing to be done.
    pub(crate) fn is_open(&self) -> bool {
        !self.proxy_protocol && self.tls.is_none()
    }
}

/// A client that has been accepted.
pub(crate) struct Arrival {
    pub(crate) stream: TcpStream,
    pub(crate) ends: Ends,
    pub(crate) seat: Seat,
    pub(crate) broker: Arc<Broker>,
}

/// What it speaks AMQP through.
enum Passed {
    Plain(TcpStream),
    /// Its state is large, and most of a connection's life is spent behind it.
    Secure(Box<TlsStream<TcpStream>>),
}

impl Arrival {
    /// Its connection, which begins with AMQP.
    pub(crate) fn into_driver(self) -> Driver<TcpStream> {
        let Self {
            stream,
            ends,
            seat,
            broker,
        } = self;
        let peer = peer(ends, is_local(ends.source), None);
        Driver::new(stream, ends.source, peer, seat, broker)
    }

    /// Lets the client through `entrance` and drives its connection to its end.
    pub(crate) async fn enter(self, entrance: Entrance) {
        let Self {
            stream,
            mut ends,
            mut seat,
            broker,
        } = self;
        let address = ends.source;
        let passing = timeout(entrance.time_max, pass(stream, &entrance));
        let passed = tokio::select! {
            passed = passing => passed,
            () = leaving(&mut seat) => return,
        };
        let (passed, proxied) = match passed {
            Ok(Ok(passed)) => passed,
            Ok(Err(error)) => {
                tracing::info!(peer = %address, "connection refused: {error}");
                return;
            }
            Err(_) => {
                tracing::info!(peer = %address, "connection refused: the handshake took too long");
                return;
            }
        };
        // Whoever is to count as local must be so by both accounts.
        let mut loopback = is_local(address);
        if let Some(proxied) = proxied {
            ends = proxied;
            loopback &= is_local(ends.source);
        }
        match passed {
            Passed::Plain(stream) => {
                let peer = peer(ends, loopback, None);
                Driver::new(stream, ends.source, peer, seat, broker).await;
            }
            Passed::Secure(stream) => {
                let tls = negotiated(stream.get_ref().1, entrance.login_from);
                let peer = peer(ends, loopback, Some(Arc::new(tls)));
                Driver::new(stream, ends.source, peer, seat, broker).await;
            }
        }
    }
}

async fn pass(mut stream: TcpStream, entrance: &Entrance) -> io::Result<(Passed, Option<Ends>)> {
    let mut proxied = None;
    if entrance.proxy_protocol {
        proxied = proxy::read(&mut stream).await?;
    }
    let Some(tls) = &entrance.tls else {
        return Ok((Passed::Plain(stream), proxied));
    };
    let accepted = TlsAcceptor::from(tls.config()).accept(stream).await;
    let stream = accepted
        .map_err(|error| io::Error::new(error.kind(), format!("TLS handshake failed: {error}")))?;
    Ok((Passed::Secure(Box::new(stream)), proxied))
}

/// Ready when the broker stops.
async fn leaving(seat: &mut Seat) {
    poll_fn(|cx| match seat.stage(cx) {
        Stage::Serving => Poll::Pending,
        Stage::Closing | Stage::Aborting => Poll::Ready(()),
    })
    .await;
}

fn is_local(address: SocketAddr) -> bool {
    address.ip().to_canonical().is_loopback()
}

/// Addresses as the session wants them. A dual-stack listener shows IPv4 clients as IPv6 ones
/// (`::ffff:127.0.0.1`), which are neither loopback nor what an operator looks for.
fn peer(ends: Ends, loopback: bool, tls: Option<Arc<TlsInfo>>) -> Peer {
    let [peer, local] = [ends.source, ends.destination].map(|end| end.ip().to_canonical());
    Peer {
        host: peer.to_string(),
        port: ends.source.port(),
        local_host: local.to_string(),
        local_port: ends.destination.port(),
        loopback,
        tls,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ipv4_client_of_a_dual_stack_listener_is_shown_as_ipv4() {
        let ends = Ends {
            source: "[::ffff:127.0.0.1]:9".parse().unwrap(),
            destination: "[::ffff:10.0.0.1]:5672".parse().unwrap(),
        };
        let peer = peer(ends, is_local(ends.source), None);
        assert_eq!(peer.to_string(), "127.0.0.1:9 -> 10.0.0.1:5672");
        assert!(peer.loopback);
    }
}
