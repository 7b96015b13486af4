// Every worker waits for a DynamoDB that does not answer. Meanwhile the master must answer health and metrics, and
// what is above the capacity waits in the backlog; afterwards everything works again by itself, and everybody is
// answered, since nobody has waited longer than QUEUE_TIMEOUT_MS (the stack's is long).
//   node saturate.js BASE FRONT
'use strict';
const { clientOf, must } = require('../lib/client.js');

const [base, front] = process.argv.slice(2);

// A connection each: all of them are to wait at once.
const send = clientOf(base, { keepAlive: false });
const send_front = clientOf(front);
const set_faults = (faults) => send_front('POST', '/-/faults', faults);

const workers = async () => (await send('GET', '/api/v1/health')).json.workers;

async function timed(what, path) {
  const began = process.hrtime.bigint();
  const answer = await send('GET', path);
  console.log(`${what}: ${(Number(process.hrtime.bigint() - began) / 1e6).toFixed(1)} ms`);
  return answer;
}

async function main() {
  const { max } = await workers();
  const requests = 16 * max;
  await set_faults({ rate: 1, kinds: ['hold'] });
  const answered = [];
  const all = Array.from({ length: requests }, (_, i) =>
    send('GET', `/api/v1/sessions/saturate-${i}`).then((a) => { answered.push(a); return a; }));
  for (const patience = Date.now() + 20000; (await workers()).busy < max;) {
    must(Date.now() < patience, `${(await workers()).busy} workers are busy`);
    await new Promise((resolve) => setImmediate(resolve));
  }
  const health = await timed('health with every worker stalled', '/api/v1/health');
  must(health.status === 200, `health: ${health.status}`);
  must(health.json.workers.busy === max, `not everybody is busy: ${health.text}`);
  const metrics = await timed('metrics with every worker stalled', '/metrics');
  must(new RegExp(`^chat_sessions_pool_workers_busy ${max}$`, 'm').test(metrics.text), 'metrics show others');
  must(answered.length === 0, `${answered.length} were answered or refused`);
  await set_faults({ rate: 0, kinds: [] });
  const answers = await Promise.all(all);
  const refused = answers.filter((a) => a.status !== 200);
  must(refused.length === 0, `${refused.length} of ${requests} were refused: ${refused[0]?.text}`);
  const after = await send('GET', '/api/v1/sessions/saturate-after');
  must(after.status === 200, `afterwards: ${after.status}`);
  console.log(`${requests} answered`);
}

main().catch((error) => { console.error(error.message); process.exitCode = 1; })
  .finally(() => set_faults({ rate: Number(process.env.FAULT_RATE || 0), kinds: [] }));
