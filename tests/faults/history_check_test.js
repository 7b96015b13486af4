// The checker of histories, checked: a history that is right passes, and a violation of each kind that is planted
// in it is found, by the sentence that names it. Prints a line each.
'use strict';
const { check } = require('./history_check.js');

// Two clients, two readers; times and timestamps are small numbers.
function right() {
  return {
    sessions: [{
      id: 's', user: 'u', count: 5, left: [],
      stored: [
        { timestamp: 10, content: 'a2' }, { timestamp: 11, content: 'b.0' }, { timestamp: 12, content: 'b.1' },
        { timestamp: 14, content: 'd' }, { timestamp: 15, content: 'e' }],
      events: [
        { kind: 'append', contents: ['a'], key: 'k', asked: 1, answered: 2, messages: [{ timestamp: 10, content: 'a' }] },
        { kind: 'append', contents: ['b.0', 'b.1'], asked: 3, answered: 6, messages: [{ timestamp: 11, content: 'b.0' }, { timestamp: 12, content: 'b.1' }] },
        { kind: 'append', contents: ['c'], asked: 7, answered: 8, messages: [{ timestamp: 13, content: 'c' }] },
        { kind: 'append', contents: ['d'], asked: 9, answered: 12, messages: null },
        { kind: 'append', contents: ['x.0', 'x.1'], asked: 9, answered: 12, messages: null },
        { kind: 'append', contents: ['a'], key: 'k', repeated: true, asked: 13, answered: 14, messages: [{ timestamp: 10, content: 'a' }] },
        { kind: 'read', after: 0, limit: 50, asked: 4, answered: 5, messages: [{ timestamp: 10, content: 'a' }] },
        { kind: 'read', after: 10, limit: 2, asked: 15, answered: 16, messages: [{ timestamp: 11, content: 'b.0' }, { timestamp: 12, content: 'b.1' }] },
        { kind: 'edit', timestamp: 10, content: 'a2', asked: 20, answered: 22 },
        { kind: 'read', after: 0, limit: 50, asked: 21, answered: 23, messages: [
          { timestamp: 10, content: 'a' }, { timestamp: 11, content: 'b.0' }, { timestamp: 12, content: 'b.1' }, { timestamp: 13, content: 'c' }, { timestamp: 14, content: 'd' }] },
        { kind: 'remove', timestamp: 13, asked: 24, answered: 25 },
        { kind: 'read', after: 0, limit: 50, asked: 26, answered: 27, messages: [
          { timestamp: 10, content: 'a2' }, { timestamp: 11, content: 'b.0' }, { timestamp: 12, content: 'b.1' }, { timestamp: 14, content: 'd' }] },
        { kind: 'append', contents: ['e'], asked: 28, answered: 29, messages: [{ timestamp: 15, content: 'e' }] },
        { kind: 'count', count: 5, asked: 30, answered: 31 },
        { kind: 'delete', asked: 40, answered: 41 },
        { kind: 'append', contents: ['f'], asked: 42, answered: 43, messages: null },
        { kind: 'read', after: 0, limit: 50, asked: 42, answered: 43, messages: null },
      ],
    }],
  };
}

const without = (list, timestamp) => list.filter((m) => m.timestamp !== timestamp);
const reads = (s) => s.events.filter((e) => e.kind === 'read');

// What is planted, and the words that must find it.
const planted = {
  'a lost message': [(s) => { s.stored = without(s.stored, 15); s.count--; }, 'is lost'],
  'a message stored twice': [(s) => { s.stored.push({ timestamp: 16, content: 'e' }); s.count++; }, 'stored twice'],
  'a timestamp stored twice': [(s) => { s.stored.push({ timestamp: 15, content: 'd' }); s.count++; }, 'a timestamp is stored twice'],
  'a lost edit': [(s) => { s.stored[0].content = 'a'; }, 'is a, not a2'],
  'a removal undone': [(s) => { s.stored.push({ timestamp: 13, content: 'c' }); s.count++; }, 'after its removal'],
  'a message that nobody sent': [(s) => { s.stored.push({ timestamp: 16, content: 'z' }); s.count++; }, 'nobody sent z'],
  'half an array': [(s) => { s.stored.push({ timestamp: 16, content: 'x.0' }); s.count++; }, '1 of 2 are there'],
  'an array in another order': [(s) => { s.events[1].messages.reverse(); }, 'was answered as something else'],
  'an array whose times fall': [(s) => { s.events[1].messages[1].timestamp = 9; }, 'is not in order'],
  'a wrong count at the end': [(s) => { s.count = 6; }, 'message_count is 6'],
  'a wrong count on the way': [(s) => { s.events.find((e) => e.kind === 'count').count = 3; }, 'message_count was 3'],
  'another answer for a key': [(s) => { s.events[5].messages[0].timestamp = 16; }, 'the key k was answered 10, then 16'],
  'a time before one acknowledged earlier (a clock that stepped back)': [(s) => {
    s.events[12].messages[0].timestamp = 9; s.stored[4].timestamp = 9;
  }, 'stands before'],
  'a read that misses an acknowledged message': [(s) => { reads(s)[0].messages = []; }, 'a later read has missed it'],
  'a read that misses what another reader was shown': [(s) => { reads(s)[3].messages.pop(); }, '14 was known, and a later read has missed it'],
  'a read with a gap': [(s) => { reads(s)[2].messages = without(reads(s)[2].messages, 13); }, '13 was known'],
  'a page that skips a message at the same time': [(s) => {
    s.events[2].answered = 22; reads(s)[2].messages = without(reads(s)[2].messages, 13);
  }, 'came before 14 and was not read with it'],
  'a read from the future': [(s) => { reads(s)[0].messages.push({ timestamp: 15, content: 'e' }); }, 'before anybody sent it'],
  'a read of what was removed': [(s) => { reads(s)[3].messages.splice(3, 0, { timestamp: 13, content: 'c' }); }, 'was read after its removal'],
  'a read of an old content': [(s) => { reads(s)[3].messages[0].content = 'a'; }, 'which was old'],
  'a read of a content before its time': [(s) => { reads(s)[0].messages[0].content = 'a2'; }, 'which was not its content then'],
  'a page that is not in order': [(s) => { reads(s)[1].messages.reverse(); }, 'is not in order'],
  'a page that begins too early': [(s) => { reads(s)[1].messages.unshift({ timestamp: 10, content: 'a' }); }, 'is not in order'],
  'an append after the delete': [(s) => { s.events[15].messages = [{ timestamp: 16, content: 'f' }]; }, 'acknowledged after the delete'],
  'a read after the delete': [(s) => { reads(s)[4].messages = []; }, 'read after the delete'],
  'an item left by the delete': [(s) => { s.left.push('{"timestamp":{"N":"10"}}'); }, 'left over'],
};

let failed = 0;
function expect(what, good) {
  console.log(`${good ? 'ok' : 'NOT OK'}: ${what}`);
  failed += good ? 0 : 1;
}

const found = check(right());
expect('a history that is right passes', found.length === 0);
found.forEach((violation) => console.log(violation));
for (const [what, [plant, words]] of Object.entries(planted)) {
  const history = right();
  plant(history.sessions[0]);
  const violations = check(history);
  expect(`${what} is found`, violations.some((v) => v.includes(words)));
  if (!violations.some((v) => v.includes(words))) console.log(violations);
}
process.exit(failed ? 1 : 0);
