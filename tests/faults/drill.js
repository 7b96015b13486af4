// Load on the whole stack while its pool is reloaded, or loses a worker, each second.
//   node drill.js API MASTER_PID reload|kill SECONDS CLIENTS
// Each client appends to a session of its own, one message after the other. A reload must not be noticed. A
// killed worker takes only the requests with it that it was working on: these are 503 as JSON, and everything
// that was acknowledged is there.
'use strict';
const fs = require('fs');
const http = require('http');

const [api, master, drill, seconds, clients] = [
  process.argv[2], Number(process.argv[3]), process.argv[4], Number(process.argv[5]), Number(process.argv[6])];
const agent = new http.Agent({ keepAlive: true, maxSockets: clients + 2 });

function send(method, path, body) {
  return new Promise((resolve, reject) => {
    const headers = body ? { 'content-type': 'application/json' } : {};
    const request = http.request(api + path, { method, agent, headers }, (answer) => {
      let text = '';
      answer.on('data', (data) => { text += data; });
      answer.on('end', () => resolve({ status: answer.statusCode, headers: answer.headers, text }));
    });
    request.on('error', reject);
    request.end(body && JSON.stringify(body));
  });
}

function must(condition, what) {
  if (!condition) throw new Error(what);
}

const workers = () => fs.readFileSync(`/proc/${master}/task/${master}/children`, 'utf8')
  .trim().split(' ').filter(Boolean).map(Number);

const until = Date.now() + seconds * 1000;
const totals = { acknowledged: 0, refused: 0, drills: 0, slowest_ms: 0 };

function check_refusal(answer) {
  must(drill === 'kill', `answered ${answer.status}: ${answer.text}`);
  must(answer.status === 503, `answered ${answer.status}: ${answer.text}`);
  must(answer.headers['content-type'] === 'application/problem+json', answer.headers['content-type']);
  must(answer.headers['retry-after'], 'without Retry-After');
  must(JSON.parse(answer.text).status === 503, answer.text);
}

async function create(user) {
  for (;;) {
    const answer = await send('POST', '/sessions', { user_id: user });
    if (answer.status === 201) return JSON.parse(answer.text).session.session_id;
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
    if (answer.status === 201) acknowledged.push(JSON.parse(answer.text).message.timestamp);
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
    await new Promise((resolve) => setTimeout(resolve, 1000));
    if (Date.now() >= until) break;
    if (drill === 'reload') process.kill(master, 'SIGHUP');
    else {
      const living = workers();
      if (living.length) process.kill(living[totals.drills % living.length], 'SIGKILL');
    }
    totals.drills++;
  }
}

async function verify({ user, session, acknowledged }) {
  const stored = new Set();
  for (let after = 0, more = true; more;) {
    const page = JSON.parse((await send('GET', `/sessions/${session}/messages?limit=1000&after=${after}`)).text);
    for (const message of page.messages) stored.add(message.timestamp);
    after = Math.max(after, ...stored);
    more = page.has_more;
  }
  must(acknowledged.every((timestamp) => stored.has(timestamp)), `${session} has lost an acknowledged message`);
  const answer = JSON.parse((await send('GET', `/sessions/${user}/${session}`)).text);
  must(answer.session.message_count === stored.size, `${session} counts ${answer.session.message_count} of ${stored.size}`);
}

async function main() {
  const [, ...sessions] = await Promise.all([strike(), ...Array.from({ length: clients }, (_, i) => client(i))]);
  for (const session of sessions) await verify(session);
  console.log(JSON.stringify(totals));
  must(totals.drills > 0 && totals.acknowledged > 0, 'nothing happened');
  // One process of 32 threads has at most all clients in it.
  must(totals.refused <= totals.drills * clients, 'more was refused than the workers had in hand');
}

main().then(() => agent.destroy(), (error) => { console.error(error.message); process.exit(1); });
