//! The seam that the broker sees.

use std::path::Path;
use std::sync::Arc;

use crate::{Body, Error, Options, QueueId, Recovered, Stats, Ticket};

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
    shared: Arc<()>,
}

impl Store {
    /// Opens or creates the data directory `dir`, recovers what it holds and starts the threads.
    ///
    /// # Errors
    /// The directory is locked by another process, not writable, of a newer format, or damaged.
    pub fn open(_dir: &Path, _options: Options) -> Result<(Self, Recovered), Error> {
        Ok((
            Self {
                shared: Arc::new(()),
            },
            Recovered::default(),
        ))
    }

    /// Appends messages to one queue, numbered `first_seq`, `first_seq + 1`, ...
    ///
    /// The queue numbers its messages from 1 upward and never uses a number twice; gaps are
    /// allowed. Call it under the queue's lock: it takes one short mutex, does no I/O and never
    /// blocks. The same body (same bytes in memory) appended to several queues in one group is
    /// written once. An empty run returns the last ticket handed out.
    pub fn append(&self, _queue: QueueId, _first_seq: u64, _bodies: Vec<Body>) -> Ticket {
        let _ = &self.shared;
        Ticket(0)
    }

    /// Settles messages (acknowledged, expired, dropped), in any order; unknown ones are ignored.
    ///
    /// There is no ticket: settlements ride along with the next group and never cause a sync.
    /// Without company they are written within 100 ms or once 64 KiB of them have collected.
    pub fn settle(&self, _queue: QueueId, _seqs: &[u64]) {}

    /// Settles the inclusive ranges `runs` of `(first, last)`, with a ticket.
    pub fn purge(&self, _queue: QueueId, _runs: &[(u64, u64)]) -> Ticket {
        Ticket(0)
    }

    /// Forgets a queue and all its messages. Its id must not be used again.
    pub fn drop_queue(&self, _queue: QueueId) -> Ticket {
        Ticket(0)
    }

    /// Sets the entry `key` to `value`.
    pub fn put(&self, _key: &[u8], _value: &[u8]) -> Ticket {
        Ticket(0)
    }

    /// Removes the entry `key`, if there is one.
    pub fn remove(&self, _key: &[u8]) -> Ticket {
        Ticket(0)
    }

    /// Everything up to this ticket is durable.
    #[must_use]
    pub fn committed(&self) -> Ticket {
        Ticket(0)
    }

    /// Blocks until `ticket` is committed. For boot and shutdown, never for a hot path.
    ///
    /// # Errors
    /// The store has failed or was closed before the ticket was committed.
    pub fn wait(&self, _ticket: Ticket) -> Result<(), Error> {
        Ok(())
    }

    /// Reads live messages of a queue from `from` upward, oldest first: at most `max_messages`,
    /// and at most `max_bytes` of bodies but at least one message. Messages that are not yet
    /// committed are not returned. Reads from disk, so do not hold a queue's lock.
    ///
    /// # Errors
    /// The segment cannot be read, or a live message in it is damaged.
    pub fn read(
        &self,
        _queue: QueueId,
        _from: u64,
        _max_messages: usize,
        _max_bytes: usize,
    ) -> Result<Vec<(u64, Body)>, Error> {
        Ok(Vec::new())
    }

    /// Writes what is pending, then a checkpoint, and waits for both.
    ///
    /// # Errors
    /// The store has failed or is closed.
    pub fn checkpoint(&self) -> Result<(), Error> {
        Ok(())
    }

    /// Commits what is pending, writes a last checkpoint, stops the threads and releases the
    /// directory. Calls after the first do nothing. Operations after it are ignored.
    ///
    /// # Errors
    /// The store has failed, now or earlier.
    pub fn close(&self) -> Result<(), Error> {
        Ok(())
    }

    /// The error that stopped the store, if one did.
    #[must_use]
    pub fn failure(&self) -> Option<Arc<Error>> {
        None
    }

    /// Whether more than [`PENDING_BYTES_MAX`] wait to be written. Whoever reads sockets should
    /// then stop until it is over; `append` itself never waits.
    #[must_use]
    pub fn is_congested(&self) -> bool {
        false
    }

    /// Counters.
    #[must_use]
    pub fn stats(&self) -> Stats {
        Stats::default()
    }
}
