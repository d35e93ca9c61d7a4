// What can be done with the messages of a queue: one, some, dead ones, unacknowledged ones.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import amqp from 'amqplib';
import { eventually } from '../clients/node/broker.mjs';
import { Stage } from './stage.mjs';

let stage;
let page;

before(async () => {
  stage = await Stage.start();
  page = await stage.open('/queues');
});
after(() => stage?.stop());

const dialog = () => page.locator('dialog[open]').last();
const press = (name, where = page) => where.getByRole('button', { name, exact: true }).click();
const queuePage = (name, tab) => stage.go(page, `/queues/%2F/${name}?tab=${tab}`);
const card = (body) => page.locator('article.message').filter({ hasText: body });
const selected = () => page.getByRole('toolbar', { name: 'Selected messages' });

/** The bodies of a queue's messages, which stay. */
async function bodies(queue) {
  const { body } = await stage.api('GET', `leveret/queues/%2F/${queue}/messages?count=1000`);
  return body.messages.map(({ payload }) => payload);
}

async function filled(queue, ...payloads) {
  await stage.queue(queue);
  for (const one of payloads) await stage.publish(queue, one);
}

/** Closes the dialog that shows how far it is. */
async function finish(words) {
  await dialog().getByText(words).waitFor();
  await press('Close', dialog().locator('.dialog-end'));
}

test('one message out of the middle is deleted after a question', async () => {
  await filled('one', 'first', 'second', 'third');
  await queuePage('one', 'messages');
  await press('Delete', card('second'));
  await dialog().getByText('#2: (default) → one, 6 B').waitFor();
  await press('Cancel', dialog());
  assert.equal(await stage.depth('one'), 3);
  await press('Delete', card('second'));
  await press('Delete', dialog());
  await page.getByText('1 message deleted.').waitFor();
  assert.deepEqual(await bodies('one'), ['first', 'third']);
  await card('second').waitFor({ state: 'detached' });
});

test('selected messages are deleted at once', async () => {
  await filled('some', 'a1', 'b2', 'c3', 'd4');
  await queuePage('some', 'messages');
  await page.getByLabel('Select message 2').check();
  await page.getByLabel('Select message 4').check();
  await selected().getByText('2 messages selected').waitFor();
  await press('Delete', selected());
  assert.equal(await dialog().locator('.losses li').count(), 2);
  await press('Delete', dialog());
  await page.getByText('2 messages deleted.').waitFor();
  assert.deepEqual(await bodies('some'), ['a1', 'c3']);
});

test('one message is moved, selected ones are copied', async () => {
  await filled('here', 'x1', 'x2', 'x3');
  await stage.queue('there');
  await queuePage('here', 'messages');
  await press('Move…', card('x2'));
  await dialog().getByLabel('Queue').fill('there');
  await press('Start', dialog());
  await finish('Done: 1 moved.');
  assert.deepEqual([await bodies('here'), await bodies('there')], [['x1', 'x3'], ['x2']]);
  await card('x2').waitFor({ state: 'detached' });
  await page.getByLabel('Select message 2').check();
  await press('Move…', selected());
  await dialog().getByLabel('Queue').fill('there');
  await dialog().getByLabel('Copy: the originals stay').check();
  await press('Start', dialog());
  await finish('Done: 1 copied.');
  assert.deepEqual([await bodies('here'), await bodies('there')], [['x1', 'x3'], ['x2', 'x3']]);
});

test('all messages of a queue are copied, at a rate, and stay', async () => {
  await filled('original', ...Array.from({ length: 30 }, (_, i) => `n${i}`));
  await stage.queue('double');
  await stage.go(page, '/queues/%2F/original');
  await press('Move messages');
  await dialog().getByLabel('Queue').fill('double');
  await dialog().getByLabel('Messages a second, at most').fill('50');
  await dialog().getByLabel('Copy: the originals stay').check();
  const begin = Date.now();
  await press('Start', dialog());
  await finish('Done: 30 copied.');
  assert.ok(Date.now() - begin > 350, 'it took no time');
  assert.deepEqual(await bodies('double'), await bodies('original'));
});

test('a message is published again, with the whole of a long body', async () => {
  const long = 'y'.repeat(60_000);
  await filled('long', long);
  await stage.queue('again');
  await queuePage('long', 'messages');
  await page.getByText(/Only the first .* are shown/).waitFor();
  await press('Publish again…', page.locator('article.message'));
  await dialog().getByLabel('Routing key').fill('again');
  await press('Publish', dialog());
  await page.getByText('1 copy published.').waitFor();
  assert.deepEqual(await bodies('again'), [long]);
  assert.equal(await stage.depth('long'), 1);
});

test('a message is copied as JSON, also where browsers have no clipboard', async () => {
  await filled('copied', 'clip');
  const own = await stage.open('/queues');
  await own.evaluate(() => Object.defineProperty(navigator, 'clipboard', { value: undefined }));
  await stage.go(own, '/queues/%2F/copied?tab=messages');
  await own.locator('article.message').getByRole('button', { name: 'Copy', exact: true }).click();
  await own.getByText('Copied as JSON.').waitFor();
  const search = own.getByLabel('Search messages');
  await search.focus();
  await own.keyboard.press('Control+v');
  assert.equal(JSON.parse(await search.inputValue()).payload, 'clip');
  await own.context().close();
});

/** Queues whose rejected messages come to `to`. */
async function dying(to, ...queues) {
  await stage.queue(to);
  for (const queue of queues) await stage.queue(queue, { 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': to });
}

async function die(queue, ...payloads) {
  for (const one of payloads) await stage.publish(queue, one);
  await stage.api('POST', `queues/%2F/${queue}/get`, { count: payloads.length, ackmode: 'reject_requeue_false', encoding: 'auto' });
}

test('dead letters are grouped by reason and origin, and a group is retried', async () => {
  await dying('dead', 'orders', 'bills');
  await die('orders', 'o1', 'o2', 'o3');
  await die('bills', 'b1');
  await stage.publish('dead', 'never died');
  await eventually('the dead letters', async () => (await stage.depth('dead')) === 5);
  await queuePage('dead', 'dead');
  await page.getByText('4 dead letters among 5 messages, 1 never died').waitFor();
  const group = (name) => page.getByRole('row').filter({ has: page.getByRole('link', { name, exact: true }) });
  assert.equal(await group('orders').locator('[data-label=Messages]').textContent(), '3');
  assert.equal(await group('orders').locator('[data-label=Reason]').textContent(), 'rejected');
  await press('Show', group('bills'));
  await card('b1').locator('.timeline').waitFor();
  assert.equal(await page.locator('article.message').count(), 1);
  await press('Retry…', group('orders'));
  await press('Start', dialog());
  await finish('Done: 3 moved.');
  assert.deepEqual([await bodies('orders'), await bodies('dead')], [['o1', 'o2', 'o3'], ['b1', 'never died']]);
  await page.getByText('1 dead letter among 2 messages, 1 never died').waitFor();
});

test('all dead letters are retried at a rate, and it can be stopped', async () => {
  await dying('grave', 'work');
  await die('work', ...Array.from({ length: 100 }, (_, i) => `w${i}`));
  await eventually('the dead letters', async () => (await stage.depth('grave')) === 100);
  await queuePage('grave', 'dead');
  await press('Retry all…');
  await dialog().getByLabel('Messages a second, at most').fill('10');
  await press('Start', dialog());
  await dialog().getByText(/^\d+ moved\.$/).waitFor();
  await press('Stop', dialog());
  await page.getByText(/\d+ dead letters among/).waitFor();
  const left = await stage.depth('grave');
  assert.ok(left > 50 && left < 100, `${left} are left`);
  await press('Retry all…');
  await press('Start', dialog());
  await finish(/Done: \d+ moved\./);
  assert.equal(await stage.depth('work'), 100);
  await page.getByText('There are no dead letters in this queue.').waitFor();
});

test('one dead letter is retried from the list of messages', async () => {
  await dying('tomb', 'alive');
  await die('alive', 'z1', 'z2');
  await eventually('the dead letters', async () => (await stage.depth('tomb')) === 2);
  await queuePage('tomb', 'messages');
  await press('Retry', card('z2'));
  await press('Start', dialog());
  await finish('Done: 1 moved.');
  assert.deepEqual([await bodies('tomb'), await bodies('alive')], [['z1'], ['z2']]);
});

test('unacknowledged messages are shown with their consumer and age', async () => {
  await filled('held', 'h1', 'h2', 'h3');
  const connection = await amqp.connect(stage.broker.url);
  const channel = await connection.createChannel();
  await channel.prefetch(2);
  await channel.consume('held', () => {}, { consumerTag: 'slow' });
  await eventually('the deliveries', async () => (await stage.depth('held')) === 1);
  await queuePage('held', 'unacked');
  const rows = page.getByRole('row').filter({ hasText: 'slow' });
  await rows.first().waitFor();
  assert.equal(await rows.count(), 2);
  assert.equal(await rows.first().locator('[data-label=Body]').textContent(), 'h1');
  assert.match(await rows.first().locator('[data-label="Unacked for"]').textContent(), /\d+ s$/);
  await connection.close();
  await page.getByText('No message is with a consumer.').waitFor();
});

test('a consumer is stopped after a question, and hears of it', async () => {
  await stage.queue('watched');
  const connection = await amqp.connect(stage.broker.url);
  const channel = await connection.createChannel();
  let told = false;
  await channel.consume('watched', (message) => (told ||= message === null), { consumerTag: 'watcher' });
  await queuePage('watched', 'consumers');
  await page.getByLabel('Select watcher').check();
  await press('Stop', page.getByRole('toolbar', { name: 'Selected rows' }));
  await dialog().getByText('watcher of watched: it is told, and gets nothing more').waitFor();
  await press('Stop', dialog());
  await eventually('basic.cancel', async () => told);
  await page.getByText('Nobody consumes from this queue.').waitFor();
  await connection.close();
});
