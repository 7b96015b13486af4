// How the signature-checking front answers: with what DynamoDB Local says, or with words of its own. Every
// answer has the time of the front's clock, which a fault may shift.
'use strict';
const crypto = require('crypto');
const http = require('http');

const clock = { shift_ms: 0, now: () => Date.now() + clock.shift_ms };

// Jetty closes idle connections after 30 s; ours are closed before, so that none is used as it dies.
const agent = new http.Agent({ keepAlive: true, maxSockets: 256, timeout: 10000 });

// crc32 as x-amz-crc32 has it. Node has one of its own only since 20.15.
const CRC_TABLE = Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  return crc;
});
const crc32 = (bytes) => ~bytes.reduce((crc, byte) => (crc >>> 8) ^ CRC_TABLE[(crc ^ byte) & 255], -1) >>> 0;

// Passes a request on: done(error, answer), with the answer's status, headers and bytes.
function forward(upstream, request, body, done) {
  const onward = http.request({
    agent, host: upstream.hostname, port: upstream.port, method: request.method, path: request.url,
    headers: { ...request.headers, connection: 'keep-alive', 'content-length': body.length },
  }, (answer) => {
    const chunks = [];
    answer.on('data', (chunk) => chunks.push(chunk));
    answer.on('end', () => {
      const bytes = Buffer.concat(chunks);
      const headers = { ...answer.headers, 'content-length': bytes.length };
      delete headers.connection;
      delete headers['transfer-encoding'];
      done(null, { status: answer.statusCode, headers, bytes });
    });
    answer.on('error', done);
  });
  onward.on('error', done);
  onward.end(body);
}

function writeHead(response, answer) {
  const date = new Date(clock.now()).toUTCString();
  const headers = { ...answer.headers };
  headers[Object.keys(headers).find((name) => name.toLowerCase() === 'date') || 'date'] = date;
  response.writeHead(answer.status, headers);
}

function send(response, answer) {
  writeHead(response, answer);
  response.end(answer.bytes);
}

// With an id of its own for each answer, as DynamoDB has it.
function sendJson(response, status, value, more = {}) {
  const bytes = Buffer.from(JSON.stringify(value));
  const headers = {
    'content-type': 'application/x-amz-json-1.0', 'content-length': bytes.length,
    'x-amzn-requestid': crypto.randomUUID().toUpperCase(), ...more,
  };
  send(response, { status, headers, bytes });
}

function refuse(response, status, type, message, more = {}, headers = {}) {
  sendJson(response, status, { __type: type, message, ...more }, headers);
}

module.exports = { clock, crc32, forward, writeHead, send, sendJson, refuse };
