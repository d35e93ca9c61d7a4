//! An exchange: what was declared, and its bindings behind a lock.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use codec::FieldTable;
use parking_lot::RwLock;
use routing::{Bindings, Kind, Target};
use store::QueueId;

use crate::dedup::ExchangeDedup;
use crate::delay::Delays;
use crate::error::Resource;
use crate::extension::Extension;
use crate::ids::ExchangeId;
use crate::intercept::is_extended;
use crate::policy::Policies;
use crate::recent::History;
use crate::record::Record;
use crate::services::Services;

/// Where a binding leads.
pub(crate) type Bound = Target<QueueId, ExchangeId>;

/// What `exchange.declare` asks for.
#[derive(Clone, Debug)]
pub struct ExchangeDeclare {
    /// Its name.
    pub name: String,
    /// A type, as [`Kind::as_str`] has it.
    pub kind: String,
    /// It survives a restart.
    pub durable: bool,
    /// Gone with the last binding of which it is the source.
    pub auto_delete: bool,
    /// Clients can't publish to it.
    pub internal: bool,
    /// `alternate-exchange` and those of the type have a meaning; others are kept.
    pub arguments: FieldTable,
}

/// An exchange of a virtual host.
pub struct Exchange {
    pub(crate) id: ExchangeId,
    /// Its name; empty for the default exchange.
    pub name: Arc<str>,
    /// Its virtual host's name.
    pub vhost: Arc<str>,
    /// How it routes.
    pub kind: Kind,
    /// It survives a restart.
    pub durable: bool,
    /// Gone with the last binding of which it is the source.
    pub auto_delete: bool,
    /// Clients can't publish to it.
    pub internal: bool,
    /// As declared.
    pub arguments: FieldTable,
    /// The argument `alternate-exchange`.
    pub(crate) alternate: Option<String>,
    policies: RwLock<Policies>,
    pub(crate) bindings: RwLock<Bindings<Bound>>,
    /// Messages that it delays.
    pub(crate) delays: Option<Arc<Delays>>,
    /// What it knows of earlier messages, to drop duplicates.
    pub(crate) dedup: Option<ExchangeDedup>,
    /// Messages for new bindings.
    pub(crate) history: Option<History>,
    pub(crate) dropped_duplicates: AtomicU64,
    published_in: AtomicU64,
    published_out: AtomicU64,
}

impl Exchange {
    pub(crate) fn new(
        id: ExchangeId,
        vhost: Arc<str>,
        kind: Kind,
        declare: &ExchangeDeclare,
        extension: Extension,
    ) -> Self {
        let dedup = extension
            .dedup
            .map(|rules| ExchangeDedup::new(rules, &vhost, &declare.name, declare.durable));
        Self {
            id,
            name: declare.name.as_str().into(),
            vhost,
            kind,
            durable: declare.durable,
            auto_delete: declare.auto_delete,
            internal: declare.internal,
            arguments: declare.arguments.clone(),
            alternate: codec::get_str(&declare.arguments, "alternate-exchange").map(str::to_owned),
            policies: RwLock::default(),
            bindings: RwLock::new(Bindings::hashing(extension.routes_as, extension.hash_on)),
            delays: None,
            dedup,
            history: extension.history.map(History::new),
            dropped_duplicates: AtomicU64::new(0),
            published_in: AtomicU64::new(0),
            published_out: AtomicU64::new(0),
        }
    }

    /// The default exchange: it has no bindings of its own, queues are found by name.
    #[must_use]
    pub fn is_default(&self) -> bool {
        self.name.is_empty()
    }

    /// The policies that apply to it.
    #[must_use]
    pub fn policies(&self) -> Policies {
        self.policies.read().clone()
    }

    /// Puts it under these policies. Whether anything has changed.
    pub(crate) fn govern(&self, policies: Policies, services: &Services) -> bool {
        let mut current = self.policies.write();
        if current.same(&policies) {
            return false;
        }
        if let Some(dedup) = &self.dedup {
            dedup.govern(policies.definition().as_deref(), services);
        }
        *current = policies;
        true
    }

    /// Where messages go that are not routed: as declared, or else as a policy says.
    pub(crate) fn alternate(&self) -> Option<String> {
        if let Some(declared) = &self.alternate {
            return Some(declared.clone());
        }
        let policies = self.policies.read();
        let definition = policies.definition()?;
        definition
            .get("alternate-exchange")?
            .as_str()
            .map(str::to_owned)
    }

    /// It may do more with a message than choosing its queues.
    #[must_use]
    pub(crate) fn is_extended(&self) -> bool {
        is_extended(self.kind) || self.dedup.is_some() || self.history.is_some()
    }

    /// Messages that it delays; none if it is not of that type.
    #[must_use]
    pub fn messages_delayed(&self) -> Option<u64> {
        self.delays.as_ref().map(|delays| delays.len())
    }

    /// Duplicates that it dropped so far; none if it lets them pass.
    #[must_use]
    pub fn duplicates_dropped(&self) -> Option<u64> {
        let dropped = || self.dropped_duplicates.load(Ordering::Relaxed);
        self.dedup.as_ref().map(|_| dropped())
    }

    /// It is deleted: so is what it keeps in the store.
    pub(crate) fn forget(&self, services: &Services) {
        if let Some(delays) = &self.delays {
            delays.forget();
        }
        if let Some(dedup) = &self.dedup {
            dedup.forget(services);
        }
        if let Some(history) = &self.history {
            history.forget(services, &Record::history_key(&self.vhost, &self.name));
        }
    }

    /// How reply texts call it.
    #[must_use]
    pub fn resource(&self) -> Resource {
        Resource::exchange(&self.name, &self.vhost)
    }

    /// Counts messages that came in, and copies that went on to queues.
    pub fn count_publish(&self, messages: u64, copies: u64) {
        self.published_in.fetch_add(messages, Ordering::Relaxed);
        if copies > 0 {
            self.published_out.fetch_add(copies, Ordering::Relaxed);
        }
    }

    /// Messages that came in so far.
    #[must_use]
    pub fn publish_in(&self) -> u64 {
        self.published_in.load(Ordering::Relaxed)
    }

    /// Copies that went on to queues so far.
    #[must_use]
    pub fn publish_out(&self) -> u64 {
        self.published_out.load(Ordering::Relaxed)
    }
}
