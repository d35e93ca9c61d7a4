//! Where a listener binds, as written in a flag or a file.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};

/// The address of one listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Listen {
    /// Only a port: every interface, IPv6 and IPv4, as RabbitMQ's `[::]:5672`.
    Everywhere(u16),
    /// One address.
    At(SocketAddr),
}

impl Listen {
    /// Reads `PORT` or `IP:PORT`. RabbitMQ's examples write IPv6 without brackets (`::1:5672`),
    /// so the last colon divides.
    ///
    /// # Errors
    ///
    /// A text that is neither; it says what was expected.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let wrong = || format!("expected PORT or IP:PORT, got '{text}'");
        let Some((host, port)) = text.rsplit_once(':') else {
            return text.parse().map(Self::Everywhere).map_err(|_| wrong());
        };
        let port = port.parse().map_err(|_| wrong())?;
        let host = host
            .strip_prefix('[')
            .and_then(|host| host.strip_suffix(']'))
            .unwrap_or(host);
        let ip: IpAddr = match host {
            "localhost" => IpAddr::from([127, 0, 0, 1]),
            _ => host.parse().map_err(|_| wrong())?,
        };
        if host == "::" {
            return Ok(Self::Everywhere(port));
        }
        Ok(Self::At(SocketAddr::new(ip, port)))
    }

    /// The same port on one interface only (`management.tcp.ip`).
    pub(crate) fn on_interface(self, ip: IpAddr) -> Self {
        Self::At(SocketAddr::new(ip, self.port()))
    }

    /// The interface; the unspecified address of IPv6 is every one.
    pub(crate) fn ip(self) -> IpAddr {
        match self {
            Self::Everywhere(_) => Ipv6Addr::UNSPECIFIED.into(),
            Self::At(address) => address.ip(),
        }
    }

    /// The port; 0 lets the system choose.
    pub(crate) fn port(self) -> u16 {
        match self {
            Self::Everywhere(port) => port,
            Self::At(address) => address.port(),
        }
    }
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Everywhere(port) => {
                write!(f, "{}", SocketAddr::from((Ipv6Addr::UNSPECIFIED, *port)))
            }
            Self::At(address) => write!(f, "{address}"),
        }
    }
}
