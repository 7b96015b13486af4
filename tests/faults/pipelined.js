// Two calls on one connection, the second before the first is answered by bytes past Node's own answers: Node then
// has no connection for the second answer, and the front has to outlive that.
//   node pipelined.js FRONT
'use strict';
const net = require('net');
const aws4 = require('../lib/node_modules/aws4');
const { clientOf, must, pause } = require('../lib/client.js');

const front = process.argv[2];
const send = clientOf(front);
const { host, hostname, port } = new URL(front);

function signedCall() {
  const { method, path, headers, body } = aws4.sign({
    service: 'dynamodb', region: 'us-east-1', method: 'POST', path: '/', body: '{}', host,
    headers: { 'Content-Type': 'application/x-amz-json-1.0', 'X-Amz-Target': 'DynamoDB_20120810.ListTables' },
  }, { accessKeyId: 'AKIDSIGNATUREFRONT', secretAccessKey: 'front/secret+key' });
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`).join('');
  return `${method} ${path} HTTP/1.1\r\n${lines}\r\n${body}`;
}

const forwarded = async () => (await send('GET', '/-/stats')).json.forwarded;

async function main() {
  const before = await forwarded();
  await send('POST', '/-/faults', { rate: 1, kinds: ['surplus'] });
  const connection = net.connect(Number(port), hostname).on('error', () => {});
  connection.resume().write(signedCall() + signedCall());
  for (const patience = Date.now() + 5000; (await forwarded()) < before + 2;) {
    must(Date.now() < patience, 'the calls have not arrived');
    await pause(10);
  }
  await pause(50); // for the second answer
  connection.destroy();
  await send('POST', '/-/faults', { rate: 0, kinds: [] });
}

main().then(() => process.exit(0), (error) => { console.error(error.message); process.exit(1); });
