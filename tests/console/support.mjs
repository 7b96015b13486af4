// The console in Chromium: opened as nginx serves it, with the service behind it or the stand-in of fake.mjs, and watched:
// whatever goes wrong in it (a script, the policy, a request to somewhere else) fails the test.
// A machine that is busy makes it slow and nothing else: what is awaited has WAIT_MS to come, and no walk measures time.
//   BASE: the service; CHROMIUM: the program (/usr/bin/chromium); BROWSER: the address of one that runs (browser.mjs);
//   SCREENSHOTS: a directory for pictures
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { Fake } from './fake.mjs';

export const TOP = new URL('../../', import.meta.url).pathname;
const require = createRequire(join(TOP, 'tests/contract/'));
export const { chromium } = require('playwright-core');
const AXE = require.resolve('axe-core/axe.min.js');
const base = process.env.BASE;
/** How long anything is awaited. */
export const WAIT_MS = 120_000;
const FLAGS = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--no-proxy-server', '--disable-background-networking',
  '--disable-component-update', '--disable-sync'];
export const LAUNCH = { executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: FLAGS, timeout: WAIT_MS };

/** Waits until something holds that it asks for again and again. */
export async function until(holds) {
  const end = Date.now() + WAIT_MS;
  while (!await holds()) {
    assert(Date.now() < end, `it never holds: ${holds}`);
    await new Promise((resolve) => { setTimeout(resolve, 100); });
  }
}

/** One walk: a context of a browser, a user of its own, and the service behind it. */
export class Walk {
  user = `console-${process.pid}-${Date.now()}`;
  complaints = [];
  /** What the browser says of failures that the walk itself makes. */
  expected = [];
  /** Asked first about each request to the API: a function that may answer it (true) or leave it (false). */
  intercept = undefined;

  constructor(fake) { this.fake = fake; }

  async open(options = {}) {
    this.page = await this.browser.newPage();
    const { page } = this;
    page.setDefaultTimeout(WAIT_MS);
    await page.setViewportSize(options.size ?? { width: 1280, height: 800 });
    await page.emulateMedia({ colorScheme: options.colorScheme ?? 'light', reducedMotion: 'reduce' });
    await this.watch();
    await page.route((url) => url.pathname.startsWith('/api/v1/'), (route) => this.route(route));
    await page.goto(`${base}/console/${options.hash ?? `#/${encodeURIComponent(this.user)}`}`);
    return page;
  }

  async watch() {
    const { page, complaints } = this;
    page.on('request', (request) => {
      const url = request.url();
      if (!url.startsWith(`${base}/`) && !/^(data|blob):/.test(url)) complaints.push(`asked for ${url}`);
    });
    page.on('pageerror', (error) => complaints.push(`script failed: ${error.stack}`));
    page.on('dialog', (dialog) => { complaints.push(`a dialog: ${dialog.message()}`); void dialog.dismiss(); });
    page.on('console', (message) => {
      const text = message.text();
      if (message.type() === 'error' && !this.expected.some((pattern) => pattern.test(text))) complaints.push(`console: ${text}`);
    });
    await page.exposeFunction('reportViolation', (text) => complaints.push(text));
    await page.addInitScript(() => {
      // Sentences are shown for a moment, which may be over when somebody looks: each is kept with the role of its region.
      window.sentences = [];
      new MutationObserver((records) => {
        for (const { target, addedNodes } of records) {
          const region = addedNodes.length && target.parentElement?.closest('.notices') && target.closest('[role]');
          if (region) for (const { textContent } of addedNodes) window.sentences.push(`${region.role}: ${textContent}`);
        }
      }).observe(document, { childList: true, subtree: true });
      document.addEventListener('securitypolicyviolation', (event) => {
        window.reportViolation(`policy violated: ${event.violatedDirective} ${event.blockedURI} ${event.sample}`);
      });
    });
  }

  async route(route) {
    const request = route.request();
    if (this.intercept && await this.intercept(route, request)) return undefined;
    if (!this.fake) return route.continue();
    const [status, body, headers] = this.fake.answer(request.method(), new URL(request.url()), request.postDataJSON(), request.headers());
    if (typeof body === 'string') return route.fulfill({ status, body, contentType: 'application/x-ndjson', headers });
    return route.fulfill({ status, json: body, headers });
  }

  /** A call beside the page. */
  async ask(method, path, body, headers = {}) {
    if (this.fake) {
      const [status, json] = this.fake.answer(method, new URL(`${base}/api/v1${path}`), body, headers);
      assert(status < 300, `${method} ${path}: ${status}`);
      return json;
    }
    const answer = await fetch(`${base}/api/v1${path}`, {
      method, headers: { ...(body ? { 'Content-Type': 'application/json' } : {}), ...headers }, body: body && JSON.stringify(body),
    });
    assert(answer.ok, `${method} ${path}: ${answer.status} ${answer.ok ? '' : await answer.text()}`);
    return answer.json();
  }

  /** Several at a time: they are in the order of their times, not of their making. */
  async createAll(sessions) {
    for (let at = 0; at < sessions.length; at += 10) await Promise.all(sessions.slice(at, at + 10).map((one) => this.create(one)));
  }

  async create(session) { return (await this.ask('POST', '/sessions', { user_id: this.user, ...session })).session; }
  async append(session, role, content, more = {}) {
    return (await this.ask('POST', `/sessions/${session.session_id}/messages`, { role, content, ...more })).message;
  }

  async messagesOf(session) { return (await this.ask('GET', `/sessions/${session.session_id}/messages?limit=1000`)).messages; }
  async sessionsOf() { return (await this.ask('GET', `/sessions/${this.user}?archived=any`)).sessions; }

  /** Drops a file on the page, as from a file manager. */
  async importFile(page, name, text) {
    const data = await page.evaluateHandle(([file, content]) => {
      const transfer = new DataTransfer();
      transfer.items.add(new File([content], file));
      return transfer;
    }, [name, text]);
    for (const type of ['dragenter', 'dragover', 'drop']) await page.dispatchEvent('body', type, { dataTransfer: data });
  }

  /** axe-core's judgement of the page as it is; by all its rules, or by some. */
  async judgeAccess(what, rules) {
    if (!await this.page.evaluate(() => 'axe' in window)) await this.page.evaluate(readFileSync(AXE, 'utf8'));
    const { violations } = await this.page.evaluate((only) => window.axe.run(document, {
      resultTypes: ['violations'], ...(only ? { runOnly: only } : {}),
    }), rules);
    const serious = violations.filter(({ impact }) => impact === 'serious' || impact === 'critical')
      .map(({ id, help, nodes }) => `${id}: ${help}: ${nodes.map(({ target, failureSummary }) => `${target} ${failureSummary}`).join('; ')}`);
    assert.deepEqual(serious, [], `${what} has findings of axe-core`);
    const scrolls = await this.page.evaluate(() => document.documentElement.scrollWidth > innerWidth);
    assert(!scrolls, `${what} is wider than the window`);
  }

  async picture(name) {
    if (process.env.SCREENSHOTS) await this.page.screenshot({ path: join(process.env.SCREENSHOTS, `${name}.png`) });
  }

  /** Waits until a list of texts is the wanted one. */
  async texts(selector, wanted) {
    const read = () => this.page.locator(selector).allInnerTexts();
    await until(async () => JSON.stringify(await read()) === JSON.stringify(wanted)).catch(() => undefined);
    assert.deepEqual(await read(), wanted);
  }

  titles(...wanted) { return this.texts('a.session .title', wanted); }
  message(text) { return this.page.locator('.message', { hasText: text }); }
  /** Waits until the page has said it; `alert` for what went wrong. */
  said(sentence, role = 'status') {
    return this.page.waitForFunction((text) => window.sentences.some((one) => one.startsWith(text)), `${role}: ${sentence}`);
  }
}

/** Runs the walk that the command line names. */
export async function run(walks, { fake = false } = {}) {
  const name = process.argv[2];
  assert(base, 'BASE is not set');
  assert(walks[name], `there is no walk ${name}`);
  const walk = new Walk(fake || process.env.FAKE === '1' ? new Fake() : undefined);
  const browser = process.env.BROWSER ? await chromium.connect(process.env.BROWSER, { timeout: WAIT_MS }) : await chromium.launch(LAUNCH);
  walk.browser = await browser.newContext({ permissions: ['clipboard-read', 'clipboard-write'] });
  try {
    await walks[name](walk);
    assert.deepEqual(walk.complaints, []);
  } catch (error) {
    if (walk.complaints.length) console.error(walk.complaints.join('\n'));
    if (walk.page) await walk.picture(`failed-${name}`).catch(() => undefined);
    throw error;
  } finally {
    await walk.browser.close();
    await browser.close(); // of one that runs for others, the connection alone
  }
}
