//! The lines on standard output that say where the broker is.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::Path;

/// What the banner names.
pub(crate) struct Banner<'a> {
    pub(crate) amqp: &'a [SocketAddr],
    pub(crate) amqps: &'a [SocketAddr],
    pub(crate) http: &'a [SocketAddr],
    pub(crate) https: &'a [SocketAddr],
    pub(crate) prometheus: &'a [SocketAddr],
    pub(crate) path_prefix: &'a str,
    pub(crate) data_dir: &'a Path,
}

impl Banner<'_> {
    /// Writes the banner, up to the line that says clients may come. A stdout that nobody reads is
    /// no reason not to serve.
    pub(crate) fn show(&self) {
        let mut stdout = io::stdout().lock();
        let _ = self.write(&mut stdout).and_then(|()| stdout.flush());
    }

    fn write(&self, out: &mut impl Write) -> io::Result<()> {
        writeln!(out, "Leveret {}", env!("CARGO_PKG_VERSION"))?;
        for address in self.amqp {
            writeln!(out, "  AMQP listening on {address}")?;
        }
        for address in self.amqps {
            writeln!(out, "  AMQP with TLS listening on {address}")?;
        }
        let http = self.http.iter().map(|address| ("http", *address));
        let https = self.https.iter().map(|address| ("https", *address));
        for (scheme, address) in http.chain(https) {
            let (reachable, prefix) = (reachable(address), self.path_prefix);
            writeln!(out, "  management listening on {scheme}://{address}")?;
            writeln!(out, "  dashboard at {scheme}://{reachable}{prefix}/")?;
        }
        for address in self.prometheus {
            writeln!(out, "  metrics at http://{address}/metrics")?;
        }
        writeln!(out, "  data in {}", self.data_dir.display())?;
        writeln!(out, "ready")
    }
}

/// An address to type into a browser: a wildcard is no destination.
fn reachable(address: SocketAddr) -> String {
    if address.ip().is_unspecified() {
        format!("localhost:{}", address.port())
    } else {
        address.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_banner_names_what_one_needs_to_connect() {
        let banner = Banner {
            amqp: &["127.0.0.1:1".parse().unwrap(), "[::]:2".parse().unwrap()],
            amqps: &["127.0.0.1:4".parse().unwrap()],
            http: &["[::]:3".parse().unwrap()],
            https: &[],
            prometheus: &["[::1]:5".parse().unwrap()],
            path_prefix: "/x",
            data_dir: Path::new("/d"),
        };
        let mut text = Vec::new();
        banner.write(&mut text).unwrap();
        let text = String::from_utf8(text).unwrap();
        let lines: Vec<&str> = text.lines().map(str::trim_start).collect();
        assert_eq!(
            lines[1..],
            [
                "AMQP listening on 127.0.0.1:1",
                "AMQP listening on [::]:2",
                "AMQP with TLS listening on 127.0.0.1:4",
                "management listening on http://[::]:3",
                "dashboard at http://localhost:3/x/",
                "metrics at http://[::1]:5/metrics",
                "data in /d",
                "ready",
            ]
        );
        assert!(lines[0].starts_with("Leveret "));
    }
}
