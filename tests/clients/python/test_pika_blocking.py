"""pika's BlockingConnection: the adapter most scripts use."""

import threading

import pika
import pytest
from conftest import eventually
from pika import BasicProperties, BlockingConnection, DeliveryMode, URLParameters
from pika.exceptions import (
    AMQPConnectionError,
    ChannelClosedByBroker,
    ConnectionClosedByBroker,
    ProbableAuthenticationError,
    ProbableAccessDeniedError,
    UnroutableError,
)

PERSISTENT = BasicProperties(delivery_mode=DeliveryMode.Persistent.value)


@pytest.fixture
def connection(broker):
    connection = BlockingConnection(URLParameters(broker.url))
    yield connection
    if connection.is_open:
        connection.close()


@pytest.fixture
def channel(connection):
    return connection.channel()


@pytest.fixture
def queue(channel, name):
    return channel.queue_declare(name, exclusive=True).method.queue


def drain(channel, queue):
    bodies = []
    while True:
        method, _, body = channel.basic_get(queue, auto_ack=True)
        if method is None:
            return bodies
        bodies.append(body.decode())


def closes(channel, code):
    """A context in which the broker must close the channel with this code."""
    return pytest.raises(ChannelClosedByBroker, match=rf"^\({code}, ")


def test_declare_counts_messages_and_consumers(channel, queue):
    for _ in range(3):
        channel.basic_publish("", queue, b"x")
    declared = channel.queue_declare(queue, passive=True)
    assert (declared.method.message_count, declared.method.consumer_count) == (3, 0)
    assert channel.queue_purge(queue).method.message_count == 3


def test_server_named_queue(channel):
    name = channel.queue_declare("", exclusive=True).method.queue
    assert name.startswith("amq.gen-")
    channel.basic_publish("", name, b"x")
    assert drain(channel, name) == ["x"]


@pytest.mark.parametrize(
    ("kind", "binding", "key", "misses"),
    [
        ("direct", "a.b", "a.b", ["a", "a.b.c", ""]),
        ("fanout", "", "anything", []),
        ("topic", "*.b.#", "a.b.c.d", ["b", "a.c"]),
    ],
)
def test_bind_by_key(channel, queue, name, kind, binding, key, misses):
    channel.exchange_declare(name, kind, auto_delete=True)
    channel.queue_bind(queue, name, binding)
    for miss in misses:
        channel.basic_publish(name, miss, b"miss")
    channel.basic_publish(name, key, b"hit")
    assert drain(channel, queue) == ["hit"]
    channel.queue_unbind(queue, name, binding)


def test_bind_by_headers(channel, queue, name):
    channel.exchange_declare(name, "headers", auto_delete=True)
    channel.queue_bind(queue, name, arguments={"x-match": "all", "color": "red", "size": 3})
    for headers, body in [
        ({"color": "red"}, b"miss"),
        ({"color": "red", "size": 4}, b"miss"),
        ({"color": "red", "size": 3, "more": True}, b"hit"),
    ]:
        channel.basic_publish(name, "", body, BasicProperties(headers=headers))
    assert drain(channel, queue) == ["hit"]


def test_exchange_to_exchange(channel, queue, name):
    channel.exchange_declare(name + "-1", "topic", auto_delete=True)
    channel.exchange_declare(name + "-2", "fanout", auto_delete=True)
    channel.exchange_bind(name + "-2", name + "-1", "news.#")
    channel.queue_bind(queue, name + "-2")
    channel.basic_publish(name + "-1", "news.sport", b"hit")
    channel.basic_publish(name + "-1", "olds", b"miss")
    assert drain(channel, queue) == ["hit"]


def test_publish_with_confirms(channel, name):
    channel.queue_declare(name, durable=True)
    channel.confirm_delivery()
    for n in range(100):
        channel.basic_publish("", name, str(n).encode(), PERSISTENT, mandatory=True)
    assert drain(channel, name) == [str(n) for n in range(100)]
    channel.queue_delete(name)


def test_mandatory_with_confirms_raises_what_came_back(channel):
    channel.confirm_delivery()
    properties = BasicProperties(message_id="m-1", headers={"a": "b"})
    with pytest.raises(UnroutableError) as caught:
        channel.basic_publish("amq.direct", "nowhere", b"body", properties, mandatory=True)
    (returned,) = caught.value.messages
    assert (returned.method.reply_code, returned.method.reply_text) == (312, "NO_ROUTE")
    assert returned.properties.message_id == "m-1"
    assert returned.properties.headers == {"a": "b"}
    assert returned.body == b"body"


def test_mandatory_without_confirms_calls_back(connection, channel):
    seen = []
    channel.add_on_return_callback(lambda ch, method, props, body: seen.append((method.reply_code, body)))
    channel.basic_publish("amq.direct", "nowhere", b"lost", mandatory=True)
    eventually("the return", lambda: connection.process_data_events(0.1) or seen)
    assert seen == [(312, b"lost")]


def test_properties_come_back_the_same(channel, queue):
    sent = BasicProperties(
        content_type="text/plain",
        content_encoding="utf-8",
        headers={"s": "text", "n": 1 << 40, "t": True, "list": ["a", 1], "inner": {"x": None}},
        delivery_mode=2,
        priority=4,
        correlation_id="c",
        reply_to="r",
        expiration="60000",
        message_id="m",
        timestamp=1_700_000_000,
        type="kind",
        user_id="guest",
        app_id="suite",
    )
    channel.basic_publish("", queue, b"x", sent)
    _, received, _ = channel.basic_get(queue, auto_ack=True)
    assert received == sent


def test_consume_with_prefetch_and_acks(channel, queue):
    for n in range(10):
        channel.basic_publish("", queue, str(n).encode())
    channel.basic_qos(prefetch_count=3)
    seen = []
    for method, _, body in channel.consume(queue, inactivity_timeout=1):
        if method is None:
            break
        seen.append(body.decode())
        # One is here unacknowledged, two more at most may wait.
        assert channel.get_waiting_message_count() <= 2
        channel.basic_ack(method.delivery_tag)
        if len(seen) == 10:
            break
    assert seen == [str(n) for n in range(10)]
    channel.cancel()


def test_prefetch_holds_back(connection, channel, queue):
    for n in range(5):
        channel.basic_publish("", queue, str(n).encode())
    channel.basic_qos(prefetch_count=2)
    seen = []
    channel.basic_consume(queue, lambda ch, method, props, body: seen.append(method.delivery_tag))
    eventually("two deliveries", lambda: connection.process_data_events(0.05) or len(seen) == 2)
    channel.queue_declare(queue, passive=True)
    assert seen == [1, 2]
    channel.basic_ack(2, multiple=True)
    eventually("two more", lambda: connection.process_data_events(0.05) or len(seen) == 4)


def test_start_consuming_and_stop(channel, queue):
    channel.basic_publish("", queue, b"stop")

    def on_message(ch, method, props, body):
        assert body == b"stop"
        ch.basic_ack(method.delivery_tag)
        ch.stop_consuming()

    channel.basic_consume(queue, on_message)
    channel.start_consuming()
    assert channel.queue_declare(queue, passive=True).method.message_count == 0


def test_get_and_its_counts(channel, queue):
    assert channel.basic_get(queue) == (None, None, None)
    channel.basic_publish("", queue, b"a")
    channel.basic_publish("", queue, b"b")
    method, _, body = channel.basic_get(queue)
    assert (body, method.message_count, method.redelivered) == (b"a", 1, False)
    channel.basic_ack(method.delivery_tag)
    assert drain(channel, queue) == ["b"]


def test_nack_and_reject_requeue_to_the_place(channel, queue):
    for body in ["a", "b", "c"]:
        channel.basic_publish("", queue, body.encode())
    tags = [channel.basic_get(queue)[0].delivery_tag for _ in range(3)]
    channel.basic_reject(tags[1], requeue=True)
    channel.basic_nack(tags[0], requeue=True)
    channel.basic_nack(tags[2], requeue=False)
    method, _, body = channel.basic_get(queue, auto_ack=True)
    assert (body, method.redelivered) == (b"a", True)
    assert drain(channel, queue) == ["b"]


def test_recover(channel, queue):
    channel.basic_publish("", queue, b"x")
    channel.basic_get(queue)
    channel.basic_recover(requeue=True)
    method, _, _ = channel.basic_get(queue, auto_ack=True)
    assert method.redelivered


def test_exclusive_queue_is_locked_for_others(broker, channel, queue):
    other = BlockingConnection(URLParameters(broker.url))
    with closes(other, 405):
        other.channel().queue_declare(queue, passive=True)
    with closes(other, 405):
        other.channel().basic_get(queue)
    other.close()


def test_exclusive_queue_goes_with_its_connection(broker, connection, channel, queue):
    connection.close()
    other = BlockingConnection(URLParameters(broker.url))
    with closes(other, 404):
        other.channel().queue_declare(queue, passive=True)
    other.close()


def test_auto_delete_queue_goes_with_its_last_consumer(connection, channel, name):
    channel.queue_declare(name, auto_delete=True)
    tag = channel.basic_consume(name, lambda *_: None)
    channel.basic_cancel(tag)
    with closes(channel, 404):
        channel.queue_declare(name, passive=True)


def test_exclusive_consumer(connection, channel, queue):
    channel.basic_consume(queue, lambda *_: None, exclusive=True)
    with closes(channel, 403):
        connection.channel().basic_consume(queue, lambda *_: None)


def test_consumer_is_told_that_its_queue_is_gone(connection, channel, name):
    channel.queue_declare(name)
    cancelled = []
    channel.add_on_cancel_callback(cancelled.append)
    channel.basic_consume(name, lambda *_: None, consumer_tag="mine")
    connection.channel().queue_delete(name)
    eventually("the cancel", lambda: connection.process_data_events(0.1) or cancelled)
    assert cancelled[0].method.consumer_tag == "mine"


def test_rpc_by_direct_reply_to(broker, connection, channel, queue):
    def serve():
        server = BlockingConnection(URLParameters(broker.url))
        ch = server.channel()
        ch.queue_declare(queue + "-rpc", auto_delete=True)
        ready.set()
        for method, props, body in ch.consume(queue + "-rpc", auto_ack=True):
            reply = BasicProperties(correlation_id=props.correlation_id)
            ch.basic_publish("", props.reply_to, body.upper(), reply)
            if body == b"last":
                break
        server.close()

    ready = threading.Event()
    thread = threading.Thread(target=serve)
    thread.start()
    assert ready.wait(20)
    replies = []
    channel.basic_consume(
        "amq.rabbitmq.reply-to",
        lambda ch, method, props, body: replies.append((props.correlation_id, body)),
        auto_ack=True,
    )
    for n, question in enumerate([b"first", b"last"]):
        properties = BasicProperties(reply_to="amq.rabbitmq.reply-to", correlation_id=str(n))
        channel.basic_publish("", queue + "-rpc", question, properties)
    eventually("two replies", lambda: connection.process_data_events(0.1) or len(replies) == 2)
    assert replies == [("0", b"FIRST"), ("1", b"LAST")]
    thread.join(20)


def test_heartbeats_keep_an_idle_connection(broker):
    parameters = URLParameters(broker.url + "?heartbeat=1")
    connection = BlockingConnection(parameters)
    channel = connection.channel()
    # Longer than what the broker would wait for a dead client.
    connection.sleep(4)
    assert channel.queue_declare("", exclusive=True).method.message_count == 0
    connection.close()


def test_a_client_without_heartbeats_is_cut_off(broker):
    connection = BlockingConnection(URLParameters(broker.url + "?heartbeat=1"))
    channel = connection.channel()
    channel.queue_declare("cut-off", exclusive=True)
    other = BlockingConnection(URLParameters(broker.url)).channel()

    def free():
        nonlocal other
        try:
            other.queue_declare("cut-off", exclusive=True)
            return True
        except ChannelClosedByBroker as closed:
            assert closed.reply_code == 405
            other = other.connection.channel()
            return False

    # This connection's loop does not run, so nothing is sent.
    eventually("the exclusive name to be free", free)
    other.connection.close()
    with pytest.raises(AMQPConnectionError):
        channel.queue_declare("cut-off-2")


def test_tx(channel, queue):
    channel.tx_select()
    channel.basic_publish("", queue, b"a")
    channel.tx_rollback()
    channel.basic_publish("", queue, b"b")
    assert channel.queue_declare(queue, passive=True).method.message_count == 0
    channel.tx_commit()
    method, _, body = channel.basic_get(queue)
    assert body == b"b"
    channel.basic_ack(method.delivery_tag)
    channel.tx_rollback()
    channel.basic_ack(method.delivery_tag)
    channel.tx_commit()


def test_channel_errors_leave_the_connection(connection, name):
    with closes(connection, 404):
        connection.channel().queue_declare(name, passive=True)
    with closes(connection, 404):
        channel = connection.channel()
        channel.basic_publish("missing-exchange", "", b"x")
        channel.queue_declare("", exclusive=True)
    with closes(connection, 406):
        channel = connection.channel()
        channel.queue_declare(name, exclusive=True)
        channel.queue_declare(name, exclusive=True, auto_delete=True)
    with closes(connection, 406):
        channel = connection.channel()
        channel.basic_ack(99)
        channel.queue_declare("", exclusive=True)
    with closes(connection, 403):
        connection.channel().queue_declare("amq.mine")
    assert connection.channel().is_open


def test_wrong_password_and_missing_vhost(broker):
    wrong = pika.ConnectionParameters(
        "127.0.0.1", broker.port, credentials=pika.PlainCredentials("guest", "wrong")
    )
    with pytest.raises(ProbableAuthenticationError):
        BlockingConnection(wrong)
    with pytest.raises((ProbableAccessDeniedError, ConnectionClosedByBroker)):
        BlockingConnection(pika.ConnectionParameters("127.0.0.1", broker.port, "nowhere"))


def test_update_secret(connection, channel, queue):
    connection.update_secret("guest", "rotation")
    channel.basic_publish("", queue, b"x")
    assert drain(channel, queue) == ["x"]


def test_closed_by_an_operator_and_connected_again(broker, name):
    parameters = URLParameters(broker.url)
    parameters.client_properties = {"connection_name": name}
    connection = BlockingConnection(parameters)
    channel = connection.channel()
    channel.queue_declare(name, durable=True)
    channel.confirm_delivery()
    channel.basic_publish("", name, b"kept", PERSISTENT)
    broker.close_connection(name)
    with pytest.raises(ConnectionClosedByBroker, match="320"):
        while True:
            connection.process_data_events(0.1)
    again = BlockingConnection(parameters)
    channel = again.channel()
    assert drain(channel, name) == ["kept"]
    channel.queue_delete(name)
    again.close()


def test_a_restart_keeps_durable_messages(broker, name):
    connection = BlockingConnection(URLParameters(broker.url))
    channel = connection.channel()
    channel.queue_declare(name, durable=True)
    channel.confirm_delivery()
    for n in range(50):
        channel.basic_publish("", name, str(n).encode(), PERSISTENT)
    broker.kill()
    broker.start()
    with pytest.raises(AMQPConnectionError):
        channel.queue_declare(name, passive=True)
    again = BlockingConnection(URLParameters(broker.url))
    assert drain(again.channel(), name) == [str(n) for n in range(50)]
    again.channel().queue_delete(name)
    again.close()


def test_callbacks_from_another_thread(connection, channel, queue):
    """The way pika's documentation publishes from worker threads."""
    done = threading.Event()

    def publish():
        channel.basic_publish("", queue, b"from afar")
        done.set()

    threading.Thread(target=lambda: connection.add_callback_threadsafe(publish)).start()
    eventually("the publish", lambda: connection.process_data_events(0.05) or done.is_set())
    assert drain(channel, queue) == ["from afar"]
