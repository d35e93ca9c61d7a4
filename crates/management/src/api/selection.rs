//! `POST /api/leveret/queues/{vhost}/{queue}/messages/delete`: given messages of a queue are
//! dropped, wherever in it they are.
//!
//! Body: `ids`, at most [`IDS_MAX`], as browsing tells them. The answer is `{deleted}`; what is
//! not there any more, or is with a consumer, is not counted. It needs the permission that a
//! purge needs. Nothing is dead-lettered.

use axum::Json;
use axum::extract::{Path, State};
use broker::{PICKED_MESSAGES_MAX, Queue, Ticket, Wakes};
use serde_json::json;
use tokio::task::spawn_blocking;

use super::{Answer, Shared, queues};
use crate::auth::Caller;
use crate::body::Fields;
use crate::error::ApiError;
use crate::openapi::{Answer as Success, Field, Kind, Paths, required};

/// Messages that one request names.
pub(super) const IDS_MAX: usize = PICKED_MESSAGES_MAX;

const IDS: &[Field] = &[required(
    "ids",
    Kind::Words,
    "The messages, as browsing tells them; 1000 at most.",
)];

pub(super) fn routes() -> Paths {
    let about = "Given messages of a queue. Leveret's own.";
    Paths::of("Selected messages", about)
        .path("/leveret/queues/{vhost}/{name}/messages/delete")
        .post(
            "Drops messages: {deleted}",
            Success::Object,
            delete_messages,
        )
        .body(IDS)
}

/// The numbers of messages, if any are given.
pub(super) fn ids(fields: &Fields) -> Result<Option<Vec<u64>>, ApiError> {
    let Some(words) = fields.words("ids")? else {
        return Ok(None);
    };
    if words.len() > IDS_MAX {
        return Err(ApiError::bad_request(format!(
            "ids: more than {IDS_MAX} messages"
        )));
    }
    let ids: Result<Vec<u64>, ApiError> = words.iter().map(|word| id(word)).collect();
    ids.map(Some)
}

/// The number of a message.
pub(super) fn id(word: &str) -> Result<u64, ApiError> {
    word.parse()
        .map_err(|_| ApiError::bad_request(format!("{word} is not the id of a message")))
}

async fn delete_messages(
    State(context): Shared,
    caller: Caller,
    Path((vhost, name)): Path<(String, String)>,
    fields: Fields,
) -> Answer {
    let (_, queue) = queues::readable(&context, &caller, &vhost, &name)?;
    let ids = ids(&fields)?.ok_or(ApiError::KeyMissing("ids"))?;
    // Their lengths are read from the disk.
    let (deleted, ticket) = spawn_blocking(move || delete(&queue, ids))
        .await
        .map_err(|_| ApiError::bad_request("the queue could not be read"))?;
    context.committed(ticket).await?;
    Ok(Json(json!({ "deleted": deleted })))
}

/// Drops messages, as many at a time as are picked together.
fn delete(queue: &Queue, mut ids: Vec<u64>) -> (usize, Option<Ticket>) {
    let (mut deleted, mut ticket) = (0, None);
    loop {
        let picked = queue.pick(&ids);
        if picked.is_empty() {
            return (deleted, ticket);
        }
        deleted += picked.len();
        ids.retain(|id| picked.iter().all(|one| one.entry.seq != *id));
        let dropped = queue.drop_picked(&picked, &mut Wakes::new());
        ticket = dropped.max(ticket);
    }
}
