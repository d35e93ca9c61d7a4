//! The black-box suites: one binary, so that the harness is linked once.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "black-box tests run on the real clock, and a panic is how a test fails"
)]

mod abuse;
mod access;
mod alarms;
mod amqp;
mod arguments;
mod config;
mod conformance;
mod crashes;
mod ctl;
mod definitions;
mod durability;
mod exchanges;
mod log;
mod management;
mod perf;
mod policies;
mod proxy;
mod queues;
mod server;
mod soak;
mod store;
mod tidy;
mod tls;
