//! The API over a real broker, request by request, without sockets.

mod bindings;
mod declares;
mod messages;
mod metrics;
mod overview;
mod policies;
mod rates;
mod rules;
mod serving;
mod setting;
mod ui;
