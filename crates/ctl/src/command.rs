//! The command line, made from the table of verbs.

use clap::builder::PossibleValuesParser;
use clap::{Arg, ArgAction, Command};

use crate::verbs::{Argument, VERBS, Verb};

/// The command: options that every verb has, and the verbs. What it is made of is made when
/// somebody calls it: a broker that starts has no use for a hundred verbs.
#[must_use]
pub fn command(name: &'static str) -> Command {
    Command::new(name)
        .about("rabbitmqctl's and rabbitmq-diagnostics' verbs")
        .long_about(
            "rabbitmqctl's and rabbitmq-diagnostics' verbs for a running broker. Reaches it by \
             the socket in its data directory, which needs no password, or with --url over HTTP.",
        )
        .subcommand_required(true)
        .arg_required_else_help(true)
        .defer(with_verbs)
}

fn with_verbs(command: Command) -> Command {
    command
        .args(connection())
        .args(presentation())
        .subcommands(VERBS.iter().copied().flatten().map(subcommand))
}

fn connection() -> [Arg; 6] {
    let option = |name: &'static str, value: &'static str, help: &'static str| {
        Arg::new(name)
            .long(name)
            .value_name(value)
            .global(true)
            .help(help)
    };
    [
        option(
            "data-dir",
            "DIR",
            "The broker's data directory [default: leveret-data]",
        )
        .env("RABBITMQ_DATA_DIR"),
        option(
            "url",
            "URL",
            "The management listener, http://HOST:PORT, instead of the socket",
        )
        .env("LEVERET_CTL_URL"),
        option("username", "USER", "Who asks, with --url [default: guest]")
            .env("LEVERET_CTL_USERNAME"),
        option(
            "password",
            "PASSWORD",
            "The password, with --url [default: guest]",
        )
        .env("LEVERET_CTL_PASSWORD")
        .hide_env_values(true),
        option("timeout", "SECONDS", "How long to wait [default: 60]")
            .short('t')
            .value_parser(clap::value_parser!(u64)),
        option("node", "NODE", "Taken and ignored: there is one node").short('n'),
    ]
}

fn presentation() -> [Arg; 6] {
    let flag = |name: &'static str, help: &'static str| {
        Arg::new(name)
            .long(name)
            .global(true)
            .action(ArgAction::SetTrue)
            .help(help)
    };
    [
        Arg::new("vhost")
            .short('p')
            .long("vhost")
            .value_name("VHOST")
            .global(true)
            .default_value("/")
            .help("The virtual host"),
        flag("quiet", "Print results only, no words around them").short('q'),
        flag("silent", "As --quiet, and no column headers").short('s'),
        flag("no-table-headers", "Print no column headers"),
        flag("longnames", "Taken and ignored").short('l'),
        Arg::new("formatter")
            .long("formatter")
            .value_name("FORMAT")
            .global(true)
            .value_parser(PossibleValuesParser::new([
                "table",
                "pretty_table",
                "csv",
                "json",
            ]))
            .default_value("table")
            .help("How results are printed"),
    ]
}

fn subcommand(verb: &Verb) -> Command {
    Command::new(verb.name)
        .about(verb.about)
        .args(verb.arguments.iter().map(argument))
}

fn argument(argument: &Argument) -> Arg {
    match *argument {
        Argument::Required(name) => Arg::new(name)
            .value_name(name)
            .required(true)
            .allow_hyphen_values(true),
        Argument::Optional(name) => Arg::new(name).value_name(name),
        Argument::Words(name) => Arg::new(name).value_name(name).num_args(0..),
        Argument::Option(name, value) => Arg::new(name).long(name).value_name(value),
        Argument::Flag(name) => Arg::new(name).long(name).action(ArgAction::SetTrue),
    }
}
