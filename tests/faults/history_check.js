// What the contract promises, checked against a recorded history; knows nothing of how it was made.
//
//   check(history) → a list of sentences, one for each violation; none if all is well
//
// history: {sessions: [{id, user, events, stored, count, left}]}. stored: the messages that are there when all clients
// have ended, [{timestamp, content}]; count: message_count then; left: items found in the tables after the session
// was deleted. Times (asked, answered) are of one clock. events, in any order:
//   append {key?, contents, messages}  messages: as it was acknowledged, or null if nobody knows what became of it
//   edit   {timestamp, content}        acknowledged
//   remove {timestamp}                 acknowledged
//   read   {after, limit, messages}    a page of GET …/messages?after=; null: 404
//   count  {count}                     message_count as read
//   delete {}                          of the session, acknowledged (200 or 404)
//
// Is it linearizable? In general that takes exponential time to tell; here each acknowledged append names its position
// in the order (its timestamp), and where the order of writes is known a few rules about pairs of events are both
// necessary and enough (Gibbons and Korach, Testing Shared Memories, 1997). For a log: appends that do not overlap
// in time have timestamps in that order; a read shows a prefix of the log, without gaps; what was acknowledged, or
// shown to anybody, before a read was asked for is in it; and nothing that was asked for after it was answered. For a
// message's content, which one client at a time edits: it is that of the last edit before the read, or of one at the same time.
'use strict';

// ---- what is known of each message ------------------------------------------------------------

// By timestamp: versions of the content, when it was there for sure, and when it was removed.
function messagesOf(session) {
  const found = new Map();
  const at = (timestamp) => {
    if (!found.has(timestamp)) {
      found.set(timestamp, { timestamp, versions: [], asked: -Infinity, shown: Infinity, removal: null });
    }
    return found.get(timestamp);
  };
  for (const event of session.events) {
    if (event.kind === 'append' && event.messages && !event.repeated) {
      for (const { timestamp, content } of event.messages) {
        const message = at(timestamp);
        message.asked = event.asked;
        message.shown = Math.min(message.shown, event.answered);
        message.acknowledged = true;
        message.versions.push({ content, asked: event.asked, answered: event.answered });
      }
    } else if (event.kind === 'edit') at(event.timestamp).versions.push(event);
    else if (event.kind === 'remove') at(event.timestamp).removal = event;
    else if (event.kind === 'read' && event.messages) {
      for (const { timestamp } of event.messages) {
        const message = at(timestamp);
        message.shown = Math.min(message.shown, event.answered);
      }
    }
  }
  for (const { timestamp } of session.stored) at(timestamp).stored = true;
  return found;
}

const sorted = (map) => [...map.values()].sort((a, b) => a.timestamp - b.timestamp);

// ---- the rules --------------------------------------------------------------------------------

function checkStored(session, messages, tell) {
  const there = new Map(session.stored.map((m) => [m.timestamp, m.content]));
  if (there.size !== session.stored.length) tell('a timestamp is stored twice');
  if (new Set(there.values()).size !== session.stored.length) tell('a message is stored twice');
  for (const message of messages.values()) {
    if (!message.acknowledged) continue;
    const last = message.versions[message.versions.length - 1].content;
    if (message.removal && there.has(message.timestamp)) tell(`${message.timestamp} is there after its removal`);
    else if (!message.removal && !there.has(message.timestamp)) tell(`${message.timestamp} (${last}) is lost`);
    else if (!message.removal && there.get(message.timestamp) !== last) {
      tell(`${message.timestamp} is ${there.get(message.timestamp)}, not ${last}`);
    }
  }
  const sent = new Set(session.events.flatMap((e) => (e.kind === 'append' ? e.contents : e.kind === 'edit' ? [e.content] : [])));
  for (const content of there.values()) if (!sent.has(content)) tell(`nobody sent ${content}`);
}

// An array is there as a whole or not at all, in the order in which it was sent.
function checkArrays(session, tell) {
  const there = new Set(session.stored.map((m) => m.content));
  for (const event of session.events.filter((e) => e.kind === 'append')) {
    if (!event.messages) {
      const n = event.contents.filter((content) => there.has(content)).length;
      if (n !== 0 && n !== event.contents.length) tell(`${n} of ${event.contents.length} are there of ${event.contents[0]}`);
      continue;
    }
    if (event.messages.map((m) => m.content).join() !== event.contents.join()) tell(`${event.contents[0]} was answered as something else`);
    if (event.messages.some((m, i) => i > 0 && m.timestamp <= event.messages[i - 1].timestamp)) {
      tell(`${event.contents[0]} is not in order`);
    }
  }
}

function checkKeys(session, tell) {
  const first = new Map();
  for (const event of session.events) {
    if (event.kind !== 'append' || !event.key || !event.messages) continue;
    const answer = event.messages.map((m) => m.timestamp).join();
    if (!first.has(event.key)) first.set(event.key, answer);
    else if (first.get(event.key) !== answer) tell(`the key ${event.key} was answered ${first.get(event.key)}, then ${answer}`);
  }
}

// Appends that do not overlap in time stand in the order in which they were acknowledged. A repeated key counts by its
// first answer: later ones tell of the same append.
function checkOrder(session, tell) {
  const seen = new Set();
  const appends = session.events.filter((e) => e.kind === 'append' && e.messages)
    .sort((a, b) => a.answered - b.answered)
    .filter((e) => !e.key || (!seen.has(e.key) && seen.add(e.key)));
  const by_asked = [...appends].sort((a, b) => a.asked - b.asked);
  let [latest, i] = [-Infinity, 0];
  for (const event of by_asked) {
    for (; i < appends.length && appends[i].answered < event.asked; i++) {
      latest = Math.max(latest, ...appends[i].messages.map((m) => m.timestamp));
    }
    for (const { timestamp } of event.messages) if (timestamp <= latest) tell(`${timestamp} stands before ${latest}, which was acknowledged earlier`);
  }
}

function checkContent(message, content, read, tell) {
  if (!message.versions.length) return;
  const version = message.versions.find((v) => v.content === content);
  if (!version || version.asked > read.answered) tell(`${message.timestamp} was read as ${content}, which was not its content then`);
  else if (message.versions.some((v) => v.asked > version.answered && v.answered < read.asked)) {
    tell(`${message.timestamp} was read as ${content}, which was old`);
  }
}

function checkRead(read, messages, list, tell) {
  const page = new Map(read.messages.map((m) => [m.timestamp, m.content]));
  const times = [...page.keys()];
  if (times.some((t, i) => t <= (i ? times[i - 1] : read.after))) tell(`a page after ${read.after} is not in order`);
  const last = times.length ? times[times.length - 1] : -Infinity;
  const end = times.length >= read.limit ? last : Infinity;
  let low = 0;
  for (let high = list.length; low < high;) {
    const middle = (low + high) >> 1;
    if (list[middle].timestamp > read.after) high = middle;
    else low = middle + 1;
  }
  for (let i = low; i < list.length && list[i].timestamp <= end; i++) {
    const message = list[i];
    const removed = message.removal && message.removal.asked < read.answered;
    if (page.has(message.timestamp)) {
      if (message.asked > read.answered) tell(`${message.timestamp} was read before anybody sent it`);
      if (message.removal && message.removal.answered < read.asked) tell(`${message.timestamp} was read after its removal`);
      checkContent(message, page.get(message.timestamp), read, tell);
    } else if (!removed && message.shown < read.asked) tell(`${message.timestamp} was known, and a later read has missed it`);
    else if (!removed && message.timestamp < last) tell(`${message.timestamp} came before ${last} and was not read with it`);
  }
}

function checkCount(session, event, tell) {
  let [least, most] = [0, 0];
  for (const e of session.events) {
    if (e.kind === 'append' && !e.repeated) {
      if (e.messages && e.answered < event.asked) least += e.contents.length;
      if (e.asked < event.answered) most += e.contents.length;
    } else if (e.kind === 'remove') {
      if (e.asked < event.answered) least--;
      if (e.answered < event.asked) most--;
    }
  }
  if (event.count < least || event.count > most) tell(`message_count was ${event.count}, not from ${least} to ${most}`);
}

function checkDelete(session, tell) {
  const deletes = session.events.filter((e) => e.kind === 'delete');
  if (!deletes.length) return;
  const answered = Math.min(...deletes.map((e) => e.answered));
  for (const event of session.events) {
    if (event.asked < answered) continue;
    if (event.kind === 'append' && event.messages) tell(`an append was acknowledged after the delete: ${event.contents[0]}`);
    if (event.kind === 'read' && event.messages) tell('messages were read after the delete');
  }
  for (const item of session.left) tell(`left over: ${item}`);
}

function checkSession(session) {
  const violations = [];
  const tell = (what) => { violations.push(`${session.id}: ${what}`); };
  const messages = messagesOf(session);
  const list = sorted(messages);
  checkStored(session, messages, tell);
  checkArrays(session, tell);
  checkKeys(session, tell);
  checkOrder(session, tell);
  for (const event of session.events) {
    if (event.kind === 'read' && event.messages) checkRead(event, messages, list, tell);
    if (event.kind === 'count') checkCount(session, event, tell);
  }
  if (session.count !== session.stored.length) tell(`message_count is ${session.count}, there are ${session.stored.length}`);
  checkDelete(session, tell);
  return violations;
}

const check = (history) => history.sessions.flatMap(checkSession);

module.exports = { check };
