//! What can go wrong, in words an operator can act on.

use std::io;
use std::path::{Path, PathBuf};

/// Any failure of the store.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Another process, or another store in this one, holds the directory's lock.
    #[error("data directory {} is in use by another process", .0.display())]
    InUse(PathBuf),
    /// The directory or a file in it may not be created or written.
    #[error("data directory {} is not writable: {source}", .path.display())]
    NotWritable {
        /// The directory or file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A newer build wrote this directory.
    #[error("data directory {}: format version {found} is newer than this build understands ({supported})", .path.display())]
    NewerVersion {
        /// The data directory.
        path: PathBuf,
        /// The version found.
        found: u32,
        /// The newest version this build reads.
        supported: u32,
    },
    /// An older build wrote this directory, in a format that was never released.
    #[error("data directory {}: format version {found} is older than this build understands ({supported})", .path.display())]
    OlderVersion {
        /// The data directory.
        path: PathBuf,
        /// The version found.
        found: u32,
        /// The version this build reads.
        supported: u32,
    },
    /// `VERSION` is missing from a directory with data, or holds no number.
    #[error("{} is missing or holds no format version, but the directory has data", .0.display())]
    BadVersion(PathBuf),
    /// Reading, writing or syncing a file failed.
    #[error("cannot {action} {}: {source}", .path.display())]
    Io {
        /// What was tried: "write", "sync", "open" ...
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The log is damaged where it was known to be complete. A torn end is not an error.
    #[error("corrupt record in {} at {offset}, followed by valid records", .path.display())]
    CorruptLog {
        /// The segment file.
        path: PathBuf,
        /// Byte offset of the record.
        offset: u64,
    },
    /// A live message cannot be read back.
    #[error("message {seq} of queue {queue} is damaged in {} at {offset}", .path.display())]
    CorruptMessage {
        /// The segment file.
        path: PathBuf,
        /// Byte offset of the record.
        offset: u64,
        /// The queue's id.
        queue: u32,
        /// The message's number in it.
        seq: u64,
    },
    /// A row of the metadata database cannot be understood.
    #[error("corrupt row in {}: {what}", .path.display())]
    CorruptMeta {
        /// The database's directory.
        path: PathBuf,
        /// Which row.
        what: String,
    },
    /// The index names a segment file that is not there.
    #[error("{} is missing, but messages in it are still live", .0.display())]
    MissingSegment(PathBuf),
    /// The metadata database failed.
    #[error("metadata database {}: {source}", .path.display())]
    Meta {
        /// The database's directory.
        path: PathBuf,
        /// What the database said.
        source: sled::Error,
    },
    /// A body or entry was larger than a record can hold.
    #[error("a record of {bytes} bytes is larger than the store's limit")]
    TooLarge {
        /// Its size.
        bytes: u64,
    },
    /// A store thread could not be started.
    #[error("cannot start a store thread: {0}")]
    Thread(io::Error),
    /// An earlier error stopped the store; see [`Store::failure`](crate::Store::failure).
    #[error("the store has stopped: {0}")]
    Failed(String),
    /// The store was closed.
    #[error("the store is closed")]
    Closed,
}

impl Error {
    /// Whether the metadata database is damaged, so that the log has to replace it. A full or
    /// unreadable disk is no damage.
    pub(crate) fn is_of_meta(&self) -> bool {
        match self {
            Self::CorruptMeta { .. } => true,
            Self::Meta {
                source: sled::Error::Io(e),
                ..
            } => !matches!(
                e.kind(),
                io::ErrorKind::PermissionDenied
                    | io::ErrorKind::StorageFull
                    | io::ErrorKind::WouldBlock
                    | io::ErrorKind::ReadOnlyFilesystem
            ),
            Self::Meta { .. } => true,
            _ => false,
        }
    }

    /// Shorthand for `map_err`.
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io {
            action,
            path,
            source,
        }
    }
}
