// A scripted server that stands in for DynamoDB, STS, the instance metadata service and the container
// endpoint, with the faults of a network and of a busy service on command. It checks no signature: that is
// signature-front.js's business.
//
//   node aws-server.js [--host 127.0.0.1] [--cert FILE --key FILE] [--tls-version TLSv1.1]
//
// The first line of its output is {"port":N,"control":M}. Port N answers by the script (https if there is a
// certificate; it is also a proxy for CONNECT); on M the script is changed over plain HTTP, so that it can be
// changed while N refuses. It ends when its standard input does.
//
// A command is one JSON object: a line of standard input, answered by a line of output; or the body of a
// POST to the control port, answered there. Its members, each optional, are done in this order:
//   "reset": true       as after the start: no rules, nothing seen, the right time, connections closed
//   "rules": [RULE…]    the script from now on        "add": [RULE…]   more rules, at its end
//   "clock_ms": N       the Date header is N ms ahead (negative: behind)
//   "close_idle": true  ends every open connection, as a server does with idle ones
//   "refuse": true      stops listening and ends every connection; false listens again, on the same port
//   "wait_seen": N      answers only when N requests have come
//   "wait_late": N      answers only when the bytes of N late-surplus have been sent
//   "wait_open": N      answers only when no more than N connections are open
//   "forget": true      forgets what was seen, after telling it
// The answer: {"seen":[{method,path,target,headers,body,connection,at_ms}…],"connections":N,"open":N,
// "rules_left":N,"connects":["host:port"…]}; connections counts from 1 all that were accepted.
//
// The first rule that fits a request and is not used up answers it. No rule: 404, which no client takes for
// an answer. RULE, all members optional:
//   "method", "path", "target"   what it fits; the path without its query, the target without its prefix
//   "times": N           how often it is used; default 1, 0 for ever
//   "status": 200        "headers": {…}: as they are spelled here
//   "body": a string, or a value that is sent as JSON     "body_base64": bytes
//   "error": "Type"      a DynamoDB error: status 400, __type with its namespace, "message" as given
//   "message": text      "message_name": "Message" to spell the member in the other way
//   "crc": true          an x-amz-crc32 header (default: if the request has a target); false none,
//                        "wrong" another number
//   "date": false        no Date header
//   "delay_ms": N        answers that much later
//   "fault":
//     reset-at-once      resets the connection when the head of the request is there, before its body is
//     reset-before       reads the request, then resets the connection
//     close-before       the same, closing it properly
//     stall              reads the request and never answers
//     stall-body         sends the head and half of the body, then nothing
//     trickle            a byte of the body each 20 ms ("every_ms")
//     truncate           half of the body that Content-Length promised, then the end of the connection
//     truncate-chunked   the same with chunks: the last one does not come
//     flip               one bit of the body is another one; the CRC is that of the right body
//     garbage            something that is not HTTP
//     raw                "raw" as it stands is the answer, and the connection stays open
//     raw-close          the same, then the connection is closed
//     stall-unread       never answers and reads no more than the head of the request
//     early              the same, but "raw" is the answer
//     late-surplus       a good answer, and "raw" once that has been sent (see wait_late)
//     close-after        a good answer without "Connection: close", then the connection is closed
//     huge               a body of "size" bytes
'use strict';
const http = require('http');
const https = require('https');
const net = require('net');
const fs = require('fs');
const readline = require('readline');
const zlib = require('zlib');

const CRC_TABLE = Array.from({ length: 256 }, (_, n) => {
  let c = n;
  for (let k = 0; k < 8; k++) c = c & 1 ? 0xedb88320 ^ (c >>> 1) : c >>> 1;
  return c >>> 0;
});
// zlib.crc32 came with Node 20.15.
const crc32 = zlib.crc32 || ((bytes) => {
  let c = 0xffffffff;
  for (const byte of bytes) c = CRC_TABLE[(c ^ byte) & 255] ^ (c >>> 8);
  return (c ^ 0xffffffff) >>> 0;
});

const options = { host: '127.0.0.1' };
for (let i = 2; i + 1 < process.argv.length; i += 2) options[process.argv[i].replace(/^--/, '')] = process.argv[i + 1];

const sockets = new Map(); // of the scripted port; socket → its number
let accepted = 0;
let waiting = []; // [what must be so, what to do then]
const state = { rules: [], seen: [], connects: [], clockMs: 0, late: 0 };

// ---- the script ----

function fits(rule, request) {
  return rule.left !== 0 && (!rule.method || rule.method === request.method) &&
    (!rule.path || rule.path === request.path) && (!rule.target || rule.target === request.target);
}

function chooseRule(request) {
  const rule = state.rules.find((candidate) => fits(candidate, request));
  if (rule && rule.left > 0) rule.left--;
  return rule;
}

function prepareRules(rules) {
  return rules.map((rule) => ({ ...rule, left: rule.times === undefined ? 1 : rule.times === 0 ? -1 : rule.times }));
}

// ---- what is sent ----

function bodyOf(rule) {
  if (rule.fault === 'huge') return Buffer.alloc(rule.size, 'x');
  if (rule.body_base64 !== undefined) return Buffer.from(rule.body_base64, 'base64');
  if (rule.error)
    return Buffer.from(JSON.stringify({
      __type: `com.amazonaws.dynamodb.v20120810#${rule.error}`,
      [rule.message_name || 'message']: rule.message || 'scripted',
      ...(rule.body || {}),
    }));
  if (typeof rule.body === 'string') return Buffer.from(rule.body);
  return Buffer.from(JSON.stringify(rule.body === undefined ? {} : rule.body));
}

function headersOf(rule, request, body) {
  const headers = {};
  if (rule.date !== false) headers.Date = new Date(Date.now() + state.clockMs).toUTCString();
  if (rule.crc === undefined ? request.target : rule.crc)
    headers['x-amz-crc32'] = String(rule.crc === 'wrong' ? (crc32(body) ^ 1) >>> 0 : crc32(body));
  if (request.target) headers['Content-Type'] = 'application/x-amz-json-1.0';
  if (rule.fault === 'truncate-chunked') headers['Transfer-Encoding'] = 'chunked';
  else headers['Content-Length'] = body.length;
  for (const [name, value] of Object.entries(rule.headers || {})) {
    for (const known of Object.keys(headers)) if (known.toLowerCase() === name.toLowerCase()) delete headers[known];
    headers[name] = value;
  }
  if (headers['Transfer-Encoding']) delete headers['Content-Length'];
  return headers;
}

function trickle(response, body, everyMs) {
  let sent = 0;
  const timer = setInterval(() => {
    if (response.destroyed || sent === body.length) {
      clearInterval(timer);
      response.end();
    } else {
      response.write(body.subarray(sent, ++sent));
    }
  }, everyMs);
}

function writeLate(socket, text) {
  socket.write(text, 'latin1', () => {
    state.late++;
    wakeWaiting();
  });
}

function flipped(body) {
  const copy = Buffer.from(body);
  copy[copy.length >> 1] ^= 1;
  return copy;
}

function respond(rule, request, response) {
  const body = bodyOf(rule);
  const socket = response.socket;
  const half = body.subarray(0, body.length >> 1);
  response.sendDate = false;
  response.writeHead(rule.status || (rule.error ? 400 : 200), headersOf(rule, request, body));
  switch (rule.fault) {
    case 'stall-body': response.write(half); break;
    case 'trickle': trickle(response, body, rule.every_ms || 20); break;
    case 'truncate':
    case 'truncate-chunked': response.write(half, () => socket.end()); break;
    case 'flip': response.end(flipped(body)); break;
    case 'close-after': response.end(body, () => socket.destroy()); break;
    case 'late-surplus': response.end(body, () => setImmediate(() => writeLate(socket, rule.raw))); break;
    default: response.end(body);
  }
}

// Below TLS there is the socket that can be reset.
function resetConnection(socket) {
  (socket._parent || socket).resetAndDestroy();
  socket.destroy();
}

const WITHOUT_ANSWER = {
  'reset-before': resetConnection,
  'close-before': (socket) => socket.end(),
  stall: () => {},
  garbage: (socket) => socket.end('this is not HTTP\r\n\r\n'),
  // 'finish' lets Node go on to the connection's next request.
  raw: (socket, rule, response) => socket.write(rule.raw, 'latin1', () => response.emit('finish')),
  'raw-close': (socket, rule) => socket.end(rule.raw, 'latin1'),
};

function answer(request, response) {
  const rule = chooseRule(request);
  if (!rule) {
    response.writeHead(404, { 'Content-Type': 'text/plain' });
    response.end('no rule fits this request\n');
  } else if (WITHOUT_ANSWER[rule.fault]) {
    WITHOUT_ANSWER[rule.fault](response.socket, rule, response);
  } else if (rule.delay_ms) {
    setTimeout(() => response.destroyed || respond(rule, request, response), rule.delay_ms);
  } else {
    respond(rule, request, response);
  }
}

// ---- the scripted port ----

function wakeWaiting() {
  const due = waiting.filter(([holds]) => holds());
  waiting = waiting.filter(([holds]) => !holds());
  for (const [, done] of due) done();
}

function note(request) {
  state.seen.push(request);
  wakeWaiting();
}

function describe(incoming) {
  return {
    method: incoming.method,
    path: incoming.url.split('?')[0],
    url: incoming.url,
    target: (incoming.headers['x-amz-target'] || '').split('.').pop() || undefined,
    headers: incoming.headers,
    connection: sockets.get(incoming.socket),
    at_ms: Date.now(),
  };
}

function handle(incoming, response) {
  const request = describe(incoming);
  const first = state.rules.find((rule) => fits(rule, request));
  incoming.on('error', () => {});
  response.on('error', () => {});
  if (first && first.fault === 'reset-at-once') {
    note(request);
    chooseRule(request);
    resetConnection(incoming.socket);
    return;
  }
  if (first && (first.fault === 'early' || first.fault === 'stall-unread')) {
    note(request);
    const rule = chooseRule(request);
    if (rule.fault === 'early') incoming.socket.write(rule.raw, 'latin1');
    incoming.pause();
    return;
  }
  const chunks = [];
  incoming.on('data', (chunk) => chunks.push(chunk));
  incoming.on('end', () => {
    request.body = Buffer.concat(chunks).toString();
    note(request);
    answer(request, response);
  });
}

function tunnel(incoming, socket, head) {
  const [, host, port] = /^(.*):(\d+)$/.exec(incoming.url);
  state.connects.push(incoming.url);
  const onward = net.connect(Number(port), host.replace(/^\[|\]$/g, ''), () => {
    socket.write('HTTP/1.1 200 Connection established\r\nDate: Thu, 01 Jan 1970 00:00:00 GMT\r\n\r\n');
    onward.write(head);
    onward.pipe(socket).pipe(onward);
  });
  onward.on('error', () => socket.destroy());
  socket.on('error', () => onward.destroy());
}

function makeServer() {
  if (!options.cert) return http.createServer(handle);
  const version = options['tls-version'];
  return https.createServer({
    cert: fs.readFileSync(options.cert),
    key: fs.readFileSync(options.key),
    ...(version && { minVersion: version, maxVersion: version, ciphers: 'DEFAULT@SECLEVEL=0' }),
  }, handle);
}

const server = makeServer();
server.keepAliveTimeout = 0; // connections live until a command says otherwise
server.requestTimeout = 0;
server.headersTimeout = 0;
server.on('connect', tunnel);
server.on('clientError', (error, socket) => socket.destroy());
server.on('tlsClientError', () => {});
server.on(options.cert ? 'secureConnection' : 'connection', (socket) => {
  sockets.set(socket, ++accepted);
  socket.on('close', () => {
    sockets.delete(socket);
    wakeWaiting();
  });
  socket.on('error', () => {});
});

// ---- commands ----

function closeConnections() {
  const closed = [...sockets.keys()].map((socket) => new Promise((done) => socket.once('close', done)));
  for (const socket of sockets.keys()) socket.destroy();
  return Promise.all(closed);
}

const listen = (port) => new Promise((done) => server.listen(port, options.host, done));

async function refuse(wanted, port) {
  if (wanted && server.listening) {
    const closed = new Promise((done) => server.close(done));
    await closeConnections();
    await closed;
  } else if (!wanted && !server.listening) {
    await listen(port);
  }
}

const waitFor = (holds) => new Promise((done) => {
  waiting.push([holds, done]);
  wakeWaiting();
});

function report() {
  return {
    seen: state.seen, connections: accepted, open: sockets.size, connects: state.connects,
    rules_left: state.rules.filter((rule) => rule.left !== 0).length,
  };
}

async function reset(port) {
  await closeConnections();
  await refuse(false, port);
  Object.assign(state, { rules: [], seen: [], connects: [], clockMs: 0, late: 0 });
  accepted = 0;
}

async function execute(command, port) {
  if (command.reset) await reset(port);
  if (command.rules) state.rules = prepareRules(command.rules);
  if (command.add) state.rules.push(...prepareRules(command.add));
  if (command.clock_ms !== undefined) state.clockMs = command.clock_ms;
  if (command.close_idle) await closeConnections();
  if (command.refuse !== undefined) await refuse(command.refuse, port);
  if (command.wait_seen) await waitFor(() => state.seen.length >= command.wait_seen);
  if (command.wait_late) await waitFor(() => state.late >= command.wait_late);
  if (command.wait_open !== undefined) await waitFor(() => sockets.size <= command.wait_open);
  const text = JSON.stringify(report());
  if (command.forget) {
    state.seen = [];
    state.connects = [];
  }
  return text;
}

async function executeText(text, port) {
  try {
    return await execute(JSON.parse(text), port);
  } catch (error) {
    return JSON.stringify({ error: String(error) });
  }
}

async function main() {
  await listen(0);
  const { port } = server.address();
  const control = http.createServer((incoming, response) => {
    const chunks = [];
    incoming.on('data', (chunk) => chunks.push(chunk));
    incoming.on('end', async () => response.end(`${await executeText(Buffer.concat(chunks).toString() || '{}', port)}\n`));
  });
  await new Promise((done) => control.listen(0, '127.0.0.1', done));
  console.log(JSON.stringify({ port, control: control.address().port }));
  const lines = readline.createInterface({ input: process.stdin });
  let last = Promise.resolve();
  lines.on('line', (line) => {
    last = last.then(() => executeText(line, port)).then((text) => console.log(text));
  });
  lines.on('close', () => process.exit(0));
}

main();
