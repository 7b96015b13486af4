// Load on the whole stack while its pool is reloaded, or loses a worker, each second.
//   node drill.js API MASTER_PID reload|kill SECONDS CLIENTS
// Each client appends to a session of its own, one message after the other. A reload must not be noticed. A
// killed worker takes only the requests with it that it was working on: these are 503 as JSON, and everything
// that was acknowledged is there.
'use strict';
const { allMessages, clientOf, must, mustBeTrouble, pause, workersOf } = require('../lib/client.js');

const [api, master, drill, seconds, clients] = [
  process.argv[2], Number(process.argv[3]), process.argv[4], Number(process.argv[5]), Number(process.argv[6])];
const send = clientOf(api, { connections: clients + 2 });

const until = Date.now() + seconds * 1000;
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
  // One process of 32 threads has at most all clients in it.
  must(totals.refused <= totals.drills * clients, 'more was refused than the workers had in hand');
}

main().then(() => process.exit(0), (error) => { console.error(error.message); process.exit(1); });
