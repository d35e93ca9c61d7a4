"""Topologies that people build of queues and exchanges, with pika's BlockingConnection."""

import threading
import time

import pika
import pytest
from conftest import PATIENCE, eventually
from pika import BasicProperties, BlockingConnection, URLParameters
from pika.exceptions import UnroutableError

REPLY_TO = "amq.rabbitmq.reply-to"


@pytest.fixture
def connect(broker):
    """Opens connections that are closed after the test."""
    opened = []

    def open_one():
        opened.append(BlockingConnection(URLParameters(broker.url)))
        return opened[-1]

    yield open_one
    for connection in opened:
        if connection.is_open:
            connection.close()


@pytest.fixture
def channel(connect):
    return connect().channel()


def get(channel, queue):
    """The next message of a queue, acknowledged, once there is one."""

    def fetched():
        method, properties, body = channel.basic_get(queue, auto_ack=True)
        return method and (method, properties, body)

    return eventually(f"a message in {queue}", fetched)


def ready(channel, queue):
    return channel.queue_declare(queue, passive=True).method.message_count


def test_rpc_by_direct_reply_to(connect, name):
    """Three clients ask one server; each gets the answers to its own questions."""
    server = connect()
    server_channel = server.channel()
    server_channel.queue_declare(name, exclusive=False, auto_delete=True)

    def answer(channel, method, properties, body):
        channel.basic_publish(
            "",
            properties.reply_to,
            str(int(body) ** 2).encode(),
            BasicProperties(correlation_id=properties.correlation_id),
        )
        channel.basic_ack(method.delivery_tag)

    server_channel.basic_qos(prefetch_count=1)
    server_channel.basic_consume(name, answer)
    done = threading.Event()

    def serve():
        while not done.is_set():
            server.process_data_events(time_limit=0.05)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        clients = [connect() for _ in range(3)]
        answers = [{} for _ in clients]
        for client, heard in zip(clients, answers):
            channel = client.channel()

            def note(_channel, _method, properties, body, heard=heard):
                heard[properties.correlation_id] = int(body)

            channel.basic_consume(REPLY_TO, note, auto_ack=True)
            for n in range(20):
                properties = BasicProperties(reply_to=REPLY_TO, correlation_id=str(n))
                channel.basic_publish("", name, str(n).encode(), properties)
        for client, heard in zip(clients, answers):
            deadline = time.monotonic() + PATIENCE
            while len(heard) < 20 and time.monotonic() < deadline:
                client.process_data_events(time_limit=0.05)
            assert heard == {str(n): n * n for n in range(20)}
    finally:
        done.set()
        thread.join()


def test_a_late_answer_to_a_requester_that_has_gone_is_unroutable(connect, name):
    asking, serving = connect(), connect().channel()
    serving.queue_declare(name, auto_delete=True)
    channel = asking.channel()
    channel.basic_consume(REPLY_TO, lambda *_: None, auto_ack=True)
    channel.basic_publish("", name, b"?", BasicProperties(reply_to=REPLY_TO))
    _, properties, _ = get(serving, name)
    asking.close()
    serving.confirm_delivery()
    with pytest.raises(UnroutableError):
        serving.basic_publish("", properties.reply_to, b"!", mandatory=True)


def test_fan_out_to_a_thousand_queues(connect, name):
    channel = connect().channel()
    channel.exchange_declare(name, "fanout", auto_delete=True)
    queues = [channel.queue_declare("", exclusive=True).method.queue for _ in range(1000)]
    for queue in queues:
        channel.queue_bind(queue, name)
    publisher = connect().channel()
    publisher.confirm_delivery()
    for n in range(5):
        publisher.basic_publish(name, "", str(n).encode(), BasicProperties(delivery_mode=2))
    assert [ready(channel, queue) for queue in queues] == [5] * 1000
    last = [get(channel, queues[-1])[2] for _ in range(5)]
    assert last == [b"0", b"1", b"2", b"3", b"4"]
