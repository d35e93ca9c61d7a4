// The banner says why publishers are held back.

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
  await writeFile(file, 'vm_memory_high_watermark.absolute = 1MB\n');
  process.env.RABBITMQ_CONFIG_FILE = file;
  stage = await Stage.start();
});
after(async () => {
  await stage?.stop();
  await rm(scratch, { recursive: true, force: true });
});

test('a memory alarm is shown on every page, with its numbers', async () => {
  const page = await stage.open('/queues');
  const banner = page.locator('#banner');
  await banner.waitFor();
  assert.match(await banner.textContent(), /Memory alarm: [\d.]+ MiB used, the limit is .*Publishers are held back/);
  await stage.go(page, '/node');
  assert.ok(await banner.isVisible());
});
