//! A message in a queue.

use codec::Content;

/// The immutable message, shared by every queue that holds it.
pub type Message = Content;

/// One message at its place in one queue. It is in exactly one of the queue's ready
/// list, an outbox, or a channel's unacked map; moving it is the state change.
#[derive(Clone)]
pub struct Entry {
    /// Position in the queue: 1 and upwards, never reused, with the priority in the highest
    /// byte. 0 for a direct reply, which was never in a queue.
    pub seq: u64,
    /// What was published.
    pub message: Message,
    /// Until when it may be delivered.
    pub expiry: Expiry,
    /// Delivered before, or perhaps delivered before (after a crash).
    pub redelivered: bool,
    /// Recorded in the store, which must be told when the message is settled. Also a transient
    /// message that was written there to free memory.
    pub durable: bool,
    /// Its record in the store is settled already, so it can't have another one.
    pub settled: bool,
}

/// A queue of a million holds a million of these.
const _: () = assert!(size_of::<Entry>() == 64);

/// 2026-01-01, in milliseconds since 1970: what expiries are counted from, so that they fit
/// into five bytes until 2060.
const EPOCH_MS: u64 = 1_767_225_600_000;

/// The moment until which a message may be delivered, or never. In milliseconds.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Expiry([u8; 5]);

impl Expiry {
    /// It does not expire.
    pub const NEVER: Self = Self([0; 5]);

    /// A moment in milliseconds since 1970. One too late to be said is never.
    #[must_use]
    pub const fn at_ms(ms: u64) -> Self {
        let since = match ms.checked_sub(EPOCH_MS) {
            None | Some(0) => 1,
            Some(since) => since,
        };
        match since.to_be_bytes() {
            [0, 0, 0, a, b, c, d, e] => Self([a, b, c, d, e]),
            _ => Self::NEVER,
        }
    }

    /// It does not expire.
    #[inline]
    #[must_use]
    pub fn is_never(self) -> bool {
        self == Self::NEVER
    }

    /// In milliseconds since 1970; none for never.
    #[inline]
    #[must_use]
    pub fn ms(self) -> Option<u64> {
        let [a, b, c, d, e] = self.0;
        let since = u64::from_be_bytes([0, 0, 0, a, b, c, d, e]);
        (since > 0).then_some(since + EPOCH_MS)
    }

    /// It lies before `now_ms`.
    #[inline]
    #[must_use]
    pub fn is_before(self, now_ms: u64) -> bool {
        self.ms().is_some_and(|at| at < now_ms)
    }

    /// It has come at `now_ms`.
    #[inline]
    #[must_use]
    pub fn has_come(self, now_ms: u64) -> bool {
        self.ms().is_some_and(|at| at <= now_ms)
    }
}

/// Whether a delivery waits for an acknowledgement.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AckMode {
    /// The client acknowledges each delivery.
    Manual,
    /// Sent is settled (`no-ack`).
    Automatic,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expiries_fit_into_five_bytes() {
        for ms in [
            EPOCH_MS + 1,
            EPOCH_MS + 315_360_000_000,
            EPOCH_MS + (1 << 40) - 1,
        ] {
            assert_eq!(Expiry::at_ms(ms).ms(), Some(ms));
        }
        assert_eq!(Expiry::at_ms(0).ms(), Some(EPOCH_MS + 1), "long gone");
        assert_eq!(Expiry::at_ms(u64::MAX), Expiry::NEVER);
        let expiry = Expiry::at_ms(EPOCH_MS + 5);
        assert!(!expiry.is_before(EPOCH_MS + 5) && expiry.has_come(EPOCH_MS + 5));
        assert!(expiry.is_before(EPOCH_MS + 6) && !Expiry::NEVER.is_before(u64::MAX));
    }
}
