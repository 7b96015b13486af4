// What the tests' clients in JavaScript share: sending a request, repeating one until it is answered for
// sure, looking into the tables, and knowing a pool's workers.
'use strict';
const fs = require('fs');
const http = require('http');

const pause = (ms) => new Promise((resolve) => { setTimeout(resolve, ms); });

function must(condition, what) {
  if (!condition) throw new Error(what);
}

// A function that sends requests to paths below base, over kept-alive connections unless told otherwise:
// send(method, path[, body[, headers]]) → {status, headers, text, json}. A body is sent as JSON. It fails
// only if no answer came.
function clientOf(base, { connections = 64, keepAlive = true } = {}) {
  const agent = keepAlive ? new http.Agent({ keepAlive, maxSockets: connections }) : false;
  return (method, path, body, headers = {}) => new Promise((resolve, reject) => {
    const text = body === undefined || body === null ? undefined : JSON.stringify(body);
    const own = text ? { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(text) } : {};
    const request = http.request(base + path, { method, agent, headers: { ...own, ...headers } }, (answer) => {
      const pieces = [];
      answer.on('data', (piece) => pieces.push(piece));
      answer.on('error', reject);
      answer.on('end', () => resolve({
        status: answer.statusCode,
        headers: answer.headers,
        text: Buffer.concat(pieces).toString(),
        get json() { return JSON.parse(this.text); },
      }));
    });
    request.on('error', reject);
    request.end(text);
  });
}

// What a failure on the way may be: 503 or 504 as a problem document, a 503 with Retry-After.
function mustBeTrouble(answer) {
  must(answer.status === 503 || answer.status === 504, `answered ${answer.status}: ${answer.text}`);
  must(answer.headers['content-type'] === 'application/problem+json', answer.headers['content-type']);
  must(answer.json.status === answer.status, answer.text);
  must(answer.status === 504 || answer.headers['retry-after'], `503 without Retry-After: ${answer.text}`);
}

// Sends the request again until it is answered for sure. repeated is called for each time that it was not.
async function untilAnswered(send, request, repeated = () => {}) {
  for (;;) {
    const answer = await send(...request);
    if (answer.status < 500) return answer;
    mustBeTrouble(answer);
    repeated();
    await pause(20);
  }
}

// Straight to DynamoDB, past the service: dynamo(operation, request) → its answer. DynamoDB Local wants to
// see a signature, but not to check it.
function dynamoOf(endpoint) {
  const send = clientOf(endpoint);
  return async (operation, request) => {
    const answer = await send('POST', '/', request, {
      'Content-Type': 'application/x-amz-json-1.0',
      'X-Amz-Target': `DynamoDB_20120810.${operation}`,
      Authorization: 'AWS4-HMAC-SHA256 Credential=local/20260101/us-east-1/dynamodb/aws4_request, '
        + 'SignedHeaders=host, Signature=0',
    });
    must(answer.status === 200, `${operation}: ${answer.status} ${answer.text}`);
    return answer.json;
  };
}

// All messages of a session, page by page; read(path) → the answer's JSON.
async function allMessages(read, session, limit = 1000) {
  const found = [];
  for (let cursor = ''; ;) {
    const page = await read(`/sessions/${session}/messages?limit=${limit}${cursor}`);
    found.push(...page.messages);
    if (!page.has_more) return found;
    cursor = `&cursor=${encodeURIComponent(page.next_cursor)}`;
  }
}

// The processes of a pool, by its master's.
const workersOf = (master) => fs.readFileSync(`/proc/${master}/task/${master}/children`, 'utf8')
  .trim().split(' ').filter(Boolean).map(Number);

module.exports = { allMessages, clientOf, dynamoOf, must, mustBeTrouble, pause, untilAnswered, workersOf };
