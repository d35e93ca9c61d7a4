//! A disk in memory that counts, fails, delays, tears or drops operations, and whose power can go
//! before any of them. What was written and not synced is then lost, kept, torn or reordered.

#![allow(dead_code)]

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;

use crate::disk::{Access, Disk, DiskFile};

/// What is about to happen.
#[derive(Copy, Clone, Eq, PartialEq, Debug)]
pub(super) enum Operation {
    Open,
    Rename,
    Remove,
    SyncDir,
    Write,
    Sync,
    /// A batch of the metadata database.
    Meta,
}

/// What shall happen.
#[derive(Copy, Clone, Eq, PartialEq, Debug)]
pub(super) enum Verdict {
    Go,
    /// Nothing is done, and it is reported.
    Fail,
    /// So many bytes of a write are done, and an error is reported.
    Tear(usize),
    /// Nothing is done, but success is reported.
    Drop,
    /// The power goes before it.
    PowerOff,
}

/// What happens to writes that were not synced when the power goes.
#[derive(Copy, Clone, Eq, PartialEq, Debug)]
pub(super) enum Unsynced {
    Lost,
    Kept,
    /// A prefix of them is kept, and a part of the next.
    Torn,
    /// Any of them are kept, each whole or in part.
    Reordered,
}

type Hook = Box<dyn FnMut(u64, Operation) -> Verdict + Send>;

#[derive(Clone)]
pub(super) struct Sim(Arc<Mutex<State>>);

struct State {
    files: Vec<Inode>,
    names: BTreeMap<PathBuf, usize>,
    durable_names: BTreeMap<PathBuf, usize>,
    operations: u64,
    off: bool,
    hook: Hook,
}

#[derive(Clone, Default)]
struct Inode {
    bytes: Vec<u8>,
    durable: Vec<u8>,
    unsynced: Vec<(usize, Vec<u8>)>,
}

struct SimFile {
    sim: Sim,
    inode: usize,
}

impl Sim {
    pub(super) fn new() -> Self {
        Self(Arc::new(Mutex::new(State {
            files: Vec::new(),
            names: BTreeMap::new(),
            durable_names: BTreeMap::new(),
            operations: 0,
            off: false,
            hook: Box::new(|_, _| Verdict::Go),
        })))
    }

    /// Asks `hook` before every operation that changes something; the number counts from 0.
    pub(super) fn on_operation(
        &self,
        hook: impl FnMut(u64, Operation) -> Verdict + Send + 'static,
    ) {
        self.0.lock().hook = Box::new(hook);
    }

    /// Operations so far that changed something.
    pub(super) fn operations(&self) -> u64 {
        self.0.lock().operations
    }

    pub(super) fn is_off(&self) -> bool {
        self.0.lock().off
    }

    /// Changes bytes of a file behind the store's back.
    pub(super) fn damage(&self, path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
        let mut state = self.0.lock();
        let inode = state.names[path];
        let file = &mut state.files[inode];
        change(&mut file.bytes);
        file.durable = file.bytes.clone();
        file.unsynced.clear();
    }

    /// Files by name, with their lengths.
    pub(super) fn files(&self) -> Vec<(PathBuf, usize)> {
        let state = self.0.lock();
        let len = |inode: &usize| state.files[*inode].bytes.len();
        state
            .names
            .iter()
            .map(|(path, inode)| (path.clone(), len(inode)))
            .collect()
    }

    /// The disk as it is found when the power is back. `random` gives numbers below its argument.
    pub(super) fn after_power_loss(
        &self,
        fate: Unsynced,
        random: &mut dyn FnMut(usize) -> usize,
    ) -> Self {
        let state = self.0.lock();
        let keep_names = match fate {
            Unsynced::Lost => false,
            Unsynced::Kept => true,
            _ => random(2) == 1,
        };
        let names = if keep_names {
            &state.names
        } else {
            &state.durable_names
        };
        let after = Self::new();
        let mut new = after.0.lock();
        for (path, inode) in names {
            let bytes = state.files[*inode].survive(fate, random);
            let number = new.files.len();
            new.files.push(Inode {
                durable: bytes.clone(),
                bytes,
                unsynced: Vec::new(),
            });
            new.names.insert(path.clone(), number);
            new.durable_names.insert(path.clone(), number);
        }
        drop(new);
        after
    }

    /// Counts an operation and asks what shall become of it.
    pub(super) fn ask(&self, operation: Operation) -> io::Result<Verdict> {
        let mut state = self.0.lock();
        if state.off {
            return Err(io::Error::other("the power is off"));
        }
        let number = state.operations;
        state.operations += 1;
        match (state.hook)(number, operation) {
            Verdict::Fail => Err(io::Error::other("injected failure")),
            Verdict::PowerOff => {
                state.off = true;
                Err(io::Error::other("the power went off"))
            }
            verdict => Ok(verdict),
        }
    }
}

impl Inode {
    fn survive(&self, fate: Unsynced, random: &mut dyn FnMut(usize) -> usize) -> Vec<u8> {
        let mut bytes = self.durable.clone();
        let count = self.unsynced.len();
        let whole = match fate {
            Unsynced::Lost => return bytes,
            Unsynced::Kept => count,
            Unsynced::Torn => random(count + 1),
            Unsynced::Reordered => 0,
        };
        for (number, (offset, written)) in self.unsynced.iter().enumerate() {
            let kept = match fate {
                _ if number < whole => written.len(),
                Unsynced::Torn if number == whole => random(written.len() + 1),
                // Sectors of one write may reach the disk in any order too.
                Unsynced::Reordered => match random(4) {
                    0 => 0,
                    1 => random(written.len() + 1),
                    2 => {
                        let from = random(written.len() + 1);
                        put(&mut bytes, offset + from, &written[from..]);
                        0
                    }
                    _ => written.len(),
                },
                _ => 0,
            };
            put(&mut bytes, *offset, &written[..kept]);
        }
        bytes
    }
}

fn put(bytes: &mut Vec<u8>, offset: usize, written: &[u8]) {
    if written.is_empty() {
        return;
    }
    let end = offset + written.len();
    if bytes.len() < end {
        bytes.resize(end, 0);
    }
    bytes[offset..end].copy_from_slice(written);
}

impl fmt::Debug for Sim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sim")
    }
}

fn not_found() -> io::Error {
    io::ErrorKind::NotFound.into()
}

impl Disk for Sim {
    fn open(&self, path: &Path, access: Access) -> io::Result<Arc<dyn DiskFile>> {
        if access != Access::Read {
            self.ask(Operation::Open)?;
        }
        let mut state = self.0.lock();
        let inode = match (state.names.get(path).copied(), access) {
            (Some(_), Access::Create) => return Err(io::ErrorKind::AlreadyExists.into()),
            (Some(inode), _) => inode,
            (None, Access::Create) => {
                let inode = state.files.len();
                state.files.push(Inode::default());
                state.names.insert(path.to_owned(), inode);
                inode
            }
            (None, _) => return Err(not_found()),
        };
        Ok(Arc::new(SimFile {
            sim: self.clone(),
            inode,
        }))
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<PathBuf>> {
        let state = self.0.lock();
        let inside = |path: &&PathBuf| path.parent() == Some(dir);
        Ok(state.names.keys().filter(inside).cloned().collect())
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.ask(Operation::Rename)?;
        let mut state = self.0.lock();
        let inode = state.names.remove(from).ok_or_else(not_found)?;
        state.names.insert(to.to_owned(), inode);
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.ask(Operation::Remove)?;
        let removed = self.0.lock().names.remove(path);
        removed.map(drop).ok_or_else(not_found)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        if self.ask(Operation::SyncDir)? == Verdict::Drop {
            return Ok(());
        }
        let state = &mut *self.0.lock();
        state
            .durable_names
            .retain(|path, _| path.parent() != Some(dir));
        for (path, inode) in &state.names {
            if path.parent() == Some(dir) {
                state.durable_names.insert(path.clone(), *inode);
            }
        }
        Ok(())
    }
}

impl DiskFile for SimFile {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        let state = self.sim.0.lock();
        let bytes = &state.files[self.inode].bytes;
        let from = bytes.len().min(offset as usize);
        let n = buf.len().min(bytes.len() - from);
        buf[..n].copy_from_slice(&bytes[from..from + n]);
        Ok(n)
    }

    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let verdict = self.sim.ask(Operation::Write)?;
        let written = match verdict {
            Verdict::Drop => return Ok(()),
            Verdict::Tear(n) => &bytes[..n.min(bytes.len())],
            _ => bytes,
        };
        let mut state = self.sim.0.lock();
        let file = &mut state.files[self.inode];
        put(&mut file.bytes, offset as usize, written);
        file.unsynced.push((offset as usize, written.to_vec()));
        match verdict {
            Verdict::Tear(_) => Err(io::Error::other("injected torn write")),
            _ => Ok(()),
        }
    }

    fn sync_data(&self) -> io::Result<()> {
        if self.sim.ask(Operation::Sync)? == Verdict::Drop {
            return Ok(());
        }
        let mut state = self.sim.0.lock();
        let file = &mut state.files[self.inode];
        file.durable = file.bytes.clone();
        file.unsynced.clear();
        Ok(())
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.sim.0.lock().files[self.inode].bytes.len() as u64)
    }
}
