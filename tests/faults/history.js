// A history of calls, made at random by many clients through two nodes over the same tables, while faults of every
// kind happen to them (history_faults.js); then what the contract promises is checked against it
// (history_check.js). Started by tests/faults/mix, which sets the world up.
//   node history.js WORLD.json
// In rounds: new sessions, clients that write, edit, remove and read, readers that follow with after=; then all is
// read, everything is deleted while others still append, and the tables are looked through. Faults go on
// all the time. FAULTS_SECONDS, FAULTS_SEED, FAULTS_CLIENTS, FAULTS_KINDS, FAULTS_RATE: see mix.
'use strict';
const fs = require('fs');
const {
  allMessages, clientOf, dynamoOf, must, mustBeTrouble, pause, untilAnswered,
} = require('../lib/client.js');
const { check } = require('./history_check.js');
const { faults } = require('./history_faults.js');
const { relay } = require('./relay.js');

const world = JSON.parse(fs.readFileSync(process.argv[2], 'utf8'));
const seed = Number(process.env.FAULTS_SEED) >>> 0;
const clients = Number(process.env.FAULTS_CLIENTS);
const until = Date.now() + Number(process.env.FAULTS_SECONDS) * 1000;
const ROUND_MS = 20000;
const run = `history-${process.pid}`;
const totals = { seed, rounds: 0, calls: 0, acknowledged: 0, uncertain: 0, repeated: 0, reads: 0, faults: {}, slowest_ms: 0 };

// ---- chance and time --------------------------------------------------------------------------

// mulberry32: the same numbers for the same seed; each actor has its own, so that they do not depend on each other.
function chanceOf(name) {
  let state = seed;
  for (const letter of name) state = Math.imul(state ^ letter.charCodeAt(0), 0x01000193);
  const next = () => {
    state = (state + 0x6D2B79F5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
  const below = (n) => Math.floor(next() * n);
  return { below, choose: (list) => list[below(list.length)] };
}

const now = () => Number(process.hrtime.bigint());
let numbers = 0;
const fresh = (what) => `${what}-${++numbers}`;

// ---- calls ------------------------------------------------------------------------------------

const way = chanceOf('way');

// Through any node. Trouble may answer 503 or 504, and nothing else.
async function call(...request) {
  totals.calls++;
  const began = Date.now();
  const answer = await way.choose(world.nodes).send(...request);
  totals.slowest_ms = Math.max(totals.slowest_ms, Date.now() - began);
  return answer;
}

// The same again until it is answered for sure, with a status that is wanted.
async function sure(wanted, ...request) {
  const answer = await untilAnswered(call, request, () => { totals.repeated++; });
  must(wanted.includes(answer.status), `${request[0]} ${request[1]}: ${answer.status} ${answer.text}`);
  return answer;
}

const with_key = (key) => ({ 'Idempotency-Key': `${run}-${key}` });

// ---- what is recorded -------------------------------------------------------------------------

// Notes an event with the times around the call: record(session, event, call) → its answer.
async function record(session, event, ask) {
  const asked = now();
  const answer = await ask();
  const noted = { ...event(answer), asked, answered: now() };
  session.events.push(noted);
  return noted;
}

const plain = (messages) => messages.map(({ timestamp, content }) => ({ timestamp, content }));

async function create_session(user) {
  const request = ['POST', '/sessions', { user_id: user }, with_key(fresh('create'))];
  const { session } = (await sure([200, 201], ...request)).json;
  const again = (await sure([200], ...request)).json;
  must(again.session.session_id === session.session_id, 'a creation was made twice');
  return { id: session.session_id, user, events: [], alive: [], keys: [] };
}

function acknowledge(session, { messages, answered }) {
  if (!messages) {
    totals.uncertain++;
    return;
  }
  for (const { timestamp } of messages) session.alive.push({ timestamp, busy: false });
  totals.acknowledged += messages.length;
  session.answered = answered;
}

// A message that no other client edits or removes at the same time: then it is known what is there afterwards.
function claim(session, choose) {
  const at = session.alive.length ? choose(session.alive) : null;
  if (!at || at.busy || at.removed) return null;
  at.busy = true;
  return at;
}

async function read_page(session, after, limit) {
  totals.reads++;
  return record(session, ({ status, json }) => ({ kind: 'read', after, limit, messages: status === 404 ? null : plain(json.messages) }),
    () => untilAnswered(call, ['GET', `/sessions/${session.id}/messages?limit=${limit}&after=${after}`]));
}

// ---- what clients do --------------------------------------------------------------------------

const operations = {
  async append_with_key(session, path) {
    const content = fresh('keyed');
    const headers = with_key(content);
    const event = await record(session, ({ json }) => ({ kind: 'append', key: content, contents: [content], messages: plain([json.message]) }),
      () => sure([200, 201], 'POST', path, { role: 'user', content }, headers));
    acknowledge(session, event);
    session.keys.push(content);
  },
  async repeat_key(session, path, { choose }) {
    if (!session.keys.length) return;
    const content = choose(session.keys);
    await record(session, ({ json }) => ({ kind: 'append', key: content, repeated: true, contents: [content], messages: plain([json.message]) }),
      () => sure([200], 'POST', path, { role: 'user', content }, with_key(content)));
  },
  async append(session, path) {
    const content = fresh('single');
    const event = await record(session, (answer) => {
      if (answer.status !== 201) mustBeTrouble(answer);
      return { kind: 'append', contents: [content], messages: answer.status === 201 ? plain([answer.json.message]) : null };
    }, () => call('POST', path, { role: 'assistant', content }));
    acknowledge(session, event);
  },
  async append_array(session, path, { below }) {
    const name = fresh('array');
    const contents = Array.from({ length: 1 + below(6) }, (_, i) => `${name}.${i}`);
    const sent = contents.map((content) => ({ role: 'tool', content }));
    const keyed = below(3) > 0;
    const event = await record(session, (answer) => {
      if (answer.status !== 201 && answer.status !== 200) mustBeTrouble(answer);
      return { kind: 'append', key: keyed ? name : undefined, contents, messages: answer.status < 300 ? plain(answer.json.messages) : null };
    }, () => (keyed ? sure([200, 201], 'POST', path, sent, with_key(name)) : call('POST', path, sent)));
    acknowledge(session, event);
  },
  async edit(session, path, { choose }) {
    const message = claim(session, choose);
    if (!message) return;
    const content = fresh('edited');
    await record(session, () => ({ kind: 'edit', timestamp: message.timestamp, content }),
      () => sure([200], 'PATCH', `${path}/${message.timestamp}`, { content }));
    message.busy = false;
  },
  async remove(session, path, { choose }) {
    const message = claim(session, choose);
    if (!message) return;
    message.removed = true;
    await record(session, () => ({ kind: 'remove', timestamp: message.timestamp }),
      () => sure([200, 404], 'DELETE', `${path}/${message.timestamp}`));
  },
  async read(session, path, { below, choose }) {
    const after = session.alive.length && below(4) ? choose(session.alive).timestamp : 0;
    await read_page(session, after, 1 + below(200));
  },
  async count(session) {
    await record(session, ({ json }) => ({ kind: 'count', count: json.session.message_count }),
      () => sure([200], 'GET', `/sessions/${session.user}/${session.id}`));
  },
  async retitle(session) {
    const path = `/sessions/${session.user}/${session.id}`;
    const found = await sure([200], 'GET', path);
    const answer = await call('PUT', path, { title: fresh('title') }, { 'If-Match': found.headers.etag });
    if (answer.status !== 200 && answer.status !== 412) mustBeTrouble(answer);
  },
  async list(session) {
    const { sessions } = (await sure([200], 'GET', `/sessions/${session.user}`)).json;
    must(sessions.some((s) => s.session_id === session.id), `${session.id} is not in the list`);
  },
};

const mix = Object.entries({
  append_with_key: 30, append: 22, append_array: 14, edit: 7, remove: 5, repeat_key: 6, retitle: 4, list: 4, read: 8, count: 5,
}).flatMap(([name, weight]) => Array(weight).fill(operations[name]));

async function client(name, sessions, end) {
  const chance = chanceOf(name);
  while (Date.now() < end) {
    const session = chance.choose(sessions);
    await chance.choose(mix)(session, `/sessions/${session.id}/messages`, chance);
  }
}

// Follows a session until nothing more comes after the last client has ended.
async function reader(session, clients_ended) {
  for (let last = 0; ;) {
    const at_end = clients_ended();
    const { messages } = await read_page(session, last, 50);
    if (messages.length) last = messages[messages.length - 1].timestamp;
    else if (at_end) return;
    else await pause(20);
  }
}

// ---- faults -----------------------------------------------------------------------------------

// Every kind in turn, in an order of chance, so that a short run meets them too.
async function make_faults(ended) {
  const chance = chanceOf('faults');
  const chosen = (process.env.FAULTS_KINDS || Object.keys(faults).join()).split(',');
  must(chosen.every((kind) => faults[kind]), `there is no such fault among ${chosen}`);
  let deck = [];
  while (!ended()) {
    if (!deck.length) deck = [...chosen];
    const [kind] = deck.splice(chance.below(deck.length), 1);
    if (await faults[kind]({ world, node: chance.choose(world.nodes), ...chance })) totals.faults[kind] = (totals.faults[kind] || 0) + 1;
    // A short run meets every kind; a long one also has times in which much is written.
    await pause(Number(process.env.FAULTS_SECONDS) <= 60 ? 200 + chance.below(1500) : 1000 + chance.below(4000));
  }
}

// ---- the end of a round -----------------------------------------------------------------------

// Deletes half of the sessions twice at once, the rest with their user, while others still append.
async function delete_all(sessions) {
  const appending = sessions.map(async (session) => {
    for (let status = 0; status !== 404;) {
      const content = fresh('late');
      await record(session, (answer) => {
        ({ status } = answer);
        if (status !== 201 && status !== 404) mustBeTrouble(answer);
        return { kind: 'append', contents: [content], messages: status === 201 ? plain([answer.json.message]) : null };
      }, () => call('POST', `/sessions/${session.id}/messages`, { role: 'user', content }));
    }
    await read_page(session, 0, 10);
  });
  const erased = sessions[0].user;
  const deletes = sessions.filter(({ user }) => user !== erased).flatMap((session) => [1, 2].map(
    () => record(session, () => ({ kind: 'delete' }), () => sure([200, 404], 'DELETE', `/sessions/${session.user}/${session.id}`))));
  const mine = sessions.filter(({ user }) => user === erased);
  const erase = (async () => {
    const asked = now();
    await sure([200], 'DELETE', `/sessions/${erased}`);
    for (const session of mine) session.events.push({ kind: 'delete', asked, answered: now() });
  })();
  await Promise.all([...deletes, erase, ...appending]);
}

// Straight from DynamoDB, which may just have been killed.
async function scan(table) {
  const dynamo = dynamoOf(world.dynamodb.url);
  for (;;) {
    try {
      const items = [];
      for (let ExclusiveStartKey; ;) {
        const page = await dynamo('Scan', { TableName: table, ExclusiveStartKey, ConsistentRead: true });
        items.push(...page.Items.map((item) => JSON.stringify(item)));
        ExclusiveStartKey = page.LastEvaluatedKey;
        if (!ExclusiveStartKey) return items;
      }
    } catch (error) {
      if (!error.code) throw error;
      await pause(100);
    }
  }
}

async function look_for_rest(sessions) {
  const items = [...await scan(process.env.SESSIONS_TABLE), ...await scan(process.env.MESSAGES_TABLE)];
  for (const session of sessions) session.left = items.filter((text) => text.includes(session.id));
  const of_nobody = items.filter((text) => text.includes(run) && !sessions.some(({ id }) => text.includes(id)));
  must(!of_nobody.length, `left over: ${of_nobody[0]}`);
}

async function round(number) {
  const sessions = [];
  for (let i = 0; i < 6; i++) sessions.push(await create_session(`${run}-${number}-user-${i % 3}`));
  const end = Math.min(until, Date.now() + ROUND_MS);
  let ended = false;
  const readers = sessions.map((session) => reader(session, () => ended));
  await Promise.all(Array.from({ length: clients }, (_, i) => client(`client-${number}-${i}`, sessions, end)));
  ended = true;
  await Promise.all(readers);
  for (const session of sessions) {
    session.stored = plain(await allMessages(async (path) => (await sure([200], 'GET', path)).json, session.id, 100));
    session.count = (await sure([200], 'GET', `/sessions/${session.user}/${session.id}`)).json.session.message_count;
  }
  // What is appended from here on is only for the delete to meet.
  const deleted = sessions.map((session) => ({ ...session, events: [], stored: [], count: 0 }));
  await delete_all(deleted);
  await look_for_rest(deleted);
  sessions.forEach((session, i) => { Object.assign(session, { left: deleted[i].left, alive: undefined, keys: undefined }); });
  const late = deleted.map(({ id, user, events, left }) => ({ id, user, left, events, stored: [], count: 0, late: true }));
  return { sessions, late };
}

// ---- the whole --------------------------------------------------------------------------------

async function prepare() {
  for (const node of world.nodes) {
    node.send = clientOf(node.api, { connections: clients + 16 });
    node.pool_relay = await relay(node.relay, `${node.state}/sockets/pool.sock`);
    node.front_relay = await relay(0, Number(new URL(world.front).port));
    const env = fs.readFileSync(node.env, 'utf8');
    fs.writeFileSync(node.env, env.replace(world.front, `http://127.0.0.1:${node.front_relay.port}`));
    for (const name of ['pool', 'nginx']) {
      process.kill(Number(fs.readFileSync(`${node.state}/pids/${name}`, 'utf8').split(' ')[0]), 'SIGHUP');
    }
    // Until the configuration with the relays is in force.
    for (const patience = Date.now() + 20000; !(node.pool_relay.connections() && node.front_relay.connections());) {
      must(Date.now() < patience, `${node.name} does not go through its relays (nginx to pool: ${node.pool_relay.connections()}, pool to DynamoDB: ${node.front_relay.connections()})`);
      await node.send('GET', '/health/ready').catch(() => {});
      await pause(100);
    }
  }
  const told = await clientOf(world.front)('POST', '/-/faults', { rate: Number(process.env.FAULTS_RATE || 0.05), kinds: [] });
  must(told.status === 200, told.text);
}

// The late appends of a deleted session are no part of what was stored: only the rules about the delete hold for them.
function checkLate(session) {
  const found = check({ sessions: [{ ...session, events: session.events.filter((e) => e.kind !== 'append' || !e.messages || e.answered > first_delete(session)) }] });
  return found.filter((violation) => !violation.includes('is lost'));
}

const first_delete = ({ events }) => Math.min(...events.filter((e) => e.kind === 'delete').map((e) => e.answered));

async function main() {
  await prepare();
  let ended = false;
  let broken = null;
  const breaking = make_faults(() => ended).catch((error) => { broken = error; });
  const violations = [];
  try {
    while (Date.now() < until && !broken) {
      const { sessions, late } = await round(totals.rounds++);
      violations.push(...check({ sessions }), ...late.flatMap(checkLate));
      if (violations.length) {
        fs.writeFileSync(`${process.argv[2].replace(/[^/]*$/, '')}history.json`, JSON.stringify({ sessions, late }));
        break;
      }
    }
  } finally {
    ended = true;
    await breaking;
  }
  if (broken) throw broken;
  const { faults: injected } = (await clientOf(world.front)('GET', '/-/stats')).json;
  const count = (counts) => Object.values(counts).reduce((a, b) => a + b, 0);
  console.log(JSON.stringify({ ...totals, faults_of_calls: count(injected), violations: violations.length }));
  violations.slice(0, 20).forEach((violation) => console.log(`violation: ${violation}`));
  must(count(totals.faults) > 0 && totals.acknowledged > 0, 'nothing happened');
  return violations.length ? 1 : 0;
}

main().then((status) => process.exit(status), (error) => { console.error(error.stack); process.exit(1); });
