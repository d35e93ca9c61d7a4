//! The segment log: one append-only write-ahead log for everything that must survive.

pub(crate) mod lane;
pub(crate) mod reader;
pub(crate) mod record;
pub(crate) mod writer;

/// A place in the log: before the record that starts there. Ordered as the log is.
#[derive(Copy, Clone, Eq, PartialEq, Ord, PartialOrd, Debug, Default)]
pub(crate) struct Position {
    /// Number of the segment; counted from 1, never used twice in a lane.
    pub(crate) segment: u32,
    /// Byte offset in it, a multiple of 8.
    pub(crate) offset: u64,
}
