//! What the owner of a store may choose.

use std::fmt;
use std::time::Duration;

use crate::error::Error;
use crate::ids::Ticket;

/// Called by the commit thread after the sync that made everything up to the ticket durable.
pub type OnCommit = Box<dyn Fn(Ticket) + Send + Sync>;
/// Called once, from a store thread, when the store stops after an error.
pub type OnFailure = Box<dyn Fn(&Error) + Send + Sync>;

/// What opening does about a damaged log. A torn end is no damage, and a damaged metadata database
/// is rebuilt in any case.
#[derive(Copy, Clone, Eq, PartialEq, Debug, Default)]
pub enum Recover {
    /// Refuse, and name the file and the offset.
    #[default]
    Strict,
    /// Read all live data, go on without what is damaged, and report it in
    /// [`Recovered`](crate::Recovered).
    Salvage,
}

/// What a committed ticket means.
#[derive(Copy, Clone, Eq, PartialEq, Debug, Default)]
pub enum Durability {
    /// Written and synced: it survives the loss of power.
    #[default]
    Synced,
    /// Written: it survives the end of this process, however sudden. The loss of power, or a crash
    /// of the operating system, may take what was committed in the last `sync_every`, and the
    /// duration of one sync.
    Written {
        /// Pause between syncs in the background.
        sync_every: Duration,
    },
}

/// Settings of one store; `Options::default()` is right for production.
pub struct Options {
    /// Bytes after which a log segment is full. A record larger than this gets a segment of its
    /// own size. Values below 64 KiB are raised to 64 KiB. Default 64 MiB.
    pub segment_bytes: u64,
    /// Longest time that changes wait for a checkpoint. Default 1 s.
    pub checkpoint_every: Duration,
    /// Log bytes after which a checkpoint starts early; bounds the replay after a crash.
    /// Default 256 MB.
    pub checkpoint_bytes: u64,
    /// Bytes of log below which nothing is compacted. Above it, segments with little live data are
    /// rewritten so that the log stays below the live bytes / 0.3. Default 1 GB.
    pub compact_above: u64,
    /// What a committed ticket means. Default: synced.
    pub durability: Durability,
    /// What to do about damage. Default: refuse to open.
    pub recover: Recover,
    /// Hears of every commit, in order. Runs on the commit thread, so it must be quick and must
    /// not call back into the store.
    pub on_commit: OnCommit,
    /// Hears of the error that stopped the store. Nothing is committed after it.
    pub on_failure: OnFailure,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            segment_bytes: 64 << 20,
            checkpoint_every: Duration::from_secs(1),
            checkpoint_bytes: 256_000_000,
            compact_above: 1_000_000_000,
            durability: Durability::default(),
            recover: Recover::default(),
            on_commit: Box::new(|_| {}),
            on_failure: Box::new(|_| {}),
        }
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("segment_bytes", &self.segment_bytes)
            .field("checkpoint_every", &self.checkpoint_every)
            .field("checkpoint_bytes", &self.checkpoint_bytes)
            .field("compact_above", &self.compact_above)
            .field("durability", &self.durability)
            .field("recover", &self.recover)
            .finish_non_exhaustive()
    }
}
