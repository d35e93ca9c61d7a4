//! `GET /api/leveret/queues/{vhost}/{queue}/unacked`: the deliveries of a queue that nobody has
//! settled, and who has them.
//!
//! Parameters: `count`, 100 unless told, at most [`UNACKED_MESSAGES_MAX`]; `truncate`, bytes of
//! each payload. The answer is `{messages, total, complete}`, oldest first. Connections answer
//! for themselves: `complete` is false if one has not done so within [`UNACKED_WAIT_MAX`]. An age
//! is the least that it can be, a second too low at most; `delivered_at` is null, and the age 0,
//! if it is not known. `redelivered` is null for a message that is in the store only.

use std::cmp::Reverse;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Json;
use axum::extract::{Path, Query, State};
use broker::{Inquiry, Message, Queue, Unacked, Wakes};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::sync::oneshot;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use super::browse::number;
use super::{Answer, Shared, queues};
use crate::auth::Caller;
use crate::context::Context;
use crate::error::ApiError;
use crate::openapi::{Field, Kind, Parameters, Paths, optional};
use crate::page::to_value;
use crate::views::consumer::ChannelDetails;
use crate::views::message::{Encoding, MessageView, payload};

/// Deliveries that one request tells of.
pub(crate) const UNACKED_MESSAGES_MAX: usize = broker::INQUIRY_DELIVERIES_MAX;

/// Bytes of bodies that are read from the store for one request.
pub(crate) const UNACKED_BYTES_MAX: usize = 16 * 1024 * 1024;

/// How long connections have to answer. One that is busy with a client that does not read may
/// take for ever.
pub(crate) const UNACKED_WAIT_MAX: Duration = Duration::from_secs(1);

const COUNT_DEFAULT: usize = 100;

/// Bytes of a payload: more than anybody reads in a list.
const TRUNCATE_DEFAULT: usize = 1000;

pub(super) fn routes() -> Paths {
    let about = "Deliveries that nobody has settled, and who has them. Leveret's own.";
    Paths::of("Unacknowledged messages", about)
        .path("/leveret/queues/{vhost}/{name}/unacked")
        .get(
            "Deliveries, oldest first: {messages: [{id, consumer_tag, channel, delivery_tag, \
             delivered_at, age_ms, redelivered, payload_bytes, exchange, routing_key, \
             properties, payload, payload_encoding}], total, complete}",
            list,
        )
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Asked {
    count: Option<String>,
    truncate: Option<String>,
}

impl Parameters for Asked {
    const FIELDS: &'static [Field] = &[
        optional("count", Kind::Integer, "100 unless told, at most 1000."),
        optional(
            "truncate",
            Kind::Integer,
            "Bytes after which bodies are cut; 1000 unless told.",
        ),
    ];
}

#[derive(Serialize)]
struct UnackedView<'a> {
    id: String,
    consumer_tag: &'a str,
    channel: ChannelDetails<'a>,
    delivery_tag: u64,
    delivered_at: Option<u64>,
    age_ms: u64,
    redelivered: Option<bool>,
    payload_bytes: usize,
    #[serde(flatten)]
    content: Option<Content<'a>>,
}

#[derive(Serialize)]
struct Content<'a> {
    exchange: &'a str,
    routing_key: &'a str,
    properties: Value,
    payload: String,
    payload_encoding: &'static str,
}

async fn list(
    State(context): Shared,
    caller: Caller,
    Path((vhost, name)): Path<(String, String)>,
    Query(asked): Query<Asked>,
) -> Answer {
    let (_, queue) = queues::readable(&context, &caller, &vhost, &name)?;
    let count = number("count", asked.count.as_deref())?.unwrap_or(COUNT_DEFAULT);
    let count = count.clamp(1, UNACKED_MESSAGES_MAX);
    let truncate = number("truncate", asked.truncate.as_deref())?.unwrap_or(TRUNCATE_DEFAULT);
    let total = queue.counts().unacked;
    let (mut found, complete) = if total > 0 {
        inquire(&context, &queue, count).await
    } else {
        (Vec::new(), true)
    };
    oldest(&mut found, count);
    let found = spawn_blocking(move || with_messages(&queue, found))
        .await
        .map_err(|_| ApiError::bad_request("the queue could not be read"))?;
    let now_ms = context.now_ms();
    let messages: Vec<Value> = found
        .iter()
        .map(|one| view(&context, one, now_ms, truncate))
        .collect();
    Ok(Json(serde_json::json!({
        "messages": messages,
        "total": total,
        "complete": complete,
    })))
}

/// The oldest come first.
fn oldest(found: &mut Vec<Unacked>, count: usize) {
    let rank = |one: &Unacked| (Reverse(one.age.unwrap_or_default()), one.seq);
    found.sort_unstable_by_key(rank);
    found.truncate(count);
}

/// Asks every connection of the virtual host: nobody else knows who has had a `basic.get`.
async fn inquire(context: &Context, queue: &Arc<Queue>, count: usize) -> (Vec<Unacked>, bool) {
    let found = Arc::new(Mutex::new(Vec::new()));
    let (all_gone, gone) = oneshot::channel::<()>();
    let inquiry = Inquiry::new(Arc::clone(queue), {
        let found = Arc::clone(&found);
        move |unacked| {
            // Dropped with the last who was to answer.
            let _asked = &all_gone;
            let mut found = found.lock().unwrap_or_else(PoisonError::into_inner);
            found.extend(unacked);
            if found.len() > 2 * UNACKED_MESSAGES_MAX {
                oldest(&mut found, count);
            }
        }
    });
    let mut wakes = Wakes::new();
    for connection in context.broker.registry().connections() {
        if connection.vhost == *queue.vhost() {
            connection.outbox.inquire(&inquiry, &mut wakes);
        }
    }
    drop((inquiry, wakes));
    let complete = timeout(UNACKED_WAIT_MAX, gone).await.is_ok();
    let mut found = found.lock().unwrap_or_else(PoisonError::into_inner);
    (std::mem::take(&mut *found), complete)
}

/// Reads what is in the store only, as far as that is reasonable.
fn with_messages(queue: &Queue, mut found: Vec<Unacked>) -> Vec<Unacked> {
    let mut bytes = 0;
    for one in &mut found {
        if one.message.is_none() && bytes < UNACKED_BYTES_MAX {
            bytes += one.body_len;
            one.message = queue.read_one(one.seq).ok().flatten();
        }
    }
    found
}

fn view(context: &Context, one: &Unacked, now_ms: u64, truncate: usize) -> Value {
    let peer = context.broker.registry().get(one.connection);
    let node = &context.broker.settings().node;
    let name = &one.connection_name;
    let age = one.age.unwrap_or_default();
    let age_ms = u64::try_from(age.as_millis()).unwrap_or(u64::MAX);
    to_value(&UnackedView {
        id: one.seq.to_string(),
        consumer_tag: one.consumer_tag.as_deref().unwrap_or_default(),
        channel: ChannelDetails::of(node, name, one.channel, peer.as_deref()),
        delivery_tag: one.delivery_tag,
        delivered_at: one.age.map(|_| now_ms.saturating_sub(age_ms)),
        age_ms,
        redelivered: one.redelivered,
        payload_bytes: one.body_len,
        content: one
            .message
            .as_ref()
            .map(|message| content(message, truncate)),
    })
}

fn content(message: &Message, truncate: usize) -> Content<'_> {
    let (payload, payload_encoding) = payload(message.body(), Encoding::Auto, Some(truncate));
    Content {
        exchange: message.exchange(),
        routing_key: message.routing_key(),
        properties: MessageView::properties(message),
        payload,
        payload_encoding,
    }
}
