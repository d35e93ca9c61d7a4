//! Leveret: a message broker for RabbitMQ's clients.

mod alarm;
mod args;
mod arrival;
mod certificates;
mod clock;
mod config;
mod connection;
mod connections;
mod definitions;
mod gather;
mod hang_up;
mod health;
mod inbound;
mod inspect;
mod listener;
mod local;
mod os;
mod proxy;
mod reload;
mod serve;
mod shutdown;
mod sockets;
mod telemetry;
mod ticking;
mod tls;
mod watch;
mod web;

// Faster than musl's: the linker takes its memcpy and the like.
#[cfg(all(target_env = "musl", target_arch = "x86_64"))]
use mem as _;

use std::io::Write;
use std::process::ExitCode;

use clap::FromArgMatches;

use crate::args::{Args, Command, ConfigCommand, StoreCommand};
use crate::config::Sources;

/// A message is allocated on one core and freed on another, which the system's allocator pays for
/// with half of all CPU at small sizes, and for large bodies it trims its heap all the time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let program = std::env::args().next().unwrap_or_default();
    if ctl::called_as(&program) {
        return ctl::run(&ctl::command("rabbitmqctl").get_matches()).into();
    }
    let matches = args::command().get_matches();
    if let Some(("ctl", asked)) = matches.subcommand() {
        return ctl::run(asked).into();
    }
    let mut args = Args::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    match args.command.take() {
        Some(Command::Completions { shell }) => {
            return print(&ctl::completions(&mut args::command(), "leveret", shell));
        }
        Some(Command::Man) => return args::manual().map_or(ExitCode::FAILURE, |page| print(&page)),
        Some(Command::Store(StoreCommand::Inspect { dir })) => return inspect::run(&dir),
        Some(Command::Config(ConfigCommand::Check { file })) => {
            return config::check(&Sources {
                file: Some(file),
                ..Sources::default()
            });
        }
        Some(Command::Config(ConfigCommand::Show { config })) => {
            return config::show(&Sources::without_flags(config));
        }
        Some(Command::Perf(options)) => return perf::run(*options),
        Some(Command::Health { config }) => {
            return health::run(&Sources::without_flags(config));
        }
        None => {}
    }
    match serve::run(args.into_sources()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            eprintln!("leveret: {reason}");
            ExitCode::FAILURE
        }
    }
}

fn print(text: &[u8]) -> ExitCode {
    match std::io::stdout().write_all(text) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}
