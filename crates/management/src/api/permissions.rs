//! Permissions: who may do what in which virtual host, and with which topics.

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use broker::{Error, Permission, PermissionRow, TopicPermission, TopicPermissionRow};

use super::{Answer, Done, List, Listing, Shared, exchange_name, put};
use crate::auth::Administrator;
use crate::body::Fields;
use crate::context::Context;
use crate::error::ApiError;
use crate::openapi::{Field, Kind, Paths, required};
use crate::page::{ListQuery, Paging, to_value};
use crate::views::permission::{PermissionView, TopicPermissionView};

const RIGHTS: &[Field] = &[
    required(
        "configure",
        Kind::Text,
        "What the user may declare and delete; a pattern.",
    ),
    required("write", Kind::Text, "What it may publish to; a pattern."),
    required("read", Kind::Text, "What it may consume from; a pattern."),
];

const TOPICS: &[Field] = &[
    required("exchange", Kind::Text, "A topic exchange."),
    required(
        "write",
        Kind::Text,
        "Topics that the user may publish; a pattern.",
    ),
    required("read", Kind::Text, "Topics that it may bind; a pattern."),
];

pub(super) fn routes() -> Paths {
    Paths::of("Permissions", "Who may do what in which virtual host.")
        .path("/permissions")
        .list("All permissions", list)
        .path("/permissions/{vhost}/{user}")
        .get("A user's permission in a virtual host", one)
        .put("Sets it", set)
        .body(RIGHTS)
        .delete("Clears it", clear)
        .path("/vhosts/{vhost}/permissions")
        .list("Permissions in a virtual host", of_vhost)
        .path("/topic-permissions")
        .list("All topic permissions", topics)
        .path("/topic-permissions/{vhost}/{user}")
        .list(
            "A user's topic permissions in a virtual host",
            topics_of_user,
        )
        .put("Sets one of them", set_topic)
        .body(TOPICS)
        .delete("Clears all of them", clear_topics)
        .path("/topic-permissions/{vhost}/{user}/{exchange}")
        .list(
            "A user's topic permission for an exchange",
            topics_of_exchange,
        )
        .delete("Clears it", clear_topic)
        .path("/vhosts/{vhost}/topic-permissions")
        .list("Topic permissions in a virtual host", topics_of_vhost)
}

fn answer(rows: Vec<PermissionRow>, listing: &ListQuery) -> List {
    let view = |row: &PermissionRow| to_value(&PermissionView::of(row));
    listing.list(rows, Paging::Ignored, |row| &*row.user, view)
}

fn answer_topics(rows: Vec<TopicPermissionRow>, listing: &ListQuery) -> List {
    let view = |row: &TopicPermissionRow| to_value(&TopicPermissionView::of(row));
    listing.list(rows, Paging::Ignored, |row| &*row.user, view)
}

/// Both have to exist.
fn check_both(context: &Context, vhost: &str, user: &str) -> Result<(), ApiError> {
    let users = context.broker.users();
    if context.broker.vhost(vhost).is_none() || users.find(user).is_none() {
        return Err(ApiError::ObjectNotFound);
    }
    Ok(())
}

/// What is set for somebody or somewhere that isn't there is a bad request, not a missing page.
fn refused(error: Error) -> ApiError {
    match error {
        Error::NoUser(_) | Error::NoVhost(_) => ApiError::bad_request("vhost_or_user_not_found"),
        other => other.into(),
    }
}

async fn list(State(context): Shared, _: Administrator, Query(listing): Listing) -> List {
    answer(context.broker.users().permissions(), &listing)
}

async fn of_vhost(
    State(context): Shared,
    _: Administrator,
    Path(vhost): Path<String>,
    Query(listing): Listing,
) -> List {
    if context.broker.vhost(&vhost).is_none() {
        return Err(ApiError::ObjectNotFound);
    }
    let mut rows = context.broker.users().permissions();
    rows.retain(|row| *row.vhost == *vhost);
    answer(rows, &listing)
}

async fn one(
    State(context): Shared,
    _: Administrator,
    Path((vhost, user)): Path<(String, String)>,
) -> Answer {
    check_both(&context, &vhost, &user)?;
    let rows = context.broker.users().permissions();
    let mut rows = rows.iter();
    let row = rows.find(|row| *row.vhost == *vhost && *row.user == *user);
    let row = row.ok_or(ApiError::ObjectNotFound)?;
    Ok(Json(to_value(&PermissionView::of(row))))
}

async fn set(
    State(context): Shared,
    _: Administrator,
    Path((vhost, user)): Path<(String, String)>,
    fields: Fields,
) -> Done {
    let permission = Permission::new(
        fields.required_text("configure")?,
        fields.required_text("write")?,
        fields.required_text("read")?,
    )?;
    let applied = context.broker.set_permission(&user, &vhost, permission);
    let applied = applied.map_err(refused)?;
    context.committed(applied.ticket).await?;
    Ok(put(applied.created))
}

async fn clear(
    State(context): Shared,
    _: Administrator,
    Path((vhost, user)): Path<(String, String)>,
) -> Done {
    let cleared = context.broker.clear_permission(&user, &vhost);
    let ticket = cleared.ok_or(ApiError::ObjectNotFound)?;
    context.committed(Some(ticket)).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn topics(State(context): Shared, _: Administrator, Query(listing): Listing) -> List {
    answer_topics(context.broker.users().topic_permissions(), &listing)
}

async fn topics_of_vhost(
    State(context): Shared,
    _: Administrator,
    Path(vhost): Path<String>,
    Query(listing): Listing,
) -> List {
    if context.broker.vhost(&vhost).is_none() {
        return Err(ApiError::ObjectNotFound);
    }
    let mut rows = context.broker.users().topic_permissions();
    rows.retain(|row| *row.vhost == *vhost);
    answer_topics(rows, &listing)
}

async fn topics_of_user(
    State(context): Shared,
    _: Administrator,
    Path((vhost, user)): Path<(String, String)>,
    Query(listing): Listing,
) -> List {
    let rows = topic_rows(&context, &vhost, &user, None)?;
    answer_topics(rows, &listing)
}

async fn topics_of_exchange(
    State(context): Shared,
    _: Administrator,
    Path((vhost, user, exchange)): Path<(String, String, String)>,
    Query(listing): Listing,
) -> List {
    let exchange = Some(exchange_name(&exchange));
    let rows = topic_rows(&context, &vhost, &user, exchange)?;
    answer_topics(rows, &listing)
}

/// A user's rows in a virtual host. None at all is not found (RabbitMQ).
fn topic_rows(
    context: &Context,
    vhost: &str,
    user: &str,
    exchange: Option<&str>,
) -> Result<Vec<TopicPermissionRow>, ApiError> {
    check_both(context, vhost, user)?;
    let mut rows = context.broker.users().topic_permissions();
    rows.retain(|row| {
        *row.vhost == *vhost
            && *row.user == *user
            && exchange.is_none_or(|exchange| row.exchange == exchange)
    });
    if rows.is_empty() {
        return Err(ApiError::ObjectNotFound);
    }
    Ok(rows)
}

async fn set_topic(
    State(context): Shared,
    _: Administrator,
    Path((vhost, user)): Path<(String, String)>,
    fields: Fields,
) -> Done {
    let exchange = exchange_name(fields.required_text("exchange")?).to_owned();
    super::check_name(&exchange)?;
    let (write, read) = (
        fields.required_text("write")?,
        fields.required_text("read")?,
    );
    let permission = TopicPermission::new(write, read, &user, &vhost)?;
    let broker = &context.broker;
    let applied = broker.set_topic_permission(&user, &vhost, &exchange, permission);
    let applied = applied.map_err(refused)?;
    context.committed(applied.ticket).await?;
    Ok(put(applied.created))
}

async fn clear_topics(
    State(context): Shared,
    _: Administrator,
    Path((vhost, user)): Path<(String, String)>,
) -> Done {
    let cleared = context.broker.clear_topic_permissions(&user, &vhost, None);
    let ticket = cleared.ok_or(ApiError::ObjectNotFound)?;
    context.committed(Some(ticket)).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn clear_topic(
    State(context): Shared,
    _: Administrator,
    Path((vhost, user, exchange)): Path<(String, String, String)>,
) -> Done {
    let exchange = Some(exchange_name(&exchange));
    let cleared = context
        .broker
        .clear_topic_permissions(&user, &vhost, exchange);
    let ticket = cleared.ok_or(ApiError::ObjectNotFound)?;
    context.committed(Some(ticket)).await?;
    Ok(StatusCode::NO_CONTENT)
}
