"""Topologies that people build of queues and exchanges, with pika's BlockingConnection."""

import threading
import time

import pika
import pytest
from conftest import PATIENCE, eventually
from pika import BasicProperties, BlockingConnection, URLParameters
from pika.exceptions import ConnectionClosedByBroker, NackError, UnroutableError

REPLY_TO = "amq.rabbitmq.reply-to"


@pytest.fixture
def connect(broker):
    """Opens connections that are closed after the test."""
    opened = []

    def open_one(called=None):
        parameters = URLParameters(broker.url)
        parameters.client_properties = {"connection_name": called} if called else {}
        opened.append(BlockingConnection(parameters))
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


def test_a_full_queue_nacks_and_the_publisher_tries_again_later(channel, name):
    limit = {"x-max-length": 3, "x-overflow": "reject-publish"}
    channel.queue_declare(name, exclusive=True, arguments=limit)
    channel.confirm_delivery()
    taken = []
    for n in range(5):
        try:
            channel.basic_publish("", name, str(n).encode())
            taken.append(n)
        except NackError:
            pass
    assert taken == [0, 1, 2]
    assert get(channel, name)[2] == b"0"
    channel.basic_publish("", name, b"again")
    assert [get(channel, name)[2] for _ in range(3)] == [b"1", b"2", b"again"]


def test_a_work_queue_with_one_active_consumer_fails_over(broker, connect, name):
    channel = connect().channel()
    channel.queue_declare(
        name, durable=True, arguments={"x-single-active-consumer": True, "x-expires": 60000}
    )
    workers = [connect(f"{name}-{n}") for n in range(3)]
    seen = [[] for _ in workers]
    for worker, heard in zip(workers, seen):
        its = worker.channel()
        its.basic_qos(prefetch_count=4)

        def note(_channel, method, _properties, body, heard=heard):
            heard.append((int(body), method.redelivered))

        its.basic_consume(name, note)
    for n in range(10):
        channel.basic_publish("", name, str(n).encode())

    def pump(n):
        for worker in workers[n:]:
            worker.process_data_events(time_limit=0.02)
        return len(seen[n]) >= 4

    eventually("the first worker's share", lambda: pump(0))
    assert seen == [[(n, False) for n in range(4)], [], []]
    # It is lost without acknowledging: the next one gets what it had, in order.
    broker.close_connection(f"{name}-0")
    with pytest.raises(ConnectionClosedByBroker):
        workers[0].process_data_events(time_limit=PATIENCE)
    eventually("the second worker's share", lambda: pump(1))
    assert seen[1] == [(n, True) for n in range(4)]
    assert seen[2] == []


def test_retry_with_exponential_back_off(channel, name):
    """A chain of waiting queues whose messages die back into the work queue."""
    channel.queue_declare(name, exclusive=True)
    waits = [100, 200, 400]
    for ms in waits:
        arguments = {
            "x-message-ttl": ms,
            "x-dead-letter-exchange": "",
            "x-dead-letter-routing-key": name,
        }
        channel.queue_declare(f"{name}.{ms}", exclusive=True, arguments=arguments)
    began = time.monotonic()
    channel.basic_publish("", name, b"job", BasicProperties(headers={"attempt": 0}))
    times = []
    for attempt in range(4):
        _, properties, body = get(channel, name)
        times.append(time.monotonic() - began)
        assert (body, properties.headers["attempt"]) == (b"job", attempt)
        if attempt > 0:
            died = properties.headers["x-death"][0]
            assert (died["queue"], died["reason"]) == (f"{name}.{waits[attempt - 1]}", "expired")
            assert (died["count"], died["exchange"]) == (1, "")
        if attempt < 3:
            headers = {"attempt": attempt + 1}
            waiting = f"{name}.{waits[attempt]}"
            channel.basic_publish("", waiting, body, BasicProperties(headers=headers))
    for earlier, later, ms in zip(times, times[1:], waits):
        assert later - earlier >= ms / 1000, times
    assert times[-1] < 5, times


def test_retry_by_rejection_counts_the_attempts(channel, name):
    """The work queue's dead letters wait in a queue whose dead letters go back."""
    to_wait = {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": f"{name}.wait"}
    channel.queue_declare(name, exclusive=True, arguments=to_wait)
    back = {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": name, "x-message-ttl": 50}
    channel.queue_declare(f"{name}.wait", exclusive=True, arguments=back)
    channel.basic_publish("", name, b"job")
    attempts = 0
    for method, properties, _ in channel.consume(name, inactivity_timeout=PATIENCE):
        deaths = (properties.headers or {}).get("x-death", [])
        rejected = [died["count"] for died in deaths if died["reason"] == "rejected"]
        assert rejected == ([attempts] if attempts else [])
        attempts += 1
        if attempts == 5:
            channel.basic_ack(method.delivery_tag)
            break
        channel.basic_reject(method.delivery_tag, requeue=False)
    channel.cancel()
    assert (attempts, ready(channel, name), ready(channel, f"{name}.wait")) == (5, 0, 0)


def test_a_cycle_of_dead_letters_without_a_reject_is_cut(channel, name):
    for queue, other in [("a", "b"), ("b", "a")]:
        arguments = {
            "x-message-ttl": 20,
            "x-dead-letter-exchange": "",
            "x-dead-letter-routing-key": f"{name}.{other}",
        }
        channel.queue_declare(f"{name}.{queue}", exclusive=True, arguments=arguments)
    channel.basic_publish("", f"{name}.a", b"round")

    def depth():
        return ready(channel, f"{name}.a") + ready(channel, f"{name}.b")

    eventually("the end of the message", lambda: depth() == 0 and ready(channel, f"{name}.a") == 0)
    time.sleep(0.1)
    assert depth() == 0


def test_a_scheduler_of_delayed_jobs(connect, name):
    channel = connect().channel()
    channel.exchange_declare(
        name, "x-delayed-message", durable=True, arguments={"x-delayed-type": "direct"}
    )
    channel.queue_declare(name, exclusive=True)
    channel.queue_bind(name, name, "job")
    channel.confirm_delivery()
    began = time.monotonic()
    for ms in [600, 200, 400, 0]:
        headers = {"x-delay": ms} if ms else {}
        channel.basic_publish(name, "job", str(ms).encode(), BasicProperties(headers=headers))
    order = []
    for _, properties, body in channel.consume(name, auto_ack=True, inactivity_timeout=PATIENCE):
        ms = int(body)
        late = time.monotonic() - began - ms / 1000
        assert late >= -0.001, (ms, late)
        assert (properties.headers or {}).get("x-delay", 0) == -ms
        order.append(ms)
        if len(order) == 4:
            break
    assert order == [0, 200, 400, 600]
    channel.cancel()
    channel.exchange_delete(name)
