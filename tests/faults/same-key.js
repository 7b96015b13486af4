// Many clients send the same append under the same Idempotency-Key at once, round after round, while
// workers of the pool are killed. Each client repeats until it is answered. Then every round must have
// exactly one message, and all answers of a round must be the same message.
//   node same-key.js API POOL_PID ROUNDS CLIENTS
'use strict';
const { allMessages, clientOf, must, untilAnswered, workersOf } = require('../lib/client.js');

const [api, pool, rounds, clients] = [process.argv[2], ...process.argv.slice(3).map(Number)];
const send = clientOf(api, { connections: clients });
const counts = { 200: 0, 201: 0, repeated: 0, killed: 0 };

async function post(path, body, key) {
  const request = ['POST', path, body, { 'Idempotency-Key': key }];
  const answer = await untilAnswered(send, request, () => { counts.repeated++; });
  must(answer.status === 200 || answer.status === 201, `answered ${answer.status}: ${answer.text}`);
  return answer;
}

function kill_one() {
  const alive = workersOf(pool);
  if (alive.length < 2) return;
  process.kill(alive[counts.killed % alive.length], 'SIGKILL');
  counts.killed++;
}

async function round(session, i) {
  const body = { role: 'user', content: `round ${i}` };
  const answers = await Promise.all(Array.from({ length: clients }, () =>
    post(`/sessions/${session}/messages`, body, `key-${i}`)));
  const messages = new Set(answers.map((a) => JSON.stringify(a.json.message)));
  must(messages.size === 1, `round ${i}: ${messages.size} different answers`);
  for (const a of answers) {
    counts[a.status]++;
    const replayed = a.headers['idempotent-replayed'] === 'true';
    must(replayed === (a.status === 200), `round ${i}: ${a.status}, replayed ${replayed}`);
  }
  must(answers.filter((a) => a.status === 201).length <= 1, `round ${i}: two 201`);
}

async function main() {
  const created = await post('/sessions', { user_id: `same-key-${process.pid}` }, 'create');
  const { session_id: session, user_id: user } = created.json.session;
  for (let i = 0; i < rounds; i++) {
    if (i % 15 === 10) kill_one();
    await round(session, i);
  }
  const contents = (await allMessages(async (path) => (await send('GET', path)).json, session)).map((m) => m.content);
  const wanted = Array.from({ length: rounds }, (_, i) => `round ${i}`);
  must(JSON.stringify(contents) === JSON.stringify(wanted), `found ${contents.length} messages`);
  const count = (await send('GET', `/sessions/${user}/${session}`)).json.session.message_count;
  must(count === rounds, `message_count is ${count}`);
  console.log(JSON.stringify(counts));
  must(counts.killed > 0, 'no worker was killed');
}

main().then(() => process.exit(0), (error) => { console.error(error.message); process.exit(1); });
