//! Loads evicted chunks from the metadata database, never while the index is locked.

use parking_lot::MutexGuard;

use crate::error::Error;
use crate::index::chunk::{CHUNK_LEN, Chunk, Entry};
use crate::index::{ChunkId, Found, Index};
use crate::keys;
use crate::meta::MetaStore;
use crate::shared::Shared;

/// Reads the row of a chunk; `None` if it is gone.
pub(crate) fn load(
    meta: &dyn MetaStore,
    (queue, number): ChunkId,
) -> Result<Option<Box<Chunk>>, Error> {
    let Some(row) = meta.get(&keys::chunk(queue, number))? else {
        return Ok(None);
    };
    let chunk = Chunk::from_row(&row).ok_or_else(|| corrupt(meta, (queue, number)))?;
    Ok(Some(Box::new(chunk)))
}

/// What to say of a chunk whose row is damaged or missing.
pub(crate) fn corrupt(meta: &dyn MetaStore, (queue, number): ChunkId) -> Error {
    Error::CorruptMeta {
        path: meta.path().to_owned(),
        what: format!("chunk {number} of queue {queue}"),
    }
}

/// Locks the index with all chunks in it that `wanted` lists.
pub(crate) fn with_chunks<'a>(
    shared: &'a Shared,
    wanted: &dyn Fn(&Index, &mut Vec<ChunkId>),
) -> Result<MutexGuard<'a, Index>, Error> {
    let mut missing = Vec::new();
    let mut loaded: Vec<(ChunkId, Option<Box<Chunk>>)> = Vec::new();
    let mut evictions = 0;
    loop {
        let mut index = shared.index.lock();
        // What was read before an eviction may be older than the chunk that was evicted.
        if index.evictions == evictions {
            for (id, chunk) in loaded.drain(..) {
                install(&mut index, id, chunk).map_err(|id| shared.corrupt_chunk(id))?;
            }
        }
        loaded.clear();
        missing.clear();
        wanted(&index, &mut missing);
        if missing.is_empty() {
            return Ok(index);
        }
        evictions = index.evictions;
        drop(index);
        let meta = shared.meta()?;
        for id in &missing {
            loaded.push((*id, load(&*meta, *id)?));
        }
    }
}

/// As [`with_chunks`], where nobody else is there.
pub(crate) fn ensure(
    index: &mut Index,
    meta: &dyn MetaStore,
    missing: &[ChunkId],
) -> Result<(), Error> {
    for id in missing {
        let chunk = load(meta, *id)?;
        install(index, *id, chunk).map_err(|id| corrupt(meta, id))?;
    }
    Ok(())
}

fn install(index: &mut Index, id: ChunkId, chunk: Option<Box<Chunk>>) -> Result<(), ChunkId> {
    match chunk {
        Some(chunk) => index.install(id, chunk).ok_or(id),
        None if matches!(index.get(id.0, id.1 * CHUNK_LEN), Found::Evicted) => Err(id),
        None => Ok(()),
    }
}

/// Where message `seq` of a queue lies now, if it is live.
pub(crate) fn find(shared: &Shared, queue: u32, seq: u64) -> Result<Option<Entry>, Error> {
    let found = shared.index.lock().get(queue, seq);
    match found {
        Found::Entry(entry) => Ok(entry),
        Found::Evicted => {
            let chunk = load(&*shared.meta()?, (queue, seq / CHUNK_LEN))?;
            Ok(chunk.and_then(|chunk| chunk.get((seq % CHUNK_LEN) as u16)))
        }
    }
}
