// Stands between the pool and DynamoDB Local in the end-to-end tests and checks the signature of every
// request with an independent signer (npm's aws4); DynamoDB Local itself checks none. Can also do to
// requests what a network does (front-faults.js). What it has seen it tells at GET /-/stats.
//
//   node signature-front.js --upstream http://127.0.0.1:PORT [--port N]
//
// Prints "listening PORT". Environment: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION: what must
// have been signed with. FAULT_RATE (0 to 1), FAULT_KINDS (a comma-separated choice);
// POST /-/faults {"rate":0.2,"kinds":["throttle"]} changes both while it runs; with "times":1 that many
// are enough. GET /-/faults tells the kinds that are chosen from.
'use strict';
const http = require('http');
const { RequestSigner } = require('aws4');
const { clock, forward, sendJson, refuse } = require('./front-answers');
const faults = require('./front-faults');

const options = Object.fromEntries(
  process.argv.slice(2).join(' ').split('--').filter(Boolean).map((pair) => pair.trim().split(/[ =]/)));
const upstream = new URL(options.upstream);
const credentials = {
  accessKeyId: process.env.AWS_ACCESS_KEY_ID || 'local',
  secretAccessKey: process.env.AWS_SECRET_ACCESS_KEY || 'local',
};
const region = process.env.AWS_REGION || 'us-east-1';
const SKEW_MS = 5 * 60 * 1000; // as AWS allows

const stats = { verified: 0, bad: [], forwarded: 0, operations: {}, reads: { consistent: 0, other: 0, items: 0 } };
faults.set({
  rate: Number(process.env.FAULT_RATE || 0),
  kinds: (process.env.FAULT_KINDS || '').split(',').filter(Boolean),
});

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
  if (!faults.wasEverNow(moment, SKEW_MS)) return `x-amz-date ${request.headers['x-amz-date']} is not now`;
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

// ---- the server ----

function control(request, body, response) {
  if (request.url === '/-/faults' && request.method === 'POST') {
    try {
      faults.set(JSON.parse(body.toString()));
    } catch (error) {
      sendJson(response, 400, { error: error.message });
      return;
    }
  }
  sendJson(response, 200, request.url === '/-/stats'
    ? { ...stats, faults: faults.counts, held: faults.held.length, early: faults.early }
    : { ...faults.settings, kinds: faults.kinds() });
}

// How many items a Query has read. Not parsed, which would take long for a page of 1 MB; the quote marks of what
// users have written are escaped.
function itemsOf(bytes) {
  const name = '"ScannedCount":';
  const at = bytes.lastIndexOf(name);
  return at < 0 ? 0 : parseInt(bytes.toString('latin1', at + name.length, at + name.length + 10), 10);
}

const isQuery = (request) => request.headers['x-amz-target'].endsWith('.Query');

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
  meet({ request, body, response, pass: (done) => pass(request, body, response, done) });
}

function pass(request, body, response, done) {
  stats.forwarded++;
  forward(upstream, request, body, (error, answer) => {
    if (error) {
      response.destroy();
      return;
    }
    if (isQuery(request)) stats.reads.items += itemsOf(answer.bytes);
    // Node gives none to a call that came behind one which was answered past it (RAW in front-faults.js).
    if (response.socket) done(answer);
  });
}

// What becomes of a request that is right.
function meet(call) {
  const signed_ms = momentOf(call.request.headers['x-amz-date']);
  if (Math.abs(clock.now() - signed_ms) >= SKEW_MS) faults.refuseTime(call, signed_ms);
  else if (faults.hasExpired(call.request)) faults.refuseExpired(call);
  else faults.meetChance(call);
}

const server = http.createServer((request, response) => {
  const chunks = [];
  request.on('data', (chunk) => chunks.push(chunk));
  request.on('end', () => handle(request, Buffer.concat(chunks), response));
  request.on('error', () => {});
  response.on('error', () => {});
});
server.on('connection', faults.greet);
// Longer than the pool keeps a connection, so that it is the pool that closes.
server.keepAliveTimeout = 120000;
server.headersTimeout = 130000;
server.listen(Number(options.port || 0), '127.0.0.1', () => console.log(`listening ${server.address().port}`));
