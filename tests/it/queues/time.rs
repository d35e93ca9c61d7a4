//! Messages and queues that expire.

use std::{thread::sleep, time::Duration};

use tests::{
    shared,
    wire::{Properties, Table, basic, channel, queue},
};

use super::{declare, until};

fn expiring(after_ms: u32) -> Properties {
    Properties {
        expiration: Some(after_ms.to_string()),
        ..Properties::persistent()
    }
}

#[test]
fn messages_expire_by_the_queues_time() {
    let mut w = shared().open();
    declare(&mut w, "ti-ttl", &Table::new().int("x-message-ttl", 150));
    w.enqueue("ti-ttl", "1");
    w.enqueue("ti-ttl", "2");
    assert_eq!(w.depth("ti-ttl").0, 2);
    until("both have expired", || w.depth("ti-ttl").0 == 0);
    w.call(1, &queue::delete("ti-ttl", 0), queue::DELETE_OK);
}

#[test]
fn the_shorter_of_both_times_counts() {
    let mut w = shared().open();
    declare(&mut w, "ti-min", &Table::new().int("x-message-ttl", 60_000));
    w.publish(1, &basic::publish("", "ti-min", 0), &expiring(50), "1");
    until("its own time is over", || w.depth("ti-min").0 == 0);
    w.call(1, &queue::delete("ti-min", 0), queue::DELETE_OK);
}

#[test]
fn expiration_stays_visible_and_an_expired_message_is_not_delivered() {
    let mut w = shared().open();
    w.declare("ti-seen", queue::EXCLUSIVE);
    w.publish(
        1,
        &basic::publish("", "ti-seen", 0),
        &expiring(60_000),
        "long",
    );
    w.publish(1, &basic::publish("", "ti-seen", 0), &expiring(20), "short");
    sleep(Duration::from_millis(80));
    assert_eq!(w.depth("ti-seen").0, 2, "only the head is looked at");
    let got = w.get("ti-seen", true).unwrap();
    assert_eq!(got.properties.expiration.as_deref(), Some("60000"));
    assert!(w.get("ti-seen", true).is_none());
}

#[test]
fn a_time_to_live_of_zero_reaches_only_who_waits() {
    let mut w = shared().open();
    w.declare_with(
        "ti-zero",
        queue::EXCLUSIVE,
        &Table::new().int("x-message-ttl", 0),
    );
    w.enqueue("ti-zero", "nobody");
    assert_eq!(w.depth("ti-zero").0, 0);
    w.consume("ti-zero", "", basic::NO_ACK);
    w.enqueue("ti-zero", "me");
    assert_eq!(w.bodies(1), ["me"]);
}

#[test]
fn time_goes_on_while_a_message_is_out() {
    let mut w = shared().open();
    w.declare_with(
        "ti-out",
        queue::EXCLUSIVE,
        &Table::new().int("x-message-ttl", 50),
    );
    w.enqueue("ti-out", "1");
    let got = w.get("ti-out", false).unwrap();
    sleep(Duration::from_millis(100));
    w.send(1, &basic::reject(got.tag, true));
    assert_eq!(w.depth("ti-out").0, 0);
}

#[test]
fn a_disused_queue_expires_and_use_keeps_it() {
    let mut w = shared().open();
    let arguments = Table::new().int("x-expires", 250);
    declare(&mut w, "ti-disused", &arguments);
    for _ in 0..3 {
        sleep(Duration::from_millis(120));
        assert!(w.get("ti-disused", true).is_none());
        sleep(Duration::from_millis(120));
        declare(&mut w, "ti-disused", &arguments);
    }
    w.consume("ti-disused", "c", 0);
    sleep(Duration::from_millis(400));
    assert_eq!(w.depth("ti-disused"), (0, 1));
    w.call(1, &basic::cancel("c"), basic::CANCEL_OK);
    until("the queue is gone", || {
        w.send(
            1,
            &queue::declare("ti-disused", queue::PASSIVE, &Table::new()),
        );
        let gone = w.method(1).id == channel::CLOSE;
        if gone {
            w.send(1, &channel::close_ok());
            w.open_channel(1);
        }
        gone
    });
}

#[test]
fn a_redeclaration_does_not_keep_a_quorum_queue() {
    let mut w = shared().open();
    let arguments = Table::new()
        .str("x-queue-type", "quorum")
        .int("x-expires", 300);
    declare(&mut w, "ti-quorum", &arguments);
    sleep(Duration::from_millis(200));
    declare(&mut w, "ti-quorum", &arguments);
    sleep(Duration::from_millis(250));
    w.send(
        1,
        &queue::declare("ti-quorum", queue::PASSIVE, &Table::new()),
    );
    w.expect_channel_close(1, 404, "NOT_FOUND - no queue 'ti-quorum' in vhost '/'");
}
