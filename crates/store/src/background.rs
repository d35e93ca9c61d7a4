//! Syncs in the background, for a store whose tickets do not wait for them.

use std::sync::Arc;
use std::time::Duration;

use crate::disk::DiskFile;
use crate::error::Error;
use crate::log::writer::Meter;
use crate::shared::Shared;

/// Runs until the store is closed or fails.
pub(crate) fn run(shared: &Arc<Shared>, every: Duration) {
    let mut synced = None;
    while shared.schedule.pause(every) {
        let (end, unsynced) = {
            let index = shared.index.lock();
            (index.end, index.unsynced.clone())
        };
        let Some((segment, file)) = unsynced else {
            continue;
        };
        if synced == Some(end) {
            continue;
        }
        if let Err(error) = sync(shared, segment, &*file) {
            shared.fail(error);
            return;
        }
        synced = Some(end);
    }
}

fn sync(shared: &Shared, segment: u32, file: &dyn DiskFile) -> Result<(), Error> {
    let synced = shared.counters.sync(file);
    synced.map_err(Error::io("sync", &shared.lane.path(segment)))
}
