// An export as it streams in: 1. bytes to lines, 2. lines to events, 3. is it whole? It holds one line at a time.
import { ChatSessionsError } from './errors.js';
import type { Request, Sender } from './request.js';
import { reasonOf, type Runtime } from './runtime.js';
import type { ExportEvent } from './types.js';

// A line is a message, which DynamoDB limits to 400 KB, or a session; six times that when all is escaped.
const LONGEST_LINE = 8 * 1024 * 1024;
const SILENCE_MS = 60_000;

function incomplete(detail: string, requestId: string, cause?: unknown): ChatSessionsError {
  return new ChatSessionsError({ status: 200, code: 'incomplete_export', detail, requestId, cause });
}

/** Lines of NDJSON from chunks of bytes, without the empty ones. */
export async function* linesOf(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<string, void> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  let rest = '';
  for await (const chunk of chunks) {
    const parts = (rest + decoder.decode(chunk, { stream: true })).split('\n');
    rest = parts.pop()!;
    if (rest.length > LONGEST_LINE) throw new Error('a line is too long');
    for (const line of parts) if (line.trim()) yield line;
  }
  rest += decoder.decode();
  if (rest.trim()) yield rest;
}

/** The lines as events; fails if they do not end with an end that counts as many. */
export async function* eventsOf(lines: AsyncIterable<string>, requestId = ''): AsyncGenerator<ExportEvent, void> {
  const seen = { sessions: 0, messages: 0 };
  let end = false;
  for await (const line of lines) {
    let event: ExportEvent;
    try {
      event = JSON.parse(line) as ExportEvent;
    } catch (cause) {
      throw incomplete('The export ends within a line: it was cut off.', requestId, cause);
    }
    if (end) throw incomplete('The export goes on after its end.', requestId);
    if (event.type === 'end') {
      end = true;
      if (event.sessions !== seen.sessions || event.messages !== seen.messages) {
        throw incomplete(`The export says that it has ${event.sessions} sessions and ${event.messages} messages, `
          + `and ${seen.sessions} and ${seen.messages} arrived.`, requestId);
      }
    } else if (event.type === 'session') {
      seen.sessions += 1;
    } else if (event.type === 'message') {
      seen.messages += 1;
    }
    yield event; // of another type, too: a later service may have more to tell
  }
  if (!end) throw incomplete('The export was cut off: its last line is missing.', requestId);
}

// The body's chunks. It fails when nothing comes for a minute or the signal is aborted.
async function* chunksOf(body: ReadableStream<Uint8Array>, runtime: Runtime, signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array, void> {
  const reader = body.getReader();
  const stop = () => void reader.cancel(reasonOf(signal!)).catch(() => undefined);
  signal?.addEventListener('abort', stop, { once: true });
  try {
    for (;;) {
      if (signal?.aborted) throw reasonOf(signal);
      const timer = new AbortController();
      const silence = runtime.sleep(SILENCE_MS, timer.signal).then(() => {
        throw new Error('nothing came for a minute');
      });
      silence.catch(() => undefined);
      try {
        const { done, value } = await Promise.race([reader.read(), silence]);
        if (signal?.aborted) throw reasonOf(signal);
        if (done) return;
        yield value;
      } finally {
        timer.abort();
      }
    }
  } finally {
    signal?.removeEventListener('abort', stop);
    reader.cancel().catch(() => undefined); // of use when the caller stops taking
  }
}

export async function* exportEvents(sender: Sender, request: Request): AsyncGenerator<ExportEvent, void> {
  const { signal } = request.options;
  const { value: response, headers } = await sender.send(request, async (answer) => answer);
  const requestId = headers.get('x-request-id') ?? '';
  if (!headers.get('content-type')?.startsWith('application/x-ndjson') || !response.body) {
    await response.body?.cancel();
    throw new ChatSessionsError({
      status: response.status, code: 'invalid_answer', requestId, detail: 'This service does not export sessions.',
    });
  }
  try {
    yield* eventsOf(linesOf(chunksOf(response.body, sender.runtime, signal)), requestId);
  } catch (cause) {
    if (signal?.aborted) throw reasonOf(signal);
    if (cause instanceof ChatSessionsError) throw cause;
    throw incomplete('The export was cut off: the connection was lost.', requestId, cause);
  }
}
