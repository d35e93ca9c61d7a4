//! The store against a model of a few lines, over random operations and restarts.

use proptest::prelude::*;

use super::*;

#[derive(Clone, Debug)]
enum Step {
    Append {
        queue: u32,
        lens: Vec<usize>,
        gap: u64,
    },
    Fanout {
        queues: Vec<u32>,
        len: usize,
    },
    Settle {
        queue: u32,
        picks: Vec<prop::sample::Index>,
    },
    Purge {
        queue: u32,
        first: u64,
        len: u64,
    },
    Drop {
        queue: u32,
    },
    Put {
        key: u8,
        len: usize,
    },
    Remove {
        key: u8,
    },
    Wait,
    Checkpoint,
    Close,
    Crash,
}

fn step() -> impl Strategy<Value = Step> {
    let queue = || 0u32..3;
    prop_oneof![
        6 => (queue(), prop::collection::vec(0usize..3000, 1..40), 0u64..3).prop_map(|(queue, lens, gap)| Step::Append { queue, lens, gap }),
        2 => (queue(), prop::collection::vec(1usize..5, 100..700)).prop_map(|(queue, lens)| Step::Append { queue, lens, gap: 0 }),
        2 => (prop::collection::vec(queue(), 1..4), 0usize..3000).prop_map(|(queues, len)| Step::Fanout { queues, len }),
        6 => (queue(), prop::collection::vec(any::<prop::sample::Index>(), 1..200)).prop_map(|(queue, picks)| Step::Settle { queue, picks }),
        2 => (queue(), 0u64..2000, 0u64..2000).prop_map(|(queue, first, len)| Step::Purge { queue, first, len }),
        1 => queue().prop_map(|queue| Step::Drop { queue }),
        2 => (0u8..4, 0usize..20_000).prop_map(|(key, len)| Step::Put { key, len }),
        1 => (0u8..4).prop_map(|key| Step::Remove { key }),
        2 => Just(Step::Wait),
        2 => Just(Step::Checkpoint),
        1 => Just(Step::Close),
        2 => Just(Step::Crash),
    ]
}

#[derive(Default)]
struct Model {
    /// By slot: the present id, the next number, and the live messages.
    queues: [(u32, u64, BTreeMap<u64, Body>); 3],
    next_id: u32,
    entries: BTreeMap<Vec<u8>, Vec<u8>>,
    last: Ticket,
    made: u64,
}

impl Model {
    fn body(&mut self, len: usize) -> Body {
        self.made += 1;
        let byte = self.made as u8;
        let head = Bytes::from(self.made.to_be_bytes().to_vec());
        Body {
            head,
            tail: len.is_multiple_of(2).then(|| Bytes::from(vec![byte; len])),
        }
    }

    fn id(&mut self, slot: u32) -> QueueId {
        let queue = &mut self.queues[slot as usize];
        if queue.0 == 0 {
            self.next_id += 1;
            *queue = (self.next_id, 1, BTreeMap::new());
        }
        QueueId(queue.0)
    }

    fn append(&mut self, store: &Store, slot: u32, bodies: Vec<Body>) {
        let id = self.id(slot);
        let (_, next, live) = &mut self.queues[slot as usize];
        let first = *next;
        *next += bodies.len() as u64;
        live.extend((first..).zip(bodies.iter().cloned()));
        self.last = store.append(id, first, bodies);
    }

    fn apply(&mut self, store: &Store, step: &Step) {
        match step {
            Step::Append { queue, lens, gap } => {
                self.id(*queue);
                self.queues[*queue as usize].1 += gap;
                let bodies = lens.iter().map(|len| self.body(*len)).collect();
                self.append(store, *queue, bodies);
            }
            Step::Fanout { queues, len } => {
                let body = self.body(*len);
                for queue in queues {
                    self.append(store, *queue, vec![body.clone()]);
                }
            }
            Step::Settle { queue, picks } => {
                let id = self.id(*queue);
                let live = &mut self.queues[*queue as usize].2;
                let mut seqs: Vec<u64> = live.keys().copied().collect();
                if seqs.is_empty() {
                    return;
                }
                seqs = picks
                    .iter()
                    .map(|pick| seqs[pick.index(seqs.len())])
                    .collect();
                seqs.iter().for_each(|seq| drop(live.remove(seq)));
                store.settle(id, &seqs);
            }
            Step::Purge { queue, first, len } => {
                let id = self.id(*queue);
                let last = first + len;
                self.queues[*queue as usize]
                    .2
                    .retain(|seq, _| seq < first || *seq > last);
                self.last = store.purge(id, &[(*first, last)]);
            }
            Step::Drop { queue } => {
                self.last = store.drop_queue(self.id(*queue));
                self.queues[*queue as usize] = Default::default();
            }
            Step::Put { key, len } => {
                let value = vec![*key; *len];
                self.last = store.put(&[*key], &value);
                self.entries.insert(vec![*key], value);
            }
            Step::Remove { key } => {
                self.last = store.remove(&[*key]);
                self.entries.remove(&vec![*key]);
            }
            Step::Wait => store.wait(self.last).unwrap(),
            Step::Checkpoint | Step::Close | Step::Crash => store.checkpoint().unwrap(),
        }
    }

    fn check(&self, store: &Store) {
        let mut live = 0;
        for (id, _, messages) in &self.queues {
            let expected: Vec<_> = messages
                .iter()
                .map(|(seq, body)| (*seq, body.clone()))
                .collect();
            assert_eq!(
                store.read(QueueId(*id), 0, usize::MAX, usize::MAX).unwrap(),
                expected
            );
            live += expected.len() as u64;
        }
        assert_eq!(store.stats().live, live);
    }

    fn check_recovered(&self, recovered: &Recovered) {
        assert_eq!(recovered.entries, self.entries);
        for queue in &recovered.queues {
            let found = self.queues.iter().find(|(id, ..)| *id == queue.id.0);
            let (_, next, messages) = found.expect("a dropped queue came back");
            assert_eq!(queue.live, messages.len() as u64);
            let bytes: usize = messages.values().map(Body::len).sum();
            assert_eq!(queue.live_bytes, bytes as u64);
            assert!(queue.next_seq <= *next);
            let first = messages.keys().next().copied().unwrap_or(queue.next_seq);
            assert_eq!(queue.first_seq, first);
            assert!(
                messages
                    .keys()
                    .next_back()
                    .is_none_or(|last| *last < queue.next_seq)
            );
        }
        for (id, _, messages) in &self.queues {
            let known = recovered.queues.iter().any(|queue| queue.id.0 == *id);
            assert!(known || messages.is_empty());
        }
    }
}

/// Everything that was handed over is written, settlements included, but no checkpoint.
fn settle_down(store: &Store, last: Ticket) {
    store.wait(last).unwrap();
    // A barrier of its own kind: an entry that is not there.
    store.wait(store.remove(b"barrier")).unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn it_behaves_like_the_model(steps in prop::collection::vec(step(), 1..60)) {
        let mut scratch = Scratch::new();
        let mut model = Model::default();
        let (mut store, _) = open(&scratch);
        for step in &steps {
            match step {
                Step::Close | Step::Crash => {
                    settle_down(&store, model.last);
                    model.check(&store);
                    let clean = matches!(step, Step::Close);
                    if clean {
                        store.close().unwrap();
                    } else {
                        let crashed = scratch.copy();
                        store.abandon();
                        scratch = crashed;
                    }
                    let (reopened, recovered) = open(&scratch);
                    model.check_recovered(&recovered);
                    prop_assert!(recovered.clean || !clean);
                    model.check(&reopened);
                    model.last = Ticket(0);
                    // A restart takes its next numbers from what was recovered.
                    for queue in &recovered.queues {
                        for mine in model.queues.iter_mut().filter(|q| q.0 == queue.id.0) {
                            mine.1 = queue.next_seq;
                        }
                    }
                    store = reopened;
                }
                step => model.apply(&store, step),
            }
        }
        settle_down(&store, model.last);
        model.check(&store);
    }
}
