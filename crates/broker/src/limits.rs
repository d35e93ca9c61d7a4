//! Every fixed bound of this crate, with its unit and reason.

use std::time::Duration;

/// Bytes of messages that may wait in one connection's outbox. A consumer whose outbox is
/// full is paused, and its messages stay in the queue until the connection has taken what
/// is there. One mebibyte is a few turns of a fast socket.
pub const OUTBOX_BYTES_MAX: usize = 1024 * 1024;

/// Bytes in an outbox above which publishers wait for it to be taken. Half of what it holds, so that
/// what they have read already still finds room.
pub(crate) const OUTBOX_CROWDED_BYTES: usize = OUTBOX_BYTES_MAX / 2;

/// Publishers that wait for one outbox. Further ones go on, which costs no more than it did.
pub(crate) const OUTBOX_WAITING_MAX: usize = 64;

/// Deliveries that an idle outbox keeps room for. More is given back once it is empty, so
/// that ten thousand quiet connections hold nothing.
pub const OUTBOX_IDLE_DELIVERIES_MAX: usize = 64;

/// Bytes of messages that go to a consumer's outbox as one run: as many as it may be filled beyond
/// its limit. A read of a publisher's socket is no more than half of it, large bodies aside.
pub const PACK_BYTES_MAX: usize = 256 * 1024;

/// Messages read back from the store at once when a queue runs into its cold part.
pub const REFILL_MESSAGES_MAX: usize = 512;

/// Bytes read back from the store at once. What is read together shares an allocation, which
/// one message of it keeps: so no more than a few slabs of published messages.
pub const REFILL_BYTES_MAX: u64 = 64 * 1024;

/// Bytes of ready messages that a queue keeps in memory when they are in the store anyway,
/// and of deliveries that a channel keeps: several milliseconds of a fast consumer. Twice as much
/// saves confirmed traffic 4 % of its CPU, and takes 1.4 MB more for a queue with a backlog.
/// [`Settings::queue_memory_max`](crate::Settings::queue_memory_max) by default.
pub const WARM_BYTES_MAX: u64 = 2 * 1024 * 1024;

/// How many times as much a queue may keep of transient messages, because to free those
/// costs a write. Between a publisher and a consumer at full speed many tens of mebibytes come
/// and go; at 16 times, some runs of small messages spilled and cost five times as much.
/// The budget over all queues holds whatever this says.
pub const TRANSIENT_WARM_FACTOR: u64 = 40;

/// Bytes that each queue and channel may have when the budget is used up: enough for a small
/// burst, little enough for ten thousand of them.
pub const WARM_BYTES_MIN: u64 = 16 * 1024;

/// Bytes of message bodies in all queues and channels together before each has to make do
/// with [`WARM_BYTES_MIN`].
/// [`Settings::message_memory_max`](crate::Settings::message_memory_max) by default.
pub const MESSAGE_MEMORY_MAX: u64 = 256 * 1024 * 1024;

/// Bytes by which a queue or channel has to change before it tells the budget.
pub const BUDGET_STEP_BYTES: u64 = 16 * 1024;

/// Ready messages that an empty queue keeps room for.
pub const QUEUE_IDLE_ENTRIES_MAX: usize = 64;

/// Tables of arguments that a virtual host remembers, to share them between queues. Few use more
/// kinds of queues, and a declare compares with each of them.
pub const ALIKE_TABLES_MAX: usize = 16;

/// Policies of one class in a virtual host. Each new queue may be matched against all of them.
pub const POLICIES_MAX: usize = 1000;

/// Runtime parameters of a virtual host, policies not counted, and global parameters.
pub const PARAMETERS_MAX: usize = 10_000;

/// Bytes of JSON in one parameter: a shovel's definition is about one kilobyte.
pub const PARAMETER_BYTES_MAX: usize = 1024 * 1024;

/// Pseudo queues (direct reply-to) that may be registered at once in one virtual host:
/// one per channel of 32 busy connections times 2,047 channels.
pub const REPLIES_MAX: usize = 65_536;

/// Events that wait to be told; more are lost and counted. A minute of the busiest churn.
pub const EVENTS_WAITING_MAX: usize = 65_536;

/// Events told before others who have a deadline get their turn.
pub const EVENTS_AT_ONCE_MAX: usize = 256;

/// Longest name of a queue, exchange, routing key or tag, in bytes (AMQP 0-9-1 §4.2.5.3).
pub const NAME_BYTES_MAX: usize = 255;

/// Bytes of direct replies that may wait for a requester that doesn't read. Replies have no
/// queue to stay in, so beyond this they are unroutable: the size of one large message.
pub const REPLY_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Wrong passwords for one user from one address before the next attempt has to wait: enough for
/// a human, and for a client that was restarted a few times with an old password.
pub const LOGIN_FAILURES_FREE_MAX: u32 = 10;

/// The first wait after that. Each further failure doubles it.
pub const LOGIN_WAIT_FIRST: Duration = Duration::from_secs(1);

/// The longest wait: at two guesses a minute nobody finds a password, and whoever has the right
/// one from the same address doesn't wait long.
pub const LOGIN_WAIT_MAX: Duration = Duration::from_secs(30);

/// Pairs of address and user whose failures are remembered, at about 40 bytes each. Beyond this
/// the one whose last failure is the longest ago is forgotten.
pub const LOGIN_FAILURES_KEPT_MAX: usize = 4096;

/// Tags of a user or a virtual host. Five of a user's mean something.
pub const TAGS_MAX: usize = 64;

/// Messages that a queue lets expire, or drops, under one hold of its lock: a millisecond or
/// so. The timers come back at once for the rest.
pub const DEATHS_SLICE_MAX: usize = 1000;

/// Dead letters that are published together, and that a turn collects before it passes them
/// on: it bounds how long others wait for the queue they go to, and what their copies take.
pub const DEAD_LETTERS_AT_ONCE_MAX: usize = 1024;

/// Bytes of transient messages that wait behind dead letters which have to be read, to keep
/// their order. More of them go ahead. Twice what a channel holds of unsettled ones.
pub const DEAD_LETTERS_WAITING_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// Rounds of reading back that whoever uses a deep queue does for what expires or is too much
/// in it; the timers go on.
pub const TENDING_ROUNDS_MAX: usize = 4;

/// Dead letters of one queue that are on their way at a time if it keeps them until they have
/// been taken: RabbitMQ's figure. The others are in the store only.
pub const DEAD_LETTERS_IN_FLIGHT_MAX: usize = 32;

/// Milliseconds until a dead letter that nobody took is tried again, unless the topology
/// changes before: RabbitMQ's figure.
pub const DEAD_LETTER_RETRY_MS: u64 = 180_000;

/// Milliseconds between two looks whether the topology has changed, while dead letters wait.
pub const TOPOLOGY_LOOK_MS: u64 = 500;

/// Milliseconds until a dead letter that is not on the disk yet is looked for again.
pub const UNCOMMITTED_RETRY_MS: u64 = 2;

/// Messages of one quorum queue whose returns are counted; of others, each return counts as
/// the first. Tens of mebibytes, for a million messages that all came back.
pub const RETURN_COUNTS_MAX: usize = 1_000_000;

/// Milliseconds until a queue that could not be read is read again to know what expires when.
pub const UNREADABLE_RETRY_MS: u64 = 1000;
