//! Syncs in the background, for a store whose tickets do not wait for them.

use std::sync::Arc;
use std::time::Duration;

use crate::disk::DiskFile;
use crate::error::Error;
use crate::log::Position;
use crate::log::writer::Meter;
use crate::shared::Shared;

/// Runs until the store is closed or fails.
pub(crate) fn run(shared: &Arc<Shared>, every: Duration) {
    let mut synced = None;
    while shared.schedule.pause(every) {
        if let Err(error) = step(shared, &mut synced) {
            shared.fail(error);
            return;
        }
    }
}

/// Syncs what was written since the last time, up to `synced`.
pub(crate) fn step(shared: &Shared, synced: &mut Option<Position>) -> Result<(), Error> {
    let (end, unsynced) = {
        let index = shared.index.lock();
        (index.end, index.unsynced.clone())
    };
    if let Some((segment, file)) = unsynced
        && *synced != Some(end)
    {
        sync(shared, segment, &*file)?;
        *synced = Some(end);
    }
    Ok(())
}

fn sync(shared: &Shared, segment: u32, file: &dyn DiskFile) -> Result<(), Error> {
    let synced = shared.counters.sync(file);
    synced.map_err(Error::io("sync", &shared.lane.path(segment)))
}
