//! The users of the broker and what each may do where.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use parking_lot::{Mutex, RwLock};

use crate::auth::access::{Access, Granted, Permission, TopicPermission};
use crate::auth::password::{Hashing, PasswordHash};
use crate::auth::throttle::Throttle;

/// Somebody who may log in.
pub struct User {
    /// The name.
    pub name: Arc<str>,
    /// `administrator`, `management`, … and free ones.
    pub tags: Vec<String>,
    /// The password.
    pub password: PasswordHash,
    /// Only from this machine (`loopback_users`).
    pub loopback_only: bool,
    /// How much the user may open.
    pub limits: UserLimits,
}

/// How much a user may open at the same time. `None` and negative numbers: any number.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct UserLimits {
    /// `max-connections`
    pub max_connections: Option<i64>,
    /// `max-channels`, of all connections together.
    pub max_channels: Option<i64>,
}

impl User {
    /// The broker itself, and whoever comes in by its own socket. Nobody can log in as this.
    #[must_use]
    pub fn internal() -> Self {
        Self {
            name: "rmq-internal".into(),
            tags: vec!["administrator".to_owned()],
            password: PasswordHash::none(Hashing::Sha256),
            loopback_only: true,
            limits: UserLimits::default(),
        }
    }

    /// Whether the user has this tag.
    #[must_use]
    pub fn has_tag(&self, tag: &str) -> bool {
        self.tags.iter().any(|one| one == tag)
    }
}

impl fmt::Debug for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("User")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// Why a login is refused. For the log; clients are told nothing but that it was.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LoginRefused {
    /// No such user.
    UnknownUser,
    /// Not the password, or a blank one.
    WrongPassword,
    /// The user may log in from this machine only.
    NotLoopback,
    /// There were too many wrong passwords for this user from this address, just now.
    TooManyFailures,
}

impl fmt::Display for LoginRefused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::UnknownUser => "no such user",
            Self::WrongPassword => "wrong password",
            Self::NotLoopback => "this user can only log in from localhost (see loopback_users)",
            Self::TooManyFailures => "too many failed logins from this address, try again later",
        })
    }
}

/// Where somebody logs in from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LoginFrom<'a> {
    /// The address without its port.
    pub host: &'a str,
    /// It is this machine.
    pub loopback: bool,
    /// By which protocol.
    pub protocol: LoginProtocol,
}

/// How somebody logs in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LoginProtocol {
    /// SASL on an AMQP connection.
    Amqp,
    /// A request to the HTTP API.
    Http,
}

/// How many logins there were.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct LoginAttempts {
    /// Those that were let in.
    pub succeeded: u64,
    /// Those that were not.
    pub failed: u64,
}

/// One row of permissions.
#[derive(Clone, Debug)]
pub struct PermissionRow {
    /// Who.
    pub user: Arc<str>,
    /// Where.
    pub vhost: Arc<str>,
    /// What.
    pub permission: Permission,
}

/// One row of topic permissions.
#[derive(Clone, Debug)]
pub struct TopicPermissionRow {
    /// Who.
    pub user: Arc<str>,
    /// Where.
    pub vhost: Arc<str>,
    /// On which exchange.
    pub exchange: String,
    /// What.
    pub permission: TopicPermission,
}

/// All users, by name, and their permissions.
#[derive(Default)]
pub struct Users {
    state: RwLock<State>,
    generation: AtomicU64,
    throttle: Mutex<Throttle>,
    /// By [`LoginProtocol`].
    attempts: Mutex<[LoginAttempts; 2]>,
}

#[derive(Default)]
struct State {
    by_name: BTreeMap<Arc<str>, Arc<User>>,
    /// By user, then by virtual host.
    access: BTreeMap<Arc<str>, BTreeMap<Arc<str>, Arc<Access>>>,
}

impl Users {
    /// Moves on after every change: an [`Access`] taken before may be out of date.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// Adds or replaces a user.
    pub(crate) fn put(&self, user: User) {
        let user = Arc::new(user);
        let mut state = self.state.write();
        if let Some(everywhere) = state.access.get_mut(&user.name) {
            for access in everywhere.values_mut() {
                *access = Arc::new(Access::new(Arc::clone(&user), access.granted()));
            }
        }
        state.by_name.insert(Arc::clone(&user.name), user);
        drop(state);
        self.generation.fetch_add(1, Ordering::Release);
    }

    /// Removes a user with all permissions; returns the virtual hosts in which there were any.
    pub(crate) fn remove(&self, name: &str) -> Option<Vec<Arc<str>>> {
        let mut state = self.state.write();
        state.by_name.remove(name)?;
        let access = state.access.remove(name).unwrap_or_default();
        drop(state);
        self.generation.fetch_add(1, Ordering::Release);
        Some(access.into_keys().collect())
    }

    /// Changes what a user may do in a virtual host. Does nothing without the user.
    pub(crate) fn grant(&self, user: &str, vhost: &str, change: impl FnOnce(&mut Granted)) {
        let mut state = self.state.write();
        let Some(user) = state.by_name.get(user).map(Arc::clone) else {
            return;
        };
        let everywhere = state.access.entry(Arc::clone(&user.name)).or_default();
        let mut granted = everywhere
            .get(vhost)
            .map(|access| access.granted())
            .unwrap_or_default();
        change(&mut granted);
        if granted.is_empty() {
            everywhere.remove(vhost);
        } else {
            everywhere.insert(vhost.into(), Arc::new(Access::new(user, granted)));
        }
        drop(state);
        self.generation.fetch_add(1, Ordering::Release);
    }

    /// The user of this name.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<Arc<User>> {
        self.state.read().by_name.get(name).map(Arc::clone)
    }

    /// All of them, by name.
    #[must_use]
    pub fn all(&self) -> Vec<Arc<User>> {
        self.state.read().by_name.values().map(Arc::clone).collect()
    }

    /// Those without permissions in any virtual host, by name.
    #[must_use]
    pub fn without_permissions(&self) -> Vec<Arc<User>> {
        let state = self.state.read();
        let granted = |user: &Arc<User>| {
            let everywhere = state.access.get(&user.name);
            everywhere.is_some_and(|access| access.values().any(|one| one.is_granted()))
        };
        let users = state.by_name.values().filter(|user| !granted(user));
        users.map(Arc::clone).collect()
    }

    /// What a user may do in a virtual host; `None` without such a user.
    #[must_use]
    pub fn access(&self, user: &str, vhost: &str) -> Option<Arc<Access>> {
        let state = self.state.read();
        let user = state.by_name.get(user)?;
        let access = state.access.get(&user.name).and_then(|all| all.get(vhost));
        Some(match access {
            Some(access) => Arc::clone(access),
            None => Arc::new(Access::new(Arc::clone(user), Granted::default())),
        })
    }

    /// Whether a user has a row of permissions in a virtual host.
    #[must_use]
    pub fn may_access(&self, user: &str, vhost: &str) -> bool {
        let state = self.state.read();
        let access = state.access.get(user).and_then(|all| all.get(vhost));
        access.is_some_and(|access| access.is_granted())
    }

    /// All rows of permissions, by user and virtual host.
    #[must_use]
    pub fn permissions(&self) -> Vec<PermissionRow> {
        let mut rows = Vec::new();
        for (user, everywhere) in &self.state.read().access {
            for (vhost, access) in everywhere {
                rows.extend(access.permission().map(|permission| PermissionRow {
                    user: Arc::clone(user),
                    vhost: Arc::clone(vhost),
                    permission: permission.clone(),
                }));
            }
        }
        rows
    }

    /// All rows of topic permissions, by user, virtual host and exchange.
    #[must_use]
    pub fn topic_permissions(&self) -> Vec<TopicPermissionRow> {
        let mut rows = Vec::new();
        for (user, everywhere) in &self.state.read().access {
            for (vhost, access) in everywhere {
                let of = |(exchange, permission): (&str, &TopicPermission)| TopicPermissionRow {
                    user: Arc::clone(user),
                    vhost: Arc::clone(vhost),
                    exchange: exchange.to_owned(),
                    permission: permission.clone(),
                };
                rows.extend(access.topics().map(of));
            }
        }
        rows
    }

    /// Checks a name and a password. Whoever fails too often has to wait, alone: see
    /// [`LOGIN_FAILURES_FREE_MAX`](crate::limits::LOGIN_FAILURES_FREE_MAX).
    ///
    /// # Errors
    /// Why not; a blank password is always wrong.
    pub fn authenticate(
        &self,
        name: &str,
        password: &str,
        from: LoginFrom<'_>,
        now: Instant,
    ) -> Result<Arc<User>, LoginRefused> {
        let outcome = self.check(name, password, from, now);
        self.count(from.protocol, outcome.is_ok());
        outcome
    }

    fn check(
        &self,
        name: &str,
        password: &str,
        from: LoginFrom<'_>,
        now: Instant,
    ) -> Result<Arc<User>, LoginRefused> {
        if self.throttle.lock().is_blocked(from.host, name, now) {
            return Err(LoginRefused::TooManyFailures);
        }
        let checked = self.check_password(name, password);
        let mut throttle = self.throttle.lock();
        match &checked {
            Ok(_) => throttle.succeeded(from.host, name),
            Err(_) => throttle.failed(from.host, name, now),
        }
        drop(throttle);
        admit(checked?, from.loopback)
    }

    fn count(&self, protocol: LoginProtocol, admitted: bool) {
        let attempts = &mut self.attempts.lock()[protocol as usize];
        if admitted {
            attempts.succeeded += 1;
        } else {
            attempts.failed += 1;
        }
    }

    /// How many logins there were since the start, or the last [`Self::forget_attempts`].
    #[must_use]
    pub fn attempts(&self, protocol: LoginProtocol) -> LoginAttempts {
        self.attempts.lock()[protocol as usize]
    }

    /// Counts logins from zero again.
    pub fn forget_attempts(&self) {
        *self.attempts.lock() = Default::default();
    }

    fn check_password(&self, name: &str, password: &str) -> Result<Arc<User>, LoginRefused> {
        let Some(user) = self.find(name) else {
            // The same work as for a user that there is, so that the time tells nothing.
            let _ = PasswordHash::new(Hashing::default(), password, [0; 4]);
            return Err(LoginRefused::UnknownUser);
        };
        if password.is_empty() || !user.password.matches(password) {
            return Err(LoginRefused::WrongPassword);
        }
        Ok(user)
    }

    /// Logs a user in without a password (SASL ANONYMOUS as the configured user).
    ///
    /// # Errors
    /// Why not.
    pub fn admit_anonymous(&self, name: &str, loopback: bool) -> Result<Arc<User>, LoginRefused> {
        admit(self.find(name).ok_or(LoginRefused::UnknownUser)?, loopback)
    }
}

fn admit(user: Arc<User>, loopback: bool) -> Result<Arc<User>, LoginRefused> {
    if user.loopback_only && !loopback {
        return Err(LoginRefused::NotLoopback);
    }
    Ok(user)
}
