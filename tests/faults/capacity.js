// The load of tests/faults/capacity, and what is judged.
//   node capacity.js overload SECONDS API MASTER_PID
//   node capacity.js soak MINUTES API MASTER_PID
'use strict';
const fs = require('fs');
const { clientOf, must, mustBeTrouble, pause, workersOf } = require('../lib/client.js');

const [what, amount, api, master] = [process.argv[2], Number(process.argv[3]), process.argv[4], Number(process.argv[5])];
const CAPACITY_CLIENTS = 32; /* twice the slots: none is ever idle */
const send = clientOf(api, { connections: 4096 });

// ---- what the pool takes ----------------------------------------------------------------------

// Of all workers together: resident memory that is their own, and open descriptors.
function footprint() {
  let [kb, descriptors] = [0, 0];
  for (const pid of workersOf(master)) {
    kb += Number(/^RssAnon:\s+(\d+)/m.exec(fs.readFileSync(`/proc/${pid}/status`, 'utf8'))[1]);
    descriptors += fs.readdirSync(`/proc/${pid}/fd`).length;
  }
  return { mb: Math.round(kb / 102.4) / 10, descriptors };
}

const quantile = (times, q) => {
  const sorted = [...times].sort((a, b) => a - b);
  return sorted.length ? Math.round(sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))]) : 0;
};

// ---- requests ---------------------------------------------------------------------------------

let session;
let numbers = 0;

// A read, or every fourth time an append.
function ask() {
  numbers++;
  return numbers % 4
    ? send('GET', `/sessions/${session}/messages?limit=20`)
    : send('POST', `/sessions/${session}/messages`, { role: 'user', content: 'x', user_id: 'alice' });
}

async function one(result) {
  const began = performance.now();
  const answer = await ask();
  const took = performance.now() - began;
  if (answer.status < 300) result.good.push(took);
  else {
    must(answer.status === 503, `answered ${answer.status}: ${answer.text}`);
    mustBeTrouble(answer);
    result.refused.push(took);
  }
}

async function closed(clients, seconds) {
  const result = { good: [], refused: [] };
  const end = performance.now() + seconds * 1000;
  await Promise.all(Array.from({ length: clients }, async () => {
    while (performance.now() < end) await one(result);
  }));
  return result;
}

// As many a second, whether the ones before are answered or not.
async function open(rate, seconds) {
  const result = { good: [], refused: [] };
  const began = performance.now();
  const asked = [];
  for (let n = 0; n < rate * seconds;) {
    const due = (performance.now() - began) / 1000 * rate;
    for (; n < due && n < rate * seconds; n++) asked.push(one(result));
    await pause(2);
  }
  const took = (performance.now() - began) / 1000;
  await Promise.all(asked);
  return { ...result, offered: Math.round(asked.length / took) };
}

// ---- overload ---------------------------------------------------------------------------------

async function overload(seconds) {
  await closed(CAPACITY_CLIENTS, 2); // warm
  const peak = Math.round((await closed(CAPACITY_CLIENTS, seconds)).good.length / seconds);
  const steps = [];
  for (const times of [1, 2, 4]) {
    const before = footprint();
    const { good, refused, offered } = await open(peak * times, seconds);
    steps.push({
      times, offered, goodput: Math.round(good.length / seconds), refused: refused.length,
      refused_p50_ms: quantile(refused, 0.5), refused_p99_ms: quantile(refused, 0.99), good_p99_ms: quantile(good, 0.99),
      mb_before: before.mb, mb_after: footprint().mb,
    });
    console.log(JSON.stringify(steps[steps.length - 1]));
    await pause(1000);
  }
  const last = steps[2];
  console.log(JSON.stringify({ peak, steps }));
  must(last.offered >= peak * 3.5, `only ${last.offered} a second could be sent: the load generator is at its end`);
  must(last.goodput >= 0.9 * peak, `goodput at 4 times the load is ${last.goodput} of ${peak}`);
  must(last.refused_p99_ms <= 1500, `a refusal takes ${last.refused_p99_ms} ms`);
  must(last.mb_after <= 1.1 * steps[0].mb_before + 8, `memory went from ${steps[0].mb_before} to ${last.mb_after} MB`);
}

// ---- soak -------------------------------------------------------------------------------------

// The first tenth warms up and is not looked at; the second is compared with the last.
async function soak(minutes) {
  const parts = [];
  for (let i = 0; i < 10; i++) {
    const { good, refused } = await closed(8, minutes * 6);
    must(!refused.length, `${refused.length} requests were refused`);
    parts.push({ requests: good.length, p50_ms: quantile(good, 0.5), p99_ms: quantile(good, 0.99), ...footprint() });
    console.log(JSON.stringify(parts[i]));
  }
  const [first, last] = [parts[1], parts[9]];
  console.log(JSON.stringify({ minutes, first, last }));
  must(last.mb <= 1.05 * first.mb + 2, `memory went from ${first.mb} to ${last.mb} MB`);
  must(last.descriptors <= first.descriptors + 4, `descriptors went from ${first.descriptors} to ${last.descriptors}`);
  must(last.p99_ms <= 1.25 * first.p99_ms + 5, `p99 went from ${first.p99_ms} to ${last.p99_ms} ms`);
}

async function main() {
  const created = await send('POST', '/sessions', { user_id: 'alice' });
  must(created.status === 201, created.text);
  session = created.json.session.session_id;
  await (what === 'soak' ? soak(amount) : overload(amount));
}

main().then(() => process.exit(0), (error) => { console.error(error.message); process.exit(1); });
