// What the unit tests of the client share: a clock that only moves when everything waits for it, and a fetch that
// answers by a script. No test here waits for a real clock.
import assert from 'node:assert/strict';
import { ChatSessions } from '../../build/client/chat-sessions.js';

export const START = 1_800_000_000_000;

export class Clock {
  time = START;
  slept = []; // how long each sleep that came to its end was
  #sleepers = [];

  now = () => this.time;

  sleep = (ms, signal) => new Promise((resolve, reject) => {
    if (signal?.aborted) { reject(signal.reason); return; }
    const sleeper = { at: this.time + ms, ms, resolve };
    this.#sleepers.push(sleeper);
    signal?.addEventListener('abort', () => {
      const i = this.#sleepers.indexOf(sleeper);
      if (i >= 0) { this.#sleepers.splice(i, 1); reject(signal.reason); }
    }, { once: true });
  });

  get waiting() { return this.#sleepers.length; }

  // Lets everything run that can, and then the time pass until the next sleeper wakes; until the promise is settled.
  async run(promise) {
    let settled = false;
    const watched = Promise.resolve(promise).finally(() => { settled = true; });
    watched.catch(() => undefined);
    for (let steps = 0; steps < 2000; steps += 1) {
      await idle();
      if (settled) return watched;
      this.step();
    }
    throw new Error('the promise is not settled after 2000 steps');
  }

  step() {
    const next = this.#sleepers.reduce((first, one) => (!first || one.at < first.at ? one : first), undefined);
    assert(next, 'everything waits, and nobody for the clock');
    this.#sleepers.splice(this.#sleepers.indexOf(next), 1);
    this.time = Math.max(this.time, next.at);
    this.slept.push(next.ms);
    next.resolve();
  }
}

export async function idle() {
  for (let i = 0; i < 5; i += 1) await new Promise((resolve) => { setImmediate(resolve); });
}

export function json(status, body, headers = {}) {
  const type = status >= 400 ? 'application/problem+json' : 'application/json';
  return () => new Response(status === 304 ? null : JSON.stringify(body),
    { status, headers: { 'Content-Type': type, 'X-Request-Id': 'r-1', ...headers } });
}

export function problem(status, code, headers = {}, detail = `it is ${code}`) {
  return json(status, { type: 'about:blank', title: 'No', status, code, detail, request_id: 'r-1' }, headers);
}

export const success = (members, headers) => json(200, { status: 'success', ...members, timestamp: 'now' }, headers);

// fetch's own failures.
export const lost = () => { throw new TypeError('fetch failed'); };
export const silent = ({ signal }) => new Promise((_, reject) => {
  signal.addEventListener('abort', () => reject(signal.reason), { once: true });
});

// A client whose n-th request is answered by the n-th of the script; `sent` has what was asked.
export function scripted(script, options = {}) {
  const { runtime, ...rest } = options;
  const clock = new Clock();
  const sent = [];
  let keys = 0;
  const fetch = async (url, init) => {
    const { pathname, searchParams } = new URL(url);
    sent.push({
      method: init.method, path: pathname, query: Object.fromEntries(searchParams), at: clock.time,
      headers: init.headers, body: init.body === undefined ? undefined : JSON.parse(init.body),
    });
    const answer = typeof script === 'function' ? script(sent.at(-1), sent.length) : script[sent.length - 1];
    assert(answer, `request ${sent.length} is one too many: ${init.method} ${url}`);
    init.signal?.throwIfAborted();
    return answer(init);
  };
  const client = new ChatSessions({
    baseUrl: 'http://chat.example/api/v1',
    ...rest,
    runtime: {
      fetch, now: clock.now, sleep: clock.sleep, random: () => 0.5, newKey: () => `key-${keys += 1}`, page: undefined, ...runtime,
    },
  });
  return { client, clock, sent };
}

export async function failure(promise) {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new assert.AssertionError({ message: 'it did not fail' });
}

export async function all(iterable) {
  const items = [];
  for await (const item of iterable) items.push(item);
  return items;
}
