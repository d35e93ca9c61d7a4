//! Users and limits.

use broker::{User, UserLimits, VHostLimits};
use serde::Serialize;

/// Who is logged in.
#[derive(Serialize, Debug)]
pub(crate) struct WhoAmI<'a> {
    name: &'a str,
    tags: &'a [String],
    is_internal_user: bool,
}

/// A user, as in a definitions file.
#[derive(Serialize, Debug)]
pub(crate) struct UserView<'a> {
    pub(crate) name: &'a str,
    password_hash: String,
    hashing_algorithm: &'static str,
    tags: &'a [String],
    limits: LimitsView,
}

/// Limits that are set.
#[derive(Clone, Copy, Serialize, Debug)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct LimitsView {
    #[serde(skip_serializing_if = "Option::is_none")]
    max_connections: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_channels: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_queues: Option<i64>,
}

impl LimitsView {
    pub(crate) const fn of_user(limits: UserLimits) -> Self {
        Self {
            max_connections: limits.max_connections,
            max_channels: limits.max_channels,
            max_queues: None,
        }
    }

    pub(crate) const fn of_vhost(limits: VHostLimits) -> Self {
        Self {
            max_connections: limits.max_connections,
            max_channels: None,
            max_queues: limits.max_queues,
        }
    }
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
            password_hash: user.password.to_base64(),
            hashing_algorithm: user.password.hashing().name(),
            tags: &user.tags,
            limits: LimitsView::of_user(user.limits),
        }
    }
}
