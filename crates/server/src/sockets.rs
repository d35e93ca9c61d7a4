//! Every socket that clients connect to, bound before anything else is done.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use broker::OpenError;
use tokio::net::{TcpListener, TcpSocket};

use crate::config::{Config, Listen, Origin};
use crate::listener;
use crate::serve::refusal;
use crate::tls::Tls;

/// Bound, not yet accepting. Those for AMQP do not listen either: a client that can connect finds
/// a broker that answers, and no part of it that has still to be built.
pub(crate) struct Sockets {
    pub(crate) amqp: Vec<TcpSocket>,
    pub(crate) amqps: Vec<TcpSocket>,
    /// What `amqps` speaks.
    pub(crate) amqp_tls: Option<Arc<Tls>>,
    http: Vec<TcpListener>,
    https: Vec<TcpListener>,
    /// What `https` speaks.
    pub(crate) http_tls: Option<Arc<Tls>>,
    prometheus: Vec<TcpListener>,
    /// Why metrics are not served, though nobody said that they should not be.
    pub(crate) no_metrics: Option<String>,
}

/// Where they are.
#[derive(Clone, Debug)]
pub(crate) struct Addresses {
    pub(crate) amqp: Vec<SocketAddr>,
    pub(crate) amqps: Vec<SocketAddr>,
    pub(crate) http: Vec<SocketAddr>,
    pub(crate) https: Vec<SocketAddr>,
    pub(crate) prometheus: Vec<SocketAddr>,
}

impl Sockets {
    /// Binds all that are configured, and reads the certificates that they need. Needs the
    /// runtime's context.
    ///
    /// # Errors
    ///
    /// An address that is in use or not ours, or a certificate that cannot be used.
    pub(crate) fn bind(config: &Config) -> Result<Self, String> {
        let amqp = config.amqp.iter().map(|(_, listen)| *listen);
        let amqps = config.amqps.iter().map(|(_, listen)| *listen);
        let https = config.management.secure();
        let amqp_tls = if config.amqps.is_empty() {
            None
        } else {
            let loaded = Tls::load(&config.tls, &[]);
            Some(loaded.map_err(|error| format!("ssl_options: {error}"))?)
        };
        let http_tls = match https {
            None => None,
            Some(_) => {
                let loaded = Tls::load(&config.management.tls, &["http/1.1"]);
                Some(loaded.map_err(|error| format!("management.ssl: {error}"))?)
            }
        };
        let (prometheus, no_metrics) = metrics(config)?;
        Ok(Self {
            amqp: bind(config, amqp)?,
            amqps: bind(config, amqps)?,
            amqp_tls,
            http: listening(config, config.management.plain())?,
            https: listening(config, https)?,
            http_tls,
            prometheus,
            no_metrics,
        })
    }

    /// Where they are.
    ///
    /// # Errors
    ///
    /// The system does not say.
    pub(crate) fn addresses(&self) -> io::Result<Addresses> {
        let bound = |sockets: &[TcpSocket]| {
            let addresses = sockets.iter().map(TcpSocket::local_addr);
            addresses.collect::<io::Result<Vec<SocketAddr>>>()
        };
        let of = |sockets: &[TcpListener]| {
            let addresses = sockets.iter().map(TcpListener::local_addr);
            addresses.collect::<io::Result<Vec<SocketAddr>>>()
        };
        Ok(Addresses {
            amqp: bound(&self.amqp)?,
            amqps: bound(&self.amqps)?,
            http: of(&self.http)?,
            https: of(&self.https)?,
            prometheus: of(&self.prometheus)?,
        })
    }

    /// Those that HTTP is served on, for its own runtime.
    ///
    /// # Errors
    ///
    /// The runtime does not let go of them.
    pub(crate) fn web(&mut self) -> io::Result<management::Sockets> {
        let source = self
            .http_tls
            .clone()
            .map(|tls| -> management::TlsSource { Arc::new(move || tls.config()) });
        let mut management = sockets(&mut self.http, None)?;
        management.extend(sockets(&mut self.https, source.as_ref())?);
        Ok(management::Sockets {
            management,
            prometheus: sockets(&mut self.prometheus, None)?,
            local: None,
        })
    }
}

fn sockets(
    bound: &mut Vec<TcpListener>,
    tls: Option<&management::TlsSource>,
) -> io::Result<Vec<management::Socket>> {
    let socket = |bound: TcpListener| {
        Ok(management::Socket {
            listener: bound.into_std()?,
            tls: tls.cloned(),
        })
    };
    bound.drain(..).map(socket).collect()
}

/// Nobody may have asked for metrics: their port, if it is only the default one and taken, is no
/// reason not to start. Second, what to say then.
fn metrics(config: &Config) -> Result<(Vec<TcpListener>, Option<String>), String> {
    let by_default = config
        .effective
        .iter()
        .any(|written| written.key == "prometheus.tcp.port" && written.origin == Origin::Default);
    match config.prometheus.plain() {
        None => Ok((Vec::new(), None)),
        Some(listen) if !by_default => Ok((listening(config, [listen])?, None)),
        Some(listen) => Ok(match listener::bind(listen).and_then(listener::listen) {
            Ok(bound) => (vec![bound], None),
            Err(error) => (
                Vec::new(),
                Some(format!("cannot listen on {listen}: {error}")),
            ),
        }),
    }
}

/// Lets clients connect to what [`bind`] has returned.
///
/// # Errors
///
/// See [`listener::listen`].
pub(crate) fn listen(bound: Vec<TcpSocket>) -> Result<Vec<TcpListener>, String> {
    let listen = |bound: TcpSocket| {
        let address = bound.local_addr();
        listener::listen(bound).map_err(|error| match address {
            Ok(address) => format!("cannot listen on {address}: {error}"),
            Err(_) => format!("cannot listen: {error}"),
        })
    };
    bound.into_iter().map(listen).collect()
}

fn listening(
    config: &Config,
    listens: impl IntoIterator<Item = Listen>,
) -> Result<Vec<TcpListener>, String> {
    listen(bind(config, listens)?)
}

fn bind(
    config: &Config,
    listens: impl IntoIterator<Item = Listen>,
) -> Result<Vec<TcpSocket>, String> {
    let bind = |listen: Listen| {
        let bound = match listener::bind(listen) {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
                // By the broker that runs here, most likely, and that will not go away.
                if store::Store::is_open(&config.data_dir) {
                    let in_use = OpenError::InUse(config.data_dir.clone());
                    return Err(refusal(&in_use, &config.data_dir));
                }
                tracing::warn!("{listen} is in use; trying again for a moment");
                listener::bind_again(listen)
            }
            bound => bound,
        };
        bound.map_err(|error| format!("cannot listen on {listen}: {error}"))
    };
    listens.into_iter().map(bind).collect()
}
