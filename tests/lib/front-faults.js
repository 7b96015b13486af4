// What a network, a busy service, and time do to requests: the faults of the signature-checking front. Each
// kind is a function of a call { request, body, response, pass }; pass(done) has the request carried out.
'use strict';
const { clock, crc32, writeHead, send, refuse } = require('./front-answers');

const DYNAMODB = 'com.amazonaws.dynamodb.v20120810';
const CORAL = 'com.amazon.coral.service';
const HOUR_MS = 3600000;

// How the front's faults are set, and what it has done. A rate of 0 to 1; no kinds: all of BY_CHANCE; times:
// how often, null for ever; after: how many calls are carried out before; wait_ms: what throttle-wait asks for;
// clock_rests_ms: how long the clock goes on as it does after a step.
const settings = { rate: 0, kinds: [], times: null, after: 0, wait_ms: 100, clock_rests_ms: 31000 };
const counts = {};
const held = [];

// ---- connections ----

// A connection is closed as HTTP has it, and the next one that somebody makes is reset. If nobody does for this
// long, it is not: control calls make some, too.
const REFUSE_WITHIN_MS = 1000;
let refuseUntil = 0;

// A connection has been accepted.
function greet(socket) {
  if (Date.now() >= refuseUntil) return;
  refuseUntil = 0;
  count('refuse');
  socket.resetAndDestroy();
}

const CONNECTIONS = {
  refuse: ({ response, pass }) => pass((answer) => {
    refuseUntil = Date.now() + REFUSE_WITHIN_MS;
    send(response, { ...answer, headers: { ...answer.headers, connection: 'close' } });
  }),
  // The connection dies before the table has seen the request, or after it has done what it says.
  'reset-before': ({ response }) => response.destroy(),
  'reset-after': ({ response, pass }) => pass(() => response.destroy()),
  // Nothing is said of it, and the client may be about to send the next request.
  'idle-close': ({ request, response, pass }) => pass((answer) => {
    response.on('finish', () => setImmediate(() => request.socket.destroySoon()));
    send(response, answer);
  }),
};

// ---- answers that do not arrive as they were sent ----

// The first and last bytes one by one, what is between in a few pieces: a page of 1 MB takes no longer.
function pieces(bytes) {
  const edge = 24, middle = bytes.length - 2 * edge, piece = Math.max(1, Math.ceil(middle / 8));
  const cut = [];
  for (let at = 0; at < bytes.length;) {
    const n = at < edge || at >= bytes.length - edge ? 1 : Math.min(piece, bytes.length - edge - at);
    cut.push(bytes.subarray(at, at + n));
    at += n;
  }
  return cut;
}

function trickle(response, [first, ...rest]) {
  if (first === undefined) {
    response.end();
    return;
  }
  response.write(first);
  setTimeout(trickle, 1, response, rest);
}

function withABitFlipped(bytes) {
  const flipped = Buffer.from(bytes);
  flipped[Math.floor(Math.random() * flipped.length)] ^= 1 << Math.floor(Math.random() * 8);
  return flipped;
}

// Header names in capitals; of an error, the type without its namespace and the other spelling of "message".
function inOtherForm(answer) {
  const headers = {};
  for (const [name, value] of Object.entries(answer.headers)) headers[name.toUpperCase()] = value;
  if (answer.status === 200) return { ...answer, headers };
  const { __type, message, Message, ...rest } = JSON.parse(answer.bytes);
  const spelt = message === undefined ? { message: Message } : { Message: message };
  const bytes = Buffer.from(JSON.stringify({ __type: __type.replace(/.*#/, ''), ...spelt, ...rest }));
  headers['CONTENT-LENGTH'] = bytes.length;
  headers['X-AMZ-CRC32'] = crc32(bytes);
  return { status: answer.status, headers, bytes };
}

const ANSWERS = {
  stall: ({ response, pass }) => setTimeout(() => pass((answer) => send(response, answer)), 300),
  trickle: ({ response, pass }) => pass((answer) => {
    response.socket.setNoDelay(true);
    writeHead(response, answer);
    trickle(response, pieces(answer.bytes));
  }),
  truncate: ({ response, pass }) => pass((answer) => {
    writeHead(response, answer);
    response.write(answer.bytes.subarray(0, answer.bytes.length / 2), () => response.destroy());
  }),
  // The checksum is that of what was meant. Its name is in capitals so that nobody relies on how it is spelt.
  'flip-bit': ({ response, pass }) => pass(({ status, headers: { 'x-amz-crc32': _, ...headers }, bytes }) =>
    send(response, { status, headers: { ...headers, 'X-AMZ-CRC32': crc32(bytes) }, bytes: withABitFlipped(bytes) })),
  'other-form': ({ response, pass }) => pass((answer) => send(response, inOtherForm(answer))),
};

// ---- answers that are not HTTP ----

// The call has been carried out; what is said of it is bytes of our own, past Node, which writes no such things.
const headOf = ({ status, bytes }, ...lines) => [`HTTP/1.1 ${status} injected`, ...lines,
  'Content-Type: application/x-amz-json-1.0', `x-amz-crc32: ${crc32(bytes)}`];
const lengthOf = ({ bytes }) => `Content-Length: ${bytes.length}`;
const whole = (lines, bytes, ends = '\r\n') => Buffer.concat([Buffer.from([...lines, '', ''].join(ends)), bytes]);
const inChunks = (...chunks) => Buffer.concat(chunks.map((chunk) =>
  Buffer.concat([Buffer.from(`${chunk.length.toString(16)}\r\n`), chunk, Buffer.from('\r\n')])));

// What is sent for an answer.
const MALFORMED = {
  'bad-status-line': (answer) =>
    whole([headOf(answer)[0].replace(' ', ' x'), lengthOf(answer)], answer.bytes),
  'bad-header': (answer) => whole(headOf(answer, lengthOf(answer), 'a header without a colon'), answer.bytes),
  'folded-header': (answer) => whole(headOf(answer, lengthOf(answer), 'X-Folded: a', ' b'), answer.bytes),
  'bare-lf': (answer) => whole(headOf(answer, lengthOf(answer)), answer.bytes, '\n'),
  'two-lengths': (answer) => whole(headOf(answer, lengthOf(answer), 'Content-Length: 2'), answer.bytes),
  'both-lengths': (answer) => whole(headOf(answer, lengthOf(answer), 'Transfer-Encoding: chunked'),
    inChunks(answer.bytes, Buffer.alloc(0))),
  'bad-chunk': (answer) => whole(headOf(answer, 'Transfer-Encoding: chunked'),
    Buffer.concat([Buffer.from('xyz\r\n'), answer.bytes, Buffer.from('\r\n0\r\n\r\n')])),
  'no-last-chunk': (answer) => whole(headOf(answer, 'Transfer-Encoding: chunked'), inChunks(answer.bytes)),
  'endless-headers': (answer) => Buffer.from(
    headOf(answer).concat(Array.from({ length: 5000 }, (_, n) => `X-${n}: and so on`), '').join('\r\n')),
  'endless-interim': () => Buffer.from('HTTP/1.1 100 Continue\r\n\r\n'.repeat(1000)),
  'cut-in-head': (answer) => whole(headOf(answer, lengthOf(answer)), answer.bytes).subarray(0, 40),
};

// A good answer, and what nobody has asked for in one piece with it. The connection stays open.
function sendSurplus(response, answer) {
  const surplus = Buffer.from('HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n');
  response.socket.write(whole(headOf(answer, lengthOf(answer)), Buffer.concat([answer.bytes, surplus])));
}

const RAW = { surplus: ({ response, pass }) => pass((answer) => sendSurplus(response, answer)) };
for (const [kind, bytesOf] of Object.entries(MALFORMED))
  RAW[kind] = ({ response, pass }) => pass((answer) => response.socket.end(bytesOf(answer)));

// ---- what a busy service says ----

// Which call has been asked to wait, and those that came back before their time.
let asked = { until: 0 };
const early = [];

function noteEarly({ body }) {
  const left_ms = asked.until - Date.now();
  if (left_ms > 0 && asked.body.equals(body)) early.push(left_ms);
}

const ERRORS = {
  'error-500': ({ response }) => refuse(response, 500, `${DYNAMODB}#InternalServerError`, 'injected'),
  'empty-500': ({ response }) => send(response, { status: 500, headers: { 'content-length': 0 } }),
  'html-503': ({ response }) => send(response, {
    status: 503, headers: { 'content-type': 'text/html' }, bytes: '<html><body>Service Unavailable</body></html>',
  }),
  throttle: ({ response }) => refuse(response, 400, `${DYNAMODB}#ThrottlingException`, 'injected'),
  'throttle-wait': ({ body, response }) => {
    asked = { body, until: Date.now() + settings.wait_ms };
    refuse(response, 400, `${DYNAMODB}#ProvisionedThroughputExceededException`, 'injected', {},
      { 'X-Amz-Retry-After': settings.wait_ms });
  },
  conflict: ({ response }) => refuse(response, 400, `${DYNAMODB}#TransactionCanceledException`, 'injected',
    { CancellationReasons: [{ Code: 'TransactionConflict', Message: 'injected' }] }),
  // An error that this service has never heard of: AWS adds some now and then.
  'unknown-400': ({ response }) => refuse(response, 400, `${DYNAMODB}#SomethingNewException`, 'injected'),
  denied: ({ response }) => refuse(response, 400, `${CORAL}#AccessDeniedException`, 'User: x is not authorized'),
};

// ---- time ----

const tokens = new Map(); // session tokens: when each was first seen, and whether it has expired

// Keys expire; those who ask their provider get others. Not at once after they came: nobody asks that often.
const TOKEN_LIFE_MS = 6000;

function tokenOf(request) {
  const name = request.headers['x-amz-security-token'];
  if (name && !tokens.has(name)) tokens.set(name, { seen: Date.now(), expired: false });
  return tokens.get(name);
}

const hasExpired = (request) => Boolean(tokenOf(request)?.expired);

function refuseExpired({ response }) {
  refuse(response, 400, `${CORAL}#ExpiredTokenException`, 'The security token included in the request is expired');
}

// The front's clock steps by an hour, ahead and back in turn. From then on it judges by that, and what was
// signed by the other is refused. Nobody corrects the time twice in one call, and one in a crowd may take 30 s.
let clockStepped = -Infinity;

const stamp = (ms) => new Date(ms).toISOString().replace(/[-:]|\.\d*/g, '');

// In the words of AWS.
function refuseTime({ response }, signed_ms) {
  const now = clock.now();
  const words = signed_ms < now
    ? `Signature expired: ${stamp(signed_ms)} is now earlier than ${stamp(now - 300000)} (${stamp(now)} - 5 min.)`
    : `Signature not yet current: ${stamp(signed_ms)} is still later than ${stamp(now + 300000)} (${stamp(now)} + 5 min.)`;
  refuse(response, 400, `${CORAL}#InvalidSignatureException`, words);
}

// Whether that is about now by a clock that the front has had.
const shifts = new Set([0]);
const wasEverNow = (ms, tolerance_ms) =>
  [...shifts].some((shift_ms) => Math.abs(Date.now() + shift_ms - ms) < tolerance_ms);

const TIME = {
  expired(call) {
    tokenOf(call.request).expired = true;
    refuseExpired(call);
  },
  clock({ response }) {
    clock.shift_ms = HOUR_MS - clock.shift_ms;
    shifts.add(clock.shift_ms);
    clockStepped = Date.now();
    refuse(response, 400, `${CORAL}#RequestTimeTooSkewed`, 'injected');
  },
};

// ---- choosing ----

// hold: until the faults are changed.
const KINDS = { ...CONNECTIONS, ...ANSWERS, ...RAW, ...ERRORS, ...TIME, hold: (call) => held.push(call) };

// What no repetition overcomes is not left to chance: these end a call. (So do expired keys where the provider
// has no others, as in the run's stack.)
const BY_CHANCE = Object.keys(KINDS).filter((kind) => !['hold', 'denied', 'unknown-400', 'expired'].includes(kind));

// What cannot happen to just any request at any time.
const POSSIBLE = {
  conflict: (request) => request.headers['x-amz-target'].endsWith('.TransactWriteItems'),
  expired: (request) => Date.now() - tokenOf(request)?.seen > TOKEN_LIFE_MS,
  clock: () => Date.now() - clockStepped > settings.clock_rests_ms,
};

function set(wanted) {
  const unknown = (wanted.kinds || []).find((kind) => !KINDS[kind]);
  if (unknown) throw new Error(`there is no fault ${unknown}`);
  Object.assign(settings, { times: null, after: 0 }, wanted);
  for (const { response, pass } of held.splice(0)) pass((answer) => send(response, answer));
}

const kinds = () => (settings.kinds.length ? settings.kinds : BY_CHANCE);

// The kind that this request is to meet; undefined if none.
function choose(request) {
  if (settings.after > 0) {
    settings.after--;
    return undefined;
  }
  if (settings.times === 0 || !(Math.random() < settings.rate)) return undefined;
  const possible = kinds().filter((kind) => !POSSIBLE[kind] || POSSIBLE[kind](request));
  return possible[Math.floor(Math.random() * possible.length)];
}

function count(kind) {
  counts[kind] = (counts[kind] || 0) + 1;
}

// Has the call carried out, with or without a fault.
function meetChance(call) {
  noteEarly(call);
  const kind = choose(call.request);
  if (!kind) {
    call.pass((answer) => send(call.response, answer));
    return;
  }
  if (settings.times !== null) settings.times--;
  if (kind !== 'refuse') count(kind); // that counts when a connection is reset
  KINDS[kind](call);
}

module.exports = {
  settings, counts, held, early, set, kinds, meetChance, greet, hasExpired, refuseExpired, wasEverNow, refuseTime,
};
