//! Reads the log from a position to its end.

use std::path::PathBuf;

use super::Position;
use super::lane::Lane;
use super::record::{self, Decoded, Record};
use crate::disk;
use crate::error::Error;

/// Bytes of the log that hold no record, though records follow.
#[derive(Clone, Eq, PartialEq, Debug)]
pub struct Damaged {
    /// The segment file.
    pub path: PathBuf,
    /// Byte offset of the first record that is lost.
    pub offset: u64,
    /// Bytes up to the next valid record, or the end of the file; 0 if the file is missing.
    pub bytes: u64,
}

/// Hears of records and of damage.
pub(crate) trait Visitor {
    /// A valid record.
    fn record(&mut self, at: Position, record: &Record<'_>) -> Result<(), Error>;
    /// Something is damaged; `bytes` are what is there instead. `Err` ends the reading.
    fn damage(&mut self, damaged: Damaged, error: Error, bytes: &[u8]) -> Result<(), Error>;
}

/// How a segment ends.
#[derive(Copy, Clone, Eq, PartialEq, Debug)]
pub(crate) enum Ending {
    /// It was filled, and synced before the next began.
    Sealed,
    /// At this offset: it is the last one, or was when its writer ended.
    At(u64),
    /// The same, but the group that was torn had written a seal, which lies at `seal`.
    Torn { end: u64, seal: u64 },
}

/// Hands every record from `from` on to `visitor`. `segments` are the numbers of all segments from
/// `from.segment` on, ascending.
///
/// The first invalid record ends the log. That is normal after a crash: the last group was torn.
/// Returns the segment where the log ends, and how, unless that is its seal.
///
/// It is damage if something behind it proves that it had once been complete on disk: a
/// further segment that holds records, or a group that started after a sync.
pub(crate) fn replay(
    lane: &Lane,
    segments: &[u32],
    from: Position,
    visitor: &mut dyn Visitor,
) -> Result<Option<(u32, Ending)>, Error> {
    let mut expected = from.segment;
    for (index, &segment) in segments.iter().enumerate() {
        if segment != expected {
            let path = lane.path(expected);
            let error = Error::MissingSegment(path.clone());
            let (offset, bytes) = (0, 0);
            let damaged = Damaged {
                path,
                offset,
                bytes,
            };
            visitor.damage(damaged, error, &[])?;
        }
        expected = segment.saturating_add(1);
        let start = if segment == from.segment {
            from.offset
        } else {
            0
        };
        let ending = scan(lane, (segment, start), Proof::Group, visitor)?;
        let offset = match ending {
            Ending::Sealed => continue,
            Ending::At(end) | Ending::Torn { end, .. } => end,
        };
        let next = segments.get(index + 1);
        if !next.is_some_and(|next| has_records(lane, *next)) {
            return Ok(Some((segment, ending)));
        }
        let path = lane.path(segment);
        let error = Error::CorruptLog {
            path: path.clone(),
            offset,
        };
        let rest = read_from(lane, segment, offset)?;
        let bytes = rest.len() as u64;
        let damaged = Damaged {
            path,
            offset,
            bytes,
        };
        visitor.damage(damaged, error, &rest)?;
    }
    Ok(None)
}

/// What, behind an invalid record, proves that it was once valid.
#[derive(Copy, Clone, Eq, PartialEq, Debug)]
pub(crate) enum Proof {
    /// A group that was begun after a sync. Right for the last segment, whose seal may have been
    /// written by the group that was torn.
    Group,
    /// Also the seal of the segment.
    GroupOrSeal,
}

/// Hands every record of one segment from `start` on to `visitor`, and where it ends.
pub(crate) fn scan(
    lane: &Lane,
    (segment, start): (u32, u64),
    proof: Proof,
    visitor: &mut dyn Visitor,
) -> Result<Ending, Error> {
    let bytes = read_from(lane, segment, start)?;
    let mut at = 0;
    loop {
        while let Some(decoded) = decode(&bytes, at, segment, start) {
            if decoded.record == Record::Seal {
                return Ok(Ending::Sealed);
            }
            let offset = start + at as u64;
            visitor.record(Position { segment, offset }, &decoded.record)?;
            at += decoded.padded_len;
        }
        let later = |later: &usize| decode(&bytes, *later, segment, start).is_some();
        let proves = |later: usize| {
            decode(&bytes, later, segment, start).is_some_and(|decoded| {
                let seal = decoded.record == Record::Seal && proof == Proof::GroupOrSeal;
                decoded.group_start || seal
            })
        };
        let offset = start + at as u64;
        let mut rest = (at + 8..bytes.len()).step_by(8);
        if !rest.clone().any(proves) {
            let is_seal = |at: &usize| {
                let decoded = decode(&bytes, *at, segment, start);
                decoded.is_some_and(|decoded| decoded.record == Record::Seal)
            };
            return Ok(rest
                .find(is_seal)
                .map_or(Ending::At(offset), |seal| Ending::Torn {
                    end: offset,
                    seal: start + seal as u64,
                }));
        }
        let next = rest.find(later).unwrap_or(bytes.len());
        let path = lane.path(segment);
        let error = Error::CorruptLog {
            path: path.clone(),
            offset,
        };
        let damaged = Damaged {
            path,
            offset,
            bytes: (next - at) as u64,
        };
        visitor.damage(damaged, error, &bytes[at..next])?;
        at = next;
    }
}

fn decode(bytes: &[u8], at: usize, segment: u32, start: u64) -> Option<Decoded<'_>> {
    record::decode(bytes.get(at..)?, segment, start + at as u64)
}

fn has_records(lane: &Lane, segment: u32) -> bool {
    read_from(lane, segment, 0).is_ok_and(|bytes| record::decode(&bytes, segment, 0).is_some())
}

fn read_from(lane: &Lane, segment: u32, start: u64) -> Result<Vec<u8>, Error> {
    let file = lane.reading(segment)?;
    let path = lane.path(segment);
    let len = file.len().map_err(Error::io("read", &path))?;
    let mut bytes = vec![0; len.saturating_sub(start) as usize];
    let filled = disk::read_full(&*file, &mut bytes, start).map_err(Error::io("read", &path))?;
    bytes.truncate(filled);
    Ok(bytes)
}
