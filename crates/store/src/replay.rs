//! Applies records of the log to the index.

use std::collections::{BTreeMap, BTreeSet};

use crate::chunks;
use crate::error::Error;
use crate::index::Index;
use crate::index::chunk::Entry;
use crate::index::entries::Pair;
use crate::keep::Keep;
use crate::log::Position;
use crate::log::reader::{Damaged, Visitor};
use crate::log::record::Record;
use crate::meta::MetaStore;
use crate::salvage::Salvaged;

/// What a snapshot is good for.
#[derive(Copy, Clone, Eq, PartialEq, Debug)]
enum Purpose {
    /// The database knows better.
    Replay,
    /// It replaces what was found before it.
    Rebuild,
}

/// A snapshot that is being read.
struct Snapshot {
    segment: u32,
    entries: Vec<(Vec<u8>, Vec<u8>)>,
    /// Queue, first live number at least, next number.
    queues: Vec<(u32, u64, u64)>,
}

/// See the module.
pub(crate) struct Replay<'a, 'b> {
    index: &'a mut Index,
    meta: &'a dyn MetaStore,
    salvaged: &'a mut Salvaged<'b>,
    purpose: Purpose,
    snapshot: Option<Snapshot>,
    missing: Vec<(u32, u64)>,
    /// Those of the last snapshot, in a rebuild.
    queues: Option<Vec<(u32, u64, u64)>>,
    /// Queues that got messages since, and the lowest number of those.
    since: BTreeMap<u32, u64>,
    /// Queues that are gone.
    dropped: BTreeSet<u32>,
}

impl<'a, 'b> Replay<'a, 'b> {
    /// Of records that are newer than the database.
    pub(crate) fn new(
        index: &'a mut Index,
        meta: &'a dyn MetaStore,
        salvaged: &'a mut Salvaged<'b>,
    ) -> Self {
        Self {
            index,
            meta,
            salvaged,
            purpose: Purpose::Replay,
            snapshot: None,
            missing: Vec::new(),
            queues: None,
            since: BTreeMap::new(),
            dropped: BTreeSet::new(),
        }
    }

    /// Of all records there are.
    pub(crate) fn rebuilding(
        index: &'a mut Index,
        meta: &'a dyn MetaStore,
        salvaged: &'a mut Salvaged<'b>,
    ) -> Self {
        Self {
            purpose: Purpose::Rebuild,
            ..Self::new(index, meta, salvaged)
        }
    }

    fn publish(&mut self, (queue, seq): (u32, u64), entry: Entry) -> Result<(), Error> {
        if self.purpose == Purpose::Rebuild {
            let lowest = self.since.entry(queue).or_insert(seq);
            *lowest = seq.min(*lowest);
        }
        if entry.keep() == Keep::UntilRestart {
            self.index.advance(queue, seq.saturating_add(1));
            return Ok(());
        }
        self.salvaged
            .arrived(queue, self.index.next_seq(queue), seq);
        self.missing.clear();
        self.index
            .evicted_for_append(queue, seq, 1, &mut self.missing);
        chunks::ensure(self.index, self.meta, &self.missing)?;
        self.index.append(queue, seq, std::iter::once(entry));
        Ok(())
    }

    fn settle(&mut self, queue: u32, first: u64, last: u64) -> Result<(), Error> {
        self.missing.clear();
        self.index
            .evicted_for_settle(queue, first, last, &mut self.missing);
        chunks::ensure(self.index, self.meta, &self.missing)?;
        self.index.settle(queue, first, last);
        Ok(())
    }

    fn end_snapshot(&mut self) -> Result<(), Error> {
        let Some(snapshot) = self.snapshot.take() else {
            return Ok(());
        };
        self.index.snapshot_segment = snapshot.segment;
        if self.purpose == Purpose::Replay {
            return Ok(());
        }
        let old: Vec<Pair> = self.index.entries.after(None).cloned().collect();
        for pair in old {
            self.index.set_entry(pair.key(), None);
        }
        for (key, value) in snapshot.entries {
            self.index.set_entry(&key, Some(&value));
        }
        self.queues = Some(snapshot.queues);
        self.since.clear();
        Ok(())
    }

    /// Ends a rebuild: what the last snapshot does not name, and nothing after it did, was gone by
    /// then. Earlier snapshots do not count, as the copies of compaction are newer than they.
    pub(crate) fn finish(&mut self) -> Result<(), Error> {
        let Some(queues) = self.queues.take() else {
            return Ok(());
        };
        let mut after = None;
        while let Some((queue, ..)) = self.index.next_queue(after) {
            let named = queues.binary_search_by_key(&queue, |q| q.0).is_ok();
            if !named && !self.since.contains_key(&queue) {
                self.index.drop_queue(queue);
            }
            after = Some(queue);
        }
        for (queue, first_seq, next_seq) in queues {
            if self.dropped.contains(&queue) {
                continue;
            }
            self.index.advance(queue, next_seq);
            let newer = self.since.get(&queue).copied().unwrap_or(u64::MAX);
            if let Some(last) = first_seq.min(newer).checked_sub(1) {
                self.settle(queue, 0, last)?;
            }
        }
        Ok(())
    }
}

impl Visitor for Replay<'_, '_> {
    fn record(&mut self, at: Position, record: &Record<'_>) -> Result<(), Error> {
        match record {
            Record::Publish {
                keep,
                first,
                more,
                head,
                tail,
            } => {
                let len = head.len() + tail.map_or(0, <[u8]>::len);
                let too_large = |_| Error::TooLarge { bytes: len as u64 };
                let offset8 = u32::try_from(at.offset / 8).map_err(too_large)?;
                let len = u32::try_from(len).map_err(too_large)?;
                let entry = Entry::new(at.segment, offset8, len, *keep);
                for reference in std::iter::once(*first).chain(more.iter()) {
                    self.publish(reference, entry)?;
                }
            }
            Record::Ack { queue, runs } => {
                for (first, last) in runs.iter() {
                    self.settle(*queue, first, last)?;
                }
            }
            Record::Put { key, value } => self.index.set_entry(key, Some(value)),
            Record::Remove { key } => self.index.set_entry(key, None),
            Record::DropQueue { queue } => {
                self.index.drop_queue(*queue);
                self.dropped.insert(*queue);
            }
            Record::Seal => {}
            Record::SnapshotBegin { max_queue_id } => {
                self.index.max_queue_id = self.index.max_queue_id.max(*max_queue_id);
                self.snapshot = Some(Snapshot {
                    segment: at.segment,
                    entries: Vec::new(),
                    queues: Vec::new(),
                });
            }
            Record::SnapshotEntry { key, value } => {
                if let Some(snapshot) = &mut self.snapshot {
                    snapshot.entries.push((key.to_vec(), value.to_vec()));
                }
            }
            Record::SnapshotQueue {
                queue,
                first_seq,
                next_seq,
            } => {
                if let Some(snapshot) = &mut self.snapshot {
                    snapshot.queues.push((*queue, *first_seq, *next_seq));
                }
            }
            Record::SnapshotEnd => self.end_snapshot()?,
        }
        Ok(())
    }

    fn damage(&mut self, damaged: Damaged, error: Error, bytes: &[u8]) -> Result<(), Error> {
        // Part of it may be missing.
        self.snapshot = None;
        self.salvaged.damage(damaged, error, bytes)
    }
}
