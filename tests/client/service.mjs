// The part of the service that the page of docs/frontend.md uses, in memory, with conversations that are created with
// their history. It answers what a page of a browser asks (playwright's routes).
import { randomUUID } from 'node:crypto';

export class Service {
  sessions = new Map(); // by id: {session, messages, user}
  keys = new Map();
  requests = [];
  fail = 0; // so many requests are answered by 503 first

  answer(method, url, body, headers) {
    this.requests.push(`${method} ${url.pathname}`);
    if (this.fail > 0) {
      this.fail -= 1;
      return [503, { type: 'about:blank', title: 'Service Unavailable', status: 503, code: 'overloaded', detail: 'The service is busy.', request_id: 'r' }];
    }
    const parts = url.pathname.replace('/api/v1/sessions', '').split('/').slice(1).map(decodeURIComponent);
    if (method === 'POST' && parts.length === 0) return this.create(body, headers['idempotency-key']);
    if (parts[1] === 'messages') return method === 'POST' ? this.append(parts[0], body) : this.list(parts[0], url.searchParams);
    if (method === 'DELETE') return this.remove(parts[1]);
    const sessions = [...this.sessions.values()].filter(({ user }) => user === parts[0]).map(({ session }) => session)
      .sort((a, b) => (a.updated_at < b.updated_at ? 1 : -1));
    return [200, { status: 'success', sessions, count: sessions.length, has_more: false, next_cursor: null }];
  }

  create({ user_id: user, title, created_at, messages = [], metadata }, key) {
    const text = JSON.stringify([user, title, messages]);
    const known = this.keys.get(`${user} ${key}`);
    if (known) {
      return known.text === text ? [200, { status: 'success', session: known.session }, { 'idempotent-replayed': 'true' }]
        : [422, { status: 422, code: 'idempotency_key_reused', detail: 'The key was used.', request_id: 'r' }];
    }
    const last = messages.at(-1)?.timestamp ?? Date.now();
    const session = {
      session_id: randomUUID(), user_id: user, title, created_at, updated_at: new Date(last).toISOString(), metadata,
      message_count: messages.length, archived: false, pinned: false, tags: [], last_message: null,
    };
    this.keys.set(`${user} ${key}`, { text, session });
    this.sessions.set(session.session_id, { session, user, messages: messages.map((message, i) => ({ timestamp: Date.now() + i, ...message })) });
    return [201, { status: 'success', session }, { etag: '"1"' }];
  }

  remove(id) {
    this.sessions.delete(id);
    for (const [key, { session }] of this.keys) if (session.session_id === id) this.keys.delete(key);
    return [200, { status: 'success', message: 'Session deleted successfully', deleted_messages: 0 }];
  }

  append(id, message) {
    const { session, messages } = this.sessions.get(id);
    const stored = { ...message, timestamp: Math.max(Date.now(), (messages.at(-1)?.timestamp ?? 0) + 1), metadata: null };
    messages.push(stored);
    session.updated_at = new Date(stored.timestamp).toISOString();
    return [201, { status: 'success', message: stored }];
  }

  list(id, query) {
    const messages = this.sessions.get(id).messages.filter(({ timestamp }) => timestamp > Number(query.get('after') ?? -1));
    return [200, { status: 'success', session_id: id, messages, count: messages.length, has_more: false, next_cursor: null }];
  }
}
