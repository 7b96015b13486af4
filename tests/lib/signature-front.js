// Stands between the pool and DynamoDB Local in the end-to-end tests and checks the signature of every
// request with an independent signer (npm's aws4); DynamoDB Local itself checks none. Can also do to
// requests what a network does. What it has seen it tells at GET /-/stats.
//
//   node signature-front.js --upstream http://127.0.0.1:PORT [--port N]
//
// Prints "listening PORT". Environment: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION: what must
// have been signed with. FAULT_RATE (0 to 1), FAULT_KINDS (a comma-separated choice of those below);
// POST /-/faults {"rate":0.2,"kinds":["throttle"]} changes both while it runs.
'use strict';
const http = require('http');
const { RequestSigner } = require('aws4');

const options = Object.fromEntries(
  process.argv.slice(2).join(' ').split('--').filter(Boolean).map((pair) => pair.trim().split(/[ =]/)));
const upstream = new URL(options.upstream);
const credentials = {
  accessKeyId: process.env.AWS_ACCESS_KEY_ID || 'local',
  secretAccessKey: process.env.AWS_SECRET_ACCESS_KEY || 'local',
};
const region = process.env.AWS_REGION || 'us-east-1';
const SKEW_MS = 5 * 60 * 1000; // as AWS allows

const stats = { verified: 0, bad: [], forwarded: 0, faults: {}, operations: {}, reads: { consistent: 0, other: 0 } };
const faults = {
  rate: Number(process.env.FAULT_RATE || 0),
  kinds: (process.env.FAULT_KINDS || '').split(',').filter(Boolean),
};

// ---- signatures ----

const REQUIRED = ['content-type', 'host', 'x-amz-date', 'x-amz-target'];

function parseAuthorization(text) {
  const match = /^AWS4-HMAC-SHA256 Credential=([^,\s]+), ?SignedHeaders=([^,\s]+), ?Signature=([0-9a-f]{64})$/
    .exec(text || '');
  return match && { credential: match[1].split('/'), signed: match[2].split(';'), signature: match[3] };
}

// The moment that x-amz-date names, in ms; NaN if it is not one.
function momentOf(date) {
  const parts = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(date || '');
  return parts ? Date.UTC(parts[1], parts[2] - 1, parts[3], parts[4], parts[5], parts[6]) : NaN;
}

function expectedAuthorization(request, body, authorization) {
  const headers = {};
  for (const name of authorization.signed) headers[name] = request.headers[name];
  const signer = new RequestSigner({
    service: 'dynamodb', region, method: request.method, path: request.url, headers, body,
    doNotModifyHeaders: true,
  }, credentials);
  signer.datetime = request.headers['x-amz-date'];
  return signer.sign().headers.Authorization;
}

// What is wrong with a request, as a sentence; null if nothing is.
function faultOf(request, body) {
  const authorization = parseAuthorization(request.headers.authorization);
  if (!authorization) return 'no Authorization of the form AWS4-HMAC-SHA256';
  const { credential, signed } = authorization;
  const moment = momentOf(request.headers['x-amz-date']);
  if (!(Math.abs(Date.now() - moment) < SKEW_MS)) return `x-amz-date ${request.headers['x-amz-date']} is not now`;
  const scope = [credentials.accessKeyId, request.headers['x-amz-date'].slice(0, 8), region, 'dynamodb', 'aws4_request'];
  if (credential.join('/') !== scope.join('/')) return `credential ${credential.join('/')} is not ${scope.join('/')}`;
  if (signed.join() !== [...signed].sort().join()) return `signed headers are not in order: ${signed}`;
  for (const name of REQUIRED) if (!signed.includes(name)) return `${name} is not signed`;
  if (request.headers['x-amz-security-token'] && !signed.includes('x-amz-security-token'))
    return 'x-amz-security-token is not signed';
  for (const name of signed) if (request.headers[name] === undefined) return `${name} is signed but not sent`;
  const ours = expectedAuthorization(request, body, authorization).split('Signature=')[1];
  if (ours !== authorization.signature) return `signature ${authorization.signature} is not ${ours}`;
  return contentFaultOf(request, body);
}

function contentFaultOf(request, body) {
  if (request.method !== 'POST' || request.url !== '/') return `${request.method} ${request.url} is not POST /`;
  if (!/^DynamoDB_20120810\.[A-Za-z]+$/.test(request.headers['x-amz-target'])) return 'x-amz-target names no operation';
  if (request.headers['content-type'] !== 'application/x-amz-json-1.0') return 'content-type is not application/x-amz-json-1.0';
  try {
    JSON.parse(body.toString('utf8'));
  } catch (error) {
    return `the body is not JSON: ${error.message}`;
  }
  return null;
}

// ---- passing on ----

// Jetty closes idle connections after 30 s; ours are closed before, so that none is used as it dies.
const agent = new http.Agent({ keepAlive: true, maxSockets: 256, timeout: 10000 });

function forward(request, body, done) {
  stats.forwarded++;
  const onward = http.request({
    agent, host: upstream.hostname, port: upstream.port, method: request.method, path: request.url,
    headers: { ...request.headers, connection: 'keep-alive', 'content-length': body.length },
  }, (answer) => {
    const chunks = [];
    answer.on('data', (chunk) => chunks.push(chunk));
    answer.on('end', () => done(null, answer, Buffer.concat(chunks)));
    answer.on('error', done);
  });
  onward.on('error', done);
  onward.end(body);
}

function pass(request, body, response) {
  forward(request, body, (error, answer, bytes) => {
    if (error) {
      response.destroy();
      return;
    }
    const headers = { ...answer.headers, 'content-length': bytes.length };
    delete headers.connection;
    delete headers['transfer-encoding'];
    response.writeHead(answer.statusCode, headers);
    response.end(bytes);
  });
}

function refuse(response, status, type, message, more) {
  const text = JSON.stringify({ __type: type, message, ...more });
  response.writeHead(status, { 'content-type': 'application/x-amz-json-1.0', 'content-length': Buffer.byteLength(text) });
  response.end(text);
}

// ---- faults: what a network and a busy service do ----

const KINDS = {
  // The connection dies before the table has seen the request, or after it has done what it says.
  'reset-before': (request, body, response) => response.destroy(),
  'reset-after': (request, body, response) => forward(request, body, () => response.destroy()),
  'error-500': (request, body, response) =>
    refuse(response, 500, 'com.amazonaws.dynamodb.v20120810#InternalServerError', 'injected'),
  'html-503': (request, body, response) => {
    response.writeHead(503, { 'content-type': 'text/html' });
    response.end('<html><body>Service Unavailable</body></html>');
  },
  throttle: (request, body, response) =>
    refuse(response, 400, 'com.amazonaws.dynamodb.v20120810#ThrottlingException', 'injected'),
  // An error that this service has never heard of: AWS adds some now and then.
  'unknown-400': (request, body, response) =>
    refuse(response, 400, 'com.amazonaws.dynamodb.v20120810#SomethingNewException', 'injected'),
  denied: (request, body, response) =>
    refuse(response, 400, 'com.amazon.coral.service#AccessDeniedException', 'User: x is not authorized'),
  conflict: (request, body, response) => refuse(response, 400,
    'com.amazonaws.dynamodb.v20120810#TransactionCanceledException', 'injected',
    { CancellationReasons: [{ Code: 'TransactionConflict', Message: 'injected' }] }),
  stall: (request, body, response) => setTimeout(() => pass(request, body, response), 300),
};

// Holds every call until the faults are changed.
const held = [];
KINDS.hold = (...call) => held.push(call);
// What no repetition overcomes is not left to chance.
const BY_CHANCE = Object.keys(KINDS)
  .filter((kind) => !['hold', 'denied', 'conflict', 'unknown-400'].includes(kind));

function chooseFault() {
  if (!(Math.random() < faults.rate)) return null;
  const kinds = faults.kinds.length ? faults.kinds : BY_CHANCE;
  return kinds[Math.floor(Math.random() * kinds.length)];
}

// ---- the server ----

function answerJson(response, value) {
  const text = JSON.stringify(value);
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) });
  response.end(text);
}

function control(request, body, response) {
  if (request.url === '/-/faults' && request.method === 'POST') {
    Object.assign(faults, JSON.parse(body.toString()));
    for (const call of held.splice(0)) pass(...call);
  }
  answerJson(response, request.url === '/-/stats' ? { ...stats, held: held.length } : faults);
}

function count(request, body) {
  const operation = request.headers['x-amz-target'].split('.')[1];
  stats.operations[operation] = (stats.operations[operation] || 0) + 1;
  if (!/\.(GetItem|Query)$/.test(request.headers['x-amz-target'])) return;
  if (JSON.parse(body.toString()).ConsistentRead) stats.reads.consistent++;
  else stats.reads.other++;
}

function handle(request, body, response) {
  if (request.url.startsWith('/-/')) {
    control(request, body, response);
    return;
  }
  const wrong = faultOf(request, body);
  if (wrong) {
    stats.bad.push({ target: request.headers['x-amz-target'], wrong });
    refuse(response, 400, 'com.amazon.coral.service#InvalidSignatureException', wrong);
    return;
  }
  stats.verified++;
  count(request, body);
  const kind = chooseFault();
  if (!kind) {
    pass(request, body, response);
    return;
  }
  stats.faults[kind] = (stats.faults[kind] || 0) + 1;
  KINDS[kind](request, body, response);
}

const server = http.createServer((request, response) => {
  const chunks = [];
  request.on('data', (chunk) => chunks.push(chunk));
  request.on('end', () => handle(request, Buffer.concat(chunks), response));
  request.on('error', () => {});
  response.on('error', () => {});
});
// Longer than the pool keeps a connection, so that it is the pool that closes.
server.keepAliveTimeout = 120000;
server.headersTimeout = 130000;
server.listen(Number(options.port || 0), '127.0.0.1', () => console.log(`listening ${server.address().port}`));
