// What bodies of nothing but values take of the workers' memory, and whether it is given back.
//   node memory.js BASE MASTER_PID SESSION
// Sends each kind of body 64 times at once and looks at the workers' memory (PSS: shared pages
// count once) meanwhile and afterwards. Fails above PEAK_MB, or if more than KEPT_MB above the beginning stay.
'use strict';
const fs = require('fs');
const http = require('http');

const PEAK_MB = 400;
const KEPT_MB = 32;
const AT_ONCE = 64;
const SIZE = 4 * 1024 * 1024;

const [base, master, session] = process.argv.slice(2);
const agent = new http.Agent({ keepAlive: true, maxSockets: AT_ONCE });

const filled = (begin, one, end) => {
  const count = Math.floor((SIZE - begin.length - end.length - 16) / one.length);
  return Buffer.from(begin + one.repeat(count) + one.replace(/,$/, '') + end);
};
// The last is text that has to be decoded: a copy of it is made.
const bodies = [
  ['array of numbers', 422, PEAK_MB, filled('[', '0,', ']')],
  ['object of members', 422, PEAK_MB, filled('{', '"\\n":0,', '}')],
  ['one element of members', 422, PEAK_MB, filled('[{', '"\\n":0,', '}]')],
  ['escaped content', 413, 1.5 * PEAK_MB, filled('{"role":"user","content":"', '\\n', '"}')],
];

function workers() {
  return fs.readFileSync(`/proc/${master}/task/${master}/children`, 'utf8').trim().split(' ');
}

function memory_mb() {
  let kb = 0;
  for (const pid of workers()) {
    kb += Number(/^Pss:\s+(\d+)/m.exec(fs.readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))[1]);
  }
  return kb / 1024;
}

function post(body) {
  return new Promise((resolve, reject) => {
    const request = http.request(`${base}/api/v1/sessions/${session}/messages`, {
      agent, method: 'POST', headers: { 'content-type': 'application/json', 'content-length': body.length },
    }, (answer) => {
      let text = '';
      answer.on('data', (data) => { text += data; }).on('end', () => resolve([answer.statusCode, text]));
    });
    request.on('error', reject).end(body);
  });
}

async function round(body, seen) {
  let under_way = AT_ONCE;
  const answers = Array.from({ length: AT_ONCE }, () => post(body).finally(() => { under_way--; }));
  while (under_way > 0) {
    seen.peak = Math.max(seen.peak, memory_mb());
    await new Promise((resolve) => { setTimeout(resolve, 5); });
  }
  return Promise.all(answers);
}

// Requests are answered a moment before their memory is given back.
async function settled(limit) {
  let now = memory_mb();
  for (let i = 0; i < 100 && now > limit; i++) {
    await new Promise((resolve) => { setTimeout(resolve, 100); });
    now = memory_mb();
  }
  return now;
}

async function main() {
  // Every thread has worked once: what it needs in any case counts as the beginning.
  await round(Buffer.from('[0]'), { peak: 0 });
  await round(Buffer.from('[0]'), { peak: 0 });
  const begin = memory_mb();
  for (const [what, wanted, limit, body] of bodies) {
    const seen = { peak: 0 };
    for (const [status, text] of await round(body, seen)) {
      // A 503 is a request that waited too long for a worker of a busy machine.
      if (status !== wanted && status !== 503) throw new Error(`${what}: ${status} ${text}`);
    }
    const after = await settled(begin + KEPT_MB);
    console.log(`${what}: at first ${begin.toFixed(0)} MB, peak ${seen.peak.toFixed(0)} MB, afterwards ${after.toFixed(0)} MB`);
    if (seen.peak > limit || after > begin + KEPT_MB) process.exitCode = 1;
  }
  agent.destroy();
}

main();
