// The dashboard below `management.path_prefix`.

import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { Stage } from './stage.mjs';

let stage;
let scratch;

before(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'leveret-ui-'));
  const file = join(scratch, 'rabbitmq.conf');
  await writeFile(file, 'management.path_prefix = /broker\n');
  process.env.RABBITMQ_CONFIG_FILE = file;
  stage = await Stage.start('/broker');
});
after(async () => {
  await stage?.stop();
  await rm(scratch, { recursive: true, force: true });
});

test('pages, files and the API are found below a prefix', async () => {
  await stage.queue('below');
  const page = await stage.open('/queues');
  await page.getByRole('link', { name: 'below', exact: true }).click();
  await page.getByRole('heading', { name: 'Queue below' }).waitFor();
  assert.deepEqual(stage.complaints, []);
});

test('the description of the API is linked, and found below a prefix', async () => {
  const page = await stage.open('/');
  await page.getByRole('link', { name: 'HTTP API' }).click();
  await page.waitForURL(/\/broker\/api\/index\.html$/);
  await page.getByRole('heading').first().waitFor();
  assert.deepEqual(stage.complaints, []);
});
