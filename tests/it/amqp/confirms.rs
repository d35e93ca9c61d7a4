//! Publisher confirms.

use tests::{
    shared,
    wire::{Properties, Table, basic, confirm, queue},
};

#[test]
fn publishes_are_confirmed_from_one_on() {
    let mut w = shared().open();
    w.declare("cf-one", queue::EXCLUSIVE);
    w.enqueue("cf-one", "before");
    w.confirm_select();
    for body in ["a", "b", "c"] {
        w.enqueue("cf-one", body);
    }
    w.await_confirms(3);
    w.expect_silence();
}

#[test]
fn selecting_twice_keeps_counting() {
    let mut w = shared().open();
    w.declare("cf-twice", queue::EXCLUSIVE);
    w.confirm_select();
    w.enqueue("cf-twice", "a");
    w.await_confirms(1);
    w.confirm_select();
    w.enqueue("cf-twice", "b");
    assert_eq!(w.expect(1, basic::ACK).read().longlong(), 2);
}

#[test]
fn select_without_waiting_answers_nothing() {
    let mut w = shared().open();
    w.declare("cf-nowait", queue::EXCLUSIVE);
    w.send(1, &tests::wire::Method::new(confirm::SELECT).octet(1));
    w.enqueue("cf-nowait", "a");
    w.await_confirms(1);
}

#[test]
fn persistent_messages_in_durable_queues_are_confirmed() {
    let mut w = shared().open();
    w.declare("cf-durable", queue::DURABLE);
    w.confirm_select();
    for n in 0..100 {
        let publish = basic::publish("", "cf-durable", 0);
        w.publish(1, &publish, &Properties::persistent(), format!("{n}"));
    }
    w.await_confirms(100);
    assert_eq!(w.depth("cf-durable"), (100, 0));
    w.call(1, &queue::delete("cf-durable", 0), queue::DELETE_OK);
}

#[test]
fn a_consumer_may_see_a_message_before_or_after_its_confirm() {
    let mut w = shared().open();
    w.declare("cf-consumed", queue::EXCLUSIVE);
    w.consume("cf-consumed", "c", basic::NO_ACK);
    w.confirm_select();
    w.publish(
        1,
        &basic::publish("", "cf-consumed", 0),
        &Properties::persistent(),
        "a",
    );
    let mut seen = Vec::new();
    for _ in 0..2 {
        let method = w.method(1);
        if method.id == basic::DELIVER {
            w.frame();
            w.frame();
        }
        seen.push(method.id);
    }
    seen.sort_unstable();
    assert_eq!(seen, [basic::DELIVER, basic::ACK]);
}

#[test]
fn an_unroutable_message_is_confirmed() {
    let mut w = shared().open();
    w.confirm_select();
    w.publish(
        1,
        &basic::publish("amq.direct", "nowhere", 0),
        &Properties::new(),
        "x",
    );
    w.await_confirms(1);
}

#[test]
fn a_mandatory_unroutable_message_is_returned_before_it_is_confirmed() {
    let mut w = shared().open();
    w.confirm_select();
    for n in 1..=3u64 {
        let publish = basic::publish("amq.direct", "nowhere", basic::MANDATORY);
        w.publish(1, &publish, &Properties::persistent(), format!("{n}"));
        let returned = w.returned();
        assert_eq!(returned.body, n.to_string().into_bytes());
        assert_eq!(w.expect(1, basic::ACK).read().longlong(), n);
    }
}

#[test]
fn a_burst_with_returns_keeps_each_return_before_its_confirm() {
    let mut w = shared().open();
    w.declare("cf-burst", queue::EXCLUSIVE);
    w.confirm_select();
    let mut burst = Vec::new();
    for n in 1..=200u64 {
        let key = if n % 2 == 0 { "nowhere" } else { "cf-burst" };
        let publish = basic::publish("", key, basic::MANDATORY);
        let body = n.to_string().into_bytes();
        burst.extend(tests::wire::message(
            1,
            &publish,
            &Properties::new(),
            &body,
            131_072,
        ));
    }
    w.send_bytes(&burst);
    let mut returned = std::collections::BTreeSet::new();
    let mut open: std::collections::BTreeSet<u64> = (1..=200).collect();
    while !open.is_empty() {
        let method = w.method(1);
        if method.id == basic::RETURN {
            w.frame();
            let (_, tests::wire::Frame::Body(body)) = w.frame() else {
                panic!("no body")
            };
            returned.insert(String::from_utf8(body).unwrap().parse::<u64>().unwrap());
            continue;
        }
        assert_eq!(method.id, basic::ACK);
        let (tag, multiple) = (method.read().longlong(), method.args[8] & 1 == 1);
        let confirmed: Vec<u64> = open
            .iter()
            .copied()
            .filter(|n| *n == tag || multiple && *n < tag)
            .collect();
        for n in confirmed {
            open.remove(&n);
            assert!(
                n % 2 == 1 || returned.contains(&n),
                "{n} confirmed before its return"
            );
        }
    }
    assert_eq!(returned.len(), 100);
}

#[test]
fn a_failing_publish_closes_the_channel_without_a_confirm() {
    let mut w = shared().open();
    w.confirm_select();
    w.publish(1, &basic::publish("gone", "k", 0), &Properties::new(), "x");
    w.expect_channel_close(1, 404, "NOT_FOUND - no exchange 'gone' in vhost '/'");
}

#[test]
fn confirms_of_two_channels_are_counted_apart() {
    let mut w = shared().open();
    w.open_channel(2);
    w.confirm_select();
    w.call(2, &confirm::select(), confirm::SELECT_OK);
    w.publish(
        1,
        &basic::publish("", "nowhere", 0),
        &Properties::new(),
        "x",
    );
    assert_eq!(w.expect(1, basic::ACK).read().longlong(), 1);
    w.publish(
        2,
        &basic::publish("", "nowhere", 0),
        &Properties::new(),
        "x",
    );
    assert_eq!(w.expect(2, basic::ACK).read().longlong(), 1);
}

#[test]
fn a_message_to_many_queues_is_confirmed_once() {
    let mut w = shared().open();
    w.declare_exchange(
        "cf-fan",
        "fanout",
        tests::wire::exchange::AUTO_DELETE,
        &Table::new(),
    );
    for n in 0..10 {
        let name = format!("cf-fan-{n}");
        w.declare(&name, queue::EXCLUSIVE);
        w.bind(&name, "cf-fan", "");
    }
    w.confirm_select();
    w.publish(
        1,
        &basic::publish("cf-fan", "", 0),
        &Properties::persistent(),
        "x",
    );
    w.await_confirms(1);
    w.expect_silence();
}

#[test]
fn a_publish_in_the_same_write_as_select_is_not_counted() {
    let mut w = shared().open();
    w.declare("cf-same", queue::EXCLUSIVE);
    let publish = basic::publish("", "cf-same", 0);
    let message = tests::wire::message(1, &publish, &Properties::new(), b"x", 131_072);
    let select = tests::wire::method_frame(1, &confirm::select());
    w.send_bytes(&[&message[..], &select, &message].concat());
    w.expect(1, confirm::SELECT_OK);
    w.await_confirms(1);
    w.expect_silence();
}

#[test]
fn a_message_whose_queue_is_deleted_counts_as_confirmed() {
    let mut w = shared().open();
    w.declare("cf-deleted", queue::DURABLE);
    w.confirm_select();
    let publish = basic::publish("", "cf-deleted", 0);
    let mut burst = Vec::new();
    for _ in 0..50 {
        let properties = Properties::persistent();
        burst.extend(tests::wire::message(
            1,
            &publish,
            &properties,
            b"x",
            131_072,
        ));
    }
    let delete = queue::delete("cf-deleted", 0);
    burst.extend(tests::wire::method_frame(1, &delete));
    w.send_bytes(&burst);
    let (mut confirmed, mut deleted) = (0, false);
    while confirmed < 50 || !deleted {
        let method = w.method(1);
        match method.id {
            basic::ACK => confirmed = method.read().longlong(),
            queue::DELETE_OK => deleted = true,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(confirmed, 50);
}

#[test]
fn what_is_not_confirmed_when_a_channel_is_closed_is_never_confirmed() {
    let mut w = shared().open();
    w.declare("cf-closed", queue::DURABLE);
    w.confirm_select();
    let publish = basic::publish("", "cf-closed", 0);
    let message = tests::wire::message(1, &publish, &Properties::persistent(), b"x", 131_072);
    let close = tests::wire::method_frame(1, &tests::wire::channel::close());
    w.send_bytes(&[&message[..], &close].concat());
    let mut method = w.method(1);
    if method.id == basic::ACK {
        method = w.method(1);
    }
    assert_eq!(method.id, tests::wire::channel::CLOSE_OK);
    // The sequence of its successor begins anew.
    w.open_channel(1);
    w.confirm_select();
    w.enqueue("cf-closed", "y");
    w.await_confirms(1);
    assert_eq!(w.depth("cf-closed"), (2, 0));
    w.call(1, &queue::delete("cf-closed", 0), queue::DELETE_OK);
}
