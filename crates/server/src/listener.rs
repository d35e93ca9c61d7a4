//! Listening sockets: bound before anything else, listening once the broker can answer.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use broker::Broker;
use tokio::net::{TcpListener, TcpSocket, TcpStream};

use crate::arrival::{Arrival, Entrance};
use crate::clock;
use crate::config::Listen;
use crate::connections::Connections;
use crate::proxy::Ends;

/// First pause after a failed accept (no descriptors left, mostly); doubled up to the last.
const BACKOFF_FIRST: Duration = Duration::from_millis(10);

/// Longest pause after a failed accept.
const BACKOFF_LAST: Duration = Duration::from_secs(1);

/// Connections that may wait to be accepted. A thousand clients that come back at once after a
/// restart are admitted without a retry a second later; the system caps it (`somaxconn`).
const BACKLOG: u32 = 4096;

/// How long an address in use right after the start is waited for: a predecessor that was killed
/// may still be on its way out.
const IN_USE_TIME_MAX: Duration = Duration::from_secs(2);

/// Pause between two attempts to bind.
const IN_USE_PAUSE: Duration = Duration::from_millis(50);

/// Tries an address that was in use again, until [`IN_USE_TIME_MAX`] has passed. Blocks; for the
/// start. Needs the runtime's context.
///
/// # Errors
///
/// The address is still in use, or something else is wrong with it.
pub(crate) fn bind_again(listen: Listen) -> io::Result<TcpSocket> {
    let until = clock::now() + IN_USE_TIME_MAX;
    loop {
        match bind(listen) {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse && clock::now() < until => {
                std::thread::sleep(IN_USE_PAUSE);
            }
            bound => return bound,
        }
    }
}

/// Binds one address, with `SO_REUSEADDR` so that a restart does not wait for old connections.
/// Nobody can connect before [`listen`]. Needs the runtime's context.
///
/// # Errors
///
/// The address is in use, not of this machine, or not allowed.
pub(crate) fn bind(listen: Listen) -> io::Result<TcpSocket> {
    match listen {
        Listen::At(address) => bind_one(address),
        // A machine without IPv6 refuses the first; a port in use is refused by both.
        Listen::Everywhere(port) => bind_one((Ipv6Addr::UNSPECIFIED, port).into())
            .or_else(|_| bind_one((Ipv4Addr::UNSPECIFIED, port).into())),
    }
}

fn bind_one(address: SocketAddr) -> io::Result<TcpSocket> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    Ok(socket)
}

/// Lets clients connect. Needs the runtime's context.
///
/// # Errors
///
/// Another process, which had bound the address at the same time, was faster.
pub(crate) fn listen(socket: TcpSocket) -> io::Result<TcpListener> {
    socket.listen(BACKLOG)
}

/// Accepts connections for as long as the task lives.
pub(crate) async fn accept(
    listener: TcpListener,
    entrance: Entrance,
    broker: Arc<Broker>,
    connections: Arc<Connections>,
) {
    let mut backoff = BACKOFF_FIRST;
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                backoff = BACKOFF_FIRST;
                serve(stream, peer, &entrance, &broker, &connections);
            }
            // The client gave up while it waited in the backlog.
            Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
            Err(error) => {
                tracing::warn!("cannot accept a connection: {error}");
                tokio::time::sleep(backoff).await;
                backoff = (backoff * 2).min(BACKOFF_LAST);
            }
        }
    }
}

fn serve(
    stream: TcpStream,
    peer: SocketAddr,
    entrance: &Entrance,
    broker: &Arc<Broker>,
    connections: &Arc<Connections>,
) {
    let Some(seat) = connections.admit() else {
        tracing::warn!(%peer, "connection refused: {} of {} are open", connections.len(), connections.limit());
        return;
    };
    // Small frames leave at once; the session does the batching. Either fails only on a socket
    // that is already gone, and the first read finds that out.
    let _ = stream.set_nodelay(true);
    let Ok(local) = stream.local_addr() else {
        return;
    };
    let arrival = Arrival {
        stream,
        ends: Ends {
            source: peer,
            destination: local,
        },
        seat,
        broker: Arc::clone(broker),
    };
    drop(if entrance.is_open() {
        tokio::spawn(arrival.into_driver())
    } else {
        tokio::spawn(arrival.enter(entrance.clone()))
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_port_in_use_is_refused() {
        let first = bind(Listen::At(SocketAddr::from(([127, 0, 0, 1], 0)))).unwrap();
        let first = listen(first).unwrap();
        let error = bind(Listen::At(first.local_addr().unwrap())).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
    }

    #[tokio::test]
    async fn everywhere_takes_ipv4_clients() {
        let listener = listen(bind(Listen::Everywhere(0)).unwrap()).unwrap();
        let port = listener.local_addr().unwrap().port();
        assert!(std::net::TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok());
    }

    #[tokio::test]
    async fn nobody_can_connect_before_the_broker_listens() {
        let bound = bind(Listen::At(SocketAddr::from(([127, 0, 0, 1], 0)))).unwrap();
        let address = bound.local_addr().unwrap();
        let refused = std::net::TcpStream::connect(address).unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
        let _listening = listen(bound).unwrap();
        assert!(std::net::TcpStream::connect(address).is_ok());
    }

    #[tokio::test]
    async fn of_two_that_bind_at_the_same_time_one_listens() {
        let first = bind(Listen::At(SocketAddr::from(([127, 0, 0, 1], 0)))).unwrap();
        let second = bind(Listen::At(first.local_addr().unwrap())).unwrap();
        let _listening = listen(first).unwrap();
        let error = listen(second).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
    }

    #[tokio::test]
    async fn a_port_in_use_everywhere_is_refused() {
        let first = listen(bind(Listen::Everywhere(0)).unwrap()).unwrap();
        let error = bind(Listen::Everywhere(first.local_addr().unwrap().port())).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
    }
}
