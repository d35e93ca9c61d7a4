//! What the store's threads and its callers have in common.

use std::io;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex, RwLock};

use crate::checkpoint::Schedule;
use crate::chunks;
use crate::compaction::DEBT_CHECKPOINTS_MAX;
use crate::disk::DiskFile;
use crate::error::Error;
use crate::ids::Ticket;
use crate::index::{ChunkId, Index};
use crate::layout::Layout;
use crate::log::lane::Lane;
use crate::log::writer::Meter;
use crate::marker::Marker;
use crate::meta::MetaStore;
use crate::options::Options;
use crate::pending::{Op, Pending};

/// See the module. Only [`Self::wait`] holds two of its locks, progress before schedule.
pub(crate) struct Shared {
    pub(crate) options: Options,
    pub(crate) layout: Layout,
    pub(crate) lane: Lane,
    pub(crate) index: Mutex<Index>,
    pub(crate) pending: Pending,
    pub(crate) pending_bytes: AtomicUsize,
    pub(crate) schedule: Schedule,
    pub(crate) counters: Arc<Counters>,
    pub(crate) survivors: SurvivorsMeter,
    pub(crate) generation: AtomicU64,
    pub(crate) marker: Marker,
    /// Gone once the store is closed, so that another can open it.
    meta: RwLock<Option<Arc<dyn MetaStore>>>,
    /// Bytes written to the log (as `Counters::log_bytes` counts) above which publishers are
    /// slowed down, as compaction does not keep up.
    log_bytes_max: AtomicU64,
    committed: AtomicU64,
    failure: OnceLock<Arc<Error>>,
    /// For whoever blocks until a ticket is committed; guards no data.
    progress: Mutex<()>,
    progressed: Condvar,
}

/// Numbers for [`Stats`](crate::Stats).
#[derive(Default)]
pub(crate) struct Counters {
    pub(crate) groups: AtomicU64,
    pub(crate) syncs: AtomicU64,
    pub(crate) sync_ns: AtomicU64,
    pub(crate) sync_max_ns: AtomicU64,
    pub(crate) log_bytes: AtomicU64,
    pub(crate) relocated_bytes: AtomicU64,
    pub(crate) checkpoints: AtomicU64,
    pub(crate) last_checkpoint_ns: AtomicU64,
    /// Set by the first sync of the log that failed.
    sync_failed: Mutex<bool>,
}

impl Meter for Counters {
    // How long a sync takes is a measurement, not an input of any decision.
    #[allow(clippy::disallowed_methods)]
    fn sync(&self, file: &dyn DiskFile) -> io::Result<()> {
        // The kernel reports a lost write once and calls the pages clean afterwards. So syncs are
        // taken one at a time, and after one has failed, in whichever thread, none succeeds.
        let mut failed = self.sync_failed.lock();
        if *failed {
            return Err(io::Error::other("an earlier sync failed"));
        }
        let start = Instant::now();
        let result = file.sync_data();
        *failed = result.is_err();
        let took = nanos(start.elapsed());
        self.syncs.fetch_add(1, Ordering::Relaxed);
        self.sync_ns.fetch_add(took, Ordering::Relaxed);
        self.sync_max_ns.fetch_max(took, Ordering::Relaxed);
        result
    }

    fn wrote(&self, bytes: u64) {
        self.log_bytes.fetch_add(bytes, Ordering::Relaxed);
    }
}

/// Counts what compaction writes apart from what the store was given.
pub(crate) struct SurvivorsMeter(Arc<Counters>);

impl Meter for SurvivorsMeter {
    fn sync(&self, file: &dyn DiskFile) -> io::Result<()> {
        self.0.sync(file)
    }

    fn wrote(&self, bytes: u64) {
        self.0.relocated_bytes.fetch_add(bytes, Ordering::Relaxed);
    }
}

pub(crate) fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

impl Shared {
    pub(crate) fn new(
        options: Options,
        layout: Layout,
        lane: Lane,
        index: Index,
        (meta, marker, generation): (Arc<dyn MetaStore>, Marker, u64),
    ) -> Self {
        let counters = Arc::<Counters>::default();
        Self {
            options,
            layout,
            lane,
            index: Mutex::new(index),
            pending: Pending::new(),
            pending_bytes: AtomicUsize::new(0),
            schedule: Schedule::default(),
            survivors: SurvivorsMeter(Arc::clone(&counters)),
            counters,
            generation: AtomicU64::new(generation),
            marker,
            meta: RwLock::new(Some(meta)),
            log_bytes_max: AtomicU64::new(u64::MAX),
            committed: AtomicU64::new(0),
            failure: OnceLock::new(),
            progress: Mutex::new(()),
            progressed: Condvar::new(),
        }
    }

    /// The metadata database.
    pub(crate) fn meta(&self) -> Result<Arc<dyn MetaStore>, Error> {
        self.meta.read().clone().ok_or(Error::Closed)
    }

    /// Closes the metadata database.
    pub(crate) fn close_meta(&self) {
        self.meta.write().take();
    }

    /// What to say of a chunk whose row is damaged or missing.
    pub(crate) fn corrupt_chunk(&self, id: ChunkId) -> Error {
        match self.meta() {
            Ok(meta) => chunks::corrupt(&*meta, id),
            Err(error) => error,
        }
    }

    pub(crate) fn committed(&self) -> Ticket {
        Ticket(self.committed.load(Ordering::Acquire))
    }

    /// Compaction is behind with `debt` bytes, seen when `log_bytes` had been written.
    pub(crate) fn owe(&self, debt: u64, log_bytes: u64) {
        let most = DEBT_CHECKPOINTS_MAX.saturating_mul(self.options.checkpoint_bytes);
        let max = log_bytes.saturating_add(most.saturating_sub(debt));
        let was_behind = self.is_behind();
        self.log_bytes_max.store(max, Ordering::Relaxed);
        if was_behind || self.is_behind() {
            // Publishers wait for a commit to ask again, and while they wait there is none. Nor
            // would there be a checkpoint. A store that is closing has no publishers.
            let _ = self.pending.push(Op::Barrier);
            self.schedule.hurry();
        }
    }

    /// More was written to the log than compaction keeps up with.
    pub(crate) fn is_behind(&self) -> bool {
        let written = self.counters.log_bytes.load(Ordering::Relaxed);
        written > self.log_bytes_max.load(Ordering::Relaxed)
    }

    /// Announces a commit.
    pub(crate) fn commit(&self, ticket: Ticket) {
        self.committed.store(ticket.0, Ordering::Release);
        self.announce();
        (self.options.on_commit)(ticket);
    }

    /// Stops the store for good. Only the first error counts.
    pub(crate) fn fail(&self, error: Error) {
        if matches!(error, Error::CorruptMeta { .. }) {
            // The next start shall rebuild the database. If even this fails, that start meets the
            // same damage again.
            let _ = std::fs::write(self.layout.rebuild_mark(), []);
        }
        let error = Arc::new(error);
        if self.failure.set(Arc::clone(&error)).is_err() {
            return;
        }
        self.pending.stop();
        self.schedule.stop();
        self.announce();
        (self.options.on_failure)(&error);
    }

    pub(crate) fn failure(&self) -> Option<&Arc<Error>> {
        self.failure.get()
    }

    /// `Err` once the store has failed.
    pub(crate) fn check(&self) -> Result<(), Error> {
        self.failure()
            .map_or(Ok(()), |error| Err(Error::Failed(error.to_string())))
    }

    /// Blocks until the ticket is committed, or never will be.
    pub(crate) fn wait(&self, ticket: Ticket) -> Result<(), Error> {
        let mut guard = self.progress.lock();
        loop {
            if self.committed() >= ticket {
                return Ok(());
            }
            self.check()?;
            if self.schedule.is_closed() {
                return Err(Error::Closed);
            }
            self.progressed.wait(&mut guard);
        }
    }

    /// Wakes whoever blocks in [`Self::wait`].
    pub(crate) fn announce(&self) {
        // Passing through the lock makes sure that nobody is between looking and waiting.
        drop(self.progress.lock());
        self.progressed.notify_all();
    }
}
