//! The API over a real broker, request by request, without sockets.

mod bindings;
mod browse;
mod cluster;
mod compression;
mod deaths;
mod declares;
mod explain;
mod login;
mod messages;
mod metrics;
mod moves;
mod overview;
mod policies;
mod rates;
mod rules;
mod serving;
pub(crate) mod setting;
mod sorting;
mod ui;
