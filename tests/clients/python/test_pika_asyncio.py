"""pika's AsyncioConnection: its callbacks turned into futures."""

import asyncio

import pika
import pytest
from conftest import PATIENCE
from pika import BasicProperties, URLParameters
from pika.adapters.asyncio_connection import AsyncioConnection
from pika.exceptions import ChannelClosedByBroker, ConnectionClosedByBroker

PERSISTENT = BasicProperties(delivery_mode=2)


async def call(method, *args, **kwargs):
    """Calls a method of pika that takes a callback, and waits for it."""
    future = asyncio.get_running_loop().create_future()

    def done(*answer):
        if not future.done():
            future.set_result(answer[0] if len(answer) == 1 else answer)

    method(*args, callback=done, **kwargs)
    return await asyncio.wait_for(future, PATIENCE)


async def connect(parameters):
    loop = asyncio.get_running_loop()
    opened = loop.create_future()
    closed = loop.create_future()
    connection = AsyncioConnection(
        parameters,
        on_open_callback=opened.set_result,
        on_open_error_callback=lambda c, error: opened.set_exception(error),
        on_close_callback=lambda c, reason: closed.set_result(reason),
        custom_ioloop=loop,
    )
    connection.closed_future = closed
    await asyncio.wait_for(opened, PATIENCE)
    return connection


async def open_channel(connection):
    future = asyncio.get_running_loop().create_future()
    channel = connection.channel(on_open_callback=future.set_result)
    channel.closed_future = asyncio.get_running_loop().create_future()
    channel.add_on_close_callback(
        lambda ch, reason: ch.closed_future.done() or ch.closed_future.set_result(reason)
    )
    return await asyncio.wait_for(future, PATIENCE)


async def closes(channel, code):
    reason = await asyncio.wait_for(channel.closed_future, PATIENCE)
    assert isinstance(reason, ChannelClosedByBroker)
    assert reason.reply_code == code


async def consume(channel, queue, **flags):
    """A consumer as an asyncio queue of (method, properties, body)."""
    inbox = asyncio.Queue()
    tag = channel.basic_consume(
        queue, lambda ch, *message: inbox.put_nowait(message), **flags
    )
    return tag, inbox


async def take(inbox):
    return await asyncio.wait_for(inbox.get(), PATIENCE)


async def count(channel, queue):
    return (await call(channel.queue_declare, queue, passive=True)).method.message_count


def scenario(test):
    """Runs an async test with an open connection, a channel and an exclusive queue."""

    def run(broker, name):
        async def body():
            connection = await connect(URLParameters(broker.url))
            channel = await open_channel(connection)
            await call(channel.queue_declare, name, exclusive=True)
            await test(broker, connection, channel, name)
            if connection.is_open:
                connection.close()
                await asyncio.wait_for(connection.closed_future, PATIENCE)

        asyncio.run(body())

    run.__name__ = test.__name__
    return run


@scenario
async def test_declare_publish_consume(broker, connection, channel, queue):
    _, inbox = await consume(channel, queue, auto_ack=True)
    for n in range(100):
        channel.basic_publish("", queue, str(n).encode())
    assert [(await take(inbox))[2].decode() for _ in range(100)] == [str(n) for n in range(100)]


@scenario
async def test_bind_with_all_types(broker, connection, channel, queue):
    _, inbox = await consume(channel, queue, auto_ack=True)
    for kind, binding, key, arguments, headers in [
        ("direct", "k", "k", None, None),
        ("fanout", "", "any", None, None),
        ("topic", "a.*", "a.b", None, None),
        ("headers", "", "", {"x-match": "all", "h": "v"}, {"h": "v", "i": 1}),
    ]:
        exchange = f"{queue}-{kind}"
        await call(channel.exchange_declare, exchange, kind, auto_delete=True)
        await call(channel.queue_bind, queue, exchange, binding, arguments)
        channel.basic_publish(exchange, key, kind.encode(), BasicProperties(headers=headers))
        method, properties, body = await take(inbox)
        assert (body.decode(), method.exchange, method.routing_key) == (kind, exchange, key)
        assert (properties.headers or None) == headers


@scenario
async def test_confirms_and_returns(broker, connection, channel, queue):
    events = []
    channel.add_on_return_callback(lambda ch, method, p, b: events.append(("return", b.decode())))
    everything = asyncio.get_running_loop().create_future()

    def on_confirm(frame):
        events.append(("ack", frame.method.delivery_tag))
        if frame.method.delivery_tag == 3:
            everything.set_result(None)

    await call(channel.confirm_delivery, on_confirm)
    channel.basic_publish("", queue, b"1", PERSISTENT, mandatory=True)
    channel.basic_publish("amq.direct", "nowhere", b"2", PERSISTENT, mandatory=True)
    channel.basic_publish("", queue, b"3", PERSISTENT, mandatory=True)
    await asyncio.wait_for(everything, PATIENCE)
    returned = events.index(("return", "2"))
    covering = [n for n, (kind, tag) in enumerate(events) if kind == "ack" and tag in (2, 3)]
    assert covering and returned < min(covering)


@scenario
async def test_prefetch_and_acks(broker, connection, channel, queue):
    for n in range(10):
        channel.basic_publish("", queue, str(n).encode())
    await call(channel.basic_qos, prefetch_count=4)
    _, inbox = await consume(channel, queue)
    first = [await take(inbox) for _ in range(4)]
    assert await count(channel, queue) == 6
    assert inbox.empty()
    channel.basic_ack(first[-1][0].delivery_tag, multiple=True)
    for _ in range(4):
        method, _, _ = await take(inbox)
        channel.basic_ack(method.delivery_tag)
    for _ in range(2):
        await take(inbox)


@scenario
async def test_get(broker, connection, channel, queue):
    channel.basic_publish("", queue, b"x", BasicProperties(message_id="m"))
    _, method, properties, body = await call(channel.basic_get, queue, auto_ack=True)
    assert (body, properties.message_id, method.redelivered) == (b"x", "m", False)


@scenario
async def test_nack_and_requeue(broker, connection, channel, queue):
    for body in [b"a", b"b"]:
        channel.basic_publish("", queue, body)
    await call(channel.basic_qos, prefetch_count=1)
    _, inbox = await consume(channel, queue)
    method, _, body = await take(inbox)
    assert (body, method.redelivered) == (b"a", False)
    channel.basic_nack(method.delivery_tag, requeue=True)
    method, _, body = await take(inbox)
    assert (body, method.redelivered) == (b"a", True)
    channel.basic_reject(method.delivery_tag, requeue=False)
    assert (await take(inbox))[2] == b"b"


@scenario
async def test_exclusive_queue(broker, connection, channel, queue):
    other = await connect(URLParameters(broker.url))
    theirs = await open_channel(other)
    theirs.basic_consume(queue, lambda *_: None)
    await closes(theirs, 405)
    connection.close()
    await asyncio.wait_for(connection.closed_future, PATIENCE)
    mine = await open_channel(other)
    await call(mine.queue_declare, queue, exclusive=True)
    other.close()
    await asyncio.wait_for(other.closed_future, PATIENCE)


@scenario
async def test_auto_delete_queue(broker, connection, channel, queue):
    await call(channel.queue_declare, queue + "-auto", auto_delete=True)
    tag, _ = await consume(channel, queue + "-auto")
    await call(channel.basic_cancel, tag)
    channel.queue_declare(queue + "-auto", passive=True)
    await closes(channel, 404)


@scenario
async def test_consumer_cancel_notification(broker, connection, channel, queue):
    cancelled = asyncio.get_running_loop().create_future()
    channel.add_on_cancel_callback(cancelled.set_result)
    tag, _ = await consume(channel, queue)
    await count(channel, queue)
    second = await open_channel(connection)
    await call(second.queue_delete, queue)
    frame = await asyncio.wait_for(cancelled, PATIENCE)
    assert frame.method.consumer_tag == tag


@scenario
async def test_rpc_by_direct_reply_to(broker, connection, channel, queue):
    _, replies = await consume(channel, "amq.rabbitmq.reply-to", auto_ack=True)
    _, requests = await consume(await open_channel(connection), queue, auto_ack=True)
    server = await open_channel(connection)
    for n in range(10):
        properties = BasicProperties(reply_to="amq.rabbitmq.reply-to", correlation_id=str(n))
        channel.basic_publish("", queue, str(n).encode(), properties)
        _, asked, body = await take(requests)
        answer = BasicProperties(correlation_id=asked.correlation_id)
        server.basic_publish("", asked.reply_to, body * 2, answer)
        _, properties, body = await take(replies)
        assert (properties.correlation_id, body) == (str(n), str(n).encode() * 2)


@scenario
async def test_heartbeats(broker, connection, channel, queue):
    beating = await connect(URLParameters(broker.url + "?heartbeat=1"))
    await asyncio.sleep(4)
    assert not beating.closed_future.done()
    await open_channel(beating)
    beating.close()
    await asyncio.wait_for(beating.closed_future, PATIENCE)


@scenario
async def test_tx(broker, connection, channel, queue):
    await call(channel.tx_select)
    channel.basic_publish("", queue, b"a")
    channel.basic_publish("", queue, b"b")
    assert await count(channel, queue) == 0
    await call(channel.tx_commit)
    assert await count(channel, queue) == 2
    channel.basic_publish("", queue, b"c")
    await call(channel.tx_rollback)
    await call(channel.tx_commit)
    assert await count(channel, queue) == 2


@scenario
async def test_channel_errors(broker, connection, channel, queue):
    channel.queue_bind(queue, "missing-exchange", "k")
    await closes(channel, 404)
    channel = await open_channel(connection)
    channel.queue_declare(queue, exclusive=True, arguments={"x-message-ttl": 5000})
    await closes(channel, 406)
    channel = await open_channel(connection)
    await call(channel.tx_select)
    channel.confirm_delivery(lambda frame: None)
    await closes(channel, 406)
    assert connection.is_open


@scenario
async def test_recovery_after_an_operator_closed_the_connection(broker, connection, channel, queue):
    parameters = URLParameters(broker.url)
    parameters.client_properties = {"connection_name": queue}
    victim = await connect(parameters)
    await asyncio.to_thread(broker.close_connection, queue)
    reason = await asyncio.wait_for(victim.closed_future, PATIENCE)
    assert isinstance(reason, ConnectionClosedByBroker)
    assert reason.reply_code == 320
    again = await connect(parameters)
    await open_channel(again)
    again.close()
    await asyncio.wait_for(again.closed_future, PATIENCE)


@scenario
async def test_a_wrong_password(broker, connection, channel, queue):
    wrong = pika.PlainCredentials("guest", "wrong")
    with pytest.raises(pika.exceptions.ProbableAuthenticationError):
        await connect(pika.ConnectionParameters("127.0.0.1", broker.port, credentials=wrong))


@scenario
async def test_large_messages(broker, connection, channel, queue):
    _, inbox = await consume(channel, queue, auto_ack=True)
    for size in [0, 1, 131_064, 131_065, 1_000_000]:
        body = bytes(n % 251 for n in range(size))
        channel.basic_publish("", queue, body)
        assert (await take(inbox))[2] == body
