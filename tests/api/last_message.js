// Changes of the messages at the end of a session by many clients at once, and what the session shows of its last one.
// Each prints a line of JSON.
//   node last_message.js at-random USER SESSION WRITERS STEPS
//       appends, edits and deletes, while readers look: {reads, deleted, edited, unexpected, gone, shown, last}. "gone"
//       are previews of messages whose delete had been acknowledged before they were asked for; shown and last are what
//       the session and its messages say at the end.
//   node last_message.js in-pairs USER SESSION ROUNDS
//       the last two messages: the last is deleted while the one before it is deleted, edited, or followed by another:
//       {unexpected, wrong}. "wrong" are rounds after which the session shows another message than the last.
'use strict';
const { clientOf } = require('../lib/client.js');

const send = clientOf(process.env.API);
const [mode, user, session, ...numbers] = process.argv.slice(2);
const messages = `/sessions/${session}/messages`;
const unexpected = [];

function note(wanted, answer) {
  if (!wanted.includes(answer.status)) unexpected.push(`${answer.status} ${answer.text}`);
  return answer.status === wanted[0] ? answer.json : null;
}

const append = async (content) => note([201], await send('POST', messages, { role: 'user', content })).message.timestamp;
const edit = async (at, content) => note([200, 404], await send('PUT', `${messages}/${at}`, { content }));
const remove = async (at) => note([200, 404], await send('DELETE', `${messages}/${at}`));
const preview = async () => note([200], await send('GET', `/sessions/${user}/${session}`)).session.last_message;

async function lastMessages(count) {
  const page = note([200], await send('GET', `${messages}?order=desc&limit=${count}`));
  return page ? page.messages : [];
}

async function lastOne() {
  const [last] = await lastMessages(1);
  return last ? { role: last.role, preview: last.content, timestamp: last.timestamp } : null;
}

async function atRandom(writers, steps) {
  const result = { reads: 0, deleted: 0, edited: 0, unexpected, gone: [] };
  const deleted = new Set(); // timestamps, as soon as it is acknowledged
  let running = writers;

  // All of them work on the last two messages, where appends, edits and deletes meet.
  async function step(name) {
    const chosen = Math.random();
    if (chosen < 0.35) return append(name);
    const candidates = await lastMessages(2);
    if (candidates.length === 0) return null;
    const { timestamp } = candidates[Math.floor(Math.random() * candidates.length)];
    if (chosen < 0.7) {
      result.edited += (await edit(timestamp, `${name}, edited`)) ? 1 : 0;
    } else if (await remove(timestamp)) {
      deleted.add(timestamp);
      result.deleted += 1;
    }
    return null;
  }

  async function writer(w) {
    for (let i = 0; i < steps; i++) await step(`writer ${w}, step ${i}`);
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

  for (let i = 0; i < 20; i++) await append(`first ${i}`);
  await Promise.all([...Array.from({ length: writers }, (_, w) => writer(w)), reader(), reader()]);
  return { ...result, shown: await preview(), last: await lastOne() };
}

async function inPairs(rounds) {
  const wrong = [];
  for (let round = 0; round < rounds; round++) {
    const before = await append(`before ${round}`);
    const last = await append(`last ${round}`);
    const meanwhile = [remove, edit, () => append(`after ${round}`)][round % 3];
    await Promise.all([remove(last), meanwhile(before, `edited ${round}`)]);
    const [shown, wanted] = [await preview(), await lastOne()];
    if (JSON.stringify(shown) !== JSON.stringify(wanted)) wrong.push({ round, shown, wanted });
  }
  return { unexpected, wrong };
}

const modes = { 'at-random': atRandom, 'in-pairs': inPairs };
modes[mode](...numbers.map(Number)).then((result) => console.log(JSON.stringify(result)));
