//! `amqp://user:password@host:port/vhost`.

use percent_encoding::percent_decode_str;

use crate::failure::Failure;

/// Where a broker is, and who asks.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Uri {
    pub(crate) tls: bool,
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) user: String,
    pub(crate) password: String,
    pub(crate) vhost: String,
}

const PORT: u16 = 5672;
const TLS_PORT: u16 = 5671;

impl Uri {
    /// Reads an address; what is missing is what RabbitMQ's clients take: guest, localhost, `/`.
    pub(crate) fn parse(text: &str) -> Result<Self, Failure> {
        let (scheme, rest) = text.split_once("://").ok_or(Failure::Uri(
            "an address looks like amqp://guest:guest@localhost:5672",
        ))?;
        let tls = match scheme {
            "amqp" => false,
            "amqps" => true,
            _ => return Err(Failure::Uri("an address begins with amqp:// or amqps://")),
        };
        let rest = rest.split_once('?').map_or(rest, |(before, _)| before);
        let (authority, vhost) = rest.split_once('/').unwrap_or((rest, "%2f"));
        let (login, place) = authority
            .rsplit_once('@')
            .unwrap_or(("guest:guest", authority));
        let (user, password) = login.split_once(':').unwrap_or((login, ""));
        let (host, port) = host_and_port(place, if tls { TLS_PORT } else { PORT })?;
        Ok(Self {
            tls,
            host,
            port,
            user: decoded(user),
            password: decoded(password),
            vhost: decoded(vhost),
        })
    }
}

fn host_and_port(place: &str, port: u16) -> Result<(String, u16), Failure> {
    let port_of = |text: &str| {
        text.parse()
            .map_err(|_| Failure::Uri("the port is no number"))
    };
    // An address of IPv6 stands in brackets.
    if let Some((host, rest)) = place.strip_prefix('[').and_then(|v6| v6.split_once(']')) {
        let port = rest.strip_prefix(':').map_or(Ok(port), port_of)?;
        return Ok((host.to_owned(), port));
    }
    let (host, port) = match place.split_once(':') {
        Some((host, text)) => (host, port_of(text)?),
        None => (place, port),
    };
    let host = if host.is_empty() { "localhost" } else { host };
    Ok((host.to_owned(), port))
}

fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}
