use codec::{AMQPClass, BasicProperties, basic};

use crate::tests::talk::{Home, Talk, publish};
use crate::tests::{
    bind, cancel, cancel_ok, consume, consume_ok, declare, declare_ok, declare_queue, get,
    start_consumer,
};

const REPLY_TO: &str = "amq.rabbitmq.reply-to";

fn request() -> BasicProperties {
    BasicProperties::default()
        .with_reply_to(REPLY_TO.into())
        .with_correlation_id("7".into())
}

/// A requester that has asked, a responder, and the name that the responder got.
fn asked() -> (Talk, Talk, String) {
    let home = Home::new();
    let mut requester = Talk::join(&home);
    let mut responder = Talk::join(&home);
    responder.queue("rpc");
    requester.send(1, start_consumer(consume(REPLY_TO, "r", true)));
    requester.expect(1, consume_ok("r"));
    requester.publish_with("rpc", &request(), b"question");
    responder.send(1, get("rpc", true));
    let heard = responder.next();
    assert_eq!(heard.body, b"question");
    let properties = heard.properties.unwrap();
    assert_eq!(properties.correlation_id().as_ref().unwrap().as_str(), "7");
    let name = properties.reply_to().as_ref().unwrap().to_string();
    assert!(
        name.starts_with("amq.rabbitmq.reply-to.") && name.len() > 40,
        "{name}"
    );
    (requester, responder, name)
}

#[test]
fn replies_go_straight_to_the_requester() {
    let (mut requester, mut responder, name) = asked();
    for body in [&b"one"[..], b"two"] {
        responder.publish("", &name, body);
        let heard = requester.next();
        assert_eq!(heard.body, body);
        assert_eq!(heard.deliver().consumer_tag.as_str(), "r");
    }
}

#[test]
fn a_responder_can_ask_whether_the_requester_is_there() {
    let (mut requester, mut responder, name) = asked();
    responder.send(1, declare_queue(declare(&name)));
    responder.expect(1, declare_ok(&name, 0, 1));
    requester.send(1, cancel("r"));
    requester.expect(1, cancel_ok("r"));
    responder.bytes(&publish(
        1,
        "",
        &name,
        true,
        &BasicProperties::default(),
        b"late",
    ));
    assert!(matches!(
        responder.next().method,
        AMQPClass::Basic(basic::AMQPMethod::Return(basic::Return {
            reply_code: 312,
            ..
        }))
    ));
    responder.send(1, declare_queue(declare(&name)));
    responder.expect_channel_close(
        1,
        404,
        &format!("NOT_FOUND - no queue '{name}' in vhost '/'"),
    );
}

#[test]
fn a_requester_that_leaves_is_gone() {
    let (requester, mut responder, name) = asked();
    drop(requester);
    responder.bytes(&publish(
        1,
        "",
        &name,
        true,
        &BasicProperties::default(),
        b"late",
    ));
    assert!(matches!(
        responder.next().method,
        AMQPClass::Basic(basic::AMQPMethod::Return(_))
    ));
}

#[test]
fn misuse_is_refused() {
    let mut talk = Talk::open();
    talk.send(1, start_consumer(consume(REPLY_TO, "r", false)));
    talk.expect_channel_close(
        1,
        406,
        "PRECONDITION_FAILED - reply consumer cannot acknowledge",
    );
    talk.reopen();
    talk.send(1, start_consumer(consume(REPLY_TO, "r", true)));
    talk.expect(1, consume_ok("r"));
    talk.send(1, start_consumer(consume(REPLY_TO, "s", true)));
    talk.expect_channel_close(1, 406, "PRECONDITION_FAILED - reply consumer already set");
    talk.reopen();
    talk.publish_with("q", &request(), b"x");
    talk.expect_channel_close(
        1,
        406,
        "PRECONDITION_FAILED - fast reply consumer does not exist",
    );
    talk.reopen();
    talk.send(1, bind(REPLY_TO, "amq.direct", "k"));
    talk.expect_channel_close(
        1,
        403,
        "ACCESS_REFUSED - cannot bind or unbind to a volatile (direct reply-to) queue",
    );
    talk.reopen();
    talk.send(1, get(REPLY_TO, true));
    talk.expect_channel_close(
        1,
        404,
        "NOT_FOUND - no queue 'amq.rabbitmq.reply-to' in vhost '/'",
    );
}
