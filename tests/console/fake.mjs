// The service in memory, as far as the console asks it: for what the real one cannot be made to do (contents that it would
// refuse, failures at a certain call).
import { randomUUID } from 'node:crypto';

const fold = (text) => text.normalize('NFKC').toUpperCase().toLowerCase();
const iso = (ms) => new Date(ms).toISOString().replace('Z', '000Z');
const textOf = (content) => (Array.isArray(content) ? content.map(({ text }) => text ?? '').join(' ') : content ?? '');
const problem = (status, code, detail) => [status, { type: 'about:blank', title: 'Problem', status, code, detail, request_id: 'r-1' }];

export class Fake {
  sessions = new Map(); // by id: {session, messages}
  keys = new Map();
  requests = [];

  /** Status, body (a string is NDJSON), headers. */
  answer(method, url, body, headers = {}) {
    this.requests.push(`${method} ${url.pathname}${url.search}`);
    const parts = url.pathname.replace('/api/v1/sessions', '').split('/').slice(1).map(decodeURIComponent);
    const query = url.searchParams;
    if (parts.length === 0) return this.create(body, headers['idempotency-key']);
    if (parts.length === 1) return headers.accept === 'application/x-ndjson' ? this.export(parts[0]) : this.listSessions(parts[0], query);
    const found = this.sessions.get(parts[1] === 'messages' ? parts[0] : parts[1]);
    if (!found) return problem(404, 'session_not_found', 'There is no such session.');
    if (parts[1] !== 'messages') return this.one(method, found, body);
    return parts.length === 2 ? this.messages(method, found, query, body, headers) : this.message(method, found, Number(parts[2]), body);
  }

  // ---- sessions ----

  create({ user_id, title = 'Chat Session', created_at, messages = [], metadata, archived = false, pinned = false, tags = [] }, key) {
    const text = JSON.stringify([user_id, title, messages]);
    const known = key && this.keys.get(`${user_id} ${key}`);
    if (known && this.sessions.has(known.session.session_id)) {
      return known.text === text ? [200, { status: 'success', session: known.session }, { 'Idempotent-Replayed': 'true' }]
        : problem(422, 'idempotency_key_reused', 'The key was used for another session.');
    }
    let last = Date.now() - 1;
    const session_id = randomUUID();
    const stored = messages.map((message) => {
      last = message.timestamp ?? last + 1;
      return { message_id: randomUUID(), session_id, metadata: null, created_at: iso(last), ...message, timestamp: last };
    });
    const session = {
      session_id, user_id, title, created_at: created_at ?? iso(stored[0]?.timestamp ?? last), updated_at: iso(stored.at(-1)?.timestamp ?? last),
      message_count: stored.length, archived, pinned, tags, last_message: null, ...(metadata ? { metadata } : {}),
    };
    const entry = { session, messages: stored };
    this.refresh(entry);
    this.sessions.set(session_id, entry);
    if (key) this.keys.set(`${user_id} ${key}`, { text, session });
    return [201, { status: 'success', session: { ...session } }, { ETag: '"1"' }];
  }

  refresh({ session, messages }) {
    const last = messages.at(-1);
    session.message_count = messages.length;
    session.last_message = last ? { role: last.role, preview: Array.from(textOf(last.content)).slice(0, 200).join(''), timestamp: last.timestamp } : null;
  }

  listSessions(user, query) {
    const q = fold(query.get('q') ?? '');
    const archived = query.get('archived') ?? 'false';
    const all = [...this.sessions.values()].map(({ session }) => session).filter((session) => session.user_id === user
      && (archived === 'any' || String(session.archived) === archived)
      && (query.get('pinned') !== 'true' || session.pinned)
      && (!query.get('tag') || session.tags.includes(query.get('tag')))
      && (fold(session.title).includes(q) || fold(session.last_message?.preview ?? '').includes(q)));
    all.sort((a, b) => (a.updated_at < b.updated_at ? 1 : -1));
    return this.page('sessions', all.map((session) => ({ ...session })), query, 1000);
  }

  page(name, all, query, most) {
    const from = Number(query.get('cursor') ?? 0);
    const to = from + Number(query.get('limit') ?? most);
    const next_cursor = to < all.length ? String(to) : null;
    const items = all.slice(from, to);
    return [200, { status: 'success', [name]: items, count: items.length, has_more: next_cursor !== null, next_cursor }];
  }

  one(method, entry, body) {
    const { session } = entry;
    if (method === 'DELETE') {
      this.sessions.delete(session.session_id);
      return [200, { status: 'success', message: 'Session deleted successfully', deleted_messages: entry.messages.length }];
    }
    if (method !== 'GET') Object.assign(session, body, 'title' in body ? { updated_at: iso(Date.now()) } : {});
    return [200, { status: 'success', message: 'Session updated successfully', session: { ...session } }, { ETag: '"2"' }];
  }

  export(user) {
    const lines = [];
    const mine = [...this.sessions.values()].filter(({ session }) => session.user_id === user);
    for (const { session, messages } of mine) {
      lines.push({ type: 'session', ...session }, ...messages.map((message) => ({ type: 'message', ...message })));
    }
    lines.push({ type: 'end', sessions: mine.length, messages: lines.length - mine.length });
    return [200, lines.map((line) => `${JSON.stringify(line)}\n`).join('')];
  }

  // ---- messages ----

  messages(method, entry, query, body, headers) {
    const { session, messages } = entry;
    if (method === 'POST') return this.append(entry, body, headers['idempotency-key']);
    const [after, before] = [Number(query.get('after') ?? 0), Number(query.get('before') ?? Infinity)];
    const all = messages.filter(({ timestamp }) => timestamp > after && timestamp < before).map((message) => ({ ...message }));
    if (query.get('order') === 'desc') all.reverse();
    const [status, page] = this.page('messages', all, query, 100);
    return [status, { ...page, session_id: session.session_id }];
  }

  append(entry, body, key) {
    if (Array.isArray(body)) return [201, { status: 'success', messages: body.map((one) => this.append(entry, one)[1].message) }];
    const { session, messages } = entry;
    const known = key && messages.find((message) => message.key === key);
    if (known) return [200, { status: 'success', message: { ...known } }, { 'Idempotent-Replayed': 'true' }];
    const timestamp = Math.max(Date.now(), (messages.at(-1)?.timestamp ?? 0) + 1);
    const message = { message_id: randomUUID(), session_id: session.session_id, timestamp, metadata: null, created_at: iso(timestamp), ...body };
    messages.push(Object.defineProperty(message, 'key', { value: key, enumerable: false }));
    session.updated_at = iso(timestamp);
    this.refresh(entry);
    return [201, { status: 'success', message: { ...message } }];
  }

  message(method, entry, timestamp, body) {
    const at = entry.messages.findIndex((message) => message.timestamp === timestamp);
    if (at < 0) return problem(404, 'message_not_found', 'There is no such message.');
    if (method === 'DELETE') {
      entry.messages.splice(at, 1);
      this.refresh(entry);
      return [200, { status: 'success', message: 'Message deleted successfully' }];
    }
    if (method !== 'GET') Object.assign(entry.messages[at], body, { updated_at: iso(Date.now()) });
    this.refresh(entry);
    return [200, { status: 'success', message: { ...entry.messages[at] } }];
  }
}
