//! Publishing a message and fetching some, for people and scripts rather than for traffic.

use axum::Json;
use axum::extract::{Path, State};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use broker::{
    AckMode, Entry, Message, MessageCounts, Queue, Rejected, Returned, SizeCounts, Wakes,
};
use serde_json::json;

use super::{Answer, Shared, exchange_name, exchanges, queues};
use crate::auth::Caller;
use crate::body::Fields;
use crate::context::Context;
use crate::error::ApiError;
use crate::openapi::{Answer as Success, Field, Kind, Paths, optional, required};
use crate::page::to_value;
use crate::properties;
use crate::views::message::{Encoding, MessageView};

/// Messages that one request may fetch. They are out of the queue until the answer is made.
pub(crate) const GET_MESSAGES_MAX: usize = 10_000;

/// Payload bytes after which a request fetches no further message, so that an answer fits in
/// memory whatever the count asked for.
pub(crate) const GET_BYTES_MAX: usize = 64 * 1024 * 1024;

const PUBLISH: &[Field] = &[
    required("routing_key", Kind::Text, "Routing key."),
    required(
        "properties",
        Kind::Object,
        "Properties by name; headers among them.",
    ),
    required("payload", Kind::Text, "The body."),
    required(
        "payload_encoding",
        Kind::Of(&["string", "base64"]),
        "How the body is written.",
    ),
];

const GET: &[Field] = &[
    required("count", Kind::Integer, "So many messages at most."),
    required("ackmode", Kind::Of(&ACK_MODES), "What becomes of them."),
    required(
        "encoding",
        Kind::Of(&["auto", "base64"]),
        "How bodies are to be written.",
    ),
    optional(
        "truncate",
        Kind::Integer,
        "Bytes after which bodies are cut.",
    ),
];

const ACK_MODES: [&str; 4] = [
    "ack_requeue_true",
    "ack_requeue_false",
    "reject_requeue_true",
    "reject_requeue_false",
];

pub(super) fn routes() -> Paths {
    Paths::of(
        "Messages",
        "For people and scripts rather than for traffic.",
    )
    .path("/exchanges/{vhost}/{name}/publish")
    .post("Publishes a message: {routed}", Success::Object, publish)
    .body(PUBLISH)
    .path("/queues/{vhost}/{name}/get")
    .post("Fetches messages", Success::List, get)
    .body(GET)
}

async fn publish(
    State(context): Shared,
    caller: Caller,
    Path((vhost, name)): Path<(String, String)>,
    fields: Fields,
) -> Answer {
    let vhost = caller.vhost(&context, &vhost)?;
    let exchange = exchanges::find(&vhost, &name)?;
    let message = message(&context, exchange_name(&name), &fields)?;
    caller.may_publish_message(&vhost, &exchange, &message)?;
    let alarms = context.broker.alarms().raised();
    if alarms.any() {
        // Publishers are blocked, this one too. RabbitMQ's would wait for its confirm in vain.
        let reason = format!("confirm_timeout: {}", alarms.reason());
        return Err(ApiError::bad_request(reason));
    }
    let mut size = SizeCounts::default();
    size.count(message.body_len() as u64);
    context.broker.message_sizes().add(&size);
    let published = {
        let mut wakes = Wakes::new();
        vhost.publish(message, &mut wakes)?
    };
    vhost.stats().add(&MessageCounts {
        publish: 1,
        confirm: 1,
        return_unroutable: u64::from(!published.routed),
        ..MessageCounts::default()
    });
    context.committed(published.ticket).await?;
    if published.rejected {
        let reason = "rejected Unable to publish message. Check queue limits.";
        return Err(ApiError::bad_request(reason));
    }
    Ok(Json(json!({ "routed": published.routed })))
}

fn message(context: &Context, exchange: &str, fields: &Fields) -> Result<Message, ApiError> {
    let routing_key = fields.required_text("routing_key")?;
    super::check_name(routing_key)?;
    if !fields.contains("properties") {
        return Err(ApiError::KeyMissing("properties"));
    }
    let properties = properties::from_json(fields.object("properties")?)?;
    if !fields.contains("payload") {
        return Err(ApiError::KeyMissing("payload"));
    }
    let payload = fields
        .text("payload")
        .ok()
        .flatten()
        .ok_or_else(|| ApiError::bad_request("payload_not_string"))?;
    let body = match fields.required_text("payload_encoding")? {
        "string" => payload.as_bytes().to_vec(),
        "base64" => STANDARD
            .decode(payload)
            .map_err(|_| ApiError::bad_request("payload is not valid base64"))?,
        other => {
            return Err(ApiError::bad_request(format!(
                "unsupported_encoding: {other}"
            )));
        }
    };
    if body.len() as u64 > context.broker.settings().max_message_size {
        return Err(ApiError::bad_request(
            "the message is larger than max_message_size",
        ));
    }
    Message::build(exchange, routing_key, &properties, &body)
        .map_err(|error| ApiError::bad_request(error.to_string()))
}

/// What becomes of the messages once they are shown.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum After {
    /// They go back to where they were.
    Requeue,
    /// They were gone when they were fetched.
    Acknowledged,
    /// They are rejected for good.
    Reject,
}

impl After {
    fn parse(mode: &str) -> Result<Self, ApiError> {
        match mode {
            "ack_requeue_true" | "reject_requeue_true" => Ok(Self::Requeue),
            "ack_requeue_false" => Ok(Self::Acknowledged),
            "reject_requeue_false" => Ok(Self::Reject),
            _ => Err(ApiError::bad_request(format!(
                "unsupported ackmode: {mode}"
            ))),
        }
    }

    /// The `requeue` of clients from before `ackmode`.
    fn of(fields: &Fields) -> Result<Self, ApiError> {
        match fields.text("ackmode")? {
            Some(mode) => Self::parse(mode),
            None if fields.contains("requeue") && fields.flag("requeue")? => Ok(Self::Requeue),
            None if fields.contains("requeue") => Ok(Self::Acknowledged),
            None => Err(ApiError::KeyMissing("ackmode")),
        }
    }

    const fn ack_mode(self) -> AckMode {
        match self {
            Self::Acknowledged => AckMode::Automatic,
            Self::Requeue | Self::Reject => AckMode::Manual,
        }
    }
}

async fn get(
    State(context): Shared,
    caller: Caller,
    Path((vhost, name)): Path<(String, String)>,
    fields: Fields,
) -> Answer {
    let (vhost, queue) = queues::readable(&context, &caller, &vhost, &name)?;
    let count = fields
        .count("count")?
        .ok_or(ApiError::KeyMissing("count"))?;
    let after = After::of(&fields)?;
    let encoding = match fields.required_text("encoding")? {
        "auto" => Encoding::Auto,
        "base64" => Encoding::Base64,
        other => {
            return Err(ApiError::bad_request(format!(
                "unsupported encoding: {other}"
            )));
        }
    };
    let truncate = fields.count("truncate")?;
    let fetched = fetch(&queue, count.min(GET_MESSAGES_MAX), after.ack_mode());
    let views: Vec<MessageView> = fetched
        .iter()
        .map(|(entry, remaining)| MessageView::of(entry, *remaining, encoding, truncate))
        .collect();
    vhost.stats().add(&counts(after, &fetched));
    settle(&queue, after, fetched);
    Ok(Json(to_value(&views)))
}

/// The oldest messages, each with the number of those behind it.
fn fetch(queue: &Queue, count: usize, ack: AckMode) -> Vec<(Entry, u64)> {
    let mut fetched = Vec::new();
    let mut bytes = 0;
    while fetched.len() < count && bytes < GET_BYTES_MAX {
        let Some(got) = queue.get(ack) else { break };
        bytes += got.entry.message.body_len();
        fetched.push((got.entry, got.remaining));
    }
    fetched
}

fn counts(after: After, fetched: &[(Entry, u64)]) -> MessageCounts {
    let number = fetched.len() as u64;
    let redeliver = fetched
        .iter()
        .filter(|(entry, _)| entry.redelivered)
        .count() as u64;
    let counts = MessageCounts {
        redeliver,
        ..MessageCounts::default()
    };
    match after.ack_mode() {
        AckMode::Manual => MessageCounts {
            get: number,
            ..counts
        },
        AckMode::Automatic => MessageCounts {
            get_no_ack: number,
            ..counts
        },
    }
}

fn settle(queue: &Queue, after: After, fetched: Vec<(Entry, u64)>) {
    let mut wakes = Wakes::new();
    match after {
        After::Acknowledged => {}
        After::Reject => {
            let mut rejected = fetched
                .into_iter()
                .map(|(entry, _)| Rejected::of(entry, None))
                .collect();
            queue.reject(&mut rejected, &mut wakes);
        }
        After::Requeue => {
            let returned = fetched
                .into_iter()
                .map(|(entry, _)| Returned {
                    entry,
                    consumer: None,
                    ack: AckMode::Manual,
                })
                .collect();
            queue.requeue(returned, &mut wakes);
        }
    }
}
