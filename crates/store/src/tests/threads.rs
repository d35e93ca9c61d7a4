//! Several threads at once, and failures.

use super::*;

#[test]
fn a_failed_write_stops_the_store_for_good() {
    let scratch = Scratch::new();
    let failed = Arc::new(AtomicU64::new(0));
    let hears = Arc::clone(&failed);
    let on_failure = Box::new(move |error: &Error| {
        assert!(matches!(error, Error::Io { .. }), "{error}");
        hears.fetch_add(1, Ordering::SeqCst);
    });
    let (store, _) = Store::open(
        scratch.dir(),
        Options {
            on_failure,
            ..options()
        },
    )
    .unwrap();
    store.wait(append(&store, Q, 1, &["a"])).unwrap();
    let committed = store.committed();
    // The next segment cannot be made.
    fs::create_dir(scratch.dir().join("log/q/0000000002.seg")).unwrap();
    let large = "x".repeat(100_000);
    let ticket = append(&store, Q, 2, &[&large]);
    let error = store.wait(ticket).unwrap_err();
    assert!(matches!(error, Error::Failed(_)), "{error}");
    assert_eq!(store.committed(), committed);
    assert!(store.failure().is_some());
    assert!(!store.is_congested());
    let late = append(&store, Q, 3, &["late"]);
    assert!(matches!(store.wait(late), Err(Error::Failed(_))));
    assert!(matches!(store.checkpoint(), Err(Error::Failed(_))));
    assert!(matches!(store.close(), Err(Error::Failed(_))));
    assert_eq!(failed.load(Ordering::SeqCst), 1);
    fs::remove_dir(scratch.dir().join("log/q/0000000002.seg")).unwrap();
    let (store, _) = open(&scratch);
    assert_eq!(texts(&store, Q), [(1, "a".to_owned())]);
}

#[test]
fn readers_see_whole_messages_while_segments_are_recycled() {
    let scratch = Scratch::new();
    let every = Duration::from_millis(5);
    let options = Options {
        checkpoint_every: every,
        ..options()
    };
    let (store, _) = Store::open(scratch.dir(), options).unwrap();
    let head = Arc::new(AtomicU64::new(1));
    let done = Arc::new(AtomicU64::new(0));
    let readers: Vec<_> = (0..2)
        .map(|_| {
            let (store, head, done) = (store.clone(), Arc::clone(&head), Arc::clone(&done));
            std::thread::spawn(move || {
                while done.load(Ordering::Relaxed) == 0 {
                    let from = head.load(Ordering::Relaxed);
                    for (seq, body) in store.read(Q, from, 100, 1 << 20).unwrap() {
                        assert!(text(&body).starts_with(&format!("{seq} ")));
                    }
                }
            })
        })
        .collect();
    let padding = "p".repeat(500);
    let mut seq = 1;
    for _ in 0..300 {
        let bodies = (seq..seq + 20)
            .map(|seq| body(&format!("{seq} {padding}")))
            .collect();
        store.wait(store.append(Q, seq, bodies)).unwrap();
        seq += 20;
        let settled: Vec<u64> = (head.load(Ordering::Relaxed)..seq - 40.min(seq - 1)).collect();
        store.settle(Q, &settled);
        head.store(seq - 40.min(seq - 1), Ordering::Relaxed);
    }
    done.store(1, Ordering::Relaxed);
    readers
        .into_iter()
        .for_each(|reader| reader.join().unwrap());
    assert!(store.stats().checkpoints > 0);
    store.close().unwrap();
}

#[test]
fn many_publishers_share_groups_and_lose_nothing() {
    let scratch = Scratch::new();
    let (store, _) = open(&scratch);
    let publishers: Vec<_> = (1..=8)
        .map(|queue| {
            let store = store.clone();
            std::thread::spawn(move || {
                for seq in 1..=200 {
                    let ticket = append(&store, QueueId(queue), seq, &["message"]);
                    if seq % 10 == 0 {
                        store.wait(ticket).unwrap();
                        assert!(store.committed() >= ticket);
                    }
                }
            })
        })
        .collect();
    publishers
        .into_iter()
        .for_each(|publisher| publisher.join().unwrap());
    let crashed = scratch.copy();
    let (store, recovered) = open(&crashed);
    assert!(recovered.queues.iter().all(|queue| queue.live == 200));
    assert_eq!(store.stats().live, 1600);
}
