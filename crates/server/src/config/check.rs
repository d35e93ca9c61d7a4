//! `leveret config check` and `leveret config show`.

use std::io::{self, Write};
use std::process::ExitCode;

use super::{Config, Origin, Problem, Sources};

/// Says everything that is wrong with the settings, and everything that has no effect. Exit code
/// 1 if something is wrong.
pub(crate) fn check(sources: &Sources) -> ExitCode {
    let (problems, ignored) = match sources.load() {
        Ok(config) => (missing_files(&config), config.ignored),
        Err(problems) => (problems, ignored_of(sources)),
    };
    let mut out = io::stdout().lock();
    // Nobody who does not read it misses it.
    let _ = report(&mut out, &problems, &ignored);
    if problems.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn report(out: &mut impl Write, problems: &[Problem], ignored: &[Problem]) -> io::Result<()> {
    let mut lines: Vec<(&Problem, &str)> = Vec::new();
    lines.extend(problems.iter().map(|problem| (problem, "error")));
    lines.extend(ignored.iter().map(|problem| (problem, "warning")));
    lines.sort_by_key(|(problem, _)| place(&problem.origin));
    for (problem, kind) in lines {
        writeln!(out, "{}: {kind}: {}", problem.origin, problem.reason)?;
    }
    let (errors, warnings) = (problems.len(), ignored.len());
    writeln!(out, "{errors} errors, {warnings} warnings")
}

/// Files in their order, lines in theirs, the rest behind.
fn place(origin: &Origin) -> (bool, String, usize) {
    match origin {
        Origin::File(file, line) => (false, file.display().to_string(), *line),
        Origin::WholeFile(file) => (false, file.display().to_string(), 0),
        _ => (true, origin.to_string(), 0),
    }
}

/// The warnings of settings that cannot be used.
fn ignored_of(sources: &Sources) -> Vec<Problem> {
    let mut config = Config::with_defaults();
    let file = sources
        .file
        .clone()
        .or_else(|| sources.environment.config_file());
    if let Some(path) = file {
        let read = super::source::read(&path);
        config.ignored.extend(read.ignored);
        config.apply(read.written, &mut Vec::new());
    }
    config.ignored
}

/// Certificates and definitions that are named and not there.
fn missing_files(config: &Config) -> Vec<Problem> {
    let definitions = &config.broker.load_definitions;
    let tls = [&config.tls, &config.management.tls];
    let files = tls
        .into_iter()
        .flat_map(|tls| [&tls.cacertfile, &tls.certfile, &tls.keyfile])
        .chain([definitions]);
    let missing = files.flatten().filter(|file| !file.exists());
    missing
        .filter_map(|file| {
            let named = file.display().to_string();
            let written = config.effective.iter().find(|w| w.value == named)?;
            Some(written.problem(&format!("{named} does not exist")))
        })
        .collect()
}

/// Prints what is in effect in the format of the file, and where each value is from.
pub(crate) fn show(sources: &Sources) -> ExitCode {
    match sources.load() {
        Ok(config) => {
            let mut out = io::stdout().lock();
            let _ = write_effective(&config, &mut out);
            ExitCode::SUCCESS
        }
        Err(problems) => {
            for problem in problems {
                eprintln!("leveret: {problem}");
            }
            ExitCode::FAILURE
        }
    }
}

fn write_effective(config: &Config, out: &mut impl Write) -> io::Result<()> {
    let mut effective: Vec<_> = config.effective.iter().collect();
    effective.sort_by(|a, b| a.key.cmp(&b.key));
    let lines = effective.iter().map(|written| {
        let quote = if written.shown().contains(['#', ' ']) {
            "'"
        } else {
            ""
        };
        let line = format!("{} = {quote}{}{quote}", written.key, written.shown());
        (line, &written.origin)
    });
    for (line, origin) in lines {
        writeln!(out, "{line:<56} # {origin}")?;
    }
    Ok(())
}
