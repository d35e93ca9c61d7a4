//! Virtual hosts, and the connections and channels in them.

use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::routing::get;
use axum::{Json, Router};
use broker::VHost;

use super::{Answer, Done, List, Listing, Past, Shared, connections, put};
use crate::auth::{Administrator, Caller};
use crate::body::Fields;
use crate::context::Context;
use crate::error::ApiError;
use crate::page::{ListQuery, Paging, is_true};
use crate::query::{PastQuery, Windows};
use crate::views;

/// Bytes of a virtual host's name; it travels as a short string.
pub(crate) const VHOST_NAME_BYTES_MAX: usize = 255;

pub(super) fn routes() -> Router<Arc<Context>> {
    Router::new()
        .route("/vhosts", get(list))
        .route("/vhosts/{vhost}", get(one).put(create).delete(delete))
        .route("/vhosts/{vhost}/connections", get(vhost_connections))
}

async fn list(
    State(context): Shared,
    caller: Caller,
    Query(listing): Listing,
    Query(past): Past,
) -> List {
    let windows = past.windows(context.now_ms())?;
    let sampled = context.rates.read();
    let stats = (!is_true(listing.disable_stats.as_ref())).then_some(&*sampled);
    let view =
        |vhost: &Arc<VHost>, windows: &Windows| views::vhost::show(&context, stats, vhost, windows);
    let rows = caller.vhosts(&context);
    listing.list_with_past(
        (rows, Paging::Offered),
        &windows,
        |vhost| &**vhost.name(),
        view,
    )
}

async fn one(
    State(context): Shared,
    caller: Caller,
    Path(name): Path<String>,
    Query(listing): Listing,
    Query(past): Past,
) -> Answer {
    let windows = past.windows(context.now_ms())?;
    let vhost = context
        .broker
        .vhost(&name)
        .ok_or(ApiError::ObjectNotFound)?;
    caller.vhost(&context, &name)?;
    let sampled = context.rates.read();
    Ok(Json(listing.chosen(views::vhost::show(
        &context,
        Some(&sampled),
        &vhost,
        &windows,
    ))))
}

async fn create(
    State(context): Shared,
    _: Administrator,
    Path(name): Path<String>,
    // Description, tags and default type are accepted; nothing keeps them yet.
    fields: Fields,
) -> Done {
    if name.is_empty() || name.len() > VHOST_NAME_BYTES_MAX {
        return Err(ApiError::bad_request(
            "a virtual host's name has 1 to 255 bytes",
        ));
    }
    let traced = fields.flag("tracing")?;
    let applied = context.broker.create_vhost(&name);
    if fields.contains("tracing")
        && let Some(vhost) = context.broker.vhost(&name)
    {
        vhost.set_traced(traced);
    }
    context.committed(applied.ticket).await?;
    Ok(put(applied.created))
}

async fn delete(State(context): Shared, _: Administrator, Path(name): Path<String>) -> Done {
    if context.broker.vhost(&name).is_none() {
        return Err(ApiError::ObjectNotFound);
    }
    let ticket = context.broker.delete_vhost(&name)?;
    context.committed(ticket).await?;
    Ok(put(false))
}

async fn vhost_connections(
    State(context): Shared,
    caller: Caller,
    Path(name): Path<String>,
    Query(listing): Query<ListQuery>,
    Query(past): Query<PastQuery>,
) -> List {
    caller.vhost(&context, &name)?;
    let mut rows = connections::visible(&context, &caller);
    rows.retain(|connection| *connection.vhost == name);
    connections::answer(&context, rows, Paging::Ignored, &listing, &past)
}
