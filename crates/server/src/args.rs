//! The command line.

use std::fmt::Write;
use std::path::PathBuf;

use clap::Parser;
use tracing::level_filters::LevelFilter;

use crate::config::{self, Listen, RawConfig, SETTINGS};

/// A message broker for RabbitMQ's clients: AMQP 0-9-1, durable, from one command.
#[derive(Debug, Parser)]
#[command(name = "leveret", version, after_long_help = settings_help())]
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
