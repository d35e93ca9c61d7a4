//! The metadata database behind a small trait: one batch at a time, durably.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::disk::{Disk, RealDisk};
use crate::error::Error;

/// sled's own page cache (2 MiB). The rows of interest are held by the index, so a larger cache
/// would buy nothing.
const CACHE_BYTES: u64 = 2 << 20;

/// sled's segment (2 MiB). A leaf larger than a quarter of it would move into a file that sled
/// never syncs; rows are at most 8 KiB and a leaf splits at 16, which stays far below.
const SLED_SEGMENT_BYTES: usize = 2 << 20;

/// Rows per round of freeing what they replaced; see [`free_garbage`].
const ROWS_PER_ROUND: usize = 32;

/// How often, and after which pause, sled's lock is tried again (1 s in all).
const LOCK_ATTEMPTS_MAX: u32 = 100;
const LOCK_PAUSE: Duration = Duration::from_millis(10);

/// Writes that become visible and durable together. Later writes of a key win.
#[derive(Default)]
pub(crate) struct Batch(Vec<(Vec<u8>, Option<Vec<u8>>)>);

impl Batch {
    pub(crate) fn insert(&mut self, key: Vec<u8>, row: Vec<u8>) {
        self.0.push((key, Some(row)));
    }

    pub(crate) fn remove(&mut self, key: Vec<u8>) {
        self.0.push((key, None));
    }

    pub(crate) fn extend(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// Writes in it.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

#[cfg(test)]
impl Batch {
    /// All writes, in order.
    pub(crate) fn into_writes(self) -> Vec<(Vec<u8>, Option<Vec<u8>>)> {
        self.0
    }
}

/// A visitor of rows: key, value.
pub(crate) type Visit<'a> = &'a mut dyn FnMut(&[u8], &[u8]) -> Result<(), Error>;

/// What the store needs of a database; the seam for replacing sled.
pub(crate) trait MetaStore: Send + Sync {
    /// Applies the batch atomically. It becomes durable with the next [`MetaStore::apply`], or at
    /// any time before, but not before what was applied earlier.
    fn stage(&self, batch: Batch) -> Result<(), Error>;
    /// Applies the batch atomically and returns once it is durable.
    fn apply(&self, batch: Batch) -> Result<(), Error>;
    /// One row.
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Error>;
    /// All rows whose key starts with `prefix`, in order of keys.
    fn scan(&self, prefix: u8, visit: Visit<'_>) -> Result<(), Error>;
    /// Where it lies, for messages.
    fn path(&self) -> &Path;
}

/// sled 0.34 in `dir`, one tree, one writer.
pub(crate) struct Sled {
    dir: PathBuf,
    db: sled::Db,
    /// Our own handle of sled's file. `flush` alone is not durable on Linux: it writes the
    /// blocks but commits neither the file's size nor the device's cache.
    file: File,
}

impl Sled {
    /// Opens or creates the database.
    pub(crate) fn open(dir: &Path) -> Result<Self, Error> {
        let meta = |source| Error::Meta {
            path: dir.to_owned(),
            source,
        };
        let config = sled::Config::new()
            .path(dir)
            .cache_capacity(CACHE_BYTES)
            .segment_size(SLED_SEGMENT_BYTES)
            .flush_every_ms(None);
        let mut attempt = 0;
        let db = loop {
            match config.open() {
                // The directory's own lock is ours, so sled's can only be held by the last
                // instance in this process, whose background threads are about to let go.
                Err(sled::Error::Io(e)) if locked(&e) && attempt < LOCK_ATTEMPTS_MAX => {
                    attempt += 1;
                    std::thread::sleep(LOCK_PAUSE);
                }
                result => break result.map_err(meta)?,
            }
        };
        let path = dir.join("db");
        let file = File::options()
            .write(true)
            .open(&path)
            .map_err(Error::io("open", &path))?;
        Ok(Self {
            dir: dir.to_owned(),
            db,
            file,
        })
    }
}

impl MetaStore for Sled {
    fn stage(&self, batch: Batch) -> Result<(), Error> {
        let rows = batch.len();
        let mut writes = sled::Batch::default();
        for (key, row) in batch.0 {
            match row {
                Some(row) => writes.insert(key, row),
                None => writes.remove(key),
            }
        }
        let applied = self.db.apply_batch(writes);
        applied.map_err(|source| Error::Meta {
            path: self.dir.clone(),
            source,
        })?;
        free_garbage(rows);
        Ok(())
    }

    fn apply(&self, batch: Batch) -> Result<(), Error> {
        self.stage(batch)?;
        self.db.flush().map_err(|source| Error::Meta {
            path: self.dir.clone(),
            source,
        })?;
        let path = self.dir.join("db");
        self.file.sync_data().map_err(Error::io("sync", &path))?;
        RealDisk
            .sync_dir(&self.dir)
            .map_err(Error::io("sync", &self.dir))
    }

    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        let row = self.db.get(key);
        let row = row.map_err(|source| Error::Meta {
            path: self.dir.clone(),
            source,
        })?;
        Ok(row.map(|row| row.to_vec()))
    }

    fn scan(&self, prefix: u8, visit: Visit<'_>) -> Result<(), Error> {
        for item in self.db.scan_prefix([prefix]) {
            let item = item.map_err(|source| Error::Meta {
                path: self.dir.clone(),
                source,
            });
            let (key, row) = item?;
            visit(&key, &row)?;
        }
        Ok(())
    }

    fn path(&self) -> &Path {
        &self.dir
    }
}

fn locked(error: &std::io::Error) -> bool {
    error.kind() == std::io::ErrorKind::WouldBlock || error.to_string().contains("lock")
}

/// Frees what `rows` writes have replaced. sled copies a leaf for every row that it writes, and
/// leaves the old copy to epochs that go on only while the database is used: a burst of declares
/// would hold several times its own weight until the next one.
///
/// A round frees up to 512 objects that are two rounds old; a write leaves a few.
fn free_garbage(rows: usize) {
    for _ in 0..2 + rows / ROWS_PER_ROUND {
        crossbeam_epoch::pin().flush();
    }
}
