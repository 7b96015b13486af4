// What one does in the console, each walk on a user of its own, and what is then in the service.
//   node features.mjs choosing|list|conversation|marks|importing|browser|exporting|keyboard     FAKE=1: with the stand-in
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { run, TOP, until } from './support.mjs';

const MINUTE = 60_000;
const history = (minutes, ...texts) => texts.map((content, i) => (
  { role: i % 2 ? 'assistant' : 'user', content, timestamp: Date.now() - minutes * MINUTE + i * 1000 }));

// ---- whose ----

async function choosing(walk) {
  await walk.create({ title: 'Mine', messages: history(1, 'hello') });
  let asked;
  walk.intercept = (route, request) => { asked = request.headers().authorization; return false; };
  const page = await walk.open({ hash: '' });
  await page.getByLabel('User').fill(walk.user);
  await page.getByRole('button', { name: 'Show conversations' }).click();
  await walk.titles('Mine');
  assert.equal(asked, undefined);
  await page.reload(); // it is remembered
  await walk.titles('Mine');
  await page.getByLabel('More', { exact: true }).click();
  await page.getByRole('button', { name: 'Another user…' }).click();
  // A token names its user. This one is not secret: nobody has signed it.
  const token = `e30.${Buffer.from(JSON.stringify({ sub: walk.user })).toString('base64url')}.x`;
  await page.getByLabel('User').fill('somebody');
  await page.getByText('The service asks for a token').click();
  await page.getByLabel('Bearer token').fill(`Bearer ${token}`);
  assert.equal(await page.getByLabel('User').inputValue(), walk.user);
  await page.getByRole('button', { name: 'Show conversations' }).click();
  await walk.titles('Mine');
  assert.equal(asked, `Bearer ${token}`);
  const kept = await page.evaluate(() => ({ session: { ...sessionStorage }, local: { ...localStorage } }));
  assert.deepEqual(Object.values(kept.session).map((text) => JSON.parse(text)), [{ userId: walk.user, token }]);
  assert.deepEqual(kept.local, {});
  // A service that refuses the token leads back to where one is chosen, and says why.
  walk.expected.push(/401/);
  walk.intercept = (route) => route.fulfill({ status: 401, json: { status: 401, code: 'unauthorized', detail: 'The token has expired.', request_id: 'r' } }).then(() => true);
  await page.reload();
  await page.getByRole('alert').filter({ hasText: 'The token has expired.' }).waitFor();
  assert.equal(await page.getByLabel('User').inputValue(), walk.user);
}

// ---- the list ----

async function list(walk) {
  await walk.createAll(Array.from({ length: 120 }, (_, i) => ({ title: `Talk ${i}`, messages: history(200 - i, 'x') })));
  await walk.create({ title: 'Straße nach Köln', messages: history(0.5, 'q', 'Der schnellste Weg ist die A3.'), tags: ['travel'] });
  await walk.create({ title: 'Kept away', archived: true, messages: history(0.4, 'x') });
  const page = await walk.open();
  const first = page.locator('a.session').first();
  await first.waitFor();
  assert.match(await first.innerText(), /Straße nach Köln\s[\s\S]*Der schnellste Weg ist die A3\.\s+travel/);
  // More pages come as one scrolls.
  assert((await page.locator('a.session').count()) <= 100);
  await until(() => page.locator('nav.sessions').evaluate((element) => {
    element.scrollTo(0, element.scrollHeight);
    return element.querySelectorAll('a.session').length >= 121;
  }));
  assert.equal(await page.locator('a.session').count(), 121);
  // Search waits until one has typed, and asks once. The page's clock goes only as far as it is told, so that no key is late.
  const asked = [];
  walk.intercept = (route, request) => { if (/[?&]q=/.test(request.url())) asked.push(new URL(request.url()).searchParams.get('q')); return false; };
  const search = page.getByRole('searchbox', { name: 'Search conversations' });
  await page.clock.install();
  await page.clock.pauseAt(Date.now() + MINUTE);
  for (const key of 'STRASSE') {
    await search.press(key);
    await page.clock.runFor(100);
  }
  assert.deepEqual(asked, []);
  await page.clock.runFor(300);
  await page.clock.resume();
  await walk.titles('Straße nach Köln');
  assert.deepEqual(asked, ['STRASSE']);
  await search.fill('die a3');
  await walk.titles('Straße nach Köln');
  await search.fill('nothing like that');
  await page.getByText('No conversation is like that.').waitFor();
  await search.fill('');
  await page.getByRole('link', { name: /Talk 119/ }).waitFor();
  await page.getByRole('button', { name: 'Archived', exact: true }).click();
  await walk.titles('Kept away');
  await page.getByRole('button', { name: 'Chats', exact: true }).click();
  await page.getByRole('link', { name: /Talk 119/ }).waitFor();
  await page.getByRole('combobox', { name: 'Tag' }).selectOption('travel');
  await walk.titles('Straße nach Köln');
}

async function marks(walk) {
  for (const title of ['One', 'Two', 'Three']) await walk.create({ title, messages: history(10, 'x') });
  const page = await walk.open();
  await page.getByRole('link', { name: /Two/ }).hover();
  await page.getByRole('button', { name: 'Pin Two', exact: true }).click();
  await page.locator('nav h2', { hasText: 'Pinned' }).waitFor();
  await page.getByRole('button', { name: 'Pinned', exact: true }).click();
  await walk.titles('Two');
  await page.getByRole('button', { name: 'Chats', exact: true }).click();
  await page.getByRole('link', { name: /Three/ }).hover();
  await page.getByRole('button', { name: 'Archive Three', exact: true }).click();
  await walk.said('Archived.');
  await walk.titles('Two', 'One');
  await page.getByRole('link', { name: /Two/ }).click();
  for (const tag of ['red', 'green']) {
    if (tag === 'red') await page.getByRole('button', { name: 'Add tag' }).click();
    await page.getByLabel('New tag').fill(tag);
    await page.keyboard.press('Enter');
    await page.getByRole('button', { name: `Remove the tag ${tag}` }).waitFor();
  }
  await page.getByRole('button', { name: 'Remove the tag red' }).click();
  await walk.texts('.tag-editor .tag', ['green']);
  const toggle = page.getByRole('button', { name: 'Pin this conversation' });
  assert.equal(await toggle.getAttribute('aria-pressed'), 'true');
  await toggle.click();
  await walk.said('No longer pinned.');
  const found = Object.fromEntries((await walk.sessionsOf()).map((session) => [session.title, session]));
  assert.deepEqual([found.Two.pinned, found.Two.tags, found.Three.archived, found.One.archived], [false, ['green'], true, false]);
}

// ---- one conversation ----

async function conversation(walk) {
  const old = await walk.create({ title: 'Old name', messages: history(60 * 24, 'First question', 'An **answer** with `code`:\n\n```sh\necho hi\n```') });
  const page = await walk.open();
  await page.getByRole('link', { name: /Old name/ }).click();
  await walk.message('First question').waitFor();
  await page.getByText('Yesterday').waitFor();
  assert.equal(await walk.message('An answer').locator('strong').innerText(), 'answer');
  await page.getByRole('button', { name: 'Copy code' }).click();
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), 'echo hi\n');
  const time = await walk.message('First question').locator('time').getAttribute('datetime');
  assert.equal(Date.parse(time), (await walk.messagesOf(old))[0].timestamp);

  await page.getByRole('button', { name: 'Rename this conversation' }).click();
  await page.getByRole('textbox', { name: 'Title' }).fill('New name');
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'New name' }).waitFor();
  await walk.titles('New name');

  const write = page.getByRole('textbox', { name: 'Message', exact: true });
  await write.fill('Line one');
  await page.keyboard.press('Shift+Enter');
  await page.keyboard.type('line two');
  await page.keyboard.press('Enter');
  await walk.message('Line one').waitFor();
  await page.getByRole('combobox', { name: 'Role' }).selectOption('assistant');
  await write.fill('From the assistant');
  await page.getByRole('button', { name: 'Send' }).click();
  await walk.message('From the assistant').waitFor();
  await page.locator('a.session .preview', { hasText: 'From the assistant' }).waitFor();

  await walk.message('First question').hover();
  await walk.message('First question').getByRole('button', { name: /^Edit/ }).click();
  await page.getByRole('textbox', { name: /^Text of/ }).fill('First question, mended');
  await page.getByRole('button', { name: 'Save' }).click();
  await walk.message('First question, mended').getByText('edited').waitFor();

  const remove = walk.message('Line one').getByRole('button', { name: /^Delete/ });
  await walk.message('Line one').hover();
  await remove.click();
  await page.getByRole('dialog').getByRole('button', { name: 'Cancel' }).click();
  await walk.message('Line one').waitFor();
  await walk.message('Line one').hover();
  await remove.click();
  await page.getByRole('dialog').getByRole('button', { name: 'Delete message' }).click();
  await walk.message('Line one').waitFor({ state: 'detached' });
  assert.deepEqual((await walk.messagesOf(old)).map(({ role, content }) => `${role}: ${content.slice(0, 22)}`),
    ['user: First question, mended', 'assistant: An **answer** with `co', 'assistant: From the assistant']);

  // Somebody else's message appears by itself.
  await walk.append(old, 'user', 'From elsewhere');
  await walk.message('From elsewhere').waitFor();

  await page.getByRole('button', { name: 'Delete this conversation' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Delete conversation' }).click();
  await page.getByText('No conversations yet.').waitFor();
  assert.deepEqual(await walk.sessionsOf(), []);

  await page.getByRole('button', { name: 'New conversation' }).first().click();
  await page.getByText('No messages yet.').waitFor();
  assert.equal((await walk.sessionsOf()).length, 1);
}

// ---- in and out ----

const FIXTURES = join(TOP, 'tests/client/fixtures');

async function importing(walk) {
  const page = await walk.open();
  const file = readFileSync(join(FIXTURES, 'chatgpt-damaged.json'), 'utf8');
  const expected = JSON.parse(readFileSync(join(FIXTURES, 'expected/chatgpt-damaged.json'), 'utf8'));
  await walk.importFile(page, 'conversations.json', file);
  const summary = page.locator('.summary');
  const count = expected.sessions.length;
  await summary.getByText(new RegExp(`^${count} conversations? imported · ${expected.report.skipped.length} not read`)).waitFor();
  await page.locator('.reasons summary', { hasText: 'Not read' }).click();
  for (const { reason } of expected.report.skipped.slice(0, 3)) await page.locator('.reasons', { hasText: reason }).first().waitFor();
  await walk.picture('import-report');
  const before = await walk.sessionsOf();
  assert.deepEqual(before.map(({ title }) => title).sort(), expected.sessions.map(({ session }) => session.title).sort());
  for (const { session: wanted } of expected.sessions) {
    const messages = await walk.messagesOf(before.find(({ title }) => title === wanted.title));
    assert.deepEqual(messages.map(({ role, content }) => [role, content]), wanted.messages.map(({ role, content }) => [role, content]));
    for (const [i, { timestamp }] of wanted.messages.entries()) if (timestamp) assert.equal(messages[i].timestamp, timestamp);
  }
  // A second time, by the file chooser, nothing comes twice. What is no such file is told.
  await page.getByLabel('Files to import').setInputFiles([
    { name: 'again.json', mimeType: 'application/json', buffer: Buffer.from(file) },
    { name: 'photo.json', mimeType: 'application/json', buffer: Buffer.from('GIF89a') },
  ]);
  await page.getByText(new RegExp(`^0 conversations imported · ${count} skipped: already here`)).waitFor();
  await page.getByText('This is no JSON.').waitFor();
  assert.deepEqual((await walk.sessionsOf()).map(({ session_id }) => session_id).sort(), before.map(({ session_id }) => session_id).sort());
  await page.getByRole('button', { name: 'Done' }).click();
  assert.equal(await page.locator('a.session').count(), before.length);
}

// What an older page has kept in this browser, of this user alone.
async function browser(walk) {
  const stored = JSON.parse(readFileSync(join(FIXTURES, 'local-storage.json'), 'utf8').replace('conversations_alice', `conversations_${walk.user}`));
  const page = await walk.open();
  await page.evaluate((items) => { for (const [key, value] of Object.entries(items)) localStorage.setItem(key, value); }, stored);
  await page.getByRole('button', { name: 'Import…' }).first().click();
  await page.getByRole('button', { name: /older page/ }).click();
  await page.getByText(/^2 conversations imported/).waitFor();
  assert.deepEqual((await walk.sessionsOf()).map(({ title }) => title).sort(), ['Trip to Lisbon', 'Two at once']);
  await page.evaluate(() => localStorage.clear());
}

async function textOf(download) {
  const chunks = [];
  for await (const chunk of await download.createReadStream()) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

async function exporting(walk) {
  await walk.create({ title: 'One / two', tags: ['t'], messages: history(60, 'Hello', 'A *reply*') });
  await walk.create({ title: 'Away', archived: true, messages: history(50, 'x') });
  const page = await walk.open();
  const take = async (format) => {
    await page.getByRole('dialog').getByRole('radio', { name: format, exact: false }).and(page.locator(`[value=${format.toLowerCase()}]`)).check();
    const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('dialog').getByRole('button', { name: 'Export' }).click()]);
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    return [download.suggestedFilename(), await textOf(download)];
  };
  const all = async (format) => {
    await page.getByLabel('More', { exact: true }).click();
    await page.getByRole('button', { name: 'Export everything…' }).click();
    return take(format);
  };
  const [name, ndjson] = await all('NDJSON');
  assert.match(name, /^conversations-of-console-.*\.ndjson$/);
  const events = ndjson.trimEnd().split('\n').map((line) => JSON.parse(line));
  assert.deepEqual(events.map(({ type }) => type), ['session', 'message', 'message', 'session', 'message', 'end']);
  assert.deepEqual([events[5].sessions, events[5].messages], [2, 3]);
  const { sessions } = JSON.parse((await all('JSON'))[1]);
  assert.deepEqual(sessions.map(({ title, messages }) => [title, messages.map(({ content }) => content)]), [['One / two', ['Hello', 'A *reply*']], ['Away', ['x']]]);
  await page.getByRole('link', { name: /One/ }).click();
  await page.getByRole('button', { name: 'Export this conversation' }).click();
  const [file, markdown] = await take('Markdown');
  assert.equal(file, 'One-two.md');
  assert.match(markdown, /^# One \/ two\n\n\*Conversation of [^\n]* · tags: t\*\n\n## user · 20[^\n]* UTC\n\nHello\n\n## assistant · [^\n]*\n\nA \*reply\*\n\n$/);
  await page.getByRole('button', { name: 'Export this conversation' }).click();
  const [, one] = await take('NDJSON');
  // What was exported can be imported: for another user it is new.
  await walk.ask('DELETE', `/sessions/${walk.user}`).catch(() => undefined);
  walk.user += '-2';
  await page.evaluate((hash) => { location.hash = hash; }, `#/${walk.user}`);
  await page.getByText('No conversations yet.').waitFor();
  await walk.importFile(page, 'one.ndjson', one);
  await page.getByText('1 conversation imported.').waitFor();
  const [copy] = await walk.sessionsOf();
  assert.deepEqual([copy.title, copy.tags, (await walk.messagesOf(copy)).map(({ timestamp }) => timestamp)],
    ['One / two', ['t'], sessions[0].messages.map(({ timestamp }) => timestamp)]);
}

// ---- without a mouse ----

async function keyboard(walk) {
  await walk.create({ title: 'Lower', messages: history(20, 'x') });
  await walk.create({ title: 'Upper', messages: history(10, 'y') });
  const page = await walk.open();
  await walk.titles('Upper', 'Lower');
  const focused = () => page.evaluate(() => document.activeElement?.getAttribute('aria-label') ?? document.activeElement?.textContent);
  await page.keyboard.press('Control+k');
  assert.equal(await focused(), 'Search conversations');
  for (let i = 0; i < 10 && !/Upper/.test(await focused()); i += 1) await page.keyboard.press('Tab');
  await page.keyboard.press('ArrowDown');
  assert.match(await focused(), /Lower/);
  await page.keyboard.press('ArrowUp');
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'Upper' }).waitFor();
  assert.equal(await page.title(), 'Upper – Chat Sessions');
  // A question begins at the harmless answer, and gives the focus back.
  await page.getByRole('button', { name: 'Delete this conversation' }).focus();
  await page.keyboard.press('Enter');
  await page.getByRole('dialog').waitFor();
  assert.equal(await focused(), 'Cancel');
  await page.keyboard.press('Escape');
  await page.getByRole('dialog').waitFor({ state: 'detached' });
  assert.equal(await focused(), 'Delete this conversation');
  await page.getByRole('button', { name: 'Rename this conversation' }).focus();
  await page.keyboard.press('Enter');
  await page.keyboard.type('Uppermost');
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'Uppermost' }).waitFor();
  await page.waitForFunction(() => document.activeElement?.getAttribute('aria-label') === 'Rename this conversation');
  await walk.said('Renamed.'); // where a screen reader listens
  await page.goBack();
  await page.getByText('No conversation is open').waitFor();
}

await run({ choosing, list, marks, conversation, importing, browser, exporting, keyboard });
