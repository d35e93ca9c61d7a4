//! `GET /api/leveret/trace/{vhost}`: what happens to single messages, as it happens.
//!
//! Parameters: `exchange` (`amq.default` for the default one), `routing_key` (which may be a
//! topic pattern), `queue` and `text` (in exchange, key, properties or body, whatever the case)
//! say which messages; `seconds`, at most [`TRACE_SECONDS_MAX`], how long. The answer is
//! server-sent events named `trace`, whose data is an object: `number` (which message), `event`
//! (`published`, `routed`, `unroutable`, `delivered`, `acked`, `rejected`, `requeued`,
//! `dead_lettered` or `dropped`), `at_ms`, `us_since_publish`, and what there is to say of the event. The
//! last one is named `end`: `{reason, events}`, where the reason is `time`, or `events` after
//! [`broker::SIGHTINGS_MAX`] of them.
//!
//! For administrators, as the tracer is: it shows messages. A follower costs what a look at each
//! message costs; nobody following costs nothing.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context as TaskContext, Poll};
use std::time::{Duration, Instant};

use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use broker::{
    FOLLOWED_MAX, Follower, Following, Happening, Message, Queue, SIGHTINGS_MAX, Sighting,
};
use futures_core::Stream;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::sync::mpsc;
use tokio::time::{Sleep, sleep};

use super::browse::{contains, number};
use super::{Shared, exchange_name};
use crate::auth::Caller;
use crate::context::Context;
use crate::error::ApiError;
use crate::openapi::{Field, Kind, Parameters, Paths, optional};
use crate::topic;
use crate::views::message::{Encoding, payload};

/// Seconds that one request lasts.
pub(crate) const TRACE_SECONDS_MAX: u64 = 60;

/// Bytes of a body that are shown.
pub(crate) const TRACE_PAYLOAD_BYTES_MAX: usize = 200;

pub(super) fn routes() -> Paths {
    let about = "What happens to single messages, as it happens. Leveret's own.";
    Paths::of("Messages followed", about)
        .path("/leveret/trace/{vhost}")
        .events(
            "Events named trace: {number, event, at_ms, us_since_publish, exchange, routing_key, \
             queues, queue, consumer_tag, redelivered, reason, connection, message_id, payload}; \
             and one named end",
            follow,
        )
}

/// Which messages are wanted, and for how long.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Wanted {
    exchange: Option<String>,
    routing_key: Option<String>,
    queue: Option<String>,
    text: Option<String>,
    seconds: Option<String>,
}

impl Parameters for Wanted {
    const FIELDS: &'static [Field] = &[
        optional(
            "exchange",
            Kind::Text,
            "Published to this exchange; amq.default for the default one.",
        ),
        optional(
            "routing_key",
            Kind::Text,
            "With this key; with * or # in it, a topic pattern.",
        ),
        optional("queue", Kind::Text, "That go to this queue."),
        optional(
            "text",
            Kind::Text,
            "With this text in them, whatever the case.",
        ),
        optional("seconds", Kind::Integer, "60 unless told, and at most."),
    ];
}

impl Wanted {
    fn filter(self) -> impl Fn(&Message, &[Arc<Queue>]) -> bool + Send + Sync + 'static {
        let given = |text: Option<String>| text.filter(|text| !text.is_empty());
        let exchange = given(self.exchange).map(|name| exchange_name(&name).to_owned());
        let (key, queue) = (given(self.routing_key), given(self.queue));
        let text = self.text.unwrap_or_default().to_lowercase();
        move |message, queues| {
            let is = |wanted: &Option<String>, name: &str| {
                wanted.as_deref().is_none_or(|wanted| wanted == name)
            };
            is(&exchange, message.exchange())
                && key
                    .as_deref()
                    .is_none_or(|pattern| topic::matches(pattern, message.routing_key()))
                && (queue.is_none() || queues.iter().any(|one| is(&queue, one.name())))
                && (text.is_empty() || contains(message, &text))
        }
    }
}

/// One event, as it is sent.
#[derive(Default, Serialize)]
struct SightingView<'a> {
    number: usize,
    event: &'a str,
    at_ms: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    us_since_publish: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    exchange: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    routing_key: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    queues: Option<&'a [&'a str]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    queue: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    consumer_tag: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    redelivered: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    connection: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    payload: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    payload_encoding: Option<&'static str>,
}

impl<'a> SightingView<'a> {
    fn of(sighting: &'a Sighting<'_>) -> Self {
        let view = Self {
            number: sighting.number,
            exchange: sighting.message.map(Message::exchange),
            routing_key: sighting.message.map(Message::routing_key),
            connection: sighting.tap.map(|tap| tap.connection),
            message_id: sighting.message.and_then(message_id),
            ..Self::default()
        };
        match &sighting.happening {
            Happening::Published => view.with_payload("published", sighting.message),
            Happening::Routed(queues) if queues.is_empty() => view.named("unroutable"),
            Happening::Routed(queues) => Self {
                queues: Some(queues),
                ..view.named("routed")
            },
            Happening::Delivered {
                queue,
                consumer_tag,
                redelivered,
            } => Self {
                queue: Some(queue),
                consumer_tag: Some(consumer_tag),
                redelivered: Some(*redelivered),
                ..view.with_payload("delivered", sighting.message)
            },
            Happening::Settled { queue, outcome } => Self {
                queue: Some(queue),
                ..view.named(outcome)
            },
            Happening::Dropped { queue, reason } => Self {
                queue: Some(queue),
                reason: Some(reason),
                ..view.named("dropped")
            },
            Happening::DeadLettered {
                queue,
                reason,
                queues,
            } => Self {
                queue: Some(queue),
                reason: Some(reason),
                queues: Some(queues),
                ..view.named("dead_lettered")
            },
        }
    }

    fn named(self, event: &'a str) -> Self {
        Self { event, ..self }
    }

    fn with_payload(self, event: &'a str, message: Option<&Message>) -> Self {
        let shown = message.map(|message| {
            let most = Some(TRACE_PAYLOAD_BYTES_MAX);
            payload(message.body(), Encoding::Auto, most)
        });
        let (payload, payload_encoding) = shown.unzip();
        Self {
            event,
            payload,
            payload_encoding,
            ..self
        }
    }
}

fn message_id(message: &Message) -> Option<String> {
    let header = message.header();
    let id = header.properties().ok()?.message_id?;
    Some(String::from_utf8_lossy(id).into_owned())
}

async fn follow(
    State(context): Shared,
    caller: Caller,
    Path(vhost): Path<String>,
    Query(wanted): Query<Wanted>,
) -> Result<Response, ApiError> {
    if !caller.is_administrator() {
        return Err(ApiError::NotAuthorised("Not administrator user"));
    }
    let vhost = caller.vhost(&context, &vhost)?;
    let seconds = number("seconds", wanted.seconds.as_deref())?.unwrap_or(TRACE_SECONDS_MAX);
    let seconds = seconds.clamp(1, TRACE_SECONDS_MAX);
    // All that a follower is ever told of has room, so that none has to be left out.
    let (sender, coming) = mpsc::channel(SIGHTINGS_MAX);
    let published = Mutex::new(Vec::with_capacity(FOLLOWED_MAX.min(64)));
    let sink = move |sighting: &Sighting<'_>| {
        let _gone = sender.try_send(written(&context, sighting, &published));
    };
    let Some(following) = vhost.follow(Follower::new(wanted.filter(), sink)) else {
        return Ok((StatusCode::SERVICE_UNAVAILABLE, "too many follow messages").into_response());
    };
    let sightings = Sightings {
        _following: following,
        coming,
        until: Box::pin(sleep(Duration::from_secs(seconds))),
        events: 0,
        ended: false,
    };
    Ok(Sse::new(sightings)
        .keep_alive(KeepAlive::default())
        .into_response())
}

/// A sighting as JSON. `published` has the time of each message's publish, if that was seen.
fn written(
    context: &Context,
    sighting: &Sighting<'_>,
    published: &Mutex<Vec<Option<Instant>>>,
) -> String {
    let now = (context.info.clock)();
    let mut published = published.lock().unwrap_or_else(PoisonError::into_inner);
    if published.len() <= sighting.number {
        published.resize(sighting.number + 1, None);
    }
    let since = published.get_mut(sighting.number);
    let since = since.and_then(|since| {
        if sighting.happening == Happening::Published {
            *since = Some(now);
        }
        *since
    });
    let since = since.map(|since| now.saturating_duration_since(since).as_micros());
    let view = SightingView {
        at_ms: context.broker.wall_clock_ms(now),
        us_since_publish: since.and_then(|since| u64::try_from(since).ok()),
        ..SightingView::of(sighting)
    };
    serde_json::to_string(&view).unwrap_or_default()
}

/// Sightings as server-sent events.
struct Sightings {
    _following: Following,
    coming: mpsc::Receiver<String>,
    until: Pin<Box<Sleep>>,
    events: usize,
    ended: bool,
}

impl Sightings {
    fn end(&mut self, reason: &str) -> Event {
        self.ended = true;
        let data = json!({"reason": reason, "events": self.events});
        Event::default().event("end").data(data.to_string())
    }
}

impl Stream for Sightings {
    type Item = Result<Event, Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Option<Self::Item>> {
        if self.ended {
            return Poll::Ready(None);
        }
        if self.events >= SIGHTINGS_MAX {
            return Poll::Ready(Some(Ok(self.end("events"))));
        }
        if let Poll::Ready(Some(data)) = self.coming.poll_recv(cx) {
            self.events += 1;
            return Poll::Ready(Some(Ok(Event::default().event("trace").data(data))));
        }
        if self.until.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Some(Ok(self.end("time"))));
        }
        Poll::Pending
    }
}
