//! The last lines of the log, for whoever looks at the dashboard.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;
use tokio::sync::mpsc;

use crate::timestamp::iso_8601;

/// Log events kept: some minutes of a busy broker, an hour of a quiet one. At the longest texts,
/// 8 MiB.
pub const LOG_EVENTS_MAX: usize = 2000;

/// Bytes kept of an event's text; a longer one is cut.
pub const LOG_TEXT_BYTES_MAX: usize = 4096;

/// Pages that follow the log at the same time. Each further one is told to come back later.
pub const LOG_FOLLOWERS_MAX: usize = 32;

/// Events that wait for a page that reads slowly; what is more, it misses.
pub const LOG_WAITING_MAX: usize = 256;

/// How grave an event is, in RabbitMQ's words.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Debug)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Needs a human.
    Error,
    /// May need one.
    Warning,
    /// Comings and goings.
    Info,
    /// For who looks for a fault.
    Debug,
}

impl Severity {
    /// `error`, `warning`, `info` or `debug`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Info => "info",
            Self::Debug => "debug",
        }
    }

    /// The severity of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        [Self::Error, Self::Warning, Self::Info, Self::Debug]
            .into_iter()
            .find(|severity| severity.name() == name)
    }
}

/// One line of the log.
#[derive(Clone, Serialize, Debug)]
pub struct LogEvent {
    /// Counted from 1; set by the ring.
    pub id: u64,
    /// When, in milliseconds of the epoch.
    #[serde(rename = "timestamp")]
    pub at_ms: u64,
    /// How grave.
    pub level: Severity,
    /// `connection`, `queue`, …
    pub category: &'static str,
    /// What.
    #[serde(rename = "message")]
    pub text: String,
}

/// An event as a line of a log file.
#[derive(Serialize)]
struct Line<'a> {
    time: String,
    level: Severity,
    category: &'a str,
    msg: &'a str,
}

impl LogEvent {
    /// As a line for people, without the end of the line.
    #[must_use]
    pub fn to_text(&self) -> String {
        // Whatever a client put into a name stays on its line.
        let text = self.text.replace(['\n', '\r'], " ");
        let level = match self.level {
            Severity::Error => "ERROR",
            Severity::Warning => " WARN",
            Severity::Info => " INFO",
            Severity::Debug => "DEBUG",
        };
        format!("{} {level} {text}", iso_8601(self.at_ms))
    }

    /// As a line of JSON, without the end of the line.
    #[must_use]
    pub fn to_json(&self) -> String {
        let line = Line {
            time: iso_8601(self.at_ms),
            level: self.level,
            category: self.category,
            msg: &self.text,
        };
        // Strings and numbers always serialize.
        serde_json::to_string(&line).unwrap_or_default()
    }
}

/// The last events, and who follows them.
#[derive(Default, Debug)]
pub struct LogRing(Mutex<State>);

#[derive(Default, Debug)]
struct State {
    last: u64,
    events: VecDeque<Arc<LogEvent>>,
    followers: Vec<mpsc::Sender<Arc<LogEvent>>>,
}

impl LogRing {
    /// Adds an event, numbers it, and shows it to those who follow.
    pub fn push(&self, mut event: LogEvent) {
        let mut end = event.text.len().min(LOG_TEXT_BYTES_MAX);
        while !event.text.is_char_boundary(end) {
            end -= 1;
        }
        event.text.truncate(end);
        let mut state = self.lock();
        state.last += 1;
        event.id = state.last;
        let event = Arc::new(event);
        if state.events.len() >= LOG_EVENTS_MAX {
            state.events.pop_front();
        }
        state.events.push_back(Arc::clone(&event));
        state.followers.retain(|follower| {
            !matches!(
                follower.try_send(Arc::clone(&event)),
                Err(mpsc::error::TrySendError::Closed(_))
            )
        });
    }

    /// The events that `wanted` likes, the newest `count` of them, oldest first.
    #[must_use]
    pub fn last(&self, count: usize, wanted: impl Fn(&LogEvent) -> bool) -> Vec<Arc<LogEvent>> {
        let state = self.lock();
        let newest = state.events.iter().rev().filter(|event| wanted(event));
        let mut events: Vec<_> = newest.take(count).cloned().collect();
        events.reverse();
        events
    }

    /// What comes from now on; `None` if too many follow already.
    #[must_use]
    pub fn follow(&self) -> Option<mpsc::Receiver<Arc<LogEvent>>> {
        let mut state = self.lock();
        state.followers.retain(|follower| !follower.is_closed());
        if state.followers.len() >= LOG_FOLLOWERS_MAX {
            return None;
        }
        let (sender, receiver) = mpsc::channel(LOG_WAITING_MAX);
        state.followers.push(sender);
        Some(receiver)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        // Nothing in here panics; if it did, the events would still be events.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(text: &str) -> LogEvent {
        LogEvent {
            id: 0,
            at_ms: 0,
            level: Severity::Info,
            category: "default",
            text: text.to_owned(),
        }
    }

    #[test]
    fn the_newest_events_are_kept_and_numbered() {
        let ring = LogRing::default();
        for n in 0..LOG_EVENTS_MAX + 10 {
            ring.push(event(&n.to_string()));
        }
        let all = ring.last(usize::MAX, |_| true);
        assert_eq!((all.len(), all[0].id), (LOG_EVENTS_MAX, 11));
        let two: Vec<u64> = ring
            .last(2, |e| e.id % 2 == 0)
            .iter()
            .map(|e| e.id)
            .collect();
        assert_eq!(two, [2008, 2010]);
    }

    #[test]
    fn a_follower_sees_what_comes_and_a_slow_one_misses_some() {
        let ring = LogRing::default();
        ring.push(event("before"));
        let mut follower = ring.follow().unwrap();
        for n in 0..LOG_WAITING_MAX + 5 {
            ring.push(event(&n.to_string()));
        }
        let mut seen = 0;
        while follower.try_recv().is_ok() {
            seen += 1;
        }
        assert_eq!(seen, LOG_WAITING_MAX);
        ring.push(event("after"));
        assert_eq!(follower.try_recv().unwrap().text, "after");
    }

    #[test]
    fn followers_are_few_and_those_who_left_do_not_count() {
        let ring = LogRing::default();
        let followers: Vec<_> = (0..LOG_FOLLOWERS_MAX)
            .map(|_| ring.follow().unwrap())
            .collect();
        assert!(ring.follow().is_none());
        drop(followers);
        assert!(ring.follow().is_some());
    }

    #[test]
    fn an_event_is_one_line_whatever_is_in_it() {
        let mut bad = event("a\n\"b\"\r[error] c");
        bad.at_ms = 1_700_000_000_123;
        assert_eq!(
            bad.to_text(),
            "2023-11-14T22:13:20.123+00:00  INFO a \"b\" [error] c"
        );
        assert_eq!(
            bad.to_json(),
            r#"{"time":"2023-11-14T22:13:20.123+00:00","level":"info","category":"default","msg":"a\n\"b\"\r[error] c"}"#
        );
    }

    #[test]
    fn a_long_text_is_cut_between_characters() {
        let ring = LogRing::default();
        ring.push(event(&"ä".repeat(LOG_TEXT_BYTES_MAX)));
        ring.push(event(&format!("x{}", "ä".repeat(LOG_TEXT_BYTES_MAX))));
        let all = ring.last(2, |_| true);
        assert_eq!(all[0].text.len(), LOG_TEXT_BYTES_MAX);
        assert_eq!(all[1].text.len(), LOG_TEXT_BYTES_MAX - 1);
    }
}
