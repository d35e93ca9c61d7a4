//! `leveret perf`: how much an AMQP 0-9-1 broker takes, whichever it is.
//!
//! The options are those of RabbitMQ's PerfTest, as far as they are here. Each producer and each
//! consumer has a connection of its own ([`link`]); they count into a [`meter`], which the
//! [`report`] reads once a second and at the end. Published messages are encoded once, a write full
//! of them ([`letter`]); then only the time is written over the first bytes of each. A received one
//! is looked at where it lies in the read buffer. So the tool takes little of what it measures.

#![allow(clippy::print_stdout, reason = "printing is what a command does")]

mod clock;
mod consumer;
mod failure;
mod letter;
mod link;
mod meter;
mod options;
mod pace;
mod producer;
mod report;
mod run;
#[cfg(test)]
mod tests;
mod tls;
mod topology;
mod uri;
mod window;

pub use options::Options;
pub use run::run;
