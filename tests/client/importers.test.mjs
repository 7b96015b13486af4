// The importers on files of the real shapes. fixtures/expected/ has what each file becomes, read by a person when it was
// written; `UPDATE=1 node --test importers.test.mjs` writes it anew. What must hold for any file is tested beside it.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import {
  detectSource, fromChatGpt, fromClaude, fromExport, fromLocalStorage, fromOpenWebUi, importFrom, importInto, parseFile,
} from '../../build/client/importers.js';
import { all, json, problem, scripted } from './support.mjs';

const HERE = new URL('fixtures/', import.meta.url);
const NOW = Date.UTC(2026, 10, 27);
const FILES = readdirSync(HERE).filter((name) => name.endsWith('.json'));
const read = (name) => parseFile(readFileSync(new URL(name, HERE), 'utf8'));

async function taken(source) {
  const sessions = await all(source);
  return { sessions, report: source.report };
}

// ---- what must hold for any import ----

const ROLES = ['user', 'assistant', 'system', 'tool', 'developer', 'function'];

function judge({ sessions, report }, now = NOW) {
  assert.equal(report.sessions, sessions.length);
  assert.equal(report.messages, sessions.reduce((sum, { session }) => sum + session.messages.length, 0));
  assert.equal(new Set(sessions.map(({ key }) => key)).size, sessions.length);
  for (const { key, session } of sessions) {
    assert.match(key, /^[!-~]{1,255}$/);
    assert(session.title === undefined || (session.title !== '' && Array.from(session.title).length <= 1000));
    assert(session.messages.length >= 1 && session.messages.length <= 10_000);
    assert(Buffer.byteLength(JSON.stringify(session)) < 16 * 1024 * 1024);
    assert((session.tags ?? []).length <= 20);
    let last = session.created_at === undefined ? 0 : Date.parse(session.created_at) - 1;
    for (const message of session.messages) {
      assert(ROLES.includes(message.role));
      assert(message.metadata || message.content.length > 0);
      assert(Buffer.byteLength(JSON.stringify(message)) < 400 * 1024);
      assert(!/\p{Cs}/u.test(message.content));
      if (message.timestamp === undefined) continue;
      assert(Number.isInteger(message.timestamp) && message.timestamp > last && message.timestamp <= now, `${key}: ${message.timestamp} after ${last}`);
      last = message.timestamp;
    }
  }
  for (const { conversation, reason } of report.skipped) assert(conversation && reason);
  for (const { conversation, what } of report.repaired) assert(conversation && what);
}

for (const name of FILES) {
  test(`${name} becomes what a person has read`, async () => {
    const result = await taken(importFrom(read(name), { now: NOW }));
    judge(result);
    const file = new URL(`expected/${name}`, HERE);
    if (process.env.UPDATE) {
      mkdirSync(new URL('expected/', HERE), { recursive: true });
      writeFileSync(file, `${JSON.stringify(result, null, 1)}\n`);
    }
    assert.deepEqual(result, JSON.parse(readFileSync(file, 'utf8')));
  });
}

test('a second run, a day later, gives the same sessions under the same keys', async () => {
  for (const name of FILES) {
    const first = await taken(importFrom(read(name), { now: NOW }));
    const second = await taken(importFrom(read(name), { now: NOW + 86_400_000 }));
    assert.deepEqual(second, first, name);
  }
});

test('a file is recognised by its shape, also when its first entry is damaged', () => {
  for (const name of FILES) {
    assert.equal(detectSource(read(name)), name.replace(/(-damaged|-tree|-row)?\.json$/, '').replace('local-storage', 'localstorage'));
  }
  for (const data of [[], {}, null, 'x', 3, [{ a: 1 }], { conversations: [] }]) {
    assert.equal(detectSource(data), undefined);
    assert.throws(() => importFrom(data), /no export of chatgpt, claude/);
  }
});

test('no damage to any file makes an importer fail, and what comes out of it is whole', async () => {
  // Each value of each file is replaced in turn by something that does not belong there.
  const damages = [null, 'x', -1, [], {}, true, [null], { id: null }];
  let tried = 0;
  for (const name of FILES) {
    const data = read(name);
    const places = [];
    const walk = (node, path) => {
      for (const key of Object.keys(node)) {
        places.push([...path, key]);
        if (typeof node[key] === 'object' && node[key] !== null) walk(node[key], [...path, key]);
      }
    };
    walk(data, []);
    for (const [i, path] of places.entries()) {
      const copy = structuredClone(data);
      const parent = path.slice(0, -1).reduce((node, key) => node[key], copy);
      parent[path.at(-1)] = damages[i % damages.length];
      if (!detectSource(copy)) continue;
      judge(await taken(importFrom(copy, { now: NOW })));
      tried += 1;
    }
  }
  assert(tried > 1000, `${tried} damages`);
});

// ---- times ----

const chat = (...times) => [{
  uuid: 'c', name: 'n', created_at: '2026-01-01T00:00:00Z',
  chat_messages: times.map((created_at, i) => ({ uuid: `m${i}`, sender: 'human', text: `t${i}`, created_at })),
}];
async function timesOf(now, ...times) {
  const result = await taken(fromClaude(chat(...times), { now }));
  judge(result, now);
  return [result.sessions[0].session.messages.map(({ timestamp }) => timestamp), result.report.repaired.length];
}
const T = Date.UTC(2026, 0, 2);

test('times are kept as they are where they can be', async () => {
  assert.deepEqual(await timesOf(NOW, T, T + 1, T + 5000), [[T, T + 1, T + 5000], 0]);
});

test('one wrong clock does not move what came after it', async () => {
  assert.deepEqual((await timesOf(NOW, T, T + 86_400_000, T + 2, T + 3))[0], [T, T + 1, T + 2, T + 3]);
  assert.deepEqual((await timesOf(NOW, T, T + 1, T - 86_400_000, T + 9))[0], [T, T + 1, T + 2, T + 9]);
});

test('missing, equal and future times are filled in from the order', async () => {
  assert.deepEqual((await timesOf(NOW, undefined, undefined, T, T, undefined, T + 9))[0], [T - 2, T - 1, T, T + 1, T + 2, T + 9]);
  assert.deepEqual((await timesOf(T + 5, T + 5, T + 5, T + 6))[0], [T + 3, T + 4, T + 5]);
  assert.deepEqual((await timesOf(NOW, undefined, 'never'))[0], [T - 86_400_000, T - 86_400_000 + 1]);
});

test('any times become what the service takes, and good ones stay', async () => {
  let state = 7;
  const random = (n) => { state = (state * 1_103_515_245 + 12_345) % 2 ** 31; return state % n; };
  for (let run = 0; run < 500; run += 1) {
    const given = Array.from({ length: 1 + random(12) }, () => (random(5) === 0 ? undefined : T + random(8) - 2));
    const [times, repairs] = await timesOf(T + random(12), ...given);
    if (given.every((time, i) => time !== undefined && time <= T && (i === 0 || time > given[i - 1]))) assert.deepEqual([times, repairs], [given, 0]);
  }
});

test('seconds, milliseconds, microseconds, text and zones are understood', async () => {
  for (const [given, ms] of [[1767312000.5, T + 500], [T, T], [T * 1000 + 999, T], ['1767312000', T], ['2026-01-02T00:00:00', T],
    ['2026-01-02 00:00:00.123456', T + 123], ['2026-01-02T01:00:00+01:00', T], ['2026-01-02T00:00Z', T], ['2026-01-02T05:30:00.5+0530', T + 500],
    ['Fri, 02 Jan 2026 00:00:00 GMT', T]]) {
    assert.deepEqual((await timesOf(NOW, given))[0], [ms], String(given));
  }
});

// ---- sizes ----

test('what no message can be is named, and the rest goes in', async () => {
  const data = chat(T, T + 1, T + 2);
  data[0].chat_messages[1].text = 'ü'.repeat(210_000);
  const result = await taken(fromClaude(data, { now: NOW }));
  judge(result);
  assert.equal(result.sessions[0].session.messages.length, 2);
  assert.match(result.report.skipped[0].reason, /larger than 400 KB/);
});

test('a part that is too large is left out of its message', async () => {
  const data = chat(T);
  data[0].chat_messages[0].content = [{ type: 'text', text: 'look' }, { type: 'image', source: { data: 'A'.repeat(500_000) } }];
  const result = await taken(fromClaude(data, { now: NOW }));
  judge(result);
  assert.deepEqual(result.sessions[0].session.messages[0].content, [{ type: 'text', text: 'look' }]);
  assert.match(result.report.repaired[0].what, /\(image\) was left out/);
});

test('a conversation that is larger than a session may be becomes several', async () => {
  const count = 10_005;
  const many = await taken(fromClaude(chat(...Array.from({ length: count }, (_, i) => T + i)), { now: NOW }));
  judge(many);
  assert.deepEqual(many.sessions.map(({ key, session }) => [key, session.title, session.messages.length]),
    [['import.claude.c', 'n', 10_000], ['import.claude.c.part2', 'n (2)', 5]]);
  const data = chat(...Array.from({ length: 60 }, (_, i) => T + i));
  for (const message of data[0].chat_messages) message.text = 'x'.repeat(300_000);
  const large = await taken(fromClaude(data, { now: NOW }));
  judge(large);
  assert.equal(large.sessions.length, 2);
});

test('a long title is cut, a tree of 20,000 is no matter', async () => {
  const mapping = { root: { id: 'root', message: null, parent: null } };
  for (let i = 0; i < 20_000; i += 1) {
    mapping[`n${i}`] = { id: `n${i}`, parent: i ? `n${i - 1}` : 'root', message: { author: { role: 'user' }, create_time: 1_700_000_000 + i, content: { content_type: 'text', parts: [`${i}`] } } };
  }
  const result = await taken(fromChatGpt([{ id: 'x', title: '🚋'.repeat(1001), mapping, current_node: 'n19999' }], { now: NOW }));
  judge(result);
  assert.equal(result.report.messages, 20_000);
  assert.equal(result.sessions[0].session.title, '🚋'.repeat(1000));
  let children = [];
  for (let i = 5_000; i > 0; i -= 1) children = [{ messageId: `${i}`, isCreatedByUser: true, text: `${i}`, createdAt: T + i, children }];
  const deep = await taken(importFrom({ conversationId: 'd', messagesTree: children }, { now: NOW }));
  judge(deep);
  assert.equal(deep.report.messages, 5_000);
});

// ---- keys ----

test('an id that is long or odd is still a key, always the same', async () => {
  const keyOf = async (id) => (await all(fromOpenWebUi([{ id, messages: [{ role: 'user', content: 'a' }] }])))[0].key;
  assert.equal(await keyOf('ü/1'), 'import.open-webui.%C3%BC%2F1');
  const long = 'ü'.repeat(300);
  assert.equal(await keyOf(long), `import.open-webui.sha256.${createHash('sha256').update(long).digest('hex')}`);
  for (const size of [0, 55, 56, 63, 64, 65, 1000]) {
    const id = 'a'.repeat(size + 200);
    assert.equal(await keyOf(id), size === 0 ? `import.open-webui.${id}` : `import.open-webui.sha256.${createHash('sha256').update(id).digest('hex')}`);
  }
});

// ---- localStorage ----

class FakeStorage {
  #items;
  constructor(items) { this.#items = Object.entries(items); }
  get length() { return this.#items.length; }
  key(i) { return this.#items[i][0]; }
  getItem(key) { return this.#items.find(([name]) => name === key)?.[1] ?? null; }
}

test('a Storage is read as it is, of one user or of all', async () => {
  const storage = new FakeStorage(read('local-storage.json'));
  assert.deepEqual((await all(fromLocalStorage(storage, { now: NOW }))), await all(importFrom(read('local-storage.json'), { now: NOW })));
  assert.deepEqual((await all(fromLocalStorage(storage, { now: NOW, userId: 'bob' }))).map(({ sourceId }) => sourceId), ['17']);
});

// ---- export ----

test('an export that was cut off is taken as far as it goes, and said to be', async () => {
  const { sessions, report } = await taken(fromExport(read('export.json').slice(0, 2), { now: NOW }));
  assert.equal(sessions[0].session.messages.length, 1);
  assert.match(report.skipped[0].reason, /cut off/);
});

test('a file may be JSON or a JSON value a line', () => {
  assert.deepEqual(parseFile('\uFEFF[1]'), [1]);
  assert.deepEqual(parseFile('{"a":1}\n{"b":2}\n'), [{ a: 1 }, { b: 2 }]);
  assert.throws(() => parseFile('[1,'), SyntaxError);
  assert.throws(() => parseFile('{"a":1}\n{"b":'), SyntaxError);
});

// ---- into the service ----

const created = ({ messages }, status = 201, headers = {}) =>
  json(status, { status: 'success', session: { session_id: 's', user_id: 'u', message_count: messages.length } }, { ETag: '"1"', ...headers });

// As the service does it: a key is a session, the same payload again is a replay, another payload is 422.
function service() {
  const stored = new Map();
  const answer = ({ headers, body }) => {
    const key = headers['Idempotency-Key'];
    const text = JSON.stringify(body);
    if (!stored.has(key)) {
      stored.set(key, text);
      return created(body);
    }
    if (stored.get(key) !== text) return problem(422, 'idempotency_key_reused');
    return created(body, 200, { 'Idempotent-Replayed': 'true' });
  };
  return { stored, answer };
}

test('an import creates each session once, tells its progress, and a second run finds them there', async () => {
  const { stored, answer } = service();
  const { client, sent } = scripted(answer);
  const told = [];
  const run = () => importInto(client, fromLocalStorage(read('local-storage.json'), { now: NOW }), { userId: 'alice', onProgress: ({ created, existed }) => told.push(created + existed) });
  assert.deepEqual(await run(), { created: 3, existed: 0, changed: [], failed: [] });
  assert.deepEqual(await run(), { created: 0, existed: 3, changed: [], failed: [] });
  assert.equal(stored.size, 3);
  assert.deepEqual(told, [1, 2, 3, 1, 2, 3]);
  assert(sent.every(({ body }) => body.user_id === 'alice'));
});

test('a conversation that has grown since is told, and makes no double', async () => {
  const { stored, answer } = service();
  const { client } = scripted(answer);
  await importInto(client, fromClaude(chat(T), { now: NOW }));
  const result = await importInto(client, fromClaude(chat(T, T + 1), { now: NOW }));
  assert.deepEqual(result, { created: 0, existed: 0, changed: [{ title: 'n', key: 'import.claude.c' }], failed: [] });
  assert.equal(stored.size, 1);
});

test('what the service refuses is told and the rest goes in; without a service it stops', async () => {
  const refusing = scripted(({ body }) => (body.title === 'Two at once' ? problem(422, 'invalid_parameter') : created(body)));
  const result = await importInto(refusing.client, fromLocalStorage(read('local-storage.json'), { now: NOW }));
  assert.deepEqual([result.created, result.failed.map(({ title, error }) => [title, error.code])], [2, [['Two at once', 'invalid_parameter']]]);
  const down = scripted(() => problem(503, 'credentials_not_configured', { 'Retry-After': '30' }));
  const stopped = await importInto(down.client, fromLocalStorage(read('local-storage.json'), { now: NOW }), { concurrency: 1 });
  assert.deepEqual([stopped.stoppedBy.code, down.sent.length], ['credentials_not_configured', 1]);
});

test('an import that is aborted ends', async () => {
  const controller = new AbortController();
  const { client, sent } = scripted(({ body }) => { controller.abort(new Error('enough')); return created(body); });
  await assert.rejects(importInto(client, fromLocalStorage(read('local-storage.json')), { signal: controller.signal, concurrency: 1 }), /enough/);
  assert.equal(sent.length, 1);
});
