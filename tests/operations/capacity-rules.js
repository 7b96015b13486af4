// Stands between the service and DynamoDB Local and makes ConsumedCapacity of transactions what AWS charges. DynamoDB
// Local adds up the bytes of a table and counts them twice; AWS rounds each item up to whole KB and counts that twice
// (developer guide, "Read and write operations": transactional write requests). Everything else passes as it is.
//   node capacity-rules.js http://127.0.0.1:PORT     prints "listening PORT"
'use strict';
const http = require('http');
const { dynamoOf } = require('../lib/client.js');

const upstream = new URL(process.argv[2]);
const dynamo = dynamoOf(upstream.origin);

// ---- the size of an item, as the developer guide has it ("item sizes and formats") ----

const bytes = (text) => Buffer.byteLength(text);
// Two digits a byte, and one byte more; a sign is another.
const numberBytes = (text) => Math.ceil(text.replace(/^-|\.|^0+|e.*$/gi, '').length / 2) + 1 + (text[0] === '-' ? 1 : 0);

function valueBytes(value) {
  const [[type, content]] = Object.entries(value);
  switch (type) {
    case 'S': return bytes(content);
    case 'N': return numberBytes(content);
    case 'B': return Buffer.from(content, 'base64').length;
    case 'L': return content.reduce((sum, one) => sum + 1 + valueBytes(one), 3);
    case 'M': return itemBytes(content) + 3 + Object.keys(content).length;
    case 'SS': case 'NS': return content.reduce((sum, one) => sum + bytes(one), 0);
    default: return 1; // BOOL, NULL
  }
}

function itemBytes(item) {
  return Object.entries(item).reduce((sum, [name, value]) => sum + bytes(name) + valueBytes(value), 0);
}

// ---- transactions ----

async function sizeOf(table, key) {
  const { Item } = await dynamo('GetItem', { TableName: table, Key: key, ConsistentRead: true });
  return Item ? itemBytes(Item) : 0;
}

// The keys of both tables of the service.
const KEYS = { sessions: ['user_id', 'session_id'], messages: ['session_id', 'timestamp'] };
const keyOf = (table, action) => action.Key
  || Object.fromEntries(KEYS[/message/.test(table) ? 'messages' : 'sessions'].map((name) => [name, action.Item[name]]));

// What each action touches: the larger of before and after counts.
async function measure(actions) {
  const sizes = await Promise.all(actions.map(({ TableName, ...rest }) => sizeOf(TableName, keyOf(TableName, rest))));
  return actions.map(({ TableName }, i) => ({ TableName, size: sizes[i] }));
}

function charge(before, after) {
  const units = new Map();
  before.forEach(({ TableName, size }, i) => {
    const kilobytes = Math.max(1, Math.ceil(Math.max(size, after[i].size) / 1024));
    units.set(TableName, (units.get(TableName) || 0) + 2 * kilobytes);
  });
  return [...units].map(([TableName, CapacityUnits]) => ({ TableName, CapacityUnits, WriteCapacityUnits: CapacityUnits }));
}

// ---- passing on ----

function forward(request, body) {
  return new Promise((resolve, reject) => {
    const options = { host: upstream.hostname, port: upstream.port, method: request.method, path: request.url, headers: request.headers };
    const onward = http.request(options, (answer) => {
      const pieces = [];
      answer.on('data', (piece) => pieces.push(piece));
      answer.on('end', () => resolve({ status: answer.statusCode, headers: answer.headers, body: Buffer.concat(pieces) }));
    });
    onward.on('error', reject);
    onward.end(body);
  });
}

async function handle(request, body) {
  if (!/TransactWriteItems$/.test(request.headers['x-amz-target'] || '')) return forward(request, body);
  const actions = JSON.parse(body).TransactItems.map((item) => Object.values(item)[0]);
  const before = await measure(actions);
  const answer = await forward(request, body);
  if (answer.status !== 200) return answer;
  const document = JSON.parse(answer.body);
  document.ConsumedCapacity = charge(before, await measure(actions));
  const { 'x-amz-crc32': gone, 'content-length': old, ...headers } = answer.headers;
  return { ...answer, headers, body: Buffer.from(JSON.stringify(document)) };
}

const server = http.createServer((request, response) => {
  const pieces = [];
  request.on('data', (piece) => pieces.push(piece));
  request.on('end', async () => {
    try {
      const { status, headers, body } = await handle(request, Buffer.concat(pieces));
      const { 'transfer-encoding': gone, ...kept } = headers;
      response.writeHead(status, { ...kept, 'content-length': body.length });
      response.end(body);
    } catch (error) {
      console.error(error.message);
      response.destroy();
    }
  });
});
server.keepAliveTimeout = 120000;
server.listen(0, '127.0.0.1', () => console.log(`listening ${server.address().port}`));
