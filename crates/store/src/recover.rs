//! Opening: the metadata database plus the log from its checkpoint on, or the log alone.

use std::collections::BTreeMap;

use crate::chunks;
use crate::error::Error;
use crate::ids::QueueId;
use crate::index::Index;
use crate::index::chunk::CHUNK_LEN;
use crate::index::entries::Entries;
use crate::index::summary::Summary;
use crate::keep::Keep;
use crate::keys::{self, Checkpoint};
use crate::log::Position;
use crate::log::lane::{Lane, SURVIVORS};
use crate::log::reader::{self, Ending, Proof};
use crate::meta::MetaStore;
use crate::recovered::{Recovered, RecoveredQueue};
use crate::replay::Replay;
use crate::salvage::{self, OnDamage, Salvaged};

/// What opening found.
pub(crate) struct Recovery {
    pub(crate) index: Index,
    pub(crate) recovered: Recovered,
    /// The log went on after the checkpoint: write a new one before anything else, so that
    /// nothing is ever appended behind a torn group.
    pub(crate) checkpoint: Needed,
    /// The next segment that compaction may write.
    pub(crate) next_survivors: u32,
    /// Of the last checkpoint.
    pub(crate) generation: u64,
}

/// Whether a checkpoint has to be written.
#[derive(Copy, Clone, Eq, PartialEq, Debug)]
pub(crate) enum Needed {
    Yes,
    No,
}

/// The checkpoint in the database.
pub(crate) fn checkpoint(meta: &dyn MetaStore) -> Result<Option<Checkpoint>, Error> {
    let Some(row) = meta.get(&keys::CHECKPOINT)? else {
        return Ok(None);
    };
    let checkpoint = Checkpoint::from_row(&row);
    let corrupt = || corrupt(meta, "the checkpoint".to_owned());
    checkpoint.ok_or_else(corrupt).map(Some)
}

/// Reads the database and replays the log. `segments` are all that exist, ascending;
/// `generation` is that of the newest checkpoint that counted on the database.
pub(crate) fn recover(
    lane: &Lane,
    segments: &[u32],
    meta: &dyn MetaStore,
    generation: u64,
    on_damage: OnDamage,
) -> Result<Recovery, Error> {
    let checkpoint = match checkpoint(meta)? {
        Some(checkpoint) => checkpoint,
        // New, or ended before the first checkpoint: the log is complete.
        None if generation == 0 => return rebuild(lane, segments, meta, 0, on_damage),
        None => return Err(corrupt(meta, "there is no checkpoint".to_owned())),
    };
    if checkpoint.generation < generation {
        return Err(corrupt(meta, "it is older than the log".to_owned()));
    }
    let mut index = Index::default();
    index.max_queue_id = checkpoint.max_queue_id;
    index.snapshot_segment = checkpoint.snapshot_segment;
    load(&mut index, meta)?;
    index.entries = Entries::loaded(load_entries(meta)?);
    let spilled = settle_spilled(&mut index, meta)?;

    let survivors = segments.partition_point(|segment| *segment < SURVIVORS);
    let (queues, survivors) = segments.split_at(survivors);
    let mut salvaged = Salvaged::new(lane, on_damage);
    for live in index.live_segments().collect::<Vec<_>>() {
        if segments.binary_search(&live).is_err() {
            salvaged.missing(live)?;
        }
    }
    for segment in segments {
        index.add_segment(*segment);
    }
    let newer = queues.partition_point(|segment| *segment < checkpoint.end.segment);
    let newer = &queues[newer..];
    if checkpoint.end.offset > 0 && newer.is_empty() {
        salvaged.missing(checkpoint.end.segment)?;
    }
    let mut replay = Replay::new(&mut index, meta, &mut salvaged);
    let ended = reader::replay(lane, newer, checkpoint.end, &mut replay)?;
    erase_seal(lane, ended, on_damage)?;

    index.end = checkpoint.end;
    let mut needed = if spilled { Needed::Yes } else { Needed::No };
    if let Some(last) = newer.last() {
        sync(lane, newer)?;
        index.end = Position {
            segment: last + 1,
            offset: 0,
        };
        needed = Needed::Yes;
    }
    let clean = checkpoint.clean && newer.is_empty();
    let mut recovery = finish(index, meta, survivors, salvaged)?;
    recovery.recovered.clean = clean;
    recovery.generation = checkpoint.generation.max(generation);
    if needed == Needed::Yes {
        recovery.checkpoint = needed;
    }
    Ok(recovery)
}

/// Makes the index from the log alone, for a new, empty database.
///
/// Every message in the log that no record in it settles is there again: nothing is lost, but
/// messages may come back whose settlement was in a segment that has been freed.
pub(crate) fn rebuild(
    lane: &Lane,
    segments: &[u32],
    meta: &dyn MetaStore,
    generation: u64,
    on_damage: OnDamage,
) -> Result<Recovery, Error> {
    let mut index = Index::default();
    let mut salvaged = Salvaged::new(lane, on_damage);
    for segment in segments {
        index.add_segment(*segment);
    }
    let survivors = segments.partition_point(|segment| *segment < SURVIVORS);
    let (queues, survivors) = segments.split_at(survivors);
    if generation == 0 {
        // Nothing was ever freed.
        for (number, segment) in (1..).zip(queues) {
            if *segment != number {
                salvaged.missing(number)?;
                break;
            }
        }
    }
    let mut replay = Replay::rebuilding(&mut index, meta, &mut salvaged);
    // Copies first: what settled the messages is in the other lane.
    for segment in survivors.iter().chain(queues) {
        let is_past = *segment < SURVIVORS && queues.last() != Some(segment);
        let proof = if is_past {
            Proof::GroupOrSeal
        } else {
            Proof::Group
        };
        let ending = reader::scan(lane, (*segment, 0), proof, &mut replay)?;
        if queues.last() == Some(segment) {
            erase_seal(lane, Some((*segment, ending)), on_damage)?;
        }
    }
    replay.finish()?;
    sync(lane, segments)?;
    index.end = Position {
        segment: queues.last().map_or(0, |last| *last) + 1,
        offset: 0,
    };
    let mut recovery = finish(index, meta, survivors, salvaged)?;
    if segments.is_empty() {
        recovery.recovered.clean = true;
    } else {
        recovery.checkpoint = Needed::Yes;
    }
    recovery.generation = generation;
    Ok(recovery)
}

/// Removes a seal that a torn group left: from now on this is not the last segment, and a seal
/// would say that all of it had been complete. Durable with the sync that follows.
fn erase_seal(lane: &Lane, ended: Option<(u32, Ending)>, on_damage: OnDamage) -> Result<(), Error> {
    match ended {
        Some((segment, Ending::Torn { seal, .. })) if on_damage != OnDamage::Look => {
            lane.erase(segment, seal)
        }
        _ => Ok(()),
    }
}

/// What was replayed may have been written and not synced before a crash of this process.
fn sync(lane: &Lane, segments: &[u32]) -> Result<(), Error> {
    for segment in segments {
        let synced = lane.reading(*segment)?.sync_data();
        synced.map_err(Error::io("sync", &lane.path(*segment)))?;
    }
    Ok(())
}

fn finish(
    mut index: Index,
    meta: &dyn MetaStore,
    survivors: &[u32],
    mut salvaged: Salvaged<'_>,
) -> Result<Recovery, Error> {
    let mut checkpoint = Needed::No;
    if salvaged.mode() == OnDamage::Salvage && salvage::verify(&mut index, meta, &mut salvaged)? {
        checkpoint = Needed::Yes;
    }
    let heads = index.evicted_heads();
    chunks::ensure(&mut index, meta, &heads)?;
    let (lost, damaged) = salvaged.into_report();
    let recovered = Recovered {
        entries: index.entries.to_map(),
        queues: index
            .queues()
            .into_iter()
            .map(RecoveredQueue::from)
            .collect(),
        clean: false,
        max_queue_id: index.max_queue_id,
        lost,
        damaged,
        moved_aside: None,
    };
    Ok(Recovery {
        index,
        recovered,
        checkpoint,
        next_survivors: survivors.last().map_or(SURVIVORS, |last| *last) + 1,
        generation: 0,
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
