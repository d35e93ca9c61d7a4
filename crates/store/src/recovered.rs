//! What a store knows when it has just been opened.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::ids::QueueId;
use crate::log::reader::Damaged;

/// Everything that survived.
#[derive(Clone, Eq, PartialEq, Debug, Default)]
pub struct Recovered {
    /// What [`Store::put`](crate::Store::put) and [`Store::remove`](crate::Store::remove) left.
    pub entries: BTreeMap<Vec<u8>, Vec<u8>>,
    /// Every queue that was ever appended to and not dropped, by id, empty ones included.
    pub queues: Vec<RecoveredQueue>,
    /// The store was closed with [`Store::close`](crate::Store::close), or is new.
    pub clean: bool,
    /// The highest queue id the store has seen; 0 when there was none.
    pub max_queue_id: u32,
    /// Messages that are lost, or may be, because the log is damaged. Empty unless the store was
    /// opened with [`Recover::Salvage`](crate::Recover::Salvage).
    pub lost: Vec<Lost>,
    /// Where the log is damaged; copies lie in `log/damaged`. Empty unless salvaging.
    pub damaged: Vec<Damaged>,
    /// The metadata database was of no use. It lies here now, and a new one was made from the
    /// log. Nothing is lost by it, but settled messages may be back.
    pub moved_aside: Option<PathBuf>,
}

/// A range of messages of one queue that are not in the log, though they should be.
#[derive(Copy, Clone, Eq, PartialEq, Debug)]
pub struct Lost {
    /// Which queue.
    pub queue: QueueId,
    /// The first of them.
    pub first_seq: u64,
    /// The last of them.
    pub last_seq: u64,
}

/// One queue's messages.
#[derive(Copy, Clone, Eq, PartialEq, Debug)]
pub struct RecoveredQueue {
    /// Which queue.
    pub id: QueueId,
    /// Sequence number of the oldest live message; equal to `next_seq` when there is none.
    pub first_seq: u64,
    /// The sequence number to append next. Higher than that of every live message.
    pub next_seq: u64,
    /// Live messages. Their sequence numbers need not be contiguous.
    pub live: u64,
    /// Body bytes of the live messages.
    pub live_bytes: u64,
}
