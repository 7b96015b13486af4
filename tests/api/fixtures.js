// Writes many items straight into the tables, faster than through the service.
//   node fixtures.js messages SESSION COUNT BYTES [FIRST_TIMESTAMP]
//       COUNT messages with BYTES of content each, timestamps in steps of 1
//   node fixtures.js sessions USER COUNT [TITLE]
//       COUNT sessions (all of the title, if given) with their owner items; prints their ids in the order of creation
//   node fixtures.js conversations USER COUNT MESSAGES BYTES
//       COUNT sessions with MESSAGES messages of BYTES each
'use strict';
const crypto = require('crypto');
const { dynamoOf } = require('../lib/client.js');

const dynamo = dynamoOf(process.env.DYNAMODB);
const tables = { sessions: process.env.SESSIONS_TABLE, messages: process.env.MESSAGES_TABLE };

async function write(table, items) {
  const batches = [];
  for (let i = 0; i < items.length; i += 25) {
    batches.push(items.slice(i, i + 25).map((Item) => ({ PutRequest: { Item } })));
  }
  async function worker() {
    while (batches.length) {
      let left = { [table]: batches.pop() };
      while (Object.keys(left).length) left = (await dynamo('BatchWriteItem', { RequestItems: left })).UnprocessedItems;
    }
  }
  await Promise.all([worker(), worker()]);
}

function uuid7(ms) {
  const bytes = crypto.randomBytes(16);
  bytes.writeUIntBE(ms, 0, 6);
  bytes[6] = 0x70 | (bytes[6] & 0x0f);
  bytes[8] = 0x80 | (bytes[8] & 0x3f);
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}

const time = (ms) => new Date(ms).toISOString().replace('Z', '000Z');

function messagesOf(session, count, bytes, first) {
  const items = [];
  for (let i = 0; i < count; i++) {
    const timestamp = first + i;
    items.push({
      session_id: { S: session },
      timestamp: { N: String(timestamp) },
      message_id: { S: uuid7(timestamp) },
      role: { S: i % 2 ? 'assistant' : 'user' },
      content: { S: `${i} `.padEnd(bytes, 'x') },
      created_at: { S: time(timestamp) },
    });
  }
  return items;
}

async function messages(session, count, bytes, first) {
  await write(tables.messages, messagesOf(session, count, bytes, first));
}

function sessionsOf(user, count, title) {
  const start = Date.now() - 10000000;
  const items = [];
  for (let i = 0; i < count; i++) {
    // Activity in another order than creation: 7919 is prime, so every step is taken once.
    const active = start + 5000000 + ((i * 7919) % count);
    items.push({
      user_id: { S: user },
      session_id: { S: uuid7(start + i) },
      title: { S: title || `session ${i}` },
      created_at: { S: time(start + i) },
      updated_at: { S: time(active) },
      message_count: { N: '0' },
      last_timestamp: { N: '0' },
      version: { N: '1' },
    });
  }
  return items;
}

async function writeSessions(user, items) {
  await write(tables.sessions, items);
  await write(tables.messages, items.map((item) => (
    { session_id: item.session_id, timestamp: { N: '0' }, user_id: { S: user } })));
}

async function sessions(user, count, title) {
  const items = sessionsOf(user, count, title);
  await writeSessions(user, items);
  console.log(items.map((item) => item.session_id.S).join('\n'));
}

async function conversations(user, count, each, bytes) {
  const items = sessionsOf(user, count);
  const first = Date.now() - 10000000;
  for (const item of items) {
    item.message_count = { N: String(each) };
    item.last_timestamp = { N: String(first + each - 1) };
  }
  await writeSessions(user, items);
  // A few sessions' messages at a time: all of them would be much at once.
  while (items.length) {
    await write(tables.messages, items.splice(0, 100)
      .flatMap((item) => messagesOf(item.session_id.S, each, bytes, first)));
  }
}

async function main([what, name, count, third, fourth]) {
  if (what === 'messages') {
    await messages(name, Number(count), Number(third), Number(fourth || Date.now() - 10000000));
  } else if (what === 'sessions') {
    await sessions(name, Number(count), third);
  } else if (what === 'conversations') {
    await conversations(name, Number(count), Number(third), Number(fourth));
  } else {
    throw new Error(`what is ${what}?`);
  }
}

main(process.argv.slice(2)).catch((error) => {
  console.error(error.message);
  process.exit(1);
});
