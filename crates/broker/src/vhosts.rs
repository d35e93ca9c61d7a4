//! Virtual hosts come, change and go.

use store::{Recovered, Ticket};

use crate::auth::{Pattern, Permission, StoredAccess};
use crate::broker::Broker;
use crate::declare::{Actor, DeleteIf};
use crate::definitions::Applied;
use crate::error::Error;
use crate::events::Facts;
use crate::record::Record;
use crate::vhost_meta::{VHostChange, VHostLimits, VHostMeta};
use crate::wakes::Wakes;

/// What the default virtual host is called in lists.
const DEFAULT_DESCRIPTION: &str = "Default virtual host";

impl Broker {
    /// Creates a virtual host in which the default user may do everything; one that is there is
    /// no error. For tests and tools that need nothing else.
    pub fn create_vhost(&self, name: &str) -> Applied {
        let user = self.settings().default_user.clone();
        self.put_vhost(name, VHostChange::default(), Some(&user))
            .unwrap_or_default()
    }

    /// Creates or changes a virtual host. Who creates one may do everything in it.
    ///
    /// # Errors
    /// [`Error::Refused`] when there are as many as there may be (`vhost_max`), or for a default
    /// queue type that there isn't.
    pub fn put_vhost(
        &self,
        name: &str,
        change: VHostChange,
        creator: Option<&str>,
    ) -> Result<Applied, Error> {
        if let Some(Some(kind)) = &change.default_queue_type
            && !matches!(kind.as_str(), "classic" | "quorum" | "stream")
        {
            return Err(Error::Refused(format!("unsupported queue type '{kind}'")));
        }
        let _changing = self.changes.lock();
        if let Some(vhost) = self.vhost(name) {
            let mut meta = (*vhost.meta()).clone();
            if let Some(limits) = change.limits {
                let name = match limits == VHostLimits::default() {
                    true => "vhost.limits.cleared",
                    false => "vhost.limits.set",
                };
                let facts = || Facts::new().text("name", vhost.name());
                self.events().emit(name, facts);
            }
            meta.apply(change);
            let ticket = self.put_record(&meta.record(name));
            vhost.set_meta(meta);
            return Ok(Applied {
                created: false,
                ticket: Some(ticket),
            });
        }
        if let Some(max) = self.settings().vhost_max
            && self.vhosts().len() >= max as usize
        {
            return Err(Error::Refused(format!(
                "cannot create vhost '{name}': vhost limit of {max} is reached"
            )));
        }
        let mut meta = VHostMeta {
            limits: self.default_limits(name),
            ..VHostMeta::default()
        };
        meta.apply(change);
        let mut ticket = self.put_record(&meta.record(name));
        let vhost = self.add_vhost(name, meta);
        if let Some(user) = creator.filter(|user| self.users().find(user).is_some()) {
            let granted = self.grant(user, vhost.name(), Permission::all());
            ticket = granted.ticket.unwrap_or(ticket);
        }
        let facts = || Facts::new().text("name", name);
        self.events().emit("vhost.created", facts);
        Ok(Applied {
            created: true,
            ticket: Some(ticket),
        })
    }

    /// `default_limits.vhosts`: the first pattern that matches counts.
    pub(crate) fn default_limits(&self, name: &str) -> VHostLimits {
        for limits in &self.settings().default_vhost_limits {
            match Pattern::new(&limits.pattern) {
                Ok(pattern) if pattern.matches(name) => {
                    return VHostLimits {
                        max_connections: limits.max_connections.map(i64::from),
                        max_queues: limits.max_queues.map(i64::from),
                    };
                }
                Ok(_) => {}
                Err(reason) => {
                    tracing::error!(pattern = %limits.pattern, %reason, "a pattern of default_limits.vhosts can't be used");
                }
            }
        }
        VHostLimits::default()
    }

    /// Deletes a virtual host with all that is in it and closes its connections.
    ///
    /// # Errors
    /// [`Error::NoVhost`]; [`Error::Protected`] while it is protected.
    pub fn delete_vhost(&self, name: &str) -> Result<Option<Ticket>, Error> {
        let _changing = self.changes.lock();
        match self.vhost(name) {
            None => return Err(Error::NoVhost(name.to_owned())),
            Some(vhost) if vhost.meta().protected => {
                return Err(Error::Protected(name.to_owned()));
            }
            Some(_) => {}
        }
        let Some((_, vhost)) = self.vhosts.remove(name) else {
            return Err(Error::NoVhost(name.to_owned()));
        };
        let mut wakes = Wakes::new();
        let connections = self.registry().connections();
        for connection in connections.iter().filter(|c| *c.vhost == *name) {
            connection.close(&format!("vhost '{name}' is deleted"), &mut wakes);
        }
        vhost.forget_parameters();
        for queue in vhost.queues() {
            let actor = Actor {
                connection: queue.owner(),
                ..Actor::internal()
            };
            // Can't be refused: no condition, and the owner asks.
            let _ = vhost.delete_queue(queue.name(), DeleteIf::default(), &actor, &mut wakes);
        }
        for exchange in vhost.exchanges() {
            let _ = vhost.delete_exchange(&exchange.name, DeleteIf::default(), &Actor::internal());
        }
        // Those that every virtual host has stay to the end.
        let exchanges = vhost.exchange_count() as u64;
        vhost.services.census.remove_exchanges(exchanges);
        self.forget_access(name);
        let facts = || Facts::new().text("name", name);
        self.events().emit("vhost.deleted", facts);
        Ok(Some(self.store.remove(&Record::vhost(name).key)))
    }

    /// What a new data directory begins with.
    pub(crate) fn add_default_vhost(&self) {
        self.add_default_user();
        let change = VHostChange {
            description: Some(DEFAULT_DESCRIPTION.to_owned()),
            ..VHostChange::default()
        };
        let name = &self.settings().default_vhost;
        if let Err(error) = self.put_vhost(name, change, None) {
            tracing::error!(%error, vhost = %name, "the default virtual host can't be made");
        }
        if let Some(vhost) = self.vhost(name) {
            self.grant_default_user(vhost.name());
        }
    }

    /// Data directories of the first versions hold no users: everybody was the default user and
    /// might do everything. They are known by their virtual hosts, whose entries are empty.
    pub(crate) fn add_users_of_old(&self, recovered: &Recovered) {
        let entries = recovered.entries.iter();
        let mut vhosts = entries.filter(|(key, _)| key.starts_with(b"v"));
        let old = vhosts.all(|(_, value)| value.is_empty());
        if !old || self.vhosts.is_empty() || !self.users().all().is_empty() {
            return;
        }
        tracing::info!(user = %self.settings().default_user, "the data directory is from a version without users: the default user is created");
        self.add_default_user();
        for vhost in self.vhosts() {
            let mut meta = VHostMeta::default();
            if **vhost.name() == *self.settings().default_vhost {
                meta.description = DEFAULT_DESCRIPTION.to_owned();
            }
            self.put_record(&meta.record(vhost.name()));
            vhost.set_meta(meta);
            self.grant_default_user(vhost.name());
        }
    }

    /// Applies what the store holds of users: first who there is, then what they may do.
    pub(crate) fn restore_access(&self, stored: Vec<StoredAccess>) {
        let mut rows = Vec::new();
        for entry in stored {
            match entry {
                StoredAccess::User(mut user) => {
                    user.loopback_only = self.is_loopback_only(&user.name);
                    self.users().put(user);
                }
                row => rows.push(row),
            }
        }
        for row in rows {
            match row {
                StoredAccess::User(_) => {}
                StoredAccess::Permission {
                    user,
                    vhost,
                    permission,
                } => self.users().grant(&user, &vhost, |granted| {
                    granted.permission = Some(permission);
                }),
                StoredAccess::Topic {
                    user,
                    vhost,
                    exchange,
                    permission,
                } => self.users().grant(&user, &vhost, |granted| {
                    granted.topics.insert(exchange, permission);
                }),
            }
        }
    }

    fn put_record(&self, record: &Record) -> Ticket {
        self.store.put(&record.key, &record.value)
    }
}
