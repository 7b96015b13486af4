// Processes: starting and ending those of the benchmark, and what /proc tells of a service: the CPU
// time and the memory of a process and all that descend from it.
'use strict';
const fs = require('node:fs');
const net = require('node:net');
const { execFileSync, spawn } = require('node:child_process');

const pause = (ms) => new Promise((resolve) => { setTimeout(resolve, ms); });

async function waitFor(what, seconds, condition) {
  const end = Date.now() + seconds * 1000;
  while (!(await condition())) {
    if (Date.now() > end) throw new Error(`${what}: not within ${seconds} s`);
    await pause(20);
  }
}

// ---- starting and ending ----

const running = new Set();

// In a process group of its own, its output in a file. A first line tells what was run.
function start(command, args, { log, environment = {}, directory }) {
  const output = fs.openSync(log, 'a');
  fs.writeSync(output, `$ ${command} ${args.join(' ')}\n`);
  const child = spawn(command, args, {
    cwd: directory, detached: true, env: { ...process.env, ...environment }, stdio: ['ignore', output, output],
  });
  fs.closeSync(output);
  running.add(child);
  child.on('exit', () => running.delete(child));
  child.on('error', (error) => { throw new Error(`cannot start ${command}: ${error.message}`); });
  return child;
}

function kill(child, signal) {
  try {
    process.kill(-child.pid, signal);
  } catch (error) {
    if (error.code !== 'ESRCH') throw error;
  }
}

async function stop(child) {
  kill(child, 'SIGTERM');
  const gone = () => child.exitCode !== null || child.signalCode !== null;
  await waitFor(`the end of ${child.spawnfile}`, 5, gone).catch(() => kill(child, 'SIGKILL'));
}

// For an end that does not wait.
function killAll() {
  for (const child of running) kill(child, 'SIGKILL');
}

// Below the ports of outgoing connections, so that none of them takes it.
async function freePort() {
  for (;;) {
    const port = 20000 + Math.floor(Math.random() * 12000);
    const free = await new Promise((resolve) => {
      const server = net.createServer().once('error', () => resolve(false));
      server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
    });
    if (free) return port;
  }
}

// ---- what /proc tells ----

const TICK_US = 1e6 / Number(execFileSync('getconf', ['CLK_TCK']));

function read(file) {
  try {
    return fs.readFileSync(file, 'utf8');
  } catch (error) {
    if (['ENOENT', 'ESRCH'].includes(error.code)) return '';
    throw error;
  }
}

// A process and its descendants. Each thread has children of its own.
function treeOf(pid) {
  const tasks = fs.existsSync(`/proc/${pid}/task`) ? fs.readdirSync(`/proc/${pid}/task`) : [];
  const children = tasks.flatMap((task) => read(`/proc/${pid}/task/${task}/children`).split(' ').filter(Boolean));
  return [pid, ...children.flatMap(treeOf)];
}

// utime, stime and those of the children that have ended: fields 14 to 17 of stat. The name before
// them may contain blanks.
function cpuOfProcess(pid) {
  const stat = read(`/proc/${pid}/stat`);
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return stat ? fields.slice(11, 15).reduce((sum, ticks) => sum + Number(ticks), 0) * TICK_US : 0;
}

const pssOfProcess = (pid) => Number(/^Pss:\s+(\d+)/m.exec(read(`/proc/${pid}/smaps_rollup`))?.[1] ?? 0);

const sumOver = (roots, measure) => (
  roots.flatMap(treeOf).map(measure).reduce((sum, value) => sum + value, 0));
const cpuUsOf = (roots) => sumOver(roots, cpuOfProcess);
const pssKbOf = (roots) => sumOver(roots, pssOfProcess);

// Until the service has finished what the last load has left it to do.
async function waitUntilIdle(roots) {
  for (let before = -1, quiet = 0, tries = 0; quiet < 2 && tries < 200; tries++) {
    const now = cpuUsOf(roots);
    quiet = now === before ? quiet + 1 : 0;
    before = now;
    await pause(25);
  }
}

// A service that has ended costs nothing: it must not be measured.
function mustLive(roots) {
  const ended = roots.find((pid) => !read(`/proc/${pid}/stat`));
  if (ended) throw new Error(`process ${ended} of the service has ended; see the logs below build/bench/state`);
}

module.exports = { cpuUsOf, freePort, killAll, mustLive, pause, pssKbOf, start, stop, waitFor, waitUntilIdle };
