// The isolation matrix:  node auth_isolation.js none|jwt|header URL
// Needs BASE (a stack with AUTH_MODE=none over the same tables: it makes and looks at the data) and, for
// jwt, KEYS (a directory of make-tokens.js). Prints each cell that is wrong and fails.
'use strict';
const fs = require('fs');
const crypto = require('crypto');
const { clientOf } = require('../lib/client.js');
const { token } = require('../lib/make-tokens.js');

const [mode, url] = process.argv.slice(2);
const send = clientOf(`${url}/api/v1`);
const sendOpen = clientOf(`${process.env.BASE}/api/v1`);
const message = { role: 'user', content: 'written by alice' };
const message2 = { content: 'changed by alice' };

// ---- the table --------------------------------------------------------------------------------
// A route's user, session and message are written {u}, {s} and {t}. The caller is alice. The columns:
//   own      alice's user, session and message
//   other    bob's
//   mixed    alice as the user, bob's session: somebody who has seen an id
//   missing  alice as the user, a session (or message, or user) that is not there
//   nobody   own, without saying who asks
// With none there is no caller: whoever knows a session's id may use it, and a user's name opens the list.
const columns = ['own', 'other', 'mixed', 'missing', 'nobody'];
const routes = [
  // route, body, statuses with none, statuses with jwt and header
  ['POST   /sessions', { user_id: '{u}', title: 't' }, [201, 201, 0, 0, 0], [201, 403, 0, 0, 401]],
  ['POST   /sessions', { title: 't' }, [422, 0, 0, 0, 0], [201, 0, 0, 0, 401]],
  ['GET    /sessions/{u}', null, [200, 200, 0, 200, 0], [200, 403, 0, 403, 401]],
  ['HEAD   /sessions/{u}', null, [200, 200, 0, 200, 0], [200, 403, 0, 403, 401]],
  ['DELETE /sessions/{u}', null, [200, 200, 0, 200, 0], [200, 403, 0, 403, 401]],
  ['GET    /sessions/{u}/{s}', null, [200, 200, 404, 404, 0], [200, 403, 404, 404, 401]],
  ['HEAD   /sessions/{u}/{s}', null, [200, 200, 404, 404, 0], [200, 403, 404, 404, 401]],
  ['PUT    /sessions/{u}/{s}', { title: 'new' }, [200, 200, 404, 404, 0], [200, 403, 404, 404, 401]],
  ['PATCH  /sessions/{u}/{s}', { title: 'new' }, [200, 200, 404, 404, 0], [200, 403, 404, 404, 401]],
  ['DELETE /sessions/{u}/{s}', null, [200, 200, 404, 404, 0], [200, 403, 404, 404, 401]],
  ['GET    /sessions/{s}/messages', null, [200, 200, 0, 404, 0], [200, 404, 0, 404, 401]],
  ['HEAD   /sessions/{s}/messages', null, [200, 200, 0, 404, 0], [200, 404, 0, 404, 401]],
  ['GET    /sessions/{s}/messages?order=desc&limit=1', null, [200, 200, 0, 404, 0], [200, 404, 0, 404, 401]],
  ['POST   /sessions/{s}/messages', message, [201, 201, 0, 404, 0], [201, 404, 0, 404, 401]],
  ['POST   /sessions/{s}/messages', [message, message], [201, 201, 0, 404, 0], [201, 404, 0, 404, 401]],
  ['POST   /sessions/{s}/messages', { ...message, user_id: '{u}' }, [201, 201, 404, 404, 0], [201, 403, 404, 404, 401]],
  ['GET    /sessions/{s}/messages/{t}', null, [200, 200, 0, 404, 0], [200, 404, 0, 404, 401]],
  ['HEAD   /sessions/{s}/messages/{t}', null, [200, 200, 0, 404, 0], [200, 404, 0, 404, 401]],
  ['PUT    /sessions/{s}/messages/{t}', message2, [200, 200, 0, 404, 0], [200, 404, 0, 404, 401]],
  ['PATCH  /sessions/{s}/messages/{t}', message2, [200, 200, 0, 404, 0], [200, 404, 0, 404, 401]],
  ['DELETE /sessions/{s}/messages/{t}', null, [200, 200, 0, 404, 0], [200, 404, 0, 404, 401]],
  ['GET    /health', null, [200, 200, 0, 0, 0], [200, 200, 0, 0, 200]],
  ['GET    /health/ready', null, [200, 200, 0, 0, 0], [200, 200, 0, 0, 200]],
];

// ---- requests ---------------------------------------------------------------------------------

// Straight into the tables, in effect: through a stack where nobody asks who it is.
async function open(method, path, body) {
  const answer = await sendOpen(method, path, body);
  if (answer.status >= 300) throw new Error(`${method} ${path}: ${answer.status} ${answer.text}`);
  return answer.json;
}

// ---- two users with something to hide ---------------------------------------------------------

async function makeUser(name) {
  const user = `${name}-${crypto.randomBytes(8).toString('hex')}`;
  const mark = crypto.randomBytes(12).toString('hex');
  const { session } = await open('POST', '/sessions', { user_id: user, title: `title ${mark}`, metadata: { mark } });
  const made = await open('POST', `/sessions/${session.session_id}/messages`, {
    role: 'user', content: `content ${mark}`, metadata: { mark },
  });
  return { u: user, s: session.session_id, t: String(made.message.timestamp), mark, message_id: made.message.message_id };
}

// Everything that is stored of a user, as text.
async function stored(user) {
  const sessions = await open('GET', `/sessions/${user.u}`);
  const messages = await open('GET', `/sessions/${user.s}/messages`);
  return JSON.stringify([sessions.sessions, messages.messages]);
}

function target(column, alice, bob, wanted) {
  if (column === 'other') return bob;
  if (column === 'mixed') return { ...bob, u: alice.u };
  if (column !== 'missing') return alice;
  // The last part of the path that can be missing is.
  if (wanted.includes('{t}')) return { ...alice, t: '1' };
  if (wanted.includes('{s}')) return { ...alice, s: crypto.randomUUID() };
  return { ...alice, u: `missing-${crypto.randomBytes(8).toString('hex')}` };
}

function credentials(column, user) {
  if (mode === 'none' || column === 'nobody') return {};
  if (mode === 'header') return { 'X-Test-User': user.u };
  const algs = ['RS256', 'ES256', 'EdDSA'];
  return { Authorization: `Bearer ${token(process.env.KEYS, algs[crypto.randomInt(3)], { sub: user.u })}` };
}

// ---- one cell ---------------------------------------------------------------------------------

function fill(value, values) {
  return JSON.parse(JSON.stringify(value).replace(/\{([ust])\}/g, (_, name) => values[name]));
}

function complaintsAbout(answer, status, bob, given) {
  const complaints = [];
  if (answer.status !== status) complaints.push(`wanted ${status}, got ${answer.status} ${answer.text.slice(0, 300)}`);
  if (status === 401 && !/^Bearer/.test(answer.headers['www-authenticate'] || '')) complaints.push('no WWW-Authenticate');
  const all = answer.text + JSON.stringify(answer.headers);
  // What the request itself said may come back; nothing else of bob's may.
  for (const secret of [bob.mark, bob.message_id, bob.u, bob.s, bob.t]) {
    if (!given.includes(secret) && all.includes(secret)) complaints.push(`shows ${secret} of another user`);
  }
  if (all.includes(bob.mark)) complaints.push('shows the content of another user');
  return complaints;
}

async function judge(cell) {
  const { method, path, body, column, status } = cell;
  const [alice, bob] = [await makeUser('alice'), await makeUser('bob')];
  const values = target(column, alice, bob, path + JSON.stringify(body));
  const filled = fill({ path, body }, values);
  const before = await stored(bob);
  const answer = await send(method, filled.path, filled.body, credentials(column, alice));
  // With none, bob's data is anybody's who names it.
  const isOpen = mode === 'none' && column === 'other';
  const complaints = isOpen
    ? complaintsAbout(answer, status, { mark: '\0', message_id: '\0', u: '\0', s: '\0', t: '\0' }, '')
    : complaintsAbout(answer, status, bob, JSON.stringify(filled));
  if (!isOpen && (await stored(bob)) !== before) complaints.push("has changed another user's data");
  return complaints.map((text) => `${column}: ${method} ${path} ${JSON.stringify(body)}: ${text}`);
}

function cells() {
  return routes.flatMap(([route, body, withNone, withCaller]) => {
    const [method, path] = route.split(/ +/);
    const statuses = mode === 'none' ? withNone : withCaller;
    return columns.map((column, i) => ({ method, path, body, column, status: statuses[i] })).filter((cell) => cell.status);
  });
}

async function main() {
  let wrong = 0;
  for (const cell of cells()) {
    for (const complaint of await judge(cell)) {
      console.log(complaint);
      wrong++;
    }
  }
  console.log(`${mode}: ${cells().length} cells, ${wrong} wrong`);
  process.exitCode = wrong ? 1 : 0;
}

if (!['none', 'jwt', 'header'].includes(mode) || !url || fs.existsSync(url)) {
  console.error('usage: auth_isolation.js none|jwt|header URL');
  process.exit(2);
}
main();
