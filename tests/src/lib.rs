//! Harness of the black-box suites: the real broker as a child process, a raw AMQP 0-9-1
//! client and a plain HTTP client.
//!
//! Nothing here shares code with the broker. The client writes and reads frames by hand, so a
//! mistake in the broker's codec cannot cancel itself out, and malformed input is as easy to
//! send as good input.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "black-box tests run on the real clock, and a panic is how a test fails"
)]

mod broker;
pub mod http;
mod poll;
pub mod wire;

pub use broker::{Broker, Launch, binary, run, scratch_dir, shared};
pub use http::Http;
pub use poll::{PATIENCE, eventually, unique};
pub use wire::Wire;
