//! Random histories on a simulated disk whose power goes before any operation, against a model.
//!
//! There are no threads: the test does their work step by step, so a case always runs the same.

use std::sync::atomic::AtomicBool;

use parking_lot::Mutex;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use super::sim::{Operation, Sim, Unsynced, Verdict};
use super::*;
use crate::Durability;
use crate::background;
use crate::checkpoint::{self, Kind};
use crate::commit::Commit;
use crate::compaction::Compaction;
use crate::layout::Layout;
use crate::log::lane::Lane;
use crate::marker::Marker;
use crate::meta::{Batch, MetaStore, Visit};
use crate::recover::{self, Needed};
use crate::salvage::OnDamage;
use crate::shared::Shared;

type Entries = BTreeMap<Vec<u8>, Vec<u8>>;

/// A database in memory. Its batches are atomic, and durable once they return.
struct MemMeta {
    rows: Mutex<Entries>,
    sim: Sim,
    /// What becomes of the batch during which the power goes.
    keep_last: AtomicBool,
}

impl MetaStore for MemMeta {
    // That a staged batch is lost shows no less if the power goes while it is staged.
    fn stage(&self, batch: Batch) -> Result<(), Error> {
        self.apply(batch)
    }

    fn apply(&self, batch: Batch) -> Result<(), Error> {
        let asked = self.sim.ask(Operation::Meta);
        if asked.is_ok() || self.keep_last.swap(false, Ordering::Relaxed) {
            let mut rows = self.rows.lock();
            for (key, row) in batch.into_writes() {
                match row {
                    Some(row) => rows.insert(key, row),
                    None => rows.remove(&key),
                };
            }
        }
        asked
            .map(drop)
            .map_err(Error::io("apply", Path::new("meta")))
    }

    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        Ok(self.rows.lock().get(key).cloned())
    }

    fn scan(&self, prefix: u8, visit: Visit<'_>) -> Result<(), Error> {
        let rows = self.rows.lock().clone();
        let rows = rows.iter().filter(|(key, _)| key[0] == prefix);
        rows.into_iter().try_for_each(|(key, row)| visit(key, row))
    }

    fn path(&self) -> &Path {
        Path::new("meta")
    }
}

#[derive(Clone, Debug)]
enum Step {
    Append {
        queue: usize,
        count: usize,
        len: usize,
    },
    Spill {
        queue: usize,
        count: usize,
        len: usize,
    },
    Fanout {
        len: usize,
    },
    Settle {
        queue: usize,
        from: usize,
        count: usize,
        stride: usize,
    },
    Purge {
        queue: usize,
        from: usize,
        count: usize,
    },
    Drop {
        queue: usize,
    },
    Put {
        key: u8,
        len: usize,
    },
    Remove {
        key: u8,
    },
    Commit,
    Sync,
    Checkpoint,
}

/// From one start to the next crash.
#[derive(Clone, Debug)]
struct Life {
    steps: Vec<Step>,
    /// Disk operations until the power goes.
    power: u64,
    fate: Unsynced,
    keep_last: bool,
    lose_meta: bool,
    random: u64,
    durability: Durability,
}

/// The background's pause does not matter here: it syncs when a step says so.
const WRITTEN: Durability = Durability::Written {
    sync_every: Duration::ZERO,
};

impl Life {
    /// Whether a commit is safe from the way this life ends without a sync.
    fn commits_last(&self) -> bool {
        self.durability == Durability::Synced || self.fate == Unsynced::Kept
    }
}

fn step() -> impl Strategy<Value = Step> {
    let queue = || 0usize..3;
    prop_oneof![
        5 => (queue(), 1usize..30, 0usize..1500).prop_map(|(queue, count, len)| Step::Append { queue, count, len }),
        3 => (queue(), 200usize..900, 0usize..8).prop_map(|(queue, count, len)| Step::Append { queue, count, len }),
        1 => (queue(), 1usize..30, 0usize..300).prop_map(|(queue, count, len)| Step::Spill { queue, count, len }),
        1 => (0usize..2000).prop_map(|len| Step::Fanout { len }),
        5 => (queue(), 0usize..2000, 1usize..1500, 1usize..4).prop_map(|(queue, from, count, stride)| Step::Settle { queue, from, count, stride }),
        2 => (queue(), 0usize..2000, 1usize..1500).prop_map(|(queue, from, count)| Step::Purge { queue, from, count }),
        1 => queue().prop_map(|queue| Step::Drop { queue }),
        2 => (0u8..4, 0usize..3000).prop_map(|(key, len)| Step::Put { key, len }),
        1 => (0u8..4).prop_map(|key| Step::Remove { key }),
        6 => Just(Step::Commit),
        2 => Just(Step::Sync),
        4 => Just(Step::Checkpoint),
    ]
}

fn life() -> impl Strategy<Value = Life> {
    let fate = prop_oneof![
        Just(Unsynced::Lost),
        Just(Unsynced::Kept),
        Just(Unsynced::Torn),
        Just(Unsynced::Reordered)
    ];
    (
        prop::collection::vec(step(), 0..40),
        prop_oneof![0u64..10, 0u64..60, 0u64..400],
        fate,
        any::<bool>(),
        prop::bool::weighted(0.12),
        any::<u64>(),
        prop_oneof![3 => Just(Durability::Synced), 1 => Just(WRITTEN)],
    )
        .prop_map(
            |(steps, power, fate, keep_last, lose_meta, random, durability)| Life {
                steps,
                power,
                fate,
                keep_last,
                lose_meta,
                random,
                durability,
            },
        )
}

/// What became of one message, as far as a crash is concerned.
#[derive(Clone, Debug)]
struct Fate {
    body: Body,
    /// Committed: it has to be there.
    must: bool,
    /// Settled, and when that is committed it must not be there.
    settled: bool,
    spilled: bool,
}

#[derive(Clone, Debug, Default)]
struct Queue {
    id: u32,
    next: u64,
    messages: BTreeMap<u64, Fate>,
}

#[derive(Default)]
struct Model {
    queues: [Queue; 3],
    /// Queues that were dropped; until that is committed they may come back.
    dropped: Vec<Queue>,
    /// All messages ever, for a database that was lost.
    ever: BTreeMap<(u32, u64), Vec<Body>>,
    next_id: u32,
    made: u64,
    entries: Entries,
    /// Every state of the entries since the last commit.
    possible: Vec<Entries>,
}

impl Model {
    fn bodies(&mut self, count: usize, len: usize) -> Vec<Body> {
        let body = |_| {
            self.made += 1;
            Body {
                head: Bytes::from(self.made.to_be_bytes().to_vec()),
                tail: Some(Bytes::from(vec![self.made as u8; len])),
            }
        };
        (0..count).map(body).collect()
    }

    fn add(&mut self, queue: usize, bodies: &[Body], spilled: bool) -> (QueueId, u64) {
        let queue = &mut self.queues[queue];
        if queue.id == 0 {
            self.next_id += 1;
            (queue.id, queue.next) = (self.next_id, 1);
        }
        let first = queue.next;
        for body in bodies {
            let fate = Fate {
                body: body.clone(),
                must: false,
                settled: false,
                spilled,
            };
            queue.messages.insert(queue.next, fate);
            let ever = self.ever.entry((queue.id, queue.next)).or_default();
            ever.push(body.clone());
            queue.next += 1;
        }
        (QueueId(queue.id), first)
    }

    fn settle(&mut self, queue: usize, from: usize, count: usize, stride: usize) -> Vec<u64> {
        let live = self.queues[queue].messages.iter_mut();
        let live = live.filter(|(_, fate)| !fate.settled);
        let picked = live.skip(from).step_by(stride).take(count);
        let settled = |(seq, fate): (&u64, &mut Fate)| {
            fate.settled = true;
            *seq
        };
        picked.map(settled).collect()
    }

    fn apply(&mut self, store: &Store, step: &Step) {
        match *step {
            Step::Append { queue, count, len } => {
                let bodies = self.bodies(count, len);
                let (id, first) = self.add(queue, &bodies, false);
                store.append(id, first, bodies);
            }
            Step::Spill { queue, count, len } => {
                let bodies = self.bodies(count, len);
                let (id, first) = self.add(queue, &bodies, true);
                store.spill(id, first, bodies);
            }
            Step::Fanout { len } => {
                let bodies = self.bodies(1, len);
                for queue in 0..3 {
                    let (id, first) = self.add(queue, &bodies, false);
                    store.append(id, first, bodies.clone());
                }
            }
            Step::Settle {
                queue,
                from,
                count,
                stride,
            } => {
                let seqs = self.settle(queue, from, count, stride);
                store.settle(QueueId(self.queues[queue].id), &seqs);
            }
            Step::Purge { queue, from, count } => {
                let seqs = self.settle(queue, from, count, 1);
                if let (Some(first), Some(last)) = (seqs.first(), seqs.last()) {
                    store.purge(QueueId(self.queues[queue].id), &[(*first, *last)]);
                }
            }
            Step::Drop { queue } => {
                let queue = std::mem::take(&mut self.queues[queue]);
                store.drop_queue(QueueId(queue.id));
                self.dropped.push(queue);
            }
            Step::Put { key, len } => {
                let value = vec![self.made as u8; len];
                store.put(&[key], &value);
                self.entries.insert(vec![key], value);
                self.possible.push(self.entries.clone());
            }
            Step::Remove { key } => {
                store.remove(&[key]);
                self.entries.remove(&vec![key]);
                self.possible.push(self.entries.clone());
            }
            Step::Commit | Step::Sync | Step::Checkpoint => {}
        }
    }

    /// A group was committed. If it was `synced`, what it settled stays settled.
    fn committed(&mut self, synced: bool) {
        self.possible = vec![self.entries.clone()];
        for queue in &mut self.queues {
            for fate in queue.messages.values_mut() {
                fate.must |= !fate.spilled;
            }
            if synced {
                queue.messages.retain(|_, fate| !fate.settled);
            }
        }
        self.dropped.clear();
    }

    /// The store is as it should be while it runs and nothing is pending.
    fn check(&self, store: &Store) {
        let mut live = 0;
        for queue in &self.queues {
            let expected: Vec<_> = queue
                .messages
                .iter()
                .filter(|(_, fate)| !fate.settled)
                .map(|(seq, fate)| (*seq, fate.body.clone()))
                .collect();
            live += expected.len() as u64;
            let found = store.read(QueueId(queue.id), 0, usize::MAX, usize::MAX);
            assert_eq!(found.unwrap(), expected);
        }
        assert_eq!(store.stats().live, live);
    }

    /// What was found after a crash is allowed. From now on it is what there is.
    fn recovered(&mut self, store: &Store, recovered: &Recovered, rebuilt: bool) {
        assert!(self.possible.contains(&recovered.entries), "entries");
        self.entries = recovered.entries.clone();
        self.possible = vec![self.entries.clone()];
        for queue in &recovered.queues {
            let known = self.queues.iter().chain(&self.dropped);
            let known = known.into_iter().any(|q| q.id == queue.id.0);
            assert!(known || rebuilt, "a dropped queue came back");
            let dropped = self.dropped.iter().find(|q| q.id == queue.id.0);
            // A drop that was not committed may not have happened; then it happens now.
            if dropped.is_some() || !known {
                store.drop_queue(queue.id);
            }
        }
        for queue in &mut self.queues {
            let found = store
                .read(QueueId(queue.id), 0, usize::MAX, usize::MAX)
                .unwrap();
            let state = recovered.queues.iter().find(|q| q.id.0 == queue.id);
            assert_eq!(found.len() as u64, state.map_or(0, |q| q.live));
            let found: BTreeMap<u64, Body> = found.into_iter().collect();
            for (seq, fate) in &queue.messages {
                let must = fate.must && !fate.settled;
                assert!(
                    !must || found.contains_key(seq),
                    "lost {seq} of {}",
                    queue.id
                );
            }
            for (seq, body) in &found {
                let allowed = queue
                    .messages
                    .get(seq)
                    .is_some_and(|fate| fate.body == *body && !fate.spilled);
                let ever = || self.ever[&(queue.id, *seq)].contains(body);
                assert!(
                    allowed || (rebuilt && ever()),
                    "{seq} of {} came back",
                    queue.id
                );
            }
            if let Some(state) = state {
                assert_eq!(
                    found.keys().next().copied().unwrap_or(state.next_seq),
                    state.first_seq
                );
                assert!(
                    found
                        .keys()
                        .next_back()
                        .is_none_or(|last| *last < state.next_seq)
                );
            }
            queue.next = state.map_or(1, |state| state.next_seq);
            let fate = |body| Fate {
                body,
                must: true,
                settled: false,
                spilled: false,
            };
            queue.messages = found
                .into_iter()
                .map(|(seq, body)| (seq, fate(body)))
                .collect();
        }
    }
}

fn random(mut state: u64) -> impl FnMut(usize) -> usize {
    move |below| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below.max(1)
    }
}

/// Runs one life on the disk; what it does is told to the model.
fn live(
    life: &Life,
    model: &mut Model,
    scratch: &Scratch,
    meta: &Arc<MemMeta>,
) -> Result<(), Error> {
    let sim = &meta.sim;
    let options = Options {
        segment_bytes: 16 << 10,
        compact_above: 32 << 10,
        durability: life.durability,
        ..options()
    };
    // A child that another test is about to start has the lock for an instant.
    let layout = loop {
        match Layout::open(scratch.dir()) {
            Err(Error::InUse(_)) => std::thread::yield_now(),
            layout => break layout?,
        }
    };
    let (marker, generation) = Marker::open(sim, &layout.log())?;
    let (lane, segments) = Lane::open(Arc::new(sim.clone()), layout.log(), options.segment_bytes)?;
    let (recovery, rebuilt) =
        match recover::recover(&lane, &segments, &**meta, generation, OnDamage::Refuse) {
            Err(error) if error.is_of_meta() => {
                meta.rows.lock().clear();
                (
                    recover::rebuild(&lane, &segments, &**meta, generation, OnDamage::Refuse)?,
                    true,
                )
            }
            recovery => (recovery?, life.lose_meta),
        };
    let next = recovery.index.end.segment;
    let own: Arc<dyn MetaStore> = Arc::clone(meta) as _;
    let parts = (own, marker, recovery.generation);
    let shared = Arc::new(Shared::new(options, layout, lane, recovery.index, parts));
    let store = Store::without_threads(Arc::clone(&shared));
    if recovery.checkpoint == Needed::Yes {
        checkpoint::write(&shared, Kind::Regular)?;
    }
    model.recovered(&store, &recovery.recovered, rebuilt);
    let mut commit = Commit::new(&shared, next);
    let mut compaction = Compaction::new(&shared, recovery.next_survivors);
    for step in &life.steps {
        model.apply(&store, step);
        match step {
            Step::Commit => {
                store.checkpoint_barrier();
                commit.step()?;
                if life.commits_last() {
                    model.committed(false);
                }
                model.check(&store);
            }
            Step::Sync => {
                store.remove(b"nothing");
                commit.step()?;
                if life.durability == WRITTEN {
                    background::step(&shared, &mut None)?;
                }
                model.committed(true);
                model.check(&store);
            }
            Step::Checkpoint => {
                store.checkpoint_barrier();
                commit.step()?;
                let end = checkpoint::write(&shared, Kind::Regular)?;
                model.committed(true);
                compaction.run(end, 100_000)?;
                model.check(&store);
            }
            _ => {}
        }
    }
    Ok(())
}

fn run(lives: &[Life]) {
    let scratch = Scratch::new();
    let mut model = Model {
        possible: vec![Entries::new()],
        ..Model::default()
    };
    let mut meta = Arc::new(MemMeta {
        rows: Mutex::default(),
        sim: Sim::new(),
        keep_last: AtomicBool::new(false),
    });
    let last = Life {
        steps: Vec::new(),
        power: u64::MAX,
        fate: Unsynced::Lost,
        keep_last: false,
        lose_meta: false,
        random: 0,
        durability: Durability::Synced,
    };
    let mut lost_meta = false;
    for life in lives.iter().chain([&last]) {
        let off_at = life.power;
        meta.sim.on_operation(move |number, _| {
            if number >= off_at {
                Verdict::PowerOff
            } else {
                Verdict::Go
            }
        });
        meta.keep_last.store(life.keep_last, Ordering::Relaxed);
        let this = Life {
            lose_meta: lost_meta,
            ..life.clone()
        };
        if let Err(error) = live(&this, &mut model, &scratch, &meta) {
            assert!(meta.sim.is_off(), "{error}");
        }
        // Once messages may be back, they may be so until a start has been survived.
        let mut random = random(life.random);
        let sim = meta.sim.after_power_loss(life.fate, &mut random);
        lost_meta |= life.lose_meta;
        let rows = if life.lose_meta {
            Entries::new()
        } else {
            meta.rows.lock().clone()
        };
        meta = Arc::new(MemMeta {
            rows: Mutex::new(rows),
            sim,
            keep_last: AtomicBool::new(false),
        });
    }
}

/// The same 1,500 histories in every run. `LEVERET_HISTORIES=N` runs N new ones, to go looking.
fn histories() -> ProptestConfig {
    let fresh = std::env::var("LEVERET_HISTORIES")
        .ok()
        .and_then(|n| n.parse().ok());
    let (cases, rng_seed) = match fresh {
        Some(cases) => (cases, RngSeed::Random),
        None => (1500, RngSeed::Fixed(1)),
    };
    ProptestConfig {
        cases,
        rng_seed,
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(histories())]

    #[test]
    fn nothing_committed_is_lost_however_the_power_goes(lives in prop::collection::vec(life(), 1..5)) {
        run(&lives);
    }
}

/// Found by the histories: an old snapshot, written before the queue existed, made a rebuild drop
/// the copies that compaction had made of its messages.
#[test]
fn a_rebuild_keeps_the_survivors_of_queues_that_old_snapshots_do_not_name() {
    let append = |queue, count, len| Step::Append { queue, count, len };
    run(&[Life {
        steps: vec![
            append(0, 340, 1),
            append(2, 339, 1),
            append(2, 200, 0),
            Step::Commit,
            Step::Drop { queue: 2 },
            Step::Checkpoint,
            Step::Checkpoint,
            Step::Checkpoint,
        ],
        power: 27,
        fate: Unsynced::Kept,
        keep_last: false,
        lose_meta: true,
        random: 0,
        durability: Durability::Synced,
    }]);
}

/// Found by the histories: the marker's slot followed from the generation, and after a checkpoint
/// that freed nothing a torn write took the only generation there was.
#[test]
fn a_rebuild_knows_of_freed_segments_when_the_marker_was_torn() {
    let append = |queue, count, len| Step::Append { queue, count, len };
    let life = |steps, power| Life {
        steps,
        power,
        fate: Unsynced::Lost,
        keep_last: false,
        lose_meta: false,
        random: 0,
        durability: Durability::Synced,
    };
    run(&[
        life(
            vec![
                Step::Drop { queue: 0 },
                Step::Commit,
                append(0, 814, 0),
                Step::Sync,
            ],
            11,
        ),
        life(
            vec![
                Step::Sync,
                Step::Checkpoint,
                Step::Checkpoint,
                Step::Drop { queue: 0 },
                append(0, 678, 1),
                Step::Commit,
            ],
            21,
        ),
        Life {
            fate: Unsynced::Torn,
            lose_meta: true,
            random: 4_126_718_127_471_454_933,
            ..life(Vec::new(), 6)
        },
    ]);
}
