//! SIGHUP: reads the settings again and takes over what can change while the broker runs.

use std::sync::Arc;

use crate::certificates::Certificates;
use crate::config::{Config, Sources, Written};
use crate::telemetry::Log;
use crate::watch::Limits;

/// Beginnings of the keys that take effect at once; so do the levels of the log.
const LIVE: [&str; 2] = ["vm_memory_high_watermark.", "disk_free_limit."];

/// What settings can change while the broker runs.
pub(crate) struct Reload {
    sources: Sources,
    effective: Vec<Written>,
    log: Log,
    limits: Limits,
    certificates: Arc<Certificates>,
}

impl Reload {
    /// From the settings in effect now.
    pub(crate) fn new(
        sources: Sources,
        config: &Config,
        log: Log,
        limits: Limits,
        certificates: Arc<Certificates>,
    ) -> Self {
        Self {
            sources,
            effective: config.effective.clone(),
            log,
            limits,
            certificates,
        }
    }

    /// Reads everything again; settings with a fault in them are not used.
    pub(crate) fn run(&mut self) {
        self.log.reopen();
        self.certificates.reload();
        let config = match self.sources.load() {
            Ok(config) => config,
            Err(problems) => {
                for problem in problems {
                    tracing::error!("settings are not read again: {problem}");
                }
                return;
            }
        };
        let changes = changes(&self.effective, &config.effective);
        // Before the levels change, or what is said next may not be seen.
        for (key, shown) in &changes {
            if is_live(key) {
                tracing::info!("{key} is {shown} now");
            } else {
                tracing::warn!("{key} has changed; this takes effect after a restart");
            }
        }
        self.limits.set(&config);
        self.log.set_levels(&config.log);
        // What waits for a restart still differs from what is in effect.
        self.effective.retain(|written| !is_live(&written.key));
        let live = config.effective.into_iter();
        self.effective
            .extend(live.filter(|written| is_live(&written.key)));
        tracing::info!("settings read again");
    }
}

fn is_live(key: &str) -> bool {
    let level = key.starts_with("log.") && key.ends_with(".level");
    level || LIVE.iter().any(|live| key.starts_with(live))
}

/// Keys that are different or gone, with what may be shown of their new values.
fn changes(old: &[Written], new: &[Written]) -> Vec<(String, String)> {
    let value = |all: &[Written], key: &str| {
        all.iter()
            .find(|written| written.key == key)
            .map(|written| written.value.clone())
    };
    let mut changes: Vec<(String, String)> = new
        .iter()
        .filter(|written| value(old, &written.key).as_ref() != Some(&written.value))
        .map(|written| (written.key.clone(), written.shown().to_owned()))
        .collect();
    let gone = old
        .iter()
        .filter(|written| value(new, &written.key).is_none());
    changes.extend(gone.map(|written| (written.key.clone(), "not set".to_owned())));
    changes.sort();
    changes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Origin;

    fn written(text: &str) -> Vec<Written> {
        text.lines()
            .filter_map(|line| line.split_once(" = "))
            .map(|(key, value)| Written {
                key: key.to_owned(),
                value: value.to_owned(),
                origin: Origin::Default,
            })
            .collect()
    }

    #[test]
    fn changes_are_new_values_and_keys_that_are_gone() {
        let old = written("a = 1\nb = 2\ndefault_pass = x");
        let new = written("a = 1\nb = 3\ndefault_pass = y\nc = 4");
        let change = |key: &str, shown: &str| (key.to_owned(), shown.to_owned());
        assert_eq!(
            changes(&old, &new),
            [
                change("b", "3"),
                change("c", "4"),
                change("default_pass", "********")
            ]
        );
        assert_eq!(changes(&new, &old)[1], change("c", "not set"));
    }

    #[test]
    fn levels_and_limits_change_at_once() {
        for (key, live) in [
            ("vm_memory_high_watermark.absolute", true),
            ("disk_free_limit.relative", true),
            ("log.console.level", true),
            ("log.file.level", true),
            ("log.connection.level", true),
            ("log.file", false),
            ("log.dir", false),
            ("log.console", false),
            ("log.console.formatter", false),
            ("log.file.rotation.size", false),
            ("heartbeat", false),
        ] {
            assert_eq!(is_live(key), live, "{key}");
        }
    }
}
