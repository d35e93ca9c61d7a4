// Forms do what they say, as seen over HTTP and AMQP; what destroys asks first.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import amqp from 'amqplib';
import { event, eventually } from '../clients/node/broker.mjs';
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

/** Goes to the queue's page, at a tab. */
const queuePage = (name, tab = '') => stage.go(page, `/queues/%2F/${encodeURIComponent(name)}${tab && `?tab=${tab}`}`);

test('a queue is added with its arguments', async () => {
  await stage.go(page, '/queues');
  await press('Add queue');
  await dialog().getByLabel('Name *').fill('added');
  await press('Message TTL', dialog());
  await page.keyboard.type('60000');
  await press('Dead letter exchange', dialog());
  await page.keyboard.type('dlx');
  await press('Add queue', dialog());
  await page.getByText('Queue added is there.').waitFor();
  const { body } = await stage.api('GET', 'queues/%2F/added');
  assert.equal(body.durable, true);
  assert.deepEqual(body.arguments, { 'x-message-ttl': 60000, 'x-dead-letter-exchange': 'dlx', 'x-queue-type': 'classic' });
  await page.getByRole('link', { name: 'added', exact: true }).waitFor();
});

test("the server's reason is shown, and the form stays", async () => {
  await stage.queue('there');
  await stage.go(page, '/exchanges');
  await stage.go(page, '/queues');
  await press('Add queue');
  await dialog().getByLabel('Name *').fill('there');
  await dialog().getByLabel('Durable').uncheck();
  await press('Add queue', dialog());
  await dialog().getByRole('alert').getByText(/inequivalent arg|transient/).waitFor();
  assert.equal(await dialog().getByLabel('Name *').inputValue(), 'there');
  await press('Cancel', dialog());
});

test('an argument of the wrong type is refused before it is sent', async () => {
  await press('Add queue');
  await dialog().getByLabel('Name *').fill('wrong');
  await press('Max length', dialog());
  await page.keyboard.type('many');
  await press('Add queue', dialog());
  await dialog().getByText('x-max-length: "many" is not a number.').waitFor();
  await press('Cancel', dialog());
  assert.equal((await stage.api('GET', 'queues/%2F/wrong')).status, 404);
});

test('a purge asks, names what is lost, and does nothing when it is cancelled', async () => {
  await stage.queue('full');
  for (const body of ['a', 'b', 'c']) await stage.publish('full', body);
  await queuePage('full');
  await press('Purge');
  await dialog().getByText('full: 3 ready messages').waitFor();
  await press('Cancel', dialog());
  assert.equal(await stage.depth('full'), 3);
  await press('Purge');
  await press('Purge', dialog());
  await eventually('the purge', async () => (await stage.depth('full')) === 0);
});

test('a queue is deleted after a question', async () => {
  await stage.queue('doomed');
  await stage.publish('doomed', 'x');
  await queuePage('doomed');
  await press('Delete');
  await dialog().getByText(/doomed: 1 message, .*, 0 consumers, and its bindings/).waitFor();
  await press('Delete', dialog());
  await page.waitForURL(/#\/queues$/);
  assert.equal((await stage.api('GET', 'queues/%2F/doomed')).status, 404);
});

test('several queues are deleted at once', async () => {
  for (const name of ['many.1', 'many.2', 'many.3', 'other']) await stage.queue(name);
  await stage.go(page, '/queues?name=many.');
  await page.getByLabel('Select many.1').check();
  await page.getByLabel('Select many.3').check();
  const bar = page.getByRole('toolbar', { name: 'Selected rows' });
  await bar.getByText('2 rows selected').waitFor();
  await press('Delete', bar);
  assert.equal(await dialog().locator('.losses li').count(), 2);
  await press('Delete', dialog());
  await page.getByText('Deleted: 2 of 2').waitFor();
  const { body } = await stage.api('GET', 'queues/%2F');
  const names = body.map(({ name }) => name);
  assert.ok(names.includes('many.2') && names.includes('other') && !names.includes('many.1') && !names.includes('many.3'), `${names}`);
});

/** Ticks queues in the list and gives the bar of what can be done with them. */
async function tick(filter, ...names) {
  await stage.go(page, `/queues?name=${filter}`);
  for (const name of names) await page.getByLabel(`Select ${name}`, { exact: true }).check();
  return page.getByRole('toolbar', { name: 'Selected rows' });
}

test('several queues are purged at once, after a question', async () => {
  for (const name of ['wash.1', 'wash.2', 'wash.3']) {
    await stage.queue(name);
    await stage.publish(name, 'x');
  }
  await press('Purge', await tick('wash.', 'wash.1', 'wash.2'));
  await dialog().getByText('wash.1: 1 ready message').waitFor();
  await press('Purge', dialog());
  await page.getByText('Purged: 2 of 2').waitFor();
  assert.deepEqual(await Promise.all(['wash.1', 'wash.2', 'wash.3'].map((name) => stage.depth(name))), [0, 0, 1]);
});

test('the messages of several queues are moved to one', async () => {
  for (const name of ['from.1', 'from.2']) {
    await stage.queue(name);
    for (const body of ['a', 'b']) await stage.publish(name, body);
  }
  await stage.queue('all');
  await press('Move messages', await tick('from.', 'from.1', 'from.2'));
  await dialog().getByLabel('Queue').fill('all');
  await press('Start', dialog());
  await dialog().getByText('Done: 4 moved.').waitFor();
  await press('Close', dialog().locator('.dialog-end'));
  assert.deepEqual(await Promise.all(['from.1', 'from.2', 'all'].map((name) => stage.depth(name))), [0, 0, 4]);
});

test('a policy is applied to exactly the queues that are ticked', async () => {
  for (const name of ['a.b', 'a+b', 'aab']) await stage.queue(name);
  await press('Apply policy', await tick('a', 'a.b', 'a+b'));
  await dialog().getByLabel('Name *').fill('ticked');
  await press('Max length', dialog());
  await page.keyboard.type('5');
  await press('Apply', dialog());
  await page.getByText('Policy ticked is there.').waitFor();
  const policies = await Promise.all(['a.b', 'a+b', 'aab'].map(async (name) => (await stage.api('GET', `queues/%2F/${encodeURIComponent(name)}`)).body.policy));
  assert.deepEqual(policies.map((one) => one ?? null), ['ticked', 'ticked', null]);
  await stage.api('DELETE', 'policies/%2F/ticked');
});

test('lists that RabbitMQ gives whole are searched, sorted and paged by the server', async () => {
  await stage.queue('paged');
  await stage.api('PUT', 'exchanges/%2F/wide', { type: 'topic', durable: true });
  for (let i = 100; i < 160; i += 1) await stage.api('POST', 'bindings/%2F/e/wide/q/paged', { routing_key: `key.${i}` });
  const asked = [];
  page.on('request', (request) => request.url().includes('/api/bindings') && asked.push(new URL(request.url()).searchParams));
  await stage.go(page, '/bindings?sort=routing_key&size=25');
  await page.getByRole('cell', { name: 'key.100', exact: true }).waitFor();
  assert.equal(await page.locator('tbody tr').count(), 25);
  await press('Next ›');
  await page.getByRole('cell', { name: 'key.125', exact: true }).waitFor();
  await page.getByLabel('Filter bindings').fill('key.159');
  await page.getByRole('cell', { name: 'key.159', exact: true }).waitFor();
  await page.getByText('1 of 60').waitFor();
  const last = asked.at(-1);
  assert.deepEqual(['page', 'page_size', 'name', 'sort'].map((name) => last.get(name)), ['1', '25', 'key.159', 'routing_key']);
  await stage.go(page, '/queues/%2F/paged?tab=bindings');
  await page.getByText('61 in all').waitFor();
  await page.getByLabel('Filter bindings').fill('key.131');
  await page.getByText('1 of 61').waitFor();
});

test('a message is published with properties and headers', async () => {
  await stage.queue('inbox');
  await queuePage('inbox', 'publish');
  await page.getByLabel('Payload', { exact: true }).fill('{"hello":"wörld"}');
  await press('Content type');
  await press('CC');
  await page.keyboard.type('copy, other');
  await press('Publish');
  await page.getByText('Published.').waitFor();
  const connection = await amqp.connect(stage.broker.url);
  const channel = await connection.createChannel();
  const got = await channel.get('inbox', { noAck: true });
  assert.equal(got.content.toString(), '{"hello":"wörld"}');
  assert.equal(got.properties.contentType, 'application/json');
  assert.equal(got.properties.deliveryMode, 2);
  assert.deepEqual(got.properties.headers.CC, ['copy', 'other']);
  await connection.close();
});

test('looking at messages changes nothing, and they can be searched', async () => {
  await stage.queue('seen');
  for (let i = 0; i < 70; i += 1) await stage.publish('seen', `{"number":${i}}`, { headers: { tenant: `t${i % 5}` } });
  await queuePage('seen', 'messages');
  await page.getByText('1 to 50').waitFor();
  await press('Next ›');
  await page.getByText('51 to 70').waitFor();
  await page.getByLabel('Search messages').fill('"number":42');
  await press('Search');
  await page.getByText('1 message found, 70 looked at').waitFor();
  await page.locator('.message pre').getByText('"number": 42').waitFor();
  const { body } = await stage.api('POST', 'queues/%2F/seen/get', { count: 1, ackmode: 'ack_requeue_false', encoding: 'auto' });
  assert.equal(body[0].payload, '{"number":0}');
  assert.equal(body[0].redelivered, false);
});

test('messages are exported and imported again', async () => {
  await stage.queue('source');
  await stage.queue('target');
  await stage.publish('source', 'one', { message_id: 'm1', headers: { a: 1 } });
  await queuePage('source', 'messages');
  await page.getByLabel('Select message 1').check();
  const saved = page.waitForEvent('download');
  await press('Export');
  const file = await (await saved).path();
  const [line] = (await readFile(file, 'utf8')).split('\n');
  assert.equal(JSON.parse(line).payload, 'one');
  await queuePage('target', 'messages');
  await press('Import…');
  await dialog().locator('input[type=file]').setInputFiles(file);
  await press('Import', dialog());
  await eventually('the import', async () => (await stage.depth('target')) === 1);
  const { body } = await stage.api('POST', 'queues/%2F/target/get', { count: 1, ackmode: 'ack_requeue_false', encoding: 'auto' });
  assert.equal(body[0].properties.message_id, 'm1');
  assert.deepEqual(body[0].properties.headers, { a: 1 });
});

test('messages are moved with progress, not to a queue that is not there', async () => {
  await stage.queue('left');
  await stage.queue('right');
  for (let i = 0; i < 5; i += 1) await stage.publish('left', `${i}`);
  await queuePage('left');
  await press('Move messages');
  await dialog().getByLabel('Queue').fill('nowhere');
  await press('Start', dialog());
  await dialog().getByRole('alert').getByText(/queue_not_found/).waitFor();
  assert.equal(await stage.depth('left'), 5);
  await dialog().getByLabel('Queue').fill('right');
  await press('Start', dialog());
  await dialog().getByText('Done: 5 moved.').waitFor();
  assert.equal(await stage.depth('right'), 5);
  await press('Close', dialog().locator('.dialog-end'));
});

test('an exchange is added, bound, explained, unbound and deleted', async () => {
  await stage.queue('bound');
  await stage.go(page, '/exchanges');
  await press('Add exchange');
  await dialog().getByLabel('Name *').fill('routes');
  await dialog().getByLabel('Type').selectOption('topic');
  await press('Add exchange', dialog());
  await page.getByText('Exchange routes is there.').waitFor();
  await stage.go(page, '/exchanges/%2F/routes?tab=bindings');
  await press('Add a binding');
  await dialog().getByLabel('Its name *').fill('bound');
  await dialog().getByLabel('Routing key').fill('a.*');
  await press('Bind', dialog());
  await page.getByRole('cell', { name: 'a.*' }).waitFor();
  await stage.go(page, '/route?vhost=%2F&exchange=routes&key=a.b');
  await page.getByText('It reaches 1 queue:').waitFor();
  await page.getByText('the pattern "a.*" matches "a.b"').waitFor();
  await stage.go(page, '/exchanges/%2F/routes?tab=bindings');
  await press('Unbind');
  await dialog().getByText('routes → bound with the key "a.*"').waitFor();
  await press('Remove', dialog());
  await page.getByText('Nothing is bound to this exchange').waitFor();
  await press('Delete');
  await press('Delete', dialog());
  await page.waitForURL(/#\/exchanges$/);
  assert.equal((await stage.api('GET', 'exchanges/%2F/routes')).status, 404);
});

test('a connection is closed with the reason that was given', async () => {
  const connection = await amqp.connect(stage.broker.url);
  // amqplib calls what an operator does no error.
  const closed = event(connection, 'close');
  const name = await eventually('the connection', async () => (await stage.api('GET', 'connections')).body[0]?.name);
  await stage.go(page, `/connections/${encodeURIComponent(name)}`);
  await press('Close');
  await dialog().getByLabel('Reason').fill('maintenance tonight');
  await press('Close', dialog().locator('.dialog-end'));
  const [error] = await closed;
  assert.match(error.message, /320.*maintenance tonight/);
  await page.waitForURL(/#\/connections$/);
});

test('a virtual host is added, and deleted only by writing its name', async () => {
  await stage.go(page, '/vhosts');
  await press('Add virtual host');
  await dialog().getByLabel('Name *').fill('short-lived');
  await press('Add virtual host', dialog());
  await page.getByRole('link', { name: 'short-lived' }).waitFor();
  await stage.go(page, '/vhosts/short-lived');
  await press('Delete');
  const go = dialog().getByRole('button', { name: 'Delete', exact: true });
  assert.ok(await go.isDisabled());
  await dialog().getByLabel('Name', { exact: true }).fill('short-lived');
  await go.click();
  await page.waitForURL(/#\/vhosts$/);
  assert.equal((await stage.api('GET', 'vhosts/short-lived')).status, 404);
});

test('a user is added, allowed and limited, and deleted', async () => {
  await stage.go(page, '/users');
  await press('Add user');
  await dialog().getByLabel('Name *').fill('carol');
  await dialog().getByLabel('Tags').fill('monitoring, management');
  await dialog().getByLabel('Password', { exact: true }).fill('secret');
  await press('Add user', dialog());
  await page.getByRole('link', { name: 'carol' }).waitFor();
  assert.deepEqual((await stage.api('GET', 'users/carol')).body.tags.sort(), ['management', 'monitoring']);
  await stage.go(page, '/users/carol');
  await press('Set a permission');
  await dialog().getByLabel('Virtual host').selectOption('/');
  await dialog().getByLabel('Configure').fill('');
  await dialog().getByLabel('Read').fill('^orders');
  await press('Set', dialog());
  await page.getByRole('cell', { name: '^orders' }).waitFor();
  const { body } = await stage.api('GET', 'permissions/%2F/carol');
  assert.deepEqual([body.configure, body.write, body.read], ['', '.*', '^orders']);
  const theirs = await stage.open('/queues', { user: 'carol', password: 'secret' });
  assert.equal(await theirs.getByRole('link', { name: 'Users' }).count(), 0);
  await theirs.context().close();
  await page.getByRole('tab', { name: 'Limits' }).click();
  await press('Set', page.getByRole('row').filter({ hasText: 'Channels' }));
  await dialog().getByLabel('At most').fill('7');
  await press('Set', dialog());
  await page.getByRole('cell', { name: '7' }).waitFor();
  assert.equal((await stage.api('GET', 'user-limits/carol')).body[0].value['max-channels'], 7);
  await press('Delete');
  await press('Delete', dialog());
  await page.waitForURL(/#\/users$/);
  assert.equal((await stage.api('GET', 'users/carol')).status, 404);
});

test('a policy is added, seen on its queue, and deleted', async () => {
  await stage.queue('ruled.a');
  await stage.go(page, '/policies');
  await press('Add policy');
  await dialog().getByLabel('Name *').fill('rule');
  await dialog().getByLabel('Pattern').fill('^ruled');
  await press('Max length', dialog());
  await page.keyboard.type('100');
  await press('Add policy', dialog());
  await page.getByText('Policy rule is in force.').waitFor();
  assert.deepEqual((await stage.api('GET', 'policies/%2F/rule')).body.definition, { 'max-length': 100 });
  await queuePage('ruled.a');
  await page.getByRole('link', { name: 'rule', exact: true }).waitFor();
  await stage.go(page, '/policies');
  await page.getByLabel('Select rule').check();
  await press('Delete');
  await press('Delete', dialog());
  await eventually('the end of the policy', async () => (await stage.api('GET', 'policies/%2F/rule')).status === 404);
});

test('the log is followed live, by severity and text', async () => {
  await stage.go(page, '/logs?search=connection');
  await page.getByText('live', { exact: true }).last().waitFor();
  const before = await page.locator('.log > div').count();
  const connection = await amqp.connect(stage.broker.url);
  await page.waitForFunction((old) => document.querySelectorAll('.log > div').length > old, before);
  await page.getByLabel('Severity').selectOption('error');
  await page.getByText('Nothing was logged that matches.').waitFor();
  await connection.close();
});

test('the palette goes to a queue by its name', async () => {
  await stage.queue('find.me');
  await stage.go(page, '/vhosts');
  await page.keyboard.press('Control+k');
  await page.keyboard.type('find.me');
  await page.getByRole('option').filter({ hasText: 'find.me' }).waitFor();
  await page.keyboard.press('Enter');
  await page.waitForURL(/#\/queues\/%2F\/find\.me$/);
});

test('what a list shows is in the address and remembered', async () => {
  await stage.go(page, '/queues?sort=messages&reverse=true&size=25&name=find');
  assert.equal(await page.getByLabel('Filter queues').inputValue(), 'find');
  assert.equal(await page.locator('th[aria-sort=descending]').textContent(), 'Total');
  await page.getByRole('button', { name: 'Name' }).click();
  await page.waitForURL(/#\/queues\?(?!.*sort=)/);
  await page.locator('.popover summary').click();
  await page.getByLabel('Type', { exact: true }).check();
  await page.getByRole('columnheader', { name: 'Type' }).waitFor();
  await page.reload();
  await page.getByRole('columnheader', { name: 'Type' }).waitFor();
});

test('the theme and the interval are remembered', async () => {
  await page.locator('#theme').click();
  await page.locator('#theme').click();
  await page.locator('#refresh').selectOption('10000');
  await page.reload();
  await page.waitForSelector('main[aria-busy=false] h1');
  assert.equal(await page.evaluate(() => document.documentElement.style.colorScheme), 'dark');
  assert.equal(await page.locator('#refresh').inputValue(), '10000');
});

test('rows are updated while a filter is written', async () => {
  await page.locator('#refresh').selectOption('2000');
  await stage.queue('live');
  await stage.go(page, '/queues?name=live');
  const total = page.getByRole('row').filter({ hasText: 'live' }).locator('[data-label=Total]');
  await page.getByLabel('Filter queues').focus();
  await page.keyboard.type('');
  await stage.publish('live', 'x');
  await page.waitForFunction(() => document.querySelector('[data-label=Total]')?.textContent === '1');
  assert.equal(await total.textContent(), '1');
  assert.equal(await page.evaluate(() => document.activeElement.getAttribute('aria-label')), 'Filter queues');
});

test('a series of a chart can be hidden', async () => {
  await stage.go(page, '/');
  const item = page.getByRole('button', { name: /^Published/ });
  await item.click();
  assert.equal(await item.getAttribute('aria-pressed'), 'false');
});

test('a delayed message is seen, and cancelled after a question', async () => {
  await stage.api('PUT', 'exchanges/%2F/later', { type: 'x-delayed-message', durable: true, arguments: { 'x-delayed-type': 'direct' } });
  await stage.api('POST', 'exchanges/%2F/later/publish', { routing_key: 'someday', properties: { headers: { 'x-delay': 3_600_000 } }, payload: 'x', payload_encoding: 'string' });
  await stage.go(page, '/exchanges/%2F/later?tab=delayed');
  await page.getByRole('cell', { name: 'someday' }).waitFor();
  await press('Cancel');
  await dialog().getByText(/The message for someday, 1 B, due /).waitFor();
  await press('Cancel it', dialog());
  await page.getByText('No message waits for its time.').waitFor();
  assert.equal((await stage.api('GET', 'leveret/delayed/%2F/later')).body.items.length, 0);
});

test('pages of queues, exchanges and channels say what flows between them', async () => {
  const connection = await amqp.connect(stage.broker.url);
  const channel = await connection.createChannel();
  await channel.assertExchange('pump', 'fanout');
  await channel.assertQueue('tank');
  await channel.bindQueue('tank', 'pump', '');
  await channel.consume('tank', (message) => channel.ack(message));
  const flow = setInterval(() => channel.publish('pump', '', Buffer.from('x')), 50);
  const cell = (title, name) => page.locator('section').filter({ has: page.getByRole('heading', { name: title, exact: true }) }).getByRole('row').filter({ hasText: name }).locator('.rate').first();
  const flows = async (title, name) => eventually(`what flows: ${title}`, async () => /^[1-9][\d.]*\/s$/.test((await cell(title, name).textContent().catch(() => '')) ?? ''));
  const { name } = await eventually('the channel', async () => (await stage.api('GET', 'channels')).body[0]);
  await queuePage('tank');
  await flows('Comes from', 'pump');
  await flows('Goes to', name);
  await stage.go(page, '/exchanges/%2F/pump');
  await flows('Published by', name);
  await flows('Goes to', 'tank');
  await stage.go(page, `/channels/${encodeURIComponent(name)}`);
  await flows('Publishes to', 'pump');
  await flows('Gets from', 'tank');
  clearInterval(flow);
  await connection.close();
});

test('the cluster is renamed, and a virtual host traced', async () => {
  await stage.go(page, '/node');
  await press('Rename the cluster');
  await dialog().getByLabel('Name *').fill('warren');
  await press('Rename', dialog());
  await page.getByText('Renamed.').waitFor();
  assert.equal((await stage.api('GET', 'cluster-name')).body.name, 'warren');
  assert.equal(await page.locator('#cluster').textContent(), 'warren');
  await stage.go(page, '/vhosts/%2F');
  await press('Edit');
  await dialog().getByLabel('Tracing').check();
  await press('Save', dialog());
  await page.getByText('Saved.').waitFor();
  assert.equal((await stage.api('GET', 'vhosts/%2F')).body.tracing, true);
});

test('definitions are exported, and imported after a question', async () => {
  await stage.go(page, '/definitions');
  const saved = page.waitForEvent('download');
  await press('Export');
  const definitions = JSON.parse(await readFile(await (await saved).path(), 'utf8'));
  assert.ok(definitions.queues.some(({ name }) => name === 'find.me'));
  const more = { queues: [{ name: 'imported', vhost: '/', durable: true, auto_delete: false, arguments: {} }] };
  await page.locator('input[type=file]').setInputFiles({ name: 'more.json', mimeType: 'application/json', buffer: Buffer.from(JSON.stringify(more)) });
  await press('Import');
  await dialog().getByText('The file has 1 queue').waitFor();
  await press('Import', dialog());
  await page.getByText('Imported: 1 queue.').waitFor();
  assert.equal((await stage.api('GET', 'queues/%2F/imported')).status, 200);
});

test('nothing was complained about on the console', () => {
  // Refusals that a form shows are logged by the browser, too.
  const rest = stage.complaints.filter((one) => !/status of 40[04]/.test(one));
  assert.deepEqual(rest, []);
});
