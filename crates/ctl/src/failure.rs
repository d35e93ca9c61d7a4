//! What can go wrong, and the exit codes that scripts know from RabbitMQ (sysexits).

use std::fmt;

/// Why a verb did not do what it should.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) code: u8,
    pub(crate) text: String,
}

impl Failure {
    /// The command line makes no sense (EX_USAGE).
    pub(crate) fn usage(text: impl Into<String>) -> Self {
        Self::new(64, text)
    }

    /// What was given makes no sense (EX_DATAERR).
    pub(crate) fn data(text: impl Into<String>) -> Self {
        Self::new(65, text)
    }

    /// The broker can't be reached, or a check has failed (EX_UNAVAILABLE).
    pub(crate) fn unavailable(text: impl Into<String>) -> Self {
        Self::new(69, text)
    }

    /// The broker refused it (EX_SOFTWARE, what rabbitmqctl says of most refusals).
    pub(crate) fn refused(text: impl Into<String>) -> Self {
        Self::new(70, text)
    }

    /// It took too long (EX_TEMPFAIL).
    pub(crate) fn late(text: impl Into<String>) -> Self {
        Self::new(75, text)
    }

    /// The broker doesn't let the caller in (EX_NOPERM).
    pub(crate) fn forbidden(text: impl Into<String>) -> Self {
        Self::new(77, text)
    }

    fn new(code: u8, text: impl Into<String>) -> Self {
        Self {
            code,
            text: text.into(),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
