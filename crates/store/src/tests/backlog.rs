//! Queues so long that most of their index is not in memory.

use super::*;

const LEN: u64 = 20_000;

fn long_queue(store: &Store) {
    for first in (1..=LEN).step_by(1000) {
        let bodies = (first..first + 1000)
            .map(|n| body(&n.to_string()))
            .collect();
        store.wait(store.append(Q, first, bodies)).unwrap();
    }
    store.checkpoint().unwrap();
}

fn seqs(store: &Store, from: u64, count: usize) -> Vec<u64> {
    let read = store.read(Q, from, count, usize::MAX).unwrap();
    read.iter()
        .map(|(seq, body)| {
            assert_eq!(text(body), seq.to_string());
            *seq
        })
        .collect()
}

#[test]
fn a_backlog_is_read_and_settled_anywhere() {
    let scratch = Scratch::new();
    let (store, _) = open(&scratch);
    long_queue(&store);
    assert_eq!(seqs(&store, 1, usize::MAX), (1..=LEN).collect::<Vec<_>>());
    assert_eq!(seqs(&store, 700, 5), [700, 701, 702, 703, 704]);
    // Every 600th, so that every chunk has to come back.
    let settled: Vec<u64> = (1..=LEN).step_by(600).collect();
    store.settle(Q, &settled);
    store.checkpoint().unwrap();
    let left: Vec<u64> = (1..=LEN).filter(|seq| !settled.contains(seq)).collect();
    assert_eq!(seqs(&store, 0, usize::MAX), left);
    store.abandon();
    let (store, recovered) = open(&scratch);
    assert_eq!(recovered.queues[0].live, left.len() as u64);
    assert_eq!(recovered.queues[0].first_seq, 2);
    assert_eq!(seqs(&store, 0, usize::MAX), left);
}

#[test]
fn a_purge_leaves_what_is_outside_its_range() {
    let scratch = Scratch::new();
    let (store, _) = open(&scratch);
    long_queue(&store);
    let ticket = store.purge(Q, &[(1000, 9000), (10_000, LEN - 1)]);
    store.wait(ticket).unwrap();
    let left: Vec<u64> = (1..1000).chain(9001..10_000).chain([LEN]).collect();
    assert_eq!(seqs(&store, 0, usize::MAX), left);
    assert_eq!(store.stats().live, left.len() as u64);
    for close in [false, true] {
        store.checkpoint().unwrap();
        let copy = scratch.copy();
        let (store, recovered) = open(&copy);
        assert_eq!(recovered.queues[0].live, left.len() as u64);
        assert_eq!(seqs(&store, 0, usize::MAX), left);
        if close {
            store.close().unwrap();
            let (store, _) = open(&copy);
            assert_eq!(seqs(&store, 0, usize::MAX), left);
        }
    }
}

#[test]
fn a_dropped_backlog_does_not_come_back_and_frees_its_segments() {
    let scratch = Scratch::new();
    let (store, _) = open(&scratch);
    long_queue(&store);
    let before = scratch.segments().len();
    store.wait(store.drop_queue(Q)).unwrap();
    store.wait(append(&store, R, 1, &["other"])).unwrap();
    store.checkpoint().unwrap();
    assert!(scratch.segments().len() < before);
    assert_eq!(store.stats().live, 1);
    let copy = scratch.copy();
    let (store, recovered) = open(&copy);
    assert_eq!(recovered.queues.len(), 1);
    assert_eq!(store.stats().live, 1);
}

#[test]
fn appending_to_an_evicted_tail_continues_it() {
    let scratch = Scratch::new();
    let (store, _) = open(&scratch);
    for queue in 1..=10 {
        store.append(QueueId(queue), 1, vec![body("first")]);
    }
    store.checkpoint().unwrap();
    for queue in 1..=10 {
        store.append(QueueId(queue), 2, vec![body("second")]);
    }
    store.checkpoint().unwrap();
    store.abandon();
    let (store, _) = open(&scratch);
    for queue in 1..=10 {
        assert_eq!(
            texts(&store, QueueId(queue)),
            [(1, "first".to_owned()), (2, "second".to_owned())]
        );
    }
}
