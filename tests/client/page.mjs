// The page of docs/frontend.md in Chromium: a browser that has conversations in localStorage opens it, sees them with their
// messages, sends one, opens it again and finds no doubles. Nothing but the page's own files and the API is asked for.
//   node page.mjs       CHROMIUM: the browser (/usr/bin/chromium)
//                       BASE, with REAL=1: the service itself instead of the stand-in
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Service } from './service.mjs';

const TOP = new URL('../../', import.meta.url).pathname;
const { chromium } = createRequire(join(TOP, 'tests/contract/'))('playwright-core');
const real = process.env.REAL === '1';
const base = real ? process.env.BASE : 'http://chat.example';
const user = `alice-${process.pid}-${Date.now()}`;
const TIMEOUT = 60_000;

function example() {
  const blocks = readFileSync(join(TOP, 'docs/frontend.md'), 'utf8').split('<!-- page:')[1].match(/```(?:html|js)\n[\s\S]*?```/g).slice(0, 2);
  const [html, js] = blocks.map((block) => block.replace(/^```\w+\n/, '').replace(/```$/, ''));
  const lines = (html + js).trimEnd().split('\n').length;
  assert(lines <= 40, `the example has ${lines} lines`);
  assert(html.startsWith('<!doctype html>') && js.startsWith('import'));
  return { 'index.html': ['text/html', html], 'chats.js': ['text/javascript', js] };
}

const service = new Service();
const complaints = [];

// The page's files come from here, the API from the stand-in.
async function serve(page) {
  const files = example();
  for (const name of ['chat-sessions.js', 'importers.js']) {
    files[`client/${name}`] = ['text/javascript', readFileSync(join(TOP, 'build/client', name), 'utf8')];
  }
  await page.route('**/*', (route) => {
    const request = route.request();
    const url = new URL(request.url());
    const [contentType, body] = files[url.pathname.replace(/^\/app\//, '') || 'index.html'] ?? [];
    if (url.origin === new URL(base).origin && body) return route.fulfill({ contentType: `${contentType}; charset=utf-8`, body });
    if (url.pathname.startsWith('/api/v1/')) {
      if (real) return route.continue();
      const [status, json, headers] = service.answer(request.method(), url, request.postDataJSON(), request.headers());
      return route.fulfill({ status, json, headers });
    }
    if (!url.pathname.endsWith('/favicon.ico')) complaints.push(`asked for ${url}`);
    return route.fulfill({ status: 404 });
  });
  page.on('pageerror', (error) => complaints.push(`script failed: ${error.message}`));
}

const texts = (page, selector) => page.locator(selector).allTextContents();
async function become(page, selector, wanted) {
  await page.waitForFunction(([where, count]) => document.querySelectorAll(where).length === count, [selector, wanted.length], { timeout: TIMEOUT })
    .catch(async () => assert.deepEqual(await texts(page, selector), wanted));
  assert.deepEqual(await texts(page, selector), wanted);
}

async function opened(browser) {
  const page = await browser.newPage();
  page.setDefaultTimeout(TIMEOUT);
  await serve(page);
  const stored = Object.fromEntries(Object.entries(JSON.parse(readFileSync(join(TOP, 'tests/client/fixtures/local-storage.json'), 'utf8')))
    .map(([key, value]) => [key.replace('conversations_alice', `conversations_${user}`), value]));
  await page.addInitScript((items) => { for (const [key, value] of Object.entries(items)) localStorage.setItem(key, value); }, stored);
  service.fail = 2; // the client asks again
  await page.goto(`${base}/app/?user=${user}`);
  return page;
}

async function takenOver(browser) {
  const page = await opened(browser);
  await become(page, '#sessions button', ['Two at once', 'Trip to Lisbon']);
  assert.equal(await page.locator('#note').textContent(), '2 conversations were taken over.');
  await page.getByRole('button', { name: 'Trip to Lisbon' }).click();
  const lisbon = ['user: What should I see in Lisbon?', 'assistant: Alfama, Belém.'];
  await become(page, '#messages li', lisbon);
  await page.getByLabel('Message').fill('And <img src=x onerror=alert(1)> Sintra?');
  await page.getByRole('button', { name: 'Send' }).click();
  const sent = [...lisbon, 'user: And <img src=x onerror=alert(1)> Sintra?'];
  await become(page, '#messages li', sent);
  await page.reload();
  await become(page, '#sessions button', ['Trip to Lisbon', 'Two at once']); // last active first
  assert.equal(await page.locator('#note').textContent(), '');
  await page.getByRole('button', { name: 'Trip to Lisbon' }).click();
  await become(page, '#messages li', sent);
  assert.deepEqual(complaints, []);
  if (!real) {
    const times = [...service.sessions.values()].find(({ session }) => session.title === 'Trip to Lisbon').messages.map(({ timestamp }) => timestamp);
    assert.deepEqual(times.slice(0, 2), [Date.UTC(2026, 2, 1, 9), Date.UTC(2026, 2, 1, 9, 0, 5, 250)]);
    assert.equal(service.sessions.size, 2);
  }
  await page.close();
}


async function walkReal(browser) {
  await takenOver(browser);
  const answer = await fetch(`${base}/api/v1/sessions/${user}`, { method: 'DELETE' });
  assert(answer.ok, `the user is not erased: ${answer.status}`);
}

const profile = mkdtempSync(join(tmpdir(), 'client-page-'));
const browser = await chromium.launchPersistentContext(profile, {
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--no-proxy-server', '--disable-background-networking',
    '--disable-component-update', '--disable-sync'], timeout: TIMEOUT,
});
try {
  await (real ? walkReal(browser) : takenOver(browser));
} finally {
  await browser.close();
  rmSync(profile, { recursive: true, force: true });
}
