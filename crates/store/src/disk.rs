//! The file operations of the log, behind a thin trait: tests replace the real disk by one that
//! counts, fails, delays or tears operations and loses its power.
//!
//! One dynamic call per system call costs nothing that could be measured.

use std::fmt;
use std::fs;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What a file is opened for.
#[derive(Copy, Clone, Eq, PartialEq, Debug)]
pub(crate) enum Access {
    /// It exists and is only read.
    Read,
    /// It exists and is read and written.
    Write,
    /// It must not exist; it is read and written.
    Create,
}

/// Names in directories.
pub(crate) trait Disk: Send + Sync + fmt::Debug {
    /// Opens or creates a file. A new name is durable after [`Disk::sync_dir`].
    fn open(&self, path: &Path, access: Access) -> io::Result<Arc<dyn DiskFile>>;
    /// All files of a directory, in any order.
    fn list(&self, dir: &Path) -> io::Result<Vec<PathBuf>>;
    /// Renames a file; replaces one that has the new name.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Removes a file.
    fn remove(&self, path: &Path) -> io::Result<()>;
    /// Makes the names in a directory durable.
    fn sync_dir(&self, dir: &Path) -> io::Result<()>;
}

/// One open file. Open files stay readable after they were renamed or removed.
pub(crate) trait DiskFile: Send + Sync {
    /// Reads up to `buf.len()` bytes at `offset`; 0 at the end of the file.
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize>;
    /// Writes all of `bytes` at `offset`.
    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()>;
    /// Makes what was written, and the length it needs, durable.
    fn sync_data(&self) -> io::Result<()>;
    /// Bytes in the file.
    fn len(&self) -> io::Result<u64>;
}

/// Reads as much of `buf` as the file has at `offset`; returns the bytes read.
pub(crate) fn read_full(file: &dyn DiskFile, buf: &mut [u8], offset: u64) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buf.len() {
        match file.read_at(&mut buf[filled..], offset + filled as u64) {
            Ok(0) => break,
            Ok(n) => filled += n,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(filled)
}

/// The file system.
#[derive(Copy, Clone, Debug, Default)]
pub(crate) struct RealDisk;

impl Disk for RealDisk {
    fn open(&self, path: &Path, access: Access) -> io::Result<Arc<dyn DiskFile>> {
        let mut options = fs::File::options();
        options.read(true);
        match access {
            Access::Read => &mut options,
            Access::Write => options.write(true),
            Access::Create => options.write(true).create_new(true),
        };
        Ok(Arc::new(options.open(path)?))
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<PathBuf>> {
        fs::read_dir(dir)?.map(|entry| Ok(entry?.path())).collect()
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        fs::File::open(dir)?.sync_all()
    }
}

impl DiskFile for fs::File {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        FileExt::read_at(self, buf, offset)
    }

    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        FileExt::write_all_at(self, bytes, offset)
    }

    fn sync_data(&self) -> io::Result<()> {
        Self::sync_data(self)
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }
}
