//! What the process says: log lines on stderr, the banner on stdout.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::panic::PanicHookInfo;
use std::path::Path;

use tracing::level_filters::LevelFilter;

/// Starts logging to stderr, one compact line an event, coloured only on a terminal.
pub(crate) fn start(level: LevelFilter) {
    let colours = io::IsTerminal::is_terminal(&io::stderr());
    tracing_subscriber::fmt()
        .compact()
        .with_max_level(level)
        .with_ansi(colours)
        .with_target(false)
        .with_writer(io::stderr)
        .init();
    std::panic::set_hook(Box::new(log_panic));
}

/// A panic is a fault of ours and needs a human. The task that had it ends alone.
fn log_panic(panic: &PanicHookInfo<'_>) {
    let place = panic
        .location()
        .map_or_else(|| "unknown place".to_owned(), ToString::to_string);
    tracing::error!(
        "panic at {place}: {}",
        panic.payload_as_str().unwrap_or("no message")
    );
}

/// What the banner names.
pub(crate) struct Banner<'a> {
    pub(crate) amqp: &'a [SocketAddr],
    pub(crate) management: SocketAddr,
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
        writeln!(out, "  management listening on http://{}", self.management)?;
        writeln!(out, "  dashboard at http://{}/", reachable(self.management))?;
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
            management: "[::]:3".parse().unwrap(),
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
                "management listening on http://[::]:3",
                "dashboard at http://localhost:3/",
                "data in /d",
                "ready",
            ]
        );
        assert!(lines[0].starts_with("Leveret "));
    }
}
