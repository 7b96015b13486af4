// Shows that validate-responses.js and check-document.js can fail: each case changes one thing of what is good.
//   node self-test.js
'use strict';
const assert = require('assert');
const { read } = require('./document');
const { Contract } = require('./validate-responses');
const { CHECKS } = require('./check-document');

const id = 'request-1';
const time = '2026-11-23T08:30:02.342117Z';
const session = {
  session_id: 's', user_id: 'alice', title: 't', created_at: time, updated_at: time, message_count: 0,
  archived: false, pinned: false, tags: [], last_message: null,
};
const message = {
  message_id: 'm', session_id: 's', timestamp: 1795422652684, role: 'user', content: 'c', created_at: time, metadata: null,
};

function answer(method, path, status, body, headers = {}) {
  const type = status < 400 ? 'application/json' : 'application/problem+json';
  return {
    method,
    path: `/api/v1${path}`,
    status,
    headers: { 'x-request-id': id, date: 'now', ...(body ? { 'content-type': type } : {}), ...headers },
    body: body ? JSON.stringify(body) : '',
  };
}

const success = (members) => ({ status: 'success', ...members, timestamp: time });
const problem = (status, title, code) => ({
  type: 'about:blank', title, status, code, detail: 'do this', request_id: id,
});
const created = { etag: '"1"', location: '/api/v1/sessions/alice/s' };
const noSession = problem(404, 'Not Found', 'session_not_found');
const overloaded = problem(503, 'Service Unavailable', 'overloaded');
const list = { messages: [message], count: 1, has_more: false, next_cursor: null, session_id: 's' };

const lines = (...values) => ({
  ...answer('GET', '/sessions/alice', 200, null, { 'content-type': 'application/x-ndjson' }),
  body: values.map((value) => `${JSON.stringify(value)}\n`).join(''),
});
const end = { type: 'end', sessions: 1, messages: 1 };

// ---- answers that are good ----

const GOOD = {
  created: answer('POST', '/sessions', 201, success({ session }), created),
  'created, whole URL, charset': {
    ...answer('POST', '/sessions', 201, success({ session }),
      { ...created, 'content-type': 'application/json; charset=UTF-8' }),
    path: 'http://127.0.0.1:8080/api/v1/sessions?x=1',
  },
  listed: answer('GET', '/sessions/s/messages?limit=1', 200, success(list)),
  'own metadata': answer('GET', '/sessions/a/s', 200, success({ session: { ...session, metadata: { a: [1] } } }), { etag: '"2"' }),
  'the user "messages"': answer('GET', '/sessions/messages/s', 200, success({ session }), { etag: '"2"' }),
  'an id with a slash': answer('GET', '/sessions/a%2Fb/s', 200, success({ session }), { etag: '"2"' }),
  'one appended': answer('POST', '/sessions/s/messages', 201, success({ message })),
  exported: lines({ type: 'session', ...session }, { type: 'message', ...message }, end),
  'two appended': answer('POST', '/sessions/s/messages', 201, success({ messages: [message, message] })),
  'not modified': answer('GET', '/sessions/a/s', 304, null, { etag: '"2"' }),
  'not found': answer('DELETE', '/sessions/a/s', 404, noSession),
  'no such path': answer('GET', '/nothing', 404, problem(404, 'Not Found', 'not_found')),
  'an empty id': answer('GET', '/sessions/', 404, problem(404, 'Not Found', 'not_found')),
  overloaded: answer('GET', '/sessions/a', 503, overloaded, { 'retry-after': '1' }),
  'wrong method': answer('PUT', '/sessions', 405, problem(405, 'Method Not Allowed', 'method_not_allowed'), { allow: 'POST, OPTIONS' }),
  HEAD: answer('HEAD', '/sessions/a/s', 200, null, { 'content-type': 'application/json', etag: '"2"' }),
  'HEAD of nothing': answer('HEAD', '/sessions/a/s', 404, null, { 'content-type': 'application/problem+json' }),
  OPTIONS: answer('OPTIONS', '/sessions', 204, null, { allow: 'POST, OPTIONS' }),
};

// ---- answers that are not: [what is said of it, the answer] ----

const without = (object, name) => Object.fromEntries(Object.entries(object).filter(([key]) => key !== name));
const changed = (name, change) => ({ ...GOOD[name], ...change });
const withBody = (name, body) => changed(name, { body: JSON.stringify(body) });
const withHeaders = (name, headers) => changed(name, { headers: { ...GOOD[name].headers, ...headers } });
const withoutHeader = (name, header) => changed(name, { headers: without(GOOD[name].headers, header) });

const BAD = {
  'an unknown status': [/status 202 is not/, changed('created', { status: 202 })],
  'a status of another operation': [/status 412 is not/, changed('listed', { status: 412 })],
  'success where nothing is': [/status 200 is not/, answer('GET', '/nothing', 200, success({}))],
  'success of no method': [/status 200 is not/, answer('PUT', '/sessions', 200, success({ session }))],
  'a member too many': [/additional properties/, withBody('created', success({ session, extra: 1 }))],
  'a member of the session too many': [/additional properties/, withBody('created', success({ session: { ...session, ttl: 1 } }))],
  'a member too few': [/required property 'title'/, withBody('created', success({ session: without(session, 'title') }))],
  'a list without next_cursor': [/next_cursor/, withBody('listed', success(without(list, 'next_cursor')))],
  'metadata that is missing': [/metadata/, withBody('listed', success({ ...list, messages: [without(message, 'metadata')] }))],
  'a part without a type': [/type/, withBody('listed', success({ ...list, messages: [{ ...message, content: [{ text: 'a' }] }] }))],
  'no parts': [/content/, withBody('listed', success({ ...list, messages: [{ ...message, content: [] }] }))],
  'metadata that is text': [/must be object/, withBody('own metadata', success({ session: { ...session, metadata: '{}' } }))],
  'a count that is text': [/must be integer/, withBody('created', success({ session: { ...session, message_count: '0' } }))],
  'a time without microseconds': [/pattern/, withBody('created', success({ session: { ...session, created_at: '2026-11-23T08:30:02Z' } }))],
  'a time that is none': [/date-time/, withBody('created', success({ session: { ...session, created_at: '2026-13-23T08:30:02.342117Z' } }))],
  'both message and messages': [/must match exactly one|additional/, withBody('one appended', success({ message, messages: [message] }))],
  'no ETag': [/no header ETag/, withoutHeader('created', 'etag')],
  'no Location': [/no header Location/, withoutHeader('created', 'location')],
  'no X-Request-Id': [/no header X-Request-Id/, withoutHeader('listed', 'x-request-id')],
  'an ETag without quotes': [/header ETag: 1/, withHeaders('created', { etag: '1' })],
  'an unknown header': [/header x-powered-by/, withHeaders('created', { 'x-powered-by': 'C' })],
  'a replay that does not say so': [/no header Idempotent-Replayed/, changed('created', { status: 200 })],
  'another type': [/Content-Type text\/html/, withHeaders('created', { 'content-type': 'text/html' })],
  'no type': [/Content-Type is missing/, withoutHeader('created', 'content-type')],
  'a body that is no JSON': [/not JSON/, changed('created', { body: '{' })],
  'a line that is no JSON': [/a line is not JSON/, changed('exported', { body: '{"type":"end"\n' })],
  'a line of an unknown type': [/line .*must/, lines({ type: 'user', ...session }, end)],
  'a member of a line too many': [/line .*must/, lines({ type: 'session', ...session, ttl: 1 }, end)],
  'a message without its session': [/line .*must/, lines({ type: 'message', ...without(message, 'session_id') }, end)],
  'a last line that is not ended': [/not ended/, changed('exported', { body: JSON.stringify(end) })],
  'an empty body': [/not JSON/, changed('created', { body: '' })],
  'a body of 304': [/a body where/, changed('not modified', { body: '{}' })],
  'a body of HEAD': [/a body where/, changed('HEAD', { body: '{}' })],
  'an unknown code': [/allowed values/, withBody('not found', { ...noSession, code: 'gone' })],
  'a code of another status': [/allowed values/, withBody('not found', { ...noSession, code: 'forbidden' })],
  'a code of another operation': [/allowed values/, withBody('not found', { ...noSession, code: 'message_not_found' })],
  'a status that is not that of the answer': [/equal to constant/, withBody('not found', { ...noSession, status: 400 })],
  'a problem without detail': [/detail/, withBody('not found', without(noSession, 'detail'))],
  'a problem with a trace': [/additional properties/, withBody('not found', { ...noSession, trace: '…' })],
  'the id of another request': [/request_id is other/, withBody('not found', { ...noSession, request_id: 'other' })],
  '503 without Retry-After': [/no header Retry-After/, withoutHeader('overloaded', 'retry-after')],
  '405 without Allow': [/no header Allow/, withoutHeader('wrong method', 'allow')],
};

// ---- documents with a fault: [check, what is said of it, how to make it] ----

const response = (document, path, method, status) => document.paths[path][method].responses[status];
const FAULTS = [
  ['examples', /updated_at/, (document) => {
    delete response(document, '/sessions/{user_id}/{session_id}', 'get', '200').content['application/json'].example.session.updated_at;
  }],
  ['examples', /has no example/, (document) => {
    delete response(document, '/health', 'get', '200').content['application/json'].example;
  }],
  ['closed', /getHealth 200 .* is open/, (document) => {
    delete response(document, '/health', 'get', '200').content['application/json'].schema.properties.workers.additionalProperties;
  }],
  ['codes', /^503 dynamodb_denied is not in a response/, (document) => {
    document.components.responses.Unavailable.content['application/problem+json'].schema.allOf[1].properties.code.enum
      = ['credentials_not_configured', 'dynamodb_throttled', 'dynamodb_unavailable', 'dynamodb_conflict', 'overloaded'];
  }],
  ['codes', /^gone is not in|^gone of ErrorCode/, (document) => {
    document.components.schemas.ErrorCode.enum.push('gone');
  }],
  ['codes', /is in no source/, (document) => {
    document.components.responses.Forbidden.content['application/problem+json'].schema.allOf[1].properties.code.enum.push('gone');
  }],
  ['routes', /PATCH .* is not in the document/, (document) => {
    delete document.paths['/sessions/{user_id}/{session_id}'].patch;
  }],
  ['routes', /is in no source/, (document) => {
    document.paths['/sessions/{user_id}'].patch = document.paths['/sessions/{user_id}'].get;
  }],
];

function main() {
  const contract = new Contract();
  for (const [name, record] of Object.entries(GOOD)) {
    assert.deepStrictEqual(contract.judge(record), [], name);
  }
  for (const [name, [wanted, record]] of Object.entries(BAD)) {
    assert.match(contract.judge(record).join('; '), wanted, name);
  }
  for (const [name, wanted, spoil] of FAULTS) {
    const document = structuredClone(read());
    assert.deepStrictEqual(CHECKS[name](document).faults, [], name);
    spoil(document);
    assert(CHECKS[name](document).faults.some((fault) => wanted.test(fault)), `${name}: ${wanted}`);
  }
  console.log(`${Object.keys(GOOD).length} good answers, ${Object.keys(BAD).length} bad ones, ${FAULTS.length} bad documents`);
}

main();
