//! Space: what little is live in old segments moves out of them.

use std::io;

use parking_lot::RwLock;

use super::*;
use crate::compaction::DEBT_CHECKPOINTS_MAX;
use crate::disk::{Access, Disk, DiskFile, RealDisk};

fn compacting() -> Options {
    Options {
        compact_above: 256 << 10,
        ..options()
    }
}

fn disk_bytes(scratch: &Scratch) -> u64 {
    let lanes = ["log/q", "log/c"].map(|lane| fs::read_dir(scratch.dir().join(lane)).unwrap());
    let files = lanes.into_iter().flatten();
    // One that compaction has removed since takes no room.
    files
        .filter_map(|file| Some(file.unwrap().metadata().ok()?.len()))
        .sum()
}

fn padded_body(seq: u64) -> Body {
    body(&format!("{seq} {}", "z".repeat(400)))
}

/// Appends and settles all but every tenth message. Returns what is left.
fn hold_every_tenth(store: &Store, scratch: &Scratch, rounds: u64, first: u64) -> Vec<u64> {
    let mut held = Vec::new();
    for round in 0..rounds {
        let start = first + round * 400;
        store.append(Q, start, (start..start + 400).map(padded_body).collect());
        let (keep, settle): (Vec<u64>, Vec<u64>) =
            (start..start + 400).partition(|seq| seq % 10 == 0);
        store.checkpoint().unwrap();
        store.settle(Q, &settle);
        held.extend(keep);
        let live = store.stats().live * 440;
        let bound = (live * 10 / 3).max(256 << 10) + 4 * (64 << 10) + 3 * 400 * 440;
        assert!(
            disk_bytes(scratch) <= bound,
            "{} > {bound} in round {round}",
            disk_bytes(scratch)
        );
    }
    held
}

#[test]
fn messages_held_for_long_do_not_hold_the_disk() {
    let scratch = Scratch::new();
    let (store, _) = Store::open(scratch.dir(), compacting()).unwrap();
    let held = hold_every_tenth(&store, &scratch, 60, 1);
    assert!(store.stats().relocated_bytes > 0);
    let check = |store: &Store| {
        let found = store.read(Q, 0, usize::MAX, usize::MAX).unwrap();
        assert!(found.iter().all(|(seq, body)| *body == padded_body(*seq)));
        let seqs: Vec<u64> = found.iter().map(|(seq, _)| *seq).collect();
        assert_eq!(seqs, held);
    };
    store.wait(store.put(b"a", b"barrier")).unwrap();
    check(&store);
    let crashed = scratch.copy();
    store.close().unwrap();
    drop(store);
    for scratch in [scratch, crashed] {
        let (store, _) = Store::open(scratch.dir(), compacting()).unwrap();
        check(&store);
        let held = hold_every_tenth(&store, &scratch, 20, 100_000);
        store.wait(store.remove(b"barrier")).unwrap();
        assert_eq!(store.stats().live as usize, 2400 + held.len());
        store.wait(store.drop_queue(Q)).unwrap();
        (0..10).for_each(|_| store.checkpoint().unwrap());
        assert!(
            disk_bytes(&scratch) <= 8 * (64 << 10),
            "{}",
            disk_bytes(&scratch)
        );
    }
}

#[test]
fn readers_follow_messages_that_move() {
    let scratch = Scratch::new();
    let (store, _) = Store::open(scratch.dir(), compacting()).unwrap();
    let done = Arc::new(AtomicU64::new(0));
    let reader = {
        let (store, done) = (store.clone(), Arc::clone(&done));
        std::thread::spawn(move || {
            let mut most = 0;
            while done.load(Ordering::Relaxed) == 0 {
                let found = store.read(Q, 0, usize::MAX, usize::MAX).unwrap();
                assert!(found.iter().all(|(seq, body)| *body == padded_body(*seq)));
                let held = found.iter().filter(|(seq, _)| seq % 10 == 0).count();
                assert!(held >= most, "{held} after {most}");
                most = held;
            }
        })
    };
    hold_every_tenth(&store, &scratch, 40, 1);
    done.store(1, Ordering::Relaxed);
    reader.join().unwrap();
}

#[test]
fn fanned_out_messages_move_together_with_the_queues_that_still_have_them() {
    let scratch = Scratch::new();
    let options = Options {
        compact_above: 0,
        ..options()
    };
    let (store, _) = Store::open(scratch.dir(), options).unwrap();
    let held = body("held by two");
    for queue in [Q, R] {
        store.append(queue, 1, vec![held.clone()]);
    }
    store.append(QueueId(11), 1, vec![held.clone()]);
    store.checkpoint().unwrap();
    store.settle(QueueId(11), &[1]);
    for round in 0..30 {
        let start = 2 + round * 100;
        let bodies = (start..start + 100).map(padded_body).collect();
        store.wait(store.append(Q, start, bodies)).unwrap();
        store.wait(store.purge(Q, &[(start, start + 99)])).unwrap();
        store.checkpoint().unwrap();
    }
    assert!(!scratch.dir().join("log/q/0000000001.seg").exists());
    let crashed = scratch.copy();
    let (store, _) = open(&crashed);
    for queue in [Q, R] {
        assert_eq!(store.read(queue, 0, 10, 1000).unwrap(), [(1, held.clone())]);
    }
    assert_eq!(store.stats().live, 2);
}

/// Publishes as fast as it can, and settles, 1,000 behind, all but every tenth message.
struct Flood<'a> {
    store: &'a Store,
    next: u64,
}

impl Flood<'_> {
    fn batch(&mut self) {
        const BATCH: u64 = 100;
        let first = self.next;
        self.next += BATCH;
        let bodies = (first..self.next).map(padded_body).collect();
        let ticket = self.store.append(Q, first, bodies);
        if let Some(last) = first.checked_sub(1000) {
            let old = (last..last + BATCH).filter(|seq| seq % 10 != 0);
            self.store.settle(Q, &old.collect::<Vec<_>>());
        }
        self.store.wait(ticket).unwrap();
    }
}

/// Many checkpoints in a short time. A segment is a quarter of what is written between two, as by
/// default.
fn hurried() -> Options {
    Options {
        checkpoint_every: Duration::from_millis(10),
        checkpoint_bytes: 256 << 10,
        compact_above: 1 << 20,
        ..options()
    }
}

#[test]
fn the_disk_stays_bounded_at_full_speed_with_every_tenth_message_held() {
    let scratch = Scratch::new();
    let (store, _) = Store::open(scratch.dir(), hurried()).unwrap();
    let mut flood = Flood {
        store: &store,
        next: 1,
    };
    let most_owed = DEBT_CHECKPOINTS_MAX * hurried().checkpoint_bytes;
    let mut slack = 0;
    while flood.next < 60_000 {
        while store.is_congested() {
            std::thread::sleep(Duration::from_millis(1));
        }
        flood.batch();
        if flood.next % 1_000 != 1 {
            continue;
        }
        let target = (store.stats().live * 440 * 10 / 3).max(hurried().compact_above);
        slack = slack.max(disk_bytes(&scratch).saturating_sub(target));
    }
    // The pool; what compaction owes; what it has moved, and two checkpoints have yet to free.
    let bound = 4 * (64 << 10) + 3 * most_owed;
    assert!(slack <= bound, "{slack} bytes over the target, not {bound}");
    let written = store.stats().log_bytes;
    assert!(written > 24_000_000, "{written}");
    assert!(disk_bytes(&scratch) < written / 2);
}

/// A disk on which compaction's lane can be held up.
#[derive(Debug)]
struct SlowLane(Arc<RwLock<()>>);

struct SlowFile(Arc<dyn DiskFile>, Arc<RwLock<()>>);

impl Disk for SlowLane {
    fn open(&self, path: &Path, access: Access) -> io::Result<Arc<dyn DiskFile>> {
        let file = RealDisk.open(path, access)?;
        if path.parent().is_some_and(|dir| dir.ends_with("log/c")) {
            return Ok(Arc::new(SlowFile(file, Arc::clone(&self.0))));
        }
        Ok(file)
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<PathBuf>> {
        RealDisk.list(dir)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        RealDisk.rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        RealDisk.remove(path)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        RealDisk.sync_dir(dir)
    }
}

impl DiskFile for SlowFile {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        self.0.read_at(buf, offset)
    }

    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let _held_up = self.1.read();
        self.0.write_all_at(bytes, offset)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.0.sync_data()
    }

    fn len(&self) -> io::Result<u64> {
        self.0.len()
    }
}

#[test]
fn publishers_are_slowed_down_while_compaction_is_behind_and_hear_when_it_is_not() {
    let scratch = Scratch::new();
    let gate = Arc::new(RwLock::new(()));
    let disk = Arc::new(SlowLane(Arc::clone(&gate)));
    let (store, _) = Store::open_on(scratch.dir(), hurried(), disk).unwrap();
    let held_up = gate.write();
    let mut flood = Flood {
        store: &store,
        next: 1,
    };
    while !store.is_congested() {
        assert!(flood.next < 200_000, "{:?}", store.stats());
        flood.batch();
    }
    let live = store.stats().live * 440;
    let target = (live * 10 / 3).max(hurried().compact_above);
    let most_owed = DEBT_CHECKPOINTS_MAX * hurried().checkpoint_bytes;
    let bound = target + 4 * (64 << 10) + 2 * most_owed;
    let disk = disk_bytes(&scratch);
    assert!(disk <= bound, "{disk} > {bound}");
    // It waits for somebody else, not for this.
    assert_eq!(store.stats().pending_bytes, 0);
    drop(held_up);
    // Whoever waits for a commit to ask again gets one, though nobody else does anything.
    let mut committed = store.committed();
    while store.is_congested() {
        committed.0 += 1;
        store.wait(committed).unwrap();
    }
    assert!(store.stats().relocated_bytes > 0);
}
