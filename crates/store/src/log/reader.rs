//! Reads the log from a position to its end.

use super::Position;
use super::lane::Lane;
use super::record::{self, Decoded, Record};
use crate::disk;
use crate::error::Error;

/// Hands every record from `from` on to `visit`. `segments` are the numbers of all segments from
/// `from.segment` on, ascending.
///
/// The first invalid record ends the log. That is normal after a crash: the last group was torn.
/// It is an error if something behind it proves that it had once been complete on disk: a
/// further segment that holds records, or a group that started after a sync.
pub(crate) fn replay(
    lane: &Lane,
    segments: &[u32],
    from: Position,
    visit: &mut dyn FnMut(Position, &Record<'_>) -> Result<(), Error>,
) -> Result<(), Error> {
    for (index, &segment) in segments.iter().enumerate() {
        let expected = from.segment.saturating_add(index as u32);
        if segment != expected {
            return Err(Error::MissingSegment(lane.path(expected)));
        }
        let start = if index == 0 { from.offset } else { 0 };
        let path = lane.path(segment);
        let bytes = read_from(lane, segment, start)?;
        let mut at = 0;
        let mut sealed = false;
        while let Some(decoded) = decode(&bytes, at, segment, start) {
            if decoded.record == Record::Seal {
                sealed = true;
                break;
            }
            visit(
                Position {
                    segment,
                    offset: start + at as u64,
                },
                &decoded.record,
            )?;
            at += decoded.padded_len;
        }
        if sealed {
            continue;
        }
        let damaged = (at + 8..bytes.len()).step_by(8).any(|later| {
            decode(&bytes, later, segment, start).is_some_and(|decoded| decoded.group_start)
        });
        if damaged
            || segments
                .get(index + 1)
                .is_some_and(|next| has_records(lane, *next))
        {
            return Err(Error::CorruptLog {
                path,
                offset: start + at as u64,
            });
        }
        break;
    }
    Ok(())
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
