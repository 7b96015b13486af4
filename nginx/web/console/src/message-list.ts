// The messages of one session as they are shown: the newest first of all, older ones as one scrolls up, new ones as they
// come.
import type { ChatSessions, Message } from 'chat-sessions-client';
import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import { isAbort, sentenceOf } from './context.js';
import { useLoading } from './loading.js';

const FIRST_PAGE = 50;
const OLDER_PAGE = 100;

export interface Messages {
  /** In their order, oldest first. */
  list: readonly Message[];
  hasOlder: boolean;
  loading: 'first' | 'older' | null;
  /** Why the last page did not come. */
  problem: string;
  /** Why no new messages come just now. */
  interruption: string;
  older(): void;
  retry(): void;
  put(message: Message): void;
  remove(timestamp: number): void;
}

/** The list with the message at its place, instead of the one of the same timestamp. */
function withMessage(list: readonly Message[], message: Message): Message[] {
  let at = list.length;
  while (at > 0 && list[at - 1]!.timestamp > message.timestamp) at -= 1;
  const same = at > 0 && list[at - 1]!.timestamp === message.timestamp ? 1 : 0;
  return [...list.slice(0, at - same), message, ...list.slice(at)];
}

export interface Owner { client: ChatSessions; userId: string; sessionId: string }

interface Following {
  after: number;
  signal: AbortSignal;
  onMessage(message: Message): void;
  /** Told why nothing comes just now; an empty sentence when it does again. */
  onInterruption(sentence: string): void;
}

// Takes what others write until it is aborted, or cannot go on (the session was deleted, say).
async function watch({ client, userId, sessionId }: Owner, { after, signal, onMessage, onInterruption }: Following): Promise<void> {
  const onError = (error: unknown) => onInterruption(`${sentenceOf(error)} It is tried again.`);
  try {
    for await (const message of client.follow(sessionId, { after, userId, signal, onError })) {
      onInterruption('');
      onMessage(message);
    }
  } catch (error) {
    if (!signal.aborted && !isAbort(error)) onInterruption(sentenceOf(error));
  }
}

export function useMessages(owner: Owner, onError: (error: unknown) => void, onNew: (message: Message) => void): Messages {
  const { client, userId, sessionId } = owner;
  const [list, setList] = useState<readonly Message[]>([]);
  const [hasOlder, setHasOlder] = useState(false);
  const { loading, problem, attempt } = useLoading<'first' | 'older'>('first', onError);
  const [interruption, setInterruption] = useState('');
  const [round, setRound] = useState(0);
  const controller = useRef(new AbortController());
  const own = useRef(new Set<number>());

  const put = useCallback((message: Message) => {
    own.current.add(message.timestamp);
    setList((before) => withMessage(before, message));
  }, []);
  const remove = useCallback((timestamp: number) => {
    setList((before) => before.filter((message) => message.timestamp !== timestamp));
  }, []);
  const onMessage = useCallback((message: Message) => {
    setList((before) => withMessage(before, message));
    if (!own.current.has(message.timestamp)) onNew(message);
  }, [onNew]);

  useEffect(() => {
    const { signal } = controller.current = new AbortController();
    void attempt('first', signal, async () => {
      const page = await client.listMessages(sessionId, { order: 'desc', limit: FIRST_PAGE }, { userId, signal });
      setList(page.messages.reverse());
      setHasOlder(page.has_more);
      const after = page.messages.at(-1)?.timestamp ?? 0;
      void watch({ client, userId, sessionId }, { after, signal, onMessage, onInterruption: setInterruption });
    });
    return () => controller.current.abort();
  }, [client, userId, sessionId, round, attempt, onMessage]);

  const older = useCallback(() => {
    const before = list[0]?.timestamp;
    const { signal } = controller.current;
    if (before === undefined || loading || !hasOlder) return;
    void attempt('older', signal, async () => {
      const page = await client.listMessages(sessionId, { order: 'desc', before, limit: OLDER_PAGE }, { userId, signal });
      setList((later) => [...page.messages.reverse(), ...later]);
      setHasOlder(page.has_more);
    });
  }, [client, userId, sessionId, list, loading, hasOlder, attempt]);

  const retry = list.length ? older : () => setRound((count) => count + 1);
  return { list, hasOlder, loading, problem, interruption, older, retry, put, remove };
}
