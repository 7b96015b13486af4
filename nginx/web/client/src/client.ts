// The calls of the contract, one method each, and what reads several pages as one. How a call is sent and repeated is in
// request.ts, what it takes and gives in types.ts.
import { ChatSessionsError } from './errors.js';
import { exportEvents } from './export.js';
import { follow, type FollowOptions } from './follow.js';
import {
  factsOf, parseJson, segment, Sender, type CallOptions, type Received, type Request, type Settings, type TokenProvider,
} from './request.js';
import { standardRuntime, type Runtime } from './runtime.js';
import type {
  AnswerFacts, ExportEvent, Health, Message, MessageAnswer, MessageChanges, MessageDeleted, MessageList,
  MessageNew, MessageQuery, MessagesAnswer, Readiness, Session, SessionAnswer, SessionChanges, SessionDeleted, SessionList,
  SessionNew, SessionQuery, SessionUpdated, UserErased,
} from './types.js';

export interface ClientOptions {
  /** Where the API is: `/api/v1` of the page's own server unless given. Node.js needs it with `https://`. */
  baseUrl?: string;
  /** The bearer token, or a function that gives it. Without one the service must run without authentication, or know
   * the user from a cookie (`credentials`). */
  token?: string | TokenProvider;
  /** As fetch has it, for cookies to another origin. */
  credentials?: RequestCredentials;
  /** Sent with every request. */
  headers?: Record<string, string>;
  deadlineMs?: number;
  attemptTimeoutMs?: number;
  maxAttempts?: number;
  /** The longest Retry-After that a call waits for (10,000). */
  maxRetryAfterMs?: number;
  /** Network, clock and chance; for tests. */
  runtime?: Partial<Runtime>;
}

export interface PostOptions extends CallOptions {
  /** Made for each call unless given. Give your own to repeat a call later, after a restart of the page for instance. */
  idempotencyKey?: string | undefined;
}
export interface MatchOptions extends CallOptions {
  /** An `etag`: the change is made only if the session still has it. Otherwise the call fails with 412. */
  ifMatch?: string | undefined;
}
export interface MessageOptions extends CallOptions {
  /** The session's user. Only sessions of an earlier backend need it. */
  userId?: string | undefined;
}

const DEFAULTS = { deadlineMs: 60_000, attemptTimeoutMs: 20_000, maxAttempts: 5, maxRetryAfterMs: 10_000 };
// A history of 16 MB on its way up, and what erases thousands of messages.
const LONG = { deadlineMs: 600_000, attemptTimeoutMs: 300_000 };

function baseUrlOf(given: string | undefined): string {
  const url = (given ?? '/api/v1').replace(/\/+$/, '');
  if (!/^https?:/i.test(url) && (globalThis as { location?: unknown }).location === undefined) {
    throw new TypeError(`baseUrl must begin with http:// or https:// outside a browser, and "${url}" does not`);
  }
  if (/^https?:/i.test(url)) new URL(url); // throws if it is none
  return url;
}

function sessionPath(userId: string, sessionId?: string): string {
  const user = `/sessions/${segment(userId, 'userId')}`;
  return sessionId === undefined ? user : `${user}/${segment(sessionId, 'sessionId')}`;
}

function messagePath(sessionId: string, timestamp?: number): string {
  const all = `/sessions/${segment(sessionId, 'sessionId')}/messages`;
  return timestamp === undefined ? all : `${all}/${segment(timestamp, 'timestamp')}`;
}

export class ChatSessions {
  private readonly sender: Sender;

  constructor(options: ClientOptions = {}) {
    const { baseUrl, token, credentials, headers = {}, runtime, ...limits } = options;
    const settings: Settings = { ...DEFAULTS, ...limits, baseUrl: baseUrlOf(baseUrl), token, credentials, headers };
    this.sender = new Sender(settings, { ...standardRuntime(), ...runtime });
  }

  // ---- sessions ----

  /**
   * Creates a session; with `messages` it appears at once with its whole history. What the service has no time to
   * write in one request it goes on with in the next.
   */
  createSession(session: SessionNew = {}, options: PostOptions = {}): Promise<SessionAnswer> {
    const { messages, ...rest } = session;
    if (!messages?.length) return this.post({ path: '/sessions', body: rest, options });
    return this.post({ path: '/sessions', body: session, resumes: true, options: { ...LONG, ...options } });
  }

  /** One page of a user's sessions. */
  listSessions(userId: string, query: SessionQuery = {}, options: CallOptions = {}): Promise<SessionList> {
    return this.call({ method: 'GET', path: sessionPath(userId), query, options });
  }

  /** All sessions of a user, page by page as they are taken. */
  sessions(userId: string, query: SessionQuery = {}, options: CallOptions = {}): AsyncGenerator<Session, void> {
    return pages(query.cursor, async (from) => {
      const page = await this.listSessions(userId, { ...query, ...from }, options);
      return [page.sessions, page.next_cursor];
    });
  }

  getSession(userId: string, sessionId: string, options: CallOptions = {}): Promise<SessionAnswer> {
    return this.call({ method: 'GET', path: sessionPath(userId, sessionId), options });
  }

  /** The session, or null if it still has the `etag`. */
  async getSessionIfChanged(userId: string, sessionId: string, etag: string, options: CallOptions = {},
  ): Promise<SessionAnswer | null> {
    const request: Request = {
      method: 'GET', path: sessionPath(userId, sessionId), headers: { 'If-None-Match': etag }, options,
    };
    const received = await this.sender.send(request, (response) => response.text());
    return received.status === 304 ? null : withFacts(received);
  }

  /** Changes what is given and leaves the rest; `metadata: null` clears it. */
  updateSession(userId: string, sessionId: string, changes: SessionChanges, options: MatchOptions = {},
  ): Promise<SessionUpdated> {
    return this.change('PUT', sessionPath(userId, sessionId), changes, options);
  }

  /** The same by PATCH, for proxies that treat PUT in a way of their own. */
  patchSession(userId: string, sessionId: string, changes: SessionChanges, options: MatchOptions = {},
  ): Promise<SessionUpdated> {
    return this.change('PATCH', sessionPath(userId, sessionId), changes, options);
  }

  /** Deletes a session and its messages. `deleted_messages` counts those that the last attempt has deleted. */
  deleteSession(userId: string, sessionId: string, options: MatchOptions = {}): Promise<SessionDeleted> {
    return this.remove(sessionPath(userId, sessionId), { ...LONG, ...options }, ['session_not_found'],
      { message: 'Session deleted successfully', deleted_messages: 0 });
  }

  /** Deletes every session of a user and every message in them. The counts are those of the last attempt. */
  eraseUser(userId: string, options: CallOptions = {}): Promise<UserErased> {
    return this.remove(sessionPath(userId), { ...LONG, ...options }, [], {});
  }

  // ---- messages ----

  /** One page of a session's messages: the oldest first, 100 at most, unless the query says otherwise. */
  listMessages(sessionId: string, query: MessageQuery = {}, options: MessageOptions = {}): Promise<MessageList> {
    return this.call({
      method: 'GET', path: messagePath(sessionId), query: { ...query, user_id: options.userId }, options,
    });
  }

  /** All messages of a session, page by page as they are taken. */
  messages(sessionId: string, query: MessageQuery = {}, options: MessageOptions = {}): AsyncGenerator<Message, void> {
    return pages(query.cursor, async (from) => {
      const page = await this.listMessages(sessionId, { ...query, ...from }, options);
      return [page.messages, page.next_cursor];
    });
  }

  appendMessage(sessionId: string, message: MessageNew, options: PostOptions & MessageOptions = {},
  ): Promise<MessageAnswer> {
    return this.post({ path: messagePath(sessionId), body: message, options, query: { user_id: options.userId } });
  }

  /** Appends 1 to 50 messages, all or none, in their order. */
  appendMessages(sessionId: string, messages: readonly MessageNew[], options: PostOptions & MessageOptions = {},
  ): Promise<MessagesAnswer> {
    return this.post({ path: messagePath(sessionId), body: messages, options, query: { user_id: options.userId } });
  }

  getMessage(sessionId: string, timestamp: number, options: MessageOptions = {}): Promise<MessageAnswer> {
    return this.call({
      method: 'GET', path: messagePath(sessionId, timestamp), query: { user_id: options.userId }, options,
    });
  }

  updateMessage(sessionId: string, timestamp: number, changes: MessageChanges, options: MessageOptions = {},
  ): Promise<MessageAnswer> {
    return this.change('PUT', messagePath(sessionId, timestamp), changes, options, { user_id: options.userId });
  }

  patchMessage(sessionId: string, timestamp: number, changes: MessageChanges, options: MessageOptions = {},
  ): Promise<MessageAnswer> {
    return this.change('PATCH', messagePath(sessionId, timestamp), changes, options, { user_id: options.userId });
  }

  deleteMessage(sessionId: string, timestamp: number, options: MessageOptions = {}): Promise<MessageDeleted> {
    return this.remove(messagePath(sessionId, timestamp), options, ['message_not_found', 'session_not_found'],
      { message: 'Message deleted successfully' }, { user_id: options.userId });
  }

  /** The session's new messages, as they come, until the signal is aborted. See FollowOptions. */
  follow(sessionId: string, options: FollowOptions = {}): AsyncGenerator<Message, void> {
    return follow(this, this.sender.runtime, sessionId, options);
  }

  // ---- everything of a user ----

  /**
   * Every session of a user, each followed by its messages, as it arrives; the last event is the end with the
   * counts. Fails with `incomplete_export` if the export was cut off.
   */
  exportUser(userId: string, options: CallOptions = {}): AsyncGenerator<ExportEvent, void> {
    return exportEvents(this.sender, {
      method: 'GET', path: sessionPath(userId), headers: { Accept: 'application/x-ndjson' }, options,
    });
  }

  // ---- for those who run the service ----

  /** Sent once: a check wants to know how it is now. */
  getHealth(options: CallOptions = {}): Promise<Health> {
    return this.call({ method: 'GET', path: '/health', options: { maxAttempts: 1, ...options } });
  }

  getReadiness(options: CallOptions = {}): Promise<Readiness> {
    return this.call({ method: 'GET', path: '/health/ready', options: { maxAttempts: 1, ...options } });
  }

  /** The contract, as OpenAPI 3.1. */
  async getDocument(options: CallOptions = {}): Promise<Record<string, unknown>> {
    return this.call({ method: 'GET', path: '/openapi.json', options });
  }

  /** The Prometheus text; nginx gives it to its own machine alone. */
  async getMetrics(options: CallOptions = {}): Promise<string> {
    const request: Request = { method: 'GET', path: '/metrics', headers: { Accept: 'text/plain' }, options };
    return (await this.sender.send(request, (response) => response.text())).value;
  }

  // ---- how they are sent ----

  private async call<T>(request: Request): Promise<T> {
    return withFacts<T>(await this.sender.send(request, (response) => response.text()));
  }

  private async post<T>(request: Omit<Request, 'method' | 'headers'> & { options: PostOptions }): Promise<T> {
    const key = request.options.idempotencyKey ?? this.sender.runtime.newKey();
    if (!/^[!-~]{1,255}$/.test(key)) throw new TypeError('idempotencyKey must be 1 to 255 visible ASCII characters');
    return this.call<T>({ ...request, method: 'POST', headers: { 'Idempotency-Key': key } });
  }

  private async change<T>(method: 'PUT' | 'PATCH', path: string, body: object, options: MatchOptions, query?: object,
  ): Promise<T> {
    return this.call<T>({ method, path, query, headers: { 'If-Match': options.ifMatch }, body, options });
  }

  // An attempt whose answer was lost may have deleted it: then "there is none" is what was asked for.
  private async remove<T>(path: string, options: MatchOptions, gone: string[], body: object, query?: object): Promise<T> {
    try {
      return await this.call<T>({
        method: 'DELETE', path, query, headers: { 'If-Match': options.ifMatch }, resumes: true, options,
      });
    } catch (error) {
      if (!(error instanceof ChatSessionsError) || !error.uncertain || !gone.includes(error.code)) throw error;
      const timestamp = new Date(this.sender.runtime.now()).toISOString();
      return { status: 'success', ...body, timestamp, requestId: error.requestId, replayed: true } as unknown as T;
    }
  }
}

function withFacts<T>(received: Received<string>): T {
  const body = parseJson(received.value, received.headers, received.status);
  return Object.assign(body as object, factsOf(received) satisfies AnswerFacts) as T;
}

async function* pages<T>(first: string | undefined, page: (from: { cursor?: string }) => Promise<[T[], string | null]>,
): AsyncGenerator<T, void> {
  let cursor = first;
  for (;;) {
    const [items, next] = await page(cursor === undefined ? {} : { cursor });
    yield* items;
    if (next === null || next === undefined) return;
    if (next === cursor) {
      throw new ChatSessionsError({ status: 200, code: 'invalid_answer', detail: 'The list leads back to the same page.' });
    }
    cursor = next;
  }
}
