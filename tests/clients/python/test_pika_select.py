"""pika's SelectConnection: everything by callbacks on one loop."""

import pika
import pytest
from conftest import PATIENCE
from pika import BasicProperties, SelectConnection, URLParameters
from pika.exceptions import ChannelClosedByBroker, ConnectionClosedByBroker

PERSISTENT = BasicProperties(delivery_mode=2)


class Client:
    """A connection and its loop; `call` runs the loop until a callback comes."""

    def __init__(self, parameters):
        self.closed = None
        self.error = None
        self._done = False
        self._answer = None
        self.connection = SelectConnection(
            parameters,
            on_open_callback=self._finish,
            on_open_error_callback=self._failed,
            on_close_callback=self._closed,
        )
        self._run()

    def _failed(self, connection, error):
        self.error = error
        self._finish()

    def _closed(self, connection, reason):
        self.closed = reason
        self._finish()

    def _finish(self, *answer):
        self._done, self._answer = True, answer
        self.connection.ioloop.stop()

    def _run(self):
        def late():
            self._answer = TimeoutError("no callback")
            self.connection.ioloop.stop()

        timer = None
        if not self._done:
            timer = self.connection.ioloop.call_later(PATIENCE, late)
            self.connection.ioloop.start()
            self.connection.ioloop.remove_timeout(timer)
        self._done = False
        if isinstance(self._answer, Exception):
            raise self._answer
        return self._answer

    def call(self, start):
        """Starts something with a callback, and returns what that is called with."""
        self._done = False
        start(self._finish)
        answer = self._run()
        return answer[0] if answer and len(answer) == 1 else answer

    def until(self, condition):
        """Runs the loop until the condition holds."""

        def check():
            if condition():
                self._finish()
            else:
                self.connection.ioloop.call_later(0.01, check)

        self._done = False
        check()
        self._run()

    def channel(self):
        return self.call(lambda done: self.connection.channel(on_open_callback=done))

    def declare(self, channel, name, **flags):
        return self.call(lambda done: channel.queue_declare(name, callback=done, **flags)).method

    def get(self, channel, queue, auto_ack=True):
        """The next message, or none."""

        def start(done):
            channel.add_callback(lambda frame: done(None), [pika.spec.Basic.GetEmpty])
            channel.basic_get(queue, lambda *message: done(message), auto_ack=auto_ack)

        message = self.call(start)
        channel.callbacks.remove(channel.channel_number, "Basic.GetEmpty")
        return message and message[1:]

    def drain(self, channel, queue):
        bodies = []
        while message := self.get(channel, queue):
            bodies.append(message[2].decode())
        return bodies

    def closes(self, channel, provoke):
        """Does something for which the broker must close the channel; returns the reason."""

        def start(done):
            channel.add_on_close_callback(lambda ch, reason: done(reason))
            provoke()

        reason = self.call(start)
        assert isinstance(reason, ChannelClosedByBroker)
        return reason

    def close(self):
        if self.connection.is_open:
            self.connection.close()
            self.until(lambda: self.connection.is_closed)


@pytest.fixture
def client(broker):
    client = Client(URLParameters(broker.url))
    yield client
    client.close()


@pytest.fixture
def channel(client):
    return client.channel()


@pytest.fixture
def queue(client, channel, name):
    return client.declare(channel, name, exclusive=True).queue


def test_declare_publish_get(client, channel, queue):
    for n in range(10):
        channel.basic_publish("", queue, str(n).encode())
    assert client.drain(channel, queue) == [str(n) for n in range(10)]


def test_server_named_queue(client, channel):
    assert client.declare(channel, "", exclusive=True).queue.startswith("amq.gen-")


@pytest.mark.parametrize(
    ("kind", "key", "arguments", "headers"),
    [
        ("direct", "k", None, None),
        ("fanout", "", None, None),
        ("topic", "k", None, None),
        ("headers", "", {"x-match": "any", "a": 1}, {"a": 1}),
    ],
)
def test_bind(client, channel, queue, name, kind, key, arguments, headers):
    client.call(lambda done: channel.exchange_declare(name, kind, auto_delete=True, callback=done))
    client.call(lambda done: channel.queue_bind(queue, name, key, arguments, callback=done))
    channel.basic_publish(name, "k", b"hit", BasicProperties(headers=headers))
    channel.basic_publish(name, "other", b"second", BasicProperties(headers={"b": 1}))
    expected = ["hit", "second"] if kind == "fanout" else ["hit"]
    assert client.drain(channel, queue) == expected
    client.call(lambda done: channel.queue_unbind(queue, name, key, arguments, callback=done))


def test_confirms(client, channel, name):
    client.declare(channel, name, durable=True)
    confirmed = set()

    def on_confirm(frame):
        assert isinstance(frame.method, pika.spec.Basic.Ack)
        tag = frame.method.delivery_tag
        confirmed.update(range(1, tag + 1) if frame.method.multiple else [tag])

    client.call(lambda done: channel.confirm_delivery(on_confirm, callback=done))
    for n in range(200):
        channel.basic_publish("", name, str(n).encode(), PERSISTENT)
    client.until(lambda: len(confirmed) == 200)
    assert client.drain(channel, name) == [str(n) for n in range(200)]
    client.call(lambda done: channel.queue_delete(name, callback=done))


def test_a_return_comes_before_its_confirm(client, channel):
    order = []
    channel.add_on_return_callback(lambda ch, method, props, body: order.append(method.reply_code))
    client.call(lambda done: channel.confirm_delivery(lambda f: order.append("ack"), callback=done))
    channel.basic_publish("amq.direct", "nowhere", b"x", mandatory=True)
    client.until(lambda: len(order) == 2)
    assert order == [312, "ack"]


def test_consume_with_prefetch_and_acks(client, channel, queue):
    for n in range(20):
        channel.basic_publish("", queue, str(n).encode())
    client.call(lambda done: channel.basic_qos(prefetch_count=5, callback=done))
    seen = []
    most = 0

    def on_message(ch, method, props, body):
        nonlocal most
        seen.append(body.decode())
        most = max(most, method.delivery_tag - acked())
        ch.basic_ack(method.delivery_tag)

    def acked():
        return len(seen) - 1

    channel.basic_consume(queue, on_message)
    client.until(lambda: len(seen) == 20)
    assert seen == [str(n) for n in range(20)]
    assert most <= 5


def test_prefetch_holds_back_until_an_ack(client, channel, queue):
    for _ in range(5):
        channel.basic_publish("", queue, b"x")
    client.call(lambda done: channel.basic_qos(prefetch_count=2, callback=done))
    tags = []
    channel.basic_consume(queue, lambda ch, method, props, body: tags.append(method.delivery_tag))
    client.until(lambda: len(tags) == 2)
    client.declare(channel, queue, passive=True)
    assert tags == [1, 2]
    channel.basic_ack(2, multiple=True)
    client.until(lambda: len(tags) == 4)


def test_cancel_stops_deliveries(client, channel, queue):
    seen = []
    tag = channel.basic_consume(queue, lambda *message: seen.append(message))
    client.call(lambda done: channel.basic_cancel(tag, callback=done))
    channel.basic_publish("", queue, b"x")
    assert client.drain(channel, queue) == ["x"]
    assert seen == []


def test_nack_requeues_to_the_place(client, channel, queue):
    for body in ["a", "b", "c"]:
        channel.basic_publish("", queue, body.encode())
    tags = [client.get(channel, queue, auto_ack=False)[0].delivery_tag for _ in range(3)]
    channel.basic_nack(tags[1], multiple=True, requeue=True)
    method, _, body = client.get(channel, queue)
    assert (body, method.redelivered) == (b"a", True)
    assert client.drain(channel, queue) == ["b"]
    channel.basic_reject(tags[2], requeue=True)
    assert client.drain(channel, queue) == ["c"]


def test_recover(client, channel, queue):
    channel.basic_publish("", queue, b"x")
    client.get(channel, queue, auto_ack=False)
    client.call(lambda done: channel.basic_recover(requeue=True, callback=done))
    assert client.get(channel, queue)[0].redelivered


def test_exclusive_and_auto_delete(broker, client, channel, queue, name):
    other = Client(URLParameters(broker.url))
    theirs = other.channel()
    reason = other.closes(theirs, lambda: theirs.queue_declare(queue, passive=True))
    assert reason.reply_code == 405
    other.close()
    client.declare(channel, name + "-auto", auto_delete=True)
    tag = channel.basic_consume(name + "-auto", lambda *_: None)
    client.call(lambda done: channel.basic_cancel(tag, callback=done))
    reason = client.closes(channel, lambda: channel.queue_declare(name + "-auto", passive=True))
    assert reason.reply_code == 404


def test_consumer_is_told_that_its_queue_is_gone(client, channel, name):
    client.declare(channel, name)
    cancelled = []
    channel.add_on_cancel_callback(cancelled.append)
    channel.basic_consume(name, lambda *_: None, consumer_tag="mine")
    client.declare(channel, name, passive=True)
    second = client.channel()
    client.call(lambda done: second.queue_delete(name, callback=done))
    client.until(lambda: cancelled)
    assert cancelled[0].method.consumer_tag == "mine"


def test_rpc_by_direct_reply_to(client, channel, queue):
    replies = []
    channel.basic_consume(
        "amq.rabbitmq.reply-to",
        lambda ch, method, props, body: replies.append((props.correlation_id, body)),
        auto_ack=True,
    )

    def serve(ch, method, props, body):
        reply = BasicProperties(correlation_id=props.correlation_id)
        ch.basic_publish("", props.reply_to, body.upper(), reply)

    client.channel().basic_consume(queue, serve, auto_ack=True)
    for n in range(5):
        properties = BasicProperties(reply_to="amq.rabbitmq.reply-to", correlation_id=str(n))
        channel.basic_publish("", queue, f"question {n}".encode(), properties)
    client.until(lambda: len(replies) == 5)
    assert replies == [(str(n), f"QUESTION {n}".encode()) for n in range(5)]


def test_heartbeats_keep_an_idle_connection(broker):
    client = Client(URLParameters(broker.url + "?heartbeat=1"))
    client.call(lambda done: client.connection.ioloop.call_later(4, done))
    assert client.closed is None
    client.channel()
    client.close()


def test_tx(client, channel, queue):
    client.call(lambda done: channel.tx_select(callback=done))
    channel.basic_publish("", queue, b"a")
    client.call(lambda done: channel.tx_rollback(callback=done))
    channel.basic_publish("", queue, b"b")
    assert client.declare(channel, queue, passive=True).message_count == 0
    client.call(lambda done: channel.tx_commit(callback=done))
    assert client.drain(channel, queue) == ["b"]


def test_channel_errors_leave_the_connection(client, name):
    for code, provoke in [
        (404, lambda ch: ch.queue_declare(name, passive=True)),
        (404, lambda ch: ch.basic_publish("missing-exchange", "", b"x")),
        (406, lambda ch: ch.basic_ack(99)),
        (403, lambda ch: ch.queue_declare("amq.mine")),
        (406, lambda ch: ch.exchange_declare(name, "no-such-type")),
    ]:
        channel = client.channel()
        reason = client.closes(channel, lambda: provoke(channel))
        assert reason.reply_code == code
    assert client.connection.is_open
    client.channel()


def test_wrong_password(broker):
    wrong = pika.PlainCredentials("guest", "wrong")
    client = Client(pika.ConnectionParameters("127.0.0.1", broker.port, credentials=wrong))
    assert isinstance(client.error, pika.exceptions.ProbableAuthenticationError)


def test_closed_by_an_operator_and_connected_again(broker, name):
    parameters = URLParameters(broker.url)
    parameters.client_properties = {"connection_name": name}
    client = Client(parameters)
    broker.close_connection(name)
    client.until(lambda: client.closed)
    assert isinstance(client.closed, ConnectionClosedByBroker)
    assert client.closed.reply_code == 320
    again = Client(parameters)
    again.channel()
    again.close()


def test_many_channels(client):
    channels = [client.channel() for _ in range(100)]
    assert len({channel.channel_number for channel in channels}) == 100
