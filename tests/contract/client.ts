// A small client of the API on the types that openapi-typescript makes of docs/openapi.yaml. It compiles only
// if the document says what the calls below need; run, it walks all endpoints and checks what comes back.
//   node client.js             API: where the API is (http://127.0.0.1:8080/api/v1)
//                              RECORD: a file that each answer is appended to, as a line of JSON
//                              CLIENT_USER: the user to work as (a new one each time unless given)
import * as assert from 'node:assert';
import { appendFileSync } from 'node:fs';
import type { components, operations } from 'contract';

type Operation = keyof operations;
type ErrorCode = components['schemas']['ErrorCode'];
type Problem = components['schemas']['Problem'];
type Message = components['schemas']['Message'];
type Session = components['schemas']['Session'];

// What an operation takes and gives, as the document has it.
type Part<O extends Operation, K extends 'path' | 'query' | 'header'> = NonNullable<operations[O]['parameters'][K]>;
type Body<O extends Operation> =
  operations[O] extends { requestBody?: { content: { 'application/json': infer B } } } ? B : never;
type Status<O extends Operation> = keyof operations[O]['responses'] & number;
type Json<R> = R extends { content: { 'application/json': infer B } } ? B : undefined;
type Answer<O extends Operation, S extends Status<O>> = Json<operations[O]['responses'][S]>;
type PathOf<O extends Operation> =
  operations[O]['parameters'] extends { path: infer P } ? { path: P } : { path?: never };
type Input<O extends Operation> = PathOf<O> & {
  query?: Part<O, 'query'>;
  header?: Part<O, 'header'>;
  body?: Body<O>;
};
interface Received { status: number; headers: Headers; text: string }

// Every operation of the document; one that is missing here does not compile.
const ROUTES: Record<Operation, readonly [method: string, template: string]> = {
  createSession: ['POST', '/sessions'],
  listSessions: ['GET', '/sessions/{user_id}'],
  eraseUser: ['DELETE', '/sessions/{user_id}'],
  listSessionsOf: ['GET', '/sessions'],
  eraseUserOf: ['DELETE', '/sessions'],
  getSession: ['GET', '/sessions/{user_id}/{session_id}'],
  updateSession: ['PUT', '/sessions/{user_id}/{session_id}'],
  patchSession: ['PATCH', '/sessions/{user_id}/{session_id}'],
  deleteSession: ['DELETE', '/sessions/{user_id}/{session_id}'],
  listMessages: ['GET', '/sessions/{session_id}/messages'],
  appendMessages: ['POST', '/sessions/{session_id}/messages'],
  getMessage: ['GET', '/sessions/{session_id}/messages/{timestamp}'],
  updateMessage: ['PUT', '/sessions/{session_id}/messages/{timestamp}'],
  patchMessage: ['PATCH', '/sessions/{session_id}/messages/{timestamp}'],
  deleteMessage: ['DELETE', '/sessions/{session_id}/messages/{timestamp}'],
  getHealth: ['GET', '/health'],
  getReadiness: ['GET', '/health/ready'],
  getMetrics: ['GET', '../../metrics'],
  getDocument: ['GET', '/openapi.json'],
  getPage: ['GET', '/docs'],
};

class Client {
  readonly called = new Set<Operation>();

  constructor(private readonly api: string, private readonly record?: string) {}

  // Sends it and keeps the answer. `operation` is told to the record where it is one.
  async send(method: string, path: string, init: RequestInit = {}, operation?: Operation): Promise<Received> {
    const url = new URL(`${this.api}${path.startsWith('/') ? '' : '/'}${path}`);
    const answer = await fetch(url, { ...init, method, redirect: 'error', signal: AbortSignal.timeout(60_000) });
    const text = await answer.text();
    if (this.record) {
      appendFileSync(this.record, `${JSON.stringify({
        operation, method, path: url.pathname + url.search, status: answer.status,
        headers: recorded(answer.headers), body: text,
      })}\n`);
    }
    return { status: answer.status, headers: answer.headers, text };
  }

  async request<O extends Operation>(operation: O, input: Input<O>): Promise<Received> {
    const [method, template] = ROUTES[operation];
    const { path, query, header, body } = input as {
      path?: Record<string, string | number>;
      query?: Record<string, unknown>;
      header?: Record<string, string>;
      body?: unknown;
    };
    const filled = template.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(path![name]!));
    const search = new URLSearchParams(Object.entries(query ?? {})
      .map(([name, value]) => [name, String(value)]));
    const init: RequestInit = { headers: { ...header } };
    if (body !== undefined) {
      init.headers = { ...header, 'Content-Type': 'application/json' };
      init.body = JSON.stringify(body);
    }
    this.called.add(operation);
    return this.send(method, filled + (search.size ? `?${search}` : ''), init, operation);
  }

  // The answer, which must have the status.
  async call<O extends Operation, S extends Status<O>>(operation: O, wanted: S, input: Input<O>) {
    const { status, headers, text } = await this.request(operation, input);
    assert.strictEqual(status, wanted, `${operation}: ${text.slice(0, 500)}`);
    const isJson = headers.get('content-type')?.startsWith('application/json');
    return { headers, text, body: (isJson ? JSON.parse(text) : undefined) as Answer<O, S> };
  }

  // It fails with the status, which the operation must have in the document, and the code.
  async fails<O extends Operation>(operation: O, wanted: Status<O>, code: ErrorCode, input: Input<O>) {
    return failed(await this.request(operation, input), wanted as number, code);
  }
}

function failed({ status, headers, text }: Received, wanted: number, code: ErrorCode) {
  assert.strictEqual(status, wanted, text.slice(0, 500));
  const problem = JSON.parse(text) as Problem;
  assert.strictEqual(problem.code, code, text);
  assert.strictEqual(problem.status, wanted);
  assert.strictEqual(problem.request_id, headers.get('x-request-id'));
  return { headers, problem };
}

// fetch takes compressed or chunked answers apart itself; its own headers stay as they came.
const recorded = (headers: Headers) => Object.fromEntries([...headers.entries()]);

// ---- the walk ----

const metadata = { model: 'm-1', temperature: 0.7 };

async function walkSessions(client: Client, user: string): Promise<Session> {
  const header = { 'Idempotency-Key': `create-${user}` };
  const wanted = { user_id: user, title: 'Trip to Lisbon', metadata };
  const made = await client.call('createSession', 201, { header, body: wanted });
  const { session } = made.body;
  assert.deepStrictEqual([session.title, session.message_count, session.metadata], ['Trip to Lisbon', 0, metadata]);
  assert.strictEqual(made.headers.get('location'), `/api/v1/sessions/${user}/${session.session_id}`);
  const again = await client.call('createSession', 200, { header, body: wanted });
  assert.strictEqual(again.headers.get('idempotent-replayed'), 'true');
  assert.deepStrictEqual(again.body.session, session);
  await client.fails('createSession', 422, 'idempotency_key_reused', { header, body: { ...wanted, title: 'Other' } });
  await client.fails('createSession', 422, 'missing_parameter', { body: { title: 'Nobody' } });
  await client.fails('createSession', 422, 'invalid_parameter', { body: { user_id: user, title: 'x'.repeat(1001) } });
  await client.call('createSession', 201, { query: { user_id: user, metadata: '{"from":"the query"}' } });
  const path = { user_id: user, session_id: session.session_id };
  const read = await client.call('getSession', 200, { path });
  assert.deepStrictEqual(read.body.session, session);
  const etag = read.headers.get('etag')!;
  await client.call('getSession', 304, { path, header: { 'If-None-Match': etag } });
  await client.fails('getSession', 404, 'session_not_found', { path: { ...path, session_id: 'none' } });
  const changed = await client.call('updateSession', 200, {
    path, header: { 'If-Match': etag }, body: { title: 'Five days in Lisbon' },
  });
  assert.deepStrictEqual([changed.body.session.title, changed.body.session.metadata], ['Five days in Lisbon', metadata]);
  await client.fails('updateSession', 412, 'precondition_failed', { path, header: { 'If-Match': etag }, body: { title: 'Late' } });
  const cleared = await client.call('patchSession', 200, { path, body: { metadata: null } });
  assert.strictEqual(cleared.body.session.metadata, undefined);
  return cleared.body.session;
}

async function walkLists(client: Client, user: string, session: Session) {
  const path = { user_id: user };
  const first = await client.call('listSessions', 200, { path, query: { limit: 1, sort: 'created' } });
  assert.strictEqual(first.body.has_more, true);
  assert.match(first.headers.get('link')!, /rel="next"/);
  const second = await client.call('listSessions', 200, {
    path, query: { limit: 1, sort: 'created', cursor: first.body.next_cursor! },
  });
  assert.deepStrictEqual([second.body.count, second.body.next_cursor], [1, null]);
  assert.strictEqual(second.body.sessions[0]!.session_id, session.session_id);
  await client.fails('listSessions', 400, 'invalid_cursor', { path, query: { cursor: 'none' } });
  await client.fails('listSessions', 422, 'invalid_parameter', { path, query: { limit: 1001 } });
}

async function walkMessages(client: Client, user: string, { session_id }: Session): Promise<Message> {
  const path = { session_id };
  const header = { 'Idempotency-Key': `append-${session_id}` };
  const question = { role: 'user', content: 'What should I see in Lisbon?' } as const;
  const one = await client.call('appendMessages', 201, { path, header, body: question });
  assert('message' in one.body);
  const { message } = one.body;
  assert.deepStrictEqual([message.role, message.content, message.metadata], ['user', question.content, null]);
  const again = await client.call('appendMessages', 200, { path, header, body: question });
  assert('message' in again.body);
  assert.deepStrictEqual(again.body.message, message);
  await client.fails('appendMessages', 422, 'idempotency_key_reused', { path, header, body: { ...question, content: 'Other' } });
  const three = await client.call('appendMessages', 201, {
    path, query: { user_id: user }, body: [
      { role: 'system', content: 'Be brief.' },
      { role: 'assistant', content: 'Alfama, Belém, a ferry at dusk.', metadata: { tokens: 9 }, message_id: 'reply-1' },
      { role: 'tool', content: '{"weather":"sunny"}' },
    ],
  });
  assert('messages' in three.body);
  assert.deepStrictEqual(three.body.messages.map(({ role }) => role), ['system', 'assistant', 'tool']);
  await client.fails('appendMessages', 422, 'missing_parameter', { path, body: { role: 'user' } });
  await client.fails('appendMessages', 413, 'item_too_large', { path, body: { role: 'user', content: 'x'.repeat(410_000) } });
  await client.fails('appendMessages', 404, 'session_not_found', { path: { session_id: 'none' }, body: question });
  const page = await client.call('listMessages', 200, { path, query: { order: 'asc', limit: 2 } });
  assert.deepStrictEqual([page.body.count, page.body.has_more, page.body.messages[0]], [2, true, message]);
  const rest = await client.call('listMessages', 200, { path, query: { limit: 2, cursor: page.body.next_cursor! } });
  assert.deepStrictEqual([rest.body.count, rest.body.has_more], [2, false]);
  const after = await client.call('listMessages', 200, { path, query: { after: message.timestamp, order: 'desc' } });
  assert.deepStrictEqual(after.body.messages.map(({ role }) => role), ['tool', 'assistant', 'system']);
  await client.fails('listMessages', 404, 'session_not_found', { path: { session_id: 'none' } });
  return message;
}

async function walkMessage(client: Client, { session_id, timestamp }: Message) {
  const path = { session_id, timestamp };
  await client.call('getMessage', 200, { path });
  const content = 'What should I see in Lisbon and Sintra?';
  const edited = await client.call('updateMessage', 200, { path, body: { content } });
  assert.strictEqual(edited.body.message.content, content);
  assert(edited.body.message.updated_at);
  const patched = await client.call('patchMessage', 200, { path, body: { metadata: { edited: true } } });
  assert.deepStrictEqual([patched.body.message.content, patched.body.message.metadata], [content, { edited: true }]);
  await client.call('deleteMessage', 200, { path });
  await client.fails('getMessage', 404, 'message_not_found', { path });
  await client.fails('deleteMessage', 404, 'message_not_found', { path });
}

async function walkDeletes(client: Client, user: string, { session_id }: Session) {
  const path = { user_id: user, session_id };
  const deleted = await client.call('deleteSession', 200, { path });
  assert.strictEqual(deleted.body.deleted_messages, 3);
  await client.fails('deleteSession', 404, 'session_not_found', { path });
  const erased = await client.call('eraseUser', 200, { path: { user_id: user } });
  assert.deepStrictEqual([erased.body.deleted_sessions, erased.body.deleted_messages], [1, 0]);
  const list = await client.call('listSessions', 200, { path: { user_id: user } });
  assert.deepStrictEqual([list.body.sessions, list.body.next_cursor], [[], null]);
  const same = await client.call('listSessionsOf', 200, { query: { user_id: user } });
  assert.deepStrictEqual(same.body.sessions, []);
  const again = await client.call('eraseUserOf', 200, { query: { user_id: user } });
  assert.deepStrictEqual([again.body.deleted_sessions, again.body.deleted_messages], [0, 0]);
}

async function walkOperation(client: Client) {
  const health = await client.call('getHealth', 200, {});
  assert.strictEqual(health.body.healthy, true);
  await client.call('getReadiness', 200, {});
  assert.match((await client.call('getMetrics', 200, {})).text, /^chat_sessions_requests_total\{/m);
  const { body: document } = await client.call('getDocument', 200, {});
  assert.strictEqual(document.openapi, '3.1.0');
  assert.match((await client.call('getPage', 200, {})).text, /<main id="page">/);
}

// Requests that no type allows, HEAD, and OPTIONS as a browser sends it.
async function walkOthers(client: Client, user: string) {
  const json = { 'Content-Type': 'application/json' };
  failed(await client.send('POST', '/sessions', { headers: json, body: '{"user_id":' }), 400, 'invalid_json');
  failed(await client.send('GET', '/sessions/%FF'), 400, 'invalid_encoding');
  failed(await client.send('POST', '/sessions', { body: 'user_id=a' }), 415, 'unsupported_media_type');
  failed(await client.send('POST', '/sessions', { headers: json, body: ' '.repeat(16_777_217) }), 413, 'body_too_large');
  failed(await client.send('PUT', '/sessions'), 405, 'method_not_allowed');
  failed(await client.send('GET', '/nothing'), 404, 'not_found');
  for (const path of [`/sessions/${user}`, '/health', '/health/ready', '/openapi.json', '/docs']) {
    const head = await client.send('HEAD', path);
    assert.deepStrictEqual([head.status, head.text], [200, ''], path);
  }
  const preflight = await client.send('OPTIONS', '/sessions', {
    headers: { Origin: 'http://localhost:3000', 'Access-Control-Request-Method': 'POST' },
  });
  assert.deepStrictEqual([preflight.status, preflight.headers.get('allow')], [204, 'GET, HEAD, POST, DELETE, OPTIONS']);
}

async function main() {
  const client = new Client(process.env['API'] ?? 'http://127.0.0.1:8080/api/v1', process.env['RECORD']);
  const user = process.env['CLIENT_USER'] ?? `client-${process.pid}-${Date.now()}`;
  const session = await walkSessions(client, user);
  await walkLists(client, user, session);
  await walkMessage(client, await walkMessages(client, user, session));
  await walkOthers(client, user);
  await walkDeletes(client, user, session);
  await walkOperation(client);
  const left = (Object.keys(ROUTES) as Operation[]).filter((operation) => !client.called.has(operation));
  assert.deepStrictEqual(left, [], 'operations that were not called');
  console.log(`${client.called.size} operations called`);
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.stack : error);
  process.exitCode = 1;
});
