//! Counters. Plain integers during a turn, added to shared ones at its end.

use std::sync::atomic::{AtomicU64, Ordering};

macro_rules! counters {
    ($(#[$doc:meta] $name:ident),* $(,)?) => {
        /// How many messages took which step, as plain numbers.
        #[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
        pub struct MessageCounts { $(#[$doc] pub $name: u64),* }

        /// The same, shared: relaxed atomics.
        #[derive(Default, Debug)]
        pub struct MessageStats { $($name: AtomicU64),* }

        impl MessageStats {
            /// Adds a turn's counts.
            pub fn add(&self, counts: &MessageCounts) {
                $(if counts.$name != 0 { self.$name.fetch_add(counts.$name, Ordering::Relaxed); })*
            }

            /// The same for one that nobody else adds to at the same time: no locked instruction.
            #[inline]
            pub fn add_alone(&self, counts: &MessageCounts) {
                $(if counts.$name != 0 {
                    let sum = self.$name.load(Ordering::Relaxed) + counts.$name;
                    self.$name.store(sum, Ordering::Relaxed);
                })*
            }

            /// The counts so far.
            #[must_use]
            pub fn snapshot(&self) -> MessageCounts {
                MessageCounts { $($name: self.$name.load(Ordering::Relaxed)),* }
            }
        }

        impl MessageCounts {
            /// Nothing.
            pub const ZERO: Self = Self { $($name: 0),* };

            /// Adds another's counts.
            #[inline]
            pub fn add(&mut self, other: &Self) {
                $(self.$name += other.$name;)*
            }
        }
    };
}

counters! {
    /// Published by clients.
    publish,
    /// Confirmed to publishers.
    confirm,
    /// Sent back as unroutable (`mandatory`).
    return_unroutable,
    /// Unroutable and dropped.
    drop_unroutable,
    /// Delivered to consumers that acknowledge.
    deliver,
    /// Delivered to consumers that don't.
    deliver_no_ack,
    /// Fetched with `basic.get`, to be acknowledged.
    get,
    /// Fetched with `basic.get` and settled by it.
    get_no_ack,
    /// `basic.get` on an empty queue.
    get_empty,
    /// Deliveries with the redelivered flag.
    redeliver,
    /// Acknowledged.
    ack,
}

impl MessageCounts {
    /// All deliveries and gets: RabbitMQ's `deliver_get`.
    #[must_use]
    pub const fn deliver_get(&self) -> u64 {
        self.deliver + self.deliver_no_ack + self.get + self.get_no_ack
    }
}

/// How often things came and went since the start.
#[derive(Default, Debug)]
pub struct Churn {
    /// Connections opened.
    pub connection_created: AtomicU64,
    /// Connections gone.
    pub connection_closed: AtomicU64,
    /// Channels opened.
    pub channel_created: AtomicU64,
    /// Channels gone.
    pub channel_closed: AtomicU64,
    /// `queue.declare` of new and existing queues.
    pub queue_declared: AtomicU64,
    /// Queues made.
    pub queue_created: AtomicU64,
    /// Queues deleted, by whatever cause.
    pub queue_deleted: AtomicU64,
}

/// Messages that died in the queues of a virtual host, by reason.
#[derive(Default, Debug)]
pub struct DeadLetterStats {
    reasons: [AtomicU64; 4],
    dropped: AtomicU64,
    cycles: AtomicU64,
}

/// [`DeadLetterStats`] at one moment.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct DeadLetterCounts {
    /// Dead-lettered because a client rejected them.
    pub rejected: u64,
    /// Dead-lettered because they lived too long.
    pub expired: u64,
    /// Dead-lettered because their queue was full.
    pub maxlen: u64,
    /// Dead-lettered because they came back too often.
    pub delivery_limit: u64,
    /// Died where no dead-letter exchange was set.
    pub dropped: u64,
    /// Copies not made because they would have gone in circles.
    pub cycles: u64,
}

impl DeadLetterCounts {
    /// Adds another's counts.
    pub fn add(&mut self, other: &Self) {
        self.rejected += other.rejected;
        self.expired += other.expired;
        self.maxlen += other.maxlen;
        self.delivery_limit += other.delivery_limit;
        self.dropped += other.dropped;
        self.cycles += other.cycles;
    }
}

impl DeadLetterStats {
    pub(crate) fn count(&self, reason: crate::dead_letter::Reason, lettered: bool) {
        let counter = if lettered {
            &self.reasons[reason as usize]
        } else {
            &self.dropped
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn count_cycles(&self, copies: u64) {
        if copies > 0 {
            self.cycles.fetch_add(copies, Ordering::Relaxed);
        }
    }

    /// The counts so far.
    #[must_use]
    pub fn snapshot(&self) -> DeadLetterCounts {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let [rejected, expired, maxlen, delivery_limit] = self.reasons.each_ref().map(read);
        DeadLetterCounts {
            rejected,
            expired,
            maxlen,
            delivery_limit,
            dropped: read(&self.dropped),
            cycles: read(&self.cycles),
        }
    }
}
