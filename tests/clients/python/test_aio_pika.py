"""aio-pika: robust connections, async iterators, patterns."""

import asyncio

import aio_pika
import pytest
from aio_pika import DeliveryMode, ExchangeType, Message
from aio_pika.exceptions import AMQPConnectionError, DeliveryError, QueueEmpty
from aio_pika.patterns import RPC, Master
from aiormq.exceptions import (
    ChannelAccessRefused,
    ChannelLockedResource,
    ChannelNotFoundEntity,
    ChannelPreconditionFailed,
)
from conftest import PATIENCE


def scenario(test):
    """Runs an async test with a robust connection and a channel."""

    def run(broker, name):
        async def body():
            async with await aio_pika.connect_robust(broker.url) as connection:
                channel = await connection.channel()
                await asyncio.wait_for(test(broker, connection, channel, name), 2 * PATIENCE)

        asyncio.run(body())

    run.__name__ = test.__name__
    return run


async def until(what, condition):
    async def wait():
        while not condition():
            await asyncio.sleep(0.01)

    await asyncio.wait_for(wait(), PATIENCE)


async def drain(queue):
    bodies = []
    while message := await queue.get(no_ack=True, fail=False):
        bodies.append(message.body.decode())
    return bodies


@scenario
async def test_publish_and_get(broker, connection, channel, name):
    queue = await channel.declare_queue(name, exclusive=True)
    sent = Message(
        b"hello",
        content_type="text/plain",
        headers={"s": "text", "n": 7, "t": True, "list": [1, "a"]},
        delivery_mode=DeliveryMode.PERSISTENT,
        correlation_id="c",
        message_id="m",
        app_id="suite",
        type="kind",
        expiration=60,
        priority=3,
    )
    await channel.default_exchange.publish(sent, name)
    message = await queue.get()
    assert message.body == b"hello"
    assert message.headers == sent.headers
    for key in ["content_type", "delivery_mode", "correlation_id", "message_id", "expiration"]:
        assert getattr(message, key) == getattr(sent, key), key
    assert not message.redelivered
    await message.ack()
    with pytest.raises(QueueEmpty):
        await queue.get()


@scenario
async def test_server_named_queue(broker, connection, channel, name):
    # A robust channel invents the name itself; a plain one leaves it to the server.
    async with await aio_pika.connect(broker.url) as plain:
        channel = await plain.channel()
        queue = await channel.declare_queue(exclusive=True)
        assert queue.name.startswith("amq.gen-")
        await channel.default_exchange.publish(Message(b"x"), queue.name)
        assert await drain(queue) == ["x"]


@scenario
async def test_all_exchange_types(broker, connection, channel, name):
    channel = await connection.channel(on_return_raises=True)
    for kind, binding, key, arguments, headers in [
        (ExchangeType.DIRECT, "k", "k", None, {}),
        (ExchangeType.FANOUT, "", "any", None, {}),
        (ExchangeType.TOPIC, "#.z", "a.b.z", None, {}),
        (ExchangeType.HEADERS, "", "", {"x-match": "all", "h": "v"}, {"h": "v"}),
    ]:
        queue = await channel.declare_queue(f"{name}-{kind.value}", exclusive=True)
        exchange = await channel.declare_exchange(f"{name}-{kind.value}", kind, auto_delete=True)
        await queue.bind(exchange, binding, arguments=arguments)
        await exchange.publish(Message(b"hit", headers=headers), key)
        if kind is not ExchangeType.FANOUT:
            with pytest.raises(DeliveryError):
                await exchange.publish(Message(b"miss"), "miss")
        assert await drain(queue) == ["hit"]
        await queue.unbind(exchange, binding, arguments=arguments)


@scenario
async def test_exchange_to_exchange(broker, connection, channel, name):
    source = await channel.declare_exchange(name + "-1", ExchangeType.TOPIC, auto_delete=True)
    target = await channel.declare_exchange(name + "-2", ExchangeType.FANOUT, auto_delete=True)
    queue = await channel.declare_queue(name, exclusive=True)
    await target.bind(source, "news.#")
    await queue.bind(target)
    await source.publish(Message(b"hit"), "news.today")
    assert await drain(queue) == ["hit"]


@scenario
async def test_confirms(broker, connection, channel, name):
    queue = await channel.declare_queue(name, durable=True)
    persistent = DeliveryMode.PERSISTENT
    confirmations = await asyncio.gather(
        *(
            channel.default_exchange.publish(Message(str(n).encode(), delivery_mode=persistent), name)
            for n in range(200)
        )
    )
    assert all(confirmation is not None for confirmation in confirmations)
    assert await drain(queue) == [str(n) for n in range(200)]
    await queue.delete()


@scenario
async def test_mandatory(broker, connection, channel, name):
    channel = await connection.channel(on_return_raises=True)
    with pytest.raises(DeliveryError):
        await channel.default_exchange.publish(Message(b"x"), "nowhere", mandatory=True)
    # Nobody has to have it: confirmed all the same.
    assert await channel.default_exchange.publish(Message(b"x"), "nowhere", mandatory=False)


@scenario
async def test_consume_with_prefetch(broker, connection, channel, name):
    await channel.set_qos(prefetch_count=3)
    queue = await channel.declare_queue(name, exclusive=True)
    for n in range(6):
        await channel.default_exchange.publish(Message(str(n).encode()), name)
    messages = []

    async def collect(message):
        messages.append(message)

    tag = await queue.consume(collect)
    await until("three messages", lambda: len(messages) == 3)
    assert (await channel.declare_queue(name, passive=True)).declaration_result.message_count == 3
    await messages[2].ack(multiple=True)
    await until("three more", lambda: len(messages) == 6)
    await queue.cancel(tag)


@scenario
async def test_iterator(broker, connection, channel, name):
    queue = await channel.declare_queue(name, auto_delete=True)
    for n in range(20):
        await channel.default_exchange.publish(Message(str(n).encode()), name)
    seen = []
    async with queue.iterator(timeout=PATIENCE) as messages:
        async for message in messages:
            async with message.process():
                seen.append(message.body.decode())
                if len(seen) == 20:
                    break
    assert seen == [str(n) for n in range(20)]


@scenario
async def test_process_requeues_after_an_exception(broker, connection, channel, name):
    queue = await channel.declare_queue(name, exclusive=True)
    await channel.default_exchange.publish(Message(b"x"), name)
    message = await queue.get()
    with pytest.raises(ZeroDivisionError):
        async with message.process(requeue=True):
            1 / 0
    message = await queue.get()
    assert message.redelivered
    await message.reject(requeue=False)
    assert await drain(queue) == []


@scenario
async def test_nack_multiple(broker, connection, channel, name):
    queue = await channel.declare_queue(name, exclusive=True)
    for n in range(4):
        await channel.default_exchange.publish(Message(str(n).encode()), name)
    messages = [await queue.get() for _ in range(4)]
    await messages[2].nack(multiple=True, requeue=True)
    await messages[3].ack()
    assert await drain(queue) == ["0", "1", "2"]


@scenario
async def test_exclusive_queue(broker, connection, channel, name):
    await channel.declare_queue(name, exclusive=True)
    async with await aio_pika.connect(broker.url) as other:
        theirs = await other.channel()
        with pytest.raises(ChannelLockedResource):
            await theirs.declare_queue(name, passive=True)


@scenario
async def test_auto_delete_queue(broker, connection, channel, name):
    plain = await (await aio_pika.connect(broker.url)).channel()
    queue = await plain.declare_queue(name, auto_delete=True)

    async def ignore(message):
        pass

    tag = await queue.consume(ignore)
    await queue.cancel(tag)
    with pytest.raises(ChannelNotFoundEntity):
        await plain.declare_queue(name, passive=True)


@scenario
async def test_rpc_pattern(broker, connection, channel, name):
    async def multiply(*, x, y):
        return x * y

    async def fail():
        raise KeyError("no")

    rpc = await RPC.create(channel)
    await rpc.register(name, multiply, auto_delete=True)
    await rpc.register(name + "-fail", fail, auto_delete=True)
    results = await asyncio.gather(*(rpc.call(name, {"x": n, "y": 2}) for n in range(10)))
    assert results == [n * 2 for n in range(10)]
    with pytest.raises(KeyError):
        await rpc.call(name + "-fail")
    await rpc.close()


@scenario
async def test_rpc_by_direct_reply_to(broker, connection, channel, name):
    requests = await channel.declare_queue(name, exclusive=True)

    async def serve(message):
        async with message.process():
            answer = Message(message.body.upper(), correlation_id=message.correlation_id)
            await server.default_exchange.publish(answer, message.reply_to, mandatory=False)

    server = await connection.channel()
    await requests.consume(serve)
    replies = asyncio.Queue()
    pseudo = await channel.get_queue("amq.rabbitmq.reply-to", ensure=False)
    await pseudo.consume(replies.put, no_ack=True)
    for n in range(5):
        question = Message(
            f"q{n}".encode(), reply_to="amq.rabbitmq.reply-to", correlation_id=str(n)
        )
        await channel.default_exchange.publish(question, name)
        reply = await asyncio.wait_for(replies.get(), PATIENCE)
        assert (reply.correlation_id, reply.body) == (str(n), f"Q{n}".encode())


@scenario
async def test_master_and_workers(broker, connection, channel, name):
    done = []

    async def work(*, n):
        done.append(n)

    master = Master(channel)
    worker = await master.create_worker(name, work, auto_delete=True)
    for n in range(10):
        await master.create_task(name, kwargs={"n": n})
    await until("all work done", lambda: len(done) == 10)
    assert done == list(range(10))
    await worker.close()


@scenario
async def test_transaction(broker, connection, channel, name):
    plain = await connection.channel(publisher_confirms=False)
    queue = await plain.declare_queue(name, exclusive=True)
    async with plain.transaction():
        await plain.default_exchange.publish(Message(b"a"), name)
    with pytest.raises(ZeroDivisionError):
        async with plain.transaction():
            await plain.default_exchange.publish(Message(b"b"), name)
            1 / 0
    assert await drain(queue) == ["a"]


@scenario
async def test_channel_errors(broker, connection, channel, name):
    plain = await aio_pika.connect(broker.url)
    for error, provoke in [
        (ChannelNotFoundEntity, lambda ch: ch.declare_queue(name, passive=True)),
        (ChannelAccessRefused, lambda ch: ch.declare_queue("amq.mine")),
        (ChannelPreconditionFailed, lambda ch: ch.declare_exchange("amq.direct", "fanout", durable=True)),
        (ChannelNotFoundEntity, lambda ch: ch.get_exchange("missing-exchange")),
    ]:
        failing = await plain.channel()
        with pytest.raises(error):
            await provoke(failing)
    assert not plain.is_closed
    await (await plain.channel()).declare_queue(exclusive=True)
    await plain.close()


@scenario
async def test_wrong_password(broker, connection, channel, name):
    with pytest.raises(AMQPConnectionError):
        await aio_pika.connect(broker.url.replace("guest:guest", "guest:wrong"))


@scenario
async def test_heartbeats(broker, connection, channel, name):
    beating = await aio_pika.connect(broker.url + "?heartbeat=1")
    await asyncio.sleep(4)
    assert not beating.is_closed
    await beating.channel()
    await beating.close()


def test_robust_connection_recovers_everything(broker, name):
    """An operator closes the connection, then the broker is killed: both times the client
    connects again and brings back queue, binding and consumer."""

    async def body():
        url = f"{broker.url}?reconnect_interval=0.1&name={name}"
        properties = {"connection_name": name}
        connection = await aio_pika.connect_robust(url, client_properties=properties)
        async with connection:
            channel = await connection.channel()
            queue = await channel.declare_queue(name, durable=True)
            exchange = await channel.declare_exchange(name, ExchangeType.FANOUT, auto_delete=True)
            await queue.bind(exchange)
            seen = []

            async def on_message(message):
                async with message.process():
                    seen.append(message.body.decode())

            await queue.consume(on_message)
            reconnected = asyncio.Queue()
            connection.reconnect_callbacks.add(lambda sender: reconnected.put_nowait(True))
            await exchange.publish(Message(b"before"), "")
            await until("before", lambda: seen == ["before"])
            await asyncio.to_thread(broker.close_connection, name)
            await asyncio.wait_for(reconnected.get(), PATIENCE)
            await exchange.publish(Message(b"between"), "")
            await until("between", lambda: seen[-1] == "between")
            await asyncio.to_thread(broker.kill)
            await asyncio.to_thread(broker.start)
            await asyncio.wait_for(reconnected.get(), PATIENCE)
            await exchange.publish(Message(b"after"), "")
            await until("after", lambda: seen[-1] == "after")
            await queue.delete(if_unused=False)

    asyncio.run(body())
