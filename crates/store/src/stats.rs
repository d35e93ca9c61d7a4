//! Counters for the management API and for operators.

use std::time::Duration;

/// A snapshot; each number is right by itself, together they are not one instant.
#[derive(Copy, Clone, Eq, PartialEq, Debug, Default)]
pub struct Stats {
    /// Groups written since the store was opened.
    pub groups: u64,
    /// Syncs of the log since the store was opened.
    pub syncs: u64,
    /// Mean duration of those syncs.
    pub sync_avg: Duration,
    /// Longest of those syncs.
    pub sync_max: Duration,
    /// Bytes written to the log since the store was opened, padding included.
    pub log_bytes: u64,
    /// Bytes that compaction wrote since the store was opened.
    pub relocated_bytes: u64,
    /// Messages that are stored and not settled; a message in two queues counts twice.
    pub live: u64,
    /// Body bytes of those messages.
    pub live_bytes: u64,
    /// Segment files in use, the current one included.
    pub segments: u64,
    /// Segment files waiting to be used again.
    pub free_segments: u64,
    /// Checkpoints since the store was opened.
    pub checkpoints: u64,
    /// How long the last checkpoint took.
    pub last_checkpoint: Duration,
    /// Body bytes handed over and not yet written.
    pub pending_bytes: u64,
}
