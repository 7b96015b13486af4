// The services: how each is started and ended, and which processes belong to it. Each stands behind
// an nginx of its own, all with the configuration of nginx/local.conf.template.
//
//   start({state, standIn, rivals}) → {url, roots, stop}: roots are the processes whose descendants
//   are the service
//   tls: with TLS to the stand-in
//   forwards: the answers are those of DynamoDB
//   brief: measured without delay and with the least connections only, one session left out
'use strict';
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { execFileSync } = require('node:child_process');
const processes = require('./processes');

const TOP = path.join(__dirname, '../..');
const RIVALS = path.join(__dirname, 'rivals');
const WORKERS = String(Math.max(2, os.cpus().length));
// Debian's, where Debian's packages are.
const PYTHON = '/usr/bin/python3';

// ---- this service -----------------------------------------------------------------------------

// As scripts/run starts it: the configuration of the stand-in, all else by default.
function startOurs({ state, standIn }) {
  const pidOf = (name) => Number(fs.readFileSync(`${state}/pids/${name}`, 'utf8').split(' ')[0]);
  const stop = () => execFileSync(`${TOP}/scripts/stop`, ['--state', state], { stdio: 'ignore' });
  execFileSync(`${TOP}/scripts/run`, ['--detach', '--port', '0', '--state', state, '--env-file', standIn.file],
    { stdio: ['ignore', 'ignore', 'inherit'] });
  return { url: fs.readFileSync(`${state}/url`, 'utf8').trim(), roots: [pidOf('pool'), pidOf('nginx')], stop };
}

// ---- nginx before a rival ---------------------------------------------------------------------

function replace(text, pattern, by) {
  if (!pattern.test(text)) throw new Error(`the benchmark finds no ${pattern} in nginx's configuration`);
  return text.replace(pattern, () => by);
}

// The words between @ in a template.
function fillIn(template, { state, port, upstream }) {
  const values = {
    USER: process.getuid() === 0 ? 'user root;' : '',
    STATE: state,
    PORT: port,
    LISTEN6: '',
    UPSTREAM: upstream,
    STATUS_SOCKET: `${state}/none.sock`,
    DOCROOT: state,
    CONSOLE: state,
    RATE: 100000,
    BURST: 100000,
  };
  return template.replace(/@([A-Z0-9_]+)@/g, (word, name) => {
    if (!(name in values)) throw new Error(`the benchmark has no value for ${word} in nginx's configuration`);
    return values[name];
  });
}

// The configuration of this service's nginx, with other things than FastCGI behind it.
function frontTemplate() {
  let text = fs.readFileSync(`${TOP}/nginx/local.conf.template`, 'utf8');
  text = replace(text, /server "unix:@SOCKET@"[^;]*;/, 'server @UPSTREAM@ max_fails=0;');
  text = replace(text, /keepalive \d+;/, 'keepalive 256;');
  return replace(text, /fastcgi_read_timeout @READ_TIMEOUT@;/, 'proxy_read_timeout 75s;');
}

const limitTemplate = () => fs.readFileSync(`${__dirname}/nginx/limit.conf.template`, 'utf8');

// The snippets of this service, changed to forward with the snippet "forward" to the path "target".
function copySnippets(directory, forward, target) {
  fs.cpSync(`${TOP}/nginx/snippets`, directory, { recursive: true });
  for (const file of fs.readdirSync(`${__dirname}/nginx`)) {
    fs.copyFileSync(`${__dirname}/nginx/${file}`, `${directory}/${file}`);
  }
  let text = fs.readFileSync(`${directory}/server.conf`, 'utf8');
  const include = 'include snippets/chat-sessions/';
  text = replace(text, /include snippets\/chat-sessions\/fastcgi.conf;/g, `${include}${forward};`);
  text = replace(text, /fastcgi_pass chat_sessions;/g, `proxy_pass http://chat_sessions${target};`);
  fs.writeFileSync(`${directory}/server.conf`, text);
  if (forward === 'front.conf') fs.appendFileSync(`${directory}/http.conf`, `${include}front-http.conf;\n`);
}

// Below state/nginx, the prefix.
function writeNginx({
  state, port, upstream, template = frontTemplate(), forward = 'forward.conf', target = '$request_uri',
}) {
  const prefix = `${state}/nginx`;
  fs.mkdirSync(`${state}/logs`, { recursive: true });
  copySnippets(`${prefix}/snippets/chat-sessions`, forward, target);
  fs.writeFileSync(`${prefix}/nginx.conf`, fillIn(template, { state, port, upstream }));
  return prefix;
}

async function startNginx(wanted) {
  const { state } = wanted;
  const port = await processes.freePort();
  const prefix = writeNginx({ ...wanted, port });
  const log = `${state}/logs/nginx-error.log`;
  const child = processes.start('nginx', ['-p', prefix, '-c', `${prefix}/nginx.conf`, '-e', log], { log });
  return { child, url: `http://127.0.0.1:${port}` };
}

async function answers(url) {
  const answer = await fetch(`${url}/api/v1/sessions/alice/0194319a-0001-7001-9c1e-000000000001`).catch(() => null);
  await answer?.text();
  return answer?.status === 200;
}

async function ready(name, { child, url }, others) {
  const ended = () => [child, ...others].some((one) => one.exitCode !== null);
  await processes.waitFor(`the first answer of ${name}`, 30, async () => ended() || answers(url));
  if (ended()) throw new Error(`${name} ended instead of answering: see its logs`);
}

// ---- the rivals -------------------------------------------------------------------------------

// The path of a unix socket has at most 107 bytes, and a checkout may lie deep. One directory for
// the whole run.
let sockets = null;
let socketsMade = 0;

function newSocket() {
  if (!sockets) {
    sockets = fs.mkdtempSync(`${os.tmpdir()}/chat-bench-`);
    process.once('exit', () => fs.rmSync(sockets, { recursive: true, force: true }));
  }
  socketsMade++;
  return `${sockets}/${socketsMade}`;
}

// command: what it is run with, given its socket.
function rival(name, command, directory) {
  return async ({ state, standIn, rivals }) => {
    const socket = newSocket();
    const [program, ...args] = command(socket, rivals);
    fs.mkdirSync(`${state}/logs`, { recursive: true });
    const application = processes.start(program, args, {
      log: `${state}/logs/application.log`, environment: { ...standIn.environment, NODE_ENV: 'production' }, directory,
    });
    const nginx = await startNginx({ state, upstream: `unix:${socket}` });
    await ready(name, nginx, [application]);
    return {
      url: nginx.url,
      roots: [application.pid, nginx.child.pid],
      stop: async () => {
        await processes.stop(nginx.child);
        await processes.stop(application);
      },
    };
  };
}

const startGo = rival('Go', (socket, rivals) => [`${rivals}/go`, socket]);

const startFastify = rival('Fastify', (socket) => (
  [process.execPath, `${RIVALS}/fastify/server.js`, socket, WORKERS]), `${RIVALS}/fastify`);

const startFastapi = rival('FastAPI', (socket) => [
  PYTHON, '-B', '-m', 'uvicorn', 'app:app', '--uds', socket, '--workers', WORKERS,
  '--loop', 'uvloop', '--http', 'httptools', '--no-access-log', '--log-level', 'warning', '--timeout-keep-alive', '75'], `${RIVALS}/fastapi`);

// nginx alone, straight to the stand-in.
function nginxOnly(name, options) {
  return async ({ state, standIn }) => {
    const nginx = await startNginx({ state, upstream: new URL(standIn.url).host, ...options() });
    await ready(name, nginx, []);
    return { url: nginx.url, roots: [nginx.child.pid], stop: () => processes.stop(nginx.child) };
  };
}

const startLimit = nginxOnly('the limit', () => ({ template: limitTemplate() }));
const startFront = nginxOnly('nginx', () => ({ forward: 'front.conf', target: '/' }));

const services = {
  ours: { title: 'this service', start: startOurs },
  tls: { title: 'this service, TLS', start: startOurs, tls: true, brief: true },
  go: { title: 'Go net/http + SDK v2', start: startGo },
  // V8 compiles what has run often: only then does it cost what it costs a service that has been up
  // for a while. These are requests for the first load, which compiles what all have in common, and
  // for each of the others.
  fastify: { title: 'Fastify + SDK v3', start: startFastify, warmUpFirst: 10000, warmUpNext: 2000 },
  fastapi: { title: 'FastAPI + boto3', start: startFastapi },
  limit: { title: 'nginx forwarding alone (the limit)', start: startLimit, forwards: true },
  front: { title: 'the nginx of this service, forwarding', start: startFront, forwards: true, brief: true },
};

module.exports = { services, writeNginx };
