//! The part of a file that is about users, virtual hosts and permissions.

use std::collections::HashSet;

use serde_json::{Map, Value};

use super::apply::Outcome;
use super::item::{Item, items, words};
use crate::auth::{Hashing, PasswordHash, Permission, TopicPermission, UserChange, UserLimits};
use crate::broker::Broker;
use crate::error::Error;
use crate::vhost_meta::{VHostChange, VHostLimits};

/// A permission to set: user, virtual host, what.
pub(super) type NewPermission = (String, String, Permission);

/// A topic permission to set: user, virtual host, exchange, what.
pub(super) type NewTopicPermission = (String, String, String, TopicPermission);

/// Who may do what where.
#[derive(Default)]
pub(super) struct People {
    users: Vec<(String, UserChange)>,
    vhosts: Vec<(String, VHostChange)>,
    permissions: Vec<NewPermission>,
    topic_permissions: Vec<NewTopicPermission>,
}

impl People {
    pub(super) fn is_empty(&self) -> bool {
        self.users.is_empty()
            && self.vhosts.is_empty()
            && self.permissions.is_empty()
            && self.topic_permissions.is_empty()
    }

    /// Names of the virtual hosts that will be there.
    pub(super) fn new_vhosts(&self) -> HashSet<String> {
        self.vhosts.iter().map(|(name, _)| name.clone()).collect()
    }

    /// Names of those that are not there yet, each once.
    pub(super) fn fresh_vhosts(&self, broker: &Broker) -> Vec<String> {
        let mut names: Vec<String> = self.new_vhosts().into_iter().collect();
        names.retain(|name| broker.vhost(name).is_none());
        names.sort_unstable();
        names
    }

    /// The limits that a virtual host is given.
    pub(super) fn limits(&self, vhost: &str) -> Option<&VHostLimits> {
        let mut changes = self.vhosts.iter().rev();
        changes.find_map(|(name, change)| change.limits.as_ref().filter(|_| name == vhost))
    }

    pub(super) fn add_users_and_vhosts(
        &mut self,
        broker: &Broker,
        file: &Map<String, Value>,
    ) -> Result<(), Error> {
        let old = is_before_3_6(file);
        for item in items(file, "users")? {
            let name = item.name("name")?.to_owned();
            self.users.push((name, user(broker, &item, old)?));
        }
        for item in items(file, "vhosts")? {
            let name = item.name("name")?;
            if name.is_empty() {
                return Err(item.wrong("name is empty"));
            }
            self.vhosts.push((name.to_owned(), vhost(&item)?));
        }
        Ok(())
    }

    pub(super) fn add_permissions(
        &mut self,
        broker: &Broker,
        file: &Map<String, Value>,
    ) -> Result<(), Error> {
        for item in items(file, "permissions")? {
            let (user, vhost) = self.ends(broker, &item)?;
            let pattern = |key| item.text(key).map(Option::unwrap_or_default);
            let (configure, write) = (pattern("configure")?, pattern("write")?);
            let permission = Permission::new(configure, write, pattern("read")?);
            let permission = permission.map_err(|error| item.wrong(error))?;
            self.permissions.push((user, vhost, permission));
        }
        for item in items(file, "topic_permissions")? {
            let (user, vhost) = self.ends(broker, &item)?;
            let exchange = item.name("exchange")?.to_owned();
            let pattern = |key| item.text(key).map(Option::unwrap_or_default);
            let permission =
                TopicPermission::new(pattern("write")?, pattern("read")?, &user, &vhost);
            let permission = permission.map_err(|error| item.wrong(error))?;
            let row = (user, vhost, exchange, permission);
            self.topic_permissions.push(row);
        }
        Ok(())
    }

    /// The user and the virtual host of a permission: they exist, or the file makes them.
    fn ends(&self, broker: &Broker, item: &Item<'_>) -> Result<(String, String), Error> {
        let (user, vhost) = (item.name("user")?, item.name("vhost")?);
        let new_user = self.users.iter().any(|(name, _)| name == user);
        if !new_user && broker.users().find(user).is_none() {
            return Err(item.wrong(format!("no user '{user}'")));
        }
        let new_vhost = self.vhosts.iter().any(|(name, _)| name == vhost);
        if !new_vhost && broker.vhost(vhost).is_none() {
            return Err(item.wrong(format!(
                "Please create virtual host \"{vhost}\" prior to importing definitions."
            )));
        }
        Ok((user.to_owned(), vhost.to_owned()))
    }

    /// Makes users and virtual hosts; the permissions are for later.
    pub(super) fn apply(
        self,
        broker: &Broker,
        outcome: &mut Outcome,
    ) -> (Vec<NewPermission>, Vec<NewTopicPermission>) {
        for (name, change) in self.users {
            broker.put_user(&name, change);
        }
        for (name, change) in self.vhosts {
            outcome.note(broker.put_vhost(&name, change, None).map(|_| false));
        }
        (self.permissions, self.topic_permissions)
    }
}

/// Before RabbitMQ 3.6 hashes were MD5, and nobody said so.
fn is_before_3_6(file: &Map<String, Value>) -> bool {
    let version = file
        .get("rabbitmq_version")
        .or_else(|| file.get("rabbit_version"));
    let Some(version) = version.and_then(Value::as_str) else {
        return false;
    };
    let mut parts = version
        .split('.')
        .map_while(|part| part.parse::<u32>().ok());
    let (major, minor) = (parts.next(), parts.next());
    matches!((major, minor), (Some(0..=2), _) | (Some(3), Some(0..=5)))
}

fn user(broker: &Broker, item: &Item<'_>, old: bool) -> Result<UserChange, Error> {
    let tags = item.get("tags").map(words).unwrap_or_default();
    let hashing = match item.text("hashing_algorithm")? {
        None if old => Hashing::Md5,
        None => broker.hashing(),
        Some(name) => Hashing::parse(name)
            .ok_or_else(|| item.wrong(format!("unknown hashing_algorithm '{name}'")))?,
    };
    let password = match (item.text("password_hash")?, item.text("password")?) {
        (Some(hash), _) => PasswordHash::from_base64(hashing, hash)
            .ok_or_else(|| item.wrong("password_hash is not base64"))?,
        (None, Some(password)) if !password.is_empty() => broker.hash_password(password),
        _ => PasswordHash::none(hashing),
    };
    let limits = item.object("limits").map(|limits| UserLimits {
        max_connections: limits.get("max-connections").and_then(Value::as_i64),
        max_channels: limits.get("max-channels").and_then(Value::as_i64),
    });
    Ok(UserChange {
        tags: Some(tags),
        password: Some(password),
        limits,
    })
}

fn vhost(item: &Item<'_>) -> Result<VHostChange, Error> {
    let metadata = item.object("metadata");
    // Old files have these beside the name, new ones in an object of their own.
    let of = |key: &str| item.get(key).or_else(|| metadata?.get(key));
    let text = |key: &str| of(key).and_then(Value::as_str).map(str::to_owned);
    let kind = text("default_queue_type").filter(|kind| kind != "undefined");
    if let Some(kind) = &kind
        && !matches!(kind.as_str(), "classic" | "quorum" | "stream")
    {
        return Err(item.wrong(format!("unsupported queue type '{kind}'")));
    }
    Ok(VHostChange {
        description: text("description"),
        tags: of("tags").map(words),
        default_queue_type: kind.map(Some),
        protected: of("protected_from_deletion").and_then(Value::as_bool),
        tracing: item.get("tracing").and_then(Value::as_bool),
        limits: item.object("limits").map(vhost_limits),
    })
}

/// The limits of a virtual host, as in a parameter.
pub(crate) fn vhost_limits(limits: &Map<String, Value>) -> VHostLimits {
    VHostLimits {
        max_connections: limits.get("max-connections").and_then(Value::as_i64),
        max_queues: limits.get("max-queues").and_then(Value::as_i64),
    }
}
