//! `leveret ctl`: rabbitmqctl's and rabbitmq-diagnostics' verbs, over the HTTP API.
//!
//! A verb is one row of a table in `verbs/`: its name, its arguments, and what it asks of the
//! API. The command line, its help, completions and the manual page are made from those rows.
//! `http` talks to the broker, by the socket in its data directory or by an address, and `output`
//! prints what comes back as rabbitmqctl does.

#![allow(clippy::print_stdout, reason = "printing is what a command does")]

mod call;
mod command;
mod failure;
mod http;
mod names;
mod output;
mod run;
#[cfg(test)]
mod tests;
mod verbs;

pub use clap_complete::Shell;
pub use command::command;
pub use names::called_as;
pub use run::{completions, manual, run};

/// The socket in the data directory by which whoever may enter that directory is let in as an
/// administrator, as Erlang's cookie does for RabbitMQ.
pub const SOCKET_NAME: &str = "ctl.sock";
