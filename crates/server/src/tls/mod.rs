//! Certificates and what is spoken with them, exchanged while connections go on.

mod certificate;
mod negotiated;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use parking_lot::{Mutex, RwLock};
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::version::{TLS12, TLS13};
use tokio_rustls::rustls::{RootCertStore, ServerConfig, SupportedProtocolVersion};

use self::certificate::Certificate;
pub(crate) use self::negotiated::negotiated;
use crate::config::{TlsOptions, TlsVersion};

/// Certificates in one file; a bundle of all public authorities has about 150.
const CERTIFICATES_MAX: usize = 1024;

/// Intermediate certificates that are sent along.
const INTERMEDIATES_MAX: usize = 6;

/// The certificates of one kind of listener, as they were when last read.
pub(crate) struct Tls {
    options: TlsOptions,
    /// What is spoken, by the names that ALPN has for it; empty where that is not used.
    protocols: Vec<Vec<u8>>,
    current: RwLock<Loaded>,
    /// The state of the files that were last tried.
    seen: Mutex<Vec<Stamp>>,
}

#[derive(Clone)]
struct Loaded {
    config: Arc<ServerConfig>,
    expiry: Expiry,
}

/// Until when certificates are good, in seconds of the epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Expiry {
    /// Ours.
    pub(crate) certfile: u64,
    /// The first of the authorities to expire, if there are any.
    pub(crate) cacertfile: Option<u64>,
}

/// What tells whether a file has changed.
type Stamp = Option<(SystemTime, u64)>;

impl Tls {
    /// Reads the files.
    ///
    /// # Errors
    ///
    /// Which of them is missing or makes no sense.
    pub(crate) fn load(options: &TlsOptions, protocols: &[&str]) -> Result<Arc<Self>, String> {
        let protocols: Vec<Vec<u8>> = protocols.iter().map(|p| p.as_bytes().to_vec()).collect();
        let seen = stamps(options);
        let current = read(options, &protocols)?;
        Ok(Arc::new(Self {
            options: options.clone(),
            protocols,
            current: RwLock::new(current),
            seen: Mutex::new(seen),
        }))
    }

    /// What new connections speak.
    pub(crate) fn config(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.current.read().config)
    }

    /// Until when the certificates are good.
    pub(crate) fn expiry(&self) -> Expiry {
        self.current.read().expiry
    }

    /// Where the certificates are from.
    pub(crate) fn options(&self) -> &TlsOptions {
        &self.options
    }

    /// Reads the files again if they have changed since they were last tried; new connections
    /// get what they say. True if they do.
    ///
    /// # Errors
    ///
    /// They make no sense; what was there before goes on.
    pub(crate) fn reload(&self) -> Result<bool, String> {
        let stamps = stamps(&self.options);
        if *self.seen.lock() == stamps {
            return Ok(false);
        }
        *self.seen.lock() = stamps;
        let read = read(&self.options, &self.protocols)?;
        *self.current.write() = read;
        Ok(true)
    }
}

fn stamps(options: &TlsOptions) -> Vec<Stamp> {
    let files = [&options.cacertfile, &options.certfile, &options.keyfile];
    let stamp = |file: &PathBuf| {
        let metadata = fs::metadata(file).ok()?;
        Some((metadata.modified().ok()?, metadata.len()))
    };
    files
        .into_iter()
        .map(|file| file.as_ref().and_then(stamp))
        .collect()
}

fn read(options: &TlsOptions, protocols: &[Vec<u8>]) -> Result<Loaded, String> {
    let certfile = options.certfile.as_deref().ok_or("no certfile is named")?;
    let keyfile = options.keyfile.as_deref().ok_or("no keyfile is named")?;
    let authorities = match &options.cacertfile {
        Some(file) => certificates(file)?,
        None => Vec::new(),
    };
    let mut chain = certificates(certfile)?;
    complete(&mut chain, &authorities);
    let expiry = Expiry {
        certfile: chain.first().map_or(0, expires),
        cacertfile: authorities.iter().map(expires).min(),
    };
    let key = key(keyfile)?;

    let provider = Arc::new(ring::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(&versions(options))
        .map_err(|error| error.to_string())?;
    let builder = if options.verify_peer {
        let mut roots = RootCertStore::empty();
        let (added, _) = roots.add_parsable_certificates(authorities);
        if added == 0 {
            return Err("cacertfile holds no certificate that can be used".to_owned());
        }
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
        let verifier = if options.fail_if_no_peer_cert {
            verifier
        } else {
            verifier.allow_unauthenticated()
        };
        builder.with_client_cert_verifier(verifier.build().map_err(|error| error.to_string())?)
    } else {
        builder.with_no_client_auth()
    };
    let mut config = builder.with_single_cert(chain, key).map_err(|error| {
        let (certificate, key) = (certfile.display(), keyfile.display());
        format!("{certificate} and {key} do not make a certificate with its key: {error}")
    })?;
    config.alpn_protocols = protocols.to_vec();
    Ok(Loaded {
        config: Arc::new(config),
        expiry,
    })
}

fn versions(options: &TlsOptions) -> Vec<&'static SupportedProtocolVersion> {
    let all = [(TlsVersion::V13, &TLS13), (TlsVersion::V12, &TLS12)];
    all.into_iter()
        .filter(|(version, _)| options.versions.is_empty() || options.versions.contains(version))
        .map(|(_, version)| version)
        .collect()
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let failed = |error| {
        format!(
            "cannot read certificates from {}: {error:?}",
            file.display()
        )
    };
    let read = CertificateDer::pem_file_iter(file).map_err(failed)?;
    let all: Vec<_> = read
        .take(CERTIFICATES_MAX)
        .collect::<Result<_, _>>()
        .map_err(failed)?;
    if all.is_empty() {
        return Err(format!("{} holds no certificate (PEM)", file.display()));
    }
    Ok(all)
}

fn key(file: &Path) -> Result<PrivateKeyDer<'static>, String> {
    PrivateKeyDer::from_pem_file(file).map_err(|error| {
        let text = fs::read_to_string(file).unwrap_or_default();
        if text.contains("ENCRYPTED") {
            let file = file.display();
            return format!("{file} is encrypted; store the key without a password");
        }
        format!("cannot read a key from {}: {error:?}", file.display())
    })
}

fn expires(certificate: &CertificateDer<'static>) -> u64 {
    Certificate::read(certificate).map_or(0, |certificate| certificate.not_after)
}

/// Intermediates that stand with the authorities are sent along, too, as Erlang does it.
fn complete(chain: &mut Vec<CertificateDer<'static>>, authorities: &[CertificateDer<'static>]) {
    let known: Vec<_> = authorities
        .iter()
        .filter_map(|der| Some((der, Certificate::read(der)?)))
        .collect();
    while let Some(last) = chain.last().and_then(|der| Certificate::read(der)) {
        let issuer = known
            .iter()
            .find(|(_, one)| one.subject == last.issuer && one.subject != one.issuer);
        match issuer {
            Some((der, _)) if chain.len() <= INTERMEDIATES_MAX && !chain.contains(der) => {
                chain.push((*der).clone());
            }
            _ => return,
        }
    }
}

#[cfg(test)]
mod tests;
