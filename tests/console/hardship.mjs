// What the console must bear: a very long conversation, contents that mean harm, a service that fails.
//   node hardship.mjs long|hostile|failures|lost
import assert from 'node:assert/strict';
import { run, until, WAIT_MS } from './support.mjs';

const MINUTE = 60_000;

// ---- 5,000 messages ----

const LONG = 5_000;

async function fillLong(walk) {
  const paragraph = 'Some **prose** with a [link](https://example.org/) and `code`.\n\n- one\n- two\n';
  const begun = Date.now() - LONG * 1000;
  return walk.create({
    title: 'Long', messages: Array.from({ length: LONG }, (_, i) => (
      { role: i % 2 ? 'assistant' : 'user', content: `Message ${i}. ${i % 2 ? paragraph : 'Go on.'}`, timestamp: begun + i * 1000 })),
  });
}

// With thousands of messages there the browser is asked directly: locators that look at the text of each take it long.

const numbers = (page) => page.evaluate(() => Array.from(document.querySelectorAll('.message'), (item) => Number(/Message (\d+)\./.exec(item.textContent)?.[1])));

/** Whether the first or the last message has the text and can be seen. */
const isSeen = (page, which, text) => page.evaluate(([end, wanted]) => {
  const item = document.querySelector(`.message:${end}-child`);
  const box = item?.getBoundingClientRect();
  return Boolean(item?.textContent.includes(wanted) && box.bottom > 0 && box.top < innerHeight);
}, [which, text]);

/** The first message that stands within the scroller, and where; or, with a timestamp, where that one stands. */
const placeOf = (page, wanted) => page.evaluate((timestamp) => {
  const top = document.querySelector('.scroller').getBoundingClientRect().top;
  const item = timestamp ? document.querySelector(`[data-timestamp="${timestamp}"]`)
    : [...document.querySelectorAll('.message')].find((one) => one.getBoundingClientRect().top >= top);
  return [item.dataset.timestamp, Math.round(item.getBoundingClientRect().top)];
}, wanted);

/** The place when it has come to rest: what comes into sight for the first time finds its height in the next frames. */
async function restingPlace(page, wanted) {
  let last;
  let same = 0;
  await until(async () => {
    const place = JSON.stringify(await placeOf(page, wanted));
    same = place === last ? same + 1 : 0;
    last = place;
    return same === 3;
  });
  return JSON.parse(last);
}

// Neither an older page nor a newer message moves what one reads. The page comes when it is let through.
async function readingStaysInPlace(walk, page, session) {
  let release;
  const gate = new Promise((resolve) => { release = resolve; });
  walk.intercept = (_, request) => (/[?&]before=/.test(request.url()) ? gate.then(() => false) : false);
  const count = (await numbers(page)).length;
  await page.evaluate(() => {
    const scroller = document.querySelector('.scroller');
    scroller.scrollTo(0, -(scroller.scrollHeight - scroller.clientHeight - 600));
  });
  const [timestamp, before] = await restingPlace(page);
  assert.equal((await numbers(page)).length, count);
  release();
  await page.waitForFunction((least) => document.querySelectorAll('.message').length > least, count, { polling: 100 });
  const moved = async () => (await restingPlace(page, timestamp))[1] - before;
  assert(Math.abs(await moved()) < 4, `what one reads moved by ${await moved()} pixels as older messages came`);
  walk.intercept = undefined;
  await walk.append(session, 'user', 'The last word');
  await page.waitForFunction(() => document.querySelector('.message:last-child').textContent.includes('The last word'), undefined, { polling: 100 });
  assert(Math.abs(await moved()) < 4, `what one reads moved by ${await moved()} pixels as a newer message came`);
}

// To the very beginning, page by page, as somebody who holds the key. Gives the length of the browser's longest task.
const readToTheBeginning = (page) => page.evaluate(async (waitMs) => {
  let longest = 0;
  let [count, since] = [0, Date.now()];
  new PerformanceObserver((entries) => { for (const { duration } of entries.getEntries()) longest = Math.max(longest, duration); })
    .observe({ type: 'longtask' });
  const scroller = document.querySelector('.scroller');
  while (!document.querySelector('.beginning')) {
    scroller.scrollTo(0, -scroller.scrollHeight);
    const now = document.querySelectorAll('.message').length;
    if (now > count) [count, since] = [now, Date.now()];
    if (Date.now() - since > waitMs) throw new Error(`after ${count} messages no older ones come`);
    await new Promise((resolve) => { setTimeout(resolve, 50); });
  }
  return Math.round(longest);
}, WAIT_MS);

/** How long a key takes, in milliseconds. */
const keyTime = (page) => page.evaluate(async () => {
  const field = document.querySelector('.composer textarea');
  const begun = performance.now();
  field.value = 'Hello';
  field.dispatchEvent(new Event('input', { bubbles: true }));
  await new Promise((resolve) => { requestAnimationFrame(() => setTimeout(resolve)); });
  return Math.round(performance.now() - begun);
});

async function long(walk) {
  const session = await fillLong(walk);
  const page = await walk.open({ hash: `#/${walk.user}/${session.session_id}` });
  // The newest first of all, at the bottom; not all of them.
  await until(() => isSeen(page, 'last', `Message ${LONG - 1}.`));
  assert((await numbers(page)).length <= 300, 'it loads more than anybody looks at');
  await readingStaysInPlace(walk, page, session);
  const started = Date.now();
  const longest = await readToTheBeginning(page);
  const seconds = (Date.now() - started) / 1000;
  assert.deepEqual((await numbers(page)).slice(0, LONG), Array.from({ length: LONG }, (_, i) => i));
  const scrollTo = (top) => page.evaluate((to) => document.querySelector('.scroller').scrollTo(0, to), top);
  await until(async () => {
    await scrollTo(-1e9); // the last page stands above
    return isSeen(page, 'first', 'Message 0.');
  });
  const typed = await keyTime(page);
  await page.locator('.composer textarea').press('Enter');
  await until(() => isSeen(page, 'last', 'Hello')); // from the beginning to what one has sent
  await scrollTo(-3000);
  await page.locator('.to-newest').click();
  await until(() => isSeen(page, 'last', 'Hello'));
  // How long it takes says more of the machine than of the page; here it is for whoever looks.
  console.log(`${LONG} messages: all loaded in ${seconds} s, the longest task ${longest} ms, a key with all there ${typed} ms`);
}

// ---- contents that mean harm ----

const TURN = '\u202Eevil\u2066';
const SCRIPTS = [
  '<img src=x onerror="alert(1)">', '<script>alert(2)</script>', '<svg onload=alert(3)>', '<a href="javascript:alert(4)">html link</a>',
  '[a link](javascript:alert(5))', '[coded](&#106;avascript:alert(6))', '![p](javascript:alert(7))', '[data](data:text/html,<script>alert(8)</script>)',
  '![x](https://tracker.example/pixel.png)', '<iframe srcdoc="<script>parent.alert(9)</script>"></iframe>', '<form action="https://evil.example"><button>Send</button></form>',
  '<style>body { display: none }</style>', '<div class="notice" style="position:fixed;inset:0">cover</div>', '[vb](vbscript:x)', '<https://example.org/"onmouseover="alert(10)>',
  '```"><img src=x onerror=alert(11)>\ncode\n```', '<math><mtext><table><mglyph><style><img src=x onerror=alert(12)>', '[ref]: javascript:alert(13)\n\n[ref]', '<base href="https://evil.example/">',
  '`<b>inline</b>`', `Bidi ${TURN} in text`, '```js\nif (admin\u202E \u2066// check\u2069 \u2066) {}\n```', '>'.repeat(5_000), `${'['.repeat(20_000)}x`, '\u0000\u0007null',
];

async function hostile(walk) {
  const hurt = `<img src=x onerror=alert(20)>${TURN}<script>alert(21)</script>`;
  const now = Date.now();
  const messages = SCRIPTS.map((content, i) => ({ role: i % 2 ? 'assistant' : 'user', content, timestamp: now - MINUTE * 60 + i }));
  messages.push({ role: '<img src=x onerror=alert(22)>', content: 'odd role', timestamp: now - MINUTE },
    { role: 'tool', content: [{ type: '<script>alert(23)</script>', x: 1 }, { type: 'image_url', image_url: { url: 'javascript:alert(24)' } }, { type: 'image', source: { media_type: 'image/svg+xml', data: 'PHN2Zz4=' } }, null].filter(Boolean), timestamp: now - MINUTE + 1 },
    { role: 'tool', content: null, metadata: { '<b>': hurt }, timestamp: now - MINUTE + 2 });
  const session = await walk.create({ title: hurt, tags: ['<b>bold</b>', TURN, '"><img src=x onerror=alert(25)>'], messages });
  await walk.create({ title: `Fine`, messages: [{ role: 'user', content: hurt, timestamp: now - 5 * MINUTE }] });
  const page = await walk.open();
  const row = page.locator('a.session', { hasText: 'onerror=alert(20)' }).first();
  await row.waitFor();
  await row.click();
  await walk.message('odd role').waitFor();
  await walk.picture('hostile');
  await page.locator('.scroller').evaluate((element) => element.scrollTo(0, -element.scrollHeight));
  for (const summary of await page.locator('.json summary').all()) await summary.click();
  const found = await page.evaluate(() => {
    const within = document.querySelector('#console');
    const attributes = [...within.querySelectorAll('.markdown *')].flatMap((element) => [...element.attributes].map(({ name }) => name));
    return {
      elements: [...new Set([...within.querySelectorAll('.markdown *')].map(({ tagName }) => tagName.toLowerCase()))],
      handlers: attributes.filter((name) => name.startsWith('on') || name === 'style' || name === 'id'),
      links: [...within.querySelectorAll('.markdown a')].map((link) => [link.protocol, link.rel, link.target]),
      images: [...within.querySelectorAll('.messages img')].map(({ src }) => src),
    };
  });
  for (const name of ['img', 'script', 'svg', 'iframe', 'form', 'style', 'math', 'base', 'input']) assert(!found.elements.includes(name), `there is a ${name}`);
  assert.deepEqual(found.handlers, []);
  for (const [protocol, rel, target] of found.links) {
    assert.match(protocol, /^(https?:|mailto:|:|)$/);
    if (protocol !== ':' && protocol !== '') assert.deepEqual([rel, target], ['noopener noreferrer nofollow', '_blank']);
  }
  assert.deepEqual(found.images, []);
  // It is shown as the text that it is; what turns the order is shown in code and left out of titles.
  await walk.message('<img src=x onerror="alert(1)">').waitFor();
  await walk.message('<script>alert(2)</script>').waitFor();
  await walk.message('[U+202E]').waitFor();
  const titles = await page.locator('h2.title, a.session, .tag').allTextContents();
  assert(!/[\u202A-\u202E\u2066-\u2069]/.test(titles.join('')), 'a title turns the order of the page');
  // Copying gives the text as it was sent.
  await walk.message('Bidi').getByRole('button', { name: /^Copy/ }).click();
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), `Bidi ${TURN} in text`);
  assert.equal(await page.evaluate(() => document.title), '<img src=x onerror=alert(20)>evil<script>alert(21)</script> – Chat Sessions');
  assert(session);
}

// ---- a service that fails ----

const busy = (route, more = {}) => route.fulfill({
  status: 503, headers: more, json: { status: 503, code: 'overloaded', detail: 'The service is overloaded.', request_id: 'r' },
}).then(() => true);

async function failures(walk) {
  await walk.create({ title: 'Here', messages: [{ role: 'user', content: 'Hello', timestamp: Date.now() - MINUTE }] });
  walk.expected.push(/503/, /ERR_FAILED|ERR_CONNECTION/);
  let fail = 2;
  walk.intercept = (route) => ((fail -= 1) >= 0 ? busy(route) : false);
  const page = await walk.open();
  await walk.titles('Here'); // tried again without a word
  // For good: it says so, and goes on when asked.
  let down = true;
  walk.intercept = (route) => (down ? busy(route, { 'Retry-After': '30' }) : false);
  await page.getByRole('link', { name: /Here/ }).click();
  await page.locator('.scroller').getByRole('alert').filter({ hasText: 'The service is overloaded.' }).waitFor();
  await page.reload();
  await page.locator('nav.sessions').getByRole('alert').filter({ hasText: 'The service is overloaded.' }).waitFor();
  await walk.picture('failures');
  down = false;
  await page.locator('nav.sessions').getByRole('button', { name: 'Try again' }).click();
  await walk.titles('Here');
  await page.locator('.scroller').getByRole('button', { name: 'Try again' }).click();
  await walk.message('Hello').waitFor();
  await page.getByRole('heading', { name: 'Here' }).waitFor();
  // While nothing comes it says so where new messages would stand.
  down = true;
  await page.locator('.interruption', { hasText: 'The service is overloaded.' }).waitFor();
  down = false;
}

// A message whose answer was lost, again and again, is there once.
async function lost(walk) {
  const session = await walk.create({ title: 'Here' });
  walk.expected.push(/503/, /ERR_FAILED|ERR_CONNECTION/);
  const page = await walk.open();
  await page.getByRole('link', { name: /Here/ }).click();
  const keys = new Set();
  let broken = true;
  walk.intercept = async (route, request) => {
    if (request.method() !== 'POST') return false;
    keys.add(request.headers()['idempotency-key']);
    if (!broken) return false;
    await walk.ask('POST', `/sessions/${session.session_id}/messages`, request.postDataJSON(), { 'idempotency-key': request.headers()['idempotency-key'] });
    return route.abort('connectionreset').then(() => true);
  };
  const write = page.getByRole('textbox', { name: 'Message', exact: true });
  await write.fill('Only once');
  await write.press('Enter');
  await walk.said('', 'alert');
  assert.equal(await write.inputValue(), 'Only once');
  broken = false;
  await write.press('Enter');
  await page.waitForFunction(() => document.querySelector('.composer textarea').value === '');
  await walk.message('Only once').waitFor();
  assert.equal(await walk.message('Only once').count(), 1);
  assert.equal((await walk.messagesOf(session)).length, 1);
  assert.equal(keys.size, 1);
}

const [, , name] = process.argv;
await run({ long, hostile, failures, lost }, { fake: name === 'hostile' });
