//! A client that publishes faster than its messages are taken.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Wake, Waker};
use std::time::Duration;

use codec::BasicProperties;

use crate::limits::REST_TIME_MAX;
use crate::tests::pair;
use crate::tests::talk::{Home, Talk, publish};

/// Runs of 80 kB that fill an outbox, and one more.
const RUNS_THAT_FILL: usize = 14;

/// Whether somebody has been woken.
#[derive(Default)]
struct Flag(AtomicBool);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Flag {
    fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Ten messages of 8,000 bytes in one read.
fn publish_run(talk: &mut Talk) {
    talk.bytes(&publish(1, "", "q", false, &BasicProperties::default(), &[7; 8_000]).repeat(10));
}

/// Whether the publisher waits; if so, `flag` is set when it need not any more.
fn rests(talk: &mut Talk, flag: &Arc<Flag>) -> bool {
    let waker = Waker::from(Arc::clone(flag));
    let mut cx = Context::from_waker(&waker);
    talk.connection.poll_rested(&mut cx).is_pending()
}

/// Publishes until it has to wait; how many runs that took.
fn publish_until_rest(talk: &mut Talk, flag: &Arc<Flag>) -> usize {
    let mut runs = 0;
    while !rests(talk, flag) {
        assert!(runs < RUNS_THAT_FILL, "never rests");
        publish_run(talk);
        runs += 1;
    }
    runs
}

#[test]
fn a_client_that_publishes_faster_than_its_messages_are_taken_waits_for_that() {
    let (mut publisher, mut consumer) = pair(&Home::new());
    let flag = Arc::<Flag>::default();
    assert_eq!(
        publish_until_rest(&mut publisher, &flag),
        7,
        "half a mebibyte"
    );
    assert!(!flag.is_set());
    assert!(consumer.take_outbox());
    assert!(flag.is_set());
    assert!(!rests(&mut publisher, &flag));
    let queue = consumer.home.broker.vhost("/").unwrap().queue("q").unwrap();
    assert_eq!(queue.counts().ready, 0, "all of it went straight on");
}

#[test]
fn a_client_waits_no_more_than_a_moment_and_once_for_a_consumer_that_is_slow() {
    let (mut publisher, mut consumer) = pair(&Home::new());
    let flag = Arc::<Flag>::default();
    publish_until_rest(&mut publisher, &flag);
    assert!(publisher.connection.deadline() <= Some(publisher.now + REST_TIME_MAX));
    publisher.wait(REST_TIME_MAX - Duration::from_micros(1));
    assert!(rests(&mut publisher, &flag));
    publisher.wait(Duration::from_micros(1));
    for _ in 0..RUNS_THAT_FILL {
        assert!(!rests(&mut publisher, &flag));
        publish_run(&mut publisher);
    }
    // It keeps up again: all is taken, from the queue too.
    while consumer.take_outbox() {}
    publish_until_rest(&mut publisher, &flag);
}

#[test]
fn nobody_waits_for_a_consumer_that_is_gone() {
    let (mut publisher, mut consumer) = pair(&Home::new());
    let flag = Arc::<Flag>::default();
    publish_until_rest(&mut publisher, &flag);
    consumer.turn(|connection, turn| connection.peer_closed(turn));
    consumer.take_outbox();
    assert!(flag.is_set());
    assert!(!rests(&mut publisher, &flag));
}
