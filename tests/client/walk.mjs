// The client against the running service: all calls that it has today, and what a lost answer does to it.
//   node walk.mjs NAME           API: where the API is. NAME: which of the walks below
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { ChatSessions, ChatSessionsError } from '../../build/client/chat-sessions.js';
import { importFrom, importInto } from '../../build/client/importers.js';
import { all, failure } from './support.mjs';

const API = process.env.API ?? 'http://127.0.0.1:8000/api/v1';
const user = `client ü/${process.pid}-${Date.now()}`;
// The machine may be busy: no walk is a race.
const client = (options = {}) => new ChatSessions({ baseUrl: API, deadlineMs: 120_000, attemptTimeoutMs: 60_000, ...options });

async function sessions() {
  const chats = client();
  const metadata = { model: 'm-1', nested: { a: [1, 'ü'] } };
  const made = await chats.createSession({ user_id: user, title: 'Trip to Lisbon', metadata }, { idempotencyKey: `k-${user.length}-${Date.now()}` });
  const { session_id: id } = made.session;
  assert.deepEqual([made.session.user_id, made.session.title, made.session.metadata, made.replayed], [user, 'Trip to Lisbon', metadata, false]);
  const read = await chats.getSession(user, id);
  assert.deepEqual(read.session, made.session);
  assert.equal(read.etag, made.etag);
  assert.equal(await chats.getSessionIfChanged(user, id, read.etag), null);
  const changed = await chats.updateSession(user, id, { title: 'Five days' }, { ifMatch: read.etag });
  assert.deepEqual([changed.session.title, changed.session.metadata], ['Five days', metadata]);
  const late = await failure(chats.updateSession(user, id, { title: 'Late' }, { ifMatch: read.etag }));
  assert.deepEqual([late.status, late.code, late.etag, late.uncertain], [412, 'precondition_failed', changed.etag, false]);
  assert.equal((await chats.patchSession(user, id, { metadata: null })).session.metadata, undefined);
  assert.equal((await chats.getSessionIfChanged(user, id, read.etag)).session.title, 'Five days');
  for (let i = 0; i < 4; i += 1) await chats.createSession({ user_id: user, title: `more ${i}` });
  assert.equal((await chats.listSessions(user, { limit: 2 })).count, 2);
  const listed = await all(chats.sessions(user, { limit: 2, sort: 'created' }));
  assert.deepEqual(listed.map(({ title }) => title), ['more 3', 'more 2', 'more 1', 'more 0', 'Five days']);
  assert.equal((await chats.deleteSession(user, id)).deleted_messages, 0);
  const gone = await failure(chats.getSession(user, id));
  assert(gone instanceof ChatSessionsError && gone.code === 'session_not_found' && gone.status === 404 && gone.requestId);
  assert.equal((await chats.eraseUser(user)).deleted_sessions, 4);
  assert.deepEqual(await all(chats.sessions(user)), []);
}

async function messages() {
  const chats = client();
  const { session: { session_id: id } } = await chats.createSession({ user_id: user });
  const { message } = await chats.appendMessage(id, { role: 'user', content: 'What should I see?' }, { userId: user });
  const { messages: more } = await chats.appendMessages(id, Array.from({ length: 7 }, (_, i) => ({ role: 'assistant', content: `answer ${i}`, metadata: { i } })));
  assert.equal(more.length, 7);
  const read = await all(chats.messages(id, { limit: 3 }));
  assert.deepEqual(read, [message, ...more]);
  assert.deepEqual((await all(chats.messages(id, { limit: 3, order: 'desc', after: message.timestamp }))).map(({ metadata }) => metadata.i), [6, 5, 4, 3, 2, 1, 0]);
  const { timestamp } = message;
  assert.deepEqual((await chats.getMessage(id, timestamp)).message, message);
  assert.equal((await chats.updateMessage(id, timestamp, { content: 'edited' })).message.content, 'edited');
  assert.deepEqual((await chats.patchMessage(id, timestamp, { metadata: { x: 1 } })).message.metadata, { x: 1 });
  assert.equal((await chats.deleteMessage(id, timestamp)).message, 'Message deleted successfully');
  assert.equal((await failure(chats.getMessage(id, timestamp))).code, 'message_not_found');
  assert.equal((await chats.getSession(user, id)).session.message_count, 7);
  await chats.eraseUser(user);
}

async function refusals() {
  const chats = client();
  const { session: { session_id: id } } = await chats.createSession({ user_id: user });
  const cases = [
    [() => chats.listSessions(user, { limit: 1001 }), 422, 'invalid_parameter'],
    [() => chats.listSessions(user, { cursor: 'none' }), 400, 'invalid_cursor'],
    [() => chats.appendMessage(id, { role: 'nobody', content: 'x' }), 422, 'invalid_parameter'],
    [() => chats.appendMessage(id, { role: 'user', content: 'x'.repeat(410_000) }), 413, 'item_too_large'],
    [() => chats.appendMessage('none', { role: 'user', content: 'x' }), 404, 'session_not_found'],
  ];
  for (const [call, status, code] of cases) {
    const error = await failure(call());
    assert.deepEqual([error.status, error.code, error.attempts], [status, code, 1]);
    assert(error.detail.length > 10 && error.message === error.detail);
  }
  await chats.eraseUser(user);
}

// The n-th answer is lost after the service has given it.
function losing(...lost) {
  let count = 0;
  return {
    fetch: async (url, init) => {
      const answer = await fetch(url, init);
      count += 1;
      if (!lost.includes(count)) return answer;
      await answer.arrayBuffer();
      throw new TypeError('terminated');
    },
  };
}

async function lost() {
  const chats = client();
  const once = await client({ runtime: losing(1, 2) }).createSession({ user_id: user });
  assert.equal(once.replayed, true);
  assert.equal((await all(chats.sessions(user))).length, 1);
  const { session_id: id } = once.session;
  const appended = await client({ runtime: losing(1) }).appendMessage(id, { role: 'user', content: 'once' });
  assert.equal(appended.replayed, true);
  const several = await client({ runtime: losing(1) }).appendMessages(id, [{ role: 'user', content: 'a' }, { role: 'user', content: 'b' }]);
  assert.equal(several.messages.length, 2);
  assert.deepEqual((await all(chats.messages(id))).map(({ content }) => content), ['once', 'a', 'b']);
  const edited = await client({ runtime: losing(1) }).updateMessage(id, appended.message.timestamp, { content: 'twice' });
  assert.equal(edited.message.content, 'twice');
  assert.equal((await client({ runtime: losing(1) }).deleteMessage(id, appended.message.timestamp)).status, 'success');
  assert.equal((await chats.getSession(user, id)).session.message_count, 2);
  assert.equal((await client({ runtime: losing(1) }).deleteSession(user, id)).status, 'success');
  assert.deepEqual(await all(chats.sessions(user)), []);
}

async function following() {
  const chats = client();
  const { session: { session_id: id } } = await chats.createSession({ user_id: user });
  await chats.appendMessage(id, { role: 'user', content: 'before' });
  const controller = new AbortController();
  // The first question is on its way before anything is appended; the waits are short.
  const seen = [];
  let begun;
  const asked = new Promise((resolve) => { begun = resolve; });
  const runtime = { fetch: async (url, init) => { const answer = await fetch(url, init); begun(); return answer; } };
  const follower = (async () => {
    for await (const { content } of client({ runtime }).follow(id, { signal: controller.signal, minIntervalMs: 5, maxIntervalMs: 50 })) {
      seen.push(content);
      if (seen.length === 60) return;
    }
  })();
  await asked;
  const wanted = Array.from({ length: 60 }, (_, i) => `m${i}`);
  for (let i = 0; i < 60; i += 20) await chats.appendMessages(id, wanted.slice(i, i + 20).map((content) => ({ role: 'user', content })));
  await follower;
  assert.deepEqual(seen, wanted);
  controller.abort();
  await chats.eraseUser(user);
}

async function operation() {
  const chats = client();
  assert.equal((await chats.getHealth()).healthy, true);
  assert.equal((await chats.getReadiness()).ready, true);
  assert.equal((await chats.getDocument()).openapi, '3.1.0');
  assert.match(await chats.getMetrics(), /^chat_sessions_requests_total\{/m);
}

const FILES = ['local-storage', 'chatgpt', 'claude', 'open-webui', 'librechat-tree', 'librechat-row', 'chatgpt-damaged'];
const fileOf = (name) => importFrom(JSON.parse(readFileSync(new URL(`fixtures/${name}.json`, import.meta.url), 'utf8')));

// A title that the file does not have is made by the service. Twice, and the same sessions are there, each with its messages.
async function importedWhole(chats, name) {
  const wanted = new Map((await all(fileOf(name))).map(({ sourceId, session }) => [sourceId || session.title, session.messages]));
  const second = await importInto(chats, fileOf(name), { userId: user });
  assert.deepEqual([second.stoppedBy, second.created, second.existed, second.failed, second.changed], [undefined, 0, wanted.size, [], []], name);
  const there = await all(chats.sessions(user, { archived: 'any' }));
  assert.equal(there.length, wanted.size, name);
  for (const { session_id: id, title, message_count: count, metadata } of there) {
    const messages = await all(chats.messages(id));
    const asked = wanted.get(metadata.source_id ?? title);
    assert.equal(count, asked.length, name);
    const facts = ({ role, content, timestamp }) => [role, content, timestamp];
    // Times that were given are kept; all of a conversation's have one, or none.
    const wantedFacts = asked.map((message, i) => facts({ timestamp: messages[i]?.timestamp, ...message }));
    assert.deepEqual(messages.map(facts), wantedFacts, name);
  }
}

async function imports() {
  const chats = client();
  for (const name of FILES) {
    const first = await importInto(chats, fileOf(name), { userId: user });
    assert.deepEqual([first.stoppedBy, first.existed, first.changed, first.failed], [undefined, 0, [], []], name);
    await importedWhole(chats, name);
    await chats.eraseUser(user);
  }
}

const walks = { sessions, messages, refusals, lost, following, operation, imports };
await walks[process.argv[2]]();
