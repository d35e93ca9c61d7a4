//! A message in a queue.

use codec::Content;

/// The immutable message, shared by every queue that holds it.
pub type Message = Content;

/// One message at its place in one queue. It is in exactly one of the queue's ready
/// list, an outbox, or a channel's unacked map; moving it is the state change.
#[derive(Clone)]
pub struct Entry {
    /// Position in the queue: 1 and upwards, never reused. 0 for a direct reply, which
    /// was never in a queue.
    pub seq: u64,
    /// What was published.
    pub message: Message,
    /// Delivered before, or perhaps delivered before (after a crash).
    pub redelivered: bool,
    /// Recorded in the store, which must be told when the message is settled. Also a transient
    /// message that was written there to free memory.
    pub durable: bool,
    /// Its record in the store is settled already, so it can't have another one.
    pub settled: bool,
}

/// Whether a delivery waits for an acknowledgement.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AckMode {
    /// The client acknowledges each delivery.
    Manual,
    /// Sent is settled (`no-ack`).
    Automatic,
}
