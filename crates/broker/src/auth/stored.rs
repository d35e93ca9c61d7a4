//! Users and permissions as the store keeps them: tables under keys that name them.
//!
//! | key | value |
//! |---|---|
//! | `U` user | `hash` (base64), `hashing`, `tags`, `max-connections`, `max-channels` |
//! | `A` user, virtual host | `configure`, `write`, `read` |
//! | `T` user, virtual host, exchange | `write`, `read` |

use codec::{AMQPValue, FieldTable, get_int, get_str};

use crate::auth::access::{Permission, TopicPermission};
use crate::auth::password::{Hashing, PasswordHash};
use crate::auth::users::{User, UserLimits};
use crate::record::{Record, key};

/// An entry of the store that concerns users.
pub(crate) enum StoredAccess {
    User(User),
    Permission {
        user: String,
        vhost: String,
        permission: Permission,
    },
    Topic {
        user: String,
        vhost: String,
        exchange: String,
        permission: TopicPermission,
    },
}

pub(crate) fn user_key(name: &str) -> Vec<u8> {
    key(b'U', &[name.as_bytes()])
}

pub(crate) fn permission_key(user: &str, vhost: &str) -> Vec<u8> {
    key(b'A', &[user.as_bytes(), vhost.as_bytes()])
}

pub(crate) fn topic_key(user: &str, vhost: &str, exchange: &str) -> Vec<u8> {
    key(
        b'T',
        &[user.as_bytes(), vhost.as_bytes(), exchange.as_bytes()],
    )
}

pub(crate) fn user(user: &User) -> Record {
    let mut table = table(&[
        ("hash", &user.password.to_base64()),
        ("hashing", user.password.hashing().name()),
    ]);
    put_strings(&mut table, "tags", &user.tags);
    put_limit(&mut table, "max-connections", user.limits.max_connections);
    put_limit(&mut table, "max-channels", user.limits.max_channels);
    record(user_key(&user.name), &table)
}

pub(crate) fn permission(user: &str, vhost: &str, permission: &Permission) -> Record {
    let table = table(&[
        ("configure", permission.configure.source()),
        ("write", permission.write.source()),
        ("read", permission.read.source()),
    ]);
    record(permission_key(user, vhost), &table)
}

pub(crate) fn topic(
    user: &str,
    vhost: &str,
    exchange: &str,
    permission: &TopicPermission,
) -> Record {
    let table = table(&[
        ("write", permission.write.source()),
        ("read", permission.read.source()),
    ]);
    record(topic_key(user, vhost, exchange), &table)
}

/// Reads an entry whose key begins with `kind`; `None` for another kind, or nonsense.
pub(crate) fn decode(kind: u8, names: &[String], value: &[u8]) -> Option<StoredAccess> {
    let table = codec::decode_table(value).ok()?;
    let text = |key| get_str(&table, key);
    match (kind, names) {
        (b'U', [name]) => Some(StoredAccess::User(User {
            name: name.as_str().into(),
            tags: strings(&table, "tags"),
            password: PasswordHash::from_base64(Hashing::parse(text("hashing")?)?, text("hash")?)?,
            loopback_only: false,
            limits: UserLimits {
                max_connections: get_int(&table, "max-connections"),
                max_channels: get_int(&table, "max-channels"),
            },
        })),
        (b'A', [user, vhost]) => Some(StoredAccess::Permission {
            user: user.clone(),
            vhost: vhost.clone(),
            permission: Permission::new(text("configure")?, text("write")?, text("read")?).ok()?,
        }),
        (b'T', [user, vhost, exchange]) => Some(StoredAccess::Topic {
            user: user.clone(),
            vhost: vhost.clone(),
            exchange: exchange.clone(),
            permission: TopicPermission::new(text("write")?, text("read")?, user, vhost).ok()?,
        }),
        _ => None,
    }
}

/// A table of texts.
pub(crate) fn table(entries: &[(&str, &str)]) -> FieldTable {
    let mut table = FieldTable::default();
    for (key, text) in entries {
        table.insert((*key).into(), AMQPValue::LongString((*text).into()));
    }
    table
}

pub(crate) fn put_strings(table: &mut FieldTable, key: &str, texts: &[String]) {
    let texts: Vec<AMQPValue> = texts
        .iter()
        .map(|text| AMQPValue::LongString(text.as_str().into()))
        .collect();
    table.insert(key.into(), AMQPValue::FieldArray(texts.into()));
}

pub(crate) fn put_limit(table: &mut FieldTable, key: &str, limit: Option<i64>) {
    if let Some(limit) = limit {
        table.insert(key.into(), AMQPValue::LongLongInt(limit));
    }
}

pub(crate) fn strings(table: &FieldTable, key: &str) -> Vec<String> {
    match table.inner().get(key) {
        Some(AMQPValue::FieldArray(values)) => values
            .as_slice()
            .iter()
            .filter_map(codec::as_str)
            .map(str::to_owned)
            .collect(),
        _ => Vec::new(),
    }
}

fn record(key: Vec<u8>, table: &FieldTable) -> Record {
    Record {
        key,
        value: codec::encode_table(table),
    }
}
