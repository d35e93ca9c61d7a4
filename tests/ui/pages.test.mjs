// Every page opens, in both themes and on a phone, without complaints and for everybody.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { after, before, beforeEach, test } from 'node:test';
import amqp from 'amqplib';
import { eventually } from '../clients/node/broker.mjs';
import { HOSTILE, Stage } from './stage.mjs';

const axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const part = encodeURIComponent;

let stage;
let connection;
let pages;

before(async () => {
  stage = await Stage.start();
  await stage.api('PUT', 'vhosts/other', {});
  connection = await amqp.connect(`amqp://guest:guest@127.0.0.1:${stage.broker.port}`, { clientProperties: { connection_name: HOSTILE } });
  connection.on('error', () => {});
  const channel = await connection.createChannel();
  await channel.assertExchange(HOSTILE, 'topic');
  for (const queue of [HOSTILE, 'long-'.repeat(50), 'orders']) {
    await channel.assertQueue(queue, { messageTtl: 3_600_000, maxLength: 1000, arguments: { 'x-note': HOSTILE } });
    await channel.bindQueue(queue, HOSTILE, '#');
  }
  await channel.consume('orders', () => {}, { consumerTag: HOSTILE });
  channel.publish(HOSTILE, HOSTILE, Buffer.from(HOSTILE), { type: HOSTILE, headers: { [HOSTILE]: HOSTILE } });
  channel.publish(HOSTILE, 'json', Buffer.from('{"a":[1,2]}'), { contentType: 'application/json' });
  await channel.assertQueue('grave');
  await channel.assertQueue('work', { deadLetterExchange: '', deadLetterRoutingKey: 'grave' });
  channel.sendToQueue('work', Buffer.from(HOSTILE), { headers: { [HOSTILE]: HOSTILE } });
  await eventually('the message', async () => (await stage.depth('work')) === 1);
  await stage.api('POST', 'queues/%2F/work/get', { count: 1, ackmode: 'reject_requeue_false', encoding: 'auto' });
  await eventually('the dead letter', async () => (await stage.depth('grave')) === 1);
  const [{ name }] = await connections();
  const queue = `/queues/%2F/${part(HOSTILE)}`;
  const exchange = `/exchanges/%2F/${part(HOSTILE)}`;
  pages = [
    '/', '/node', '/logs', '/features', '/connections', `/connections/${part(name)}`, '/channels', `/channels/${part(`${name} (1)`)}`,
    '/consumers', '/queues', queue, `${queue}?tab=messages`, `${queue}?tab=dead`, '/queues/%2F/grave?tab=dead', '/queues/%2F/grave?tab=messages', `/queues/%2F/orders?tab=unacked`, `${queue}?tab=consumers`, `${queue}?tab=bindings`, `${queue}?tab=publish`,
    '/queues/%2F/orders?tab=consumers', `/queues/%2F/${'long-'.repeat(50)}`,
    '/exchanges', exchange, `${exchange}?tab=bindings`, `${exchange}?tab=publish`, '/exchanges/%2F/amq.default?tab=bindings',
    '/bindings', '/topology', '/trace', `/route?vhost=%2F&exchange=${part(HOSTILE)}&key=a`,
    '/vhosts', '/vhosts/%2F', '/vhosts/%2F?tab=permissions', '/vhosts/%2F?tab=limits', '/users', '/users/guest', '/users/guest?tab=limits',
    '/users/guest?tab=connections', '/policies', '/operator-policies', '/limits', '/definitions',
  ];
});
after(async () => {
  await connection?.close().catch(() => {});
  await stage?.stop();
});
beforeEach(() => {
  stage.complaints.length = 0;
});

async function connections() {
  for (;;) {
    const { body } = await stage.api('GET', 'connections');
    if (body.length > 0) return body;
  }
}

for (const [theme, width] of [['light', 1280], ['dark', 1280], ['light', 390]]) {
  test(`every page opens without a complaint, ${theme}, ${width} wide`, async () => {
    const page = await stage.open('/', { theme, width });
    for (const hash of pages) {
      await stage.go(page, hash);
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      assert.ok(wide <= 0, `${hash} is ${wide} px too wide`);
    }
    assert.deepEqual(stage.complaints, []);
    await page.context().close();
  });

  test(`no page has a serious finding of accessibility, ${theme}, ${width} wide`, async () => {
    const page = await stage.open('/', { theme, width });
    await page.evaluate(axe);
    const findings = new Set();
    for (const hash of pages) {
      await stage.go(page, hash);
      const { violations } = await page.evaluate(() => window.axe.run(document, { resultTypes: ['violations'] }));
      for (const { id, impact, nodes } of violations) {
        if (impact === 'serious' || impact === 'critical') findings.add(`${id} on ${hash}: ${nodes[0].html.slice(0, 160)} ${nodes[0].any[0]?.message ?? ''}`);
      }
    }
    assert.deepEqual([...findings], []);
    await page.context().close();
  });
}

test('dialogs, dead letters and followed messages have no serious finding either', async () => {
  for (const theme of ['light', 'dark']) {
    const page = await stage.open('/', { theme });
    await page.evaluate(axe);
    const serious = async () => {
      const { violations } = await page.evaluate(() => window.axe.run(document, { resultTypes: ['violations'] }));
      return violations.filter(({ impact }) => impact === 'serious' || impact === 'critical').map(({ id, nodes }) => `${id}: ${nodes[0].html.slice(0, 160)}`);
    };
    const press = (name) => page.getByRole('button', { name, exact: true }).first().click();
    await stage.go(page, '/queues/%2F/grave?tab=dead');
    await press('Show');
    await page.locator('article.message').waitFor();
    assert.deepEqual(await serious(), []);
    for (const name of ['Move…', 'Delete']) {
      await page.locator('article.message').getByRole('button', { name, exact: true }).click();
      assert.deepEqual(await serious(), [], name);
      await page.keyboard.press('Escape');
    }
    await stage.go(page, '/trace');
    await press('Follow');
    await page.getByText(/^Following/).waitFor();
    await stage.publish('orders', HOSTILE);
    await page.locator('article.trace').getByText('routed').waitFor();
    assert.deepEqual(await serious(), []);
    assert.equal(await page.locator('main img').count(), 0);
    await page.context().close();
  }
});

test('names from clients are text everywhere', async () => {
  const page = await stage.open('/queues');
  for (const hash of pages) {
    await stage.go(page, hash);
    assert.equal(await page.locator('main img').count(), 0, hash);
  }
  await stage.go(page, '/queues');
  assert.equal(await page.getByRole('link', { name: HOSTILE, exact: true }).first().textContent(), HOSTILE);
  assert.deepEqual(stage.complaints, []);
  await page.context().close();
});

test('what is gone says so', async () => {
  const page = await stage.open('/queues/%2F/never-was');
  await page.getByText('There is no queue of this name now.').waitFor();
  await page.context().close();
});
