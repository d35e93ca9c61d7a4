//! Leveret: a message broker for RabbitMQ's clients.

mod alarm;
mod args;
mod clock;
mod config;
mod connection;
mod connections;
mod definitions;
mod hang_up;
mod inbound;
mod inspect;
mod listener;
mod os;
mod serve;
mod shutdown;
mod telemetry;
mod ticking;
mod watch;

use std::process::ExitCode;

use clap::Parser;

use crate::args::{Args, Command, StoreCommand};
use crate::config::Config;

/// A message is allocated on one core and freed on another, which the system's allocator pays for
/// with half of all CPU at small sizes, and for large bodies it trims its heap all the time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let mut args = Args::parse();
    if let Some(Command::Store(StoreCommand::Inspect { dir })) = args.command {
        return inspect::run(&dir);
    }
    let file = args.config.take();
    let outcome = Config::load(args.into_raw(), file.as_deref())
        .map_err(|error| error.to_string())
        .and_then(serve::run);
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            eprintln!("leveret: {reason}");
            ExitCode::FAILURE
        }
    }
}
