//! The command line.

use std::fmt::Write;
use std::path::PathBuf;

use clap::{CommandFactory, Parser, Subcommand};

use crate::config::{self, Environment, Listen, Origin, Sources, Written};

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

    /// Metrics for Prometheus, as PORT or IP:PORT [default: 15692]
    #[arg(long, value_name = "ADDR", value_parser = Listen::parse)]
    prometheus_listen: Option<Listen>,

    /// Settings in the format of rabbitmq.conf (--help lists them), and the conf.d/*.conf beside
    /// it; or a directory with both
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    /// debug, info, warning, error or none [default: info]
    #[arg(long, value_name = "LEVEL", value_parser = level)]
    log_level: Option<String>,

    /// Damaged messages: 'strict' refuses to start, 'salvage' starts without them and reports what
    /// is lost [default: strict]
    #[arg(long, value_name = "MODE", value_parser = ["strict", "salvage"])]
    recover: Option<String>,

    /// Definitions in RabbitMQ's JSON, a file or a directory of them, to import at the start
    #[arg(long, value_name = "FILE")]
    import_definitions: Option<PathBuf>,

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
    /// Print the completions of a shell, to be sourced by it
    Completions {
        /// bash, zsh, fish, elvish or powershell
        shell: ctl::Shell,
    },
    /// Print the manual page
    Man,
    /// Look at settings
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Load an AMQP 0-9-1 broker, and say what it took
    Perf(Box<perf::Options>),
    /// Ask the broker of this machine whether it speaks AMQP; exit code 1 if it does not
    Health {
        /// Its settings: a file, or a directory of them [default: RABBITMQ_CONFIG_FILE]
        #[arg(long, value_name = "FILE")]
        config: Option<PathBuf>,
    },
}

/// The whole command line: serving, looking, and `ctl` with its verbs.
pub(crate) fn command() -> clap::Command {
    Args::command().subcommand(ctl::command("ctl"))
}

/// The manual page.
///
/// # Errors
/// None that writing to memory can have.
pub(crate) fn manual() -> std::io::Result<Vec<u8>> {
    ctl::manual(command())
}

/// What can be done with settings.
#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Say everything that is wrong with a configuration, and everything that has no effect here;
    /// exit code 1 if something is wrong
    Check {
        /// The file, or a directory of them
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// Print the settings in effect, and where each is from
    Show {
        /// The file, or a directory of them [default: RABBITMQ_CONFIG_FILE]
        #[arg(long, value_name = "FILE")]
        config: Option<PathBuf>,
    },
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

fn level(text: &str) -> Result<String, String> {
    config::level(text)?;
    Ok(text.to_owned())
}

impl Args {
    /// Everything that settings come from.
    pub(crate) fn into_sources(self) -> Sources {
        let mut flags = Vec::new();
        let mut write = |flag, key: &str, value: Option<String>| {
            flags.extend(value.map(|value| Written {
                key: key.to_owned(),
                value,
                origin: Origin::Flag(flag),
            }));
        };
        let data_dir = self.data_dir.map(|dir| dir.display().to_string());
        write("--data-dir", "leveret.data_dir", data_dir);
        write("--log-level", "log.console.level", self.log_level);
        write("--recover", "leveret.recover", self.recover);
        let definitions = self
            .import_definitions
            .map(|path| path.display().to_string());
        write("--import-definitions", "load_definitions", definitions);
        for (n, listen) in self.listen.into_iter().enumerate() {
            let key = format!("listeners.tcp.{}", n + 1);
            write("--listen", &key, Some(listen.to_string()));
        }
        for (flag, service, listen) in [
            ("--management-listen", "management", self.management_listen),
            ("--prometheus-listen", "prometheus", self.prometheus_listen),
        ] {
            let port = listen.map(|listen| listen.port().to_string());
            let ip = listen.map(|listen| listen.ip().to_string());
            write(flag, &format!("{service}.tcp.port"), port);
            write(flag, &format!("{service}.tcp.ip"), ip);
        }
        Sources {
            file: self.config,
            environment: Environment::of_process(),
            flags,
        }
    }
}

fn settings_help() -> String {
    let mut help = String::from("Settings of the configuration file, 'key = value' a line:\n");
    for [key, doc, unit, default] in config::documented() {
        // Writing to a String cannot fail.
        let _ = write!(help, "  {key:<33} {doc} ({unit}");
        let _ = match default {
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

    fn flags(flags: &[&str]) -> Vec<String> {
        let args = Args::try_parse_from([&["leveret"], flags].concat()).unwrap();
        let flags = args.into_sources().flags;
        flags
            .iter()
            .map(|flag| format!("{} = {}", flag.key, flag.value))
            .collect()
    }

    #[test]
    fn the_declaration_is_sound() {
        Args::command().debug_assert();
    }

    #[test]
    fn without_flags_nothing_is_overridden() {
        assert!(flags(&[]).is_empty());
    }

    #[test]
    fn flags_are_settings() {
        let args = [
            "--listen",
            "1",
            "--listen",
            "127.0.0.1:2",
            "--management-listen",
            "3",
            "--log-level",
            "error",
        ];
        assert_eq!(
            flags(&args),
            [
                "log.console.level = error",
                "listeners.tcp.1 = [::]:1",
                "listeners.tcp.2 = 127.0.0.1:2",
                "management.tcp.port = 3",
                "management.tcp.ip = ::",
            ]
        );
    }

    #[test]
    fn settings_are_looked_at_by_commands_of_their_own() {
        let parse = |line: &str| Args::try_parse_from(line.split(' '));
        assert!(matches!(
            parse("leveret config check x").unwrap().command,
            Some(Command::Config(ConfigCommand::Check { .. }))
        ));
        assert!(matches!(
            parse("leveret config show").unwrap().command,
            Some(Command::Config(ConfigCommand::Show { config: None }))
        ));
        assert!(parse("leveret config check").is_err());
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
        assert_eq!(
            flags(&["--recover", "strict"]),
            ["leveret.recover = strict"]
        );
        assert_eq!(flags(&["--recover=salvage"]), ["leveret.recover = salvage"]);
        assert!(Args::try_parse_from(["leveret", "--recover", "maybe"]).is_err());
    }

    #[test]
    fn a_bad_address_is_a_usage_error() {
        assert!(Args::try_parse_from(["leveret", "--listen", "nowhere"]).is_err());
    }

    #[test]
    fn long_help_lists_every_setting() {
        let help = Args::command().render_long_help().to_string();
        for [key, ..] in config::documented() {
            assert!(help.contains(key), "{key}");
        }
    }
}
