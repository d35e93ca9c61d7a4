//! Compaction: copies the few live messages out of segments that are mostly dead, so that one
//! message held for days does not hold 64 MiB.
//!
//! It runs on the checkpoint thread, after a checkpoint, and writes lane c. The order makes it
//! safe: the copies are synced before the index points at them, and a segment is freed only by a
//! later checkpoint, whose rows no longer speak of it. A crash in between leaves copies that
//! nothing refers to. Lane c is therefore never replayed; only a rebuild of the database reads it.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::Ordering;

use crate::chunks;
use crate::disk;
use crate::error::Error;
use crate::index::chunk::{CHUNK_LEN, Chunk, Entry};
use crate::index::segments::Live;
use crate::index::{ChunkId, Found};
use crate::log::Position;
use crate::log::lane::SURVIVORS;
use crate::log::record::{self, Record, Reference, References, SHORT_HEADER_LEN, push_reference};
use crate::log::writer::Writer;
use crate::shared::Shared;

/// Bytes of a victim read at a time (1 MiB), unless a single record is larger.
const PIECE_BYTES: usize = 1 << 20;

/// Copies after which the index is brought up to date (about 700 KiB of notes).
const MOVES_MAX: usize = 16 << 10;

/// Messages repointed while the index is locked (less than a millisecond).
const REPOINT_STEP: usize = 1024;

/// Live bytes per hundred below which a segment is worth rewriting.
const SPARSE_PERCENT: u64 = 30;

/// Compaction begins at this share of the bound (per hundred), because what it frees comes back
/// only with the checkpoint after the next.
const BEGIN_PERCENT: u64 = 75;

/// Checkpoints' worth of log (`Options::checkpoint_bytes`; 1 GB by default) that compaction may be
/// behind with, besides the bound, before publishers are slowed down. In steady state it is behind
/// with about one.
pub(crate) const DEBT_CHECKPOINTS_MAX: u64 = 4;

/// See the module.
pub(crate) struct Compaction<'a> {
    shared: &'a Shared,
    writer: Writer<'a>,
    /// What was live after the last checkpoint: a segment that is draining is left alone.
    before: BTreeMap<u32, Live>,
    sizes: BTreeMap<u32, u64>,
    /// Segments that could not be emptied, as something in them is damaged.
    damaged: Vec<u32>,
    moves: Vec<Move>,
}

/// What the log takes.
#[derive(Default)]
struct Survey {
    /// Bytes of all segments.
    disk: u64,
    /// Bytes of live records.
    live: u64,
    /// Bytes that rewriting the sparse segments would give back.
    debt: u64,
    /// Segments worth rewriting, and per mille of them that is live.
    sparse: Vec<(u64, u32)>,
}

/// One reference to one copied message.
struct Move {
    reference: Reference,
    old: Entry,
    new: Entry,
}

/// A message of a victim: where it lies in the piece at hand.
struct Candidate {
    at: usize,
    entry: Entry,
    references: Vec<Reference>,
}

impl<'a> Compaction<'a> {
    /// A compaction that writes segment `next_segment` first.
    pub(crate) fn new(shared: &'a Shared, next_segment: u32) -> Self {
        Self {
            shared,
            writer: Writer::new(&shared.lane, &shared.survivors, next_segment),
            before: BTreeMap::new(),
            sizes: BTreeMap::new(),
            damaged: Vec::new(),
            moves: Vec::new(),
        }
    }

    /// Rewrites as many segments as it takes to bound the disk, but at most half of what was
    /// `written` since the last time, or one segment, or a quarter of what it is behind with.
    /// `end` is that of the last checkpoint.
    pub(crate) fn run(&mut self, end: Position, written: u64) -> Result<(), Error> {
        let index = self.shared.index.lock();
        let segments: BTreeMap<u32, Live> = index.segments().collect();
        // From the last snapshot on nothing can be freed.
        let kept_from = end.segment.min(index.snapshot_segment);
        drop(index);
        let log_bytes = self.shared.counters.log_bytes.load(Ordering::Relaxed);
        let before = std::mem::replace(&mut self.before, segments.clone());
        let survey = self.survey(&segments, end, kept_from)?;
        let Survey {
            mut disk, mut debt, ..
        } = survey;
        let bound = (survey.live * 100 / SPARSE_PERCENT).max(self.shared.options.compact_above);
        let wanted = bound / 100 * BEGIN_PERCENT;
        let least = self.shared.lane.segment_bytes().max(debt / 4);
        let mut budget = least.max(written / 2);
        for (_, segment) in survey.sparse {
            let now = segments[&segment];
            let draining = before.get(&segment) != Some(&now);
            if draining && disk <= bound {
                continue;
            }
            if disk <= wanted || budget < now.bytes {
                break;
            }
            if self.shared.index.lock().is_very_dirty() {
                self.shared.schedule.hurry();
                break;
            }
            budget -= now.bytes;
            let dead = self.size(segment)?.saturating_sub(now.bytes);
            disk = disk.saturating_sub(dead);
            debt = debt.saturating_sub(dead);
            self.relocate(segment)?;
        }
        let debt = if disk > bound { debt } else { 0 };
        self.shared.owe(debt, log_bytes);
        Ok(())
    }

    fn survey(
        &mut self,
        segments: &BTreeMap<u32, Live>,
        end: Position,
        kept_from: u32,
    ) -> Result<Survey, Error> {
        self.sizes
            .retain(|segment, _| segments.contains_key(segment));
        let active = self.writer.end().segment;
        let mut survey = Survey::default();
        for (&segment, now) in segments {
            let closed = segment < end.segment || (segment >= SURVIVORS && segment != active);
            let size = if closed {
                self.size(segment)?
            } else {
                self.shared.lane.segment_bytes()
            };
            survey.disk += size;
            survey.live += now.bytes;
            let is_sparse = now.bytes * 100 < size * SPARSE_PERCENT;
            let closed = segment < kept_from || segment >= SURVIVORS && closed;
            if closed && is_sparse && now.messages > 0 && !self.damaged.contains(&segment) {
                survey
                    .sparse
                    .push((now.bytes * 1000 / size.max(1), segment));
                survey.debt += size - now.bytes;
            }
        }
        survey.sparse.sort_unstable();
        Ok(survey)
    }

    fn size(&mut self, segment: u32) -> Result<u64, Error> {
        if let Some(size) = self.sizes.get(&segment) {
            return Ok(*size);
        }
        let size = self.shared.lane.len(segment)?;
        self.sizes.insert(segment, size);
        Ok(size)
    }

    /// Copies what is live in a segment.
    fn relocate(&mut self, segment: u32) -> Result<(), Error> {
        let file = self.shared.lane.reading(segment)?;
        let (mut offset, mut piece, mut len) = (0, Vec::new(), PIECE_BYTES);
        loop {
            piece.resize(len, 0);
            let filled = disk::read_full(&*file, &mut piece, offset)
                .map_err(Error::io("read", &self.shared.lane.path(segment)))?;
            let bytes = &piece[..filled];
            let (candidates, taken) = candidates(bytes, segment, offset);
            self.copy(bytes, candidates)?;
            if self.moves.len() >= MOVES_MAX {
                self.repoint()?;
            }
            offset += taken as u64;
            let next = record::announced_len(&bytes[taken..]).unwrap_or(0);
            let cut_off = filled == len && next > filled - taken;
            let ended = record::decode(&bytes[taken..], segment, offset).is_some();
            if ended || (taken == 0 && !cut_off) || filled < len {
                break;
            }
            len = PIECE_BYTES.max(if cut_off { record::padded(next) } else { 0 });
        }
        self.repoint()?;
        let left = self.shared.index.lock().live_in(segment);
        if left.is_some_and(|left| left.messages > 0) {
            // Messages are only ever added to the newest segment, so these could not be read.
            self.damaged.push(segment);
        }
        Ok(())
    }

    /// Copies those of the candidates that are live where they lie.
    fn copy(&mut self, bytes: &[u8], mut candidates: Vec<Candidate>) -> Result<(), Error> {
        self.keep_live(&mut candidates)?;
        let mut more = Vec::new();
        for candidate in candidates {
            let Some((first, others)) = candidate.references.split_first() else {
                continue;
            };
            let decoded = record::decode(
                &bytes[candidate.at..],
                candidate.entry.segment,
                candidate.entry.offset(),
            );
            let Some(Record::Publish {
                keep, head, tail, ..
            }) = decoded.map(|decoded| decoded.record)
            else {
                continue;
            };
            more.clear();
            others.iter().for_each(|r| push_reference(&mut more, *r));
            let at = self.writer.append(&Record::Publish {
                keep,
                first: *first,
                more: References(&more),
                head,
                tail,
            })?;
            let offset8 =
                u32::try_from(at.offset / 8).map_err(|_| Error::TooLarge { bytes: at.offset })?;
            let new = Entry::new(at.segment, offset8, candidate.entry.len(), keep);
            let old = candidate.entry;
            self.moves
                .extend(candidate.references.into_iter().map(|reference| Move {
                    reference,
                    old,
                    new,
                }));
        }
        Ok(())
    }

    /// Removes the references of candidates that are settled, or point elsewhere.
    fn keep_live(&self, candidates: &mut [Candidate]) -> Result<(), Error> {
        let mut evicted: HashMap<ChunkId, Option<Box<Chunk>>> = HashMap::new();
        let index = self.shared.index.lock();
        for candidate in &mut *candidates {
            let entry = candidate.entry;
            candidate
                .references
                .retain(|&(queue, seq)| match index.get(queue, seq) {
                    Found::Entry(now) => now == Some(entry),
                    Found::Evicted => {
                        evicted.insert((queue, seq / CHUNK_LEN), None);
                        true
                    }
                });
        }
        drop(index);
        if evicted.is_empty() {
            return Ok(());
        }
        let meta = self.shared.meta()?;
        for (id, chunk) in &mut evicted {
            *chunk = chunks::load(&*meta, *id)?;
        }
        for candidate in candidates {
            let entry = candidate.entry;
            candidate.references.retain(|&(queue, seq)| {
                match evicted.get(&(queue, seq / CHUNK_LEN)) {
                    Some(Some(chunk)) => chunk.get((seq % CHUNK_LEN) as u16) == Some(entry),
                    Some(None) => false,
                    None => true,
                }
            });
        }
        Ok(())
    }

    /// Makes the copies durable and points the index at them.
    fn repoint(&mut self) -> Result<(), Error> {
        if self.moves.is_empty() {
            return Ok(());
        }
        self.writer.finish_group()?;
        self.writer.sync()?;
        self.writer.trim();
        let moves = std::mem::take(&mut self.moves);
        for step in moves.chunks(REPOINT_STEP) {
            let wanted = |index: &crate::index::Index, into: &mut Vec<ChunkId>| {
                for Move { reference, .. } in step {
                    index.evicted_for_append(reference.0, reference.1, 1, into);
                    // Neighbours mostly share a chunk.
                    into.dedup();
                }
            };
            let mut index = chunks::with_chunks(self.shared, &wanted)?;
            index.survivors = self.writer.end().segment;
            for Move {
                reference,
                old,
                new,
            } in step
            {
                index.add_segment(new.segment);
                index.relocate(*reference, *old, *new);
            }
        }
        self.moves = moves;
        self.moves.clear();
        Ok(())
    }
}

/// The messages in `bytes`, which lie at `offset` of `segment`, and where the last record ends.
fn candidates(bytes: &[u8], segment: u32, offset: u64) -> (Vec<Candidate>, usize) {
    let (mut found, mut at) = (Vec::new(), 0);
    while let Some(decoded) = record::decode(&bytes[at..], segment, offset + at as u64) {
        match decoded.record {
            Record::Seal => break,
            Record::Publish {
                keep,
                first,
                more,
                head,
                tail,
            } => {
                let len = head.len() + tail.map_or(0, <[u8]>::len);
                let offset8 = ((offset + at as u64) / 8) as u32;
                found.push(Candidate {
                    at,
                    entry: Entry::new(segment, offset8, len as u32, keep),
                    references: std::iter::once(first).chain(more.iter()).collect(),
                });
            }
            _ => {}
        }
        at += decoded.padded_len;
        if at + SHORT_HEADER_LEN > bytes.len() {
            break;
        }
    }
    (found, at.min(bytes.len()))
}
