// Takes an import into the service: creates each session under its key, a few at a time, and tells what became of it.
import type { ChatSessions } from '../client.js';
import type { ChatSessionsError } from '../errors.js';
import type { Import, ImportedSession } from './common.js';

export interface ImportProgress {
  /** Sessions that are there now and were not before. */
  created: number;
  /** Sessions that an earlier run had created. */
  existed: number;
  /** Sessions that an earlier run had created from another state of the conversation. They are left as they are. */
  changed: { title: string; key: string }[];
  /** Sessions that the service refused. */
  failed: { title: string; key: string; error: ChatSessionsError }[];
}

export interface ImportResult extends ImportProgress {
  /** Why it ended before the file did: no service, no permission. Run it again when that is over, and it goes on. */
  stoppedBy?: ChatSessionsError;
}

export interface RunOptions {
  /** Whose sessions they become. Left out where a token names the user. */
  userId?: string | undefined;
  signal?: AbortSignal | undefined;
  /** How many are on their way at once (3). */
  concurrency?: number | undefined;
  onProgress?: ((progress: Readonly<ImportProgress>) => void) | undefined;
}

// By its name: this module and the client's are two files, each with classes of its own.
const isServiceError = (error: unknown): error is ChatSessionsError =>
  error instanceof Error && error.name === 'ChatSessionsError';

// What the next conversation would meet as well.
const concernsAll = ({ status }: ChatSessionsError): boolean =>
  status === 0 || status === 401 || status === 403 || status === 429 || status >= 500;

async function take(client: ChatSessions, { key, session }: ImportedSession, result: ImportResult, options: RunOptions) {
  const title = session.title ?? '';
  const whole = options.userId === undefined ? session : { ...session, user_id: options.userId };
  try {
    const answer = await client.createSession(whole, { idempotencyKey: key, signal: options.signal });
    if (answer.replayed) result.existed += 1;
    else result.created += 1;
  } catch (error) {
    if (!isServiceError(error)) throw error;
    if (error.code === 'idempotency_key_reused') result.changed.push({ title, key });
    else if (concernsAll(error)) result.stoppedBy ??= error;
    else result.failed.push({ title, key, error });
  }
}

export async function importInto(client: ChatSessions, source: Import, options: RunOptions = {}): Promise<ImportResult> {
  const result: ImportResult = { created: 0, existed: 0, changed: [], failed: [] };
  const sessions = source[Symbol.asyncIterator]();
  const takeNext = async (): Promise<boolean> => {
    options.signal?.throwIfAborted?.();
    const next = await sessions.next();
    if (next.done) return false;
    await take(client, next.value, result, options);
    options.onProgress?.(result);
    return !result.stoppedBy;
  };
  const worker = async () => {
    while (!result.stoppedBy && await takeNext());
  };
  // The first one alone: what stops them all is found with one session, not with several.
  if (!await takeNext()) return result;
  await Promise.all(Array.from({ length: options.concurrency ?? 3 }, worker));
  return result;
}
