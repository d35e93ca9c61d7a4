//! Users and what they may do.

use broker::User;
use serde::Serialize;

use super::Empty;

/// Who is logged in.
#[derive(Serialize, Debug)]
pub(crate) struct WhoAmI<'a> {
    name: &'a str,
    tags: &'a [String],
    is_internal_user: bool,
}

/// A user. The hash of the password stays here.
#[derive(Serialize, Debug)]
pub(crate) struct UserView<'a> {
    pub(crate) name: &'a str,
    password_hash: &'static str,
    hashing_algorithm: &'static str,
    tags: &'a [String],
    limits: Empty,
}

/// What a user may do in a virtual host, as patterns of names.
#[derive(Serialize, Debug)]
pub(crate) struct PermissionView<'a> {
    user: &'a str,
    vhost: &'a str,
    configure: &'static str,
    write: &'static str,
    read: &'static str,
}

impl<'a> WhoAmI<'a> {
    pub(crate) fn of(user: &'a User) -> Self {
        Self {
            name: &user.name,
            tags: &user.tags,
            is_internal_user: true,
        }
    }
}

impl<'a> UserView<'a> {
    pub(crate) fn of(user: &'a User) -> Self {
        Self {
            name: &user.name,
            password_hash: "",
            hashing_algorithm: "rabbit_password_hashing_sha256",
            tags: &user.tags,
            limits: Empty {},
        }
    }
}

impl<'a> PermissionView<'a> {
    /// Everything: there are no finer permissions yet.
    pub(crate) fn all(user: &'a str, vhost: &'a str) -> Self {
        Self {
            user,
            vhost,
            configure: ".*",
            write: ".*",
            read: ".*",
        }
    }
}
