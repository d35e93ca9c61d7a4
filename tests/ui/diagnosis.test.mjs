// Why a queue grows, in one sentence with the numbers.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { diagnose } from '../web-ui/js/diagnosis.js';

const NOW = 1_700_000_000_000;

/** A queue whose depth changed by `perSecond` for the last ten seconds. */
function queue({ ready = 0, unacked = 0, perSecond = 0, rates = {}, consumers = [] }) {
  const messages = ready + unacked;
  const samples = Array.from({ length: 6 }, (_, i) => ({ timestamp: NOW - i * 2000, sample: messages - perSecond * i * 2 }));
  const stats = Object.fromEntries(Object.entries(rates).map(([id, rate]) => [`${id}_details`, { rate }]));
  return {
    messages, messages_ready: ready, messages_unacknowledged: unacked, messages_details: { samples },
    message_stats: stats, consumer_details: consumers, state: 'running',
  };
}

const consumer = (prefetch_count = 0) => ({ ack_required: true, prefetch_count, active: true });

for (const [what, given, tone, words] of [
  ['nobody consumes', { ready: 5000, perSecond: 100, rates: { publish: 100 } }, 'bad', /It grows by 100\/s: 5,000 messages wait and nobody consumes \(100\/s come in, 0\/s go out\)/],
  ['consumers hold what they may', { ready: 900, unacked: 20, perSecond: 40, rates: { publish: 50, deliver: 10, ack: 10 }, consumers: [consumer(10), consumer(10)] }, 'bad', /all 2 consumers hold as many unacknowledged messages as the prefetch allows, 20 of 20/],
  ['consumers are too slow', { ready: 900, unacked: 3, perSecond: 40, rates: { publish: 50, deliver: 10 }, consumers: [consumer()] }, 'bad', /1 consumer cannot keep up; at this speed the 900 ready ones take 1 min 30 s/],
  ['it shrinks', { ready: 900, perSecond: -90, rates: { deliver: 90 }, consumers: [consumer()] }, 'good', /It shrinks by 90\/s.*10 s/],
  ['nothing waits', { unacked: 3, rates: { publish: 10, deliver: 10, ack: 10 }, consumers: [consumer(5)] }, 'good', /No message waits; 3 messages are with consumers/],
  ['it is empty', { rates: { publish: 10 } }, 'quiet', /It is empty: what comes in \(10\/s\) goes out at once/],
  ['consumers take nothing', { ready: 10, consumers: [{ ...consumer(), active: false }] }, 'warn', /It stands at 10: 1 consumer of 1 is not active/],
]) {
  test(`a queue is explained: ${what}`, () => {
    const said = diagnose(queue(given));
    assert.match(said.words, words);
    assert.equal(said.tone, tone);
  });
}
