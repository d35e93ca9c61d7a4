//! Users and permissions come, change and go.
//!
//! Whatever changes here is in force when the call returns: sessions compare
//! [`Users::generation`](crate::Users::generation) before each operation, and route caches the
//! virtual host's generation.

use std::sync::Arc;

use store::Ticket;

use crate::auth::access::{Permission, TopicPermission};
use crate::auth::password::{Hashing, PasswordHash, SALT_BYTES};
use crate::auth::stored;
use crate::auth::users::{User, UserLimits};
use crate::broker::{Broker, random};
use crate::definitions::Applied;
use crate::error::Error;
use crate::events::Facts;
use crate::record::Record;
use crate::wakes::Wakes;

/// What to change of a user; `None` leaves it as it is.
#[derive(Clone, Default)]
pub struct UserChange {
    /// The tags.
    pub tags: Option<Vec<String>>,
    /// The password.
    pub password: Option<PasswordHash>,
    /// How much the user may open.
    pub limits: Option<UserLimits>,
}

/// Which parts of a user are being changed.
struct Told {
    password: bool,
    tags: bool,
    limits: bool,
}

impl Told {
    fn of(change: &UserChange) -> Self {
        Self {
            password: change.password.is_some(),
            tags: change.tags.is_some(),
            limits: change.limits.is_some(),
        }
    }
}

fn of_access(user: &str, vhost: &str) -> Facts {
    Facts::new().text("user", user).text("vhost", vhost)
}

impl Broker {
    /// Hashes a new password, with a new salt.
    #[must_use]
    pub fn hash_password(&self, password: &str) -> PasswordHash {
        let mut salt = [0; SALT_BYTES];
        random(&mut salt);
        PasswordHash::new(self.hashing(), password, salt)
    }

    /// How new passwords are hashed.
    #[must_use]
    pub fn hashing(&self) -> Hashing {
        Hashing::parse(&self.settings().password_hashing_module).unwrap_or_default()
    }

    /// Creates or changes a user.
    pub fn put_user(&self, name: &str, change: UserChange) -> Applied {
        let _changing = self.changes.lock();
        let before = self.users().find(name);
        let told = Told::of(&change);
        let none = || PasswordHash::none(self.hashing());
        let user = User {
            name: name.into(),
            tags: change.tags.unwrap_or_else(|| {
                let before = before.as_ref();
                before.map(|user| user.tags.clone()).unwrap_or_default()
            }),
            password: change.password.unwrap_or_else(|| {
                let before = before.as_ref();
                before.map_or_else(none, |user| user.password.clone())
            }),
            loopback_only: self.is_loopback_only(name),
            limits: change.limits.unwrap_or_else(|| {
                let before = before.as_ref();
                before.map(|user| user.limits).unwrap_or_default()
            }),
        };
        let ticket = self.put(&stored::user(&user));
        self.tell_user(before.as_deref(), &user, &told);
        self.users().put(user);
        Applied {
            created: before.is_none(),
            ticket: Some(ticket),
        }
    }

    /// Only users in `loopback_users` have to be on this machine.
    pub(crate) fn is_loopback_only(&self, name: &str) -> bool {
        let users = &self.settings().loopback_users;
        users.iter().any(|user| user == name)
    }

    /// Deletes a user with all permissions, and closes the user's connections.
    ///
    /// # Errors
    /// [`Error::NoUser`].
    pub fn delete_user(&self, name: &str) -> Result<Ticket, Error> {
        let _changing = self.changes.lock();
        let rows = (self.users().permissions(), self.users().topic_permissions());
        let no_user = || Error::NoUser(name.to_owned());
        let vhosts = self.users().remove(name).ok_or_else(no_user)?;
        for row in rows.0.iter().filter(|row| *row.user == *name) {
            self.remove(&stored::permission_key(name, &row.vhost));
        }
        for row in rows.1.iter().filter(|row| *row.user == *name) {
            self.remove(&stored::topic_key(name, &row.vhost, &row.exchange));
        }
        let ticket = self.remove(&stored::user_key(name));
        for vhost in vhosts {
            self.forget_routes(&vhost);
        }
        let mut wakes = Wakes::new();
        let connections = self.registry().connections();
        for connection in connections.iter().filter(|c| *c.user == *name) {
            connection.close(&format!("user '{name}' is deleted"), &mut wakes);
        }
        let facts = || Facts::new().text("name", name);
        self.events().emit("user.deleted", facts);
        Ok(ticket)
    }

    /// Tells what has become of a user.
    fn tell_user(&self, before: Option<&User>, user: &User, told: &Told) {
        let name = || Facts::new().text("name", &user.name);
        let tags = || name().texts("tags", &user.tags);
        if before.is_none() {
            self.events().emit("user.created", tags);
            return;
        }
        if told.password {
            self.events().emit("user.password.changed", name);
        }
        if told.tags {
            self.events().emit("user.tags.set", tags);
        }
        if told.limits {
            let event = match user.limits == UserLimits::default() {
                true => "user.limits.cleared",
                false => "user.limits.set",
            };
            self.events().emit(event, name);
        }
    }

    /// Sets what a user may do in a virtual host.
    ///
    /// # Errors
    /// [`Error::NoVhost`], [`Error::NoUser`].
    pub fn set_permission(
        &self,
        user: &str,
        vhost: &str,
        permission: Permission,
    ) -> Result<Applied, Error> {
        let _changing = self.changes.lock();
        self.check_both(user, vhost)?;
        Ok(self.grant(user, vhost, permission))
    }

    /// [`Self::set_permission`] for a caller that holds the lock and knows that both exist.
    pub(crate) fn grant(&self, user: &str, vhost: &str, permission: Permission) -> Applied {
        let created = !self.users().may_access(user, vhost);
        let ticket = self.put(&stored::permission(user, vhost, &permission));
        self.events().emit("permission.created", || {
            of_access(user, vhost)
                .text("configure", permission.configure.source())
                .text("write", permission.write.source())
                .text("read", permission.read.source())
        });
        self.users().grant(user, vhost, |granted| {
            granted.permission = Some(permission);
        });
        self.forget_routes(vhost);
        Applied {
            created,
            ticket: Some(ticket),
        }
    }

    /// Takes a user's permissions in a virtual host away. Connections stay, but can do nothing.
    /// `None` if there were none.
    pub fn clear_permission(&self, user: &str, vhost: &str) -> Option<Ticket> {
        let _changing = self.changes.lock();
        if !self.users().may_access(user, vhost) {
            return None;
        }
        let ticket = self.remove(&stored::permission_key(user, vhost));
        self.users()
            .grant(user, vhost, |granted| granted.permission = None);
        self.forget_routes(vhost);
        let facts = || of_access(user, vhost);
        self.events().emit("permission.deleted", facts);
        Some(ticket)
    }

    /// Sets which routing keys a user may use on a topic exchange, which need not exist.
    ///
    /// # Errors
    /// [`Error::NoVhost`], [`Error::NoUser`].
    pub fn set_topic_permission(
        &self,
        user: &str,
        vhost: &str,
        exchange: &str,
        permission: TopicPermission,
    ) -> Result<Applied, Error> {
        let _changing = self.changes.lock();
        self.check_both(user, vhost)?;
        let ticket = self.put(&stored::topic(user, vhost, exchange, &permission));
        self.events().emit("topic.permission.created", || {
            of_access(user, vhost)
                .text("exchange", exchange)
                .text("write", permission.write.source())
                .text("read", permission.read.source())
        });
        let mut before = None;
        self.users().grant(user, vhost, |granted| {
            before = granted.topics.insert(exchange.to_owned(), permission);
        });
        self.forget_routes(vhost);
        Ok(Applied {
            created: before.is_none(),
            ticket: Some(ticket),
        })
    }

    /// Takes a user's topic permissions in a virtual host away, all or those of one exchange.
    /// `None` if there were none.
    pub fn clear_topic_permissions(
        &self,
        user: &str,
        vhost: &str,
        exchange: Option<&str>,
    ) -> Option<Ticket> {
        let _changing = self.changes.lock();
        let mut gone = Vec::new();
        self.users().access(user, vhost)?;
        self.users().grant(user, vhost, |granted| match exchange {
            Some(exchange) => gone.extend(granted.topics.remove_entry(exchange)),
            None => gone.extend(std::mem::take(&mut granted.topics)),
        });
        self.forget_routes(vhost);
        for (exchange, _) in &gone {
            let facts = || of_access(user, vhost).text("exchange", exchange);
            self.events().emit("topic.permission.deleted", facts);
        }
        gone.iter()
            .map(|(exchange, _)| self.remove(&stored::topic_key(user, vhost, exchange)))
            .last()
    }

    /// Forgets all permissions in a virtual host that is being deleted. The lock is held.
    pub(crate) fn forget_access(&self, vhost: &str) {
        for row in self.users().permissions() {
            if *row.vhost == *vhost {
                self.remove(&stored::permission_key(&row.user, vhost));
                self.users()
                    .grant(&row.user, vhost, |granted| granted.permission = None);
            }
        }
        for row in self.users().topic_permissions() {
            if *row.vhost == *vhost {
                self.remove(&stored::topic_key(&row.user, vhost, &row.exchange));
                self.users()
                    .grant(&row.user, vhost, |granted| granted.topics.clear());
            }
        }
    }

    fn check_both(&self, user: &str, vhost: &str) -> Result<(), Error> {
        if self.vhost(vhost).is_none() {
            return Err(Error::NoVhost(vhost.to_owned()));
        }
        match self.users().find(user) {
            Some(_) => Ok(()),
            None => Err(Error::NoUser(user.to_owned())),
        }
    }

    /// A route that is cached stands for the permission to publish there.
    fn forget_routes(&self, vhost: &str) {
        if let Some(vhost) = self.vhost(vhost) {
            vhost.touch();
        }
    }

    fn put(&self, record: &Record) -> Ticket {
        self.store.put(&record.key, &record.value)
    }

    fn remove(&self, key: &[u8]) -> Ticket {
        self.store.remove(key)
    }

    /// The user that a new broker has.
    pub(crate) fn add_default_user(&self) {
        let settings = self.settings();
        let change = UserChange {
            tags: Some(settings.default_user_tags.clone()),
            password: Some(self.hash_password(&settings.default_pass)),
            limits: None,
        };
        self.put_user(&settings.default_user, change);
    }

    /// What that user may do in a virtual host.
    pub(crate) fn grant_default_user(&self, vhost: &Arc<str>) {
        let (user, given) = (
            &self.settings().default_user,
            &self.settings().default_permissions,
        );
        let permission = Permission::new(&given.configure, &given.write, &given.read);
        let permission = permission.unwrap_or_else(|error| {
            tracing::error!(%error, "default_permissions can't be used; the default user may do everything");
            Permission::all()
        });
        self.grant(user, vhost, permission);
    }
}
