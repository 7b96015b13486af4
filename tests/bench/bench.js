#!/usr/bin/env node
// Measures: bench.js DIRECTORY, see run. Round after round, each service in turn is started alone
// with a stand-in for DynamoDB of its own, warmed up, and put under each load. What came of it goes
// to DIRECTORY/results.json, and from there into the report.
//
//   1. settings   2. do all services answer alike?   3. the rounds   4. results and report
//
// BENCH_ROUNDS (5), BENCH_SECONDS (2) for each measurement, BENCH_SERVICES (ours, tls, go, fastify,
// fastapi, limit, front), BENCH_LOADS (get, list, append, hot, create), BENCH_CONNECTIONS (64, 256),
// BENCH_DELAYS (0, 5; ms in the stand-in).
'use strict';
const fs = require('node:fs');
const path = require('node:path');
const { spawn } = require('node:child_process');
const { newCheck } = require('./check');
const { machine } = require('./machine');
const processes = require('./processes');
const { writeReport } = require('./report');
const { services } = require('./services');
const { settingsOf } = require('./settings');
const { difference, startStandIn } = require('./stand-in');

const LOAD = path.join(__dirname, 'load.lua');
const WARM_UP_SECONDS_MAX = 20;
const say = (text) => process.stdout.write(`${text}\n`);

// ---- one measurement --------------------------------------------------------------------------

function resultIn(output) {
  const line = /^RESULT (.*)$/m.exec(output);
  if (!line) throw new Error(`wrk told no result:\n${output}`);
  return JSON.parse(line[1]);
}

// One thread of wrk, so that the generator of the load takes no more than one core.
function wrk(url, { load, connections, seconds, count }) {
  const options = ['-t', '1', '-c', String(connections), '-d', `${seconds}s`, '--timeout', '10s'];
  const child = spawn('wrk', [...options, '-s', LOAD, url, '--', load, ...(count ? ['count'] : [])],
    { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  child.stdout.on('data', (piece) => { output += piece; });
  child.stderr.on('data', (piece) => { output += piece; });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', () => {
      try {
        resolve(resultIn(output));
      } catch (error) {
        reject(error);
      }
    });
  });
}

async function measure(service, standIn, cell) {
  await processes.waitUntilIdle(service.roots);
  const before = await standIn.counts();
  const cpuBefore = processes.cpuUsOf(service.roots);
  const result = await wrk(service.url, cell);
  processes.mustLive(service.roots);
  const cpuUs = processes.cpuUsOf(service.roots) - cpuBefore;
  const pssKb = processes.pssKbOf(service.roots);
  const { accepted, requests: calls } = difference(before, await standIn.counts());
  const { load, connections } = cell;
  // Nobody was answered: that is no speed, but an error of each connection.
  if (!result.requests) result.socket_errors += connections;
  return { load, connections, ...result, cpu_us: cpuUs, pss_kb: pssKb, accepted, calls };
}

function tell(sample) {
  const { round, service, delay, load, connections, requests, microseconds } = sample;
  const errors = sample.status_errors + sample.socket_errors + sample.warm_up_errors;
  say([
    `round ${round}`, service.padEnd(8), `${delay} ms`, load.padEnd(6), `${connections}`.padStart(4),
    `${(requests / microseconds * 1e6).toFixed(0)}/s`.padStart(8),
    `${requests ? (sample.cpu_us / requests).toFixed(0) : '–'} us`.padStart(8),
    `p50 ${(sample.p50 / 1000).toFixed(1)}`, `p99 ${(sample.p99 / 1000).toFixed(1)} ms`,
    `${(sample.pss_kb / 1024).toFixed(0)} MB`, errors ? `${errors} ERRORS` : '',
  ].join('  ').trimEnd());
}

// ---- one turn of one service ------------------------------------------------------------------

// What is started is ended again, whatever happens; also by a signal, see endAtOnce.
const toStop = [];

async function stopAll() {
  while (toStop.length) await toStop.pop().stop();
}

async function withService(name, { directory, delay }, use) {
  const { start, tls } = services[name];
  try {
    const state = (of) => path.join(directory, 'state', of);
    fs.rmSync(path.join(directory, 'state'), { recursive: true, force: true });
    const standIn = startStandIn(state('stand-in'), { delay, tls });
    toStop.push(standIn);
    const service = await start({ state: state(name), standIn, rivals: path.join(directory, 'rivals') });
    toStop.push(service);
    await use(service, standIn, services[name]);
  } finally {
    await stopAll();
  }
}

// A hot session is looked at with one number of connections.
function cellsOf(name, settings) {
  const { brief } = services[name];
  const connections = brief ? settings.connections.slice(0, 1) : settings.connections;
  return settings.loads
    .filter((load) => !brief || load !== 'hot')
    .map((load) => [load, load === 'hot' ? connections.slice(0, 1) : connections]);
}

// A second of the load at least, and as many requests as the service needs. The number of errors.
async function warmUp(service, load, connections, needed, { forwards }) {
  let requests = 0;
  let errors = 0;
  for (let second = 1; second === 1 || (requests < needed && second <= WARM_UP_SECONDS_MAX); second++) {
    const result = await wrk(service.url, { load, connections, seconds: 1, count: !forwards });
    requests += result.requests;
    errors += result.status_errors + result.socket_errors;
  }
  return errors;
}

async function turn(name, delay, settings, directory, record) {
  await withService(name, { directory, delay }, async (service, standIn, how) => {
    for (const [load, connections] of cellsOf(name, settings)) {
      const needed = (load === settings.loads[0] ? how.warmUpFirst : how.warmUpNext) ?? 0;
      // The appends to many sessions have warmed up those to one.
      const warm = load !== 'hot' || !settings.loads.includes('append');
      const errors = warm ? await warmUp(service, load, connections[0], needed, how) : 0;
      for (const number of connections) {
        const sample = await measure(service, standIn, { load, connections: number, seconds: settings.seconds });
        record({ service: name, delay, warm_up_errors: number === connections[0] ? errors : 0, ...sample });
      }
    }
  });
}

// ---- the run ----------------------------------------------------------------------------------

async function checkAll(settings, directory) {
  const check = newCheck();
  // This service first, even if it is not measured: it says what is right.
  for (const name of new Set(['ours', ...settings.services])) {
    await withService(name, { directory, delay: 0 }, (service, _, how) => check(name, service.url, how));
  }
  say('All services answer the four calls alike.');
}

async function rounds(settings, directory) {
  const samples = [];
  for (let round = 1; round <= settings.rounds; round++) {
    for (const delay of settings.delays) {
      const isLeftOut = (name) => services[name].brief && delay !== settings.delays[0];
      for (const name of settings.services.filter((one) => !isLeftOut(one))) {
        await turn(name, delay, settings, directory, (sample) => {
          samples.push({ round, ...sample });
          tell(samples.at(-1));
        });
      }
    }
  }
  return samples;
}

function endAtOnce(signal) {
  process.on(signal, () => {
    for (const one of toStop.splice(0).reverse()) Promise.resolve(one.stop()).catch(() => {});
    processes.killAll();
    process.exit(130);
  });
}

async function main(directory) {
  const settings = settingsOf(process.env);
  ['SIGINT', 'SIGTERM', 'SIGHUP'].forEach(endAtOnce);
  const began = new Date();
  await checkAll(settings, directory);
  const samples = await rounds(settings, directory);
  const minutes = Math.round((Date.now() - began) / 6000) / 10;
  const results = { date: began.toISOString(), minutes, settings, machine: machine(), samples };
  const file = path.join(directory, 'results.json');
  fs.writeFileSync(file, `${JSON.stringify(results, null, 1)}\n`);
  say(`\n${file}: ${samples.length} measurements in ${minutes} minutes`);
  writeReport(results, directory);
}

main(process.argv[2]).catch(async (error) => {
  process.stderr.write(`bench: ${error.message}\n`);
  await stopAll();
  process.exit(1);
});
