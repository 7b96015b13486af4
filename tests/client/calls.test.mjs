// The calls: what is sent, what comes back, when a request is sent again and when not.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ChatSessions, ChatSessionsError } from '../../build/client/chat-sessions.js';
import { all, failure, json, lost, problem, scripted, silent, START, success } from './support.mjs';

const session = { session_id: 's-1', user_id: 'alice', title: 'T', message_count: 0 };
const created = (status, headers = {}, count = 0) =>
  json(status, { status: 'success', session: { ...session, message_count: count } }, { ETag: '"1"', ...headers });

// ---- what is sent ----

test('each call goes to its method and path, with ids percent-encoded', async () => {
  const { client, sent } = scripted(() => success({ sessions: [], messages: [], next_cursor: null }));
  const [user, id] = ['ann/e ü', '50%?'];
  await client.createSession({ user_id: user });
  await client.listSessions(user, { limit: 2, archived: 'any', pinned: true, tag: 'a&b', q: 'Ä' });
  await client.getSession(user, id);
  await client.updateSession(user, id, { title: 'N' });
  await client.patchSession(user, id, { metadata: null });
  await client.deleteSession(user, id);
  await client.eraseUser(user);
  await client.listMessages(id, { after: 5, order: 'desc' }, { userId: user });
  await client.appendMessage(id, { role: 'user', content: 'c' });
  await client.appendMessages(id, [{ role: 'user', content: 'c' }], { userId: user });
  await client.getMessage(id, 7);
  await client.updateMessage(id, 7, { content: 'd' });
  await client.patchMessage(id, 7, { content: 'd' });
  await client.deleteMessage(id, 7);
  await client.getHealth();
  await client.getReadiness();
  await client.getDocument();
  await client.getMetrics();
  const [u, s] = ['/api/v1/sessions/ann%2Fe%20%C3%BC', '/api/v1/sessions/50%25%3F'];
  assert.deepEqual(sent.map(({ method, path }) => `${method} ${path}`), [
    'POST /api/v1/sessions', `GET ${u}`, `GET ${u}/50%25%3F`, `PUT ${u}/50%25%3F`, `PATCH ${u}/50%25%3F`,
    `DELETE ${u}/50%25%3F`, `DELETE ${u}`, `GET ${s}/messages`, `POST ${s}/messages`, `POST ${s}/messages`,
    `GET ${s}/messages/7`, `PUT ${s}/messages/7`, `PATCH ${s}/messages/7`, `DELETE ${s}/messages/7`,
    'GET /api/v1/health', 'GET /api/v1/health/ready', 'GET /api/v1/openapi.json', 'GET /api/v1/metrics',
  ]);
  assert.deepEqual(sent[1].query, { limit: '2', archived: 'any', pinned: 'true', tag: 'a&b', q: 'Ä' });
  assert.deepEqual(sent[7].query, { after: '5', order: 'desc', user_id: user });
  assert.deepEqual(sent[9].body, [{ role: 'user', content: 'c' }]);
  assert.equal(sent[8].headers['Content-Type'], 'application/json');
});

test('ids that no URL can carry are refused before anything is sent', async () => {
  const { client, sent } = scripted([]);
  for (const id of ['', '.', '..']) {
    assert.throws(() => client.getSession('alice', id), TypeError);
    assert.throws(() => client.deleteSession(id, 'x'), TypeError);
  }
  assert.equal(sent.length, 0);
});

test('outside a browser the base URL must be whole', () => {
  assert.throws(() => new ChatSessions(), /baseUrl must begin with http/);
});

test('an answer brings its etag, its request id, and whether it is an earlier one', async () => {
  const { client } = scripted([created(201), created(200, { 'Idempotent-Replayed': 'true' })]);
  const first = await client.createSession({ user_id: 'alice' });
  assert.deepEqual([first.session, first.etag, first.requestId, first.replayed], [session, '"1"', 'r-1', false]);
  assert.equal((await client.createSession({ user_id: 'alice' })).replayed, true);
});

test('a session that has not changed is null', async () => {
  const { client, sent } = scripted([json(304), created(200)]);
  assert.equal(await client.getSessionIfChanged('alice', 's-1', '"1"'), null);
  assert.equal(sent[0].headers['If-None-Match'], '"1"');
  assert.equal((await client.getSessionIfChanged('alice', 's-1', '"0"')).session.title, 'T');
});

test('a session goes out with its history as it was given', async () => {
  const { client, sent } = scripted([created(201, {}, 2)]);
  const whole = {
    user_id: 'alice', title: 'T', created_at: '2026-01-01T00:00:00.000000Z', tags: ['a'], pinned: true,
    messages: [{ role: 'user', content: 'a', timestamp: 1 }, { role: 'function', content: [{ type: 'text', text: 'b' }], timestamp: 2 }],
  };
  await client.createSession(whole);
  assert.deepEqual(sent[0].body, whole);
});

// ---- errors ----

test('a problem document becomes a typed error', async () => {
  const { client } = scripted([problem(412, 'precondition_failed', { ETag: '"7"' }, 'The session has changed.')]);
  const error = await failure(client.updateSession('alice', 's-1', { title: 'x' }, { ifMatch: '"3"' }));
  assert(error instanceof ChatSessionsError && error instanceof Error);
  assert.deepEqual([error.status, error.code, error.detail, error.message, error.requestId, error.etag, error.attempts],
    [412, 'precondition_failed', 'The session has changed.', 'The session has changed.', 'r-1', '"7"', 1]);
});

test('what is no answer of this service is told as such', async () => {
  const html = (status) => () => new Response('<html>', { status });
  const { client } = scripted([html(200), html(404)]);
  assert.deepEqual(await failure(client.getHealth()).then(({ status, code }) => [status, code]), [200, 'invalid_answer']);
  assert.deepEqual(await failure(client.getHealth()).then(({ status, code }) => [status, code]), [404, 'invalid_answer']);
});

test('what cannot get better is not sent again', async () => {
  for (const [status, code] of [[400, 'invalid_json'], [403, 'forbidden'], [404, 'session_not_found'], [409, 'x'],
    [413, 'item_too_large'], [422, 'invalid_parameter'], [500, 'internal']]) {
    const { client, sent } = scripted([problem(status, code)]);
    const error = await failure(client.createSession({ user_id: 'a' }));
    assert.deepEqual([error.status, error.code, sent.length], [status, code, 1]);
  }
});

// ---- sending again ----

test('429, 503, 504 and lost connections are sent again under one Idempotency-Key', async () => {
  const { client, clock, sent } = scripted([
    problem(429, 'rate_limited'), problem(503, 'dynamodb_throttled'), problem(504, 'deadline_exceeded'), lost, created(201),
    created(201),
  ]);
  const { session: made } = await clock.run(client.createSession({ user_id: 'alice' }));
  assert.equal(made.session_id, 's-1');
  assert.deepEqual(sent.map(({ headers }) => headers['Idempotency-Key']), Array(5).fill('key-1'));
  assert.deepEqual(sent.map(({ body }) => body), Array(5).fill({ user_id: 'alice' }));
  await clock.run(client.createSession({ user_id: 'alice' }));
  assert.equal(sent[5].headers['Idempotency-Key'], 'key-2');
});

test("a caller's own key is used", async () => {
  const { client, clock, sent } = scripted([lost, created(201)]);
  await clock.run(client.createSession({ user_id: 'alice' }, { idempotencyKey: 'mine' }));
  assert.deepEqual(sent.map(({ headers }) => headers['Idempotency-Key']), ['mine', 'mine']);
});

test('the waits grow and have chance in them; Retry-After is waited for', async () => {
  const busy = problem(503, 'overloaded');
  const { client, clock, sent } = scripted([busy, busy, problem(503, 'overloaded', { 'Retry-After': '3' }), busy, created(200)]);
  await clock.run(client.getSession('alice', 's-1'));
  const waits = sent.map(({ at }, i) => (i ? at - sent[i - 1].at : at - START));
  assert.deepEqual(waits, [0, 100, 200, 3400, 800]); // half of 200, 400, 800, 1600; and the 3 s asked for
});

test('Retry-After may be a date', async () => {
  const at = new Date(START + 4000).toUTCString();
  const { client, clock, sent } = scripted([problem(429, 'rate_limited', { 'Retry-After': at }), created(200)]);
  await clock.run(client.getSession('alice', 's-1'));
  assert.equal(sent[1].at - START, 4100);
});

test('a Retry-After that is longer than maxRetryAfterMs is left to the caller at once', async () => {
  const { client, sent } = scripted([problem(503, 'credentials_not_configured', { 'Retry-After': '30' })]);
  const error = await failure(client.listSessions('alice'));
  assert.deepEqual([error.code, error.retryAfter, sent.length], ['credentials_not_configured', 30, 1]);
});

test('after maxAttempts the last error comes', async () => {
  const { client, clock, sent } = scripted(() => problem(503, 'dynamodb_unavailable'), { maxAttempts: 3 });
  const error = await clock.run(failure(client.getSession('alice', 's-1')));
  assert.deepEqual([error.code, error.attempts, sent.length], ['dynamodb_unavailable', 3, 3]);
  await clock.run(failure(client.getSession('alice', 's-1', { maxAttempts: 1 })));
  assert.equal(sent.length, 4);
});

test('what goes on where it was cut off is sent until it is done, whatever maxAttempts says', async () => {
  const cut = problem(504, 'deadline_exceeded');
  const calls = {
    history: (client) => client.createSession({ user_id: 'a', messages: [{ role: 'user', content: 'x' }] }),
    delete: (client) => client.deleteSession('a', 's-1'),
    erase: (client) => client.eraseUser('a'),
  };
  const after5s = (clock) => async () => { await clock.sleep(5_000); return cut(); };
  for (const [name, call] of Object.entries(calls)) {
    const long = scripted((_, n) => (n === 13 ? lost : n < 15 ? after5s(long.clock) : created(200, {}, 1)));
    await long.clock.run(call(long.client));
    assert.equal(long.sent.length, 15, name);
    assert.equal(new Set(long.sent.map(({ headers }) => headers['Idempotency-Key'])).size, 1);
    assert(long.clock.time - START < 13 * 5_000 + 3_000, 'it waits long although it gets on');
    for (const answer of [problem(503, 'dynamodb_unavailable'), cut]) {
      const down = scripted(() => answer);
      assert.equal((await down.clock.run(failure(call(down.client)))).attempts, 5, name);
    }
    const endless = scripted(() => after5s(endless.clock));
    assert.equal((await endless.clock.run(failure(call(endless.client)))).code, 'deadline_exceeded', name);
    assert(endless.clock.time - START <= 605_000 && endless.sent.length > 100);
  }
  const { client, clock, sent } = scripted(() => cut);
  await clock.run(failure(client.appendMessage('s-1', { role: 'user', content: 'x' })));
  assert.equal(sent.length, 5);
});

test('nothing waits past the deadline', async () => {
  const { client, clock, sent } = scripted(() => problem(503, 'overloaded', { 'Retry-After': '4' }), { deadlineMs: 10_000 });
  const error = await clock.run(failure(client.getSession('alice', 's-1')));
  assert.deepEqual([error.code, sent.length], ['overloaded', 3]);
  assert(clock.time - START < 10_000);
});

test('an attempt that is not answered ends, and the next one comes', async () => {
  const { client, clock, sent } = scripted([silent, created(201)], { attemptTimeoutMs: 7_000 });
  await clock.run(client.createSession({ user_id: 'a' }));
  assert.equal(sent[1].at - START, 7_100);
});

test('a service that never answers is a timeout at the deadline', async () => {
  const { client, clock, sent } = scripted(() => silent, { attemptTimeoutMs: 7_000, deadlineMs: 10_000 });
  const error = await clock.run(failure(client.createSession({ user_id: 'a' })));
  assert.deepEqual([error.status, error.code, error.uncertain, sent.length], [0, 'timeout', true, 2]);
  assert.equal(clock.time - START, 10_000);
});

test('a connection that is lost within the answer is one that was lost', async () => {
  const cut = () => new Response(new ReadableStream({
    start(controller) { controller.enqueue(new TextEncoder().encode('{"status"')); controller.error(new TypeError('terminated')); },
  }));
  const { client, clock, sent } = scripted([cut, created(200)]);
  await clock.run(client.getSession('alice', 's-1'));
  assert.equal(sent.length, 2);
});

test('health is asked once', async () => {
  const { client, sent } = scripted([problem(503, 'dynamodb_unavailable'), problem(503, 'overloaded')]);
  await failure(client.getReadiness());
  await failure(client.getHealth());
  assert.equal(sent.length, 2);
});

// ---- changes whose first attempt may have been done ----

test('a delete whose answer was lost finds nothing to delete, and that is success', async () => {
  const gone = problem(404, 'session_not_found');
  for (const first of [lost, silent, problem(504, 'deadline_exceeded'), problem(503, 'dynamodb_throttled')]) {
    const { client, clock } = scripted([first, gone]);
    const answer = await clock.run(client.deleteSession('alice', 's-1'));
    assert.deepEqual([answer.status, answer.message, answer.deleted_messages, answer.replayed],
      ['success', 'Session deleted successfully', 0, true]);
  }
  const { client, clock } = scripted([lost, problem(404, 'message_not_found')]);
  assert.equal((await clock.run(client.deleteMessage('s-1', 7))).message, 'Message deleted successfully');
});

test('a delete of what was never there fails', async () => {
  for (const script of [[problem(404, 'session_not_found')], [problem(429, 'rate_limited'), problem(404, 'session_not_found')]]) {
    const { client, clock } = scripted(script);
    assert.equal((await clock.run(failure(client.deleteSession('alice', 's-1')))).code, 'session_not_found');
  }
});

test('a 412 after an attempt that may have been done says that it is uncertain', async () => {
  const changed = problem(412, 'precondition_failed');
  const { client, clock } = scripted([lost, changed, changed]);
  const twice = await clock.run(failure(client.updateSession('alice', 's-1', { title: 'x' }, { ifMatch: '"1"' })));
  assert.deepEqual([twice.code, twice.uncertain], ['precondition_failed', true]);
  const once = await clock.run(failure(client.updateSession('alice', 's-1', { title: 'x' }, { ifMatch: '"1"' })));
  assert.equal(once.uncertain, false);
});

// ---- histories ----

const history = { user_id: 'alice', messages: [{ role: 'user', content: 'a' }, { role: 'user', content: 'b' }] };

test('a history that was taken is an answer, the first time and every other', async () => {
  const { client, sent } = scripted([created(201, {}, 2), created(200, { 'Idempotent-Replayed': 'true' }, 2), created(201)]);
  assert.equal((await client.createSession(history)).session.message_count, 2);
  assert.equal((await client.createSession(history)).replayed, true);
  assert.equal((await client.createSession({ user_id: 'alice', messages: [] })).session.message_count, 0);
  assert.deepEqual(sent.map(({ body }) => body.messages?.length), [2, 2, undefined]);
});

// ---- abort ----

test('an abort ends a call while it is sent, while it waits, and before it begins', async () => {
  const reason = new Error('enough');
  for (const script of [[silent], [problem(503, 'overloaded')]]) {
    const { client, clock } = scripted(script);
    const controller = new AbortController();
    const call = failure(client.createSession({ user_id: 'a' }, { signal: controller.signal }));
    await new Promise((resolve) => { setImmediate(resolve); });
    controller.abort(reason);
    assert.equal(await call, reason);
    assert.equal(clock.waiting, 0, 'a timer was left behind');
  }
  const { client, sent } = scripted([]);
  assert.equal(await failure(client.getHealth({ signal: AbortSignal.abort(reason) })), reason);
  assert.equal(sent.length, 0);
});

test('no timer is left behind by a call that was answered', async () => {
  const { client, clock } = scripted([created(200)]);
  await client.getSession('alice', 's-1');
  assert.equal(clock.waiting, 0);
});

// ---- tokens ----

test('a token is sent as a bearer token', async () => {
  const { client, sent } = scripted([created(200)], { token: 'abc' });
  await client.getSession('alice', 's-1');
  assert.equal(sent[0].headers.Authorization, 'Bearer abc');
});

test('the provider is asked again after a 401, once', async () => {
  const refused = problem(401, 'unauthorized');
  let tokens = 0;
  const asked = [];
  const token = async ({ refresh }) => {
    asked.push(refresh);
    if (refresh) tokens += 1;
    return `t${tokens}`;
  };
  const { client, clock, sent } = scripted([refused, created(201), refused, refused], { token });
  await clock.run(client.createSession({ user_id: 'a' }));
  assert.deepEqual(sent.map(({ headers }) => headers.Authorization), ['Bearer t0', 'Bearer t1']);
  assert.deepEqual(sent.map(({ headers }) => headers['Idempotency-Key']), ['key-1', 'key-1']);
  assert.deepEqual(asked, [false, true]);
  const error = await clock.run(failure(client.createSession({ user_id: 'a' })));
  assert.deepEqual([error.status, sent.length], [401, 4]);
});

test('a provider that has no other token is not asked in vain', async () => {
  const { client, sent } = scripted([problem(401, 'unauthorized')], { token: () => 'same' });
  assert.equal((await failure(client.getSession('alice', 's-1'))).status, 401);
  assert.equal(sent.length, 1);
});

test('a provider that fails is an error that says so', async () => {
  const { client, sent } = scripted([], { token: () => { throw new Error('logged out'); } });
  const error = await failure(client.getSession('alice', 's-1'));
  assert.deepEqual([error.code, sent.length], ['no_token', 0]);
  assert.match(error.detail, /logged out/);
});

test('a provider that hangs is given up at the deadline, or with the call', async () => {
  const { client, clock } = scripted([], { token: () => new Promise(() => undefined), deadlineMs: 3_000 });
  assert.equal((await clock.run(failure(client.getSession('alice', 's-1')))).code, 'no_token');
  assert.equal(clock.time - START, 3_000);
  const controller = new AbortController();
  const call = failure(client.getSession('alice', 's-1', { signal: controller.signal }));
  const reason = new Error('enough');
  controller.abort(reason);
  assert.deepEqual([await call, clock.waiting], [reason, 0]);
});

test('what fetch would refuse to send is the caller\'s mistake, and no lost connection', async () => {
  const { client, sent } = scripted([]);
  const circle = {};
  circle.self = circle;
  await assert.rejects(client.createSession({ user_id: 'a' }, { idempotencyKey: 'ü' }), /visible ASCII/);
  await assert.rejects(client.createSession({ user_id: 'a' }, { headers: { 'X-Request-Id': 'a\nb' } }), TypeError);
  await assert.rejects(client.createSession({ user_id: 'a', metadata: circle }), /circular/);
  assert.throws(() => new ChatSessions({ baseUrl: 'http://' }), TypeError);
  assert.equal(sent.length, 0);
});

// ---- pages ----

test('sessions and messages come page by page, as they are taken', async () => {
  const page = (name, ids, next) => success({ [name]: ids.map((id) => ({ id })), count: ids.length, has_more: !!next, next_cursor: next });
  const { client, sent } = scripted([
    page('sessions', [1, 2], 'c1'), page('sessions', [], 'c2'), page('sessions', [3], null),
    page('messages', [1, 2], 'd1'), page('messages', [3], 'd2'),
  ]);
  assert.deepEqual((await all(client.sessions('alice', { limit: 2, q: 'x' }))).map(({ id }) => id), [1, 2, 3]);
  assert.deepEqual(sent.map(({ query }) => query), [{ limit: '2', q: 'x' }, { limit: '2', q: 'x', cursor: 'c1' }, { limit: '2', q: 'x', cursor: 'c2' }]);
  for await (const { id } of client.messages('s-1')) if (id === 3) break;
  assert.equal(sent.length, 5, 'pages were asked for that nobody took');
});

test('a list that leads back to itself ends', async () => {
  const { client } = scripted(() => success({ sessions: [], next_cursor: 'c' }));
  assert.equal((await failure(all(client.sessions('alice')))).code, 'invalid_answer');
});
