//! Users.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use broker::{Broker, Hashing, PasswordHash, Permission, User, UserChange, UserLimits};
use serde_json::{Map, Value};

use super::{Answer, Done, List, Listing, Shared, limits, put};
use crate::auth::Administrator;
use crate::body::Fields;
use crate::context::Context;
use crate::error::ApiError;
use crate::openapi::{Answer as Success, Field, Kind, Paths, optional, required};
use crate::page::{Paging, to_value};
use crate::views::permission::{PermissionView, TopicPermissionView};
use crate::views::user::UserView;

/// A user with this tag is not to be touched by way of this API.
const PROTECTED: &str = "protected";

const CHANGE: &[Field] = &[
    optional("password", Kind::Text, "The password in the clear."),
    optional(
        "password_hash",
        Kind::Text,
        "Or its hash; an empty one allows no password.",
    ),
    optional(
        "hashing_algorithm",
        Kind::Text,
        "What the hash was made with.",
    ),
    optional(
        "tags",
        Kind::Words,
        "management, policymaker, monitoring, administrator. Required.",
    ),
    optional("limits", Kind::Object, "max-connections and max-channels."),
    optional(
        "permissions",
        Kind::Object,
        "Those of a new user, by virtual host.",
    ),
];

const DELETE_MANY: &[Field] = &[required("users", Kind::Words, "Their names.")];

pub(super) fn routes() -> Paths {
    Paths::of("Users", "Who may log in.")
        .path("/users")
        .pages("All users", list)
        .path("/users/")
        .pages("All users", list)
        .path("/users/without-permissions")
        .list("Users that may enter no virtual host", without_permissions)
        .path("/users/bulk-delete")
        .post("Deletes several users", Success::Done, delete_many)
        .body(DELETE_MANY)
        .path("/users/{name}")
        .get("One user", one)
        .put("Makes or changes a user", change)
        .body(CHANGE)
        .delete("Deletes a user", delete)
        .path("/users/{name}/permissions")
        .list("A user's permissions", permissions)
        .path("/users/{name}/topic-permissions")
        .list("A user's topic permissions", topic_permissions)
}

fn user_view(user: &Arc<User>) -> Value {
    to_value(&UserView::of(user))
}

async fn list(State(context): Shared, _: Administrator, Query(listing): Listing) -> List {
    let users = context.broker.users().all();
    listing.list(users, Paging::Offered, |user| &*user.name, user_view)
}

async fn without_permissions(
    State(context): Shared,
    _: Administrator,
    Query(listing): Listing,
) -> List {
    let users = context.broker.users().without_permissions();
    listing.list(users, Paging::Ignored, |user| &*user.name, user_view)
}

fn find(context: &Context, name: &str) -> Result<Arc<User>, ApiError> {
    context
        .broker
        .users()
        .find(name)
        .ok_or(ApiError::ObjectNotFound)
}

async fn one(State(context): Shared, _: Administrator, Path(name): Path<String>) -> Answer {
    Ok(Json(user_view(&find(&context, &name)?)))
}

async fn permissions(
    State(context): Shared,
    _: Administrator,
    Path(name): Path<String>,
    Query(listing): Listing,
) -> List {
    find(&context, &name)?;
    let mut rows = context.broker.users().permissions();
    rows.retain(|row| *row.user == *name);
    let view = |row: &_| to_value(&PermissionView::of(row));
    listing.list(rows, Paging::Ignored, |row| &*row.vhost, view)
}

async fn topic_permissions(
    State(context): Shared,
    _: Administrator,
    Path(name): Path<String>,
    Query(listing): Listing,
) -> List {
    find(&context, &name)?;
    let mut rows = context.broker.users().topic_permissions();
    rows.retain(|row| *row.user == *name);
    let view = |row: &_| to_value(&TopicPermissionView::of(row));
    listing.list(rows, Paging::Ignored, |row| &*row.vhost, view)
}

async fn change(
    State(context): Shared,
    _: Administrator,
    Path(name): Path<String>,
    fields: Fields,
) -> Done {
    super::check_name(&name)?;
    if name.is_empty() {
        return Err(ApiError::bad_request("a user's name is empty"));
    }
    let before = context.broker.users().find(&name);
    check_protected(before.as_deref())?;
    let change = UserChange {
        tags: Some(tags(&fields)?),
        password: Some(password(&context.broker, &fields)?),
        limits: user_limits(before.as_deref(), &fields)?,
    };
    // All of it is checked before anything changes.
    let grants = match before {
        Some(_) => Vec::new(),
        None => first_permissions(&context.broker, &fields)?,
    };
    let mut applied = context.broker.put_user(&name, change);
    for (vhost, permission) in grants {
        let granted = context.broker.set_permission(&name, &vhost, permission)?;
        applied.ticket = applied.ticket.max(granted.ticket);
    }
    context.committed(applied.ticket).await?;
    Ok(put(applied.created))
}

fn check_protected(user: Option<&User>) -> Result<(), ApiError> {
    match user {
        Some(user) if user.has_tag(PROTECTED) => {
            let name = &user.name;
            let reason = format!("user '{name}' is protected and can't be changed or deleted here");
            Err(ApiError::BadRequest(reason))
        }
        _ => Ok(()),
    }
}

/// `tags`, or `administrator` of clients from before there were tags.
fn tags(fields: &Fields) -> Result<Vec<String>, ApiError> {
    if let Some(tags) = fields.tags("tags")? {
        return Ok(tags);
    }
    if !fields.contains("administrator") {
        return Err(ApiError::bad_request("tags_not_present"));
    }
    let administrator = fields.flag("administrator")?;
    Ok(administrator
        .then(|| "administrator".to_owned())
        .into_iter()
        .collect())
}

/// `password` or `password_hash`; without either, or with an empty hash, the user can't log in
/// with a password.
fn password(broker: &Broker, fields: &Fields) -> Result<PasswordHash, ApiError> {
    let hashing = match fields.text("hashing_algorithm")? {
        None => broker.hashing(),
        Some(name) => Hashing::parse(name).ok_or_else(|| {
            ApiError::bad_request(format!("unsupported hashing algorithm: {name}"))
        })?,
    };
    match (fields.text("password")?, fields.text("password_hash")?) {
        (Some(_), Some(_)) => Err(ApiError::bad_request(
            "both_password_and_password_hash_are_provided",
        )),
        (Some(password), None) => Ok(broker.hash_password(password)),
        (None, Some(hash)) => PasswordHash::from_base64(hashing, hash)
            .ok_or_else(|| ApiError::bad_request("password_hash is not valid base64")),
        (None, None) => Ok(PasswordHash::none(hashing)),
    }
}

fn user_limits(before: Option<&User>, fields: &Fields) -> Result<Option<UserLimits>, ApiError> {
    let Some(given) = fields.object("limits")? else {
        return Ok(None);
    };
    let mut merged = before.map(|user| user.limits).unwrap_or_default();
    for (name, value) in given {
        *limits::of_user(&mut merged, name)? = Some(limits::number(value)?);
    }
    Ok(Some(merged))
}

/// `permissions` of a user who is new: by virtual host.
fn first_permissions(
    broker: &Broker,
    fields: &Fields,
) -> Result<Vec<(String, Permission)>, ApiError> {
    let Some(given) = fields.object("permissions")? else {
        return Ok(Vec::new());
    };
    let mut grants = Vec::new();
    for (vhost, permission) in given {
        if broker.vhost(vhost).is_none() {
            return Err(ApiError::bad_request("vhost_or_user_not_found"));
        }
        let permission = permission.as_object();
        let permission = permission.ok_or_else(|| ApiError::bad_request("not_json"))?;
        let [configure, write, read] =
            ["configure", "write", "read"].map(|key| text(permission, key));
        grants.push((vhost.clone(), Permission::new(configure?, write?, read?)?));
    }
    Ok(grants)
}

fn text<'a>(object: &'a Map<String, Value>, key: &'static str) -> Result<&'a str, ApiError> {
    let value = object.get(key).and_then(Value::as_str);
    value.ok_or(ApiError::KeyMissing(key))
}

async fn delete(State(context): Shared, _: Administrator, Path(name): Path<String>) -> Done {
    check_protected(Some(&*find(&context, &name)?))?;
    match context.broker.delete_user(&name) {
        Ok(ticket) => context.committed(Some(ticket)).await?,
        // Somebody else was faster.
        Err(_) => return Err(ApiError::ObjectNotFound),
    }
    Ok(StatusCode::NO_CONTENT)
}

/// Names that aren't there are no error, so that the request can be repeated.
async fn delete_many(State(context): Shared, _: Administrator, fields: Fields) -> Done {
    let names = fields
        .words("users")?
        .ok_or(ApiError::KeyMissing("users"))?;
    for name in &names {
        check_protected(context.broker.users().find(name).as_deref())?;
    }
    let deleted = names
        .iter()
        .filter_map(|name| context.broker.delete_user(name).ok());
    let ticket = deleted.max();
    context.committed(ticket).await?;
    Ok(StatusCode::NO_CONTENT)
}
