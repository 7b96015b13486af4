// What goes on for a while: following a session, and an export as it streams in.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { all, failure, idle, lost, problem, scripted, success } from './support.mjs';

// ---- follow ----

// A session of the messages with these timestamps. `late` are shown only after so many questions.
function room(timestamps, late = {}) {
  const messages = timestamps.map((timestamp) => ({ timestamp, content: `m${timestamp}` }));
  let questions = 0;
  const answer = ({ query }) => {
    questions += 1;
    const visible = messages.filter(({ timestamp }) => !(questions <= (late[timestamp] ?? 0)))
      .filter(({ timestamp }) => timestamp > Number(query.after ?? -1));
    visible.sort((a, b) => (query.order === 'desc' ? b.timestamp - a.timestamp : a.timestamp - b.timestamp));
    const page = visible.slice(0, Number(query.limit));
    return success({ messages: page, count: page.length, has_more: visible.length > page.length, next_cursor: null });
  };
  return { answer, add: (timestamp) => messages.push({ timestamp, content: `m${timestamp}` }) };
}

async function take(clock, following, count) {
  const taken = [];
  for (let i = 0; i < count; i += 1) taken.push((await clock.run(following.next())).value.timestamp);
  return taken;
}

test('follow gives what comes from now on, once each, in order', async () => {
  const { answer, add } = room([10, 20]);
  const { client, clock, sent } = scripted(answer);
  const following = client.follow('s-1');
  const next = following.next();
  await idle();
  add(30);
  add(31);
  assert.equal((await clock.run(next)).value.timestamp, 30);
  assert.deepEqual(await take(clock, following, 1), [31]);
  const third = following.next();
  await idle();
  add(1000);
  assert.equal((await clock.run(third)).value.timestamp, 1000);
  assert.deepEqual(sent[0].query, { order: 'desc', limit: '1' });
  assert.deepEqual(sent[1].query, { after: '20', limit: '200' });
});

test('follow with after: 0 gives the whole session, page after page without a wait', async () => {
  const { answer } = room(Array.from({ length: 450 }, (_, i) => 1000 + i));
  const { client, clock, sent } = scripted(answer);
  const taken = await take(clock, client.follow('s-1', { after: 0 }), 450);
  assert.deepEqual(taken, Array.from({ length: 450 }, (_, i) => 1000 + i));
  assert.deepEqual(sent.map(({ query }) => query.after), ['0', '1199', '1399']);
  assert.equal(clock.slept.length, 0);
});

test('a message that was shown after a later one is not missed, and the overlap is asked for once', async () => {
  const { answer } = room([10, 1050, 1051], { 1050: 1 });
  const { client, clock, sent } = scripted(answer);
  const following = client.follow('s-1', { after: 10 });
  assert.deepEqual(await take(clock, following, 2), [1051, 1050]);
  const waiting = following.next();
  for (let i = 0; i < 4; i += 1) { await idle(); clock.step(); }
  await idle();
  assert.deepEqual(sent.slice(0, 5).map(({ query }) => query.after), ['10', '951', '951', '1051', '1051']);
  waiting.catch(() => undefined);
});

test('the interval grows while nothing happens, and is short again after something did', async () => {
  const { answer, add } = room([10]);
  const { client, clock } = scripted(answer, { runtime: { random: () => 0 } });
  const following = client.follow('s-1', { after: 10 });
  const next = following.next();
  for (let i = 0; i < 9; i += 1) { await idle(); clock.step(); }
  assert.deepEqual(clock.slept.slice(0, 9).filter((ms) => ms !== 20_000),
    [1500, 2250, 3375, 5062.5, 7593.75, 11390.625, 15000, 15000, 15000]);
  add(20);
  await clock.run(next);
  clock.slept.length = 0;
  following.next();
  await idle();
  clock.step();
  assert.equal(clock.slept[0], 1000);
});

class FakePage {
  hidden = false;
  listeners = new Set();
  addEventListener(_, listener) { this.listeners.add(listener); }
  removeEventListener(_, listener) { this.listeners.delete(listener); }
  turn(hidden) { this.hidden = hidden; for (const listener of [...this.listeners]) listener(); }
}

test('a hidden page asks once a minute, and at once when it is seen again', async () => {
  const { answer } = room([10]);
  const page = new FakePage();
  page.hidden = true;
  const { client, clock, sent } = scripted(answer, { runtime: { page, random: () => 0 } });
  client.follow('s-1', { after: 10 }).next();
  for (let i = 0; i < 3; i += 1) { await idle(); clock.step(); }
  await idle();
  assert.deepEqual(sent.map(({ at }) => at - sent[0].at), [0, 60_000, 120_000, 180_000]);
  page.turn(false);
  await idle();
  assert.equal(sent.length, 5);
  assert.equal(sent[4].at, sent[3].at);
  page.turn(true); // in the middle of a short wait: it becomes a long one
  await idle();
  clock.step();
  await idle();
  assert.equal(sent[5].at - sent[4].at, 60_000);
  assert.equal(page.listeners.size, 1);
});

test('follow tells failures that pass, waits as long as it is asked to, and goes on', async () => {
  const { answer, add } = room([10]);
  const troubles = [lost, problem(503, 'overloaded', { 'Retry-After': '40' }), problem(500, 'internal')];
  const { client, clock, sent } = scripted((request, n) => troubles[n - 1] ?? answer(request), { runtime: { random: () => 0 } });
  const told = [];
  add(20);
  const following = client.follow('s-1', { after: 10, onError: (error, wait) => told.push([error.code, wait]) });
  assert.deepEqual(await take(clock, following, 1), [20]);
  assert.deepEqual(told, [['connection_lost', 1500], ['overloaded', 40_000], ['internal', 3375]]);
  assert.deepEqual(sent.map(({ at }) => at - sent[0].at), [0, 1500, 41_500, 44_875]);
});

test('follow ends with the error that does not pass', async () => {
  for (const [status, code] of [[404, 'session_not_found'], [401, 'unauthorized'], [403, 'forbidden']]) {
    const { client } = scripted([problem(status, code)]);
    assert.equal((await failure(client.follow('s-1').next())).code, code);
  }
});

test('an abort ends follow quietly, while it asks and while it waits', async () => {
  const { answer } = room([10]);
  for (const turns of [0, 2]) {
    const page = new FakePage();
    const { client, clock } = scripted(answer, { runtime: { page } });
    const controller = new AbortController();
    const taken = all(client.follow('s-1', { after: 0, signal: controller.signal }));
    for (let i = 0; i < turns; i += 1) { await idle(); clock.step(); }
    controller.abort();
    await taken;
    assert.deepEqual([clock.waiting, page.listeners.size], [0, 0]);
  }
});

// ---- export ----

const session = { type: 'session', session_id: 's-1', title: 'Zürich 🚋' };
const message = (n) => ({ type: 'message', session_id: 's-1', timestamp: n, content: `ü${n}` });
const end = (sessions, messages) => ({ type: 'end', sessions, messages });
const NDJSON = { 'Content-Type': 'application/x-ndjson', 'X-Request-Id': 'r-9' };

// An answer of these bytes, in chunks of `size`; then it breaks off if `broken`.
function streamed(text, size, { broken = false, onCancel = () => undefined } = {}) {
  const bytes = new TextEncoder().encode(text);
  let at = 0;
  return () => new Response(new ReadableStream({
    pull(controller) {
      if (at < bytes.length) controller.enqueue(bytes.slice(at, at += size));
      else if (broken) controller.error(new TypeError('terminated'));
      else controller.close();
    },
    cancel: onCancel,
  }), { headers: NDJSON });
}
const lines = (...events) => events.map((event) => `${JSON.stringify(event)}\n`).join('');

test('an export gives its events, however its bytes are cut into chunks', async () => {
  const events = [session, message(1), message(2), end(1, 2)];
  for (const size of [1, 2, 3, 7, 1000]) {
    const { client, clock, sent } = scripted([streamed(lines(...events), size)]);
    assert.deepEqual(await all(client.exportUser('alice')), events);
    assert.equal(sent[0].headers.Accept, 'application/x-ndjson');
    assert.equal(clock.waiting, 0);
  }
});

test('the last line may lack its newline, and empty lines are none', async () => {
  const { client } = scripted([streamed(`\n${lines(session)}\r\n${JSON.stringify(end(1, 0))}`, 5)]);
  assert.equal((await all(client.exportUser('alice'))).length, 2);
});

test('an export without its end fails, after all that came', async () => {
  const whole = lines(session, message(1), end(1, 1));
  const cases = {
    'no end': [lines(session, message(1)), {}, 2],
    'nothing at all': ['', {}, 0],
    'within a line': [whole.slice(0, -10), {}, 2],
    'connection lost': [lines(session, message(1)), { broken: true }, 2],
    'counts differ': [lines(session, message(1), end(1, 2)), {}, 2],
    'more after the end': [lines(session, end(1, 0), message(1)), {}, 2],
  };
  for (const [name, [text, how, count]] of Object.entries(cases)) {
    const { client, clock } = scripted([streamed(text, 9, how)]);
    const taken = [];
    const error = await clock.run(failure((async () => { for await (const event of client.exportUser('alice')) taken.push(event); })()));
    assert.deepEqual([error.code, error.requestId, taken.length], ['incomplete_export', 'r-9', count], name);
  }
});

test('an export that falls silent fails', async () => {
  const hanging = () => new Response(new ReadableStream({
    start(controller) { controller.enqueue(new TextEncoder().encode(lines(session))); },
  }), { headers: NDJSON });
  const { client, clock } = scripted([hanging]);
  const error = await clock.run(failure(all(client.exportUser('alice'))));
  assert.deepEqual([error.code, clock.slept.at(-1)], ['incomplete_export', 60_000]);
});

test('an export is asked for again until it begins', async () => {
  const { client, clock, sent } = scripted([problem(503, 'overloaded'), lost, streamed(lines(end(0, 0)), 50)]);
  assert.deepEqual(await clock.run(all(client.exportUser('alice'))), [end(0, 0)]);
  assert.equal(sent.length, 3);
});

test('a service that does not export says so', async () => {
  const { client } = scripted([success({ sessions: [] })]);
  assert.equal((await failure(all(client.exportUser('alice')))).code, 'invalid_answer');
});

test('who takes no more, or aborts, ends the connection', async () => {
  let cancelled = 0;
  const stream = () => streamed(lines(session, message(1), end(1, 1)), 20, { onCancel: () => { cancelled += 1; } });
  const { client } = scripted([stream(), stream()]);
  for await (const event of client.exportUser('alice')) { assert(event); break; }
  await idle();
  assert.equal(cancelled, 1);
  const controller = new AbortController();
  const reason = new Error('enough');
  const error = await failure((async () => {
    for await (const event of client.exportUser('alice', { signal: controller.signal })) { assert(event); controller.abort(reason); }
  })());
  await idle();
  assert.deepEqual([error, cancelled], [reason, 2]);
});
