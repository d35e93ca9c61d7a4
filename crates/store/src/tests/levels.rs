//! Durability that does not wait for syncs, and looking into a stopped store.

use super::sim::{Operation, Sim, Unsynced, Verdict};
use super::*;
use crate::{Durability, inspect};

fn written(every: Duration) -> Options {
    Options {
        durability: Durability::Written { sync_every: every },
        ..options()
    }
}

#[test]
fn written_tickets_wait_for_no_sync_and_survive_a_kill() {
    let (scratch, sim) = (Scratch::new(), Sim::new());
    let every = Duration::from_secs(3600);
    let (store, _) = Store::open_on(scratch.dir(), written(every), Arc::new(sim.clone())).unwrap();
    sim.on_operation(|_, now| match now {
        Operation::Sync => Verdict::Fail,
        _ => Verdict::Go,
    });
    store.wait(append(&store, Q, 1, &["a", "b"])).unwrap();
    store.abandon();
    let sim = sim.after_power_loss(Unsynced::Kept, &mut |_| 0);
    let (store, _) = Store::open_on(scratch.dir(), options(), Arc::new(sim)).unwrap();
    assert_eq!(texts(&store, Q).len(), 2);
}

#[test]
fn written_tickets_are_synced_soon() {
    let (scratch, sim) = (Scratch::new(), Sim::new());
    let every = Duration::from_millis(1);
    let (store, _) = Store::open_on(scratch.dir(), written(every), Arc::new(sim.clone())).unwrap();
    let (synced, heard) = std::sync::mpsc::channel();
    store.wait(append(&store, Q, 1, &["a"])).unwrap();
    sim.on_operation(move |_, now| {
        if now == Operation::Sync {
            let _ = synced.send(());
        }
        Verdict::Go
    });
    store.wait(append(&store, Q, 2, &["b"])).unwrap();
    heard.recv().unwrap();
    store.close().unwrap();
}

#[test]
fn inspecting_counts_and_verifies_and_changes_nothing() {
    let scratch = Scratch::new();
    let (store, _) = open(&scratch);
    store.wait(append(&store, Q, 1, &["a", "b", "c"])).unwrap();
    store.wait(append(&store, R, 1, &["d"])).unwrap();
    store.put(b"key", b"value");
    store.wait(store.purge(Q, &[(1, 1)])).unwrap();
    let other = Scratch::new();
    assert!(matches!(
        inspect(scratch.dir(), other.dir()),
        Err(Error::InUse(_))
    ));
    store.close().unwrap();
    drop(store);
    let before = tree(scratch.dir());
    let found = inspect(scratch.dir(), other.dir()).unwrap();
    assert_eq!(tree(scratch.dir()), before);
    assert_eq!(found.entries.len(), 1);
    assert_eq!(found.damaged, []);
    assert_eq!(found.database, None);
    let counts: Vec<_> = found
        .queues
        .iter()
        .map(|q| (q.id, q.live, q.unreadable))
        .collect();
    assert_eq!(counts, [(Q, 2, 0), (R, 1, 0)]);
    assert_eq!(found.segments.len(), 1);
    assert_eq!((found.segments[0].live, found.segments[0].records), (3, 8));
    assert_eq!(found.checkpoint, Some((2, 0)));

    let segment = scratch.segments()[0].clone();
    let mut bytes = fs::read(&segment).unwrap();
    bytes[64 + 32 + 24] ^= 1;
    fs::write(&segment, bytes).unwrap();
    let found = inspect(scratch.dir(), other.dir()).unwrap();
    assert_eq!(found.damaged.len(), 1);
    assert_eq!(found.queues[0].unreadable, 1);
    fs::remove_dir_all(scratch.dir().join("meta")).unwrap();
    let found = inspect(scratch.dir(), other.dir()).unwrap();
    assert_eq!(found.entries.len(), 1);
    assert!(!scratch.dir().join("meta").exists());
}

fn tree(dir: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(tree(&path));
        } else {
            files.insert(path.clone(), fs::read(path).unwrap());
        }
    }
    files
}
