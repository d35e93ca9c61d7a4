//! From the command line to an exit code.

use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgMatches, Command};
use clap_complete::Shell;

use crate::SOCKET_NAME;
use crate::call::Call;
use crate::failure::Failure;
use crate::http::Target;
use crate::output::{Format, Output, Talk};
use crate::verbs::{VERBS, Verb};

/// Seconds that a verb may take unless `--timeout` says otherwise; rabbitmqctl's figure.
const TIMEOUT_S: u64 = 60;

/// Where the broker keeps its data if nobody says otherwise.
const DATA_DIR: &str = "leveret-data";

/// Carries out what [`command`](crate::command) has parsed. Returns the exit code: 0, or one of
/// sysexits' as rabbitmqctl's.
#[must_use]
pub fn run(matches: &ArgMatches) -> u8 {
    let outcome = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::unavailable(error.to_string()))
        .and_then(|runtime| runtime.block_on(carry_out(matches)));
    match outcome {
        Ok(text) => {
            // Whoever reads may have gone; there is nobody to tell.
            let _ = std::io::stdout().write_all(text.as_bytes());
            0
        }
        Err(failure) => {
            let _ = writeln!(std::io::stderr(), "Error:\n{failure}");
            failure.code
        }
    }
}

async fn carry_out(matches: &ArgMatches) -> Result<String, Failure> {
    let (name, arguments) = matches
        .subcommand()
        .ok_or_else(|| Failure::usage("which verb?"))?;
    let verb = find(name).ok_or_else(|| Failure::usage(format!("no such verb: {name}")))?;
    let call = Call {
        target: target(arguments)?,
        vhost: text(arguments, "vhost").unwrap_or("/").to_owned(),
        arguments: arguments.clone(),
    };
    let seconds = arguments.get_one::<u64>("timeout").copied();
    let limit = Duration::from_secs(seconds.unwrap_or(TIMEOUT_S));
    let output = tokio::time::timeout(limit, (verb.run)(&call))
        .await
        .map_err(|_| Failure::late(format!("{name} took longer than {} s", limit.as_secs())))??;
    Ok(render(&output, arguments))
}

fn find(name: &str) -> Option<&'static Verb> {
    VERBS
        .iter()
        .copied()
        .flatten()
        .find(|verb| verb.name == name)
}

fn text<'a>(matches: &'a ArgMatches, name: &str) -> Option<&'a str> {
    matches.get_one::<String>(name).map(String::as_str)
}

/// The socket of the data directory, or the address that was given.
fn target(arguments: &ArgMatches) -> Result<Target, Failure> {
    if let Some(url) = text(arguments, "url") {
        let address = url
            .strip_prefix("http://")
            .ok_or_else(|| Failure::usage(format!("expected http://HOST:PORT, got '{url}'")))?
            .trim_end_matches('/');
        let address = match address.rsplit_once(':') {
            Some((_, port)) if port.parse::<u16>().is_ok() => address.to_owned(),
            _ => format!("{address}:15672"),
        };
        return Ok(Target::Address {
            address,
            user: text(arguments, "username").unwrap_or("guest").to_owned(),
            password: text(arguments, "password").unwrap_or("guest").to_owned(),
        });
    }
    // The option has the first variable of those that the broker itself goes by.
    let dir = match text(arguments, "data-dir") {
        Some(dir) => PathBuf::from(dir),
        None => std::env::var_os("RABBITMQ_MNESIA_BASE")
            .map_or_else(|| PathBuf::from(DATA_DIR), PathBuf::from),
    };
    Ok(Target::Socket(dir.join(SOCKET_NAME)))
}

fn render(output: &Output, arguments: &ArgMatches) -> String {
    let format = match text(arguments, "formatter") {
        Some("json") => Format::Json,
        Some("csv") => Format::Csv,
        Some("pretty_table") => Format::Pretty,
        _ => Format::Table,
    };
    let talk = if arguments.get_flag("silent") || arguments.get_flag("no-table-headers") {
        Talk::Silent
    } else if arguments.get_flag("quiet") {
        Talk::Quiet
    } else {
        Talk::Full
    };
    output.render(format, talk)
}

/// Completions of a shell for `command`, called `name`.
#[must_use]
pub fn completions(command: &mut Command, name: &str, shell: Shell) -> Vec<u8> {
    let mut script = Vec::new();
    clap_complete::generate(shell, command, name, &mut script);
    script
}

/// The manual page of `command`, in roff.
///
/// # Errors
/// None that writing to memory can have.
pub fn manual(command: Command) -> std::io::Result<Vec<u8>> {
    let mut page = Vec::new();
    clap_mangen::Man::new(command).render(&mut page)?;
    Ok(page)
}
