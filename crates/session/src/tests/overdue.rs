//! Deliveries that are not acknowledged in time.

use std::sync::Arc;
use std::time::Duration;

use codec::AMQPValue;

use crate::tests::talk::{Home, Talk};
use crate::tests::{
    ack, consume, consume_ok, declare, declare_queue, get, open_channel, start_consumer, table,
};

const SECOND: Duration = Duration::from_secs(1);

/// A broker whose consumers have this many milliseconds.
fn home(timeout_ms: Option<u64>) -> Arc<Home> {
    Home::with(|settings| settings.consumer_timeout_ms = timeout_ms)
}

fn text(ms: u64) -> String {
    format!(
        "PRECONDITION_FAILED - delivery acknowledgement on channel 1 timed out. Timeout value used: {ms} ms. This timeout value can be configured, see consumers doc guide to learn more"
    )
}

/// A client without heartbeats to keep, so that time may pass.
fn client(home: &Arc<Home>) -> Talk {
    let mut talk = Talk::join_quiet(home);
    talk.queue("q");
    talk
}

fn with_consumer(home: &Arc<Home>, timeout_ms: Option<i64>) -> Talk {
    let mut talk = client(home);
    let mut method = consume("q", "c", false);
    if let Some(ms) = timeout_ms {
        method.arguments = table(&[("x-consumer-timeout", AMQPValue::LongLongInt(ms))]);
    }
    talk.send(1, start_consumer(method));
    talk.expect(1, consume_ok("c"));
    talk
}

fn ready(talk: &Talk) -> u64 {
    let vhost = talk.home.broker.vhost("/").unwrap();
    vhost.queue("q").unwrap().counts().ready
}

#[test]
fn a_delivery_that_is_not_acknowledged_in_time_closes_its_channel() {
    let mut talk = with_consumer(&home(Some(1_800_000)), None);
    talk.publish("", "q", b"m");
    assert_eq!(talk.next().deliver().delivery_tag, 1);
    talk.wait(1799 * SECOND);
    talk.expect_silence();
    // Noticed within two looks, which are a minute apart.
    talk.wait(121 * SECOND);
    talk.expect_channel_close(1, 406, &text(1_800_000));
    assert_eq!(ready(&talk), 1);
    talk.reopen();
}

#[test]
fn whoever_acknowledges_in_time_goes_on() {
    let mut talk = with_consumer(&home(Some(10_000)), None);
    for tag in 1..=20 {
        talk.publish("", "q", b"m");
        assert_eq!(talk.next().deliver().delivery_tag, tag);
        talk.wait(9 * SECOND);
        talk.send(1, ack(tag, false));
    }
    talk.wait(100 * SECOND);
    talk.expect_silence();
    // Now a slow one behind quick ones.
    for tag in 21..=30 {
        talk.publish("", "q", b"m");
        assert_eq!(talk.next().deliver().delivery_tag, tag);
        if tag != 25 {
            talk.send(1, ack(tag, false));
        }
        talk.wait(SECOND);
    }
    talk.expect_silence();
    talk.wait(8 * SECOND);
    talk.expect_channel_close(1, 406, &text(10_000));
}

#[test]
fn a_get_counts_as_a_delivery() {
    let mut talk = client(&home(Some(10_000)));
    talk.publish("", "q", b"m");
    talk.send(1, get("q", false));
    talk.next();
    talk.wait(13 * SECOND);
    talk.expect_channel_close(1, 406, &text(10_000));
}

#[test]
fn a_consumer_may_ask_for_another_time() {
    let mut talk = with_consumer(&home(Some(10_000)), Some(60_000));
    talk.publish("", "q", b"m");
    talk.next();
    talk.wait(59 * SECOND);
    talk.expect_silence();
    talk.wait(16 * SECOND);
    talk.expect_channel_close(1, 406, &text(60_000));
    // Also without a limit of the broker's.
    let mut talk = with_consumer(&home(None), Some(1000));
    talk.publish("", "q", b"m");
    talk.next();
    talk.wait(2 * SECOND);
    talk.expect_channel_close(1, 406, &text(1000));
}

#[test]
fn nothing_is_overdue_without_a_limit_or_without_acknowledgements() {
    let mut talk = with_consumer(&home(None), None);
    talk.publish("", "q", b"m");
    talk.next();
    talk.wait(100_000 * SECOND);
    talk.expect_silence();
    let mut talk = client(&home(Some(1000)));
    talk.send(1, start_consumer(consume("q", "c", true)));
    talk.expect(1, consume_ok("c"));
    talk.publish("", "q", b"m");
    talk.next();
    talk.wait(100 * SECOND);
    talk.expect_silence();
}

#[test]
fn only_the_channel_with_the_delivery_is_closed() {
    let mut talk = with_consumer(&home(Some(10_000)), None);
    talk.send(2, open_channel());
    talk.next();
    talk.publish("", "q", b"m");
    talk.next();
    talk.wait(13 * SECOND);
    talk.expect_channel_close(1, 406, &text(10_000));
    talk.send(2, declare_queue(declare("other")));
    talk.next();
    talk.expect_silence();
}
