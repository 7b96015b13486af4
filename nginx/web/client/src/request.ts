// One call, from its request to its answer: 1. ask for the token, 2. send, 3. read, 4. decide whether to send again,
// 5. wait. It knows HTTP and the service's rules for repeating, and no resource.
import { ChatSessionsError } from './errors.js';
import { linkedSignal, reasonOf, type Runtime } from './runtime.js';
import type { AnswerFacts, Problem } from './types.js';

/** Called before each request; with `refresh` after a 401, once in a call, for a token that is newer. */
export type TokenProvider = (request: { refresh: boolean }) => string | null | undefined
  | Promise<string | null | undefined>;

export interface CallOptions {
  signal?: AbortSignal | undefined;
  /** How long the call may take with all its attempts and waits, in milliseconds (60,000). */
  deadlineMs?: number | undefined;
  /** How long one attempt may take (20,000). */
  attemptTimeoutMs?: number | undefined;
  /** How often the request is sent at most (5). */
  maxAttempts?: number | undefined;
  /** Sent along, `X-Request-Id` or `traceparent` for instance. */
  headers?: Record<string, string> | undefined;
}

export interface Settings {
  baseUrl: string;
  token: string | TokenProvider | undefined;
  credentials: RequestCredentials | undefined;
  headers: Record<string, string>;
  deadlineMs: number;
  attemptTimeoutMs: number;
  maxAttempts: number;
  /** The longest Retry-After that is waited for; with a longer one the error is the caller's at once. */
  maxRetryAfterMs: number;
}

export interface Request {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Below the base URL, with a slash first, percent-encoded. */
  path: string;
  query?: object | undefined;
  headers?: Record<string, string | undefined>;
  body?: unknown;
  /** The service goes on where it was when its own time was up: such an attempt is progress, and none of maxAttempts. */
  resumes?: boolean;
  options: CallOptions;
}

/** An answer as it came, and how it was come by. */
export interface Received<T> {
  value: T;
  status: number;
  headers: Headers;
  /** An attempt before this one failed and may have been carried out. */
  uncertain: boolean;
}

const FIRST_DELAY_MS = 200;
const LONGEST_DELAY_MS = 5_000;
/** A 504 that comes sooner is a gateway that has nobody behind it. */
const WORK_MS = 500;
const REPEATED_STATUSES = [429, 503, 504];
const TIME_IS_UP = new Error('time is up');

/** A path segment. Some ids cannot be told to a server by fetch. */
export function segment(id: string | number, name: string): string {
  const text = String(id);
  if (text === '' || text === '.' || text === '..') {
    throw new TypeError(`${name} must not be ${text === '' ? 'empty' : `"${text}"`}: no URL can have it in its path`);
  }
  return encodeURIComponent(text);
}

function queryText(query: object | undefined): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query ?? {})) {
    if (value !== undefined && value !== null) search.append(name, String(value));
  }
  const text = search.toString();
  return text && `?${text}`;
}

function secondsOf(retryAfter: string | null, now: number): number | undefined {
  if (retryAfter === null) return undefined;
  if (/^\d+$/.test(retryAfter.trim())) return Number(retryAfter);
  const date = Date.parse(retryAfter);
  return Number.isNaN(date) ? undefined : Math.max(0, Math.ceil((date - now) / 1000));
}

function problemIn(text: string): Problem | undefined {
  try {
    const problem = JSON.parse(text) as Partial<Problem> | null;
    return typeof problem?.code === 'string' && typeof problem.detail === 'string' ? problem as Problem : undefined;
  } catch {
    return undefined;
  }
}

export function parseJson(text: string, headers: Headers, status: number): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new ChatSessionsError({
      status, code: 'invalid_answer', cause, requestId: headers.get('x-request-id') ?? '',
      detail: 'The answer is not JSON: is there a chat service at this address?',
    });
  }
}

/** The facts that go with a body. */
export function factsOf(received: Received<unknown>): AnswerFacts {
  const etag = received.headers.get('etag');
  return {
    requestId: received.headers.get('x-request-id') ?? '',
    replayed: received.headers.get('idempotent-replayed') === 'true',
    ...(etag === null ? {} : { etag }),
  };
}

export class Sender {
  constructor(private readonly settings: Settings, readonly runtime: Runtime) {}

  /** Sends the request, as often as needed and allowed. `read` takes the body of a success. */
  async send<T>(request: Request, read: (response: Response) => Promise<T>): Promise<Received<T>> {
    const { options } = request;
    const endsAt = this.runtime.now() + (options.deadlineMs ?? this.settings.deadlineMs);
    let attempts = 0;
    let inVain = 0;
    let uncertain = false;
    let refresh = false;
    let token = await this.token(false, endsAt, options.signal);
    for (;;) {
      attempts += 1;
      const begun = this.runtime.now();
      try {
        const { value, status, headers } = await this.attempt(request, token, endsAt, read);
        return { value, status, headers, uncertain };
      } catch (cause) {
        if (!(cause instanceof ChatSessionsError)) throw cause;
        uncertain ||= mayHaveBeenDone(request, cause);
        const error = cause.with({ attempts, uncertain });
        if (error.status === 401 && !refresh && typeof this.settings.token === 'function') {
          refresh = true;
          const next = await this.token(true, endsAt, options.signal);
          if (!next || next === token) throw error;
          token = next;
          continue;
        }
        const progress = request.resumes && error.status === 504 && this.runtime.now() - begun >= WORK_MS;
        inVain = progress ? 0 : inVain + 1;
        await this.waitBeforeNext(error, inVain, endsAt, options);
        token = await this.token(false, endsAt, options.signal);
      }
    }
  }

  private async token(refresh: boolean, endsAt: number, signal: AbortSignal | undefined): Promise<string | undefined> {
    const { token } = this.settings;
    if (signal?.aborted) throw reasonOf(signal);
    if (typeof token !== 'function') return token;
    const timer = linkedSignal(signal);
    // A provider knows nothing of the call's deadline.
    const late = this.runtime.sleep(Math.max(0, endsAt - this.runtime.now()), timer.signal).then(() => {
      throw new Error('it did not come in time');
    });
    try {
      return await Promise.race([token({ refresh }), late]) ?? undefined;
    } catch (cause) {
      if (signal?.aborted) throw reasonOf(signal);
      throw new ChatSessionsError({
        status: 0, code: 'no_token', cause,
        detail: `There is no token to ask the service with: ${cause instanceof Error ? cause.message : String(cause)}`,
      });
    } finally {
      timer.abort(TIME_IS_UP);
      late.catch(() => undefined);
      timer.release();
    }
  }

  private async attempt<T>(request: Request, token: string | undefined, endsAt: number,
    read: (response: Response) => Promise<T>) {
    const { runtime, settings } = this;
    const { options } = request;
    const linked = linkedSignal(options.signal);
    // Before anything can be lost: what fetch would refuse to send is the caller's mistake.
    const init = this.init(request, token, linked.signal);
    const timer = new AbortController();
    const limit = Math.min(options.attemptTimeoutMs ?? settings.attemptTimeoutMs, endsAt - runtime.now());
    runtime.sleep(Math.max(0, limit), timer.signal).then(() => linked.abort(TIME_IS_UP), () => undefined);
    try {
      const response = await runtime.fetch(settings.baseUrl + request.path + queryText(request.query), init);
      if (!response.ok && response.status !== 304) throw this.failure(response, await response.text());
      return { value: await read(response), status: response.status, headers: response.headers };
    } catch (cause) {
      if (options.signal?.aborted) throw reasonOf(options.signal);
      if (cause instanceof ChatSessionsError) throw cause;
      if (linked.signal.aborted) {
        throw new ChatSessionsError({ status: 0, code: 'timeout', cause, detail: 'The service did not answer in time.' });
      }
      throw new ChatSessionsError({
        status: 0, code: 'connection_lost', cause, detail: 'The service cannot be reached, or the connection was lost.',
      });
    } finally {
      timer.abort();
      linked.release();
    }
  }

  private init(request: Request, token: string | undefined, signal: AbortSignal): RequestInit {
    const headers: Record<string, string> = { Accept: 'application/json' };
    Object.assign(headers, this.settings.headers, request.options.headers);
    for (const [name, value] of Object.entries(request.headers ?? {})) {
      if (value !== undefined) headers[name] = value;
    }
    if (token) headers['Authorization'] = `Bearer ${token}`;
    const init: RequestInit = { method: request.method, headers, signal };
    if (this.settings.credentials) init.credentials = this.settings.credentials;
    if (request.body !== undefined) {
      headers['Content-Type'] = 'application/json';
      init.body = JSON.stringify(request.body);
    }
    new Headers(headers); // throws if one of them cannot be sent
    return init;
  }

  private failure(response: Response, text: string): ChatSessionsError {
    const problem = problemIn(text);
    return new ChatSessionsError({
      status: response.status,
      code: problem?.code ?? 'invalid_answer',
      detail: problem?.detail ?? `The server answered ${response.status} and does not say why.`,
      requestId: problem?.request_id ?? response.headers.get('x-request-id') ?? '',
      retryAfter: secondsOf(response.headers.get('retry-after'), this.runtime.now()),
      etag: response.headers.get('etag') ?? undefined,
    });
  }

  // Throws the error where the request is not to be sent again.
  private async waitBeforeNext(error: ChatSessionsError, inVain: number, endsAt: number, options: CallOptions) {
    const repeated = REPEATED_STATUSES.includes(error.status) || error.code === 'connection_lost'
      || error.code === 'timeout';
    if (!repeated || inVain >= (options.maxAttempts ?? this.settings.maxAttempts)) throw error;
    const asked = (error.retryAfter ?? 0) * 1000;
    const delay = asked + this.runtime.random() * Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** Math.max(0, inVain - 1));
    if (asked > this.settings.maxRetryAfterMs || this.runtime.now() + delay >= endsAt) throw error;
    await this.runtime.sleep(delay, options.signal);
  }
}

// A 503 says that nothing was done, except for deletes (they go on from where they were) and where nginx lost the
// worker that had the request.
function mayHaveBeenDone({ method }: Request, { status, code }: ChatSessionsError): boolean {
  if (method === 'GET') return false;
  return status === 504 || code === 'connection_lost' || code === 'timeout'
    || (status === 503 && (method === 'DELETE' || code === 'overloaded' || code === 'invalid_answer'));
}
