use codec::{AMQPClass, AMQPValue, FieldTable, channel, exchange, queue};

use crate::tests::talk::{Home, Talk};
use crate::tests::{
    bind, bind_ok, consume, declare, declare_exchange, declare_ok, declare_queue, delete_queue,
    get, of_channel, of_exchange, of_queue, open_channel, start_consumer, table,
};

fn delete_ok(message_count: u32) -> AMQPClass {
    of_queue(queue::AMQPMethod::DeleteOk(queue::DeleteOk {
        message_count,
    }))
}

fn declare_x(method: exchange::Declare) -> AMQPClass {
    of_exchange(exchange::AMQPMethod::Declare(method))
}

fn x_ok() -> AMQPClass {
    of_exchange(exchange::AMQPMethod::DeclareOk(exchange::DeclareOk {}))
}

fn unbind(name: &str, exchange: &str, key: &str) -> AMQPClass {
    of_queue(queue::AMQPMethod::Unbind(queue::Unbind {
        queue: name.into(),
        exchange: exchange.into(),
        routing_key: key.into(),
        arguments: FieldTable::default(),
    }))
}

#[test]
fn missing_things_are_404() {
    let mut passive = declare("gone");
    passive.passive = true;
    let mut passive_x = declare_exchange("gone", "direct");
    passive_x.passive = true;
    let no_queue = "NOT_FOUND - no queue 'gone' in vhost '/'";
    let no_exchange = "NOT_FOUND - no exchange 'gone' in vhost '/'";
    let purge = queue::AMQPMethod::Purge(queue::Purge {
        queue: "gone".into(),
        nowait: false,
    });
    let mut talk = Talk::open();
    talk.queue("q");
    for (method, text) in [
        (declare_queue(passive), no_queue),
        (declare_x(passive_x), no_exchange),
        (bind("gone", "amq.direct", "k"), no_queue),
        (bind("q", "gone", "k"), no_exchange),
        (get("gone", false), no_queue),
        (start_consumer(consume("gone", "c", false)), no_queue),
        (of_queue(purge), no_queue),
    ] {
        talk.send(1, method);
        talk.expect_channel_close(1, 404, text);
        talk.reopen();
    }
    for method in [
        bind("", "amq.direct", "k"),
        get("", false),
        start_consumer(consume("", "c", false)),
        delete_queue(""),
    ] {
        talk.send(1, method);
        talk.expect_channel_close(1, 404, "NOT_FOUND - no previously declared queue");
        talk.reopen();
    }
}

#[test]
fn deleting_and_unbinding_what_is_missing_is_no_error() {
    let mut talk = Talk::open();
    talk.send(1, delete_queue("gone"));
    talk.expect(1, delete_ok(0));
    talk.send(1, unbind("gone", "amq.direct", "k"));
    talk.expect(1, of_queue(queue::AMQPMethod::UnbindOk(queue::UnbindOk {})));
    let delete = exchange::AMQPMethod::Delete(exchange::Delete {
        exchange: "gone".into(),
        if_unused: true,
        nowait: false,
    });
    talk.send(1, of_exchange(delete));
    talk.expect(
        1,
        of_exchange(exchange::AMQPMethod::DeleteOk(exchange::DeleteOk {})),
    );
}

#[test]
fn reserved_names_are_403() {
    let mut talk = Talk::open();
    let delete = exchange::AMQPMethod::Delete(exchange::Delete {
        exchange: "amq.direct".into(),
        if_unused: false,
        nowait: false,
    });
    talk.queue("q");
    for (method, text) in [
        (
            declare_queue(declare("amq.mine")),
            "queue name 'amq.mine' contains reserved prefix 'amq.*'",
        ),
        (
            declare_x(declare_exchange("amq.mine", "direct")),
            "exchange name 'amq.mine' contains reserved prefix 'amq.*'",
        ),
        (
            declare_x(declare_exchange("", "direct")),
            "operation not permitted on the default exchange",
        ),
        (
            bind("q", "", "k"),
            "operation not permitted on the default exchange",
        ),
        (
            of_exchange(delete),
            "deletion of system exchange 'amq.direct' in vhost '/' not allowed",
        ),
        (
            bind("amq.rabbitmq.reply-to", "amq.direct", "k"),
            "cannot bind or unbind to a volatile (direct reply-to) queue",
        ),
    ] {
        talk.send(1, method);
        talk.expect_channel_close(1, 403, &format!("ACCESS_REFUSED - {text}"));
        talk.reopen();
    }
    let mut again = declare_exchange("amq.direct", "direct");
    again.durable = true;
    talk.send(1, declare_x(again));
    talk.expect(1, x_ok());
}

#[test]
fn differing_declarations_are_406() {
    let mut talk = Talk::open();
    talk.queue("q");
    let mut durable = declare("q");
    durable.durable = true;
    talk.send(1, declare_queue(durable));
    talk.expect_channel_close(
        1,
        406,
        "PRECONDITION_FAILED - inequivalent arg 'durable' for queue 'q' in vhost '/': \
         received 'true' but current is 'false'",
    );
    talk.reopen();
    talk.send(1, declare_x(declare_exchange("x", "fanout")));
    talk.expect(1, x_ok());
    talk.send(1, declare_x(declare_exchange("x", "direct")));
    talk.expect_channel_close(
        1,
        406,
        "PRECONDITION_FAILED - inequivalent arg 'type' for exchange 'x' in vhost '/': \
         received 'direct' but current is 'fanout'",
    );
    talk.reopen();
    talk.send(1, declare_x(declare_exchange("y", "nonsense")));
    talk.expect_channel_close(
        1,
        406,
        "PRECONDITION_FAILED - unknown exchange type 'nonsense'",
    );
}

#[test]
fn another_connections_exclusive_queue_is_405() {
    let home = Home::new();
    let mut owner = Talk::join(&home);
    let mut mine = declare("mine");
    mine.exclusive = true;
    owner.send(1, declare_queue(mine.clone()));
    owner.expect(1, declare_ok("mine", 0, 0));
    let mut other = Talk::join(&home);
    let mut passive = declare("mine");
    passive.passive = true;
    for method in [
        declare_queue(mine.clone()),
        declare_queue(passive),
        get("mine", true),
        start_consumer(consume("mine", "c", true)),
        bind("mine", "amq.direct", "k"),
        delete_queue("mine"),
    ] {
        other.send(1, method);
        other.expect_channel_close(
            1,
            405,
            "RESOURCE_LOCKED - cannot obtain exclusive access to locked queue 'mine' in vhost '/'. \
             It could be originally declared on another connection or the exclusive property value \
             does not match that of the original declaration.",
        );
        other.reopen();
    }
    owner.send(1, declare_queue(mine));
    owner.expect(1, declare_ok("mine", 0, 0));
}

#[test]
fn the_queue_declared_last_is_meant_by_an_empty_name() {
    let mut talk = Talk::open();
    talk.queue("a");
    let mut passive = declare("a");
    passive.passive = true;
    talk.queue("b");
    talk.send(1, declare_queue(passive));
    talk.expect(1, declare_ok("a", 0, 0));
    talk.send(1, bind("", "amq.direct", ""));
    talk.expect(1, bind_ok());
    talk.publish("amq.direct", "a", b"by name");
    talk.send(1, get("", true));
    assert_eq!(talk.next().body, b"by name");
    talk.send(1, delete_queue(""));
    talk.expect(1, delete_ok(0));
    talk.send(1, get("", true));
    talk.expect_channel_close(1, 404, "NOT_FOUND - no queue 'a' in vhost '/'");
}

#[test]
fn server_named_queues_have_names_that_nobody_guesses() {
    let mut talk = Talk::open();
    talk.send(1, declare_queue(declare("")));
    let heard = talk.next();
    let AMQPClass::Queue(queue::AMQPMethod::DeclareOk(ok)) = &heard.method else {
        panic!("{heard:?}")
    };
    let name = ok.queue.as_str();
    assert!(
        name.starts_with("amq.gen-") && name.len() == 8 + 22,
        "{name}"
    );
    talk.publish("", name, b"x");
    talk.send(1, get("", true));
    assert_eq!(talk.next().body, b"x");
    talk.send(1, declare_queue(declare(name)));
    talk.expect_channel_close(
        1,
        403,
        &format!("ACCESS_REFUSED - queue name '{name}' contains reserved prefix 'amq.*'"),
    );
}

#[test]
fn names_lose_their_line_ends() {
    let mut talk = Talk::open();
    talk.send(1, declare_queue(declare("a\r\nb")));
    talk.expect(1, declare_ok("ab", 0, 0));
    talk.send(1, delete_queue("a\nb"));
    talk.expect(1, delete_ok(0));
}

#[test]
fn nowait_is_silent_but_errors_are_not() {
    let mut talk = Talk::open();
    let mut nowait = declare("q");
    nowait.nowait = true;
    talk.send(1, declare_queue(nowait.clone()));
    talk.expect_silence();
    nowait.auto_delete = true;
    talk.send(1, declare_queue(nowait));
    assert!(matches!(
        talk.next().method,
        AMQPClass::Channel(channel::AMQPMethod::Close(close)) if close.reply_code == 406
    ));
}

#[test]
fn pipelined_durable_declarations_are_answered_in_order() {
    let mut talk = Talk::open();
    let durable = |n: u32| {
        let mut declare = declare(&format!("q{n}"));
        declare.durable = true;
        declare_queue(declare)
    };
    let mut methods: Vec<_> = (0..50).map(durable).collect();
    methods.push(declare_queue(declare("transient")));
    methods.push(start_consumer(consume("q0", "c", true)));
    methods.push(get("q1", true));
    methods.push(bind("q1", "amq.direct", "k"));
    talk.send_all(1, methods);
    for n in 0..50 {
        talk.expect(1, declare_ok(&format!("q{n}"), 0, 0));
    }
    talk.expect(1, declare_ok("transient", 0, 0));
    talk.expect(1, crate::tests::consume_ok("c"));
    talk.expect(
        1,
        crate::tests::of_basic(codec::basic::AMQPMethod::GetEmpty(
            codec::basic::GetEmpty {},
        )),
    );
    talk.expect(1, bind_ok());
    talk.expect_silence();
}

#[test]
fn a_channel_error_waits_behind_parked_replies() {
    let mut talk = Talk::open();
    let mut durable = declare("q");
    durable.durable = true;
    let passive = queue::Declare {
        passive: true,
        ..declare("gone")
    };
    talk.send_all(1, [declare_queue(durable), declare_queue(passive)]);
    talk.expect(1, declare_ok("q", 0, 0));
    talk.expect_channel_close(1, 404, "NOT_FOUND - no queue 'gone' in vhost '/'");
    talk.reopen();
}

#[test]
fn channels_do_not_wait_for_each_others_replies() {
    let mut talk = Talk::open();
    talk.send(2, open_channel());
    talk.expect(
        2,
        of_channel(channel::AMQPMethod::OpenOk(channel::OpenOk {})),
    );
    let mut durable = declare("q");
    durable.durable = true;
    talk.turn(|connection, turn| {
        let bytes = [
            crate::tests::talk::frame(1, &declare_queue(durable)),
            crate::tests::talk::frame(2, &declare_queue(declare("t"))),
        ]
        .concat();
        connection.receive(&bytes, turn)
    });
    // Channel 1's reply waits for the disk, unless that was quicker than we are.
    let first = talk.next();
    let second = talk.next();
    assert_ne!(first.channel, second.channel);
}

#[test]
fn delete_has_conditions() {
    let mut talk = Talk::open();
    talk.queue("q");
    talk.publish("", "q", b"x");
    let delete = |if_unused, if_empty| {
        of_queue(queue::AMQPMethod::Delete(queue::Delete {
            queue: "q".into(),
            if_unused,
            if_empty,
            nowait: false,
        }))
    };
    talk.send(1, delete(false, true));
    talk.expect_channel_close(
        1,
        406,
        "PRECONDITION_FAILED - queue 'q' in vhost '/' not empty",
    );
    talk.reopen();
    talk.send(1, start_consumer(consume("q", "c", false)));
    talk.next();
    talk.next();
    talk.send(1, delete(true, false));
    talk.expect_channel_close(
        1,
        406,
        "PRECONDITION_FAILED - queue 'q' in vhost '/' in use",
    );
    talk.reopen();
    talk.send(1, delete(true, false));
    talk.expect(1, delete_ok(1));
}

#[test]
fn exchanges_bind_to_exchanges() {
    let mut talk = Talk::open();
    talk.queue("q");
    let mut internal = declare_exchange("inner", "fanout");
    internal.internal = true;
    talk.send(1, declare_x(internal));
    talk.expect(1, x_ok());
    let e2e = exchange::AMQPMethod::Bind(exchange::Bind {
        destination: "inner".into(),
        source: "amq.topic".into(),
        routing_key: "#".into(),
        nowait: false,
        arguments: FieldTable::default(),
    });
    talk.send(1, of_exchange(e2e));
    talk.expect(
        1,
        of_exchange(exchange::AMQPMethod::BindOk(exchange::BindOk {})),
    );
    talk.send(1, bind("q", "inner", ""));
    talk.expect(1, bind_ok());
    talk.publish("amq.topic", "a.b", b"through");
    talk.send(1, get("q", true));
    assert_eq!(talk.next().body, b"through");
    talk.publish("inner", "", b"not for clients");
    talk.expect_channel_close(
        1,
        403,
        "ACCESS_REFUSED - cannot publish to internal exchange 'inner' in vhost '/'",
    );
}

#[test]
fn purge_says_how_many_were_ready() {
    let mut talk = Talk::open();
    talk.queue("q");
    for _ in 0..3 {
        talk.publish("", "q", b"x");
    }
    talk.send(1, get("q", false));
    talk.next();
    let purge = queue::AMQPMethod::Purge(queue::Purge {
        queue: "q".into(),
        nowait: false,
    });
    talk.send(1, of_queue(purge));
    talk.expect(
        1,
        of_queue(queue::AMQPMethod::PurgeOk(queue::PurgeOk {
            message_count: 2,
        })),
    );
}

#[test]
fn consumers_know_which_arguments_their_queue_takes() {
    let mut talk = Talk::open();
    talk.queue("q");
    let mut stream = consume("q", "c", false);
    stream.arguments = table(&[("x-stream-offset", AMQPValue::LongInt(0))]);
    talk.send(1, start_consumer(stream));
    talk.expect_channel_close(
        1,
        406,
        "PRECONDITION_FAILED - invalid arg 'x-stream-offset' for queue 'q' in vhost '/' \
         of queue type rabbit_classic_queue",
    );
}

#[test]
fn what_is_held_back_is_done_before_the_connection_closes() {
    let home = Home::new();
    let mut talk = Talk::join(&home);
    let mut durable = declare("q");
    durable.durable = true;
    let mut bytes = crate::tests::talk::frame(1, &declare_queue(durable));
    bytes.extend(crate::tests::talk::frame(1, &get("q", true)));
    bytes.extend(crate::tests::talk::publish(
        1,
        "",
        "q",
        false,
        &codec::BasicProperties::default(),
        b"x",
    ));
    bytes.extend(crate::tests::talk::frame(
        0,
        &crate::tests::close_connection(),
    ));
    talk.bytes(&bytes);
    talk.expect(1, declare_ok("q", 0, 0));
    talk.next();
    assert!(matches!(
        talk.next().method,
        AMQPClass::Connection(codec::connection::AMQPMethod::CloseOk(_))
    ));
    assert!(talk.connection.is_finished());
    let queue = home.broker.vhost("/").unwrap().queue("q").unwrap();
    assert_eq!(queue.counts().ready, 1);
}
