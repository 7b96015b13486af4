// Sends standard input, byte for byte, over one TCP connection, ends its side, and writes what comes
// back to two files: status line with headers, and body. Nothing is known here of what is sent.
//   node raw.js http://127.0.0.1:PORT HEADER_FILE BODY_FILE
'use strict';
const fs = require('fs');
const net = require('net');

const [base, headerFile, bodyFile] = process.argv.slice(2);
const { hostname, port } = new URL(base);
const chunks = [];

function finish() {
  let answer = Buffer.concat(chunks);
  // An interim 100 Continue is not the answer.
  while (/^HTTP\/1\.1 1\d\d/.test(answer.subarray(0, 12).toString('latin1'))) {
    answer = answer.subarray(answer.indexOf('\r\n\r\n') + 4);
  }
  const end = answer.indexOf('\r\n\r\n');
  const head = end < 0 ? answer : answer.subarray(0, end + 2);
  let body = end < 0 ? Buffer.alloc(0) : answer.subarray(end + 4);
  if (/^transfer-encoding:\s*chunked/im.test(head.toString('latin1'))) body = unchunk(body);
  fs.writeFileSync(headerFile, head);
  fs.writeFileSync(bodyFile, body);
}

function unchunk(body) {
  const parts = [];
  for (let at = 0; ;) {
    const line = body.indexOf('\r\n', at);
    const size = line < 0 ? 0 : parseInt(body.subarray(at, line).toString('latin1'), 16);
    if (!size) return Buffer.concat(parts);
    parts.push(body.subarray(line + 2, line + 2 + size));
    at = line + 2 + size + 2;
  }
}

const socket = net.connect({ host: hostname, port: Number(port), allowHalfOpen: true });
socket.setTimeout(30000, () => socket.destroy(new Error('no answer in 30 s')));
socket.on('data', (chunk) => chunks.push(chunk));
socket.on('end', () => socket.end());
socket.on('error', (error) => { if (error.code !== 'ECONNRESET' && error.code !== 'EPIPE') throw error; });
socket.on('close', finish);
// A server may answer and close before it has read everything: that answer counts.
const request = fs.readFileSync(0);
socket.end(request);
