//! What one user may do in one virtual host.
//!
//! An [`Access`] is a snapshot with everything compiled: whoever holds one asks it for each
//! operation, and takes a new one when [`Users::generation`](crate::Users::generation) has moved
//! on.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use routing::{Kind, Subject};

use crate::auth::pattern::Pattern;
use crate::auth::users::User;
use crate::error::{Error, Resource};
use crate::exchange::Exchange;
use crate::vhost::{Route, VHost};

/// What is to be done with a queue or an exchange.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Right {
    /// To create it, delete it or change how it works.
    Configure,
    /// To put messages into it.
    Write,
    /// To take messages out of it.
    Read,
}

impl fmt::Display for Right {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Configure => "configure",
            Self::Write => "write",
            Self::Read => "read",
        })
    }
}

/// What a user may do in a virtual host: names that match, for each right.
#[derive(Clone, Debug)]
pub struct Permission {
    /// Names that may be created and deleted.
    pub configure: Pattern,
    /// Names that may be published to.
    pub write: Pattern,
    /// Names that may be consumed from.
    pub read: Pattern,
}

impl Permission {
    /// Compiles the three expressions.
    ///
    /// # Errors
    /// The expression that is none, and why.
    pub fn new(configure: &str, write: &str, read: &str) -> Result<Self, Error> {
        Ok(Self {
            configure: compile(configure, &[])?,
            write: compile(write, &[])?,
            read: compile(read, &[])?,
        })
    }

    /// Everything.
    #[must_use]
    pub fn all() -> Self {
        let all = Pattern::everything();
        Self {
            configure: all.clone(),
            write: all.clone(),
            read: all,
        }
    }

    const fn of(&self, right: Right) -> &Pattern {
        match right {
            Right::Configure => &self.configure,
            Right::Write => &self.write,
            Right::Read => &self.read,
        }
    }
}

/// Which routing keys a user may publish with to a topic exchange, and bind with.
#[derive(Clone, Debug)]
pub struct TopicPermission {
    /// Keys to publish with.
    pub write: Pattern,
    /// Keys to bind with.
    pub read: Pattern,
}

impl TopicPermission {
    /// Compiles both expressions for a user of a virtual host: `{username}` and `{vhost}` stand
    /// for their names. `{client_id}` is known for other protocols only, and stands for itself.
    ///
    /// # Errors
    /// The expression that is none, and why.
    pub fn new(write: &str, read: &str, user: &str, vhost: &str) -> Result<Self, Error> {
        let variables = [
            ("username", user),
            ("vhost", vhost),
            ("client_id", "{client_id}"),
        ];
        Ok(Self {
            write: compile(write, &variables)?,
            read: compile(read, &variables)?,
        })
    }
}

fn compile(source: &str, variables: &[(&str, &str)]) -> Result<Pattern, Error> {
    Pattern::expanded(source, variables).map_err(|reason| Error::InvalidPattern {
        pattern: source.to_owned(),
        reason,
    })
}

/// A snapshot of what one user may do in one virtual host.
#[derive(Debug)]
pub struct Access {
    pub(crate) user: Arc<User>,
    /// `None`: the broker itself, which may do everything.
    granted: Option<Granted>,
}

/// The rows that an administrator has set.
#[derive(Clone, Debug, Default)]
pub(crate) struct Granted {
    /// `None`: no access to the virtual host at all.
    pub(crate) permission: Option<Permission>,
    /// By exchange; a missing one allows every key.
    pub(crate) topics: BTreeMap<String, TopicPermission>,
}

impl Granted {
    pub(crate) fn is_empty(&self) -> bool {
        self.permission.is_none() && self.topics.is_empty()
    }
}

impl Access {
    pub(crate) const fn new(user: Arc<User>, granted: Granted) -> Self {
        Self {
            user,
            granted: Some(granted),
        }
    }

    /// The broker itself, which may do everything.
    #[must_use]
    pub fn unlimited() -> Self {
        Self {
            user: Arc::new(User::internal()),
            granted: None,
        }
    }

    /// Whose it is.
    #[must_use]
    pub const fn user(&self) -> &Arc<User> {
        &self.user
    }

    /// Whether the user may be in the virtual host at all.
    #[must_use]
    pub const fn is_granted(&self) -> bool {
        self.permission().is_some() || self.granted.is_none()
    }

    /// The row of the virtual host.
    #[must_use]
    pub const fn permission(&self) -> Option<&Permission> {
        match &self.granted {
            None => None,
            Some(granted) => granted.permission.as_ref(),
        }
    }

    /// The rows of topic exchanges, by exchange.
    pub fn topics(&self) -> impl Iterator<Item = (&str, &TopicPermission)> {
        let granted = self.granted.iter();
        granted
            .flat_map(|granted| &granted.topics)
            .map(|(exchange, permission)| (exchange.as_str(), permission))
    }

    /// The rows, to be changed and put back.
    pub(crate) fn granted(&self) -> Granted {
        self.granted.clone().unwrap_or_default()
    }

    fn allows(&self, right: Right, name: &str) -> bool {
        let Some(granted) = &self.granted else {
            return true;
        };
        let permission = granted.permission.as_ref();
        permission.is_some_and(|permission| permission.of(right).matches(name))
    }

    /// Whether a queue may be used so.
    ///
    /// # Errors
    /// [`Error::AccessRefused`].
    pub fn check_queue(&self, right: Right, name: &str, vhost: &str) -> Result<(), Error> {
        if self.allows(right, name) {
            return Ok(());
        }
        Err(self.refused(right, Resource::queue(name, vhost)))
    }

    /// Whether an exchange may be used so. The default exchange is called `amq.default` here.
    ///
    /// # Errors
    /// [`Error::AccessRefused`].
    pub fn check_exchange(&self, right: Right, name: &str, vhost: &str) -> Result<(), Error> {
        let name = if name.is_empty() { "amq.default" } else { name };
        if self.allows(right, name) {
            return Ok(());
        }
        Err(self.refused(right, Resource::exchange(name, vhost)))
    }

    /// Whether something may be looked at: any right will do.
    ///
    /// # Errors
    /// [`Error::AccessRefused`], which names the first.
    pub fn check_any(&self, resource: Resource) -> Result<(), Error> {
        let allowed = [Right::Configure, Right::Write, Right::Read]
            .into_iter()
            .any(|right| self.allows(right, resource.name()));
        if allowed {
            return Ok(());
        }
        Err(self.refused(Right::Configure, resource))
    }

    fn refused(&self, right: Right, resource: Resource) -> Error {
        Error::AccessRefused {
            right,
            resource,
            user: self.user.name.to_string(),
        }
    }

    /// Whether keys may be published with, or bound with, on a topic exchange.
    ///
    /// # Errors
    /// [`Error::TopicRefused`], with the first key that may not.
    pub fn check_topics<'a>(
        &self,
        right: Right,
        exchange: &Exchange,
        keys: impl IntoIterator<Item = &'a str>,
    ) -> Result<(), Error> {
        let Some(granted) = &self.granted else {
            return Ok(());
        };
        if exchange.kind != Kind::Topic {
            return Ok(());
        }
        let Some(permission) = granted.topics.get(&*exchange.name) else {
            return Ok(());
        };
        let pattern = match right {
            Right::Read => &permission.read,
            Right::Configure | Right::Write => &permission.write,
        };
        match keys.into_iter().find(|key| !pattern.matches(key)) {
            None => Ok(()),
            Some(key) => Err(Error::TopicRefused {
                right,
                key: key.to_owned(),
                exchange: exchange.resource(),
                user: self.user.name.to_string(),
            }),
        }
    }
}

impl VHost {
    /// [`Self::route`] for somebody who has to be allowed to publish there. Checks in RabbitMQ's
    /// order: write permission, exchange, topic permissions.
    ///
    /// # Errors
    /// 403 when it is not allowed, and those of [`Self::route`].
    pub fn route_for<'a>(
        &self,
        access: &Access,
        exchange: &str,
        keys: &[&str],
        subject: impl Into<Subject<'a>>,
    ) -> Result<Route, Error> {
        access.check_exchange(Right::Write, exchange, &self.name)?;
        let route = self.route(exchange, keys, subject)?;
        access.check_topics(Right::Write, &route.exchange, keys.iter().copied())?;
        Ok(route)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn access(configure: &str, write: &str, read: &str) -> Access {
        let permission = Permission::new(configure, write, read).unwrap();
        let granted = Granted {
            permission: Some(permission),
            topics: BTreeMap::new(),
        };
        Access::new(Arc::new(User::internal()), granted)
    }

    #[test]
    fn each_right_has_its_own_pattern() {
        let access = access("^c", "^w", "^r");
        for (right, name) in [
            (Right::Configure, "c1"),
            (Right::Write, "w1"),
            (Right::Read, "r1"),
        ] {
            for other in ["c1", "w1", "r1"] {
                let allowed = access.check_queue(right, other, "/").is_ok();
                assert_eq!(allowed, other == name, "{right} {other}");
            }
            assert!(access.check_any(Resource::queue(name, "/")).is_ok());
        }
        assert!(access.check_any(Resource::queue("x", "/")).is_err());
    }

    #[test]
    fn default_exchange_is_matched_by_another_name() {
        let access = access("", "^amq\\.default$", "");
        assert!(access.check_exchange(Right::Write, "", "/").is_ok());
        let refused = access.check_exchange(Right::Read, "", "/").unwrap_err();
        assert!(
            refused
                .to_string()
                .starts_with("read access to exchange 'amq.default' in vhost '/' refused for user")
        );
    }

    #[test]
    fn without_a_row_nothing_is_allowed() {
        let access = Access::new(Arc::new(User::internal()), Granted::default());
        assert!(!access.is_granted());
        assert!(access.check_any(Resource::queue("", "/")).is_err());
        assert!(
            Access::unlimited()
                .check_queue(Right::Read, "q", "/")
                .is_ok()
        );
    }
}
