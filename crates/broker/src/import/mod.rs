//! Importing definitions in RabbitMQ's JSON: all of a file or nothing.
//!
//! A file is checked completely before anything changes ([`Plan`]); the first thing that is wrong
//! is named and nothing is done. Then the file goes to the store as one entry, is applied, and the
//! entry is removed: a start that finds it applies it again, so that a crash in between leaves no
//! half of it. What exists already is left as it is, but for users, virtual hosts, permissions,
//! policies and parameters, which are set.

mod apply;
mod item;
mod people;
mod plan;
mod room;
#[cfg(test)]
mod tests;

use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};
use store::Ticket;

use crate::broker::Broker;
use crate::declare::Actor;
use crate::error::Error;
use crate::parameters::IMPORTED_HASH;
use crate::record::Record;
pub(crate) use people::vhost_limits;
use plan::Plan;

/// Bytes of a definitions file that is read at the start: a hundred times what the HTTP API takes.
pub const DEFINITIONS_BYTES_MAX: u64 = 2_000_000_000;

/// Tells one set of definitions files from another.
pub fn definitions_hash<'a>(files: impl Iterator<Item = &'a [u8]>) -> String {
    use std::fmt::Write as _;

    let mut hash = Sha256::new();
    for file in files {
        hash.update(file.len().to_be_bytes());
        hash.update(file);
    }
    hash.finalize().iter().fold(String::new(), |mut hex, byte| {
        // Writing to a String cannot fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

/// What an import did.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Imported {
    /// Queues, exchanges and bindings that are new.
    pub created: usize,
    /// When this is committed the import survives. None: nothing to wait for.
    pub ticket: Option<Ticket>,
}

impl Broker {
    /// Whether definitions with this hash were the last to be imported at a start.
    #[must_use]
    pub fn has_imported(&self, hash: &str) -> bool {
        self.global_parameter(IMPORTED_HASH) == Some(hash.into())
    }

    /// Notes that definitions with this hash have been imported.
    pub fn note_imported(&self, hash: &str) {
        // It is short, and there can't be too many of it.
        let by = Actor::internal().user;
        let _ = self.set_global_parameter(IMPORTED_HASH, hash.into(), &by);
    }

    /// Imports a definitions file, into one virtual host if it is named.
    ///
    /// # Errors
    /// [`Error::InvalidParameter`] or what else is wrong with the first thing in the file that is
    /// wrong; then nothing has changed.
    pub fn import(&self, file: &[u8], vhost: Option<&str>) -> Result<Imported, Error> {
        let _importing = self.importing().lock();
        let file = parse(file)?;
        let plan = Plan::new(self, &file, vhost)?;
        if plan.is_empty() {
            return Ok(Imported::default());
        }
        plan.check_room(self)?;
        // The journal is in the log before anything of the plan is, so whatever of it a crash
        // leaves there, the next start completes.
        let record = Record::import(&Value::Object(file), vhost);
        self.store().put(&record.key, &record.value);
        let created = plan.apply(self);
        let ticket = self.store().remove(&record.key);
        created.map(|created| Imported {
            created,
            ticket: Some(ticket),
        })
    }

    /// Completes an import that a crash has interrupted.
    pub(crate) fn resume_import(&self, stored: &[u8]) {
        let Ok(Value::Object(mut stored)) = serde_json::from_slice::<Value>(stored) else {
            tracing::error!("an interrupted import can't be read and is dropped");
            self.store().remove(&Record::import_key());
            return;
        };
        let vhost = match stored.remove("vhost") {
            Some(Value::String(vhost)) => Some(vhost),
            _ => None,
        };
        let Some(Value::Object(file)) = stored.remove("definitions") else {
            return;
        };
        tracing::warn!("an import of definitions was interrupted and is completed now");
        let applied = Plan::new(self, &file, vhost.as_deref()).and_then(|plan| plan.apply(self));
        if let Err(error) = applied {
            tracing::error!(%error, "an interrupted import can't be completed");
        }
        self.store().remove(&Record::import_key());
    }
}

fn parse(file: &[u8]) -> Result<Map<String, Value>, Error> {
    // Some editors begin files with a mark.
    let file = file.strip_prefix(b"\xef\xbb\xbf").unwrap_or(file);
    if file.trim_ascii().is_empty() {
        return Ok(Map::new());
    }
    match serde_json::from_slice(file) {
        Ok(Value::Object(file)) => Ok(file),
        _ => Err(Error::InvalidParameter("failed_to_parse_json".to_owned())),
    }
}
