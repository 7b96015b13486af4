// Many clients send the same append under the same Idempotency-Key at once, round after round, while
// workers of the pool are killed. Each client repeats until it is answered. Then every round must have
// exactly one message, and all answers of a round must be the same message.
//   node same-key.js API POOL_PID ROUNDS CLIENTS
'use strict';
const fs = require('fs');
const http = require('http');

const [api, pool, rounds, clients] = [process.argv[2], ...process.argv.slice(3).map(Number)];
const agent = new http.Agent({ keepAlive: true, maxSockets: clients });
const counts = { 200: 0, 201: 0, repeated: 0, killed: 0 };

function send(method, path, body, key) {
  return new Promise((resolve, reject) => {
    const headers = { 'Content-Type': 'application/json' };
    if (key) headers['Idempotency-Key'] = key;
    const request = http.request(api + path, { method, agent, headers }, (answer) => {
      let text = '';
      answer.on('data', (chunk) => { text += chunk; });
      answer.on('end', () => resolve({ status: answer.statusCode, headers: answer.headers, text }));
      answer.on('error', reject);
    });
    request.on('error', reject);
    request.end(body && JSON.stringify(body));
  });
}

// Repeats what was not answered for sure; every failure on the way must be a 503 or 504 in JSON.
async function until_answered(path, body, key) {
  for (;;) {
    const answer = await send('POST', path, body, key);
    if (answer.status === 200 || answer.status === 201) return answer;
    if (answer.status !== 503 && answer.status !== 504) throw new Error(`${answer.status} ${answer.text}`);
    JSON.parse(answer.text);
    counts.repeated++;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

function workers() {
  const text = fs.readFileSync(`/proc/${pool}/task/${pool}/children`, 'utf8').trim();
  return text ? text.split(' ').map(Number) : [];
}

function kill_one() {
  const alive = workers();
  if (alive.length < 2) return;
  process.kill(alive[counts.killed % alive.length], 'SIGKILL');
  counts.killed++;
}

async function round(session, i) {
  const body = { role: 'user', content: `round ${i}` };
  const answers = await Promise.all(Array.from({ length: clients }, () =>
    until_answered(`/sessions/${session}/messages`, body, `key-${i}`)));
  const messages = new Set(answers.map((a) => JSON.stringify(JSON.parse(a.text).message)));
  if (messages.size !== 1) throw new Error(`round ${i}: ${messages.size} different answers`);
  for (const a of answers) {
    counts[a.status]++;
    const replayed = a.headers['idempotent-replayed'] === 'true';
    if (replayed !== (a.status === 200)) throw new Error(`round ${i}: ${a.status}, replayed ${replayed}`);
  }
  if (answers.filter((a) => a.status === 201).length > 1) throw new Error(`round ${i}: two 201`);
}

async function all_messages(session) {
  const found = [];
  for (let cursor = null; ;) {
    const page = JSON.parse((await send('GET',
      `/sessions/${session}/messages?limit=1000${cursor ? `&cursor=${cursor}` : ''}`)).text);
    found.push(...page.messages);
    cursor = page.next_cursor;
    if (!cursor) return found;
  }
}

async function main() {
  const created = await until_answered('/sessions', { user_id: `same-key-${process.pid}` }, 'create');
  const { session_id: session, user_id: user } = JSON.parse(created.text).session;
  for (let i = 0; i < rounds; i++) {
    if (i % 25 === 10) kill_one();
    await round(session, i);
  }
  const contents = (await all_messages(session)).map((m) => m.content);
  const wanted = Array.from({ length: rounds }, (_, i) => `round ${i}`);
  if (JSON.stringify(contents) !== JSON.stringify(wanted)) throw new Error(`found ${contents.length} messages`);
  const count = JSON.parse((await send('GET', `/sessions/${user}/${session}`)).text).session.message_count;
  if (count !== rounds) throw new Error(`message_count is ${count}`);
  console.log(JSON.stringify(counts));
  if (counts.killed === 0) throw new Error('no worker was killed');
}

main().then(() => process.exit(0), (error) => { console.error(error.message); process.exit(1); });
