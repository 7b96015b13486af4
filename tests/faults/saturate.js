// Every worker waits for a DynamoDB that does not answer. Meanwhile the master must answer health and metrics,
// and nginx must refuse what is above the capacity at once; afterwards everything works again by itself.
//   node saturate.js BASE FRONT
'use strict';
const http = require('http');

const [base, front] = process.argv.slice(2);

function send(method, url, body) {
  return new Promise((resolve, reject) => {
    const request = http.request(url, { method, agent: false }, (answer) => {
      let text = '';
      answer.on('data', (chunk) => { text += chunk; });
      answer.on('end', () => resolve({ status: answer.statusCode, headers: answer.headers, text }));
    });
    request.on('error', reject);
    request.end(body);
  });
}

const set_faults = (faults) => send('POST', `${front}/-/faults`, JSON.stringify(faults));

function must(condition, what) {
  if (!condition) throw new Error(what);
}

function check_refusal(answer) {
  must(answer.status === 503, `refused with ${answer.status}`);
  must(answer.headers['retry-after'], 'refused without Retry-After');
  must(answer.headers['content-type'].startsWith('application/problem+json'), answer.headers['content-type']);
  must(JSON.parse(answer.text).code === 'overloaded', answer.text);
}

const workers = async () => JSON.parse((await send('GET', `${base}/api/v1/health`)).text).workers;

async function timed(what, url) {
  const began = process.hrtime.bigint();
  const answer = await send('GET', url);
  console.log(`${what}: ${(Number(process.hrtime.bigint() - began) / 1e6).toFixed(1)} ms`);
  return answer;
}

async function main() {
  const { max } = await workers();
  const requests = 4 * max;
  await set_faults({ rate: 1, kinds: ['hold'] });
  const answered = [];
  const all = Array.from({ length: requests }, (_, i) =>
    send('GET', `${base}/api/v1/sessions/saturate-${i}`).then((a) => { answered.push(a); return a; }));
  // Nothing is held back any longer than the requests above capacity take: the held ones cannot answer.
  while (answered.length === 0 || (await workers()).busy < max) await new Promise((resolve) => setImmediate(resolve));
  const health = await timed('health with every worker stalled', `${base}/api/v1/health`);
  must(health.status === 200, `health: ${health.status}`);
  must(JSON.parse(health.text).workers.busy === max, `not everybody is busy: ${health.text}`);
  const metrics = await timed('metrics with every worker stalled', `${base}/metrics`);
  must(new RegExp(`^chat_sessions_pool_workers_busy ${max}$`, 'm').test(metrics.text), 'metrics show others');
  must(answered.every((a) => a.status === 503), 'a held request was answered before the master');
  await set_faults({ rate: 0, kinds: [] });
  const answers = await Promise.all(all);
  const refused = answers.filter((a) => a.status !== 200);
  refused.forEach(check_refusal);
  must(refused.length > 0, 'nothing was refused');
  must(refused.length < requests, 'everything was refused');
  const after = await send('GET', `${base}/api/v1/sessions/saturate-after`);
  must(after.status === 200, `afterwards: ${after.status}`);
  console.log(`${requests - refused.length} answered, ${refused.length} refused`);
}

main().catch((error) => { console.error(error.message); process.exitCode = 1; })
  .finally(() => set_faults({ rate: Number(process.env.FAULT_RATE || 0), kinds: [] }));
