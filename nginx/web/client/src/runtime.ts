// What the client takes from its surroundings: network, clock, chance. Tests give their own; nothing else in the package
// asks for the time, waits or rolls dice.

export interface Runtime {
  fetch(url: string, init: RequestInit): Promise<Response>;
  /** Milliseconds since 1970. */
  now(): number;
  /** Resolves after `ms`; rejects with the signal's reason when that is aborted before. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /** From 0 to 1, 1 excluded. */
  random(): number;
  /** An Idempotency-Key that no other call has. */
  newKey(): string;
  /** The page, where there is one: whether somebody looks at it. */
  page?: Page | undefined;
}

export interface Page {
  readonly hidden: boolean;
  addEventListener(type: 'visibilitychange', listener: () => void): void;
  removeEventListener(type: 'visibilitychange', listener: () => void): void;
}

export function reasonOf(signal: AbortSignal): unknown {
  return signal.reason ?? new DOMException('This operation was aborted', 'AbortError');
}

function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(reasonOf(signal));
      return;
    }
    const stop = () => {
      clearTimeout(timer);
      reject(reasonOf(signal!));
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', stop);
      resolve();
    }, ms);
    signal?.addEventListener('abort', stop, { once: true });
  });
}

// Not crypto.randomUUID: browsers have that on HTTPS and localhost alone.
function newKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

export function standardRuntime(): Runtime {
  return {
    // Called as a function of the window, not of this object: browsers insist on it.
    fetch: (url, init) => globalThis.fetch(url, init),
    now: () => Date.now(),
    random: () => Math.random(),
    sleep,
    newKey,
    page: (globalThis as { document?: Page }).document,
  };
}

/** A signal that is aborted when one of the others is, or by the function that comes with it. */
export function linkedSignal(...signals: (AbortSignal | undefined)[]) {
  const controller = new AbortController();
  const unlink: (() => void)[] = [];
  for (const signal of signals) {
    if (!signal) continue;
    const abort = () => controller.abort(reasonOf(signal));
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort, { once: true });
    unlink.push(() => signal.removeEventListener('abort', abort));
  }
  return {
    signal: controller.signal,
    abort: (reason: unknown) => controller.abort(reason),
    release: () => unlink.forEach((remove) => remove()),
  };
}
