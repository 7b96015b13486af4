// Appends, edits and deletes at the end of one session by many clients at once, while a reader looks at what the
// session shows of its last message.
//   node last_message.js USER SESSION WRITERS STEPS
// Prints {reads, deleted, edited, unexpected, gone, shown, last}: "gone" are previews of messages whose delete had
// been acknowledged before they were asked for; shown and last
// are what the session and its messages say at the end.
'use strict';
const { clientOf } = require('../lib/client.js');

const send = clientOf(process.env.API);
const [user, session, writers, steps] = process.argv.slice(2);
const messages = `/sessions/${session}/messages`;

const result = { reads: 0, deleted: 0, edited: 0, unexpected: [], gone: [] };
const deleted = new Set(); // timestamps, as soon as it is acknowledged
let running = Number(writers);

function note(wanted, answer) {
  if (!wanted.includes(answer.status)) result.unexpected.push(`${answer.status} ${answer.text}`);
  return answer.status === wanted[0] ? answer.json : null;
}

const preview = async () => note([200], await send('GET', `/sessions/${user}/${session}`)).session.last_message;

async function lastMessages(count) {
  const page = note([200], await send('GET', `${messages}?order=desc&limit=${count}`));
  return page ? page.messages : [];
}

// All of them work on the last two messages, where appends, edits and deletes meet.
async function step(name) {
  const chosen = Math.random();
  if (chosen < 0.35) {
    note([201], await send('POST', messages, { role: 'user', content: name }));
    return;
  }
  const candidates = await lastMessages(2);
  if (candidates.length === 0) return;
  const { timestamp } = candidates[Math.floor(Math.random() * candidates.length)];
  if (chosen < 0.6) {
    const edited = note([200, 404], await send('PUT', `${messages}/${timestamp}`, { content: `${name}, edited` }));
    result.edited += edited ? 1 : 0;
  } else if (note([200, 404], await send('DELETE', `${messages}/${timestamp}`))) {
    deleted.add(timestamp);
    result.deleted += 1;
  }
}

async function writer(w) {
  for (let i = 0; i < Number(steps); i++) await step(`writer ${w}, step ${i}`);
  running -= 1;
}

async function reader() {
  while (running > 0) {
    const before = new Set(deleted);
    const shown = await preview();
    result.reads += 1;
    if (shown && before.has(shown.timestamp)) result.gone.push(shown);
  }
}

async function main() {
  for (let i = 0; i < 20; i++) note([201], await send('POST', messages, { role: 'user', content: `first ${i}` }));
  await Promise.all([...Array.from({ length: Number(writers) }, (_, w) => writer(w)), reader(), reader()]);
  result.shown = await preview();
  const [last] = await lastMessages(1);
  result.last = last ? { role: last.role, preview: last.content, timestamp: last.timestamp } : null;
  console.log(JSON.stringify(result));
}

main();
