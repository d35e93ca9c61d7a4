//! The users of the broker.

use std::fmt;
use std::sync::Arc;

use dashmap::DashMap;

use crate::auth::password::PasswordHash;

/// Somebody who may log in.
pub struct User {
    /// The name.
    pub name: Arc<str>,
    /// `administrator`, `management`, …
    pub tags: Vec<String>,
    /// The password.
    pub password: PasswordHash,
    /// Only from this machine (`loopback_users`).
    pub loopback_only: bool,
}

impl User {
    /// Whether the user has any permission in a virtual host. Every user has all, until
    /// permissions can be set.
    #[must_use]
    pub const fn may_access(&self, _vhost: &str) -> bool {
        true
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
}

impl fmt::Display for LoginRefused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::UnknownUser => "no such user",
            Self::WrongPassword => "wrong password",
            Self::NotLoopback => "this user can only log in from localhost (see loopback_users)",
        })
    }
}

/// All users, by name.
#[derive(Default)]
pub struct Users {
    by_name: DashMap<String, Arc<User>>,
}

impl Users {
    /// Adds or replaces a user.
    pub(crate) fn put(&self, user: User) {
        self.by_name.insert(user.name.to_string(), Arc::new(user));
    }

    /// The user of this name.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<Arc<User>> {
        self.by_name.get(name).map(|u| Arc::clone(u.value()))
    }

    /// All of them, by name.
    #[must_use]
    pub fn all(&self) -> Vec<Arc<User>> {
        let mut all: Vec<_> = self.by_name.iter().map(|u| Arc::clone(u.value())).collect();
        all.sort_by(|a, b| a.name.cmp(&b.name));
        all
    }

    /// Checks a name and a password given from `loopback` or elsewhere.
    ///
    /// # Errors
    /// Why not; a blank password is always wrong.
    pub fn authenticate(
        &self,
        name: &str,
        password: &str,
        loopback: bool,
    ) -> Result<Arc<User>, LoginRefused> {
        let user = self.find(name).ok_or(LoginRefused::UnknownUser)?;
        if password.is_empty() || !user.password.matches(password) {
            return Err(LoginRefused::WrongPassword);
        }
        self.admit(user, loopback)
    }

    /// Logs a user in without a password (SASL ANONYMOUS as the configured user).
    ///
    /// # Errors
    /// Why not.
    pub fn admit_anonymous(&self, name: &str, loopback: bool) -> Result<Arc<User>, LoginRefused> {
        self.admit(self.find(name).ok_or(LoginRefused::UnknownUser)?, loopback)
    }

    fn admit(&self, user: Arc<User>, loopback: bool) -> Result<Arc<User>, LoginRefused> {
        if user.loopback_only && !loopback {
            return Err(LoginRefused::NotLoopback);
        }
        Ok(user)
    }
}
