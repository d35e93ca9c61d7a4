//! The HTTP API in RabbitMQ's shape, and the dashboard that lives on it.
//!
//! A request goes through `auth` (who asks), a handler in `api/` (one file per resource: routes
//! and handlers together), a view in `views/` (the only place that knows both the broker's types
//! and RabbitMQ's field names), and, for lists, `page` (sort, filter, page, columns). What fails
//! becomes a response in `error`. `rates` is the sampler: one look at all counters each second.
//!
//! It runs on a thread of its own, so that listing fifty thousand queues delays no heartbeat, and
//! reads counters and short snapshots only: it never walks over messages while a queue is locked.

mod api;
mod auth;
mod body;
mod compress;
mod context;
mod cors;
mod error;
mod listener;
mod log_ring;
mod metrics;
mod multipart;
mod openapi;
mod os;
mod page;
mod properties;
mod query;
mod rates;
mod router;
mod serve;
mod table;
#[cfg(test)]
mod tests;
mod timestamp;
mod topic;
mod ui;
mod views;

pub use context::{Info, ListenerCertificate};
pub use cors::{CORS_AGE_S_DEFAULT, Cors};
pub use listener::{HTTP_CONNECTIONS_MAX, HTTP_SILENCE_MAX, Socket, TlsSource};
pub use log_ring::{
    LOG_EVENTS_MAX, LOG_FOLLOWERS_MAX, LOG_TEXT_BYTES_MAX, LOG_WAITING_MAX, LogEvent, LogRing,
    Severity,
};
pub use serve::{Sockets, serve};
