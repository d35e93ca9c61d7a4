//! The last lines of the log, and those that come. For callers tagged `monitoring`: lines name
//! users and addresses.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::Json;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_core::Stream;
use serde::Deserialize;
use serde_json::json;
use tokio::sync::mpsc;

use super::Shared;
use crate::auth::Monitor;
use crate::error::ApiError;
use crate::log_ring::{LOG_EVENTS_MAX, LogEvent, Severity};
use crate::openapi::{Field, Kind, Parameters, Paths, optional};

pub(super) fn routes() -> Paths {
    Paths::of("Log", "Its last lines, and those that come. Leveret's own.")
        .path("/leveret/log")
        .get("The last lines, oldest first: {items}", last)
        .path("/leveret/log/stream")
        .events("Lines as they come: events named log, an item each", stream)
}

/// What of the log is wanted.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Wanted {
    /// This severity and graver ones.
    level: Option<String>,
    /// Only this category.
    category: Option<String>,
    /// Only lines with this text in them, whatever the case.
    search: Option<String>,
    /// Only lines after the one of this number.
    after: Option<u64>,
    /// At most so many, the newest.
    count: Option<usize>,
}

impl Parameters for Wanted {
    const FIELDS: &'static [Field] = &[
        optional("level", Kind::Text, "This severity and graver ones."),
        optional("category", Kind::Text, "Only this category."),
        optional(
            "search",
            Kind::Text,
            "Only lines with this text in them, whatever the case.",
        ),
        optional(
            "after",
            Kind::Integer,
            "Only lines after the one of this number.",
        ),
        optional("count", Kind::Integer, "At most so many, the newest."),
    ];
}

impl Wanted {
    /// Whether an event is wanted.
    fn filter(&self) -> Result<impl Fn(&LogEvent) -> bool + Send + 'static, ApiError> {
        let level = match self.level.as_deref() {
            None | Some("") => Severity::Debug,
            Some(name) => Severity::named(name)
                .ok_or_else(|| ApiError::bad_request(format!("unknown level: {name}")))?,
        };
        let category = self
            .category
            .clone()
            .filter(|category| !category.is_empty());
        let search = self.search.as_deref().unwrap_or_default().to_lowercase();
        let after = self.after.unwrap_or(0);
        Ok(move |event: &LogEvent| {
            event.level <= level
                && event.id > after
                && category
                    .as_deref()
                    .is_none_or(|category| category == event.category)
                && (search.is_empty() || event.text.to_lowercase().contains(&search))
        })
    }
}

/// `GET /api/leveret/log?level=&category=&search=&after=&count=`: `{"items": […]}`, oldest first.
async fn last(
    State(context): Shared,
    _: Monitor,
    Query(wanted): Query<Wanted>,
) -> Result<Response, ApiError> {
    let count = wanted.count.unwrap_or(LOG_EVENTS_MAX);
    let events = context.info.log.last(count, wanted.filter()?);
    let items: Vec<&LogEvent> = events.iter().map(|event| &**event).collect();
    Ok(Json(json!({ "items": items })).into_response())
}

/// `GET /api/leveret/log/stream`, with the same parameters: server-sent events named `log`, one
/// an event of the log, whose data is an item as above. Begins with the newest `count` (none, if
/// it is not given) and goes on with those that come.
async fn stream(
    State(context): Shared,
    _: Monitor,
    Query(wanted): Query<Wanted>,
) -> Result<Response, ApiError> {
    let filter = wanted.filter()?;
    // Before the look back, so that none is missed in between; the number tells what is double.
    let Some(coming) = context.info.log.follow() else {
        return Ok((StatusCode::SERVICE_UNAVAILABLE, "too many follow the log").into_response());
    };
    let begin = context.info.log.last(wanted.count.unwrap_or(0), &filter);
    let last = begin.last().map_or(0, |event| event.id);
    let lines = Lines {
        begin: begin.into_iter(),
        last,
        coming,
        filter: Box::new(filter),
    };
    Ok(Sse::new(lines)
        .keep_alive(KeepAlive::default())
        .into_response())
}

/// Events of the log as server-sent ones.
struct Lines {
    begin: std::vec::IntoIter<Arc<LogEvent>>,
    /// The last number of the beginning.
    last: u64,
    coming: mpsc::Receiver<Arc<LogEvent>>,
    filter: Box<dyn Fn(&LogEvent) -> bool + Send>,
}

impl Stream for Lines {
    type Item = Result<Event, Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if let Some(event) = self.begin.next() {
            return Poll::Ready(Some(Ok(line(&event))));
        }
        loop {
            match self.coming.poll_recv(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(None) => return Poll::Ready(None),
                Poll::Ready(Some(event)) if event.id > self.last && (self.filter)(&event) => {
                    return Poll::Ready(Some(Ok(line(&event))));
                }
                Poll::Ready(Some(_)) => {}
            }
        }
    }
}

fn line(event: &LogEvent) -> Event {
    let data = serde_json::to_string(event).unwrap_or_default();
    Event::default()
        .event("log")
        .id(event.id.to_string())
        .data(data)
}
