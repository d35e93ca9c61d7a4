//! The end of the log: encodes records into one reused buffer and writes it in few calls.
//!
//! A group ends with zeros up to the next page boundary, so overwriting a recycled segment never
//! has to read the page it ends in, and the zeros end the log. The next group overwrites them.
//! Small groups in a segment that is not recycled write more zeros than that, see
//! [`AHEAD_BYTES`].

use std::sync::Arc;

use super::Position;
use super::lane::Lane;
use super::record::{self, HEADER_LEN, Place, Record, padded};
use crate::disk::DiskFile;
use crate::error::Error;

/// Bytes collected before a write (512 KiB), so that a large group needs no large buffer.
const WRITE_BYTES: usize = 512 << 10;

/// Zeros written ahead of a small group that makes its file longer (up to 256 KiB): the groups that
/// follow overwrite blocks that are there, and their syncs need not wait for the file system's
/// journal, which takes about half as long again.
const AHEAD_BYTES: u64 = 256 << 10;

/// Largest group that is small (32 KiB). What a larger one would gain is less than what the zeros
/// cost.
const SMALL_GROUP_BYTES: u64 = 32 << 10;

/// Bytes of a page, the unit in which the kernel reads and writes back.
const PAGE_BYTES: u64 = 4096;

/// What the log as a whole wants measured.
pub(crate) trait Meter {
    /// Runs one sync and accounts for it.
    fn sync(&self, file: &dyn DiskFile) -> std::io::Result<()>;
    /// Bytes went to a file.
    fn wrote(&self, bytes: u64);
}

/// See the module. Used by the commit thread alone.
pub(crate) struct Writer<'a> {
    lane: &'a Lane,
    meter: &'a dyn Meter,
    active: Option<Active>,
    next_segment: u32,
    buf: Vec<u8>,
    unsynced: bool,
    at_group_start: bool,
    appended: u64,
}

struct Active {
    file: Arc<dyn DiskFile>,
    segment: u32,
    /// Where the first byte of `buf` goes.
    written: u64,
    /// Where the group began.
    group: u64,
    /// Bytes of the file.
    len: u64,
}

impl<'a> Writer<'a> {
    /// A writer whose first record opens segment `next_segment`. An earlier segment is never
    /// continued: whatever a crash left behind its end must not meet new records.
    pub(crate) fn new(lane: &'a Lane, meter: &'a dyn Meter, next_segment: u32) -> Self {
        Self {
            lane,
            meter,
            active: None,
            next_segment,
            buf: Vec::new(),
            unsynced: false,
            at_group_start: true,
            appended: 0,
        }
    }

    /// Adds a record to the group and says where it will lie.
    pub(crate) fn append(&mut self, record: &Record<'_>) -> Result<Position, Error> {
        let len = record::encoded_len(record);
        if len > u32::MAX as usize - 8 {
            return Err(Error::TooLarge { bytes: len as u64 });
        }
        self.make_room(padded(len) as u64)?;
        // Before it has to grow for this one.
        if !self.buf.is_empty() && self.buf.len() + padded(len) > WRITE_BYTES {
            self.write()?;
        }
        let (segment, offset) = self.place()?;
        let place = if std::mem::take(&mut self.at_group_start) && !self.unsynced {
            Place::GroupStart
        } else {
            Place::Within
        };
        record::encode(&mut self.buf, record, (segment, offset), place);
        self.appended += padded(len) as u64;
        if self.buf.len() >= WRITE_BYTES {
            self.write()?;
        }
        Ok(Position { segment, offset })
    }

    /// Writes what the group has left in the buffer, and the padding. Not yet durable.
    pub(crate) fn finish_group(&mut self) -> Result<(), Error> {
        self.at_group_start = true;
        let Some(active) = &self.active else {
            return Ok(());
        };
        let end = active.written + self.buf.len() as u64;
        let mut padded = end.next_multiple_of(PAGE_BYTES);
        if padded > active.len && end - active.group <= SMALL_GROUP_BYTES {
            // No more than there is already: a log of a few messages stays small.
            let ahead = padded + padded.min(AHEAD_BYTES);
            padded = padded.max(ahead.min(self.lane.segment_bytes()));
        }
        self.buf.resize((padded - active.written) as usize, 0);
        self.write()?;
        if let Some(active) = &mut self.active {
            active.written = end;
            active.group = end;
        }
        Ok(())
    }

    /// Makes everything written durable.
    pub(crate) fn sync(&mut self) -> Result<(), Error> {
        if let Some(active) = &self.active
            && self.unsynced
        {
            let path = self.lane.path(active.segment);
            self.meter
                .sync(&*active.file)
                .map_err(Error::io("sync", &path))?;
        }
        self.unsynced = false;
        Ok(())
    }

    /// Bytes of all records so far.
    pub(crate) fn appended(&self) -> u64 {
        self.appended
    }

    /// Where the next group starts.
    pub(crate) fn end(&self) -> Position {
        self.active.as_ref().map_or(
            Position {
                segment: self.next_segment,
                offset: 0,
            },
            |active| Position {
                segment: active.segment,
                offset: active.written + self.buf.len() as u64,
            },
        )
    }

    /// The file that still needs a sync, if any does.
    pub(crate) fn unsynced(&self) -> Option<(u32, Arc<dyn DiskFile>)> {
        let active = self.active.as_ref().filter(|_| self.unsynced)?;
        Some((active.segment, Arc::clone(&active.file)))
    }

    /// Gives memory back after an unusually large record.
    pub(crate) fn trim(&mut self) {
        if self.buf.capacity() > 4 * WRITE_BYTES {
            self.buf.shrink_to(2 * WRITE_BYTES);
        }
    }

    fn place(&self) -> Result<(u32, u64), Error> {
        let active = self.active.as_ref().ok_or(Error::Closed)?;
        Ok((active.segment, active.written + self.buf.len() as u64))
    }

    /// Opens the next segment if there is none or the record and a seal do not fit.
    fn make_room(&mut self, len: u64) -> Result<(), Error> {
        if let Some(active) = &self.active {
            let end = active.written + self.buf.len() as u64;
            if end == 0 || end + len + HEADER_LEN as u64 <= self.lane.segment_bytes() {
                return Ok(());
            }
            record::encode(
                &mut self.buf,
                &Record::Seal,
                (active.segment, end),
                Place::Within,
            );
            // The old segment is complete on disk before the new one counts.
            self.write()?;
            self.sync()?;
        }
        let segment = self.next_segment;
        let file = self.lane.create(segment)?;
        let len = file.len();
        self.active = Some(Active {
            len: len.map_err(Error::io("read", &self.lane.path(segment)))?,
            file,
            segment,
            written: 0,
            group: 0,
        });
        self.next_segment = segment + 1;
        Ok(())
    }

    fn write(&mut self) -> Result<(), Error> {
        let Some(active) = &mut self.active else {
            return Ok(());
        };
        if self.buf.is_empty() {
            return Ok(());
        }
        self.unsynced = true;
        active
            .file
            .write_all_at(&self.buf, active.written)
            .map_err(Error::io("write", &self.lane.path(active.segment)))?;
        active.written += self.buf.len() as u64;
        active.len = active.len.max(active.written);
        self.meter.wrote(self.buf.len() as u64);
        self.buf.clear();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::RealDisk;

    struct Sizes(parking_lot::Mutex<Vec<u64>>);

    impl Meter for Sizes {
        fn sync(&self, file: &dyn DiskFile) -> std::io::Result<()> {
            file.sync_data()
        }

        fn wrote(&self, bytes: u64) {
            self.0.lock().push(bytes);
        }
    }

    #[test]
    fn a_large_group_is_written_in_parts_and_needs_no_larger_buffer() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["q", "c"] {
            std::fs::create_dir(dir.path().join(name)).unwrap();
        }
        let (lane, _) = Lane::open(Arc::new(RealDisk), dir.path().into(), 64 << 20).unwrap();
        let sizes = Sizes(parking_lot::Mutex::default());
        let mut writer = Writer::new(&lane, &sizes, 1);
        let value = [7; 1000];
        for _ in 0..5000 {
            let (key, value) = (&b"k"[..], &value[..]);
            writer.append(&Record::Put { key, value }).unwrap();
        }
        writer.finish_group().unwrap();
        assert!(writer.buf.capacity() < 2 * WRITE_BYTES);
        let sizes = sizes.0.into_inner();
        assert!(sizes.iter().all(|size| *size <= WRITE_BYTES as u64));
        assert!(sizes.iter().sum::<u64>() >= 5_000_000);
    }
}
