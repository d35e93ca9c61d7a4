//! Opening: the metadata database plus the log from its checkpoint on.

use std::collections::BTreeMap;

use crate::chunks;
use crate::error::Error;
use crate::ids::QueueId;
use crate::index::Index;
use crate::index::chunk::{CHUNK_LEN, Entry};
use crate::index::summary::Summary;
use crate::keep::Keep;
use crate::keys::{self, Checkpoint};
use crate::log::Position;
use crate::log::lane::{Lane, SURVIVORS};
use crate::log::reader;
use crate::log::record::Record;
use crate::meta::MetaStore;
use crate::recovered::{Recovered, RecoveredQueue};

/// What opening found.
pub(crate) struct Recovery {
    pub(crate) index: Index,
    pub(crate) recovered: Recovered,
    /// The log went on after the checkpoint: write a new one before anything else, so that
    /// nothing is ever appended behind a torn group.
    pub(crate) checkpoint: Needed,
    /// The next segment that compaction may write.
    pub(crate) next_survivors: u32,
}

/// Whether a checkpoint has to be written.
#[derive(Copy, Clone, Eq, PartialEq, Debug)]
pub(crate) enum Needed {
    Yes,
    No,
}

/// Reads the database and replays the log. `segments` are all that exist, ascending.
pub(crate) fn recover(
    lane: &Lane,
    segments: &[u32],
    meta: &dyn MetaStore,
) -> Result<Recovery, Error> {
    let start = Position {
        segment: 1,
        offset: 0,
    };
    let checkpoint = match meta.get(&keys::CHECKPOINT)? {
        Some(row) => {
            Checkpoint::from_row(&row).ok_or_else(|| corrupt(meta, "the checkpoint".to_owned()))?
        }
        None => Checkpoint {
            end: start,
            clean: true,
            ..Checkpoint::default()
        },
    };
    let mut index = Index::default();
    index.max_queue_id = checkpoint.max_queue_id;
    load(&mut index, meta)?;
    let spilled = settle_spilled(&mut index, meta)?;
    let mut entries = load_entries(meta)?;

    for live in index.live_segments() {
        if segments.binary_search(&live).is_err() {
            return Err(Error::MissingSegment(lane.path(live)));
        }
    }
    for segment in segments {
        index.add_segment(*segment);
    }
    let survivors = segments.partition_point(|segment| *segment < SURVIVORS);
    let (segments, survivors) = segments.split_at(survivors);
    let next_survivors = survivors.last().map_or(SURVIVORS, |last| *last) + 1;
    let newer = segments.partition_point(|segment| *segment < checkpoint.end.segment);
    let newer = &segments[newer..];
    if checkpoint.end.offset > 0 && newer.first() != Some(&checkpoint.end.segment) {
        return Err(Error::MissingSegment(lane.path(checkpoint.end.segment)));
    }
    reader::replay(lane, newer, checkpoint.end, &mut |at, record| {
        apply(&mut index, &mut entries, meta, (at, record))
    })?;

    index.end = checkpoint.end;
    let mut needed = if spilled { Needed::Yes } else { Needed::No };
    if let Some(last) = newer.last() {
        // What was replayed may have been written and not synced before a crash of this process.
        for segment in newer {
            let path = lane.path(*segment);
            let file = lane.reading(*segment)?;
            file.sync_data().map_err(Error::io("sync", &path))?;
        }
        index.end = Position {
            segment: last + 1,
            offset: 0,
        };
        needed = Needed::Yes;
    }
    let heads = index.evicted_heads();
    chunks::ensure(&mut index, meta, &heads)?;
    let recovered = Recovered {
        entries,
        queues: index
            .queues()
            .into_iter()
            .map(RecoveredQueue::from)
            .collect(),
        clean: checkpoint.clean && newer.is_empty(),
        max_queue_id: index.max_queue_id,
    };
    Ok(Recovery {
        index,
        recovered,
        checkpoint: needed,
        next_survivors,
    })
}

fn load(index: &mut Index, meta: &dyn MetaStore) -> Result<(), Error> {
    meta.scan(keys::QUEUE, &mut |key, row| {
        let (id, (next_seq, floor)) = keys::parse_queue(key)
            .zip(keys::parse_queue_row(row))
            .ok_or_else(|| corrupt(meta, format!("queue {key:?}")))?;
        index.load_queue(id, next_seq, floor);
        Ok(())
    })?;
    meta.scan(keys::SUMMARY, &mut |key, row| {
        let loaded = keys::parse_chunk(key)
            .zip(Summary::from_row(row))
            .and_then(|((id, number), summary)| index.load_summary(id, number, summary));
        loaded.ok_or_else(|| corrupt(meta, format!("summary {key:?}")))
    })
}

/// Settles the messages that were to be kept until a restart. Returns whether there were any.
fn settle_spilled(index: &mut Index, meta: &dyn MetaStore) -> Result<bool, Error> {
    let spilled = index.spilled_chunks();
    for (queue, number) in &spilled {
        let row = chunks::load(meta, (*queue, *number))?;
        let chunk = row.ok_or_else(|| chunks::corrupt(meta, (*queue, *number)))?;
        let gone = chunk
            .iter_from(0)
            .filter(|(_, entry)| entry.keep() == Keep::UntilRestart);
        let gone: Vec<u16> = gone.map(|(slot, _)| slot).collect();
        chunks::ensure(index, meta, &[(*queue, *number)])?;
        for slot in gone {
            let seq = number * CHUNK_LEN + u64::from(slot);
            index.settle(*queue, seq, seq);
        }
    }
    Ok(!spilled.is_empty())
}

fn load_entries(meta: &dyn MetaStore) -> Result<BTreeMap<Vec<u8>, Vec<u8>>, Error> {
    let mut entries: BTreeMap<Vec<u8>, BTreeMap<u16, Vec<u8>>> = BTreeMap::new();
    meta.scan(keys::ENTRY, &mut |key, row| {
        let (name, part, bytes) =
            keys::parse_entry(key, row).ok_or_else(|| corrupt(meta, format!("entry {key:?}")))?;
        entries
            .entry(name.to_vec())
            .or_default()
            .insert(part, bytes.to_vec());
        Ok(())
    })?;
    entries
        .into_iter()
        .map(|(key, parts)| {
            if parts.keys().copied().ne(0..parts.len() as u16) {
                return Err(corrupt(meta, format!("entry {key:?}")));
            }
            Ok((key, parts.into_values().flatten().collect()))
        })
        .collect()
}

/// Applies one record that is newer than the database.
fn apply(
    index: &mut Index,
    entries: &mut BTreeMap<Vec<u8>, Vec<u8>>,
    meta: &dyn MetaStore,
    (at, record): (Position, &Record<'_>),
) -> Result<(), Error> {
    let mut missing = Vec::new();
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
            for (queue, seq) in std::iter::once(*first).chain(more.iter()) {
                if *keep == Keep::UntilRestart {
                    index.advance(queue, seq.saturating_add(1));
                    continue;
                }
                missing.clear();
                index.evicted_for_append(queue, seq, 1, &mut missing);
                chunks::ensure(index, meta, &missing)?;
                index.append(queue, seq, std::iter::once(entry));
            }
        }
        Record::Ack { queue, runs } => {
            for (first, last) in runs.iter() {
                missing.clear();
                index.evicted_for_settle(*queue, first, last, &mut missing);
                chunks::ensure(index, meta, &missing)?;
                index.settle(*queue, first, last);
            }
        }
        Record::Put { key, value } => {
            index.set_entry(key, Some(value));
            entries.insert(key.to_vec(), value.to_vec());
        }
        Record::Remove { key } => {
            index.set_entry(key, None);
            entries.remove(*key);
        }
        Record::DropQueue { queue } => index.drop_queue(*queue),
        Record::Seal => {}
    }
    Ok(())
}

fn corrupt(meta: &dyn MetaStore, what: String) -> Error {
    Error::CorruptMeta {
        path: meta.path().to_owned(),
        what,
    }
}

impl From<crate::index::QueueState> for RecoveredQueue {
    fn from(state: crate::index::QueueState) -> Self {
        Self {
            id: QueueId(state.id),
            first_seq: state.first_seq,
            next_seq: state.next_seq,
            live: state.live,
            live_bytes: state.live_bytes,
        }
    }
}
