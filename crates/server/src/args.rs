//! The command line.

use std::fmt::Write;
use std::path::PathBuf;

use broker::Recover;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Parser, Subcommand};
use tracing::level_filters::LevelFilter;

use crate::config::{self, Listen, RawConfig, SETTINGS};

/// A message broker for RabbitMQ's clients: AMQP 0-9-1, durable, from one command.
#[derive(Debug, Parser)]
#[command(
    name = "leveret",
    version,
    after_long_help = settings_help(),
    args_conflicts_with_subcommands = true
)]
pub(crate) struct Args {
    /// Where messages and definitions are kept [default: leveret-data]
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,

    /// AMQP listener, as PORT or IP:PORT; repeatable [default: 5672]
    #[arg(long, value_name = "ADDR", value_parser = Listen::parse)]
    listen: Vec<Listen>,

    /// Management API and pages, as PORT or IP:PORT [default: 15672]
    #[arg(long, value_name = "ADDR", value_parser = Listen::parse)]
    management_listen: Option<Listen>,

    /// Settings in the format of rabbitmq.conf (--help lists them)
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,

    /// debug, info, warning, error or none [default: info]
    #[arg(long, value_name = "LEVEL", value_parser = config::level)]
    log_level: Option<LevelFilter>,

    /// Damaged messages: 'strict' refuses to start, 'salvage' starts without them and reports what
    /// is lost [default: strict]
    #[arg(long, value_name = "MODE", value_parser = recover_modes())]
    recover: Option<Recover>,

    /// Something else than serving
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

/// What the program does instead of serving.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Look into a data directory
    #[command(subcommand)]
    Store(StoreCommand),
}

/// What can be done with a data directory.
#[derive(Debug, Subcommand)]
pub(crate) enum StoreCommand {
    /// Verify every record of a stopped broker's data directory and list what is in it; nothing
    /// is changed. Exit code 0: everything is sound, 1: damaged or not readable
    Inspect {
        /// The data directory
        #[arg(value_name = "DIR")]
        dir: PathBuf,
    },
}

fn recover_modes() -> impl TypedValueParser<Value = Recover> {
    PossibleValuesParser::new(["strict", "salvage"]).map(|mode| match &*mode {
        "salvage" => Recover::Salvage,
        _ => Recover::Strict,
    })
}

impl Args {
    /// What the flags say, as the topmost layer of the configuration.
    pub(crate) fn into_raw(self) -> RawConfig {
        let listeners: Vec<(String, Listen)> = self
            .listen
            .into_iter()
            .enumerate()
            .map(|(index, listen)| (index.to_string(), listen))
            .collect();
        RawConfig {
            data_dir: self.data_dir,
            amqp: (!listeners.is_empty()).then_some(listeners),
            management: self.management_listen,
            log_level: self.log_level,
            recover: self.recover,
            ..RawConfig::default()
        }
    }
}

fn settings_help() -> String {
    let mut help = String::from("Settings of the configuration file, 'key = value' a line:\n");
    for setting in SETTINGS {
        // Writing to a String cannot fail.
        let _ = write!(
            help,
            "  {:<33} {} ({}",
            setting.key, setting.doc, setting.unit
        );
        let _ = match setting.default {
            "" => writeln!(help, ")"),
            default => writeln!(help, ", default {default})"),
        };
    }
    help
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    fn raw(flags: &[&str]) -> RawConfig {
        Args::try_parse_from([&["leveret"], flags].concat())
            .unwrap()
            .into_raw()
    }

    #[test]
    fn the_declaration_is_sound() {
        Args::command().debug_assert();
    }

    #[test]
    fn without_flags_nothing_is_overridden() {
        assert_eq!(raw(&[]), RawConfig::default());
    }

    #[test]
    fn listen_repeats() {
        let raw = raw(&[
            "--listen",
            "1",
            "--listen",
            "127.0.0.1:2",
            "--management-listen",
            "3",
        ]);
        let listens: Vec<String> = raw
            .amqp
            .unwrap()
            .iter()
            .map(|(_, l)| l.to_string())
            .collect();
        assert_eq!(listens, ["[::]:1", "127.0.0.1:2"]);
        assert_eq!(raw.management, Some(Listen::Everywhere(3)));
    }

    #[test]
    fn inspecting_is_a_command_of_its_own() {
        let args = Args::try_parse_from(["leveret", "store", "inspect", "d"]).unwrap();
        let Some(Command::Store(StoreCommand::Inspect { dir })) = args.command else {
            panic!("{:?}", args.command);
        };
        assert_eq!(dir, PathBuf::from("d"));
        assert!(Args::try_parse_from(["leveret", "store"]).is_err());
        assert!(
            Args::try_parse_from(["leveret", "--listen", "1", "store", "inspect", "d"]).is_err()
        );
    }

    #[test]
    fn recovery_is_strict_or_a_salvage() {
        assert_eq!(raw(&["--recover", "strict"]).recover, Some(Recover::Strict));
        assert_eq!(raw(&["--recover=salvage"]).recover, Some(Recover::Salvage));
        assert!(Args::try_parse_from(["leveret", "--recover", "maybe"]).is_err());
    }

    #[test]
    fn a_bad_address_is_a_usage_error() {
        assert!(Args::try_parse_from(["leveret", "--listen", "nowhere"]).is_err());
    }

    #[test]
    fn long_help_lists_every_setting() {
        let help = Args::command().render_long_help().to_string();
        for setting in SETTINGS {
            assert!(help.contains(setting.key), "{}", setting.key);
        }
    }
}
