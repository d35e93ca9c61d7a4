//! Queues.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use broker::{Queue, QueueDeclare, VHost, Wakes};
use tokio::task::spawn_blocking;

use super::exchanges::Condition;
use super::{Answer, Done, List, Listing, Past, Shared, put};
use crate::auth::Caller;
use crate::body::Fields;
use crate::context::Context;
use crate::error::ApiError;
use crate::openapi::{Field, Kind, Paths, optional};
use crate::page::{Key, ListQuery, Paging, is_true};
use crate::query::{PastQuery, Windows};
use crate::views;
use crate::views::queue::{Detail, SortField};

const DECLARE: &[Field] = &[
    optional("durable", Kind::Boolean, "Whether it outlives a restart."),
    optional(
        "auto_delete",
        Kind::Boolean,
        "Whether it goes with its last consumer.",
    ),
    optional(
        "arguments",
        Kind::Object,
        "Further arguments, such as x-queue-type.",
    ),
    optional("node", Kind::Text, "The node; there is but one."),
];

pub(super) fn routes() -> Paths {
    Paths::of("Queues", "Where messages wait.")
        .path("/queues")
        .pages("Queues in all virtual hosts of the caller, in short", list)
        .path("/queues/detailed")
        .pages("The same with all that is known", detailed)
        .path("/queues/{vhost}")
        .pages("Queues in a virtual host", of_vhost)
        // What is left of the default virtual host's name when Celery Flower asks for its queues.
        .path("/queues/")
        .pages("The same as without the slash", list)
        .path("/queues/{vhost}/{name}")
        .get("One queue", one)
        .put("Declares a queue", declare)
        .body(DECLARE)
        .delete("Deletes a queue", remove)
        .path("/queues/{vhost}/{name}/contents")
        .delete("Purges a queue of its ready messages", purge)
}

/// The queue that a path means.
pub(super) fn find(vhost: &VHost, name: &str) -> Result<Arc<Queue>, ApiError> {
    vhost
        .queue(name)
        .ok_or(ApiError::NotFound("queue_not_found"))
}

/// The queue that a path means, for a caller who may read its messages, and where it is.
pub(super) fn readable(
    context: &Context,
    caller: &Caller,
    vhost: &str,
    name: &str,
) -> Result<(Arc<VHost>, Arc<Queue>), ApiError> {
    let vhost = caller.vhost(context, vhost)?;
    find(&vhost, name)?;
    caller.may_read(&vhost, name)?;
    let queue = vhost.find_queue(name, &caller.actor(&vhost)?)?;
    Ok((vhost, queue))
}

fn answer(
    context: &Context,
    vhosts: &[Arc<VHost>],
    detail: Detail,
    listing: &ListQuery,
    past: &PastQuery,
) -> List {
    let windows = past.windows(context.now_ms())?;
    let rows: Vec<Arc<Queue>> = vhosts.iter().flat_map(|vhost| vhost.queues()).collect();
    let sampled = context.rates.read();
    let view = |queue: &Arc<Queue>, windows: &Windows| {
        views::queue::show(context, &sampled, queue, detail, windows)
    };
    let field = listing
        .sort()
        .and_then(|path| SortField::find(path, detail));
    let sampled_now = &sampled;
    let key = field.map(|field| move |queue: &Arc<Queue>| field.of(queue, sampled_now));
    listing.list_by_key(
        (rows, Paging::Offered),
        &windows,
        |queue| &**queue.name(),
        view,
        key.as_ref().map(|key| key as Key<'_, _>),
    )
}

/// Lists show the numbers unless they are not wanted.
fn listed(listing: &ListQuery) -> Detail {
    match (
        is_true(listing.disable_stats.as_ref()),
        is_true(listing.enable_queue_totals.as_ref()),
    ) {
        (false, _) => Detail::Basic,
        (true, true) => Detail::Totals,
        (true, false) => Detail::Metadata,
    }
}

async fn list(
    State(context): Shared,
    caller: Caller,
    Query(listing): Listing,
    Query(past): Past,
) -> List {
    answer(
        &context,
        &caller.vhosts(&context)?,
        listed(&listing),
        &listing,
        &past,
    )
}

async fn detailed(
    State(context): Shared,
    caller: Caller,
    Query(listing): Listing,
    Query(past): Past,
) -> List {
    answer(
        &context,
        &caller.vhosts(&context)?,
        Detail::Full,
        &listing,
        &past,
    )
}

async fn of_vhost(
    State(context): Shared,
    caller: Caller,
    Path(vhost): Path<String>,
    Query(listing): Listing,
    Query(past): Past,
) -> List {
    let vhost = caller.vhost(&context, &vhost)?;
    answer(&context, &[vhost], listed(&listing), &listing, &past)
}

async fn one(
    State(context): Shared,
    caller: Caller,
    Path((vhost, name)): Path<(String, String)>,
    Query(listing): Listing,
    Query(past): Past,
) -> Answer {
    let windows = past.windows(context.now_ms())?;
    let queue = find(&*caller.vhost(&context, &vhost)?, &name)?;
    let detail = Detail::Single(head_timestamp(&queue).await);
    let sampled = context.rates.read();
    let view = views::queue::show(&context, &sampled, &queue, detail, &windows);
    Ok(Json(listing.chosen(view)))
}

/// The timestamp that the publisher gave the first message that waits, in seconds. It may have to
/// be read from the disk.
async fn head_timestamp(queue: &Arc<Queue>) -> Option<u64> {
    if queue.counts().ready == 0 {
        return None;
    }
    let queue = Arc::clone(queue);
    let first = spawn_blocking(move || queue.browse(None, 1)).await.ok()?;
    let header = first.first()?.message.header();
    header.properties().ok()?.timestamp
}

async fn declare(
    State(context): Shared,
    caller: Caller,
    Path((vhost, name)): Path<(String, String)>,
    fields: Fields,
) -> Done {
    let vhost = caller.vhost(&context, &vhost)?;
    super::check_name(&name)?;
    if let Some(node) = fields.text("node")?
        && node != context.broker.settings().node
    {
        return Err(ApiError::bad_request(format!(
            "node {node} is not a member of this cluster"
        )));
    }
    let declare = QueueDeclare {
        name,
        durable: fields.flag("durable")?,
        // There is no connection that it could belong to.
        exclusive: false,
        auto_delete: fields.flag("auto_delete")?,
        arguments: fields.table("arguments")?,
        server_named: false,
    };
    let declared = vhost.declare_queue(declare, &caller.actor(&vhost)?)?;
    context.committed(declared.ticket).await?;
    Ok(put(declared.created))
}

async fn remove(
    State(context): Shared,
    caller: Caller,
    Path((vhost, name)): Path<(String, String)>,
    Query(condition): Query<Condition>,
) -> Done {
    let vhost = caller.vhost(&context, &vhost)?;
    find(&vhost, &name)?;
    let deleted = {
        let mut wakes = Wakes::new();
        vhost.delete_queue(
            &name,
            condition.delete_if(),
            &caller.actor(&vhost)?,
            &mut wakes,
        )?
    };
    if !deleted.existed {
        return Err(ApiError::NotFound("queue_not_found"));
    }
    context.committed(deleted.ticket).await?;
    Ok(put(false))
}

async fn purge(
    State(context): Shared,
    caller: Caller,
    Path((vhost, name)): Path<(String, String)>,
) -> Done {
    let vhost = caller.vhost(&context, &vhost)?;
    find(&vhost, &name)?;
    caller.may_read(&vhost, &name)?;
    let purged = vhost.find_queue(&name, &caller.actor(&vhost)?)?.purge();
    context.committed(purged.ticket).await?;
    Ok(StatusCode::NO_CONTENT)
}
