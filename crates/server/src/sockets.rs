//! Every socket that clients connect to, bound before anything is served.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::TcpListener;

use crate::config::{Config, Listen};
use crate::listener;
use crate::tls::Tls;

/// Bound, not yet accepting.
pub(crate) struct Sockets {
    pub(crate) amqp: Vec<TcpListener>,
    pub(crate) amqps: Vec<TcpListener>,
    /// What `amqps` speaks.
    pub(crate) amqp_tls: Option<Arc<Tls>>,
    http: Vec<TcpListener>,
    https: Vec<TcpListener>,
    /// What `https` speaks.
    pub(crate) http_tls: Option<Arc<Tls>>,
}

/// Where they are.
#[derive(Clone, Debug)]
pub(crate) struct Addresses {
    pub(crate) amqp: Vec<SocketAddr>,
    pub(crate) amqps: Vec<SocketAddr>,
    pub(crate) http: Vec<SocketAddr>,
    pub(crate) https: Vec<SocketAddr>,
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
        Ok(Self {
            amqp: bind(config, amqp)?,
            amqps: bind(config, amqps)?,
            amqp_tls,
            http: bind(config, config.management.plain())?,
            https: bind(config, https)?,
            http_tls,
        })
    }

    /// Where they are.
    ///
    /// # Errors
    ///
    /// The system does not say.
    pub(crate) fn addresses(&self) -> io::Result<Addresses> {
        let of = |sockets: &[TcpListener]| {
            let addresses = sockets.iter().map(TcpListener::local_addr);
            addresses.collect::<io::Result<Vec<SocketAddr>>>()
        };
        Ok(Addresses {
            amqp: of(&self.amqp)?,
            amqps: of(&self.amqps)?,
            http: of(&self.http)?,
            https: of(&self.https)?,
        })
    }

    /// Those of the management API, for its own runtime.
    ///
    /// # Errors
    ///
    /// The runtime does not let go of them.
    pub(crate) fn web(&mut self) -> io::Result<Vec<management::Socket>> {
        let source = self
            .http_tls
            .clone()
            .map(|tls| -> management::TlsSource { Arc::new(move || tls.config()) });
        let http = std::mem::take(&mut self.http).into_iter();
        let https = std::mem::take(&mut self.https).into_iter();
        http.map(|socket| (socket, None))
            .chain(https.map(|socket| (socket, source.clone())))
            .map(|(socket, tls)| {
                Ok(management::Socket {
                    listener: socket.into_std()?,
                    tls,
                })
            })
            .collect()
    }
}

fn bind(
    _config: &Config,
    listens: impl IntoIterator<Item = Listen>,
) -> Result<Vec<TcpListener>, String> {
    let bind = |listen: Listen| {
        listener::bind(listen).map_err(|error| format!("cannot listen on {listen}: {error}"))
    };
    listens.into_iter().map(bind).collect()
}
