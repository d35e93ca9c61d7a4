//! How large the messages are that clients publish.

use std::sync::atomic::{AtomicU64, Ordering};

/// Upper bounds of the sizes that are counted together, in bytes; what is larger is counted behind
/// the last. RabbitMQ's.
pub const SIZE_BOUNDS: [u64; 8] = [
    100,
    1_000,
    10_000,
    100_000,
    1_000_000,
    10_000_000,
    50_000_000,
    100_000_000,
];

/// Messages by size, as plain numbers: those of a turn, or all so far.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct SizeCounts {
    /// How many there are up to each of [`SIZE_BOUNDS`] and above the one before, and last those
    /// above all of them.
    pub messages: [u64; SIZE_BOUNDS.len() + 1],
    /// Bytes of all of them together.
    pub bytes: u64,
}

/// The same, shared: relaxed atomics.
#[derive(Default, Debug)]
pub struct MessageSizes {
    messages: [AtomicU64; SIZE_BOUNDS.len() + 1],
    bytes: AtomicU64,
}

impl SizeCounts {
    /// The place of a body's size in [`Self::messages`].
    #[inline]
    #[must_use]
    pub fn place(size: u64) -> usize {
        // From the small ones on, since most messages are small.
        let place = SIZE_BOUNDS.iter().position(|bound| size <= *bound);
        place.unwrap_or(SIZE_BOUNDS.len())
    }

    /// Counts a message whose body has `size` bytes.
    #[inline]
    pub fn count(&mut self, size: u64) {
        self.count_at(Self::place(size), size);
    }

    /// The same for a size whose place is known.
    #[inline]
    pub fn count_at(&mut self, place: usize, size: u64) {
        if let Some(messages) = self.messages.get_mut(place) {
            *messages += 1;
        }
        self.bytes += size;
    }
}

impl MessageSizes {
    /// Adds a turn's counts.
    pub fn add(&self, counts: &SizeCounts) {
        for (sum, more) in self.messages.iter().zip(counts.messages) {
            if more > 0 {
                sum.fetch_add(more, Ordering::Relaxed);
            }
        }
        if counts.bytes > 0 {
            self.bytes.fetch_add(counts.bytes, Ordering::Relaxed);
        }
    }

    /// The counts so far.
    #[must_use]
    pub fn snapshot(&self) -> SizeCounts {
        SizeCounts {
            messages: self.messages.each_ref().map(|n| n.load(Ordering::Relaxed)),
            bytes: self.bytes.load(Ordering::Relaxed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_belongs_to_what_is_below_it() {
        let sizes = MessageSizes::default();
        let mut turn = SizeCounts::default();
        for size in [0, 100, 101, 1000, 99_999_999, 100_000_000, 100_000_001] {
            turn.count(size);
        }
        sizes.add(&turn);
        sizes.add(&SizeCounts::default());
        let all = sizes.snapshot();
        assert_eq!(all.messages, [2, 2, 0, 0, 0, 0, 0, 2, 1]);
        assert_eq!(all.bytes, 300_001_201);
    }
}
