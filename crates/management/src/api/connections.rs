//! Connections: who is there, and closing them.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use broker::{ConnectionInfo, Wakes};

use super::{Answer, Done, List, Listing, Past, Shared};
use crate::auth::Caller;
use crate::context::Context;
use crate::error::ApiError;
use crate::openapi::Paths;
use crate::page::{ListQuery, Paging};
use crate::query::{PastQuery, Windows};
use crate::views;

/// Bytes of a reason for closing that the client is told; it has to fit a short string.
pub(crate) const REASON_BYTES_MAX: usize = 200;

pub(super) fn routes() -> Paths {
    Paths::of(
        "Connections",
        "Who is there. DELETE passes on the header X-Reason.",
    )
    .path("/connections")
    .pages("Connections: all, or the caller's own", list)
    .path("/connections/{name}")
    .get("One connection", one)
    .delete("Closes a connection", close)
    .path("/connections/username/{user}")
    .pages("Connections of a user", of_user)
    .delete("Closes all connections of a user", close_of_user)
}

/// The connections that the caller may see.
pub(super) fn visible(context: &Context, caller: &Caller) -> Vec<Arc<ConnectionInfo>> {
    let mut connections = context.broker.registry().connections();
    connections.retain(|connection| caller.sees(connection));
    connections
}

/// The connection of this name, if the caller may see it.
pub(super) fn find(
    context: &Context,
    caller: &Caller,
    name: &str,
) -> Result<Arc<ConnectionInfo>, ApiError> {
    let connection = context
        .broker
        .registry()
        .find(name)
        .ok_or(ApiError::ObjectNotFound)?;
    if caller.sees(&connection) {
        Ok(connection)
    } else {
        Err(ApiError::NotAuthorised("Not monitor user"))
    }
}

/// A list of connections as JSON.
pub(super) fn answer(
    context: &Context,
    rows: Vec<Arc<ConnectionInfo>>,
    paging: Paging,
    listing: &ListQuery,
    past: &PastQuery,
) -> List {
    let windows = past.windows(context.now_ms())?;
    let sampled = context.rates.read();
    let view = |connection: &Arc<ConnectionInfo>, windows: &Windows| {
        views::connection::show(context, &sampled, connection, windows)
    };
    listing.list_with_past(
        (rows, paging),
        &windows,
        |connection| &*connection.name,
        view,
    )
}

async fn list(
    State(context): Shared,
    caller: Caller,
    Query(listing): Listing,
    Query(past): Past,
) -> List {
    let mut rows = visible(&context, &caller);
    rows.retain(|connection| caller.asks_for(&connection.vhost));
    answer(&context, rows, Paging::Offered, &listing, &past)
}

async fn one(
    State(context): Shared,
    caller: Caller,
    Path(name): Path<String>,
    Query(listing): Listing,
    Query(past): Past,
) -> Answer {
    let windows = past.windows(context.now_ms())?;
    let connection = find(&context, &caller, &name)?;
    let sampled = context.rates.read();
    let view = views::connection::show(&context, &sampled, &connection, &windows);
    Ok(Json(listing.chosen(view)))
}

async fn close(
    State(context): Shared,
    caller: Caller,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Done {
    let connection = find(&context, &caller, &name)?;
    check_closing(&caller, &connection.user)?;
    connection.close(&reason(&headers), &mut Wakes::new());
    Ok(StatusCode::NO_CONTENT)
}

async fn of_user(
    State(context): Shared,
    caller: Caller,
    Path(user): Path<String>,
    Query(listing): Listing,
) -> List {
    let rows = of(&context, &caller, &user)?;
    let view = |connection: &Arc<ConnectionInfo>| views::connection::brief(&context, connection);
    listing.list(rows, Paging::Offered, |connection| &*connection.name, view)
}

async fn close_of_user(
    State(context): Shared,
    caller: Caller,
    Path(user): Path<String>,
    headers: HeaderMap,
) -> Done {
    check_closing(&caller, &user)?;
    let reason = reason(&headers);
    let mut wakes = Wakes::new();
    for connection in of(&context, &caller, &user)? {
        connection.close(&reason, &mut wakes);
    }
    Ok(StatusCode::NO_CONTENT)
}

/// Its own connections anybody may close, others only an administrator.
pub(super) fn check_closing(caller: &Caller, user: &str) -> Result<(), ApiError> {
    if *caller.0.name == *user || caller.is_administrator() {
        return Ok(());
    }
    Err(ApiError::NotAuthorised("Not administrator user"))
}

fn of(
    context: &Context,
    caller: &Caller,
    user: &str,
) -> Result<Vec<Arc<ConnectionInfo>>, ApiError> {
    if context.broker.users().find(user).is_none() {
        return Err(ApiError::ObjectNotFound);
    }
    let mut rows = visible(context, caller);
    rows.retain(|connection| *connection.user == *user);
    Ok(rows)
}

/// What the client is told: the `X-Reason` header, cut at a character.
fn reason(headers: &HeaderMap) -> String {
    let given = headers
        .get("x-reason")
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    if given.is_empty() {
        return "Closed via management plugin".to_owned();
    }
    // Header values that read as text are ASCII.
    given.chars().take(REASON_BYTES_MAX).collect()
}
