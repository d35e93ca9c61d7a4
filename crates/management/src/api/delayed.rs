//! Messages that wait in delayed exchanges: looking at them, cancelling them. RabbitMQ has no such
//! thing; the paths begin with `/leveret`.

use axum::Json;
use axum::extract::{Path, Query, State};
use broker::{DELAYED_PAGE_MAX, DelayedId, DelayedMessage, DelayedPage};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::task::spawn_blocking;

use super::{Answer, Done, Shared, exchange_name, exchanges, put};
use crate::auth::Caller;
use crate::error::ApiError;
use crate::openapi::{Field, Kind, Parameters, Paths, optional};
use crate::views::message::MessageView;

pub(super) fn routes() -> Paths {
    let about = "Messages that wait in a delayed exchange. Leveret's own.";
    Paths::of("Delayed messages", about)
        .path("/leveret/delayed/{vhost}/{exchange}")
        .get(
            "Messages by the time that they are due: {messages_delayed, next, items: [{id, \
             due_ms, exchange, routing_key, payload_bytes, properties}]}",
            list,
        )
        .path("/leveret/delayed/{vhost}/{exchange}/{id}")
        .delete("Cancels a delayed message", cancel)
}

/// Which part of the list is wanted.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Wanted {
    /// `next` of an earlier answer.
    from: Option<String>,
    /// At most 500.
    page_size: Option<usize>,
}

impl Parameters for Wanted {
    const FIELDS: &'static [Field] = &[
        optional("from", Kind::Text, "next of the answer before."),
        optional("page_size", Kind::Integer, "100 unless told, at most 500."),
    ];
}

async fn list(
    State(context): Shared,
    caller: Caller,
    Path((vhost, exchange)): Path<(String, String)>,
    Query(wanted): Query<Wanted>,
) -> Answer {
    let vhost = caller.vhost(&context, &vhost)?;
    let found = exchanges::find(&vhost, &exchange)?;
    let count = found.messages_delayed();
    let max = wanted.page_size.unwrap_or(100).clamp(1, DELAYED_PAGE_MAX);
    let name = exchange_name(&exchange).to_owned();
    let read = move || vhost.delayed_messages(&name, wanted.from.as_deref(), max);
    // It reads from the disk.
    let page: Option<DelayedPage> = spawn_blocking(read).await.ok().flatten();
    let page = page.ok_or(ApiError::ObjectNotFound)?;
    Ok(Json(json!({
        "messages_delayed": count,
        "next": page.next,
        "items": page.messages.iter().map(show).collect::<Vec<_>>(),
    })))
}

fn show(delayed: &DelayedMessage) -> Value {
    let message = &delayed.message;
    json!({
        "id": delayed.id.to_string(),
        "due_ms": delayed.id.fire_ms,
        "exchange": message.exchange(),
        "routing_key": message.routing_key(),
        "payload_bytes": message.body_len(),
        "properties": MessageView::properties(message),
    })
}

async fn cancel(
    State(context): Shared,
    caller: Caller,
    Path((vhost, exchange, id)): Path<(String, String, String)>,
) -> Done {
    let vhost = caller.vhost(&context, &vhost)?;
    exchanges::find(&vhost, &exchange)?;
    let id: DelayedId = id.parse().map_err(|()| ApiError::ObjectNotFound)?;
    let name = exchange_name(&exchange).to_owned();
    let cancelled = spawn_blocking(move || vhost.cancel_delayed(&name, id)).await;
    let ticket = cancelled.ok().flatten().ok_or(ApiError::ObjectNotFound)?;
    context.committed(Some(ticket)).await?;
    Ok(put(false))
}
