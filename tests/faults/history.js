// A history of calls, made at random by many clients through several pools over the same tables while workers
// are killed (and DynamoDB fails, if the front has been told so); then what the contract promises is checked
// against it.
//   node history.js SECONDS CLIENTS API=MASTER_PID…
// Promised is: what was acknowledged is there, once, with the last content; nothing is there that nobody sent;
// one order, that of the acknowledgements; arrays whole; exact counts; a key's answer stays the same; who reads on
// with after= misses nothing; after a delete nothing is left, whatever was appended meanwhile. Needs DYNAMODB,
// SESSIONS_TABLE and MESSAGES_TABLE.
'use strict';
const {
  allMessages, clientOf, dynamoOf, must, mustBeTrouble, pause, untilAnswered, workersOf,
} = require('../lib/client.js');

const [seconds, clients] = process.argv.slice(2, 4).map(Number);
const pools = process.argv.slice(4).map((text) => {
  const [api, master] = text.split('=');
  return { send: clientOf(api, { connections: clients + 8 }), master: Number(master) };
});
const run = `history-${process.pid}`;
const until = Date.now() + seconds * 1000;
const totals = { calls: 0, acknowledged: 0, uncertain: 0, repeated: 0, killed: 0 };

const below = (n) => Math.floor(Math.random() * n);
const one_of = (list) => list[below(list.length)];
const now = () => Number(process.hrtime.bigint());
let numbers = 0;
const fresh = (what) => `${what}-${++numbers}`;

// ---- calls ------------------------------------------------------------------------------------

// Through any pool. A worker that is killed or a DynamoDB that fails may answer 503 or 504, and nothing else.
function call(...request) {
  totals.calls++;
  return one_of(pools).send(...request);
}

// The same again until it is answered for sure, with a status that is wanted.
async function sure(wanted, ...request) {
  const answer = await untilAnswered(call, request, () => { totals.repeated++; });
  must(wanted.includes(answer.status), `${request[0]} ${request[1]}: ${answer.status} ${answer.text}`);
  return answer.json;
}

const with_key = (key) => ({ 'Idempotency-Key': `${run}-${key}` });

// ---- the model --------------------------------------------------------------------------------
// A session: messages that were acknowledged (with when they were asked for and answered), contents of those that
// may be there or not, and what its reader has seen.

const sessions = [];

async function create_session(user) {
  const request = ['POST', '/sessions', { user_id: user }, with_key(fresh('create'))];
  const { session } = await sure([200, 201], ...request);
  must((await sure([200], ...request)).session.session_id === session.session_id, 'a creation was made twice');
  sessions.push({ user, id: session.session_id, acknowledged: [], uncertain: new Set(), seen: new Set(), keys: [] });
}

function acknowledge(session, asked, messages) {
  const answered = now();
  for (const { timestamp, content } of messages) {
    session.acknowledged.push({ timestamp, content, asked, answered, busy: false, deleted: false });
    totals.acknowledged++;
  }
}

// A message that no other client edits or deletes at the same time: then it is known what is there afterwards.
function claim(session) {
  const message = one_of(session.acknowledged);
  if (!message || message.busy || message.deleted) return null;
  message.busy = true;
  return message;
}

// ---- what clients do --------------------------------------------------------------------------

const operations = {
  async append_with_key(session, path) {
    const [content, asked] = [fresh('keyed'), now()];
    const headers = with_key(content);
    const { message } = await sure([200, 201], 'POST', path, { role: 'user', content }, headers);
    acknowledge(session, asked, [message]);
    session.keys.push({ headers, message });
  },
  async repeat_key(session, path) {
    if (!session.keys.length) return;
    const { headers, message } = one_of(session.keys);
    const again = await sure([200], 'POST', path, { role: 'user', content: message.content }, headers);
    must(again.message.timestamp === message.timestamp, `another answer for ${message.content}`);
  },
  async append(session, path) {
    const [content, asked] = [fresh('single'), now()];
    const answer = await call('POST', path, { role: 'assistant', content });
    if (answer.status === 201) return acknowledge(session, asked, [answer.json.message]);
    mustBeTrouble(answer);
    session.uncertain.add(content);
    totals.uncertain++;
  },
  async append_array(session, path) {
    const [name, asked] = [fresh('array'), now()];
    const sent = Array.from({ length: 1 + below(6) }, (_, i) => ({ role: 'tool', content: `${name}.${i}` }));
    const { messages } = await sure([200, 201], 'POST', path, sent, with_key(name));
    must(messages.map((m) => m.content).join() === sent.map((m) => m.content).join(), `${name} in another order`);
    must(messages.every((m, i) => i === 0 || m.timestamp > messages[i - 1].timestamp), `${name} not in order`);
    acknowledge(session, asked, messages);
  },
  async edit(session, path) {
    const message = claim(session);
    if (!message) return;
    const content = fresh('edited');
    await sure([200], 'PATCH', `${path}/${message.timestamp}`, { content });
    Object.assign(message, { content, busy: false });
  },
  async remove(session, path) {
    const message = claim(session);
    if (!message) return;
    await sure([200, 404], 'DELETE', `${path}/${message.timestamp}`);
    message.deleted = true;
  },
  async retitle(session) {
    const path = `/sessions/${session.user}/${session.id}`;
    const read = await untilAnswered(call, ['GET', path]);
    const answer = await call('PUT', path, { title: fresh('title') }, { 'If-Match': read.headers.etag });
    if (answer.status !== 200 && answer.status !== 412) mustBeTrouble(answer);
  },
  async list(session) {
    const { sessions: found } = await sure([200], 'GET', `/sessions/${session.user}`);
    must(found.some((s) => s.session_id === session.id), `${session.id} is not in the list`);
  },
};

const mix = Object.entries({ append_with_key: 30, append: 25, append_array: 12, edit: 8, remove: 6, repeat_key: 6, retitle: 6, list: 5 })
  .flatMap(([name, weight]) => Array(weight).fill(operations[name]));

async function client() {
  while (Date.now() < until) {
    const session = one_of(sessions);
    await one_of(mix)(session, `/sessions/${session.id}/messages`);
  }
}

// Follows a session until nothing more comes after the last client has ended.
async function reader(session, clients_ended) {
  for (let last = 0; ;) {
    const at_end = clients_ended();
    const { messages } = await sure([200], 'GET', `/sessions/${session.id}/messages?limit=50&after=${last}`);
    for (const { timestamp } of messages) {
      must(timestamp > last, 'a reader went back in time');
      last = timestamp;
      session.seen.add(timestamp);
    }
    if (!messages.length && at_end) return;
    if (!messages.length) await pause(20);
  }
}

async function kill_workers() {
  while (Date.now() < until) {
    await pause(1000);
    const workers = workersOf(pools[totals.killed % pools.length].master);
    if (!workers.length) continue;
    process.kill(one_of(workers), 'SIGKILL');
    totals.killed++;
  }
}

// ---- the verdict ------------------------------------------------------------------------------

function check_stored(session, stored) {
  const there = new Map(stored.map((m) => [m.timestamp, m.content]));
  must(there.size === stored.length, 'a timestamp is there twice');
  must(new Set(there.values()).size === stored.length, 'a message is there twice');
  for (const { timestamp, content, deleted } of session.acknowledged) {
    must(there.get(timestamp) === (deleted ? undefined : content), `${timestamp} is ${there.get(timestamp)}, not ${content}`);
    there.delete(timestamp);
  }
  for (const content of there.values()) must(session.uncertain.has(content), `nobody sent ${content}`);
  for (const { timestamp } of stored) must(session.seen.has(timestamp), `the reader has missed ${timestamp}`);
}

// What was answered before another was asked for comes before it.
function check_order({ acknowledged }) {
  const by_answer = [...acknowledged].sort((a, b) => a.answered - b.answered);
  let [latest, i] = [0, 0];
  for (const message of [...acknowledged].sort((a, b) => a.asked - b.asked)) {
    for (; by_answer[i].answered < message.asked; i++) latest = Math.max(latest, by_answer[i].timestamp);
    must(message.timestamp > latest, `${message.content} stands before an earlier one`);
  }
}

async function check(session) {
  const stored = await allMessages((path) => sure([200], 'GET', path), session.id, 100);
  const { session: { message_count: count } } = await sure([200], 'GET', `/sessions/${session.user}/${session.id}`);
  must(count === stored.length, `message_count is ${count}, there are ${stored.length}`);
  check_stored(session, stored);
  check_order(session);
}

// ---- the end of the sessions ------------------------------------------------------------------

// Half of them by two deletes at once, the rest with their user, while others still append.
async function delete_all() {
  const appending = sessions.map(async ({ id }) => {
    const append = () => call('POST', `/sessions/${id}/messages`, { role: 'user', content: 'late' });
    for (let answer = await append(); answer.status !== 404; answer = await append()) {
      if (answer.status !== 201) mustBeTrouble(answer);
    }
  });
  const erased = sessions[0].user;
  const deletes = sessions.filter(({ user }) => user !== erased)
    .flatMap(({ user, id }) => [1, 2].map(() => sure([200, 404], 'DELETE', `/sessions/${user}/${id}`)));
  await Promise.all([...deletes, sure([200], 'DELETE', `/sessions/${erased}`), ...appending]);
}

async function check_nothing_left() {
  const dynamo = dynamoOf(process.env.DYNAMODB);
  for (const TableName of [process.env.SESSIONS_TABLE, process.env.MESSAGES_TABLE]) {
    for (let ExclusiveStartKey; ;) {
      const page = await dynamo('Scan', { TableName, ExclusiveStartKey, ConsistentRead: true });
      for (const text of page.Items.map((item) => JSON.stringify(item))) {
        must(!text.includes(run) && !sessions.some(({ id }) => text.includes(id)), `left over: ${text}`);
      }
      ExclusiveStartKey = page.LastEvaluatedKey;
      if (!ExclusiveStartKey) break;
    }
  }
}

async function main() {
  for (let i = 0; i < 6; i++) await create_session(`${run}-user-${i % 3}`);
  let ended = false;
  const readers = sessions.map((session) => reader(session, () => ended));
  await Promise.all([kill_workers(), ...Array.from({ length: clients }, client)]);
  ended = true;
  await Promise.all(readers);
  for (const session of sessions) await check(session);
  await delete_all();
  await check_nothing_left();
  console.log(JSON.stringify(totals));
  must(totals.killed > 0 && totals.acknowledged > 0, 'nothing happened');
}

main().then(() => process.exit(0), (error) => { console.error(error.stack); process.exit(1); });
