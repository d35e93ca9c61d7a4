// A broker, a browser that is logged in, and the API beside it, for a suite.

import { chromium } from 'playwright-core';
import { Broker } from '../clients/node/broker.mjs';

const CHROMIUM = process.env.CHROMIUM ?? '/usr/bin/chromium';
const FLAGS = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'];

export const HOSTILE = '<img src=x onerror=alert(1)>';

export class Stage {
  /** What a page complained about. */
  complaints = [];

  static async start(prefix = '') {
    const stage = new Stage();
    stage.broker = await Broker.start();
    stage.base = `http://127.0.0.1:${stage.broker.httpPort}${prefix}`;
    stage.browser = await chromium.launch({ executablePath: CHROMIUM, args: FLAGS });
    return stage;
  }

  async stop() {
    await this.browser?.close();
    await this.broker?.close();
  }

  /** A page of somebody who is logged in. */
  async open(hash = '/', { theme = 'light', width = 1280, user = 'guest', password = 'guest' } = {}) {
    const context = await this.browser.newContext({ viewport: { width, height: 850 }, colorScheme: theme, acceptDownloads: true });
    const page = await context.newPage();
    page.setDefaultTimeout(10_000);
    page.on('console', (message) => message.type() === 'error' && this.complaints.push(`${page.url()}: ${message.text()}`));
    page.on('pageerror', (error) => this.complaints.push(`${page.url()}: ${error.message}`));
    page.on('dialog', (dialog) => {
      this.complaints.push(`${page.url()}: ${dialog.message()}`);
      dialog.dismiss();
    });
    await page.goto(`${this.base}/#${hash}`);
    await page.fill('input[name=username]', user);
    await page.fill('input[name=password]', password);
    await page.keyboard.press('Enter');
    await page.waitForSelector('main[aria-busy=false] h1');
    return page;
  }

  /** Goes to another page of the dashboard and waits until it has its data. */
  async go(page, hash) {
    await page.evaluate((wanted) => {
      document.getElementById('page').setAttribute('aria-busy', 'true');
      window.location.hash = wanted;
    }, hash);
    await page.waitForSelector('main[aria-busy=false] h1');
  }

  /** The API as guest. The answer's status and body. */
  async api(method, path, body) {
    const response = await fetch(`${this.base}/api/${path}`, {
      method,
      headers: { authorization: `Basic ${btoa('guest:guest')}`, 'content-type': 'application/json' },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    const text = await response.text();
    return { status: response.status, body: text === '' ? null : JSON.parse(text) };
  }

  async queue(name, args = {}) {
    await this.api('PUT', `queues/%2F/${encodeURIComponent(name)}`, { durable: true, arguments: args });
  }

  async publish(queue, payload, properties = {}) {
    await this.api('POST', 'exchanges/%2F/amq.default/publish', { routing_key: queue, properties, payload, payload_encoding: 'string' });
  }

  async depth(queue) {
    return (await this.api('GET', `queues/%2F/${encodeURIComponent(queue)}`)).body.messages_ready;
  }
}
