//! Every fixed bound of this crate, with its unit and reason.

/// Bytes of messages that may wait in one connection's outbox. A consumer whose outbox is
/// full is paused, and its messages stay in the queue until the connection has taken what
/// is there. One mebibyte is a few turns of a fast socket.
pub const OUTBOX_BYTES_MAX: usize = 1024 * 1024;

/// Deliveries that an idle outbox keeps room for. More is given back once it is empty, so
/// that ten thousand quiet connections hold nothing.
pub const OUTBOX_IDLE_DELIVERIES_MAX: usize = 64;

/// Messages read back from the store at once when a queue runs into its cold part.
pub const REFILL_MESSAGES_MAX: usize = 512;

/// Bytes read back from the store at once; bounds how long a queue is locked meanwhile.
pub const REFILL_BYTES_MAX: usize = 1024 * 1024;

/// Ready messages that an empty queue keeps room for.
pub const QUEUE_IDLE_ENTRIES_MAX: usize = 64;

/// Pseudo queues (direct reply-to) that may be registered at once in one virtual host:
/// one per channel of 32 busy connections times 2,047 channels.
pub const REPLIES_MAX: usize = 65_536;

/// Longest name of a queue, exchange, routing key or tag, in bytes (AMQP 0-9-1 §4.2.5.3).
pub const NAME_BYTES_MAX: usize = 255;

/// Bytes of direct replies that may wait for a requester that doesn't read. Replies have no
/// queue to stay in, so beyond this they are unroutable: the size of one large message.
pub const REPLY_BYTES_MAX: usize = 16 * 1024 * 1024;
