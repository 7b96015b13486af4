// Opens the page at /docs/ in headless Chromium, sends "create session" from it and looks at what came of it.
//   node docs-page.js            BASE: the server; CHROMIUM: the browser (default /usr/bin/chromium)
//
// Fails if the session is not created, if the browser asks any other server for anything, if the page's
// Content-Security-Policy is missing, lax or violated, or if a script fails.
'use strict';
const assert = require('assert');
const fs = require('fs');
const os = require('os');
const path = require('path');
const { chromium } = require('playwright-core');

const base = process.env.BASE;
const TIMEOUT = 60000;

// What would let a script or a style in that is not a file of this server.
const LAX = /unsafe-inline|unsafe-eval|unsafe-hashes|wasm|https?:|\*/;

function judgePolicy(policy) {
  assert(policy, 'the page has no Content-Security-Policy');
  assert(!LAX.test(policy), `the policy is lax: ${policy}`);
  for (const directive of ["default-src 'none'", "script-src 'self'", "connect-src 'self'",
    "frame-ancestors 'none'", "base-uri 'none'", "form-action 'none'"]) {
    assert(policy.includes(directive), `the policy lacks ${directive}: ${policy}`);
  }
}

// Everything that goes wrong on the page is collected here, with every address that it asks for.
async function watch(page) {
  const seen = { requests: [], complaints: [] };
  page.on('request', (request) => seen.requests.push(request.url()));
  page.on('websocket', (socket) => seen.requests.push(socket.url()));
  page.on('pageerror', (error) => seen.complaints.push(`script failed: ${error.message}`));
  page.on('console', (message) => {
    if (message.type() === 'error') seen.complaints.push(`console: ${message.text()}`);
  });
  await page.exposeFunction('reportViolation', (text) => seen.complaints.push(text));
  await page.addInitScript(() => {
    document.addEventListener('securitypolicyviolation', (event) => {
      window.reportViolation(`policy violated: ${event.violatedDirective} ${event.blockedURI}`
        + ` ${event.sourceFile}:${event.lineNumber} ${event.sample}`);
    });
  });
  return seen;
}

// Fills in "create session" and sends it. Gives the status that the page shows and the answer itself.
async function createSession(page, user) {
  const operation = page.locator('.opblock-post', {
    has: page.locator('[data-path="/sessions"]'),
  });
  await operation.locator('.opblock-summary').click();
  await operation.getByRole('button', { name: 'Try it out' }).click();
  await operation.locator('textarea.body-param__text').fill(
    JSON.stringify({ user_id: user, title: 'From the page', metadata: { from: 'docs' } }));
  const [answer] = await Promise.all([
    page.waitForResponse((response) => response.request().method() === 'POST'),
    operation.getByRole('button', { name: 'Execute' }).click(),
  ]);
  const shown = operation.locator('.live-responses-table .response-col_status').last();
  await shown.waitFor();
  return { shown: (await shown.innerText()).trim(), answer };
}

async function checkCreated(created, user) {
  const { shown, answer } = created;
  assert.strictEqual(answer.status(), 201, `the answer is ${answer.status()}: ${await answer.text()}`);
  assert.match(shown, /^201\b/, `the page shows ${shown}`);
  const { session } = await answer.json();
  assert.strictEqual(session.user_id, user);
  assert.strictEqual(session.title, 'From the page');
  // It is really there, asked for without the page.
  const read = await fetch(base + answer.headers().location);
  assert.strictEqual(read.status, 200);
  assert.strictEqual((await read.json()).session.session_id, session.session_id);
}

// How many operations the page shows, against how many the document has.
async function checkComplete(page) {
  const document = await (await fetch(`${base}/openapi.json`)).json();
  const methods = ['get', 'put', 'post', 'delete', 'options', 'head', 'patch', 'trace'];
  const wanted = Object.values(document.paths)
    .flatMap((item) => Object.keys(item).filter((key) => methods.includes(key))).length;
  await page.locator('.opblock').first().waitFor({ timeout: TIMEOUT });
  assert.strictEqual(await page.locator('.opblock').count(), wanted, 'operations on the page');
}

const luminance = (color) => {
  const [r, g, b] = color.match(/[\d.]+/g).map(Number);
  return (0.2126 * r + 0.7152 * g + 0.0722 * b) / 255;
};

// The page follows the reader's system: text and ground change places.
async function checkDark(page) {
  const look = async (colorScheme) => {
    await page.emulateMedia({ colorScheme });
    // The page is told a moment later.
    await page.waitForFunction((wanted) =>
      document.documentElement.classList.contains('dark-mode') === wanted, colorScheme === 'dark');
    return page.evaluate(() => ({
      ground: getComputedStyle(document.body).backgroundColor,
      text: getComputedStyle(document.querySelector('.info .title')).color,
    }));
  };
  const dark = await look('dark');
  assert(luminance(dark.ground) < 0.2 && luminance(dark.text) > 0.6, `dark: ${JSON.stringify(dark)}`);
  const light = await look('light');
  assert(luminance(light.ground) > 0.9 && luminance(light.text) < 0.4, `light: ${JSON.stringify(light)}`);
}

// On a telephone the page is no wider than the screen, with an operation open too.
async function checkWidth(page) {
  const size = page.viewportSize();
  await page.setViewportSize({ width: 390, height: 800 });
  const width = await page.evaluate(() => document.documentElement.scrollWidth);
  assert(width <= 390, `the page is ${width} px wide on a screen of 390`);
  await page.setViewportSize(size);
}

async function run(context) {
  const page = context.pages()[0] || await context.newPage();
  page.setDefaultTimeout(TIMEOUT);
  const seen = await watch(page);
  const opened = await page.goto(`${base}/docs/`, { waitUntil: 'load' });
  assert.strictEqual(opened.status(), 200, 'the page');
  judgePolicy(opened.headers()['content-security-policy']);
  await checkComplete(page);
  await checkDark(page);
  await checkWidth(page);
  const user = `docs-${process.pid}-${Date.now()}`;
  await checkCreated(await createSession(page, user), user);
  await checkWidth(page);
  if (process.env.SCREENSHOT) await page.screenshot({ path: process.env.SCREENSHOT, fullPage: true });
  const foreign = seen.requests.filter((url) => !url.startsWith(`${base}/`) && !url.startsWith('data:'));
  assert.deepStrictEqual(foreign, [], 'requests to other servers');
  assert.deepStrictEqual(seen.complaints, [], 'complaints');
  console.log(`201 from the page; ${seen.requests.length} requests, all to ${base}`);
}

async function main() {
  assert(base, 'BASE is not set');
  const profile = fs.mkdtempSync(path.join(os.tmpdir(), 'docs-page-'));
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: process.env.CHROMIUM || '/usr/bin/chromium',
    headless: true,
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--no-proxy-server',
      '--disable-background-networking', '--disable-component-update', '--disable-sync'],
  });
  try {
    await run(context);
  } finally {
    await context.close();
    fs.rmSync(profile, { recursive: true, force: true });
  }
}

main().catch((error) => {
  console.error(error.message);
  process.exitCode = 1;
});
