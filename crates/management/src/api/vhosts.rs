//! Virtual hosts, and the connections and channels in them.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, Query, State};
use broker::{VHost, VHostChange};

use super::{Answer, Done, List, Listing, Past, Shared, connections, put};
use crate::auth::{Administrator, Caller};
use crate::body::Fields;
use crate::context::Context;
use crate::error::ApiError;
use crate::openapi::{Answer as Success, Field, Kind, Paths, optional};
use crate::page::{ListQuery, Paging, is_true};
use crate::query::{PastQuery, Windows};
use crate::views;

/// Bytes of a virtual host's name; it travels as a short string.
pub(crate) const VHOST_NAME_BYTES_MAX: usize = 255;

const CHANGE: &[Field] = &[
    optional("description", Kind::Text, "What it is for."),
    optional("tags", Kind::Words, "Words of the operator's own."),
    optional(
        "default_queue_type",
        Kind::Text,
        "Type of queues declared without one.",
    ),
    optional(
        "protected_from_deletion",
        Kind::Boolean,
        "Whether a delete is refused.",
    ),
    optional(
        "tracing",
        Kind::Boolean,
        "Whether messages are copied to amq.rabbitmq.trace.",
    ),
];

pub(super) fn routes() -> Paths {
    Paths::of(
        "Virtual hosts",
        "Each has exchanges, queues and permissions of its own.",
    )
    .path("/vhosts")
    .pages("All virtual hosts that the caller may see", list)
    .path("/vhosts/{vhost}")
    .get("One virtual host", one)
    .put("Makes or changes a virtual host", create)
    .body(CHANGE)
    .delete("Deletes a virtual host with all that is in it", delete)
    .path("/vhosts/{vhost}/deletion/protection")
    .post("Protects it from deletion", Success::Done, protect)
    .delete("Lets it be deleted again", unprotect)
    .path("/vhosts/{vhost}/start/{node}")
    .post(
        "Starts it on the node; it runs already",
        Success::Done,
        start,
    )
    .path("/vhosts/{vhost}/connections")
    .list("Connections to a virtual host", vhost_connections)
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
