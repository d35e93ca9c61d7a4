//! What users may do.

use broker::{PermissionRow, TopicPermissionRow};
use serde::Serialize;

/// What a user may do in a virtual host, as patterns of names.
#[derive(Serialize, Debug)]
pub(crate) struct PermissionView<'a> {
    user: &'a str,
    vhost: &'a str,
    configure: &'a str,
    write: &'a str,
    read: &'a str,
}

/// Which routing keys a user may use on a topic exchange.
#[derive(Serialize, Debug)]
pub(crate) struct TopicPermissionView<'a> {
    user: &'a str,
    vhost: &'a str,
    exchange: &'a str,
    write: &'a str,
    read: &'a str,
}

impl<'a> PermissionView<'a> {
    pub(crate) fn of(row: &'a PermissionRow) -> Self {
        Self {
            user: &row.user,
            vhost: &row.vhost,
            configure: row.permission.configure.source(),
            write: row.permission.write.source(),
            read: row.permission.read.source(),
        }
    }
}

impl<'a> TopicPermissionView<'a> {
    pub(crate) fn of(row: &'a TopicPermissionRow) -> Self {
        Self {
            user: &row.user,
            vhost: &row.vhost,
            exchange: &row.exchange,
            write: row.permission.write.source(),
            read: row.permission.read.source(),
        }
    }
}
