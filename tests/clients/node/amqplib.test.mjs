// amqplib's promise API.

import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import amqp from 'amqplib';
import { Broker, event, eventually } from './broker.mjs';

let broker;
let connection;
let channel;
let queue;
let number = 0;

before(async () => {
  broker = await Broker.start();
});

after(() => broker.close());

beforeEach(async () => {
  connection = await connect(broker.url);
  channel = await open(connection);
  ({ queue } = await channel.assertQueue(`node-${++number}`, { exclusive: true }));
});

afterEach(() => connection.close().catch(() => {}));

/** A connection whose errors end up in its `errors`, not in the process. */
async function connect(url, options) {
  const opened = await amqp.connect(url, options);
  opened.errors = [];
  opened.on('error', (error) => opened.errors.push(error));
  return opened;
}

/** The same for channels. */
async function open(on, kind = 'createChannel') {
  const opened = await on[kind]();
  opened.on('error', () => {});
  return opened;
}

async function drain(from) {
  const bodies = [];
  for (;;) {
    const message = await channel.get(from, { noAck: true });
    if (!message) return bodies;
    bodies.push(message.content.toString());
  }
}

/** The code with which the broker closes a channel after this. */
async function closeCode(provoke) {
  const failing = await connection.createChannel();
  const error = event(failing, 'error');
  await Promise.allSettled([provoke(failing)]);
  const [{ code }] = await error;
  return code;
}

test('a message comes back as it was sent', async () => {
  const properties = {
    contentType: 'text/plain',
    contentEncoding: 'utf-8',
    headers: { s: 'text', n: 7, t: true, list: [1, 'a'], inner: { x: null } },
    deliveryMode: 2,
    priority: 3,
    correlationId: 'c',
    replyTo: 'r',
    expiration: '60000',
    messageId: 'm',
    timestamp: 1_700_000_000,
    type: 'kind',
    userId: 'guest',
    appId: 'suite',
  };
  channel.publish('', queue, Buffer.from('hello'), properties);
  const message = await channel.get(queue, { noAck: true });
  assert.equal(message.content.toString(), 'hello');
  for (const [key, value] of Object.entries(properties)) {
    assert.deepEqual(message.properties[key], value, key);
  }
  assert.equal(message.fields.redelivered, false);
});

test('a queue is named by the server', async () => {
  const declared = await channel.assertQueue('', { exclusive: true });
  assert.match(declared.queue, /^amq\.gen-/);
});

test('a queue counts its messages and consumers', async () => {
  for (let n = 0; n < 3; n++) channel.sendToQueue(queue, Buffer.from('x'));
  await eventually('three messages', async () => (await channel.checkQueue(queue)).messageCount === 3);
  assert.equal((await channel.purgeQueue(queue)).messageCount, 3);
  await channel.consume(queue, () => {});
  assert.equal((await channel.checkQueue(queue)).consumerCount, 1);
});

for (const [type, pattern, key, args, headers] of [
  ['direct', 'k', 'k'],
  ['fanout', '', 'anything'],
  ['topic', 'a.*.#', 'a.b.c.d'],
  ['headers', '', '', { 'x-match': 'any', h: 'v', i: 1 }, { h: 'v' }],
]) {
  test(`${type} exchanges route`, async () => {
    const exchange = `${queue}-${type}`;
    await channel.assertExchange(exchange, type, { autoDelete: true });
    await channel.bindQueue(queue, exchange, pattern, args);
    if (type !== 'fanout') channel.publish(exchange, 'miss', Buffer.from('miss'));
    channel.publish(exchange, key, Buffer.from('hit'), { headers });
    assert.deepEqual(await drain(queue), ['hit']);
    await channel.unbindQueue(queue, exchange, pattern, args);
  });
}

test('exchanges are bound to exchanges', async () => {
  await channel.assertExchange(`${queue}-1`, 'topic', { autoDelete: true });
  await channel.assertExchange(`${queue}-2`, 'fanout', { autoDelete: true });
  await channel.bindExchange(`${queue}-2`, `${queue}-1`, 'news.#');
  await channel.bindQueue(queue, `${queue}-2`, '');
  channel.publish(`${queue}-1`, 'news.sport', Buffer.from('hit'));
  assert.deepEqual(await drain(queue), ['hit']);
});

test('an alternate exchange takes what is left', async () => {
  await channel.assertExchange(`${queue}-alt`, 'fanout', { autoDelete: true });
  await channel.bindQueue(queue, `${queue}-alt`, '');
  await channel.assertExchange(queue, 'direct', { alternateExchange: `${queue}-alt` });
  channel.publish(queue, 'unbound', Buffer.from('left'));
  assert.deepEqual(await drain(queue), ['left']);
  await channel.deleteExchange(queue);
});

test('publishes are confirmed', async () => {
  const confirming = await open(connection, 'createConfirmChannel');
  const durable = await channel.assertQueue(`${queue}-durable`, { durable: true });
  let confirmed = 0;
  for (let n = 0; n < 200; n++) {
    confirming.sendToQueue(durable.queue, Buffer.from(`${n}`), { persistent: true }, (error) => {
      assert.equal(error, null);
      confirmed++;
    });
  }
  await confirming.waitForConfirms();
  assert.equal(confirmed, 200);
  assert.deepEqual(await drain(durable.queue), [...Array(200).keys()].map(String));
  await channel.deleteQueue(durable.queue);
});

test('a mandatory message comes back before it is confirmed', async () => {
  const confirming = await open(connection, 'createConfirmChannel');
  const order = [];
  confirming.on('return', (message) => order.push(message.fields.replyCode));
  confirming.publish('amq.direct', 'nowhere', Buffer.from('x'), { mandatory: true }, () => order.push('ack'));
  await confirming.waitForConfirms();
  assert.deepEqual(order, [312, 'ack']);
});

test('prefetch holds back until an ack', async () => {
  for (let n = 0; n < 5; n++) channel.sendToQueue(queue, Buffer.from(`${n}`));
  await channel.prefetch(2);
  const messages = [];
  await channel.consume(queue, (message) => messages.push(message));
  await eventually('two messages', () => messages.length === 2);
  await channel.checkQueue(queue);
  assert.equal(messages.length, 2);
  channel.ack(messages[1], true);
  await eventually('two more', () => messages.length === 4);
  channel.ackAll();
  await eventually('the last', () => messages.length === 5);
  assert.deepEqual(messages.map((m) => m.content.toString()), ['0', '1', '2', '3', '4']);
});

test('a prefetch for the whole channel is shared', async () => {
  await channel.prefetch(3, true);
  const messages = [];
  await channel.consume(queue, (message) => messages.push(message));
  await channel.consume(queue, (message) => messages.push(message));
  for (let n = 0; n < 10; n++) channel.sendToQueue(queue, Buffer.from(`${n}`));
  await eventually('three messages', () => messages.length === 3);
  await channel.checkQueue(queue);
  assert.equal(messages.length, 3);
});

test('messages go back to their place', async () => {
  for (const body of ['a', 'b', 'c']) channel.sendToQueue(queue, Buffer.from(body));
  const taken = [];
  for (let n = 0; n < 3; n++) taken.push(await channel.get(queue));
  channel.nack(taken[1], false, true);
  channel.reject(taken[0], true);
  channel.nack(taken[2], false, false);
  const first = await channel.get(queue, { noAck: true });
  assert.equal(first.content.toString(), 'a');
  assert.equal(first.fields.redelivered, true);
  assert.deepEqual(await drain(queue), ['b']);
});

test('everything goes back with nackAll and recover', async () => {
  for (const body of ['a', 'b']) channel.sendToQueue(queue, Buffer.from(body));
  await channel.get(queue);
  await channel.get(queue);
  channel.nackAll();
  await channel.get(queue);
  await channel.recover();
  assert.deepEqual(await drain(queue), ['a', 'b']);
});

test('cancel ends deliveries', async () => {
  const messages = [];
  const { consumerTag } = await channel.consume(queue, (message) => messages.push(message));
  assert.match(consumerTag, /^amq\.ctag-/);
  await channel.cancel(consumerTag);
  channel.sendToQueue(queue, Buffer.from('x'));
  assert.deepEqual(await drain(queue), ['x']);
  assert.deepEqual(messages, []);
});

test('a consumer is told that its queue is gone', async () => {
  const declared = await channel.assertQueue(`${queue}-gone`, { autoDelete: true });
  const told = new Promise((resolve) => channel.consume(declared.queue, resolve));
  await eventually('the consumer', async () => (await channel.checkQueue(declared.queue)).consumerCount === 1);
  await (await open(connection)).deleteQueue(declared.queue);
  assert.equal(await told, null);
});

test('exclusive queues are locked for others and go with their connection', async () => {
  const other = await connect(broker.url);
  await assert.rejects((await open(other)).checkQueue(queue), { code: 405 });
  await connection.close();
  const reopened = await open(other);
  await reopened.assertQueue(queue, { exclusive: true });
  await other.close();
});

test('an auto-delete queue goes with its last consumer', async () => {
  const declared = await channel.assertQueue(`${queue}-auto`, { autoDelete: true });
  const { consumerTag } = await channel.consume(declared.queue, () => {});
  await channel.cancel(consumerTag);
  await assert.rejects(channel.checkQueue(declared.queue), { code: 404 });
});

test('an exclusive consumer stays alone', async () => {
  await channel.consume(queue, () => {}, { exclusive: true });
  const code = await closeCode((failing) => failing.consume(queue, () => {}));
  assert.equal(code, 403);
});

test('rpc by direct reply-to', async () => {
  const server = await open(connection);
  await server.consume(
    queue,
    (message) => {
      const { replyTo, correlationId } = message.properties;
      const answer = Buffer.from(message.content.toString().toUpperCase());
      server.sendToQueue(replyTo, answer, { correlationId });
    },
    { noAck: true },
  );
  const replies = [];
  await channel.consume('amq.rabbitmq.reply-to', (reply) => replies.push(reply), { noAck: true });
  for (let n = 0; n < 5; n++) {
    channel.sendToQueue(queue, Buffer.from(`q${n}`), {
      replyTo: 'amq.rabbitmq.reply-to',
      correlationId: `${n}`,
    });
  }
  await eventually('five replies', () => replies.length === 5);
  assert.deepEqual(replies.map((r) => r.properties.correlationId), ['0', '1', '2', '3', '4']);
  assert.deepEqual(replies.map((r) => r.content.toString()), ['Q0', 'Q1', 'Q2', 'Q3', 'Q4']);
});

test('heartbeats keep an idle connection', async () => {
  const beating = await connect(`${broker.url}?heartbeat=1`);
  await sleep(4000);
  assert.deepEqual(beating.errors, []);
  await open(beating);
  await beating.close();
});

test('channel errors leave the connection', async () => {
  for (const [code, provoke] of [
    [404, (failing) => failing.checkQueue('missing')],
    [404, (failing) => failing.publish('missing-exchange', '', Buffer.from('x'))],
    [404, (failing) => failing.bindQueue(queue, 'missing-exchange', '')],
    [406, (failing) => failing.assertQueue(queue, { exclusive: true, autoDelete: true })],
    [406, (failing) => failing.ack({ fields: { deliveryTag: 99 } })],
    [403, (failing) => failing.assertQueue('amq.mine')],
    [403, (failing) => failing.assertExchange('amq.mine', 'direct')],
  ]) {
    assert.equal(await closeCode(async (failing) => provoke(failing)), code);
  }
  await open(connection);
});

test('a wrong password is refused', async () => {
  const wrong = broker.url.replace('guest:guest', 'guest:wrong');
  await assert.rejects(amqp.connect(wrong), /403|ACCESS_REFUSED|ACCESS-REFUSED/);
});

test('large messages arrive whole', async () => {
  for (const size of [0, 1, 131_064, 131_065, 1_000_000]) {
    const body = Buffer.alloc(size, 'xyz');
    channel.sendToQueue(queue, body);
    assert.ok((await channel.get(queue, { noAck: true })).content.equals(body), `${size}`);
  }
});

test('a connection closed by an operator is opened again', async () => {
  const victim = await connect(broker.url, { clientProperties: { connection_name: queue } });
  const closed = event(victim, 'close');
  await broker.closeConnection(queue);
  await closed;
  assert.match(`${victim.errors[0] ?? (await closed)[0]}`, /320|CONNECTION[_-]FORCED/);
  await (await connect(broker.url)).close();
});

test('confirmed messages survive a kill', async () => {
  const confirming = await open(connection, 'createConfirmChannel');
  const kept = `${queue}-kept`;
  await confirming.assertQueue(kept, { durable: true });
  for (let n = 0; n < 50; n++) confirming.sendToQueue(kept, Buffer.from(`${n}`), { persistent: true });
  await confirming.waitForConfirms();
  const closed = event(connection, 'close');
  await broker.kill();
  await closed;
  await broker.start();
  connection = await connect(broker.url);
  channel = await open(connection);
  assert.deepEqual(await drain(kept), [...Array(50).keys()].map(String));
  await channel.deleteQueue(kept);
});
