//! Checkpoints: what changed since the last one goes to the metadata database, then segments that
//! nothing refers to any more are recycled. One at a time, on a thread of their own.
//!
//! The order makes it safe: (a) the snapshot shows the index at one log position; (b) the log is
//! synced up to there; (c) one batch with rows and position becomes durable, of many entries only
//! the last ones in it, see [`write_entries`]; (d) only then may segments that were empty at (a)
//! go. A crash in between leaves the database at the previous position and the log that leads on
//! from it.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

use crate::compaction::Compaction;
use crate::error::Error;
use crate::index::CLEAN_CHUNKS_MAX;
use crate::index::entries::Changed;
use crate::keys::{self, Checkpoint};
use crate::log::Position;
use crate::log::writer::Meter;
use crate::meta::{Batch, MetaStore};
use crate::shared::{Shared, nanos};

/// Rows of entries that are written at once. The memory that sled takes meanwhile, about 1 KiB a
/// row, is free again only after each batch. Tests write nearly every entry by itself.
const ENTRY_ROWS_STEP: usize = if cfg!(test) { 2 } else { 64 };

/// When checkpoints are due.
#[derive(Default)]
pub(crate) struct Schedule {
    state: Mutex<State>,
    wake: Condvar,
    done: Condvar,
}

#[derive(Default)]
struct State {
    dirty: bool,
    hurry: bool,
    asked: u64,
    done: u64,
    mode: Mode,
}

#[derive(Copy, Clone, Eq, PartialEq, Default, Debug)]
enum Mode {
    #[default]
    Open,
    /// One last checkpoint, then end.
    Closing,
    /// End without one.
    Stopped,
    /// The last checkpoint is written.
    Closed,
}

/// Whether anything may follow a checkpoint.
#[derive(Copy, Clone, Eq, PartialEq, Debug)]
pub(crate) enum Kind {
    Regular,
    Last,
}

impl Schedule {
    /// Something was committed.
    pub(crate) fn changed(&self) {
        self.set(|state| state.dirty = true);
    }

    /// Enough was committed for a checkpoint now.
    pub(crate) fn hurry(&self) {
        self.set(|state| {
            state.dirty = true;
            state.hurry = true;
        });
    }

    /// Ends the thread after a last checkpoint.
    pub(crate) fn close(&self) {
        self.set(|state| {
            if state.mode == Mode::Open {
                state.mode = Mode::Closing;
            }
        });
        self.done.notify_all();
    }

    /// Ends the thread.
    pub(crate) fn stop(&self) {
        self.set(|state| {
            if state.mode != Mode::Closed {
                state.mode = Mode::Stopped;
            }
        });
        self.done.notify_all();
    }

    /// The last checkpoint is written, or there will be none.
    pub(crate) fn is_closed(&self) -> bool {
        matches!(self.state.lock().mode, Mode::Closed | Mode::Stopped)
    }

    /// Waits; `false` if the store ends meanwhile.
    // As `next`, the owner of this store's clock.
    #[allow(clippy::disallowed_methods)]
    pub(crate) fn pause(&self, time: Duration) -> bool {
        let until = Instant::now() + time;
        let mut state = self.state.lock();
        while matches!(state.mode, Mode::Open) {
            if self.done.wait_until(&mut state, until).timed_out() {
                return true;
            }
        }
        false
    }

    /// Asks for a checkpoint and waits for one that began after the call.
    pub(crate) fn request(&self) -> Result<(), Error> {
        let mut state = self.state.lock();
        state.asked += 1;
        let mine = state.asked;
        self.wake.notify_one();
        while state.done < mine {
            if state.mode != Mode::Open {
                return Err(Error::Closed);
            }
            self.done.wait(&mut state);
        }
        Ok(())
    }

    fn set(&self, change: impl FnOnce(&mut State)) {
        let mut state = self.state.lock();
        let was = (state.dirty, state.hurry, state.mode);
        change(&mut state);
        // Only edges wake: this is called for every group.
        if was != (state.dirty, state.hurry, state.mode) {
            drop(state);
            self.wake.notify_one();
        }
    }

    /// Waits until a checkpoint is due: its kind, and the request that it fulfils.
    /// `None` when the thread should end.
    // With the commit thread, the owner of this store's clock.
    #[allow(clippy::disallowed_methods)]
    fn next(&self, last: Instant, every: Duration) -> Option<(Kind, u64)> {
        let mut state = self.state.lock();
        loop {
            match state.mode {
                Mode::Stopped | Mode::Closed => return None,
                Mode::Closing => return Some((Kind::Last, state.asked)),
                Mode::Open => {}
            }
            let due = last + every;
            if state.hurry || state.asked > state.done || (state.dirty && Instant::now() >= due) {
                state.hurry = false;
                state.dirty = false;
                return Some((Kind::Regular, state.asked));
            }
            if state.dirty {
                self.wake.wait_until(&mut state, due);
            } else {
                self.wake.wait(&mut state);
            }
        }
    }

    fn finished(&self, kind: Kind, asked: u64) {
        let mut state = self.state.lock();
        state.done = asked;
        if kind == Kind::Last && state.mode == Mode::Closing {
            state.mode = Mode::Closed;
        }
        drop(state);
        self.done.notify_all();
    }
}

/// Runs until the store is closed or fails.
// The interval between checkpoints is real time; see `Schedule::next`.
#[allow(clippy::disallowed_methods)]
pub(crate) fn run(shared: &Arc<Shared>, next_survivors: u32) {
    let mut compaction = Compaction::new(shared, next_survivors);
    let mut last = Instant::now();
    let mut log_bytes = 0;
    while let Some((kind, asked)) = shared.schedule.next(last, shared.options.checkpoint_every) {
        last = Instant::now();
        let result = write(shared, kind).and_then(|end| {
            let written = shared.counters.log_bytes.load(Ordering::Relaxed);
            if kind == Kind::Regular {
                compaction.run(end, written - log_bytes)?;
            }
            shared.counters.checkpoints.fetch_add(1, Ordering::Relaxed);
            shared
                .counters
                .last_checkpoint_ns
                .store(nanos(last.elapsed()), Ordering::Relaxed);
            shared.schedule.finished(kind, asked);
            log_bytes = written;
            Ok(())
        });
        if let Err(error) = result {
            shared.fail(error);
            return;
        }
    }
}

/// Writes one checkpoint; see the module for the order. Returns the position up to which no
/// replay will look at the log again.
pub(crate) fn write(shared: &Shared, kind: Kind) -> Result<Position, Error> {
    let meta = shared.meta()?;
    let snapshot = shared.index.lock().snapshot();
    if let Some((segment, file)) = snapshot.unsynced {
        let synced = shared.counters.sync(&*file);
        synced.map_err(Error::io("sync", &shared.lane.path(segment)))?;
    }
    let mut batch = snapshot.batch;
    write_entries(&*meta, snapshot.entries, &mut batch)?;
    let mut end = snapshot.end;
    if kind == Kind::Last && end.offset > 0 {
        // The next run begins with a segment of its own.
        end = Position {
            segment: end.segment + 1,
            offset: 0,
        };
    }
    let (max_queue_id, clean) = (snapshot.max_queue_id, kind == Kind::Last);
    let checkpoint = Checkpoint {
        end,
        max_queue_id,
        clean,
        generation: shared.generation.fetch_add(1, Ordering::Relaxed) + 1,
        snapshot_segment: snapshot.snapshot_segment,
    };
    batch.insert(keys::CHECKPOINT.to_vec(), checkpoint.to_row());
    meta.apply(batch)?;
    if snapshot.more {
        shared.schedule.changed();
    }
    while shared.index.lock().evict(CLEAN_CHUNKS_MAX) {}
    if !snapshot.free.is_empty() {
        // From here on an older state of the database is worth nothing.
        shared.marker.write(checkpoint.generation)?;
    }
    for segment in snapshot.free {
        shared.lane.recycle(segment)?;
    }
    Ok(end)
}

/// Writes entries: the last ones with the checkpoint's own `batch`, many more ahead of it.
///
/// What is ahead may be durable though the checkpoint is not, and then the next start meets entries
/// that are newer than the position in the log that it starts at. The log has been synced up to
/// them, and whatever its records set or remove on the way, the last one for a key wins as before.
fn write_entries(
    meta: &dyn MetaStore,
    entries: Vec<Changed>,
    batch: &mut Batch,
) -> Result<(), Error> {
    let mut step = Batch::default();
    for changed in entries {
        if step.len() >= ENTRY_ROWS_STEP {
            meta.stage(std::mem::take(&mut step))?;
        }
        // All rows of one entry change together.
        let (key, value) = match &changed {
            Changed::Set(pair) => (pair.key(), Some(pair.value())),
            Changed::Removed(pair) => (pair.key(), None),
        };
        let old = meta.get(&keys::entry_head(key))?;
        keys::write_entry(&mut step, key, value, old.as_deref());
    }
    batch.extend(step);
    Ok(())
}
