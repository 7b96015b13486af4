// The first step of the benchmark: does each service answer each of the four calls alike? Same
// status and same shape: the same members, in the same places, of the same types. The limit answers
// as DynamoDB does, so only its success counts.
'use strict';

const SESSION = '0194319a-0001-7001-9c1e-000000000001';
const message = { user_id: 'alice', role: 'user', content: 'Hello' };

const calls = {
  get: ['GET', `/sessions/alice/${SESSION}`, 200],
  list: ['GET', `/sessions/${SESSION}/messages?limit=20`, 200],
  append: ['POST', `/sessions/${SESSION}/messages`, 201, message],
  create: ['POST', '/sessions', 201, { user_id: 'alice', title: 'A title' }],
};

// What must be refused: otherwise a service saves itself the look at what it gets.
const refusals = {
  'append without content': ['POST', `/sessions/${SESSION}/messages`, 422, { ...message, content: '' }],
  'create without user_id': ['POST', '/sessions', 422, { title: 'A title' }],
  'create with a body that is not JSON': ['POST', '/sessions', 400, '{"user_id":'],
};

// "status:string,session{session_id:string,…}", members in the order of their names.
function shapeOf(value) {
  if (value === null) return 'null';
  if (Array.isArray(value)) return `[${[...new Set(value.map(shapeOf))].join('|')}]×${value.length}`;
  if (typeof value !== 'object') return typeof value;
  return `{${Object.keys(value).sort().map((key) => `${key}:${shapeOf(value[key])}`).join(',')}}`;
}

async function send(url, [method, path, , body]) {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  const headers = body ? { 'Content-Type': 'application/json' } : {};
  const answer = await fetch(`${url}/api/v1${path}`, { method, headers, body: text });
  return { status: answer.status, text: await answer.text() };
}

// What a message, a title and a page have been made into.
function contentOf(call, answer) {
  const { session, messages, message: one } = answer;
  switch (call) {
    case 'get': return JSON.stringify(session);
    case 'list': return JSON.stringify(messages);
    case 'append': return `${one.role} ${one.content}`;
    default: return `${session.user_id} ${session.title} ${session.message_count}`;
  }
}

const sorted = (text) => [...text].sort().join(''); // members may come in another order

// The answer of DynamoDB's that belongs to the call: the owner and 20 messages in a list.
function checkForwarded(call, json) {
  const written = json.ConsumedCapacity?.length === 2;
  const right = { get: Boolean(json.Item), list: json.Items?.length === 21, append: written, create: written };
  if (!right[call]) {
    throw new Error(`${call}: answered ${JSON.stringify(json).slice(0, 200)}`);
  }
}

async function answersOf(url, forwards) {
  const found = {};
  for (const [call, request] of Object.entries(calls)) {
    const { status, text } = await send(url, request);
    if (status !== (forwards ? 200 : request[2])) throw new Error(`${call}: answered ${status}: ${text}`);
    const json = JSON.parse(text);
    if (forwards) checkForwarded(call, json);
    else found[call] = { shape: shapeOf(json), content: sorted(contentOf(call, json)) };
  }
  return found;
}

async function checkRefusals(url, lenient) {
  for (const [what, request] of Object.entries(refusals)) {
    const { status, text } = await send(url, request);
    const expected = lenient ? [400, 422] : [request[2]];
    if (!expected.includes(status)) throw new Error(`${what}: answered ${status}: ${text}`);
  }
}

// Throws with what differs. The first service that is checked sets the measure.
function newCheck() {
  let measure = null;
  return async (name, url, { forwards }) => {
    try {
      const found = await answersOf(url, forwards);
      if (forwards) return;
      await checkRefusals(url, name !== 'ours');
      measure ??= { name, found };
      for (const call of Object.keys(calls)) {
        for (const aspect of ['shape', 'content']) {
          const [wanted, got] = [measure.found[call][aspect], found[call][aspect]];
          if (wanted !== got) {
            throw new Error(`${call}: ${aspect} is\n  ${got}\nand not that of ${measure.name}:\n  ${wanted}`);
          }
        }
      }
    } catch (error) {
      throw new Error(`${name}: ${error.message}`);
    }
  };
}

module.exports = { newCheck, shapeOf };
