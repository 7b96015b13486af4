// Load on the whole stack while its pool is reloaded, or loses a worker, each second.
//   node drill.js API MASTER_PID reload|kill SECONDS CLIENTS
//   node drill.js API MASTER_PID storm SECONDS CLIENTS MESSAGES
// Each client appends to a session of its own, one message after the other. A reload must not be noticed. A
// killed worker takes only the requests with it that it was working on: these are 503 as JSON, and everything
// that was acknowledged is there.
// storm: a worker is killed every 0.4 s, for that many seconds and until every client has written so many
// messages, each under a key of its own and sent again until it is answered: none is lost, none is there twice.
'use strict';
const { allMessages, clientOf, must, mustBeTrouble, pause, untilAnswered, workersOf } = require('../lib/client.js');

const [api, master, drill, seconds, clients, messages] = [
  process.argv[2], Number(process.argv[3]), process.argv[4], ...process.argv.slice(5).map(Number)];
const send = clientOf(api, { connections: clients + 2 });

const start = Date.now();
const until = start + seconds * 1000;
const totals = { acknowledged: 0, refused: 0, drills: 0, slowest_ms: 0 };

function check_refusal(answer) {
  must(drill === 'kill' && answer.status === 503, `answered ${answer.status}: ${answer.text}`);
  mustBeTrouble(answer);
}

async function create(user) {
  for (;;) {
    const answer = await send('POST', '/sessions', { user_id: user });
    if (answer.status === 201) return answer.json.session.session_id;
    check_refusal(answer);
  }
}

async function client(number) {
  const user = `drill-${process.pid}-${number}`;
  const session = await create(user);
  const acknowledged = [];
  while (Date.now() < until) {
    const began = Date.now();
    const answer = await send('POST', `/sessions/${session}/messages`, { role: 'user', content: 'x' });
    totals.slowest_ms = Math.max(totals.slowest_ms, Date.now() - began);
    if (answer.status === 201) acknowledged.push(answer.json.message.timestamp);
    else {
      check_refusal(answer);
      totals.refused++;
    }
  }
  totals.acknowledged += acknowledged.length;
  return { user, session, acknowledged };
}

// Writes its messages, each until it is acknowledged, spread over the time.
async function writer(number) {
  const user = `storm-${process.pid}-${number}`;
  const repeated = () => { totals.refused++; };
  const began = Date.now();
  const created = await untilAnswered(send, ['POST', '/sessions', { user_id: user },
    { 'Idempotency-Key': `${user}-session` }], repeated);
  must(created.status === 201 || created.status === 200, created.text);
  const session = created.json.session.session_id;
  const acknowledged = [];
  for (let i = 0; i < messages; i++) {
    while (Date.now() - began < (i / messages) * seconds * 1000) await pause(20);
    const sent = Date.now();
    const answer = await untilAnswered(send, ['POST', `/sessions/${session}/messages`,
      { role: 'user', content: `${i}` }, { 'Idempotency-Key': `${user}-${i}` }], repeated);
    must(answer.status === 201 || answer.status === 200, answer.text); // 200: it was there already
    totals.slowest_ms = Math.max(totals.slowest_ms, Date.now() - sent);
    acknowledged.push(answer.json.message.timestamp);
  }
  totals.acknowledged += acknowledged.length;
  totals.writing--;
  totals.written_s = (Date.now() - start) / 1000; // by the last one
  return { user, session, acknowledged };
}

async function verifyStorm({ user, session, acknowledged }) {
  const stored = await allMessages(async (path) => (await untilAnswered(send, ['GET', path])).json, session);
  const contents = stored.map((message) => message.content).join();
  must(contents === Array.from({ length: messages }, (_, i) => `${i}`).join(), `${session} holds ${contents}`);
  must(acknowledged.every((timestamp, i) => stored[i].timestamp === timestamp), `${session} has other times`);
  const { message_count: count } = (await send('GET', `/sessions/${user}/${session}`)).json.session;
  must(count === messages, `${session} counts ${count} of ${messages}`);
}

async function storm() {
  while (totals.writing > 0 || Date.now() < until) {
    await pause(400);
    const living = workersOf(master);
    if (living.length) process.kill(living[totals.drills % living.length], 'SIGKILL');
    totals.drills++;
    must(Date.now() < until + 60000, `${totals.writing} writers have not finished`);
  }
}

// A moment later than asked for is no harm: what counts is that load was there.
async function strike() {
  while (Date.now() < until) {
    await pause(1000);
    if (Date.now() >= until) break;
    if (drill === 'reload') process.kill(master, 'SIGHUP');
    else {
      const living = workersOf(master);
      if (living.length) process.kill(living[totals.drills % living.length], 'SIGKILL');
    }
    totals.drills++;
  }
}

async function verify({ user, session, acknowledged }) {
  const messages = await allMessages(async (path) => (await send('GET', path)).json, session);
  const stored = new Set(messages.map((message) => message.timestamp));
  must(acknowledged.every((timestamp) => stored.has(timestamp)), `${session} has lost an acknowledged message`);
  const { message_count: count } = (await send('GET', `/sessions/${user}/${session}`)).json.session;
  must(count === stored.size, `${session} counts ${count} of ${stored.size}`);
}

async function stormMain() {
  totals.writing = clients;
  const [, ...sessions] = await Promise.all([storm(), ...Array.from({ length: clients }, (_, i) => writer(i))]);
  for (const session of sessions) await verifyStorm(session);
  delete totals.writing;
  console.log(JSON.stringify(totals));
  must(totals.acknowledged === clients * messages, 'not every message was acknowledged');
  must(totals.drills >= seconds, 'too few workers were killed');
}

async function main() {
  const first = workersOf(master);
  const [, ...sessions] = await Promise.all([strike(), ...Array.from({ length: clients }, (_, i) => client(i))]);
  for (const session of sessions) await verify(session);
  console.log(JSON.stringify(totals));
  must(totals.drills > 0 && totals.acknowledged > 0, 'nothing happened');
  // Old workers may still be finishing what they have in hand.
  if (drill === 'reload') {
    for (const patience = Date.now() + 10000; first.some((pid) => workersOf(master).includes(pid));) {
      must(Date.now() < patience, 'the workers are the same as before the reloads');
      await pause(50);
    }
  }
  // One process has at most all clients in it.
  must(totals.refused <= totals.drills * clients, 'more was refused than the workers had in hand');
}

(drill === 'storm' ? stormMain : main)().then(() => process.exit(0), (error) => { console.error(error.message); process.exit(1); });
