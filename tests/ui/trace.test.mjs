// Trace: a message is followed from its publish to its ack.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import amqp from 'amqplib';
import { Stage } from './stage.mjs';

let stage;
let connection;

before(async () => {
  stage = await Stage.start();
  connection = await amqp.connect(stage.broker.url);
});
after(async () => {
  await connection?.close().catch(() => {});
  await stage?.stop();
});

test('matching messages are followed through routing and delivery to their acks, with timings', async () => {
  const channel = await connection.createChannel();
  await channel.assertExchange('shop', 'topic');
  await channel.assertQueue('orders');
  await channel.bindQueue('orders', 'shop', 'order.#');
  await channel.consume('orders', (message) => channel.ack(message), { consumerTag: 'worker' });
  const page = await stage.open('/trace?exchange=shop&routing_key=order.*');
  await page.getByRole('button', { name: 'Follow' }).click();
  await page.getByText(/^Following for \d+ s more: 0 messages$/).waitFor();
  channel.publish('shop', 'order.new', Buffer.from('a sofa'));
  channel.publish('shop', 'other', Buffer.from('not this'));
  channel.publish('', 'orders', Buffer.from('nor this'));
  channel.publish('shop', 'order.<b>', Buffer.from('<img src=x>'));
  const one = page.locator('article.trace').filter({ hasText: 'a sofa' });
  await one.getByText('acked').waitFor();
  const steps = await one.locator('li b').allTextContents();
  assert.deepEqual(steps, ['published', 'routed', 'delivered', 'acked']);
  const words = await one.locator('li').allTextContents();
  assert.match(words[1], /\+.*s.*to orders/);
  assert.match(words[2], /from orders to worker/);
  assert.match(words[3], /\+\d.*(µs|ms)/);
  await page.getByText('order.<b>').waitFor();
  assert.equal(await page.locator('article.trace').count(), 2);
  assert.equal(await page.locator('main img').count(), 0);
  await page.getByRole('button', { name: 'Stop' }).click();
  await page.getByText('Stopped: 2 messages.').waitFor();
  assert.match(page.url(), /exchange=shop/);
  assert.deepEqual(stage.complaints, []);
  await page.context().close();
});

test('a trace ends by itself, and what reaches no queue says so', async () => {
  const page = await stage.open('/trace');
  await page.getByLabel('Seconds').fill('2');
  await page.getByRole('button', { name: 'Follow' }).click();
  await page.getByText(/^Following/).waitFor();
  const channel = await connection.createChannel();
  channel.publish('amq.topic', 'nowhere', Buffer.from('lost'));
  await page.getByText('no binding matches').waitFor();
  await page.getByText('Ended: 1 message.').waitFor();
  await page.context().close();
});
