//! The sockets that HTTP clients come in by: how many at once, and how long they may be silent.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, Sleep, sleep};
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::server::TlsStream;
use tokio_rustls::{Accept, TlsAcceptor};

/// HTTP connections at the same time, over all listeners; further ones wait in the backlog.
/// A page holds a handful, a monitoring system one or two.
pub const HTTP_CONNECTIONS_MAX: usize = 512;

/// How long a connection may move no byte in either direction before it is closed: idle
/// keep-alive connections and clients that never finish a request.
pub const HTTP_SILENCE_MAX: Duration = Duration::from_secs(60);

/// How long to wait after a failed accept: the process is out of file descriptors, which passes.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// The address of an HTTP client.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer(pub(crate) SocketAddr);

/// What a new connection with TLS speaks, as it is now.
pub type TlsSource = Arc<dyn Fn() -> Arc<ServerConfig> + Send + Sync>;

/// A bound socket that HTTP is served on.
pub struct Socket {
    /// The socket.
    pub listener: std::net::TcpListener,
    /// Its TLS, if it has any.
    pub tls: Option<TlsSource>,
}

/// The local socket, which only those can reach who may enter its directory.
pub(crate) struct Local {
    listener: UnixListener,
    places: Arc<Semaphore>,
}

/// Somebody who came by the local socket.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Insider;

/// A listener that shares its bound on connections with others.
pub(crate) struct Bounded {
    listener: TcpListener,
    tls: Option<TlsSource>,
    places: Arc<Semaphore>,
}

/// A connection that holds one of the places, until it is dropped.
pub(crate) struct Stream {
    stream: Wire,
    silence: Pin<Box<Sleep>>,
    _place: OwnedSemaphorePermit,
}

/// How bytes come and go. A handshake is a part of the first read, so that a slow one keeps
/// nobody from being accepted.
enum Wire {
    Plain(TcpStream),
    Local(UnixStream),
    Handshake(Box<Accept<TcpStream>>),
    Secure(Box<TlsStream<TcpStream>>),
}

/// The places that all listeners share.
pub(crate) fn places() -> Arc<Semaphore> {
    Arc::new(Semaphore::new(HTTP_CONNECTIONS_MAX))
}

/// A place for one more connection, once there is one.
async fn place(places: &Arc<Semaphore>) -> OwnedSemaphorePermit {
    match Arc::clone(places).acquire_owned().await {
        Ok(place) => place,
        // Nobody closes the semaphore; if somebody did, nobody comes in any more.
        Err(_) => std::future::pending().await,
    }
}

/// The next connection, however often accepting fails before.
async fn accepted<T, F>(accept: impl Fn() -> F) -> T
where
    F: Future<Output = io::Result<T>>,
{
    loop {
        match accept().await {
            Ok(accepted) => return accepted,
            Err(error) => {
                tracing::warn!(%error, "cannot accept a management connection");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

impl Bounded {
    /// Takes over a bound socket. Needs a tokio runtime.
    pub(crate) fn new(socket: Socket, places: Arc<Semaphore>) -> io::Result<Self> {
        socket.listener.set_nonblocking(true)?;
        Ok(Self {
            listener: TcpListener::from_std(socket.listener)?,
            tls: socket.tls,
            places,
        })
    }
}

impl Listener for Bounded {
    type Io = Stream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Stream, SocketAddr) {
        let place = place(&self.places).await;
        let listener = &self.listener;
        let (stream, address) = accepted(|| listener.accept()).await;
        // Answers are written whole; waiting for more to send only delays them.
        let _ = stream.set_nodelay(true);
        let wire = match &self.tls {
            None => Wire::Plain(stream),
            Some(tls) => Wire::Handshake(Box::new(TlsAcceptor::from(tls()).accept(stream))),
        };
        (Stream::new(wire, place), address)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

impl Wire {
    /// Ready once bytes can come and go.
    fn poll_through(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if let Self::Handshake(accepting) = self {
            let stream = ready!(Pin::new(accepting).poll(cx))?;
            *self = Self::Secure(Box::new(stream));
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(this.poll_through(cx))?;
        match this {
            Self::Plain(stream) => Pin::new(stream).poll_read(cx, buf),
            Self::Local(stream) => Pin::new(stream).poll_read(cx, buf),
            Self::Secure(stream) => Pin::new(stream).poll_read(cx, buf),
            Self::Handshake(_) => Poll::Pending,
        }
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[io::IoSlice::new(buf)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        ready!(this.poll_through(cx))?;
        match this {
            Self::Plain(stream) => Pin::new(stream).poll_write_vectored(cx, bufs),
            Self::Local(stream) => Pin::new(stream).poll_write_vectored(cx, bufs),
            Self::Secure(stream) => Pin::new(stream).poll_write_vectored(cx, bufs),
            Self::Handshake(_) => Poll::Pending,
        }
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Self::Local(stream) => Pin::new(stream).poll_flush(cx),
            Self::Secure(stream) => Pin::new(stream).poll_flush(cx),
            Self::Handshake(_) => Poll::Ready(Ok(())),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Local(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Secure(stream) => Pin::new(stream).poll_shutdown(cx),
            // It is given up.
            Self::Handshake(_) => Poll::Ready(Ok(())),
        }
    }
}

impl Local {
    /// Takes over a bound socket. Needs a tokio runtime.
    pub(crate) fn new(
        listener: std::os::unix::net::UnixListener,
        places: Arc<Semaphore>,
    ) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        Ok(Self {
            listener: UnixListener::from_std(listener)?,
            places,
        })
    }
}

impl Listener for Local {
    type Io = Stream;
    type Addr = Insider;

    async fn accept(&mut self) -> (Stream, Insider) {
        let place = place(&self.places).await;
        let listener = &self.listener;
        let (stream, _) = accepted(|| listener.accept()).await;
        (Stream::new(Wire::Local(stream), place), Insider)
    }

    fn local_addr(&self) -> io::Result<Insider> {
        Ok(Insider)
    }
}

impl Connected<IncomingStream<'_, Local>> for Insider {
    fn connect_info(_: IncomingStream<'_, Local>) -> Self {
        Self
    }
}

impl Connected<IncomingStream<'_, Bounded>> for Peer {
    fn connect_info(incoming: IncomingStream<'_, Bounded>) -> Self {
        Self(*incoming.remote_addr())
    }
}

impl Stream {
    fn new(stream: Wire, place: OwnedSemaphorePermit) -> Self {
        Self {
            stream,
            silence: Box::pin(sleep(HTTP_SILENCE_MAX)),
            _place: place,
        }
    }

    /// Passes an outcome on and moves the deadline when bytes moved; fails when it has passed.
    fn heard<T>(
        &mut self,
        cx: &mut Context<'_>,
        outcome: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if outcome.is_ready() {
            self.silence
                .as_mut()
                .reset(Instant::now() + HTTP_SILENCE_MAX);
            return outcome;
        }
        match self.silence.as_mut().poll(cx) {
            Poll::Ready(()) => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let outcome = Pin::new(&mut this.stream).poll_read(cx, buf);
        this.heard(cx, outcome)
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let outcome = Pin::new(&mut this.stream).poll_write(cx, buf);
        this.heard(cx, outcome)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let outcome = Pin::new(&mut this.stream).poll_write_vectored(cx, bufs);
        this.heard(cx, outcome)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}
