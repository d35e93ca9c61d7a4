//! What a start does about damage: refuse, or go on without what is lost and say what that is.

use std::collections::{HashMap, HashSet};
use std::fs;

use crate::chunks;
use crate::error::Error;
use crate::ids::QueueId;
use crate::index::{CLEAN_CHUNKS_MAX, Index};
use crate::log::Position;
use crate::log::lane::Lane;
use crate::log::reader::{self, Damaged, Proof, Visitor};
use crate::log::record::Record;
use crate::meta::MetaStore;
use crate::options::Recover;
use crate::recovered::Lost;

/// What is done about damage.
#[derive(Copy, Clone, Eq, PartialEq, Debug)]
pub(crate) enum OnDamage {
    /// It is an error.
    Refuse,
    /// All is verified, and what is damaged copied and reported.
    Salvage,
    /// It is reported; nothing is verified, copied or repaired.
    Look,
}

impl From<Recover> for OnDamage {
    fn from(recover: Recover) -> Self {
        match recover {
            Recover::Strict => Self::Refuse,
            Recover::Salvage => Self::Salvage,
        }
    }
}

/// The damage met so far.
pub(crate) struct Salvaged<'a> {
    lane: &'a Lane,
    mode: OnDamage,
    lost: Vec<Lost>,
    damaged: Vec<Damaged>,
}

impl<'a> Salvaged<'a> {
    pub(crate) fn new(lane: &'a Lane, mode: OnDamage) -> Self {
        Self {
            lane,
            mode,
            lost: Vec::new(),
            damaged: Vec::new(),
        }
    }

    pub(crate) fn mode(&self) -> OnDamage {
        self.mode
    }

    /// Reports damage, and keeps a copy of what is there.
    pub(crate) fn damage(
        &mut self,
        damaged: Damaged,
        error: Error,
        bytes: &[u8],
    ) -> Result<(), Error> {
        if self.mode == OnDamage::Refuse {
            return Err(error);
        }
        if self.damaged.contains(&damaged) {
            return Ok(());
        }
        if !bytes.is_empty() && self.mode == OnDamage::Salvage {
            let name = damaged.path.file_stem().unwrap_or_default();
            let name = format!("{}-{}", name.to_string_lossy(), damaged.offset);
            let dir = self.lane.dir_of_damaged();
            let path = dir.join(name);
            let copied = fs::create_dir_all(&dir).and_then(|()| fs::write(&path, bytes));
            copied.map_err(Error::io("write", &path))?;
        }
        self.damaged.push(damaged);
        Ok(())
    }

    /// A segment that should be there is not.
    pub(crate) fn missing(&mut self, segment: u32) -> Result<(), Error> {
        let path = self.lane.path(segment);
        let error = Error::MissingSegment(path.clone());
        let (offset, bytes) = (0, 0);
        let damaged = Damaged {
            path,
            offset,
            bytes,
        };
        self.damage(damaged, error, &[])
    }

    /// A message was found in the log. If there was damage before it, those between the queue's
    /// next number and this one may have been there.
    pub(crate) fn arrived(&mut self, queue: u32, next_seq: Option<u64>, seq: u64) {
        let Some(next_seq) = next_seq.filter(|next| *next < seq) else {
            return;
        };
        if !self.damaged.is_empty() {
            self.lose(queue, next_seq, seq - 1);
        }
    }

    fn lose(&mut self, queue: u32, first_seq: u64, last_seq: u64) {
        let queue = QueueId(queue);
        if let Some(last) = self.lost.last_mut()
            && last.queue == queue
            && last.last_seq.checked_add(1) == Some(first_seq)
        {
            last.last_seq = last_seq;
            return;
        }
        self.lost.push(Lost {
            queue,
            first_seq,
            last_seq,
        });
    }

    pub(crate) fn into_report(self) -> (Vec<Lost>, Vec<Damaged>) {
        (self.lost, self.damaged)
    }
}

/// The places of a segment's valid messages.
struct Places<'a, 'b> {
    salvaged: &'a mut Salvaged<'b>,
    offsets: HashSet<u64>,
}

impl Visitor for Places<'_, '_> {
    fn record(&mut self, at: Position, record: &Record<'_>) -> Result<(), Error> {
        if matches!(record, Record::Publish { .. }) {
            self.offsets.insert(at.offset);
        }
        Ok(())
    }

    fn damage(&mut self, damaged: Damaged, error: Error, bytes: &[u8]) -> Result<(), Error> {
        self.salvaged.damage(damaged, error, bytes)
    }
}

/// Reads every segment with live messages, and settles those that are not there. Returns whether
/// there were any.
pub(crate) fn verify(
    index: &mut Index,
    meta: &dyn MetaStore,
    salvaged: &mut Salvaged<'_>,
) -> Result<bool, Error> {
    let mut places: HashMap<u32, HashSet<u64>> = HashMap::new();
    for segment in index.live_segments().collect::<Vec<_>>() {
        let mut found = Places {
            salvaged,
            offsets: HashSet::new(),
        };
        if found.salvaged.lane.path(segment).exists() {
            let lane = found.salvaged.lane;
            reader::scan(lane, (segment, 0), Proof::GroupOrSeal, &mut found)?;
        }
        places.insert(segment, found.offsets);
    }
    let before = salvaged.lost.len();
    for id in index.all_chunks() {
        chunks::ensure(index, meta, &[id])?;
        for (seq, entry) in index.chunk_entries(id) {
            let found = places.get(&entry.segment);
            if !found.is_some_and(|offsets| offsets.contains(&entry.offset())) {
                salvaged.lose(id.0, seq, seq);
                index.settle(id.0, seq, seq);
            }
        }
        while index.evict(CLEAN_CHUNKS_MAX) {}
    }
    Ok(salvaged.lost.len() > before)
}
