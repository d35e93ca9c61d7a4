//! Settings that belong together, as the parts of the server want them.

use std::net::IpAddr;
use std::path::PathBuf;

use tracing::level_filters::LevelFilter;

use super::listen::Listen;

/// TLS of one kind of listener (`ssl_options.*`, `management.ssl.*`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct TlsOptions {
    /// Authorities that clients' certificates may come from, and intermediates of ours.
    pub(crate) cacertfile: Option<PathBuf>,
    /// Our certificate, intermediates behind it.
    pub(crate) certfile: Option<PathBuf>,
    /// Its key.
    pub(crate) keyfile: Option<PathBuf>,
    /// Clients are asked for certificates.
    pub(crate) verify_peer: bool,
    /// Clients without one are refused.
    pub(crate) fail_if_no_peer_cert: bool,
    /// Versions offered; empty: 1.2 and 1.3.
    pub(crate) versions: Vec<TlsVersion>,
}

/// A version of TLS that is still safe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TlsVersion {
    /// 1.2.
    V12,
    /// 1.3.
    V13,
}

/// What of a client's certificate is the user name (`ssl_cert_login_from`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum LoginFrom {
    /// `CN=…,O=…`, as RFC 4514 writes it.
    #[default]
    Distinguished,
    /// The common names, commas between them.
    Common,
    /// One of the alternative names.
    Alternative(AlternativeName),
}

/// Which alternative name (`ssl_cert_login_san_type`, `ssl_cert_login_san_index`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct AlternativeName {
    /// The kind of name.
    pub(crate) kind: AlternativeKind,
    /// Which of this kind, from 0.
    pub(crate) index: usize,
}

/// A kind of alternative name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum AlternativeKind {
    /// A DNS name.
    #[default]
    Dns,
    /// An IP address.
    Ip,
    /// An e-mail address.
    Email,
    /// A URI.
    Uri,
}

/// An HTTP service: the management API or the metrics.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct HttpOptions {
    /// Port without TLS; `None`: no such listener.
    pub(crate) port: Option<u16>,
    /// Interface; `None`: every one.
    pub(crate) ip: Option<IpAddr>,
    /// Port with TLS; `None`: no such listener.
    pub(crate) ssl_port: Option<u16>,
    /// Interface of that; `None`: every one.
    pub(crate) ssl_ip: Option<IpAddr>,
    /// Certificates of that.
    pub(crate) tls: TlsOptions,
    /// What every path begins with; empty or `/prefix`.
    pub(crate) path_prefix: String,
    /// Origins whose pages may use it.
    pub(crate) cors_origins: Vec<String>,
    /// Seconds that browsers may remember that; `None`: RabbitMQ's default.
    pub(crate) cors_max_age_s: Option<u32>,
    /// Headers of every answer.
    pub(crate) headers: Vec<(&'static str, String)>,
    /// Operator policies are not changed through it.
    pub(crate) operator_policies_fixed: bool,
    /// Replicas are not changed through it.
    pub(crate) replicas_fixed: bool,
}

impl HttpOptions {
    /// Where plain HTTP is served.
    pub(crate) fn plain(&self) -> Option<Listen> {
        // RabbitMQ serves on one port only, if that one has TLS.
        self.port.map(|port| at(port, self.ip))
    }

    /// Which origins' pages may use it.
    pub(crate) fn cors(&self) -> management::Cors {
        management::Cors {
            origins: self.cors_origins.clone(),
            max_age_s: self
                .cors_max_age_s
                .unwrap_or(management::CORS_AGE_S_DEFAULT),
        }
    }

    /// Where HTTPS is served.
    pub(crate) fn secure(&self) -> Option<Listen> {
        self.ssl_port.map(|port| at(port, self.ssl_ip.or(self.ip)))
    }
}

/// `::` is written for every interface; a machine without IPv6 still has the others.
fn at(port: u16, ip: Option<IpAddr>) -> Listen {
    match ip {
        Some(IpAddr::V6(ip)) if ip.is_unspecified() => Listen::Everywhere(port),
        Some(ip) => Listen::Everywhere(port).on_interface(ip),
        None => Listen::Everywhere(port),
    }
}

/// How log lines are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// An object a line.
    Json,
}

/// Where log lines go (`log.*`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LogOptions {
    /// To standard error.
    pub(crate) console: bool,
    /// What goes there.
    pub(crate) console_level: LevelFilter,
    /// How.
    pub(crate) console_format: LogFormat,
    /// Name of the file; `None`: no file.
    pub(crate) file: Option<PathBuf>,
    /// What goes there.
    pub(crate) file_level: LevelFilter,
    /// How.
    pub(crate) file_format: LogFormat,
    /// Directory of a file whose name is relative.
    pub(crate) dir: Option<PathBuf>,
    /// When to begin a new one.
    pub(crate) rotation: Rotation,
    /// Levels of categories that have their own.
    pub(crate) categories: Vec<(String, LevelFilter)>,
}

impl Default for LogOptions {
    fn default() -> Self {
        Self {
            console: true,
            console_level: LevelFilter::INFO,
            console_format: LogFormat::Text,
            file: None,
            file_level: LevelFilter::INFO,
            file_format: LogFormat::Text,
            dir: None,
            rotation: Rotation::default(),
            categories: Vec::new(),
        }
    }
}

/// When a log file is put aside, and how many are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rotation {
    /// At this many bytes; 0: never for its size.
    pub(crate) bytes: u64,
    /// Each day at this hour, UTC.
    pub(crate) daily_at: Option<u8>,
    /// Files kept besides the current one.
    pub(crate) count: u32,
}

impl Default for Rotation {
    fn default() -> Self {
        Self {
            bytes: 0,
            daily_at: None,
            count: 5,
        }
    }
}
