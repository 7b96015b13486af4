// A rival of the benchmark: the same four calls on Fastify and the AWS SDK for JavaScript v3.
// Tuned: a worker process a core (node's cluster), no logger, kept-alive connections to DynamoDB
// without a small limit, the low-level client, schemas for bodies and answers (Fastify compiles
// both). Not done: what this service does beyond these calls (idempotency keys, ETags, metrics). An
// append names its user.
//   server.js SOCKET WORKERS
'use strict';
const cluster = require('node:cluster');
const http = require('node:http');
const { randomFillSync } = require('node:crypto');

const [socket, workers] = process.argv.slice(2);
const SESSIONS = 'ai4ai-chat-sessions';
const MESSAGES = 'ai4ai-chat-messages';
const APPEND_TRIES = 5;

// ---- values ----

const S = (value) => ({ S: value });
const N = (value) => ({ N: String(value) });
const nowUs = () => Math.round((performance.timeOrigin + performance.now()) * 1000);

function rfc3339(us) {
  const seconds = new Date(us / 1000).toISOString().slice(0, 20);
  return `${seconds}${String(us % 1e6).padStart(6, '0')}Z`;
}

function newId() {
  const bytes = randomFillSync(Buffer.allocUnsafe(16));
  bytes.writeUIntBE(Date.now(), 0, 6);
  bytes[6] = (bytes[6] & 0x0f) | 0x70;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const h = bytes.toString('hex');
  return `${h.slice(0, 8)}-${h.slice(8, 12)}-${h.slice(12, 16)}-${h.slice(16, 20)}-${h.slice(20)}`;
}

class Problem extends Error {
  constructor(status, detail) {
    super(detail);
    this.statusCode = status;
  }
}
const noSuchSession = () => new Problem(404, 'There is no such session.');

const metadataOf = (item) => (item.metadata ? JSON.parse(item.metadata.S) : undefined);

const lastMessageOf = (item) => (item.last_role
  ? { role: item.last_role.S, preview: item.last_preview.S, timestamp: Number(item.last_shown.N) } : null);

const sessionOf = (item) => ({
  session_id: item.session_id.S,
  user_id: item.user_id.S,
  title: item.title.S,
  created_at: item.created_at.S,
  updated_at: item.updated_at.S,
  message_count: Number(item.message_count.N),
  archived: Boolean(item.archived),
  pinned: Boolean(item.pinned),
  tags: (item.tags?.L ?? []).map((tag) => tag.S),
  last_message: lastMessageOf(item),
  metadata: metadataOf(item),
});

const messageOf = (item) => ({
  message_id: item.message_id.S,
  session_id: item.session_id.S,
  timestamp: Number(item.timestamp.N),
  role: item.role.S,
  content: item.content.S,
  created_at: item.created_at.S,
  metadata: metadataOf(item) ?? null,
});

// ---- the tables ----

function storeOf(client, sdk) {
  async function get(userId, sessionId) {
    const { Item: item } = await client.send(new sdk.GetItemCommand({
      TableName: SESSIONS, Key: { user_id: S(userId), session_id: S(sessionId) }, ConsistentRead: true,
    }));
    if (!item || item.deleted_at) throw noSuchSession();
    return sessionOf(item);
  }

  // The owner item is at timestamp 0, so the same query brings it.
  async function list(sessionId, limit) {
    const { Items: items } = await client.send(new sdk.QueryCommand({
      TableName: MESSAGES,
      KeyConditionExpression: 'session_id = :s AND #t BETWEEN :low AND :high',
      ExpressionAttributeNames: { '#t': 'timestamp' },
      ExpressionAttributeValues: { ':s': S(sessionId), ':low': N(0), ':high': N(Number.MAX_SAFE_INTEGER) },
      ConsistentRead: true,
      ScanIndexForward: true,
      Limit: limit + 2,
    }));
    const [owner] = items;
    if (!owner || owner.timestamp.N !== '0' || owner.deleted_at) throw noSuchSession();
    return { messages: items.slice(1, limit + 1).map(messageOf), more: items.length > limit + 1 };
  }

  // 0 when it is written; else the session's last timestamp, which is later than the message's.
  async function write(userId, message) {
    const timestamp = N(message.timestamp);
    const item = {
      session_id: S(message.session_id),
      timestamp,
      message_id: S(message.message_id),
      role: S(message.role),
      content: S(message.content),
      created_at: S(message.created_at),
    };
    if (message.metadata) item.metadata = S(JSON.stringify(message.metadata));
    try {
      await client.send(new sdk.TransactWriteItemsCommand({
        TransactItems: [
          { Put: { TableName: MESSAGES, Item: item, ConditionExpression: 'attribute_not_exists(session_id)' } },
          {
            Update: {
              TableName: SESSIONS,
              Key: { user_id: S(userId), session_id: S(message.session_id) },
              UpdateExpression: 'SET updated_at = :now, last_timestamp = :last ADD message_count :count, version :one',
              ConditionExpression: 'attribute_exists(session_id) AND attribute_not_exists(deleted_at) AND '
                + 'last_timestamp < :first',
              ExpressionAttributeValues: {
                ':now': S(message.created_at), ':last': timestamp, ':count': N(1), ':one': N(1), ':first': timestamp,
              },
              ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
            },
          },
        ],
      }));
      return 0;
    } catch (error) {
      if (error.name !== 'TransactionCanceledException') throw error;
      const old = error.CancellationReasons?.[1]?.Item;
      if (!old?.last_timestamp || old.deleted_at) throw noSuchSession();
      return Number(old.last_timestamp.N);
    }
  }

  async function append(sessionId, wanted) {
    const messageId = wanted.message_id ?? newId();
    let last = 0;
    for (let attempt = 0; attempt < APPEND_TRIES; attempt++) {
      const us = Math.max(nowUs(), (last + 1) * 1000);
      const message = {
        message_id: messageId,
        session_id: sessionId,
        timestamp: Math.floor(us / 1000),
        role: wanted.role,
        content: wanted.content,
        created_at: rfc3339(us),
        metadata: wanted.metadata ?? null,
      };
      last = await write(wanted.user_id, message);
      if (last === 0) return message;
    }
    throw new Problem(503, 'Too many others are writing to this session.');
  }

  async function create(wanted) {
    const now = rfc3339(nowUs());
    const session = {
      session_id: newId(),
      user_id: wanted.user_id,
      title: wanted.title ?? `Chat Session ${now.slice(0, 10)} ${now.slice(11, 16)}`,
      created_at: now,
      updated_at: now,
      message_count: 0,
      archived: false,
      pinned: false,
      tags: [],
      last_message: null,
      metadata: wanted.metadata,
    };
    const item = {
      user_id: S(session.user_id),
      session_id: S(session.session_id),
      title: S(session.title),
      created_at: S(now),
      updated_at: S(now),
      message_count: N(0),
      last_timestamp: N(0),
      version: N(1),
    };
    if (wanted.metadata) item.metadata = S(JSON.stringify(wanted.metadata));
    const owner = { session_id: item.session_id, timestamp: N(0), user_id: item.user_id };
    const ConditionExpression = 'attribute_not_exists(session_id)';
    await client.send(new sdk.TransactWriteItemsCommand({
      TransactItems: [
        { Put: { TableName: SESSIONS, Item: item, ConditionExpression } },
        { Put: { TableName: MESSAGES, Item: owner, ConditionExpression } },
      ],
    }));
    return session;
  }

  return { append, create, get, list };
}

// ---- schemas ----

const text = { type: 'string' };
const integer = { type: 'integer' };
const object = { type: 'object', additionalProperties: true };
const objectOf = (properties, required = []) => ({ type: 'object', properties, required });

const session = objectOf({
  session_id: text, user_id: text, title: text, created_at: text, updated_at: text, message_count: integer,
  archived: { type: 'boolean' }, pinned: { type: 'boolean' }, tags: { type: 'array', items: text },
  last_message: { ...objectOf({ role: text, preview: text, timestamp: integer }), nullable: true },
  metadata: object,
});
const message = objectOf({
  message_id: text, session_id: text, timestamp: integer, role: text, content: text, created_at: text,
  metadata: { ...object, nullable: true },
});
const envelope = (properties) => objectOf({ status: text, ...properties, timestamp: text });

const schemas = {
  get: { response: { 200: envelope({ session }) } },
  list: {
    querystring: objectOf({ limit: { type: 'integer', minimum: 1, maximum: 1000, default: 100 } }),
    response: {
      200: envelope({
        session_id: text,
        messages: { type: 'array', items: message },
        count: integer,
        has_more: { type: 'boolean' },
        next_cursor: { ...text, nullable: true },
      }),
    },
  },
  append: {
    // user_id names the owner; that the session is the owner's is a condition of the write.
    body: objectOf({
      user_id: { type: 'string', minLength: 1, maxLength: 2048 },
      role: { enum: ['user', 'assistant', 'system', 'tool'] },
      content: { type: 'string', minLength: 1 },
      metadata: { ...object, nullable: true },
      message_id: { type: 'string', minLength: 1, maxLength: 128 },
    }, ['user_id', 'role', 'content']),
    response: { 201: envelope({ message }) },
  },
  create: {
    body: objectOf({
      user_id: { type: 'string', minLength: 1, maxLength: 2048 },
      title: { type: 'string', maxLength: 1000 },
      metadata: object,
    }, ['user_id']),
    response: { 201: envelope({ session }) },
  },
};

// ---- a worker ----

function serve() {
  const fastify = require('fastify');
  const sdk = require('@aws-sdk/client-dynamodb');
  const { NodeHttpHandler } = require('@smithy/node-http-handler');
  const client = new sdk.DynamoDBClient({
    endpoint: process.env.AWS_ENDPOINT_URL_DYNAMODB,
    requestHandler: new NodeHttpHandler({ httpAgent: new http.Agent({ keepAlive: true, maxSockets: 1024 }) }),
  });
  const store = storeOf(client, sdk);
  const app = fastify({ logger: false });
  const success = (body) => ({ status: 'success', ...body, timestamp: rfc3339(nowUs()) });

  app.setErrorHandler((error, request, reply) => {
    const status = error.statusCode ?? 503;
    if (!error.statusCode) console.error(error);
    reply.code(status).type('application/problem+json');
    return reply.send(JSON.stringify({ type: 'about:blank', status, detail: error.message }));
  });
  app.get('/api/v1/sessions/:user_id/:session_id', { schema: schemas.get }, async (request) => (
    success({ session: await store.get(request.params.user_id, request.params.session_id) })));
  app.get('/api/v1/sessions/:user_id/messages', { schema: schemas.list }, async (request) => {
    const sessionId = request.params.user_id; // both routes have the parameter at this place
    const { messages, more } = await store.list(sessionId, request.query.limit);
    return success({
      session_id: sessionId,
      messages,
      count: messages.length,
      has_more: more,
      next_cursor: more ? String(messages.at(-1).timestamp) : null,
    });
  });
  app.post('/api/v1/sessions/:session_id/messages', { schema: schemas.append }, async (request, reply) => {
    const appended = await store.append(request.params.session_id, request.body);
    reply.code(201);
    return success({ message: appended });
  });
  app.post('/api/v1/sessions', { schema: schemas.create }, async (request, reply) => {
    const created = await store.create(request.body);
    reply.code(201);
    return success({ session: created });
  });
  app.listen({ path: socket });
}

if (cluster.isPrimary) {
  for (let i = 0; i < Number(workers); i++) cluster.fork();
  process.once('SIGTERM', () => {
    for (const worker of Object.values(cluster.workers)) worker.kill();
  });
} else {
  serve();
}
