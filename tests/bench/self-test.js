#!/usr/bin/env node
// Does the benchmark count right? A few seconds of what needs no service, before every run.
'use strict';
const assert = require('node:assert');
const { spawn } = require('node:child_process');
const { shapeOf } = require('./check');
const { promisesOf, rowsOf } = require('./figures');
const processes = require('./processes');
const { settingsOf } = require('./settings');
const { countsIn, difference } = require('./stand-in');

function sampleOf(changes) {
  return {
    round: 1, service: 'ours', delay: 0, load: 'get', connections: 64,
    requests: 1000, microseconds: 1e6, cpu_us: 50000, p50: 1000, p99: 2000, pss_kb: 30 * 1024,
    accepted: 0, status_errors: 0, socket_errors: 0, warm_up_errors: 0, ...changes,
  };
}

function testSettings() {
  assert.strictEqual(settingsOf({}).complete, true);
  assert.strictEqual(settingsOf({ BENCH_ROUNDS: '7' }).complete, true);
  assert.strictEqual(settingsOf({ BENCH_ROUNDS: '4' }).complete, false);
  const some = settingsOf({ BENCH_SERVICES: 'limit, ours', BENCH_DELAYS: '5', BENCH_LOADS: 'create get' });
  assert.deepStrictEqual([some.services, some.delays, some.loads, some.complete],
    [['ours', 'limit'], [5], ['get', 'create'], false]);
  const wrong = { BENCH_ROUNDS: '0', BENCH_SECONDS: '1.5', BENCH_SERVICES: 'rust', BENCH_DELAYS: ',' };
  for (const [name, value] of Object.entries(wrong)) {
    assert.throws(() => settingsOf({ [name]: value }), new RegExp(`^Error: ${name} must be`));
  }
}

// A median, not a mean; refused requests make nothing cheaper; errors are added up.
function testRows() {
  const [row] = rowsOf([
    sampleOf({ cpu_us: 10000 }),
    sampleOf({ cpu_us: 900000, status_errors: 3, socket_errors: 2, warm_up_errors: 1 }),
    sampleOf({ cpu_us: 20000, requests: 2000, status_errors: 1000 }),
  ]);
  assert.strictEqual(row.cpu, 20);
  assert.strictEqual(row.errors, 1006);
  assert.strictEqual(rowsOf([sampleOf({}), sampleOf({ connections: 256 })]).length, 2);
}

function heldOf(samples) {
  const promises = promisesOf(rowsOf(samples), { connections: [64, 256], delays: [0, 5] });
  return promises.map(({ held }) => held);
}

function testPromises() {
  const limit = sampleOf({ service: 'limit', cpu_us: 20000 });
  const go = sampleOf({ service: 'go', cpu_us: 200000 });
  assert.deepStrictEqual(heldOf([sampleOf({}), limit, go]), [true, null, null, true, true, null, null, null]);
  const dear = sampleOf({ cpu_us: 71000, p99: 3000 });
  assert.deepStrictEqual(heldOf([dear, limit, go]), [false, null, null, false, false, null, null, null]);
  assert.deepStrictEqual(heldOf([
    sampleOf({ connections: 256, status_errors: 1 }), sampleOf({ load: 'list', pss_kb: 46 * 1024 }),
    sampleOf({ service: 'tls', accepted: 1 }),
  ]).slice(5), [false, false, false]);
}

function testCounts() {
  const counts = (accepted, requests) => countsIn(
    `Active connections: 2 \nserver accepts handled requests\n ${accepted} ${accepted} ${requests} \n`);
  assert.deepStrictEqual(difference(counts(10, 100), counts(14, 1101)), { accepted: 3, requests: 1000 });
  assert.strictEqual(shapeOf({ b: [1, 2], a: null, c: { d: 'x' } }), '{a:null,b:[number]×2,c:{d:string}}');
}

const BUSY = 'i=0; while ((i < 300000)); do ((i += 1)); done';

// What a shell and its children have taken once it says that it has worked.
async function taken(script) {
  const child = spawn('bash', ['-c', script]);
  await new Promise((resolve) => { child.stdout.once('data', resolve); });
  const result = { cpu: processes.cpuUsOf([child.pid]), pss: processes.pssKbOf([child.pid]) };
  child.stdin.end();
  return result;
}

// The CPU time of a child counts while it lives, and when it has ended; the memory of both counts.
async function testProcesses() {
  const work = [`(${BUSY}); echo done; read -r`, `bash -c '${BUSY}; echo done; read -r'; true`];
  const [ended, alive] = await Promise.all(work.map(taken));
  for (const { cpu } of [ended, alive]) assert.ok(cpu >= 100000 && cpu < 60e6, `a loop took ${cpu} us of CPU`);
  assert.ok(ended.pss > 100 && ended.pss < 20000, `bash takes ${ended.pss} KB`);
  assert.ok(alive.pss > ended.pss * 1.2, `two of bash take ${alive.pss} KB, one ${ended.pss} KB`);
}

testSettings();
testRows();
testPromises();
testCounts();
testProcesses();
