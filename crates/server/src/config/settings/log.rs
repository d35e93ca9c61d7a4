//! What is logged, where, and for how long.

use std::path::PathBuf;

use super::super::options::LogFormat;
use super::super::value;
use super::{Setting, Wrong, choice, path, setting};
use crate::telemetry::CATEGORIES;

/// Files kept, besides the current one, whatever is asked for.
const FILES_MAX: u32 = 1000;

pub(super) const SETTINGS: &[Setting] = &[
    setting(
        "log.console",
        "true",
        "true or false",
        "log to standard error",
        |config, _, text| {
            config.log.console = value::switch(text)?;
            Ok(())
        },
    ),
    setting(
        "log.console.level",
        "info",
        "level",
        "debug, info, warning, error or none",
        |config, _, text| {
            config.log.console_level = value::level(text)?;
            Ok(())
        },
    ),
    setting(
        "log.console.formatter",
        "text",
        "text or json",
        "form of the lines there",
        |config, _, text| format(&mut config.log.console_format, text),
    ),
    setting(
        "log.file",
        "false",
        "name or false",
        "log to a file, too",
        |config, _, text| {
            config.log.file = match text {
                "false" => None,
                "true" => Some(PathBuf::from("leveret.log")),
                name => Some(PathBuf::from(name)),
            };
            Ok(())
        },
    ),
    setting(
        "log.file.level",
        "info",
        "level",
        "as log.console.level",
        |config, _, text| {
            config.log.file_level = value::level(text)?;
            Ok(())
        },
    ),
    setting(
        "log.file.formatter",
        "text",
        "text or json",
        "form of the lines there",
        |config, _, text| format(&mut config.log.file_format, text),
    ),
    setting(
        "log.dir",
        "",
        "directory",
        "of log files whose names are relative (logs/ in the data directory)",
        |config, _, text| path(&mut config.log.dir, text),
    ),
    setting(
        "log.file.rotation.size",
        "0",
        "bytes",
        "put a log file aside at this size; 0: never",
        |config, _, text| {
            config.log.rotation.bytes = value::bytes(text)?;
            Ok(())
        },
    ),
    setting(
        "log.file.rotation.date",
        "",
        "$D0 to $D23",
        "put a log file aside each day at this hour (UTC)",
        |config, _, text| {
            config.log.rotation.daily_at = daily(text)?;
            Ok(())
        },
    ),
    setting(
        "log.file.rotation.count",
        "5",
        "files",
        "log files put aside that are kept",
        |config, _, text| {
            config.log.rotation.count = value::integer::<u32>(text)?.min(FILES_MAX);
            Ok(())
        },
    ),
    setting(
        "log.$category.level",
        "",
        "level",
        "level of a category: connection, channel, queue, access, management, store or default",
        |config, category, text| {
            let level = value::level(text)?;
            if !CATEGORIES.contains(&category) {
                return Err(Wrong::Ignored(format!(
                    "there is no category '{category}' here, only {}",
                    CATEGORIES.join(", ")
                )));
            }
            let categories = &mut config.log.categories;
            categories.retain(|(other, _)| other != category);
            categories.push((category.to_owned(), level));
            Ok(())
        },
    ),
];

fn format(field: &mut LogFormat, text: &str) -> Result<(), Wrong> {
    let forms = [
        ("text", LogFormat::Text),
        ("plaintext", LogFormat::Text),
        ("json", LogFormat::Json),
    ];
    *field = choice(text, &forms)?;
    Ok(())
}

/// RabbitMQ writes `$D0` for each midnight. Weeks and months it has, too.
fn daily(text: &str) -> Result<Option<u8>, Wrong> {
    if text.is_empty() {
        return Ok(None);
    }
    if text.starts_with("$W") || text.starts_with("$M") {
        return Err(Wrong::Ignored(
            "files are put aside daily or by size only".to_owned(),
        ));
    }
    let hour = text.strip_prefix("$D").and_then(|hour| match hour {
        "" => Some(0),
        _ => hour.parse().ok(),
    });
    match hour {
        Some(hour @ 0..=23) => Ok(Some(hour)),
        _ => Err(format!("expected $D0 to $D23, got '{text}'").into()),
    }
}
