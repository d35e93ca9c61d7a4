//! Snapshots of the entries and queues in the log, so that what is left of it can always rebuild
//! the database.
//!
//! Segments from the last snapshot on are never freed, so a snapshot is written when a new
//! segment has begun, but not more often than every so many times its own size.

use super::Commit;
use crate::error::Error;
use crate::index::entries::Pair;
use crate::log::record::Record;
use crate::pending::Group;

/// Bytes of other records per byte of snapshots (at least): they cost an eighth at most.
const RATIO: u64 = 8;

/// Entries taken from the index in one go.
const STEP: usize = 256;

/// What is known of the last snapshot of this run.
#[derive(Default)]
pub(super) struct Snapshots {
    /// Where it begins; 0 before the first.
    segment: u32,
    /// Bytes it took.
    bytes: u64,
    /// Log bytes when it was complete.
    log_bytes: u64,
}

impl Commit<'_> {
    /// Writes a snapshot if it is time, in front of a group that writes anything; returns the
    /// segment where it begins.
    pub(super) fn write_snapshot_if_due(&mut self, group: &Group) -> Result<Option<u32>, Error> {
        let log_bytes = self.writer.appended();
        let last = &self.snapshot;
        let due = last.segment == 0
            || (self.writer.end().segment > last.segment
                && log_bytes - last.log_bytes >= RATIO * last.bytes);
        if !due || !group.writes() {
            return Ok(None);
        }
        let max_queue_id = self.shared.index.lock().max_queue_id;
        let begin = Record::SnapshotBegin { max_queue_id };
        let at = super::append(&mut self.writer, self.shared, &mut self.settled, &begin)?;
        self.write_entries()?;
        let mut last = None;
        loop {
            let next = self.shared.index.lock().next_queue(last);
            let Some((queue, first_seq, next_seq)) = next else {
                break;
            };
            self.append(&Record::SnapshotQueue {
                queue,
                first_seq,
                next_seq,
            })?;
            last = Some(queue);
        }
        self.append(&Record::SnapshotEnd)?;
        let now = self.writer.appended();
        self.snapshot = Snapshots {
            segment: at.segment,
            bytes: now - log_bytes,
            log_bytes: now,
        };
        Ok(Some(at.segment))
    }

    /// Only this thread changes entries, so they may be taken in steps.
    fn write_entries(&mut self) -> Result<(), Error> {
        let mut last: Option<Pair> = None;
        loop {
            let index = self.shared.index.lock();
            let behind = index.entries.after(last.as_ref().map(Pair::key));
            let step: Vec<Pair> = behind.take(STEP).cloned().collect();
            drop(index);
            for pair in &step {
                self.append(&Record::SnapshotEntry {
                    key: pair.key(),
                    value: pair.value(),
                })?;
            }
            last = step.into_iter().next_back();
            if last.is_none() {
                return Ok(());
            }
        }
    }
}
