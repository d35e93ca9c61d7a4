//! A look into the data directory of a stopped store that changes nothing in it.

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::chunks;
use crate::disk::RealDisk;
use crate::error::Error;
use crate::ids::QueueId;
use crate::index::chunk::Entry;
use crate::index::{CLEAN_CHUNKS_MAX, Index};
use crate::layout::Layout;
use crate::log::Position;
use crate::log::lane::Lane;
use crate::log::reader::{self, Damaged, Ending, Proof, Visitor};
use crate::log::record::Record;
use crate::meta::{MetaStore, Sled};
use crate::recover;
use crate::salvage::OnDamage;

/// One segment file.
#[derive(Clone, Eq, PartialEq, Debug)]
pub struct SegmentUse {
    /// The file.
    pub path: PathBuf,
    /// Its size in bytes.
    pub bytes: u64,
    /// Valid records in it.
    pub records: u64,
    /// Live messages in it; a message in two queues counts twice.
    pub live: u64,
    /// Bytes of their records.
    pub live_bytes: u64,
    /// Whether it was filled; if not, it is the last of a run.
    pub sealed: bool,
}

/// One queue.
#[derive(Copy, Clone, Eq, PartialEq, Debug)]
pub struct QueueCounts {
    /// Which queue.
    pub id: QueueId,
    /// Live messages.
    pub live: u64,
    /// Body bytes of the live messages.
    pub live_bytes: u64,
    /// The number the next message gets.
    pub next_seq: u64,
    /// Live messages without a valid record in the log.
    pub unreadable: u64,
}

/// What [`inspect`] found.
#[derive(Clone, Eq, PartialEq, Debug, Default)]
pub struct Inspection {
    /// Segments, by name.
    pub segments: Vec<SegmentUse>,
    /// Queues, by id.
    pub queues: Vec<QueueCounts>,
    /// What [`Store::put`](crate::Store::put) left.
    pub entries: BTreeMap<Vec<u8>, Vec<u8>>,
    /// The log from this byte on was not in the metadata database when the store stopped: segment
    /// number and offset.
    pub checkpoint: Option<(u32, u64)>,
    /// What is damaged: all records were verified.
    pub damaged: Vec<Damaged>,
    /// Why the metadata database cannot be used, if it cannot. The counts then come from the log.
    pub database: Option<String>,
}

/// Reads all of a data directory that no store has open. Nothing in it is changed: the metadata
/// database, which cannot be opened without writing, is looked at in a copy under `scratch`.
///
/// # Errors
/// The directory is in use, of another format, or cannot be read.
pub fn inspect(dir: &Path, scratch: &Path) -> Result<Inspection, Error> {
    let layout = Layout::open_existing(dir)?;
    let copy = scratch.join("meta");
    copy_files(&layout.meta(), &copy)?;
    let result = look(&layout, &copy);
    let removed = fs::remove_dir_all(&copy);
    let inspection = result?;
    removed.map_err(Error::io("remove", &copy))?;
    Ok(inspection)
}

fn look(layout: &Layout, meta: &Path) -> Result<Inspection, Error> {
    let (lane, segments) = Lane::look(Arc::new(RealDisk), layout.log())?;
    let mut inspection = Inspection::default();
    let opened = catch_unwind(AssertUnwindSafe(|| {
        let meta = Sled::open(meta)?;
        let checkpoint = recover::checkpoint(&meta)?;
        let recovery = recover::recover(&lane, &segments, &meta, 0, OnDamage::Look)?;
        Ok::<_, Error>((meta, checkpoint, recovery))
    }));
    let (meta, mut recovery) = match opened {
        Ok(Ok((meta, checkpoint, recovery))) => {
            inspection.checkpoint = checkpoint.map(|c| (c.end.segment, c.end.offset));
            (meta, recovery)
        }
        Ok(Err(error)) if !error.is_of_meta() => return Err(error),
        failed => {
            let why = failed.map_or_else(|_| None, Result::err);
            let why = why.map_or_else(|| "it panics".to_owned(), |error| error.to_string());
            inspection.database = Some(why);
            let fresh = Sled::open(&meta.join("rebuilt"))?;
            let recovery = recover::rebuild(&lane, &segments, &fresh, 1, OnDamage::Look)?;
            (fresh, recovery)
        }
    };
    inspection.entries = recovery.recovered.entries;
    inspection.damaged = recovery.recovered.damaged;
    let mut places = HashSet::new();
    for &segment in &segments {
        let mut count = Count {
            records: 0,
            places: &mut places,
            damaged: &mut inspection.damaged,
        };
        let ending = reader::scan(&lane, (segment, 0), Proof::Group, &mut count)?;
        let records = count.records;
        let live = recovery.index.live_in(segment).unwrap_or_default();
        inspection.segments.push(SegmentUse {
            path: lane.path(segment),
            bytes: lane.len(segment)?,
            records,
            live: live.messages,
            live_bytes: live.bytes,
            sealed: ending == Ending::Sealed,
        });
    }
    inspection.queues = recovery
        .recovered
        .queues
        .iter()
        .map(|queue| QueueCounts {
            id: queue.id,
            live: queue.live,
            live_bytes: queue.live_bytes,
            next_seq: queue.next_seq,
            unreadable: 0,
        })
        .collect();
    count_unreadable(&mut recovery.index, &meta, &places, &mut inspection.queues)?;
    Ok(inspection)
}

fn count_unreadable(
    index: &mut Index,
    meta: &dyn MetaStore,
    places: &HashSet<(u32, u64)>,
    queues: &mut [QueueCounts],
) -> Result<(), Error> {
    for id in index.all_chunks() {
        chunks::ensure(index, meta, &[id])?;
        let gone = |(_, entry): &(u64, Entry)| !places.contains(&(entry.segment, entry.offset()));
        let unreadable = index.chunk_entries(id).iter().filter(|e| gone(e)).count() as u64;
        let queue = queues.iter_mut().find(|q| q.id.0 == id.0);
        if let Some(queue) = queue {
            queue.unreadable += unreadable;
        }
        while index.evict(CLEAN_CHUNKS_MAX) {}
    }
    Ok(())
}

struct Count<'a> {
    records: u64,
    places: &'a mut HashSet<(u32, u64)>,
    damaged: &'a mut Vec<Damaged>,
}

impl Visitor for Count<'_> {
    fn record(&mut self, at: Position, record: &Record<'_>) -> Result<(), Error> {
        self.records += 1;
        if matches!(record, Record::Publish { .. }) {
            self.places.insert((at.segment, at.offset));
        }
        Ok(())
    }

    fn damage(&mut self, damaged: Damaged, _: Error, _: &[u8]) -> Result<(), Error> {
        if !self.damaged.contains(&damaged) {
            self.damaged.push(damaged);
        }
        Ok(())
    }
}

fn copy_files(from: &Path, to: &Path) -> Result<(), Error> {
    fs::create_dir_all(to).map_err(Error::io("create", to))?;
    let Ok(files) = fs::read_dir(from) else {
        return Ok(());
    };
    for file in files {
        let path = file.map_err(Error::io("list", from))?.path();
        if let Some(name) = path.file_name().filter(|_| path.is_file()) {
            let copied = fs::copy(&path, to.join(name));
            copied.map_err(Error::io("copy", &path))?;
        }
    }
    Ok(())
}
