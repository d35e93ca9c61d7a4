//! Every setting, declared once: key, default, unit, meaning, and how it is read.

mod access;
mod http;
mod ignored;
#[cfg(test)]
mod known;
mod limits;
mod listeners;
mod log;
mod node;
mod tls;

use super::{Config, value};

pub(crate) use self::ignored::{Unsupported, unsupported};

/// Why a value is not taken.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Wrong {
    /// It makes no sense; what was expected.
    Value(String),
    /// It is fine, but has no effect here; why.
    Ignored(String),
}

impl From<String> for Wrong {
    fn from(reason: String) -> Self {
        Self::Value(reason)
    }
}

/// Stores a value; the text before it is what stood for the key's `$…`.
pub(crate) type Read = fn(config: &mut Config, name: &str, value: &str) -> Result<(), Wrong>;

/// One key of the configuration file.
pub(crate) struct Setting {
    /// RabbitMQ's key. A segment that begins with `$` stands for any one segment.
    pub(crate) key: &'static str,
    /// As it would be written in the file; empty where "not set" has its own meaning.
    pub(crate) default: &'static str,
    /// Unit or form of the value.
    pub(crate) unit: &'static str,
    /// What it does.
    pub(crate) doc: &'static str,
    /// How it is taken.
    pub(crate) read: Read,
    /// Empties the list that it adds to: the first line of a source that touches a list replaces
    /// what sources below have put there.
    pub(crate) clear: Option<fn(&mut Config)>,
}

const fn setting(
    key: &'static str,
    default: &'static str,
    unit: &'static str,
    doc: &'static str,
    read: Read,
) -> Setting {
    Setting {
        key,
        default,
        unit,
        doc,
        read,
        clear: None,
    }
}

impl Setting {
    const fn list(mut self, clear: fn(&mut Config)) -> Self {
        self.clear = Some(clear);
        self
    }

    /// The list that it belongs to: all settings before the first `$`.
    pub(crate) fn group(&self) -> &'static str {
        match self.key.find(".$") {
            Some(end) => &self.key[..end],
            None => self.key,
        }
    }

    /// What stands for the key's first `$…` in `key`, if this is its declaration.
    fn matches<'k>(&self, key: &'k str) -> Option<&'k str> {
        let mut name = None;
        let (mut mine, mut theirs) = (self.key.split('.'), key.split('.'));
        loop {
            match (mine.next(), theirs.next()) {
                (None, None) => return Some(name.unwrap_or_default()),
                (Some(any), Some(segment)) if any.starts_with('$') && !segment.is_empty() => {
                    name = name.or(Some(segment));
                }
                (Some(one), Some(other)) if one == other => {}
                _ => return None,
            }
        }
    }
}

/// All settings, in the order that `--help` prints.
pub(crate) fn all() -> impl Iterator<Item = &'static Setting> {
    [
        listeners::SETTINGS,
        tls::SETTINGS,
        access::SETTINGS,
        limits::SETTINGS,
        http::SETTINGS,
        log::SETTINGS,
        node::SETTINGS,
    ]
    .into_iter()
    .flatten()
}

/// Settles what several keys of one subject say together.
pub(crate) fn resolve(config: &mut Config) {
    tls::resolve(config);
}

/// The declaration of `key`, and what stood for its first `$…`.
pub(crate) fn find(key: &str) -> Option<(&'static Setting, &str)> {
    all().find_map(|setting| Some((setting, setting.matches(key)?)))
}

/// The known key that is spelled most like `key`, if one is near enough to be what was meant.
pub(crate) fn nearest(key: &str) -> Option<&'static str> {
    all()
        .map(|setting| (distance(key, setting.key), setting.key))
        .min()
        .filter(|(distance, known)| *distance <= known.len() / 3)
        .map(|(_, known)| known)
}

/// Levenshtein's: single characters inserted, deleted or replaced.
fn distance(from: &str, to: &str) -> usize {
    let mut row: Vec<usize> = (0..=to.chars().count()).collect();
    for (i, a) in from.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in to.chars().enumerate() {
            let replaced = diagonal + usize::from(a != b);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row.last().copied().unwrap_or_default()
}

fn keep(field: &mut String, text: &str) -> Result<(), Wrong> {
    if text.is_empty() {
        return Err("expected a value, got nothing".to_owned().into());
    }
    text.clone_into(field);
    Ok(())
}

/// A limit that may be `infinity`.
fn limit(text: &str) -> Result<Option<u32>, Wrong> {
    match text {
        "infinity" | "unlimited" => Ok(None),
        _ => Ok(Some(value::integer(text).map_err(|_| {
            format!("expected a whole number or infinity, got '{text}'")
        })?)),
    }
}

fn path(field: &mut Option<std::path::PathBuf>, text: &str) -> Result<(), Wrong> {
    if text.is_empty() {
        return Err("expected a path, got nothing".to_owned().into());
    }
    *field = Some(text.into());
    Ok(())
}

fn ip(field: &mut Option<std::net::IpAddr>, text: &str) -> Result<(), Wrong> {
    let ip = text
        .parse()
        .map_err(|_| format!("expected an IP address, got '{text}'"))?;
    *field = Some(ip);
    Ok(())
}

fn choice<T: Clone>(text: &str, choices: &[(&str, T)]) -> Result<T, Wrong> {
    let found = choices.iter().find(|(name, _)| *name == text);
    found.map(|(_, value)| value.clone()).ok_or_else(|| {
        let names: Vec<&str> = choices.iter().map(|(name, _)| *name).collect();
        Wrong::Value(format!("expected {}, got '{text}'", names.join(" or ")))
    })
}
