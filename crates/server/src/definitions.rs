//! Definitions that are imported at the start.

use std::fs;
use std::path::{Path, PathBuf};

use broker::{Broker, DEFINITIONS_BYTES_MAX};

/// Imports the file of `load_definitions`, or every `.json` file of the directory, by name.
///
/// # Errors
/// What is wrong, for the operator. The broker should not start then: it would lack users, queues
/// or permissions that its clients rely on.
pub(crate) fn load(broker: &Broker) -> Result<(), String> {
    let settings = broker.settings();
    let Some(path) = &settings.load_definitions else {
        return Ok(());
    };
    let mut files = Vec::new();
    for path in paths(path)? {
        files.push((read(&path)?, path));
    }
    let hash = broker::definitions_hash(files.iter().map(|(file, _)| &**file));
    if settings.definitions_skip_if_unchanged && broker.has_imported(&hash) {
        tracing::info!(path = %path.display(), "definitions are the same as the last time and not imported");
        return Ok(());
    }
    for (file, path) in &files {
        let imported = broker.import(file, None).map_err(|error| {
            format!("cannot import definitions from {}: {error}", path.display())
        })?;
        tracing::info!(path = %path.display(), created = imported.created, "definitions imported");
    }
    broker.note_imported(&hash);
    Ok(())
}

fn paths(path: &Path) -> Result<Vec<PathBuf>, String> {
    let failed = |error| format!("cannot read definitions from {}: {error}", path.display());
    if !fs::metadata(path).map_err(failed)?.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut paths = Vec::new();
    for entry in fs::read_dir(path).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path
            .extension()
            .is_some_and(|extension| extension == "json")
        {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    let failed = |error| format!("cannot read definitions from {}: {error}", path.display());
    let bytes = fs::metadata(path).map_err(failed)?.len();
    if bytes > DEFINITIONS_BYTES_MAX {
        return Err(format!(
            "{} has {bytes} bytes, and definitions may have {DEFINITIONS_BYTES_MAX}",
            path.display()
        ));
    }
    fs::read(path).map_err(failed)
}
