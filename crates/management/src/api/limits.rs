//! How much there may be in a virtual host, and how much a user may open.

use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use broker::{User, UserChange, UserLimits, VHost, VHostChange, VHostLimits};
use serde_json::{Value, json};

use super::{Done, List, Listing, Shared};
use crate::auth::{Administrator, Caller};
use crate::body::Fields;
use crate::context::Context;
use crate::error::ApiError;
use crate::openapi::{Answer as Success, Field, Kind, Paths, required};
use crate::page::{ListQuery, Paging};
use crate::views::user::LimitsView;

const VALUE: &[Field] = &[required(
    "value",
    Kind::Integer,
    "The limit; none if below zero.",
)];

pub(super) fn routes() -> Paths {
    Paths::of("Limits", "How much there may be.")
        .path("/vhost-limits")
        .list("Limits of all virtual hosts that have some", list)
        .path("/vhost-limits/{vhost}")
        .list("Limits of a virtual host", of_one_vhost)
        .path("/vhost-limits/{vhost}/{name}")
        .put("Sets max-connections or max-queues", set_vhost)
        .answers(Success::Done)
        .body(VALUE)
        .delete("Clears a limit", clear_vhost)
        .path("/user-limits")
        .list("Limits of all users that have some", list_users)
        .path("/user-limits/{user}")
        .list("Limits of a user", of_one_user)
        .path("/user-limits/{user}/{name}")
        .put("Sets max-connections or max-channels", set_user)
        .answers(Success::Done)
        .body(VALUE)
        .delete("Clears a limit", clear_user)
}

/// The limit of a user that a name means.
pub(super) fn of_user<'a>(
    limits: &'a mut UserLimits,
    name: &str,
) -> Result<&'a mut Option<i64>, ApiError> {
    match name {
        "max-connections" => Ok(&mut limits.max_connections),
        "max-channels" => Ok(&mut limits.max_channels),
        _ => Err(unknown(name)),
    }
}

/// The limit of a virtual host that a name means.
fn of_vhost<'a>(limits: &'a mut VHostLimits, name: &str) -> Result<&'a mut Option<i64>, ApiError> {
    match name {
        "max-connections" => Ok(&mut limits.max_connections),
        "max-queues" => Ok(&mut limits.max_queues),
        _ => Err(unknown(name)),
    }
}

fn unknown(name: &str) -> ApiError {
    ApiError::bad_request(format!("Unrecognised limit: {name}"))
}

/// A limit's value: a whole number, below zero for none.
pub(super) fn number(value: &Value) -> Result<i64, ApiError> {
    value.as_i64().ok_or_else(|| {
        ApiError::bad_request(format!(
            "a limit should be an integer, actually was {value}"
        ))
    })
}

fn value_of(fields: &Fields) -> Result<i64, ApiError> {
    fields
        .value("value")
        .ok_or(ApiError::KeyMissing("value"))
        .and_then(number)
}

fn answer(mut vhosts: Vec<Arc<VHost>>, listing: &ListQuery) -> List {
    vhosts.retain(|vhost| vhost.meta().limits != VHostLimits::default());
    let view = |vhost: &Arc<VHost>| {
        let value = LimitsView::of_vhost(vhost.meta().limits);
        json!({ "vhost": **vhost.name(), "value": value })
    };
    listing.list(vhosts, Paging::Ignored, |vhost| &**vhost.name(), view)
}

async fn list(State(context): Shared, caller: Caller, Query(listing): Listing) -> List {
    answer(caller.visible_vhosts(&context), &listing)
}

async fn of_one_vhost(
    State(context): Shared,
    caller: Caller,
    Path(vhost): Path<String>,
    Query(listing): Listing,
) -> List {
    answer(vec![caller.visible_vhost(&context, &vhost)?], &listing)
}

async fn set_vhost(
    State(context): Shared,
    _: Administrator,
    Path((vhost, name)): Path<(String, String)>,
    fields: Fields,
) -> Done {
    change_vhost(&context, &vhost, &name, Some(value_of(&fields)?)).await
}

async fn clear_vhost(
    State(context): Shared,
    _: Administrator,
    Path((vhost, name)): Path<(String, String)>,
) -> Done {
    change_vhost(&context, &vhost, &name, None).await
}

async fn change_vhost(context: &Context, vhost: &str, name: &str, value: Option<i64>) -> Done {
    let found = context.broker.vhost(vhost);
    let found = found.ok_or(ApiError::ObjectNotFound)?;
    let mut limits = found.meta().limits;
    *of_vhost(&mut limits, name)? = value;
    let change = VHostChange {
        limits: Some(limits),
        ..VHostChange::default()
    };
    let applied = context.broker.put_vhost(vhost, change, None)?;
    context.committed(applied.ticket).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn answer_users(mut users: Vec<Arc<User>>, listing: &ListQuery) -> List {
    users.retain(|user| user.limits != UserLimits::default());
    let view = |user: &Arc<User>| {
        let value = LimitsView::of_user(user.limits);
        json!({ "user": *user.name, "value": value })
    };
    listing.list(users, Paging::Ignored, |user| &*user.name, view)
}

async fn list_users(State(context): Shared, _: Administrator, Query(listing): Listing) -> List {
    answer_users(context.broker.users().all(), &listing)
}

async fn of_one_user(
    State(context): Shared,
    _: Administrator,
    Path(user): Path<String>,
    Query(listing): Listing,
) -> List {
    let user = context.broker.users().find(&user);
    answer_users(vec![user.ok_or(ApiError::ObjectNotFound)?], &listing)
}

async fn set_user(
    State(context): Shared,
    _: Administrator,
    Path((user, name)): Path<(String, String)>,
    fields: Fields,
) -> Done {
    change_user(&context, &user, &name, Some(value_of(&fields)?)).await
}

async fn clear_user(
    State(context): Shared,
    _: Administrator,
    Path((user, name)): Path<(String, String)>,
) -> Done {
    change_user(&context, &user, &name, None).await
}

async fn change_user(context: &Context, user: &str, name: &str, value: Option<i64>) -> Done {
    let found = context.broker.users().find(user);
    let mut limits = found.ok_or(ApiError::ObjectNotFound)?.limits;
    *of_user(&mut limits, name)? = value;
    let change = UserChange {
        limits: Some(limits),
        ..UserChange::default()
    };
    let applied = context.broker.put_user(user, change);
    context.committed(applied.ticket).await?;
    Ok(StatusCode::NO_CONTENT)
}
