//! Who is at the other end.

use std::fmt;
use std::sync::Arc;

use broker::TlsInfo;

/// The addresses of a connection, as the listener saw them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Peer {
    /// The client's address.
    pub host: String,
    /// The client's port.
    pub port: u16,
    /// Our address.
    pub local_host: String,
    /// Our port.
    pub local_port: u16,
    /// The client is on this machine, so `loopback_users` may log in.
    pub loopback: bool,
    /// What was negotiated with TLS, if it is spoken.
    pub tls: Option<Arc<TlsInfo>>,
}

impl Peer {
    /// The user that the client's verified certificate stands for.
    pub(crate) fn certified_user(&self) -> Option<&str> {
        let certificate = self.tls.as_ref()?.certificate.as_ref()?;
        certificate.user.as_deref()
    }
}

impl fmt::Display for Peer {
    /// RabbitMQ's name of a connection: `peer:port -> host:port`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            host,
            port,
            local_host,
            local_port,
            ..
        } = self;
        write!(f, "{host}:{port} -> {local_host}:{local_port}")
    }
}
