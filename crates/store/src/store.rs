//! The seam that the broker sees.

use std::fmt;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use parking_lot::Mutex;

use crate::background;
use crate::checkpoint::{self, Kind};
use crate::commit;
use crate::disk::{Disk, RealDisk};
use crate::keep::Keep;
use crate::layout::Layout;
use crate::log::lane::Lane;
use crate::marker::Marker;
use crate::meta::{MetaStore, Sled};
use crate::pending::Op;
use crate::read;
use crate::recover::{self, Needed, Recovery};
use crate::salvage::OnDamage;
use crate::shared::Shared;
use crate::{Body, Durability, Error, Options, QueueId, Recovered, Stats, Ticket};

/// Smallest segment (64 KiB): a segment per group or two would spend its time on renames.
const SEGMENT_BYTES_MIN: u64 = 64 << 10;

/// Largest segment (16 GiB): offsets are kept as 32-bit multiples of 8.
const SEGMENT_BYTES_MAX: u64 = 16 << 30;

/// Body bytes that may wait for the commit thread before [`Store::is_congested`] says so
/// (64 MiB): about a second's writing on a slow disk, and a bound on memory that sockets, not
/// queue locks, have to honour.
pub const PENDING_BYTES_MAX: usize = 64 << 20;

/// An open data directory. Clones share it; all methods may be called from any thread.
///
/// Dropping the last clone without [`Store::close`] commits what is pending but leaves the
/// checkpoint to the next open, as a crash would.
#[derive(Clone)]
pub struct Store {
    owner: Arc<Owner>,
}

/// What ends with the last clone.
struct Owner {
    shared: Arc<Shared>,
    threads: Mutex<Option<Threads>>,
}

struct Threads {
    commit: JoinHandle<()>,
    checkpoint: JoinHandle<()>,
    /// Only where tickets do not wait for a sync.
    background: Option<JoinHandle<()>>,
}

impl Store {
    /// Opens or creates the data directory `dir`, recovers what it holds and starts the threads.
    ///
    /// # Errors
    /// The directory is locked by another process, not writable, of a newer format, or damaged.
    pub fn open(dir: &Path, options: Options) -> Result<(Self, Recovered), Error> {
        Self::open_on(dir, options, Arc::new(RealDisk))
    }

    /// Whether the data directory `dir` is open, here or in another process. Opens nothing.
    #[must_use]
    pub fn is_open(dir: &Path) -> bool {
        Layout::is_in_use(dir)
    }

    /// As [`Self::open`], with the log on `disk`.
    pub(crate) fn open_on(
        dir: &Path,
        mut options: Options,
        disk: Arc<dyn Disk>,
    ) -> Result<(Self, Recovered), Error> {
        options.segment_bytes = options
            .segment_bytes
            .clamp(SEGMENT_BYTES_MIN, SEGMENT_BYTES_MAX);
        let layout = Layout::open(dir)?;
        let (marker, generation) = Marker::open(&*disk, &layout.log())?;
        let (lane, segments) = Lane::open(disk, layout.log(), options.segment_bytes)?;
        let (meta, recovery) = open_meta(
            &layout,
            &lane,
            &segments,
            generation,
            options.recover.into(),
        )?;
        let next_segment = recovery.index.end.segment;
        let shared = Arc::new(Shared::new(
            options,
            layout,
            lane,
            recovery.index,
            (meta, marker, recovery.generation),
        ));
        if recovery.checkpoint == Needed::Yes {
            checkpoint::write(&shared, Kind::Regular)?;
            shared.layout.forget_rebuild_mark()?;
        }
        let threads = Threads::start(&shared, next_segment, recovery.next_survivors)?;
        let owner = Owner {
            shared,
            threads: Mutex::new(Some(threads)),
        };
        Ok((
            Self {
                owner: Arc::new(owner),
            },
            recovery.recovered,
        ))
    }

    /// Appends messages to one queue, numbered `first_seq`, `first_seq + 1`, ...
    ///
    /// The queue numbers its messages from 1 upward and never uses a number twice; gaps are
    /// allowed. Call it under the queue's lock: it takes one short mutex, does no I/O and never
    /// blocks. The same body (same bytes in memory) appended to several queues in one group is
    /// written once. An empty run returns the last ticket handed out.
    pub fn append(&self, queue: QueueId, first_seq: u64, bodies: Vec<Body>) -> Ticket {
        self.append_for(queue, first_seq, bodies, Keep::Always)
    }

    /// Writes messages that need not survive a restart, and will not: they only leave memory.
    /// Numbered and settled like others; numbers older than the newest are fine.
    ///
    /// Their ticket is committed when [`Store::read`] finds them. They never cause a sync.
    pub fn spill(&self, queue: QueueId, first_seq: u64, bodies: Vec<Body>) -> Ticket {
        self.append_for(queue, first_seq, bodies, Keep::UntilRestart)
    }

    fn append_for(&self, queue: QueueId, first_seq: u64, bodies: Vec<Body>, keep: Keep) -> Ticket {
        if bodies.is_empty() {
            return self.shared().pending.last_taken();
        }
        let bytes = bodies.iter().map(Body::len).sum();
        // Counted first: the commit thread may be done with them before `push` returns.
        self.shared()
            .pending_bytes
            .fetch_add(bytes, Ordering::Relaxed);
        let op = Op::Append {
            queue: queue.0,
            first_seq,
            bodies,
            keep,
        };
        self.shared().pending.push(op).unwrap_or_else(|ticket| {
            self.shared()
                .pending_bytes
                .fetch_sub(bytes, Ordering::Relaxed);
            ticket
        })
    }

    /// Settles messages (acknowledged, expired, dropped), in any order; unknown ones are ignored.
    ///
    /// There is no ticket: settlements ride along with the next group and never cause a sync.
    /// Without company they are written within 100 ms or once 64 KiB of them have collected.
    pub fn settle(&self, queue: QueueId, seqs: &[u64]) {
        self.shared().pending.settle(queue.0, seqs);
    }

    /// Settles the inclusive ranges `runs` of `(first, last)`, with a ticket.
    pub fn purge(&self, queue: QueueId, runs: &[(u64, u64)]) -> Ticket {
        self.push(Op::Purge {
            queue: queue.0,
            runs: runs.to_vec(),
        })
    }

    /// Forgets a queue and all its messages. Its id must not be used again.
    pub fn drop_queue(&self, queue: QueueId) -> Ticket {
        self.push(Op::DropQueue { queue: queue.0 })
    }

    /// Sets the entry `key` to `value`.
    pub fn put(&self, key: &[u8], value: &[u8]) -> Ticket {
        self.push(Op::Put {
            key: key.into(),
            value: value.into(),
        })
    }

    /// Removes the entry `key`, if there is one.
    pub fn remove(&self, key: &[u8]) -> Ticket {
        self.push(Op::Remove { key: key.into() })
    }

    /// Everything up to this ticket is durable.
    #[must_use]
    pub fn committed(&self) -> Ticket {
        self.shared().committed()
    }

    /// Blocks until `ticket` is committed. For boot and shutdown, never for a hot path.
    ///
    /// # Errors
    /// The store has failed or was closed before the ticket was committed.
    pub fn wait(&self, ticket: Ticket) -> Result<(), Error> {
        self.shared().wait(ticket)
    }

    /// Reads live messages of a queue from `from` upward, oldest first: at most `max_messages`,
    /// and at most `max_bytes` of bodies but at least one message. Messages that are not yet
    /// committed are not returned. Reads from disk, so do not hold a queue's lock.
    ///
    /// # Errors
    /// The segment cannot be read, or a live message in it is damaged.
    pub fn read(
        &self,
        queue: QueueId,
        from: u64,
        max_messages: usize,
        max_bytes: usize,
    ) -> Result<Vec<(u64, Body)>, Error> {
        if self.shared().schedule.is_closed() {
            self.shared().check()?;
            return Err(Error::Closed);
        }
        read::read(self.shared(), queue.0, from, max_messages, max_bytes)
    }

    /// How many live messages of a queue have numbers in `numbers`. Looks at the index only, but
    /// that may be on the disk: do not hold a queue's lock.
    ///
    /// # Errors
    /// The metadata database cannot be read.
    pub fn count(&self, queue: QueueId, numbers: Range<u64>) -> Result<u64, Error> {
        read::count(self.shared(), queue.0, numbers)
    }

    /// Writes what is pending, then a checkpoint, and waits for both.
    ///
    /// # Errors
    /// The store has failed or is closed.
    pub fn checkpoint(&self) -> Result<(), Error> {
        let shared = self.shared();
        shared.check()?;
        let ticket = self.push(Op::Barrier);
        shared.wait(ticket)?;
        shared
            .schedule
            .request()
            .map_err(|error| shared.check().err().unwrap_or(error))
    }

    /// Commits what is pending, writes a last checkpoint, stops the threads and releases the
    /// directory. Calls after the first do nothing. Operations after it are ignored.
    ///
    /// # Errors
    /// The store has failed, now or earlier.
    pub fn close(&self) -> Result<(), Error> {
        let shared = self.shared();
        // Held throughout, so that a second caller returns after the first has finished.
        let mut threads = self.owner.threads.lock();
        if let Some(threads) = threads.take() {
            shared.pending.drain();
            join(threads.commit);
            shared.schedule.close();
            join(threads.checkpoint);
            threads.background.into_iter().for_each(join);
            shared.close_meta();
            shared.layout.unlock();
            shared.announce();
        }
        shared.check()
    }

    /// The error that stopped the store, if one did.
    #[must_use]
    pub fn failure(&self) -> Option<Arc<Error>> {
        self.shared().failure().cloned()
    }

    /// Whether more than [`PENDING_BYTES_MAX`] wait to be written, or compaction is behind with
    /// more than four times [`Options::checkpoint_bytes`]. Whoever reads sockets should then stop
    /// until it is over, and ask again after every commit; `append` itself never waits.
    #[must_use]
    pub fn is_congested(&self) -> bool {
        let shared = self.shared();
        let congested = shared.pending_bytes.load(Ordering::Relaxed) > PENDING_BYTES_MAX;
        (congested || shared.is_behind()) && shared.failure().is_none()
    }

    /// Counters.
    #[must_use]
    pub fn stats(&self) -> Stats {
        let shared = self.shared();
        let totals = shared.index.lock().totals();
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let counters = &shared.counters;
        let syncs = read(&counters.syncs);
        Stats {
            groups: read(&counters.groups),
            syncs,
            sync_avg: Duration::from_nanos(read(&counters.sync_ns) / syncs.max(1)),
            sync_max: Duration::from_nanos(read(&counters.sync_max_ns)),
            log_bytes: read(&counters.log_bytes),
            relocated_bytes: read(&counters.relocated_bytes),
            live: totals.live,
            live_bytes: totals.live_bytes,
            segments: totals.segments,
            free_segments: shared.lane.free_segments() as u64,
            checkpoints: read(&counters.checkpoints),
            last_checkpoint: Duration::from_nanos(read(&counters.last_checkpoint_ns)),
            pending_bytes: shared.pending_bytes.load(Ordering::Relaxed) as u64,
        }
    }

    fn push(&self, op: Op) -> Ticket {
        self.shared().pending.push(op).unwrap_or_else(|never| never)
    }

    fn shared(&self) -> &Arc<Shared> {
        &self.owner.shared
    }

    /// Makes a group due that need not write anything.
    #[cfg(test)]
    pub(crate) fn checkpoint_barrier(&self) {
        self.push(Op::Barrier);
    }

    /// A store whose work is done by the test.
    #[cfg(test)]
    pub(crate) fn without_threads(shared: Arc<Shared>) -> Self {
        let threads = Mutex::new(None);
        Self {
            owner: Arc::new(Owner { shared, threads }),
        }
    }

    /// Ends without writing what is pending: as near to a crash as a process can come.
    #[cfg(test)]
    pub(crate) fn abandon(self) {
        self.shared().pending.stop();
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store")
            .field("committed", &self.committed())
            .finish_non_exhaustive()
    }
}

/// Opens the metadata database and recovers, or moves it aside and rebuilds it.
fn open_meta(
    layout: &Layout,
    lane: &Lane,
    segments: &[u32],
    generation: u64,
    on_damage: OnDamage,
) -> Result<(Arc<dyn MetaStore>, Recovery), Error> {
    let dir = layout.meta();
    let asked = layout.rebuild_mark().exists();
    // A damaged database may panic instead of returning an error.
    let opened = catch_unwind(AssertUnwindSafe(|| {
        let meta = Sled::open(&dir)?;
        let recovery = recover::recover(lane, segments, &meta, generation, on_damage)?;
        Ok::<_, Error>((meta, recovery))
    }));
    match opened {
        Ok(Ok((meta, recovery))) if !asked => return Ok((Arc::new(meta), recovery)),
        Ok(Err(error)) if !asked && !error.is_of_meta() => return Err(error),
        // Whatever it was, the database is closed by now.
        _ => {}
    }
    let aside = layout.move_meta_aside()?;
    let meta = Sled::open(&dir)?;
    let mut recovery = recover::rebuild(lane, segments, &meta, generation, on_damage)?;
    recovery.recovered.moved_aside = Some(aside);
    Ok((Arc::new(meta), recovery))
}

impl Threads {
    fn start(shared: &Arc<Shared>, next_segment: u32, next_survivors: u32) -> Result<Self, Error> {
        let spawn = |name: &str, run: Box<dyn FnOnce() + Send>| {
            thread::Builder::new()
                .name(name.to_owned())
                .spawn(run)
                .map_err(Error::Thread)
        };
        let own = Arc::clone(shared);
        let commit = spawn(
            "store-commit",
            Box::new(move || commit::run(&own, next_segment)),
        )?;
        let own = Arc::clone(shared);
        let checkpoint = spawn(
            "store-checkpoint",
            Box::new(move || checkpoint::run(&own, next_survivors)),
        );
        let background = match shared.options.durability {
            Durability::Synced => Ok(None),
            Durability::Written { sync_every } => {
                let own = Arc::clone(shared);
                let run = move || background::run(&own, sync_every);
                spawn("store-sync", Box::new(run)).map(Some)
            }
        };
        let started = checkpoint.and_then(|checkpoint| Ok((checkpoint, background?)));
        match started {
            Ok((checkpoint, background)) => Ok(Self {
                commit,
                checkpoint,
                background,
            }),
            Err(error) => {
                shared.pending.stop();
                shared.schedule.stop();
                join(commit);
                Err(error)
            }
        }
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        if let Some(threads) = self.threads.get_mut().take() {
            self.shared.pending.drain();
            join(threads.commit);
            self.shared.schedule.stop();
            join(threads.checkpoint);
            threads.background.into_iter().for_each(join);
        }
    }
}

/// Waits for a store thread, unless it is the one that is asking (through a callback that owned
/// the last clone of the store).
fn join(thread: JoinHandle<()>) {
    if thread.thread().id() != thread::current().id() {
        // A panic there has been reported by the panic hook; there is nothing to add.
        let _ = thread.join();
    }
}
