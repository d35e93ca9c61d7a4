//! The data directory: what lies where, who may use it, which format it has.
//!
//! ```text
//! VERSION                  format version, decimal, and a newline
//! LOCK                     locked while a store is open
//! meta/                    sled
//! log/q/0000000123.seg     lane q: messages, settlements, entries, as they came
//! log/c/0000000007.seg     lane c: messages that compaction moved out of the way
//! log/CHECKPOINT           newest checkpoint that freed segments, see `marker`
//! log/damaged/             copies of what could not be read, made by a salvaging start
//! meta.broken-1/           a database that was moved aside and rebuilt
//! meta.rebuild             empty; asks the next start to do that
//! log/*/*.free             used segments that wait to be overwritten
//! ```

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use parking_lot::Mutex;

use crate::disk::{Disk, RealDisk};
use crate::error::Error;

/// The format that this build writes. Version 2 added the survivors' lane, snapshots in the log,
/// summaries of chunks and the `CHECKPOINT` file; version 3 counts in the rows of chunks; version 4
/// has a short header for the usual message.
const FORMAT_VERSION: u32 = 4;

/// The oldest format that this build reads: its rows and records say themselves which kind they are
/// of, so opening it makes it the newest.
const FORMAT_VERSION_MIN: u32 = 2;

/// An open, locked data directory. Dropping it releases the lock.
pub(crate) struct Layout {
    dir: PathBuf,
    lock: Mutex<Option<File>>,
}

impl Layout {
    /// Creates what is missing, takes the lock and checks the version.
    pub(crate) fn open(dir: &Path) -> Result<Self, Error> {
        fs::create_dir_all(dir).map_err(not_writable(dir))?;
        let path = dir.join("LOCK");
        let lock = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path);
        let lock = lock.map_err(not_writable(&path))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(Error::InUse(dir.to_owned())),
            Err(TryLockError::Error(source)) => {
                return Err(Error::Io {
                    action: "lock",
                    path,
                    source,
                });
            }
        }
        let layout = Self {
            dir: dir.to_owned(),
            lock: Mutex::new(Some(lock)),
        };
        let log = layout.log();
        if layout.check_version(log.exists() || layout.meta().exists())? < FORMAT_VERSION {
            layout.raise_version()?;
        }
        for lane in [log.join("q"), log.join("c")] {
            fs::create_dir_all(&lane).map_err(not_writable(&lane))?;
        }
        Ok(layout)
    }

    /// Locks a directory that a store has made, and changes nothing.
    pub(crate) fn open_existing(dir: &Path) -> Result<Self, Error> {
        let path = dir.join("LOCK");
        let lock = File::open(&path).map_err(Error::io("open", &path))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(Error::InUse(dir.to_owned())),
            Err(TryLockError::Error(e)) => return Err(Error::io("lock", &path)(e)),
        }
        let layout = Self {
            dir: dir.to_owned(),
            lock: Mutex::new(Some(lock)),
        };
        layout.check_version(true)?;
        Ok(layout)
    }

    /// Whether a store has the directory open, in this process or another one.
    pub(crate) fn is_in_use(dir: &Path) -> bool {
        // Shared, so that several may ask at once.
        File::open(dir.join("LOCK"))
            .is_ok_and(|lock| matches!(lock.try_lock_shared(), Err(TryLockError::WouldBlock)))
    }

    /// Directory of the log, with one directory for each lane.
    pub(crate) fn log(&self) -> PathBuf {
        self.dir.join("log")
    }

    /// Directory of the metadata database.
    pub(crate) fn meta(&self) -> PathBuf {
        self.dir.join("meta")
    }

    /// A file that asks the next start to rebuild the database.
    pub(crate) fn rebuild_mark(&self) -> PathBuf {
        self.dir.join("meta.rebuild")
    }

    /// The database is rebuilt.
    pub(crate) fn forget_rebuild_mark(&self) -> Result<(), Error> {
        let path = self.rebuild_mark();
        match fs::remove_file(&path) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => Err(Error::io("remove", &path)(e)),
            _ => Ok(()),
        }
    }

    /// Moves a database that is of no use aside and says where to.
    pub(crate) fn move_meta_aside(&self) -> Result<PathBuf, Error> {
        let meta = self.meta();
        let name = |n: u32| self.dir.join(format!("meta.broken-{n}"));
        let free = (1..u32::MAX).map(name).find(|path| !path.exists());
        let aside = free.unwrap_or_else(|| name(0));
        fs::rename(&meta, &aside).map_err(Error::io("rename", &meta))?;
        sync_dir(&self.dir)?;
        Ok(aside)
    }

    /// Makes the files and directories of a new store durable. Done before the first record
    /// instead of at open, to keep opening fast.
    pub(crate) fn settle(&self) -> Result<(), Error> {
        let version = self.dir.join("VERSION");
        let synced = File::open(&version).and_then(|file| file.sync_all());
        synced.map_err(Error::io("sync", &version))?;
        sync_dir(&self.dir.join("log"))?;
        sync_dir(&self.dir)?;
        // A new data directory has to survive in its parent too; one we may not open is not new.
        match self
            .dir
            .canonicalize()
            .ok()
            .as_deref()
            .and_then(Path::parent)
        {
            Some(parent) => match sync_dir(parent) {
                Err(Error::Io { source, .. })
                    if source.kind() == io::ErrorKind::PermissionDenied =>
                {
                    Ok(())
                }
                other => other,
            },
            None => Ok(()),
        }
    }

    /// Lets another store use the directory.
    pub(crate) fn unlock(&self) {
        self.lock.lock().take();
    }

    /// Says that from now on only this build or a newer one can read what is here. Durable before
    /// anything that is newer, and never without a version in between.
    fn raise_version(&self) -> Result<(), Error> {
        let (new, path) = (self.dir.join("VERSION.new"), self.dir.join("VERSION"));
        fs::write(&new, format!("{FORMAT_VERSION}\n"))
            .and_then(|()| File::open(&new)?.sync_all())
            .and_then(|()| fs::rename(&new, &path))
            .map_err(not_writable(&path))?;
        sync_dir(&self.dir)
    }

    /// The version of what is there, if this build can read it.
    fn check_version(&self, has_data: bool) -> Result<u32, Error> {
        let path = self.dir.join("VERSION");
        let text = match fs::read_to_string(&path) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => String::new(),
            Err(e) => return Err(Error::io("read", &path)(e)),
            Ok(text) => text,
        };
        match text.trim().parse() {
            Ok(found) if (FORMAT_VERSION_MIN..=FORMAT_VERSION).contains(&found) => Ok(found),
            Ok(found) if found > FORMAT_VERSION => Err(Error::NewerVersion {
                path: self.dir.clone(),
                found,
                supported: FORMAT_VERSION,
            }),
            Ok(found) => Err(Error::OlderVersion {
                path: self.dir.clone(),
                found,
                supported: FORMAT_VERSION,
            }),
            // A start that was cut short leaves an empty file, or none, and nothing else.
            Err(_) if text.is_empty() && !has_data => {
                fs::write(&path, format!("{FORMAT_VERSION}\n")).map_err(not_writable(&path))?;
                Ok(FORMAT_VERSION)
            }
            _ => Err(Error::BadVersion(path)),
        }
    }
}

fn not_writable(path: &Path) -> impl FnOnce(io::Error) -> Error {
    let path = path.to_owned();
    move |source| Error::NotWritable { path, source }
}

fn sync_dir(dir: &Path) -> Result<(), Error> {
    RealDisk.sync_dir(dir).map_err(Error::io("sync", dir))
}
