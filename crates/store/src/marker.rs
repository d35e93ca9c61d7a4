//! The file `log/CHECKPOINT`: the newest checkpoint after which segments were freed.
//!
//! A database that is older than that lost something (its file was cut or replaced), and the log
//! no longer has what would bring it up to date. Layout of the two slots, at 0 and 4096; the one
//! that does not hold the newest generation is written next, so that one of them is whole:
//!
//! ```text
//!  0  generation  u64  of the checkpoint, see `keys`
//!  8  crc         u32  CRC32C of bytes 0..8
//! ```

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;

use crate::disk::{self, Access, Disk, DiskFile};
use crate::error::Error;

/// Bytes of one slot.
const SLOT_LEN: usize = 12;
/// Distance of the slots: no single torn page takes both.
const SLOT_DISTANCE: u64 = 4096;

/// See the module.
pub(crate) struct Marker {
    path: PathBuf,
    file: Arc<dyn DiskFile>,
    /// The slot to write next. Not every generation comes here, so it does not follow from them.
    next: Mutex<u64>,
}

impl Marker {
    /// Opens or creates the marker of the log in `dir`; returns the generation it holds, 0 at
    /// first.
    pub(crate) fn open(disk: &dyn Disk, dir: &Path) -> Result<(Self, u64), Error> {
        let path = dir.join("CHECKPOINT");
        let file = match disk.open(&path, Access::Write) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                let file = disk.open(&path, Access::Create);
                disk.sync_dir(dir).map_err(Error::io("sync", dir))?;
                file
            }
            file => file,
        };
        let file = file.map_err(Error::io("open", &path))?;
        let (mut generation, mut next, mut used) = (0, 0, 0);
        for slot in 0..2 {
            let mut bytes = [0; SLOT_LEN];
            let read = disk::read_full(&*file, &mut bytes, slot * SLOT_DISTANCE);
            if read.map_err(Error::io("read", &path))? == SLOT_LEN
                && let Some(found) = decode(&bytes)
            {
                used += 1;
                if found > generation {
                    (generation, next) = (found, 1 - slot);
                }
            }
        }
        if used == 2 {
            // The newest may have been written and not synced before a crash of this process, and
            // the other one is overwritten next.
            file.sync_data().map_err(Error::io("sync", &path))?;
        }
        let next = Mutex::new(next);
        Ok((Self { path, file, next }, generation))
    }

    /// Makes `generation` durable.
    pub(crate) fn write(&self, generation: u64) -> Result<(), Error> {
        let mut bytes = [0; SLOT_LEN];
        bytes[..8].copy_from_slice(&generation.to_le_bytes());
        let crc = crc32c::crc32c(&bytes[..8]);
        bytes[8..].copy_from_slice(&crc.to_le_bytes());
        let mut next = self.next.lock();
        let written = self.file.write_all_at(&bytes, *next * SLOT_DISTANCE);
        written.map_err(Error::io("write", &self.path))?;
        let synced = self.file.sync_data();
        synced.map_err(Error::io("sync", &self.path))?;
        // Only now: a slot whose write failed may hold anything, and the other one counts.
        *next = 1 - *next;
        Ok(())
    }
}

fn decode(bytes: &[u8; SLOT_LEN]) -> Option<u64> {
    let (generation, crc) = bytes.split_first_chunk::<8>()?;
    let crc = u32::from_le_bytes(crc.try_into().ok()?);
    (crc32c::crc32c(generation) == crc).then(|| u64::from_le_bytes(*generation))
}
