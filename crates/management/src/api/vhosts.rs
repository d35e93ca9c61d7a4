//! Virtual hosts, and the connections and channels in them.

use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::routing::{get, post};
use axum::{Json, Router};
use broker::{VHost, VHostChange};

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
        .route(
            "/vhosts/{vhost}/deletion/protection",
            post(protect).delete(unprotect),
        )
        .route("/vhosts/{vhost}/start/{node}", post(start))
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
    let rows = caller.visible_vhosts(&context);
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
    caller.visible_vhost(&context, &name)?;
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
    caller: Caller,
    fields: Fields,
) -> Done {
    if name.is_empty() || name.len() > VHOST_NAME_BYTES_MAX {
        return Err(ApiError::bad_request(
            "a virtual host's name has 1 to 255 bytes",
        ));
    }
    let creator = Some(&*caller.0.name);
    let applied = context.broker.put_vhost(&name, change(&fields)?, creator)?;
    context.committed(applied.ticket).await?;
    Ok(put(applied.created))
}

/// What is there is changed, the rest stays.
fn change(fields: &Fields) -> Result<VHostChange, ApiError> {
    let flag = |key| match fields.contains(key) {
        true => fields.flag(key).map(Some),
        false => Ok(None),
    };
    let kind = match fields.text("default_queue_type")? {
        None => fields.text("defaultqueuetype")?,
        given => given,
    };
    let kind = match kind {
        Some("") => return Err(ApiError::bad_request("default_queue_type is empty")),
        // What clients write that mean the node's default.
        Some("undefined" | "null") => Some(None),
        kind => kind.map(|kind| Some(kind.to_owned())),
    };
    Ok(VHostChange {
        description: fields.text("description")?.map(str::to_owned),
        tags: fields.tags("tags")?,
        default_queue_type: kind,
        protected: flag("protected_from_deletion")?,
        tracing: flag("tracing")?,
        limits: None,
    })
}

async fn protect(State(context): Shared, _: Administrator, Path(name): Path<String>) -> Done {
    set_protection(&context, &name, true).await
}

async fn unprotect(State(context): Shared, _: Administrator, Path(name): Path<String>) -> Done {
    set_protection(&context, &name, false).await
}

async fn set_protection(context: &Context, name: &str, protected: bool) -> Done {
    if context.broker.vhost(name).is_none() {
        return Err(ApiError::ObjectNotFound);
    }
    let change = VHostChange {
        protected: Some(protected),
        ..VHostChange::default()
    };
    let applied = context.broker.put_vhost(name, change, None)?;
    context.committed(applied.ticket).await?;
    Ok(put(false))
}

/// A virtual host that exists runs.
async fn start(
    State(context): Shared,
    _: Administrator,
    Path((name, node)): Path<(String, String)>,
) -> Done {
    if context.broker.vhost(&name).is_none() || node != context.broker.settings().node {
        return Err(ApiError::ObjectNotFound);
    }
    Ok(put(false))
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
