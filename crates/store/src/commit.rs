//! The group-commit thread: takes what has arrived, encodes it, writes it, syncs once, brings the
//! index up to date and announces the ticket.

mod fanout;
mod snapshots;

use std::sync::Arc;
use std::sync::atomic::Ordering;

use fanout::{Fanout, Slot};

use crate::body::BODY_BYTES_MAX;
use crate::chunks;
use crate::error::Error;
use crate::ids::Ticket;
use crate::index::chunk::Entry;
use crate::index::{ChunkId, Index};
use crate::keep::Keep;
use crate::keys::VALUE_BYTES_MAX;
use crate::log::Position;
use crate::log::record::{self, RUN_LEN, RUNS_MAX, Record, References, Runs};
use crate::log::writer::Writer;
use crate::options::Durability;
use crate::pending::{Group, Op, Run};
use crate::shared::Shared;

/// Runs until the store is closed or fails.
pub(crate) fn run(shared: &Arc<Shared>, next_segment: u32) {
    let mut commit = Commit::new(shared, next_segment);
    let mut spare = Group::default();
    while let Some(mut group) = shared.pending.take(spare) {
        if let Err(error) = commit.write(&mut group) {
            shared.fail(error);
            return;
        }
        group.clear();
        spare = group;
    }
    // The last settlements may have been written without a sync; a stop in good order should not
    // depend on the checkpoint for it.
    if shared.failure().is_none()
        && let Err(error) = commit.writer.sync()
    {
        shared.fail(error);
    }
}

/// See the module.
pub(crate) struct Commit<'a> {
    shared: &'a Shared,
    writer: Writer<'a>,
    fanout: Fanout,
    /// Encoded references or runs of the record at hand.
    scratch: Vec<u8>,
    /// The directory's own files are durable.
    settled: bool,
    /// Log bytes at the last checkpoint that was asked for.
    log_bytes: u64,
    snapshot: snapshots::Snapshots,
}

/// What a group needs besides its write.
#[derive(Copy, Clone, Eq, PartialEq, Debug)]
enum Needs {
    /// Nothing was written that anybody waits for.
    None,
    /// A ticket depends on it.
    Sync,
}

impl<'a> Commit<'a> {
    pub(crate) fn new(shared: &'a Shared, next_segment: u32) -> Self {
        Self {
            shared,
            writer: Writer::new(&shared.lane, &*shared.counters, next_segment),
            fanout: Fanout::default(),
            scratch: Vec::new(),
            settled: false,
            log_bytes: 0,
            snapshot: snapshots::Snapshots::default(),
        }
    }

    /// The thread's work without the thread, on what is pending. Leaves the directory's own files
    /// alone, as a simulated disk does not have them.
    #[cfg(test)]
    pub(crate) fn step(&mut self) -> Result<(), Error> {
        self.settled = true;
        let group = self.shared.pending.take(Group::default());
        group.map_or(Ok(()), |mut group| self.write(&mut group))
    }
}

impl Commit<'_> {
    /// Once for a group. Not inlined, for `tests/instructions` to find.
    #[inline(never)]
    fn write(&mut self, group: &mut Group) -> Result<(), Error> {
        merge(&mut group.settles);
        let bodies = self.fanout.plan(&group.ops, &group.settles);
        let started = self.writer.end();
        let snapshot = self.write_snapshot_if_due(group)?;
        let durability = self.write_ops(&group.ops)?;
        self.write_settles(&group.settles)?;
        if self.writer.end() != started {
            self.writer.finish_group()?;
        }
        let synced = self.shared.options.durability == Durability::Synced;
        if synced && durability == Needs::Sync {
            self.writer.sync()?;
        }
        self.writer.trim();
        let very_dirty = self.apply(group, started, snapshot)?;

        let counters = &self.shared.counters;
        counters.groups.fetch_add(1, Ordering::Relaxed);
        self.shared
            .pending_bytes
            .fetch_sub(bodies, Ordering::Relaxed);
        self.shared.commit(Ticket(group.ticket));
        let log_bytes = counters.log_bytes.load(Ordering::Relaxed);
        if very_dirty || log_bytes - self.log_bytes >= self.shared.options.checkpoint_bytes {
            self.log_bytes = log_bytes;
            self.shared.schedule.hurry();
        } else {
            self.shared.schedule.changed();
        }
        Ok(())
    }

    fn write_ops(&mut self, ops: &[Op]) -> Result<Needs, Error> {
        let mut durability = Needs::None;
        let mut slot = 0;
        for op in ops {
            let wrote = match op {
                Op::Append { bodies, keep, .. } => {
                    let mut wrote = false;
                    for body in bodies {
                        if body.len() > BODY_BYTES_MAX {
                            return Err(Error::TooLarge {
                                bytes: body.len() as u64,
                            });
                        }
                        if let Some(first) = self.fanout.references(slot, &mut self.scratch) {
                            let record = Record::Publish {
                                keep: *keep,
                                first,
                                more: References(&self.scratch),
                                head: &body.head,
                                tail: body.tail.as_deref(),
                            };
                            let at =
                                append(&mut self.writer, self.shared, &mut self.settled, &record)?;
                            self.fanout.locate(slot, entry(at, body.len(), *keep)?);
                            wrote = *keep == Keep::Always;
                        }
                        slot += 1;
                    }
                    wrote
                }
                Op::Purge { queue, runs } => self.ack(*queue, runs.iter().copied())?,
                Op::DropQueue { queue } => self.append(&Record::DropQueue { queue: *queue })?,
                Op::Put { key, value } => {
                    if value.len() > VALUE_BYTES_MAX {
                        return Err(Error::TooLarge {
                            bytes: value.len() as u64,
                        });
                    }
                    self.append(&Record::Put { key, value })?
                }
                Op::Remove { key } => self.append(&Record::Remove { key })?,
                Op::Barrier => false,
            };
            if wrote {
                durability = Needs::Sync;
            }
        }
        self.fanout.share_locations();
        Ok(durability)
    }

    /// One ack record per queue; the runs are merged and sorted by queue.
    fn write_settles(&mut self, settles: &[Run]) -> Result<(), Error> {
        for runs in settles.chunk_by(|a, b| a.queue == b.queue) {
            let Some(Run { queue, .. }) = runs.first() else {
                continue;
            };
            self.ack(*queue, runs.iter().map(|run| (run.first, run.last)))?;
        }
        Ok(())
    }

    fn ack(&mut self, queue: u32, runs: impl Iterator<Item = (u64, u64)>) -> Result<bool, Error> {
        self.scratch.clear();
        for (first, last) in runs {
            record::push_run(&mut self.scratch, first, last);
        }
        let scratch = std::mem::take(&mut self.scratch);
        for runs in scratch.chunks(RUNS_MAX * RUN_LEN) {
            self.append(&Record::Ack {
                queue,
                runs: Runs(runs),
            })?;
        }
        let wrote = !scratch.is_empty();
        self.scratch = scratch;
        Ok(wrote)
    }

    fn append(&mut self, record: &Record<'_>) -> Result<bool, Error> {
        append(&mut self.writer, self.shared, &mut self.settled, record)?;
        Ok(true)
    }

    /// Shows the index what was written: after the sync, so that nothing reads, and no checkpoint
    /// records, what is not durable.
    fn apply(
        &mut self,
        group: &Group,
        started: Position,
        snapshot: Option<u32>,
    ) -> Result<bool, Error> {
        let mut slots = self.fanout.slots();
        let mut index =
            chunks::with_chunks(self.shared, &|index, into| missing(index, group, into))?;
        for op in &group.ops {
            match op {
                Op::Append {
                    queue,
                    first_seq,
                    bodies,
                    ..
                } => {
                    let (mine, rest) = slots.split_at(bodies.len());
                    slots = rest;
                    index.append(*queue, *first_seq, mine.iter().map(Slot::entry));
                }
                Op::Purge { queue, runs } => {
                    for (first, last) in runs {
                        index.settle(*queue, *first, *last);
                    }
                }
                Op::DropQueue { queue } => index.drop_queue(*queue),
                Op::Put { key, value } => index.set_entry(key, Some(value)),
                Op::Remove { key } => index.set_entry(key, None),
                Op::Barrier => {}
            }
        }
        for run in &group.settles {
            index.settle(run.queue, run.first, run.last);
        }
        let end = self.writer.end();
        for segment in started.segment..=end.segment {
            if end.offset > 0 || segment < end.segment {
                index.add_segment(segment);
            }
        }
        index.end = end;
        if let Some(segment) = snapshot {
            index.snapshot_segment = segment;
        }
        index.unsynced = self.writer.unsynced();
        Ok(index.is_very_dirty())
    }
}

/// The evicted chunks that a group touches.
fn missing(index: &Index, group: &Group, into: &mut Vec<ChunkId>) {
    for op in &group.ops {
        match op {
            Op::Append {
                queue,
                first_seq,
                bodies,
                ..
            } => index.evicted_for_append(*queue, *first_seq, bodies.len() as u64, into),
            Op::Purge { queue, runs } => {
                for (first, last) in runs {
                    index.evicted_for_settle(*queue, *first, *last, into);
                }
            }
            _ => {}
        }
    }
    for run in &group.settles {
        index.evicted_for_settle(run.queue, run.first, run.last, into);
    }
}

fn append(
    writer: &mut Writer<'_>,
    shared: &Shared,
    settled: &mut bool,
    record: &Record<'_>,
) -> Result<Position, Error> {
    if !std::mem::replace(settled, true) {
        shared.layout.settle()?;
    }
    writer.append(record)
}

fn entry(at: Position, len: usize, keep: Keep) -> Result<Entry, Error> {
    // Segments end far below 32 GiB: a record that does not fit opens the next one.
    let too_large = |_| Error::TooLarge { bytes: at.offset };
    let offset8 = u32::try_from(at.offset / 8).map_err(too_large)?;
    let len = u32::try_from(len).map_err(too_large)?;
    Ok(Entry::new(at.segment, offset8, len, keep))
}

/// Sorts settlements by queue and number and joins neighbours.
fn merge(settles: &mut Vec<Run>) {
    settles.sort_unstable();
    settles.dedup_by(|run, before| {
        let joins = run.queue == before.queue && run.first <= before.last.saturating_add(1);
        if joins {
            before.last = before.last.max(run.last);
        }
        joins
    });
}
