//! Messages that were fetched.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use broker::{Entry, Message};
use codec::{BasicProperties, ShortString};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::table;

/// One message.
#[derive(Serialize, Debug)]
pub(crate) struct MessageView {
    payload_bytes: usize,
    redelivered: bool,
    exchange: String,
    routing_key: String,
    message_count: u64,
    properties: Value,
    payload: String,
    payload_encoding: &'static str,
}

/// How a payload is to be shown.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Encoding {
    /// As text if it is UTF-8.
    Auto,
    /// As base64 always.
    Base64,
}

impl MessageView {
    /// `remaining` messages were left behind it; of the payload `truncate` bytes are wanted.
    pub(crate) fn of(
        entry: &Entry,
        remaining: u64,
        encoding: Encoding,
        truncate: Option<usize>,
    ) -> Self {
        let body = entry.message.body();
        let (payload, payload_encoding) = payload(body, encoding, truncate);
        Self {
            payload_bytes: body.len(),
            redelivered: entry.redelivered,
            exchange: entry.message.exchange().to_owned(),
            routing_key: entry.message.routing_key().to_owned(),
            message_count: remaining,
            properties: Self::properties(&entry.message),
            payload,
            payload_encoding,
        }
    }

    /// The properties that are set.
    pub(crate) fn properties(message: &Message) -> Value {
        codec::to_basic_properties(&message.header()).map_or_else(
            |_| Value::Object(Map::new()),
            |properties| to_json(&properties),
        )
    }
}

/// A payload as it is shown, and how that is written.
pub(crate) fn payload(
    body: &[u8],
    encoding: Encoding,
    truncate: Option<usize>,
) -> (String, &'static str) {
    let shown = &body[..body.len().min(truncate.unwrap_or(usize::MAX))];
    match (encoding, std::str::from_utf8(shown)) {
        (Encoding::Auto, Ok(text)) => (text.to_owned(), "string"),
        _ => (STANDARD.encode(shown), "base64"),
    }
}

/// Only the properties that are set.
fn to_json(properties: &BasicProperties) -> Value {
    let mut shown = Map::new();
    let texts: [(&str, &Option<ShortString>); 10] = [
        ("content_type", properties.content_type()),
        ("content_encoding", properties.content_encoding()),
        ("correlation_id", properties.correlation_id()),
        ("reply_to", properties.reply_to()),
        ("expiration", properties.expiration()),
        ("message_id", properties.message_id()),
        ("type", properties.kind()),
        ("user_id", properties.user_id()),
        ("app_id", properties.app_id()),
        ("cluster_id", properties.cluster_id()),
    ];
    for (name, text) in texts {
        if let Some(text) = text {
            shown.insert(name.to_owned(), Value::from(text.as_str()));
        }
    }
    if let Some(mode) = properties.delivery_mode() {
        shown.insert("delivery_mode".to_owned(), Value::from(*mode));
    }
    if let Some(priority) = properties.priority() {
        shown.insert("priority".to_owned(), Value::from(*priority));
    }
    if let Some(seconds) = properties.timestamp() {
        shown.insert("timestamp".to_owned(), Value::from(*seconds));
    }
    if let Some(headers) = properties.headers() {
        shown.insert("headers".to_owned(), table::to_json(headers));
    }
    Value::Object(shown)
}
