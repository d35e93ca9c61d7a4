use codec::{AMQPClass, AMQPValue, BasicProperties, basic};

use crate::channel::settle::Extent;
use crate::limits::{REJECTION_WEIGHT, SETTLED_PER_TURN_MAX};
use crate::tests::talk::{Home, Talk, frame, publish};
use crate::tests::{
    ack, consume, consume_ok, declare, declare_ok, declare_queue, get, nack, of_basic, qos, qos_ok,
    start_consumer, table,
};

fn reject(delivery_tag: u64, requeue: bool) -> AMQPClass {
    of_basic(basic::AMQPMethod::Reject(basic::Reject {
        delivery_tag,
        requeue,
    }))
}

fn recover(requeue: bool) -> AMQPClass {
    of_basic(basic::AMQPMethod::Recover(basic::Recover { requeue }))
}

/// A channel that holds messages 1 to `n`, got from queue `q`.
fn holding(n: u8) -> Talk {
    let mut talk = Talk::open();
    talk.queue("q");
    for body in 1..=n {
        talk.publish("", "q", &[body]);
        talk.send(1, get("q", false));
        assert_eq!(talk.next().body, [body]);
    }
    talk
}

fn counts(talk: &Talk) -> (u64, u64) {
    let counts = talk
        .home
        .broker
        .vhost("/")
        .unwrap()
        .queue("q")
        .unwrap()
        .counts();
    (counts.ready, counts.unacked)
}

#[test]
fn unknown_tags_are_406() {
    for (method, tag) in [
        (ack(42, false), 42),
        (ack(0, false), 0),
        (ack(42, true), 42),
        (nack(7, Extent::UpTo, true), 7),
        (reject(3, false), 3),
    ] {
        let mut talk = holding(2);
        talk.send(1, method);
        talk.expect_channel_close(
            1,
            406,
            &format!("PRECONDITION_FAILED - unknown delivery tag {tag}"),
        );
        assert_eq!(counts(&talk), (2, 0));
    }
}

#[test]
fn a_tag_is_acknowledged_once() {
    let mut talk = holding(3);
    talk.send(1, ack(2, false));
    assert_eq!(counts(&talk), (0, 2));
    talk.send(1, ack(2, true));
    talk.expect_channel_close(1, 406, "PRECONDITION_FAILED - unknown delivery tag 2");
    // Nothing was acknowledged with it.
    assert_eq!(counts(&talk), (2, 0));
}

#[test]
fn multiple_means_all_up_to_the_tag_and_zero_means_all() {
    let mut talk = holding(5);
    talk.send(1, ack(3, true));
    assert_eq!(counts(&talk), (0, 2));
    talk.send(1, ack(0, true));
    assert_eq!(counts(&talk), (0, 0));
    talk.send(1, ack(0, true));
    talk.expect_silence();
}

#[test]
fn acks_of_automatic_deliveries_are_406() {
    let mut talk = Talk::open();
    talk.queue("q");
    talk.publish("", "q", b"x");
    talk.send(1, get("q", true));
    talk.next();
    talk.send(1, ack(1, false));
    talk.expect_channel_close(1, 406, "PRECONDITION_FAILED - unknown delivery tag 1");
}

#[test]
fn tags_belong_to_their_channel() {
    let mut talk = holding(1);
    talk.send(2, crate::tests::open_channel());
    talk.next();
    talk.send(2, ack(1, false));
    talk.expect_channel_close(2, 406, "PRECONDITION_FAILED - unknown delivery tag 1");
}

#[test]
fn requeued_messages_return_to_their_place() {
    let mut talk = holding(4);
    talk.publish("", "q", &[5]);
    talk.send_all(
        1,
        [reject(3, true), nack(1, Extent::One, true), ack(2, false)],
    );
    assert_eq!(counts(&talk), (3, 1));
    for (body, redelivered) in [(1, true), (3, true), (5, false)] {
        talk.send(1, get("q", true));
        let heard = talk.next();
        assert_eq!(
            (heard.body[0], heard.get_ok().redelivered),
            (body, redelivered)
        );
    }
}

#[test]
fn rejected_messages_are_gone() {
    let mut talk = holding(4);
    talk.send_all(1, [reject(1, false), nack(3, Extent::UpTo, false)]);
    assert_eq!(counts(&talk), (0, 1));
    talk.expect_silence();
}

#[test]
fn recover_returns_everything_in_order() {
    let mut talk = holding(3);
    talk.send(1, recover(true));
    talk.expect(
        1,
        of_basic(basic::AMQPMethod::RecoverOk(basic::RecoverOk {})),
    );
    for body in 1..=3 {
        talk.send(1, get("q", true));
        let heard = talk.next();
        assert_eq!((heard.body[0], heard.get_ok().redelivered), (body, true));
    }
    talk.send(1, recover(false));
    talk.expect_connection_close(540, "NOT_IMPLEMENTED - requeue=false");
}

#[test]
fn acks_out_of_order_leave_the_others_in_place() {
    let mut talk = Talk::open();
    talk.queue("q");
    talk.send(1, start_consumer(consume("q", "c", false)));
    talk.expect(1, consume_ok("c"));
    let n = 500;
    talk.bytes(&publish(1, "", "q", false, &BasicProperties::default(), b"x").repeat(n));
    for _ in 0..n {
        talk.next();
    }
    let odd = (1..=n as u64).filter(|tag| tag % 2 == 1).rev();
    talk.send_all(1, odd.map(|tag| ack(tag, false)));
    assert_eq!(counts(&talk), (0, 250));
    talk.send(1, ack(400, true));
    assert_eq!(counts(&talk), (0, 50));
    talk.send_all(1, (201..=250u64).map(|half| ack(half * 2, false)));
    assert_eq!(counts(&talk), (0, 0));
    talk.send(1, ack(500, false));
    talk.expect_channel_close(1, 406, "PRECONDITION_FAILED - unknown delivery tag 500");
}

#[test]
fn what_one_channel_gives_back_another_gets() {
    let home = Home::new();
    let mut one = Talk::join(&home);
    let mut other = Talk::join(&home);
    one.queue("q");
    for talk in [&mut one, &mut other] {
        talk.send(1, qos(1, false));
        talk.expect(1, qos_ok());
        talk.send(1, start_consumer(consume("q", "c", false)));
        talk.expect(1, consume_ok("c"));
    }
    one.publish("", "q", b"x");
    assert!(!one.next().deliver().redelivered);
    one.send_all(1, [crate::tests::cancel("c"), nack(1, Extent::One, true)]);
    assert!(other.next().deliver().redelivered);
}

#[test]
fn a_nack_of_very_many_takes_turns() {
    const EACH: usize = SETTLED_PER_TURN_MAX / REJECTION_WEIGHT;
    let mut talk = Talk::open();
    talk.queue("q");
    let many = 2 * EACH + 10;
    for n in 0..many {
        talk.publish("", "q", b"x");
        talk.send(1, get("q", false));
        assert_eq!(talk.next().get_ok().delivery_tag, n as u64 + 1);
    }
    // With gaps.
    for tag in [1, 3, EACH as u64] {
        talk.send(1, ack(tag, false));
    }
    let input = frame(1, &nack(0, Extent::UpTo, false));
    let mut left = vec![many - 3];
    loop {
        let used = talk.turn(|connection, turn| connection.receive(&input, turn));
        left.push(usize::try_from(counts(&talk).1).unwrap());
        if used > 0 {
            assert_eq!(used, input.len());
            break;
        }
        assert!(talk.connection.has_input_left() && talk.connection.is_busy());
    }
    assert_eq!(left, [many - 3, many - 3 - EACH, many - 3 - 2 * EACH, 0]);
    assert!(!talk.connection.is_busy());
    talk.send(1, ack(many as u64, false));
    let text = format!("PRECONDITION_FAILED - unknown delivery tag {many}");
    talk.expect_channel_close(1, 406, &text);
}

#[test]
fn an_ack_comes_after_the_publishes_to_its_queue_before_it() {
    let mut talk = Talk::open();
    let mut queue = declare("q");
    queue.arguments = table(&[("x-max-priority", AMQPValue::LongInt(2))]);
    talk.send(1, declare_queue(queue));
    talk.expect(1, declare_ok("q", 0, 0));
    talk.send(1, qos(1, false));
    talk.expect(1, qos_ok());
    talk.send(1, start_consumer(consume("q", "c", false)));
    talk.expect(1, consume_ok("c"));
    talk.publish("", "q", b"first");
    assert_eq!(talk.next().body, b"first");
    talk.publish("", "q", b"low");
    // In one read, as a fast client sends it: RabbitMQ takes the one after the other.
    let properties = BasicProperties::default().with_priority(2);
    let mut read = publish(1, "", "q", false, &properties, b"high");
    read.extend(frame(1, &ack(1, false)));
    talk.bytes(&read);
    assert_eq!(talk.next().body, b"high");
}
