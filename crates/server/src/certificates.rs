//! The certificates of all listeners: read again when their files change, and shown to the
//! health check.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use management::ListenerCertificate;
use tokio::sync::watch;
use tokio::time::sleep;

use crate::sockets::{Addresses, Sockets};
use crate::tls::Tls;

/// Time between two looks at the files.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// What listeners have certificates, and where these are shown.
pub(crate) struct Certificates {
    listeners: Vec<(&'static str, SocketAddr, Arc<Tls>)>,
    shown: watch::Sender<Vec<ListenerCertificate>>,
}

impl Certificates {
    /// Those of `sockets`, bound at `addresses`.
    pub(crate) fn of(sockets: &Sockets, addresses: &Addresses) -> Arc<Self> {
        let mut listeners = Vec::new();
        for (protocol, addresses, tls) in [
            ("amqp/ssl", &addresses.amqps, &sockets.amqp_tls),
            ("https", &addresses.https, &sockets.http_tls),
        ] {
            let tls = tls.iter();
            listeners.extend(tls.flat_map(|tls| {
                let address = |address: &SocketAddr| (protocol, *address, Arc::clone(tls));
                addresses.iter().map(address)
            }));
        }
        let certificates = Self {
            listeners,
            shown: watch::Sender::new(Vec::new()),
        };
        certificates.show();
        Arc::new(certificates)
    }

    /// What the health check looks at.
    pub(crate) fn shown(&self) -> watch::Receiver<Vec<ListenerCertificate>> {
        self.shown.subscribe()
    }

    /// Reads those again whose files have changed. Connections that are open keep theirs. Reads
    /// files.
    pub(crate) fn reload(&self) {
        let reloads = self.listeners.iter().map(|(_, _, tls)| tls.reload());
        let outcomes: Vec<_> = reloads.collect();
        // Before it is said: who reads that the certificates are new finds the health check so.
        self.show();
        for ((protocol, address, _), outcome) in self.listeners.iter().zip(outcomes) {
            match outcome {
                Ok(false) => {}
                Ok(true) => tracing::info!("{protocol} on {address}: certificates read again"),
                Err(error) => tracing::error!(
                    "{protocol} on {address}: the changed certificates are not used: {error}"
                ),
            }
        }
    }

    fn show(&self) {
        let shown = self.listeners.iter().map(|(protocol, address, tls)| {
            let (options, expiry) = (tls.options(), tls.expiry());
            let name = |file: &Option<std::path::PathBuf>| {
                file.as_ref().map(|file| file.display().to_string())
            };
            ListenerCertificate {
                protocol,
                address: *address,
                certfile: name(&options.certfile).unwrap_or_default(),
                certfile_expires_s: expiry.certfile,
                cacertfile: name(&options.cacertfile),
                cacertfile_expires_s: expiry.cacertfile,
            }
        });
        self.shown.send_replace(shown.collect());
    }

    /// Looks at the files every few seconds, for as long as the task lives.
    pub(crate) async fn watch(self: Arc<Self>) {
        while !self.listeners.is_empty() {
            sleep(LOOK_EVERY).await;
            let this = Arc::clone(&self);
            // Only a panic in there could be the error, and that is logged already.
            let _ = tokio::task::spawn_blocking(move || this.reload()).await;
        }
    }
}
