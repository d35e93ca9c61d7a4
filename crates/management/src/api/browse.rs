//! `GET /api/leveret/queues/{vhost}/{queue}/messages`: what is in a queue, without taking it.
//!
//! No message changes its place or counts as redelivered. Parameters: `from`, the `next` of
//! the answer before; `count`, 50 unless told, at most [`broker::BROWSE_MESSAGES_MAX`];
//! `search`, a text in exchange, key, properties or body, without regard to case;
//! `truncate`, bytes of each payload; `encoding`, `auto` or `base64`. The answer is
//! `{messages, next, looked_at}`: messages as `get` shows them with an `id` each, and where to
//! go on, null at the end. A search looks at up to [`SEARCH_MESSAGES_MAX`] messages a request.

use axum::Json;
use axum::extract::{Path, Query, State};
use broker::{BROWSE_MESSAGES_MAX, Entry, Message, Queue};
use serde::{Deserialize, Serialize};
use tokio::task::spawn_blocking;

use super::{Answer, Shared, queues};
use crate::auth::Caller;
use crate::error::ApiError;
use crate::openapi::{Field, Kind, Parameters, Paths, optional};
use crate::page::to_value;
use crate::views::message::{Encoding, MessageView};

/// Messages that one request searches through. The client goes on where it ended.
pub(crate) const SEARCH_MESSAGES_MAX: usize = 5000;

const COUNT_DEFAULT: usize = 50;

pub(super) fn routes() -> Paths {
    let about = "What is in a queue, without taking it. Leveret's own.";
    Paths::of("Browsing", about)
        .path("/leveret/queues/{vhost}/{name}/messages")
        .get(
            "Messages as they lie in the queue: {messages, next, looked_at}; next is null at the \
             end",
            browse,
        )
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Asked {
    from: Option<String>,
    count: Option<String>,
    search: Option<String>,
    truncate: Option<String>,
    encoding: Option<String>,
}

impl Parameters for Asked {
    const FIELDS: &'static [Field] = &[
        optional("from", Kind::Text, "next of the answer before."),
        optional("count", Kind::Integer, "50 unless told, at most 1000."),
        optional(
            "search",
            Kind::Text,
            "Only what has this text in it, whatever the case.",
        ),
        optional(
            "truncate",
            Kind::Integer,
            "Bytes after which bodies are cut.",
        ),
        optional(
            "encoding",
            Kind::Of(&["auto", "base64"]),
            "How bodies are to be written.",
        ),
    ];
}

#[derive(Serialize)]
struct Browsed {
    messages: Vec<Numbered>,
    /// As text: not every number is exact in JSON.
    next: Option<String>,
    looked_at: usize,
}

#[derive(Serialize)]
struct Numbered {
    id: String,
    #[serde(flatten)]
    message: MessageView,
}

pub(super) fn number<T: std::str::FromStr>(
    name: &str,
    text: Option<&str>,
) -> Result<Option<T>, ApiError> {
    match text {
        None | Some("") => Ok(None),
        Some(digits) => digits
            .parse()
            .map(Some)
            .map_err(|_| ApiError::bad_request(format!("{name} is not a number"))),
    }
}

async fn browse(
    State(context): Shared,
    caller: Caller,
    Path((vhost, name)): Path<(String, String)>,
    Query(asked): Query<Asked>,
) -> Answer {
    let (_, queue) = queues::readable(&context, &caller, &vhost, &name)?;
    let count = number("count", asked.count.as_deref())?.unwrap_or(COUNT_DEFAULT);
    let count = count.clamp(1, BROWSE_MESSAGES_MAX);
    let truncate = number("truncate", asked.truncate.as_deref())?;
    let encoding = match asked.encoding.as_deref() {
        None | Some("auto") => Encoding::Auto,
        Some("base64") => Encoding::Base64,
        Some(other) => {
            return Err(ApiError::bad_request(format!(
                "unsupported encoding: {other}"
            )));
        }
    };
    let search = asked.search.unwrap_or_default().to_lowercase();
    let from = number("from", asked.from.as_deref())?;
    // What is not in memory is read from the disk.
    let look = move || look(&queue, from, count, &search);
    let (found, next, looked_at) = spawn_blocking(look)
        .await
        .map_err(|_| ApiError::bad_request("the queue could not be read"))?;
    let messages = found
        .iter()
        .map(|entry| Numbered {
            id: entry.seq.to_string(),
            message: MessageView::of(entry, 0, encoding, truncate),
        })
        .collect();
    Ok(Json(to_value(&Browsed {
        messages,
        next: next.map(|next| next.to_string()),
        looked_at,
    })))
}

/// Messages that have the words, where to go on, and how many were looked at.
fn look(
    queue: &Queue,
    mut from: Option<u64>,
    count: usize,
    search: &str,
) -> (Vec<Entry>, Option<u64>, usize) {
    let wanted = if search.is_empty() {
        count
    } else {
        BROWSE_MESSAGES_MAX
    };
    let mut found = Vec::new();
    let mut looked_at = 0;
    loop {
        let entries = queue.browse(from, wanted);
        let Some(last) = entries.last() else {
            return (found, None, looked_at);
        };
        from = Some(last.seq + 1);
        for entry in entries {
            looked_at += 1;
            let seq = entry.seq;
            if search.is_empty() || contains(&entry.message, search) {
                found.push(entry);
            }
            if found.len() >= count {
                return (found, Some(seq + 1), looked_at);
            }
        }
        if looked_at >= SEARCH_MESSAGES_MAX {
            return (found, from, looked_at);
        }
    }
}

/// Whether a message has the words, in lower case, anywhere.
pub(super) fn contains(message: &Message, words: &str) -> bool {
    let has = |text: &str| text.to_lowercase().contains(words);
    has(message.exchange())
        || has(message.routing_key())
        || has(&String::from_utf8_lossy(message.body()))
        || has(&MessageView::properties(message).to_string())
}
