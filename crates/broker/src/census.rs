//! How much there is in all virtual hosts together, and how much there may be.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::error::Error;
use crate::settings::Settings;

/// Shared by all virtual hosts.
#[derive(Default)]
pub(crate) struct Census {
    queues: AtomicU64,
    exchanges: AtomicU64,
    queue_limit: Option<u32>,
    exchange_limit: Option<u32>,
    /// Of queues in virtual hosts that have no default of their own.
    pub(crate) default_queue_type: String,
    /// A quorum queue may be declared again as a classic one.
    pub(crate) relaxed_redeclaration: bool,
}

impl Census {
    pub(crate) fn new(settings: &Settings) -> Self {
        Self {
            queue_limit: settings.cluster_queue_limit,
            exchange_limit: settings.cluster_exchange_limit,
            default_queue_type: settings.default_queue_type.clone(),
            relaxed_redeclaration: settings.relaxed_redeclaration,
            ..Self::default()
        }
    }

    pub(crate) fn add_queue(&self) {
        self.queues.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn remove_queue(&self) {
        self.queues.fetch_sub(1, Ordering::Relaxed);
    }

    pub(crate) fn add_exchange(&self) {
        self.exchanges.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn remove_exchanges(&self, number: u64) {
        self.exchanges.fetch_sub(number, Ordering::Relaxed);
    }

    /// Whether there may be one queue more. Declares in several virtual hosts at the same moment
    /// may each be the last one allowed.
    pub(crate) fn check_queue(&self, name: &str) -> Result<(), Error> {
        self.check_queues(0, name)
    }

    /// Whether there may be one queue more after `further` others.
    pub(crate) fn check_queues(&self, further: u64, name: &str) -> Result<(), Error> {
        match self.queue_limit {
            Some(limit) if self.queues.load(Ordering::Relaxed) + further >= limit.into() => {
                Err(Error::Refused(format!(
                    "cannot declare queue '{name}': queue limit in cluster ({limit}) is reached"
                )))
            }
            _ => Ok(()),
        }
    }

    /// The same for an exchange.
    pub(crate) fn check_exchange(&self, name: &str, vhost: &str) -> Result<(), Error> {
        self.check_exchanges(0, name, vhost)
    }

    /// The same for an exchange after `further` others.
    pub(crate) fn check_exchanges(
        &self,
        further: u64,
        name: &str,
        vhost: &str,
    ) -> Result<(), Error> {
        match self.exchange_limit {
            Some(limit) if self.exchanges.load(Ordering::Relaxed) + further >= limit.into() => {
                Err(Error::Refused(format!(
                    "cannot declare exchange '{name}' in vhost '{vhost}': exchange limit of {limit} is reached"
                )))
            }
            _ => Ok(()),
        }
    }
}
