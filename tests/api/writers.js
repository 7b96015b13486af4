// Many clients at once.
//   node writers.js append WRITERS MESSAGES SESSION…
//       each of the WRITERS appends MESSAGES messages, taking the sessions in turn; meanwhile one
//       reader a session follows it with after=. Prints {acknowledged: [...], read: {...}}:
//       every acknowledged message with when it was asked for and answered, and what readers saw.
//   node writers.js until-gone SESSION WRITERS
//       appends until the session is 404, and once more; prints {acknowledged: n, after: status}
//   node writers.js for-a-while SESSION... (until standard input ends)
//       appends to the sessions in turn; prints {acknowledged: n}
'use strict';
const { clientOf, pause } = require('../lib/client.js');

const send = clientOf(process.env.API);

const append = (session, content) => (
  send('POST', `/sessions/${session}/messages`, { role: 'user', content }));

function expect(wanted, answer) {
  if (answer.status !== wanted) throw new Error(`${answer.status} instead of ${wanted}: ${answer.text}`);
  return answer.json;
}

// Follows a session as a front end would: asks for what comes after the last message it has.
async function follow(session, isDone) {
  const seen = [];
  let last = 0;
  for (;;) {
    const done = isDone();
    const page = expect(200, await send('GET', `/sessions/${session}/messages?limit=100&after=${last}`));
    for (const message of page.messages) seen.push([message.timestamp, message.message_id]);
    if (page.messages.length) last = page.messages[page.messages.length - 1].timestamp;
    else if (done) return seen;
    else await pause(5);
  }
}

async function appendAll(writers, messages, sessions) {
  const acknowledged = [];
  let done = false;
  const readers = sessions.map((session) => follow(session, () => done));
  async function writer(w) {
    for (let i = 0; i < messages; i++) {
      const session = sessions[(w + i) % sessions.length];
      const asked = process.hrtime.bigint();
      const { message } = expect(201, await append(session, `writer ${w}, message ${i}`));
      acknowledged.push({
        session,
        id: message.message_id,
        timestamp: message.timestamp,
        content: message.content,
        asked: Number(asked),
        answered: Number(process.hrtime.bigint()),
      });
    }
  }
  await Promise.all(Array.from({ length: writers }, (_, w) => writer(w)));
  done = true;
  const seen = await Promise.all(readers);
  const read = Object.fromEntries(sessions.map((session, i) => [session, seen[i]]));
  console.log(JSON.stringify({ acknowledged, read }));
}

async function untilGone(session, writers) {
  let acknowledged = 0;
  async function writer() {
    for (;;) {
      const answer = await append(session, 'racing');
      if (answer.status === 404) return;
      expect(201, answer);
      acknowledged++;
    }
  }
  await Promise.all(Array.from({ length: writers }, writer));
  const { status } = await append(session, 'once more');
  console.log(JSON.stringify({ acknowledged, after: status }));
}

async function forAWhile(sessions) {
  let ended = false;
  let acknowledged = 0;
  process.stdin.on('end', () => { ended = true; }).resume();
  while (!ended) {
    expect(201, await append(sessions[acknowledged % sessions.length], `later ${acknowledged}`));
    acknowledged++;
  }
  console.log(JSON.stringify({ acknowledged }));
}

async function main([what, ...rest]) {
  if (what === 'append') await appendAll(Number(rest[0]), Number(rest[1]), rest.slice(2));
  else if (what === 'until-gone') await untilGone(rest[0], Number(rest[1]));
  else if (what === 'for-a-while') await forAWhile(rest);
  else throw new Error(`what is ${what}?`);
}

main(process.argv.slice(2)).then(() => process.exit(0), (error) => { console.error(error.message); process.exit(1); });
