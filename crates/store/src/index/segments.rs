//! Counters of what is live in each segment.

use std::collections::BTreeMap;

use super::chunk::Entry;
use super::summary::Part;

/// Live references in one segment. A message in two queues counts twice.
#[derive(Copy, Clone, Eq, PartialEq, Debug, Default)]
pub(crate) struct Live {
    pub(crate) messages: u64,
    /// Bytes of their records.
    pub(crate) bytes: u64,
}

/// All segments that exist.
pub(crate) type Segments = BTreeMap<u32, Live>;

/// Whether something comes or goes.
#[derive(Copy, Clone, Eq, PartialEq, Debug)]
pub(crate) enum Change {
    Add,
    Remove,
}

/// Adds to the counters once per run of neighbours.
#[derive(Default)]
pub(crate) struct Counter {
    segment: u32,
    messages: i64,
    bytes: i64,
}

impl Counter {
    /// Counts one message.
    pub(crate) fn entry(&mut self, segments: &mut Segments, entry: &Entry, change: Change) {
        self.count(segments, entry.segment, (1, entry.record_bytes()), change);
    }

    /// Counts what a summary says of one segment.
    pub(crate) fn part(&mut self, segments: &mut Segments, part: &Part, change: Change) {
        let count = (u64::from(part.live), part.record_bytes);
        self.count(segments, part.segment, count, change);
    }

    fn count(&mut self, segments: &mut Segments, segment: u32, n: (u64, u64), change: Change) {
        if segment != self.segment {
            self.flush(segments);
            self.segment = segment;
        }
        let sign = if change == Change::Add { 1 } else { -1 };
        self.messages += sign * n.0 as i64;
        self.bytes += sign * n.1 as i64;
    }

    /// Ends a series of counts.
    pub(crate) fn flush(&mut self, segments: &mut Segments) {
        if self.messages != 0 || self.bytes != 0 {
            let live = segments.entry(self.segment).or_default();
            live.messages = live.messages.saturating_add_signed(self.messages);
            live.bytes = live.bytes.saturating_add_signed(self.bytes);
            (self.messages, self.bytes) = (0, 0);
        }
    }
}
