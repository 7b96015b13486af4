// New messages of a session, as they come. 1. Where to begin, 2. ask for what came after the last, 3. give out what was
// not seen, 4. wait: shortly where something happens, longer where nothing does, longest where nobody looks.
import type { ChatSessions, MessageOptions } from './client.js';
import { ChatSessionsError } from './errors.js';
import { linkedSignal, type Page, type Runtime } from './runtime.js';
import type { Message } from './types.js';

export interface FollowOptions extends MessageOptions {
  /** The timestamp to begin after: 0 for the whole session. Left out: only what comes from now on. */
  after?: number | undefined;
  /** The shortest wait between two questions, in milliseconds (1,000). */
  minIntervalMs?: number | undefined;
  /** The longest one while the page is seen (15,000). */
  maxIntervalMs?: number | undefined;
  /** The one while the page is hidden (60,000). When it is seen again, the question is asked at once. */
  hiddenIntervalMs?: number | undefined;
  /** Told each failure that following survives, and how long it waits now. */
  onError?: ((error: ChatSessionsError, waitMs: number) => void) | undefined;
}

const PAGE = 200;
const GROWTH = 1.5;
// A read may show a message in the moment before the one before it (up to 50 of an array are a millisecond apart).
// So the first question after something new begins this much earlier, and what was seen is left out.
const OVERLAP_MS = 100;

/** Whether it helps to ask again later. */
function passes(error: unknown): error is ChatSessionsError {
  return error instanceof ChatSessionsError && error.code !== 'no_token'
    && (error.status === 0 || error.status === 408 || error.status === 429 || error.status >= 500);
}

class Follower {
  private readonly seen = new Set<number>();
  private last = -1;
  private start = 0;
  private overlap = false;

  constructor(private readonly client: ChatSessions, private readonly sessionId: string,
    private readonly options: MessageOptions) {}

  async begin(after: number | undefined): Promise<void> {
    if (after === undefined) {
      const { messages } = await this.client.listMessages(this.sessionId, { order: 'desc', limit: 1 }, this.options);
      after = messages[0]?.timestamp ?? 0;
    }
    this.start = after;
    this.last = after;
    this.overlap = false;
  }

  get begun(): boolean { return this.last >= 0; }

  /** One question. Gives what is new, and whether there is more at once. */
  async ask(): Promise<{ fresh: Message[]; more: boolean }> {
    const after = this.overlap ? Math.max(this.start, this.last - OVERLAP_MS) : this.last;
    const page = await this.client.listMessages(this.sessionId, { after, limit: PAGE }, this.options);
    const fresh = page.messages.filter(({ timestamp }) => !this.seen.has(timestamp));
    for (const { timestamp } of fresh) {
      this.seen.add(timestamp);
      this.last = Math.max(this.last, timestamp);
    }
    for (const timestamp of this.seen) if (timestamp < this.last - OVERLAP_MS) this.seen.delete(timestamp);
    const more = page.has_more && fresh.length > 0;
    // With more to come the next page begins where this one ended.
    this.overlap = fresh.length > 0 && !more;
    return { fresh, more };
  }
}

export async function* follow(client: ChatSessions, runtime: Runtime, sessionId: string, options: FollowOptions,
): AsyncGenerator<Message, void> {
  const { after, minIntervalMs = 1_000, maxIntervalMs = 15_000, hiddenIntervalMs = 60_000, onError, signal } = options;
  const follower = new Follower(client, sessionId, { ...options, maxAttempts: 1 });
  let interval = minIntervalMs;
  let again = false;
  while (!signal?.aborted) {
    let wait = 0;
    try {
      if (!follower.begun) await follower.begin(after);
      const { fresh, more } = await follower.ask();
      for (const message of fresh) {
        if (signal?.aborted) return;
        yield message;
      }
      interval = fresh.length ? minIntervalMs : Math.min(maxIntervalMs, interval * GROWTH);
      again = more;
    } catch (error) {
      if (signal?.aborted) return;
      if (!passes(error)) throw error;
      interval = Math.min(maxIntervalMs, interval * GROWTH);
      wait = Math.max(interval, (error.retryAfter ?? 0) * 1000);
      onError?.(error, wait);
      again = false;
    }
    if (!again && !await pause(runtime, { ms: wait || interval, atLeast: wait, hiddenMs: hiddenIntervalMs }, signal)) return;
  }
}

interface Pause { ms: number; atLeast: number; hiddenMs: number }

// Waits, with a tenth of chance on top so that many pages do not ask in step. A hidden page that is seen again waits no
// longer than `atLeast`. False: the signal was aborted.
async function pause(runtime: Runtime, { ms, atLeast, hiddenMs }: Pause, signal: AbortSignal | undefined,
): Promise<boolean> {
  const { page } = runtime;
  const jitter = 1 + 0.1 * runtime.random();
  const begun = runtime.now();
  let shownAgain = false;
  for (;;) {
    const hidden = page?.hidden ?? false;
    const wanted = shownAgain ? atLeast : Math.max(ms, hidden ? hiddenMs : 0) * jitter;
    const left = wanted - (runtime.now() - begun);
    if (left <= 0) return true;
    const turned = linkedSignal(signal);
    const unwatch = watch(page, () => turned.abort('the page was shown or hidden'));
    try {
      await runtime.sleep(left, turned.signal);
      return true;
    } catch {
      if (signal?.aborted) return false;
      shownAgain = hidden && !page?.hidden;
    } finally {
      unwatch();
      turned.release();
    }
  }
}

function watch(page: Page | undefined, turned: () => void): () => void {
  page?.addEventListener('visibilitychange', turned);
  return () => page?.removeEventListener('visibilitychange', turned);
}
