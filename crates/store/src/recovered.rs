//! What a store knows when it has just been opened.

use std::collections::BTreeMap;

use crate::ids::QueueId;

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
