//! What a client holds, as others ask for it.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use broker::{Inquiry, Unacked, Wakes};

use crate::tests::talk::{Home, Talk};
use crate::tests::{ack, consume, consume_ok, get, open_channel, start_consumer};

const SECOND: Duration = Duration::from_secs(1);

/// What the client holds of a queue.
fn told(talk: &mut Talk, queue: &str) -> Vec<Unacked> {
    let vhost = talk.home.broker.vhost("/").unwrap();
    let told = Arc::new(Mutex::new(Vec::new()));
    let inquiry = Inquiry::new(vhost.queue(queue).unwrap(), {
        let told = Arc::clone(&told);
        move |unacked| told.lock().unwrap().extend(unacked)
    });
    for connection in talk.home.broker.registry().connections() {
        connection.outbox.inquire(&inquiry, &mut Wakes::new());
    }
    talk.take_outbox();
    assert_eq!(Arc::strong_count(&inquiry), 1, "it has been answered");
    std::mem::take(&mut *told.lock().unwrap())
}

fn tags_and_seconds(told: &[Unacked]) -> Vec<(u64, Option<u64>)> {
    let age = |one: &Unacked| one.age.map(|age| age.as_secs());
    told.iter()
        .map(|one| (one.delivery_tag, age(one)))
        .collect()
}

#[test]
fn a_client_tells_what_it_holds_of_a_queue_and_since_when() {
    let home = Home::with(|settings| settings.consumer_timeout_ms = None);
    let mut talk = Talk::join_quiet(&home);
    talk.queue("q");
    talk.queue("other");
    talk.publish("", "other", b"x");
    talk.send(1, get("other", false));
    talk.next();
    talk.publish("", "q", b"1");
    talk.send(1, get("q", false));
    talk.next();
    talk.wait(10 * SECOND);
    talk.send(1, start_consumer(consume("q", "c", false)));
    talk.expect(1, consume_ok("c"));
    for body in [b"2", b"3", b"4"] {
        talk.publish("", "q", body);
        talk.next();
    }
    talk.wait(20 * SECOND);
    talk.send(1, ack(4, false));
    let seen = told(&mut talk, "q");
    assert_eq!(
        tags_and_seconds(&seen),
        [(2, Some(30)), (3, Some(20)), (5, Some(20))]
    );
    assert_eq!(seen[0].consumer_tag, None);
    assert_eq!(seen[1].consumer_tag.as_deref(), Some("c"));
    assert_eq!(seen[1].message.as_ref().unwrap().body(), b"2");
    assert_eq!((seen[1].channel, seen[1].redelivered), (1, Some(false)));
    assert_eq!(tags_and_seconds(&told(&mut talk, "other")), [(1, Some(30))]);
    talk.expect_silence();
}

#[test]
fn all_channels_tell_and_what_is_settled_is_held_by_none() {
    let mut talk = Talk::open();
    talk.queue("q");
    talk.send(2, open_channel());
    talk.next();
    for (channel, body) in [(1, b"1"), (2, b"2")] {
        talk.publish("", "q", body);
        talk.send(channel, get("q", false));
        talk.next();
    }
    assert_eq!(told(&mut talk, "q").len(), 2);
    talk.send(1, ack(1, false));
    talk.send(2, ack(1, false));
    assert!(told(&mut talk, "q").is_empty());
}
