//! Every fixed bound of this crate, with its unit and reason.

use std::time::Duration;

/// How long a client that fills a consumer's outbox waits for that to be taken. A connection that
/// keeps up takes half a mebibyte in a few hundred microseconds. So nobody is held back to less than
/// 256 MiB a second: for a consumer slower than that, the rest is over before it is worth anything.
pub const REST_TIME_MAX: Duration = Duration::from_millis(2);

/// Bytes one connection may parse in a turn before others get theirs. Also the size of the
/// driver's read buffer, so that one read is one turn. At least one frame is taken however
/// large it is.
pub const TURN_INPUT_BYTES_MAX: usize = 128 * 1024;

/// Messages handed to a queue under one lock. Bounds how long others wait for it.
pub const RUN_MESSAGES_MAX: usize = 1024;

/// Settlements handed to a queue under one lock, for the same reason.
pub const SETTLE_RUN_MAX: usize = 512;

/// Deliveries that the client may settle in a turn before others get theirs. One
/// `basic.nack` can stand for a million of them, and is then carried out over many turns.
pub const SETTLED_PER_TURN_MAX: usize = 16 * 1024;

/// As many acknowledgements weigh as one rejection, whose message may be published again.
pub const REJECTION_WEIGHT: usize = 32;

/// Routes remembered by a connection. A client that publishes to more names than this at a
/// time loses the memory, not the messages.
pub const ROUTES_MAX: usize = 1024;

/// Bytes of checked properties remembered, to recognise the next message's as the same.
pub const PROPERTIES_MEMO_BYTES_MAX: usize = 64;

/// Bytes of method and header frame remembered, to recognise the next publish as the same.
/// Larger ones have headers, which seldom repeat.
pub const TEMPLATE_BYTES_MAX: usize = 256;

/// Replies of one connection that may wait for their commit before its input is left unread.
pub const PARKED_MAX: usize = 4096;

/// Bytes of frames held back behind parked replies before input is left unread. A few
/// pipelined requests; large bodies rarely stand among them.
pub const STALLED_BYTES_MAX: usize = 1024 * 1024;

/// Groups of publishes of a connection that may wait for their commit before its input is
/// left unread. One group is the publishes of a turn, so the store is far behind by then.
pub const CONFIRMS_WAITING_MAX: usize = 65_536;

/// Bytes reserved at once for a body that arrives in pieces, whatever its header announces.
pub const BODY_RESERVE_MAX: usize = 1024 * 1024;

/// Largest messages that one connection may have begun and not ended, over all its channels.
/// A client sends one large message after the other; two thousand at once are an attack.
pub const ASSEMBLING_MESSAGES_MAX: u64 = 8;

/// Largest body size in bytes that a content header may announce (RabbitMQ's hard limit).
pub const CONTENT_BODY_BYTES_MAX: u64 = 512 * 1024 * 1024;

/// Bytes of messages in an open transaction, which are all in memory. RabbitMQ has no such
/// limit; eight of the largest messages are far beyond what transactions are used for.
pub const TX_BYTES_MAX: usize = 128 * 1024 * 1024;

/// Messages, or settlements, in an open transaction: the same bound for small ones.
pub const TX_ENTRIES_MAX: usize = 1024 * 1024;

/// Consumers on a channel: each is listed and walked when the channel closes.
pub const CONSUMERS_PER_CHANNEL_MAX: usize = 65_535;

/// Deliveries of one channel that are looked through to tell what is held of a queue: a
/// millisecond or so.
pub const TOLD_FROM_MAX: usize = 100_000;

/// Longest time between two looks for deliveries that are overdue (RabbitMQ's interval).
pub const CONSUMER_TIMEOUT_CHECK_MAX: Duration = Duration::from_secs(60);

/// Shortest time between two such looks, whatever timeout a client asks for.
pub const CONSUMER_TIMEOUT_CHECK_MIN: Duration = Duration::from_millis(10);

/// Time between two notes of when deliveries were sent, besides the last one: as exactly as the
/// age of a delivery is known.
pub const AGE_NOTES_MIN: Duration = Duration::from_secs(1);

/// Notes of when deliveries were sent that a channel keeps before it thins them out: enough
/// for the default timeout of half an hour and a note each minute. What is left after that is
/// a few for each doubling of the longest timeout, some hundred even for one of years.
pub const AGE_MARKS_MAX: usize = 128;

/// Bytes in a reply text, which is a short string.
pub const REPLY_TEXT_BYTES_MAX: usize = 255;

/// Longest time to live of a message in milliseconds, ten years (RabbitMQ's limit).
pub const EXPIRATION_MS_MAX: i128 = 315_360_000_000;

/// Settlements, unacknowledged messages and the like that an idle channel keeps room for.
pub const IDLE_ENTRIES_MAX: usize = 64;

/// How long a client may leave everything unread while more than
/// [`OUTPUT_HARD_MAX`](codec::OUTPUT_HARD_MAX) waits for it. RabbitMQ gives a socket 30 s to
/// take something before it closes it.
pub const WRITE_STALL_MAX: Duration = Duration::from_secs(30);

/// How long a client may take to answer `connection.close` before it was open, or after a
/// frame that makes the rest of its input worthless.
pub const CLOSE_TIMEOUT_SHORT: Duration = Duration::from_secs(3);

/// How long a client may take to answer `connection.close` otherwise; its heartbeat
/// interval, if that is shorter.
pub const CLOSE_TIMEOUT_LONG: Duration = Duration::from_secs(30);
