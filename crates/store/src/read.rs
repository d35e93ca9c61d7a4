//! Reads messages back from the log.

use std::io;
use std::ops::Range;

use bytes::{Bytes, BytesMut};

use crate::body::Body;
use crate::chunks;
use crate::disk::{self, DiskFile};
use crate::error::Error;
use crate::index::Located;
use crate::index::chunk::{CHUNK_LEN, Entry};
use crate::log::record::{self, HEADER_LEN, Record};
use crate::shared::Shared;

/// Bytes read in one call at most (1 MiB), unless a single message is larger.
const SPAN_BYTES_MAX: u64 = 1 << 20;

/// Bytes of other queues' messages worth reading over (16 KiB): about what a further system call
/// costs.
const GAP_BYTES_MAX: u64 = 16 << 10;

/// Of so many eighths of a span at least, the messages keep the span itself and are not copied.
const KEPT_EIGHTHS_MIN: usize = 7;

/// Messages counted under one hold of the index: 8 chunks.
const COUNTED_AT_ONCE_MAX: usize = 4096;

/// Attempts of one read. A second is rare: a segment has to be compacted and freed, which takes two
/// checkpoints, between the look-up and the read.
const ATTEMPTS_MAX: u32 = 8;

/// See [`Store::read`](crate::Store::read). The index is locked for the look-up only.
pub(crate) fn read(
    shared: &Shared,
    queue: u32,
    from: u64,
    max_messages: usize,
    max_bytes: usize,
) -> Result<Vec<(u64, Body)>, Error> {
    for _ in 0..ATTEMPTS_MAX {
        if let Some(messages) = attempt(shared, queue, from, (max_messages, max_bytes))? {
            return Ok(messages);
        }
    }
    Err(Error::Failed(format!(
        "messages of queue {queue} keep moving"
    )))
}

/// One attempt; `None` if messages were moved while they were read.
fn attempt(
    shared: &Shared,
    queue: u32,
    from: u64,
    limits: (usize, usize),
) -> Result<Option<Vec<(u64, Body)>>, Error> {
    let found = locate(shared, queue, from, limits)?.found;
    let mut reading = Reading {
        shared,
        queue,
        messages: Vec::with_capacity(found.len()),
        moved: false,
    };
    for span in found.chunk_by(|(_, a), (_, b)| neighbours(a, b)) {
        let mut rest = span;
        while let Some((_, first)) = rest.first() {
            let fits = |entry: &Entry| end(entry) - first.offset() <= SPAN_BYTES_MAX;
            let count = rest.partition_point(|(_, entry)| fits(entry)).max(1);
            let (now, later) = rest.split_at(count);
            reading.span(now)?;
            rest = later;
        }
    }
    Ok((!reading.moved).then_some(reading.messages))
}

/// See [`Store::count`](crate::Store::count). The index is locked for a few chunks at a time.
pub(crate) fn count(shared: &Shared, queue: u32, numbers: Range<u64>) -> Result<u64, Error> {
    let (mut from, mut live) = (numbers.start, 0);
    while from < numbers.end {
        let limits = (COUNTED_AT_ONCE_MAX, usize::MAX);
        let found = locate(shared, queue, from, limits)?.found;
        let inside = found.partition_point(|(seq, _)| *seq < numbers.end);
        live += inside as u64;
        match found.last() {
            Some((last, _)) if inside == found.len() => from = last.saturating_add(1),
            _ => break,
        }
    }
    Ok(live)
}

/// Looks messages up. Chunks that are not in memory are read from their rows and forgotten again:
/// whoever reads a backlog passes each chunk once or twice.
fn locate(
    shared: &Shared,
    queue: u32,
    mut from: u64,
    limits: (usize, usize),
) -> Result<Located, Error> {
    let mut located = Located::default();
    loop {
        shared
            .index
            .lock()
            .locate(queue, from, limits, &mut located);
        let Some(number) = located.evicted else {
            return Ok(located);
        };
        let start = number * CHUNK_LEN;
        // Gone if it was settled in the meantime.
        if let Some(chunk) = chunks::load(&*shared.meta()?, (queue, number))? {
            for (slot, entry) in chunk.iter_from(from.saturating_sub(start) as u16) {
                if !located.take(start + u64::from(slot), entry, limits) {
                    return Ok(located);
                }
            }
        }
        from = start + CHUNK_LEN;
    }
}

/// One call's state.
struct Reading<'a> {
    shared: &'a Shared,
    queue: u32,
    messages: Vec<(u64, Body)>,
    /// A message lies elsewhere by now.
    moved: bool,
}

impl Reading<'_> {
    /// Reads messages that lie close together, in one call.
    fn span(&mut self, found: &[(u64, Entry)]) -> Result<(), Error> {
        let (Some((_, first)), Some((_, last))) = (found.first(), found.last()) else {
            return Ok(());
        };
        let file = match self.shared.lane.reading(first.segment) {
            Ok(file) => file,
            // Settled and recycled since it was looked up.
            Err(_) if !self.any_is_live(found)? => return Ok(()),
            Err(Error::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                return Err(Error::MissingSegment(self.shared.lane.path(first.segment)));
            }
            Err(error) => return Err(error),
        };
        let len = (end(last) - first.offset()) as usize;
        let span = self.fill(&*file, first, len)?;
        let before = self.messages.len();
        for (seq, entry) in found {
            let at = (entry.offset() - first.offset()) as usize;
            let bytes = span.get(at..).unwrap_or_default();
            // A message in several queues has a longer header than the index can tell.
            let announced = record::announced_len(bytes).unwrap_or(0);
            let longest =
                entry.len() as usize + HEADER_LEN + record::REFERENCES_MAX * record::REFERENCE_LEN;
            if announced > bytes.len() && announced <= longest {
                self.take(*seq, entry, &self.fill(&*file, entry, announced)?, 0)?;
            } else {
                self.take(*seq, entry, &span, at)?;
            }
        }
        detach(&mut self.messages[before..], span.len());
        Ok(())
    }

    /// Takes the message whose record begins at `at`.
    fn take(&mut self, seq: u64, entry: &Entry, span: &Bytes, at: usize) -> Result<(), Error> {
        let bytes = span.get(at..).unwrap_or_default();
        let decoded = record::decode(bytes, entry.segment, entry.offset());
        let wanted = (self.queue, seq);
        match decoded.map(|decoded| decoded.record) {
            Some(Record::Publish {
                first,
                more,
                head,
                tail,
                ..
            }) if first == wanted || more.iter().any(|other| other == wanted) => {
                let body = Body {
                    head: span.slice_ref(head),
                    tail: tail.map(|tail| span.slice_ref(tail)),
                };
                self.messages.push((seq, body));
                Ok(())
            }
            _ if self.is_live(seq, entry)? => Err(Error::CorruptMessage {
                path: self.shared.lane.path(entry.segment),
                offset: entry.offset(),
                queue: self.queue,
                seq,
            }),
            _ => Ok(()),
        }
    }

    /// Reads up to `len` bytes from where a message begins; fewer at the end of the file.
    fn fill(&self, file: &dyn DiskFile, from: &Entry, len: usize) -> Result<Bytes, Error> {
        let mut bytes = vec![0; len];
        let filled = disk::read_full(file, &mut bytes, from.offset())
            .map_err(Error::io("read", &self.shared.lane.path(from.segment)))?;
        bytes.truncate(filled);
        Ok(bytes.into())
    }

    fn any_is_live(&mut self, found: &[(u64, Entry)]) -> Result<bool, Error> {
        for (seq, entry) in found {
            if self.is_live(*seq, entry)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether a message that could not be read should be where it was looked for.
    fn is_live(&mut self, seq: u64, entry: &Entry) -> Result<bool, Error> {
        let now = chunks::find(self.shared, self.queue, seq)?;
        self.moved |= now.is_some_and(|now| now != *entry);
        Ok(now == Some(*entry))
    }
}

/// Copies messages together where much else lies between them, so that what the caller keeps is not
/// much larger than what it asked for.
fn detach(messages: &mut [(u64, Body)], span_len: usize) {
    let wanted: usize = messages.iter().map(|(_, body)| body.len()).sum();
    if wanted >= span_len / 8 * KEPT_EIGHTHS_MIN {
        return;
    }
    let mut copy = BytesMut::with_capacity(wanted);
    for (_, body) in &*messages {
        copy.extend_from_slice(&body.head);
        copy.extend_from_slice(body.tail.as_deref().unwrap_or_default());
    }
    let mut copy = copy.freeze();
    for (_, body) in messages {
        body.head = copy.split_to(body.head.len());
        body.tail = body.tail.as_ref().map(|tail| copy.split_to(tail.len()));
    }
}

/// Where a message ends if it is in one queue, at the latest: its header may be the short one.
fn end(entry: &Entry) -> u64 {
    entry.offset() + HEADER_LEN as u64 + u64::from(entry.len())
}

fn neighbours(a: &Entry, b: &Entry) -> bool {
    a.segment == b.segment && a.offset() < b.offset() && b.offset() <= end(a) + GAP_BYTES_MAX
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Messages of 100 bytes each, head and tail, so far from each other in one span.
    fn apart(step: usize) -> (Vec<(u64, Body)>, Bytes) {
        let span = Bytes::from((0..10 * step).map(|i| i as u8).collect::<Vec<_>>());
        let body = |i: usize| Body {
            head: span.slice(i * step..i * step + 40),
            tail: Some(span.slice(i * step + 40..i * step + 100)),
        };
        ((0..10).map(|i| (i as u64, body(i))).collect(), span)
    }

    #[test]
    fn messages_that_are_most_of_a_span_keep_it() {
        let (mut messages, span) = apart(110);
        let before = messages[3].1.identity();
        detach(&mut messages, span.len());
        assert_eq!(messages[3].1.identity(), before, "the same bytes in memory");
    }

    #[test]
    fn messages_between_others_leave_their_span() {
        let (mut messages, span) = apart(120);
        let before = messages.clone();
        detach(&mut messages, span.len());
        assert_eq!(messages, before);
        drop(before);
        let alone = |messages: Vec<(u64, Body)>| {
            drop(messages);
            span.is_unique()
        };
        assert!(alone(messages), "nobody else has the span");
    }
}
