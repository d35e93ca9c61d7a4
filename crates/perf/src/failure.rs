//! Why a run ends before its time.

use thiserror::Error;

/// What went wrong, as the user reads it.
#[derive(Debug, Error)]
pub(crate) enum Failure {
    /// The address is none.
    #[error("{0}")]
    Uri(&'static str),
    /// A file of certificates can't be read, or the broker's is not trusted.
    #[error("TLS: {0}")]
    Tls(String),
    /// The connection could not be made, or broke.
    #[error("connection: {0}")]
    Io(#[from] std::io::Error),
    /// The broker closed the connection or the channel.
    #[error("the broker closed the {what}: {code} {text}")]
    Closed {
        /// Connection or channel.
        what: &'static str,
        /// The reply code.
        code: u16,
        /// The reply text.
        text: String,
    },
    /// The broker said something that was not expected.
    #[error("the broker sent something else than {0}")]
    Unexpected(&'static str),
    /// Bytes that are not AMQP.
    #[error("not AMQP: {0}")]
    Frame(#[from] codec::FrameError),
    /// A method that can't be read.
    #[error("a method that can't be read: {0}")]
    Method(#[from] codec::MethodError),
}
