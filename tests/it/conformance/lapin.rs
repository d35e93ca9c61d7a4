//! lapin, in its own idiom: futures for confirms, streams for consumers.

use std::{future::Future, pin::Pin, time::Duration};

use futures_core::Stream;
use lapin::{
    BasicProperties, Channel, Confirmation, Connection, ConnectionProperties, Consumer, Error,
    ErrorKind, ExchangeKind,
    message::Delivery,
    options::{
        BasicAckOptions, BasicCancelOptions, BasicConsumeOptions, BasicGetOptions,
        BasicNackOptions, BasicPublishOptions, BasicQosOptions, BasicRecoverOptions,
        BasicRejectOptions, ConfirmSelectOptions, ExchangeBindOptions, ExchangeDeclareOptions,
        QueueBindOptions, QueueDeclareOptions, QueueDeleteOptions, QueuePurgeOptions,
    },
    types::{AMQPValue, FieldTable},
};
use tests::{Broker, PATIENCE, shared, unique};

pub(super) fn run(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async { tokio::time::timeout(2 * PATIENCE, test).await.unwrap() });
}

pub(super) fn uri(broker: &Broker) -> String {
    format!("amqp://guest:guest@{}/%2f", broker.amqp())
}

async fn connect() -> Connection {
    Connection::connect(&uri(shared()), ConnectionProperties::default())
        .await
        .unwrap()
}

/// A channel, its connection, and an exclusive queue on it.
async fn open() -> (Connection, Channel, String) {
    let connection = connect().await;
    let channel = connection.create_channel().await.unwrap();
    let queue = unique("lapin");
    declare(&channel, &queue, exclusive()).await;
    (connection, channel, queue)
}

fn exclusive() -> QueueDeclareOptions {
    QueueDeclareOptions {
        exclusive: true,
        ..Default::default()
    }
}

/// Declares a queue; its ready messages and consumers.
pub(super) async fn declare(
    channel: &Channel,
    name: &str,
    options: QueueDeclareOptions,
) -> (u32, u32) {
    let queue = channel
        .queue_declare(name.into(), options, FieldTable::default())
        .await
        .unwrap();
    (queue.message_count(), queue.consumer_count())
}

async fn depth(channel: &Channel, name: &str) -> (u32, u32) {
    declare(
        channel,
        name,
        QueueDeclareOptions {
            passive: true,
            ..Default::default()
        },
    )
    .await
}

pub(super) async fn publish(channel: &Channel, exchange: &str, key: &str, body: &str) {
    publish_with(channel, exchange, key, body, BasicProperties::default())
        .await
        .await
        .unwrap();
}

pub(super) async fn publish_with(
    channel: &Channel,
    exchange: &str,
    key: &str,
    body: &str,
    properties: BasicProperties,
) -> lapin::PublisherConfirm {
    let options = BasicPublishOptions {
        mandatory: true,
        ..Default::default()
    };
    let sent = channel.basic_publish(
        exchange.into(),
        key.into(),
        options,
        body.as_bytes(),
        properties,
    );
    sent.await.unwrap()
}

pub(super) async fn drain(channel: &Channel, queue: &str) -> Vec<String> {
    let mut bodies = Vec::new();
    let options = BasicGetOptions { no_ack: true };
    while let Some(message) = channel.basic_get(queue.into(), options).await.unwrap() {
        bodies.push(String::from_utf8(message.delivery.data).unwrap());
    }
    bodies
}

async fn consume(channel: &Channel, queue: &str, no_ack: bool) -> Consumer {
    let options = BasicConsumeOptions {
        no_ack,
        ..Default::default()
    };
    let arguments = FieldTable::default();
    channel
        .basic_consume(queue.into(), "".into(), options, arguments)
        .await
        .unwrap()
}

/// The next thing a consumer yields; none when it has ended.
pub(super) async fn next(consumer: &mut Consumer) -> Option<Result<Delivery, Error>> {
    std::future::poll_fn(|cx| Pin::new(&mut *consumer).poll_next(cx)).await
}

async fn body(consumer: &mut Consumer) -> String {
    String::from_utf8(next(consumer).await.unwrap().unwrap().data).unwrap()
}

/// The AMQP code an operation failed with.
#[track_caller]
fn code<T>(result: Result<T, Error>) -> u16 {
    match result.err().expect("an error").kind() {
        ErrorKind::ProtocolError(error) => error.get_id(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn declare_publish_get() {
    run(async {
        let (_connection, channel, queue) = open().await;
        for body in ["a", "b", "c"] {
            publish(&channel, "", &queue, body).await;
        }
        assert_eq!(depth(&channel, &queue).await, (3, 0));
        let purged = channel.queue_purge(queue.as_str().into(), QueuePurgeOptions::default());
        assert_eq!(purged.await.unwrap(), 3);
        publish(&channel, "", &queue, "d").await;
        assert_eq!(drain(&channel, &queue).await, ["d"]);
    });
}

#[test]
fn the_server_names_a_queue() {
    run(async {
        let (_connection, channel, _) = open().await;
        let declare = channel.queue_declare("".into(), exclusive(), FieldTable::default());
        let name = declare.await.unwrap().name().as_str().to_owned();
        assert!(name.starts_with("amq.gen-"), "{name}");
    });
}

#[test]
fn all_exchange_types_route() {
    run(async {
        let (_connection, channel, queue) = open().await;
        let mut pattern = FieldTable::default();
        pattern.insert("x-match".into(), AMQPValue::LongString("all".into()));
        pattern.insert("color".into(), AMQPValue::LongString("red".into()));
        let mut red = FieldTable::default();
        red.insert("color".into(), AMQPValue::LongString("red".into()));
        red.insert("size".into(), AMQPValue::LongInt(3));
        let none = FieldTable::default;
        let cases = [
            (ExchangeKind::Direct, "k", none(), "k", none()),
            (ExchangeKind::Fanout, "", none(), "anything", none()),
            (ExchangeKind::Topic, "a.*.#", none(), "a.b.c", none()),
            (ExchangeKind::Headers, "", pattern, "", red),
        ];
        for (kind, binding, arguments, key, headers) in cases {
            let exchange = unique("lapin-x");
            let options = ExchangeDeclareOptions {
                auto_delete: true,
                ..Default::default()
            };
            let what = format!("{kind:?}");
            let name = exchange.as_str();
            channel
                .exchange_declare(name.into(), kind, options, none())
                .await
                .unwrap();
            let (queue, from, by) = (queue.as_str(), name, binding);
            let options = QueueBindOptions::default();
            let args = arguments.clone();
            channel
                .queue_bind(queue.into(), from.into(), by.into(), options, args)
                .await
                .unwrap();
            let properties = BasicProperties::default().with_headers(headers);
            publish_with(&channel, name, key, &what, properties)
                .await
                .await
                .unwrap();
            assert_eq!(drain(&channel, queue).await, [what]);
            let unbind = channel.queue_unbind(queue.into(), from.into(), by.into(), arguments);
            unbind.await.unwrap();
        }
    });
}

#[test]
fn exchanges_are_bound_to_exchanges() {
    run(async {
        let (_connection, channel, queue) = open().await;
        let (one, two) = (unique("lapin-e1"), unique("lapin-e2"));
        let options = ExchangeDeclareOptions {
            auto_delete: true,
            ..Default::default()
        };
        for (name, kind) in [(&one, ExchangeKind::Topic), (&two, ExchangeKind::Fanout)] {
            let name = name.as_str().into();
            channel
                .exchange_declare(name, kind, options, FieldTable::default())
                .await
                .unwrap();
        }
        let (from, to) = (one.as_str(), two.as_str());
        let options = ExchangeBindOptions::default();
        let bind = channel.exchange_bind(
            to.into(),
            from.into(),
            "news.#".into(),
            options,
            FieldTable::default(),
        );
        bind.await.unwrap();
        let options = QueueBindOptions::default();
        let name = queue.as_str().into();
        let bind = channel.queue_bind(name, to.into(), "".into(), options, FieldTable::default());
        bind.await.unwrap();
        publish(&channel, from, "news.today", "hit").await;
        assert_eq!(drain(&channel, &queue).await, ["hit"]);
    });
}

#[test]
fn publishes_are_confirmed() {
    run(async {
        let (_connection, channel, _) = open().await;
        let queue = unique("lapin-durable");
        let durable = QueueDeclareOptions {
            durable: true,
            ..Default::default()
        };
        declare(&channel, &queue, durable).await;
        channel
            .confirm_select(ConfirmSelectOptions::default())
            .await
            .unwrap();
        let persistent = BasicProperties::default().with_delivery_mode(2);
        let mut confirms = Vec::new();
        for n in 0..200 {
            let body = n.to_string();
            confirms.push(publish_with(&channel, "", &queue, &body, persistent.clone()).await);
        }
        for confirm in confirms {
            assert_eq!(confirm.await.unwrap(), Confirmation::Ack(None));
        }
        let sent: Vec<String> = (0..200).map(|n| n.to_string()).collect();
        assert_eq!(drain(&channel, &queue).await, sent);
        let delete = channel.queue_delete(queue.as_str().into(), QueueDeleteOptions::default());
        delete.await.unwrap();
    });
}

#[test]
fn a_mandatory_message_comes_back_with_its_confirm() {
    run(async {
        let (_connection, channel, _) = open().await;
        channel
            .confirm_select(ConfirmSelectOptions::default())
            .await
            .unwrap();
        let properties = BasicProperties::default().with_message_id("m-1".into());
        let confirm = publish_with(&channel, "amq.direct", "nowhere", "lost", properties).await;
        let Confirmation::Ack(Some(returned)) = confirm.await.unwrap() else {
            panic!("nothing came back")
        };
        assert_eq!(returned.reply_code, 312);
        assert_eq!(returned.delivery.data, b"lost");
        let id = returned.delivery.properties.message_id().as_ref().unwrap();
        assert_eq!(id.as_str(), "m-1");
    });
}

#[test]
fn prefetch_holds_back_until_an_ack() {
    run(async {
        let (_connection, channel, queue) = open().await;
        for n in 0..6 {
            publish(&channel, "", &queue, &n.to_string()).await;
        }
        channel
            .basic_qos(2, BasicQosOptions::default())
            .await
            .unwrap();
        let mut consumer = consume(&channel, &queue, false).await;
        let first = next(&mut consumer).await.unwrap().unwrap();
        let second = next(&mut consumer).await.unwrap().unwrap();
        assert_eq!(depth(&channel, &queue).await.0, 4);
        let early = tokio::time::timeout(Duration::from_millis(50), next(&mut consumer)).await;
        assert!(early.is_err(), "a third message: {early:?}");
        assert_eq!((&*first.data, &*second.data), (&b"0"[..], &b"1"[..]));
        second
            .acker
            .ack(BasicAckOptions { multiple: true })
            .await
            .unwrap();
        assert_eq!(body(&mut consumer).await, "2");
        assert_eq!(body(&mut consumer).await, "3");
    });
}

#[test]
fn a_stream_keeps_the_order() {
    run(async {
        let (_connection, channel, queue) = open().await;
        let mut consumer = consume(&channel, &queue, true).await;
        for n in 0..300 {
            publish(&channel, "", &queue, &n.to_string()).await;
        }
        for n in 0..300 {
            assert_eq!(body(&mut consumer).await, n.to_string());
        }
        let tag = consumer.tag();
        channel
            .basic_cancel(tag, BasicCancelOptions::default())
            .await
            .unwrap();
        assert!(next(&mut consumer).await.is_none());
    });
}

#[test]
fn rejected_and_nacked_messages_go_back_to_their_place() {
    run(async {
        let (_connection, channel, queue) = open().await;
        for body in ["a", "b", "c"] {
            publish(&channel, "", &queue, body).await;
        }
        let mut taken = Vec::new();
        for _ in 0..3 {
            let options = BasicGetOptions { no_ack: false };
            let message = channel
                .basic_get(queue.as_str().into(), options)
                .await
                .unwrap()
                .unwrap();
            assert!(!message.delivery.redelivered);
            taken.push(message.delivery);
        }
        let requeue = BasicNackOptions {
            requeue: true,
            multiple: false,
        };
        taken[1].acker.nack(requeue).await.unwrap();
        taken[0]
            .acker
            .reject(BasicRejectOptions { requeue: true })
            .await
            .unwrap();
        taken[2]
            .acker
            .reject(BasicRejectOptions { requeue: false })
            .await
            .unwrap();
        let options = BasicGetOptions { no_ack: false };
        let again = channel
            .basic_get(queue.as_str().into(), options)
            .await
            .unwrap()
            .unwrap();
        assert_eq!(
            (&*again.delivery.data, again.delivery.redelivered),
            (&b"a"[..], true)
        );
        let recover = BasicRecoverOptions { requeue: true };
        channel.basic_recover(recover).await.unwrap();
        assert_eq!(drain(&channel, &queue).await, ["a", "b"]);
    });
}

#[test]
fn an_exclusive_queue_is_locked_and_goes_with_its_connection() {
    run(async {
        let (connection, _channel, queue) = open().await;
        let other = connect().await;
        let channel = other.create_channel().await.unwrap();
        let passive = QueueDeclareOptions {
            passive: true,
            ..Default::default()
        };
        let name = queue.as_str();
        let locked = channel
            .queue_declare(name.into(), passive, FieldTable::default())
            .await;
        assert_eq!(code(locked), 405);
        connection.close(200, "bye".into()).await.unwrap();
        let channel = other.create_channel().await.unwrap();
        declare(&channel, &queue, exclusive()).await;
    });
}

#[test]
fn an_auto_delete_queue_goes_with_its_last_consumer() {
    run(async {
        let (_connection, channel, _) = open().await;
        let queue = unique("lapin-auto");
        let auto_delete = QueueDeclareOptions {
            auto_delete: true,
            ..Default::default()
        };
        declare(&channel, &queue, auto_delete).await;
        let consumer = consume(&channel, &queue, false).await;
        channel
            .basic_cancel(consumer.tag(), BasicCancelOptions::default())
            .await
            .unwrap();
        let passive = QueueDeclareOptions {
            passive: true,
            ..Default::default()
        };
        let name = queue.as_str();
        let gone = channel
            .queue_declare(name.into(), passive, FieldTable::default())
            .await;
        assert_eq!(code(gone), 404);
    });
}

#[test]
fn a_consumer_ends_when_its_queue_is_deleted() {
    run(async {
        let (connection, channel, queue) = open().await;
        let mut consumer = consume(&channel, &queue, false).await;
        let second = connection.create_channel().await.unwrap();
        let delete = second.queue_delete(queue.as_str().into(), QueueDeleteOptions::default());
        delete.await.unwrap();
        assert!(next(&mut consumer).await.is_none());
    });
}

#[test]
fn rpc_by_direct_reply_to() {
    run(async {
        let (connection, channel, queue) = open().await;
        let mut replies = consume(&channel, "amq.rabbitmq.reply-to", true).await;
        let server = connection.create_channel().await.unwrap();
        let mut requests = consume(&server, &queue, true).await;
        for n in 0..10 {
            let properties = BasicProperties::default()
                .with_reply_to("amq.rabbitmq.reply-to".into())
                .with_correlation_id(n.to_string().into());
            publish_with(&channel, "", &queue, &format!("q{n}"), properties)
                .await
                .await
                .unwrap();
            let request = next(&mut requests).await.unwrap().unwrap();
            let to = request.properties.reply_to().clone().unwrap();
            let id = request.properties.correlation_id().clone().unwrap();
            let answer = BasicProperties::default().with_correlation_id(id);
            let options = BasicPublishOptions::default();
            let body = request.data.to_ascii_uppercase();
            server
                .basic_publish("".into(), to, options, &body, answer)
                .await
                .unwrap();
            let reply = next(&mut replies).await.unwrap().unwrap();
            assert_eq!(reply.data, format!("Q{n}").into_bytes());
            let id = reply.properties.correlation_id().clone().unwrap();
            assert_eq!(id.as_str(), n.to_string());
        }
    });
}

#[test]
fn heartbeats_keep_an_idle_connection() {
    run(async {
        let uri = format!("{}?heartbeat=1", uri(shared()));
        let connection = Connection::connect(&uri, ConnectionProperties::default())
            .await
            .unwrap();
        tokio::time::sleep(Duration::from_secs(4)).await;
        assert!(connection.status().connected());
        connection.create_channel().await.unwrap();
    });
}

#[test]
fn transactions_commit_and_roll_back() {
    run(async {
        let (_connection, channel, queue) = open().await;
        channel.tx_select().await.unwrap();
        publish(&channel, "", &queue, "a").await;
        channel.tx_rollback().await.unwrap();
        publish(&channel, "", &queue, "b").await;
        assert_eq!(depth(&channel, &queue).await.0, 0);
        channel.tx_commit().await.unwrap();
        assert_eq!(drain(&channel, &queue).await, ["b"]);
    });
}

#[test]
fn channel_errors_leave_the_connection() {
    run(async {
        let connection = connect().await;
        let none = FieldTable::default;
        let passive = QueueDeclareOptions {
            passive: true,
            ..Default::default()
        };
        let channel = connection.create_channel().await.unwrap();
        assert_eq!(
            code(channel.queue_declare("gone".into(), passive, none()).await),
            404
        );
        let channel = connection.create_channel().await.unwrap();
        let default = QueueDeclareOptions::default();
        assert_eq!(
            code(
                channel
                    .queue_declare("amq.mine".into(), default, none())
                    .await
            ),
            403
        );
        let channel = connection.create_channel().await.unwrap();
        let name = unique("lapin-406");
        declare(&channel, &name, exclusive()).await;
        let other = QueueDeclareOptions {
            auto_delete: true,
            ..exclusive()
        };
        assert_eq!(
            code(
                channel
                    .queue_declare(name.as_str().into(), other, none())
                    .await
            ),
            406
        );
        let channel = connection.create_channel().await.unwrap();
        declare(&channel, &name, exclusive()).await;
        assert!(connection.status().connected());
    });
}

#[test]
fn a_wrong_password_is_refused() {
    run(async {
        let uri = uri(shared()).replace("guest:guest", "guest:wrong");
        let refused = Connection::connect(&uri, ConnectionProperties::default()).await;
        assert_eq!(code(refused), 403);
    });
}

#[test]
fn large_messages_arrive_whole() {
    run(async {
        let (_connection, channel, queue) = open().await;
        let mut consumer = consume(&channel, &queue, true).await;
        for size in [0, 1, 131_064, 131_065, 1_000_000] {
            let text = "x".repeat(size);
            publish(&channel, "", &queue, &text).await;
            assert!(body(&mut consumer).await == text, "{size}");
        }
    });
}
