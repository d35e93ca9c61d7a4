// Starts the broker for a suite, on free ports in a directory of its own.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** Milliseconds to wait for anything before a test fails. */
export const PATIENCE = 20_000;

/** Asks until the answer is true, and returns it. */
export async function eventually(what, probe) {
  const deadline = Date.now() + PATIENCE;
  for (;;) {
    const answer = await probe();
    if (answer) return answer;
    if (Date.now() > deadline) throw new Error(`waited ${PATIENCE} ms for ${what}`);
    await sleep(20);
  }
}

/** The first event of that name, as its arguments; fails when none comes. An `error` before it
 * is no failure, unlike with `once`. */
export function event(emitter, name) {
  return new Promise((resolve, reject) => {
    const late = setTimeout(() => reject(new Error(`no ${name}`)), PATIENCE);
    emitter.once(name, (...args) => {
      clearTimeout(late);
      resolve(args);
    });
  });
}

export class Broker {
  port = 0;
  httpPort = 0;

  static async start() {
    const broker = new Broker();
    broker.scratch = await mkdtemp(join(tmpdir(), 'leveret-node-'));
    await broker.start();
    return broker;
  }

  /** Starts the process; on the ports it had before, when there were any. */
  async start() {
    this.output = '';
    this.child = spawn(
      process.env.LEVERET_BIN,
      [
        ...['--data-dir', join(this.scratch, 'data')],
        ...['--listen', `127.0.0.1:${this.port}`],
        ...['--management-listen', `127.0.0.1:${this.httpPort}`],
      ],
      { cwd: this.scratch, env: { ...process.env, NO_COLOR: '1' }, stdio: ['ignore', 'pipe', 'pipe'] },
    );
    for (const stream of [this.child.stdout, this.child.stderr]) {
      stream.on('data', (chunk) => (this.output += chunk));
    }
    await eventually('ready', () => {
      if (this.child.exitCode !== null) throw new Error(`the broker ended:\n${this.output}`);
      return /\bready\b/.test(this.output);
    });
    this.port = Number(/AMQP listening on \S+?:(\d+)/.exec(this.output)[1]);
    this.httpPort = Number(/management listening on http:\/\/\S+?:(\d+)/.exec(this.output)[1]);
  }

  get url() {
    return `amqp://guest:guest@127.0.0.1:${this.port}/%2F`;
  }

  /** Ends the process as a power cut would. */
  async kill() {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const exit = once(this.child, 'exit');
    this.child.kill('SIGKILL');
    await exit;
  }

  async close() {
    await this.kill();
    await rm(this.scratch, { recursive: true, force: true });
  }

  async api(method, path) {
    const answer = await fetch(`http://127.0.0.1:${this.httpPort}/api${path}`, {
      method,
      headers: { authorization: `Basic ${Buffer.from('guest:guest').toString('base64')}` },
    });
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status}`);
    const text = await answer.text();
    return text ? JSON.parse(text) : null;
  }

  /** Closes the connection whose client gave it this name, as an operator would. */
  async closeConnection(name) {
    const connection = await eventually(`connection ${name}`, async () =>
      (await this.api('GET', '/connections')).find((c) => c.user_provided_name === name),
    );
    await this.api('DELETE', `/connections/${encodeURIComponent(connection.name)}`);
  }
}
