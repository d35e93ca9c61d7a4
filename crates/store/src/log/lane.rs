//! The files of the log: two directories of numbered segments and the pool of used ones.
//!
//! `q/0000000123.seg` is segment 123, which was written by the commit thread; `c/0000000123.seg`
//! is segment [`SURVIVORS`]` + 123`, which was written by compaction. `*.free` wait in the pool. Overwriting blocks that are
//! already written needs no journal commit, which makes a group up to twice as fast as appending,
//! so segments without live messages are kept and renamed instead of deleted.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;

use crate::disk::{Access, Disk, DiskFile};
use crate::error::Error;

/// Free segments kept for reuse (256 MiB at the default size): what a busy store frees between
/// two checkpoints. More are deleted.
pub(crate) const POOL_SEGMENTS_MAX: usize = 4;

/// Segment files held open for reading. Beyond it all are closed and opened again as needed,
/// which is rare and costs one system call each.
const READ_HANDLES_MAX: usize = 128;

/// First number of the segments that compaction writes. One space of numbers lets the index point
/// anywhere, and gives the records of all segments different seeds.
pub(crate) const SURVIVORS: u32 = 1 << 31;

/// See the module.
pub(crate) struct Lane {
    disk: Arc<dyn Disk>,
    queues: PathBuf,
    survivors: PathBuf,
    segment_bytes: u64,
    pool: Mutex<Vec<PathBuf>>,
    handles: Mutex<BTreeMap<u32, Arc<dyn DiskFile>>>,
}

/// Whether the log will be written.
#[derive(Copy, Clone, Eq, PartialEq, Debug)]
enum Purpose {
    Use,
    Look,
}

impl Lane {
    /// The log in `dir`, of which `q` and `c` exist, and its segments in ascending order. Free segments of an earlier run are deleted: nobody knows
    /// how full they are of written blocks, and a restart is a good time to give space back.
    pub(crate) fn open(
        disk: Arc<dyn Disk>,
        dir: PathBuf,
        segment_bytes: u64,
    ) -> Result<(Self, Vec<u32>), Error> {
        Self::list(disk, dir, segment_bytes, Purpose::Use)
    }

    /// As [`Self::open`], but changes nothing.
    pub(crate) fn look(disk: Arc<dyn Disk>, dir: PathBuf) -> Result<(Self, Vec<u32>), Error> {
        Self::list(disk, dir, 0, Purpose::Look)
    }

    fn list(
        disk: Arc<dyn Disk>,
        dir: PathBuf,
        segment_bytes: u64,
        purpose: Purpose,
    ) -> Result<(Self, Vec<u32>), Error> {
        let mut segments = Vec::new();
        let (queues, survivors) = (dir.join("q"), dir.join("c"));
        let mut files = disk.list(&queues).map_err(Error::io("list", &queues))?;
        files.extend(
            disk.list(&survivors)
                .map_err(Error::io("list", &survivors))?,
        );
        for path in files {
            let number = path
                .file_stem()
                .and_then(|s| s.to_str())
                .and_then(|s| s.parse().ok())
                .filter(|number: &u32| (1..SURVIVORS).contains(number));
            let first = if path.starts_with(&survivors) {
                SURVIVORS
            } else {
                0
            };
            match (path.extension().and_then(|e| e.to_str()), number) {
                (Some("seg"), Some(number)) => segments.push(first | number),
                (Some("free"), _) if purpose == Purpose::Use => {
                    disk.remove(&path).map_err(Error::io("remove", &path))?
                }
                _ => {}
            }
        }
        segments.sort_unstable();
        let (pool, handles) = (Mutex::default(), Mutex::default());
        Ok((
            Self {
                disk,
                queues,
                survivors,
                segment_bytes,
                pool,
                handles,
            },
            segments,
        ))
    }

    /// The file of a segment.
    pub(crate) fn path(&self, segment: u32) -> PathBuf {
        let dir = self.dir(segment);
        dir.join(format!("{:010}.seg", segment & !SURVIVORS))
    }

    /// Where copies of damaged parts go.
    pub(crate) fn dir_of_damaged(&self) -> PathBuf {
        self.queues.with_file_name("damaged")
    }

    fn dir(&self, segment: u32) -> &Path {
        if segment >= SURVIVORS {
            &self.survivors
        } else {
            &self.queues
        }
    }

    /// Bytes a segment should not exceed.
    pub(crate) fn segment_bytes(&self) -> u64 {
        self.segment_bytes
    }

    /// Makes the file for a new segment, from the pool if it can, and makes its name durable.
    pub(crate) fn create(&self, segment: u32) -> Result<Arc<dyn DiskFile>, Error> {
        let path = self.path(segment);
        let spare = self.pool.lock().pop();
        let file = if let Some(spare) = spare {
            let renamed = self.disk.rename(&spare, &path);
            renamed.map_err(Error::io("rename", &spare))?;
            // Before it is overwritten, its old name must be gone for good, in either directory.
            let synced = self.disk.sync_dir(&self.queues);
            synced.map_err(Error::io("sync", &self.queues))?;
            if segment < SURVIVORS && spare.starts_with(&self.survivors) {
                let synced = self.disk.sync_dir(&self.survivors);
                synced.map_err(Error::io("sync", &self.survivors))?;
            }
            self.disk.open(&path, Access::Write)
        } else {
            self.disk.open(&path, Access::Create)
        };
        let file = file.map_err(Error::io("create", &path))?;
        let dir = self.dir(segment);
        let synced = self.disk.sync_dir(dir);
        synced.map_err(Error::io("sync", dir))?;
        self.remember(segment, &file);
        Ok(file)
    }

    /// The file of a segment, for reading.
    pub(crate) fn reading(&self, segment: u32) -> Result<Arc<dyn DiskFile>, Error> {
        if let Some(file) = self.handles.lock().get(&segment) {
            return Ok(Arc::clone(file));
        }
        let path = self.path(segment);
        let file = self.disk.open(&path, Access::Read);
        let file = file.map_err(Error::io("open", &path))?;
        self.remember(segment, &file);
        Ok(file)
    }

    /// Makes the record at `offset` of a segment invalid.
    pub(crate) fn erase(&self, segment: u32, offset: u64) -> Result<(), Error> {
        let path = self.path(segment);
        let file = self.disk.open(&path, Access::Write);
        let erased = file.and_then(|file| {
            file.write_all_at(&[0; 8], offset)?;
            file.sync_data()
        });
        erased.map_err(Error::io("write", &path))
    }

    /// Bytes of a segment's file.
    pub(crate) fn len(&self, segment: u32) -> Result<u64, Error> {
        let len = self.reading(segment)?.len();
        len.map_err(Error::io("read", &self.path(segment)))
    }

    /// Takes a segment nobody refers to any more out of use.
    pub(crate) fn recycle(&self, segment: u32) -> Result<(), Error> {
        self.handles.lock().remove(&segment);
        let path = self.path(segment);
        let mut pool = self.pool.lock();
        // A segment that was never filled has few written blocks to offer.
        let len = self.disk.open(&path, Access::Read).and_then(|f| f.len());
        let useful = len.is_ok_and(|len| len >= self.segment_bytes / 2);
        if useful && pool.len() < POOL_SEGMENTS_MAX {
            let free = path.with_extension("free");
            self.disk
                .rename(&path, &free)
                .map_err(Error::io("rename", &path))?;
            pool.push(free);
            return Ok(());
        }
        match self.disk.remove(&path) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
                Err(Error::io("remove", &path)(e))
            }
            _ => Ok(()),
        }
    }

    /// Segments in the pool.
    pub(crate) fn free_segments(&self) -> usize {
        self.pool.lock().len()
    }

    fn remember(&self, segment: u32, file: &Arc<dyn DiskFile>) {
        let mut handles = self.handles.lock();
        if handles.len() >= READ_HANDLES_MAX {
            handles.clear();
        }
        handles.insert(segment, Arc::clone(file));
    }
}
