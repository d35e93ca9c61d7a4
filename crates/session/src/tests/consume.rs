use codec::{AMQPValue, basic};

use crate::tests::talk::{Home, Talk, publish};
use crate::tests::{
    ack, cancel, cancel_ok, consume, consume_ok, declare, declare_ok, declare_queue, delete_queue,
    frames_of_qos, get, of_basic, open_channel, pair, qos, qos_ok, start_consumer, table,
};

fn plain() -> codec::BasicProperties {
    codec::BasicProperties::default()
}

#[test]
fn consume_ok_comes_before_the_first_delivery() {
    let mut talk = Talk::open();
    talk.queue("q");
    talk.publish("", "q", b"waiting");
    talk.send(1, start_consumer(consume("q", "", false)));
    let heard = talk.next();
    let codec::AMQPClass::Basic(basic::AMQPMethod::ConsumeOk(ok)) = &heard.method else {
        panic!("{heard:?}")
    };
    assert!(ok.consumer_tag.as_str().starts_with("amq.ctag-"));
    let delivery = talk.next();
    assert_eq!(delivery.body, b"waiting");
    assert_eq!(delivery.deliver().consumer_tag, ok.consumer_tag);
}

#[test]
fn a_consumer_tag_is_unique_on_its_channel() {
    let mut talk = Talk::open();
    talk.queue("q");
    talk.send(1, start_consumer(consume("q", "c", false)));
    talk.expect(1, consume_ok("c"));
    talk.send(1, start_consumer(consume("q", "c", false)));
    talk.expect_connection_close(530, "NOT_ALLOWED - attempt to reuse consumer tag 'c'");
}

#[test]
fn exclusive_consumers_stay_alone() {
    let mut talk = Talk::open();
    talk.queue("q");
    let mut exclusive = consume("q", "c", false);
    exclusive.exclusive = true;
    talk.send(1, start_consumer(exclusive.clone()));
    talk.expect(1, consume_ok("c"));
    talk.send(2, open_channel());
    talk.next();
    let text = "ACCESS_REFUSED - queue 'q' in vhost '/' in exclusive use";
    talk.send(2, start_consumer(consume("q", "other", false)));
    talk.expect_channel_close(2, 403, text);
    talk.send(1, cancel("c"));
    talk.expect(1, cancel_ok("c"));
    talk.send(1, start_consumer(consume("q", "shared", false)));
    talk.expect(1, consume_ok("shared"));
    talk.send(1, start_consumer(exclusive));
    talk.expect_channel_close(1, 403, text);
}

#[test]
fn cancelling_an_unknown_tag_is_no_error() {
    let mut talk = Talk::open();
    talk.send(1, cancel("nobody"));
    talk.expect(1, cancel_ok("nobody"));
}

#[test]
fn what_a_cancelled_consumer_holds_stays_with_the_channel() {
    let mut talk = Talk::open();
    talk.queue("q");
    talk.publish("", "q", b"x");
    talk.send(1, start_consumer(consume("q", "c", false)));
    talk.next();
    talk.next();
    talk.send(1, cancel("c"));
    talk.expect(1, cancel_ok("c"));
    talk.send(1, ack(1, false));
    talk.expect_silence();
    let queue = talk.home.broker.vhost("/").unwrap().queue("q").unwrap();
    assert_eq!((queue.counts().ready, queue.counts().unacked), (0, 0));
}

#[test]
fn consumers_hear_that_their_queue_is_gone() {
    let home = Home::new();
    let mut talk = Talk::join(&home);
    let mut other = Talk::join(&home);
    talk.queue("q");
    talk.publish("", "q", b"x");
    talk.send(1, start_consumer(consume("q", "c", false)));
    talk.next();
    talk.next();
    other.send(1, delete_queue("q"));
    other.next();
    let notice = basic::Cancel {
        consumer_tag: "c".into(),
        nowait: true,
    };
    talk.expect(1, of_basic(basic::AMQPMethod::Cancel(notice)));
    // Its messages went with it, but the tag is still known.
    talk.send(1, ack(1, false));
    talk.expect_silence();
    talk.queue("q");
    talk.send(1, start_consumer(consume("q", "c", false)));
    talk.expect(1, consume_ok("c"));
}

#[test]
fn an_auto_delete_queue_goes_with_its_last_consumer() {
    let home = Home::new();
    let mut talk = Talk::join(&home);
    let mut auto = declare("q");
    auto.auto_delete = true;
    let exists = || home.broker.vhost("/").unwrap().queue("q").is_some();
    for end in 0..3 {
        talk.send(1, declare_queue(auto.clone()));
        talk.expect(1, declare_ok("q", 0, 0));
        talk.send(1, get("q", true));
        talk.next();
        for tag in ["a", "b"] {
            talk.send(1, start_consumer(consume("q", tag, false)));
            talk.expect(1, consume_ok(tag));
        }
        talk.send(1, cancel("a"));
        talk.expect(1, cancel_ok("a"));
        assert!(exists());
        match end {
            0 => {
                talk.send(1, cancel("b"));
                talk.expect(1, cancel_ok("b"));
            }
            1 => {
                talk.send(1, crate::tests::close_channel());
                talk.next();
                talk.reopen();
            }
            _ => talk = Talk::join(&home),
        }
        assert!(!exists(), "end {end}");
    }
}

#[test]
fn messages_go_round_and_higher_priority_goes_first() {
    let mut talk = Talk::open();
    talk.queue("q");
    for tag in ["a", "b"] {
        talk.send(1, start_consumer(consume("q", tag, true)));
        talk.expect(1, consume_ok(tag));
    }
    let messages: Vec<Vec<u8>> = (0..8)
        .map(|n| publish(1, "", "q", false, &plain(), &[n]))
        .collect();
    // One by one, then in one go.
    for message in &messages[..4] {
        talk.bytes(message);
    }
    talk.bytes(&messages[4..].concat());
    for (n, tag) in (0..8).zip(["a", "b"].into_iter().cycle()) {
        let heard = talk.next();
        assert_eq!(
            (heard.deliver().consumer_tag.as_str(), &heard.body[..]),
            (tag, &[n][..])
        );
    }
    let mut first = consume("q", "first", true);
    first.arguments = table(&[("x-priority", AMQPValue::LongInt(5))]);
    talk.send(1, start_consumer(first));
    talk.expect(1, consume_ok("first"));
    talk.bytes(&publish(1, "", "q", false, &plain(), b"x").repeat(2));
    for _ in 0..2 {
        assert_eq!(talk.next().deliver().consumer_tag.as_str(), "first");
    }
}

#[test]
fn a_channel_limit_is_shared_by_its_consumers() {
    let mut talk = Talk::open();
    for name in ["a", "b"] {
        talk.queue(name);
    }
    talk.send(1, qos(3, true));
    talk.expect(1, qos_ok());
    for name in ["a", "b"] {
        talk.send(1, start_consumer(consume(name, name, false)));
        talk.expect(1, consume_ok(name));
        talk.bytes(&publish(1, "", name, false, &plain(), b"x").repeat(3));
    }
    for _ in 0..3 {
        assert_eq!(talk.next().deliver().consumer_tag.as_str(), "a");
    }
    talk.expect_silence();
    talk.send(1, ack(1, false));
    assert_eq!(talk.next().deliver().consumer_tag.as_str(), "b");
    talk.expect_silence();
    talk.send(1, ack(0, true));
    for _ in 0..2 {
        assert_eq!(talk.next().deliver().consumer_tag.as_str(), "b");
    }
    talk.expect_silence();
}

#[test]
fn a_limit_that_is_lifted_lets_messages_go() {
    for (count, global) in [(0, true), (0, false), (5, true)] {
        let mut talk = Talk::open();
        talk.queue("q");
        talk.send(1, qos(2, true));
        talk.expect(1, qos_ok());
        talk.send(1, start_consumer(consume("q", "c", false)));
        talk.expect(1, consume_ok("c"));
        talk.bytes(&publish(1, "", "q", false, &plain(), b"x").repeat(5));
        assert_eq!(talk.next().deliver().delivery_tag, 1);
        assert_eq!(talk.next().deliver().delivery_tag, 2);
        talk.expect_silence();
        talk.send(1, qos(count, global));
        talk.expect(1, qos_ok());
        for tag in 3..=5 {
            assert_eq!(talk.next().deliver().delivery_tag, tag);
        }
    }
}

#[test]
fn a_prefetch_holds_for_consumers_started_after_it() {
    let mut talk = Talk::open();
    talk.queue("q");
    talk.send(1, start_consumer(consume("q", "free", false)));
    talk.expect(1, consume_ok("free"));
    talk.send(1, qos(1, false));
    talk.expect(1, qos_ok());
    talk.bytes(&publish(1, "", "q", false, &plain(), b"x").repeat(5));
    for _ in 0..5 {
        talk.next();
    }
    talk.send(1, cancel("free"));
    talk.next();
    talk.send(1, start_consumer(consume("q", "held", false)));
    talk.expect(1, consume_ok("held"));
    talk.bytes(&publish(1, "", "q", false, &plain(), b"x").repeat(5));
    talk.next();
    talk.expect_silence();
}

#[test]
fn a_prefetch_in_bytes_is_not_implemented() {
    let mut talk = Talk::open();
    talk.bytes(&frames_of_qos(1000));
    talk.expect_connection_close(540, "NOT_IMPLEMENTED - prefetch_size!=0 (1000)");
}

#[test]
fn get_shares_the_channels_tags_and_counts_what_is_left() {
    let mut talk = Talk::open();
    talk.queue("q");
    talk.bytes(&publish(1, "", "q", false, &plain(), b"x").repeat(3));
    for (tag, left) in [(1, 2), (2, 1), (3, 0)] {
        talk.send(1, get("q", false));
        let heard = talk.next();
        assert_eq!(
            (heard.get_ok().delivery_tag, heard.get_ok().message_count),
            (tag, left)
        );
    }
    talk.send(1, get("q", false));
    talk.expect(1, of_basic(basic::AMQPMethod::GetEmpty(basic::GetEmpty {})));
}

#[test]
fn a_backlog_larger_than_the_outbox_arrives_whole_and_in_order() {
    let mut talk = Talk::open();
    talk.queue("q");
    let body = |n: u32| [&n.to_be_bytes()[..], &[0; 8000]].concat();
    for n in 0..500 {
        talk.publish("", "q", &body(n));
    }
    talk.send(1, start_consumer(consume("q", "c", true)));
    talk.expect(1, consume_ok("c"));
    for n in 0..500u32 {
        assert_eq!(talk.next().body[..4], n.to_be_bytes());
    }
    talk.expect_silence();
}

#[test]
fn the_operator_limits_the_consumers_of_a_channel() {
    let home = Home::with(|settings| settings.consumer_max_per_channel = Some(2));
    let mut talk = Talk::join(&home);
    talk.queue("q");
    for tag in ["one", "two"] {
        talk.send(1, start_consumer(consume("q", tag, false)));
        talk.expect(1, consume_ok(tag));
    }
    talk.send(1, start_consumer(consume("q", "three", false)));
    talk.expect_connection_close(
        530,
        "NOT_ALLOWED - reached maximum (2) of consumers per channel",
    );
}

#[test]
fn consumers_have_the_default_prefetch_until_the_channel_asks_for_another() {
    let home = Home::with(|settings| settings.default_consumer_prefetch = 2);
    let mut talk = Talk::join(&home);
    talk.queue("q");
    for body in [b"a", b"b", b"c", b"d"] {
        talk.publish("", "q", body);
    }
    talk.send(1, start_consumer(consume("q", "two", false)));
    talk.expect(1, consume_ok("two"));
    assert_eq!(
        (talk.next().body, talk.next().body),
        (b"a".to_vec(), b"b".to_vec())
    );
    talk.expect_silence();
    talk.send(1, qos(0, false));
    talk.expect(1, qos_ok());
    talk.send(1, start_consumer(consume("q", "all", false)));
    talk.expect(1, consume_ok("all"));
    assert_eq!(
        (talk.next().body, talk.next().body),
        (b"c".to_vec(), b"d".to_vec())
    );
}

#[test]
fn what_a_lost_consumer_held_goes_first_to_the_one_that_takes_over() {
    let home = Home::new();
    let mut first = Talk::join(&home);
    let mut method = declare("q");
    method.arguments = table(&[("x-single-active-consumer", AMQPValue::Boolean(true))]);
    first.send(1, declare_queue(method));
    first.next();
    let mut second = Talk::join(&home);
    for talk in [&mut first, &mut second] {
        talk.send(1, qos(2, false));
        talk.next();
        talk.send(1, start_consumer(consume("q", "c", false)));
        talk.next();
    }
    for body in [b"a", b"b", b"c", b"d"] {
        second.publish("", "q", body);
    }
    assert_eq!(
        (first.next().body, first.next().body),
        (b"a".to_vec(), b"b".to_vec())
    );
    second.expect_silence();
    first.turn(|connection, turn| connection.peer_closed(turn));
    for (body, tag) in [(b"a", 1), (b"b", 2)] {
        let heard = second.next();
        assert_eq!(
            (&*heard.body, heard.deliver().redelivered),
            (&body[..], true)
        );
        assert_eq!(heard.deliver().delivery_tag, tag);
    }
    second.expect_silence();
    second.send(1, ack(2, true));
    assert_eq!(
        (second.next().body, second.next().body),
        (b"c".to_vec(), b"d".to_vec())
    );
}

/// Bodies of a run of publishes that is passed on in one piece, in one read.
fn run(talk: &mut Talk, numbers: std::ops::Range<u8>) {
    let bytes: Vec<u8> = numbers
        .flat_map(|n| publish(1, "", "q", false, &plain(), &[n]))
        .collect();
    talk.bytes(&bytes);
}

#[test]
fn runs_and_single_messages_arrive_in_order() {
    let home = Home::new();
    let (mut talk, mut other) = pair(&home);
    for at in (0..100).step_by(10) {
        run(&mut talk, at..at + 7);
        run(&mut talk, at + 7..at + 8);
        run(&mut talk, at + 8..at + 10);
    }
    for n in 0..100 {
        let heard = other.next();
        assert_eq!(heard.body, [n]);
        let deliver = heard.deliver();
        assert_eq!(deliver.delivery_tag, u64::from(n) + 1);
        assert!(!deliver.redelivered);
    }
    other.expect_silence();
    let queue = home.broker.vhost("/").unwrap().queue("q").unwrap();
    let (counts, happened) = queue.tally();
    assert_eq!((counts.ready, counts.unacked), (0, 0));
    assert_eq!((happened.publish, happened.deliver_no_ack), (100, 100));
}

#[test]
fn a_run_that_comes_too_late_for_its_consumer_goes_back_to_its_place() {
    let home = Home::new();
    let (mut talk, other) = pair(&home);
    run(&mut talk, 0..10);
    run(&mut talk, 10..20);
    drop(other);
    run(&mut talk, 20..25);
    for n in 0..25 {
        talk.send(1, get("q", true));
        let heard = talk.next();
        assert_eq!(heard.body, [n]);
        assert_eq!(heard.get_ok().redelivered, n < 20);
    }
}

#[test]
fn runs_wait_in_the_queue_while_the_outbox_is_full() {
    let home = Home::new();
    let (mut talk, mut other) = pair(&home);
    let one = |n: u32| [&n.to_be_bytes()[..], &[0; 8000]].concat();
    for at in (0..400).step_by(10) {
        let bytes: Vec<u8> = (at..at + 10)
            .flat_map(|n| publish(1, "", "q", false, &plain(), &one(n)))
            .collect();
        talk.bytes(&bytes);
    }
    let queue = home.broker.vhost("/").unwrap().queue("q").unwrap();
    let ready = queue.counts().ready;
    // A mebibyte of them has gone, and a run more at the most.
    assert!((250..=270).contains(&ready), "{ready} ready");
    for n in 0..400u32 {
        assert_eq!(other.next().body[..4], n.to_be_bytes());
    }
    other.expect_silence();
}

#[test]
fn a_run_is_only_passed_on_whole_where_each_message_needs_no_look() {
    let manual = |talk: &mut Talk| {
        talk.send(1, start_consumer(consume("q", "c", false)));
        talk.expect(1, consume_ok("c"));
    };
    let home = Home::new();
    let mut talk = Talk::join(&home);
    talk.queue("q");
    let mut other = Talk::join(&home);
    manual(&mut other);
    run(&mut talk, 0..10);
    let queue = home.broker.vhost("/").unwrap().queue("q").unwrap();
    assert_eq!((queue.counts().ready, queue.counts().unacked), (0, 10));
    // Two take turns, however the messages came.
    let mut third = Talk::join(&home);
    manual(&mut third);
    run(&mut talk, 10..20);
    for n in 0..10 {
        assert_eq!(other.next().body, [n]);
    }
    for n in (10..20).step_by(2) {
        assert_eq!(other.next().body, [n]);
        assert_eq!(third.next().body, [n + 1]);
    }
}
