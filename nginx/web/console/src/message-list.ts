// The messages of one session as they are shown: the newest first of all, older ones as one scrolls up, new ones as they
// come.
import type { ChatSessions, Message } from 'chat-sessions-client';
import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import { isAbort, sentenceOf } from './context.js';

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
export function withMessage(list: readonly Message[], message: Message): Message[] {
  let at = list.length;
  while (at > 0 && list[at - 1]!.timestamp > message.timestamp) at -= 1;
  const same = at > 0 && list[at - 1]!.timestamp === message.timestamp ? 1 : 0;
  return [...list.slice(0, at - same), message, ...list.slice(at)];
}

export interface Owner { client: ChatSessions; userId: string; sessionId: string }

export function useMessages({ client, userId, sessionId }: Owner, onError: (error: unknown) => void,
  onNew: (message: Message) => void): Messages {
  const [list, setList] = useState<readonly Message[]>([]);
  const [hasOlder, setHasOlder] = useState(false);
  const [loading, setLoading] = useState<'first' | 'older' | null>('first');
  const [problem, setProblem] = useState('');
  const [interruption, setInterruption] = useState('');
  const [round, setRound] = useState(0);
  const controller = useRef(new AbortController());
  const own = useRef(new Set<number>());

  const failed = useCallback((error: unknown, signal: AbortSignal) => {
    if (signal.aborted || isAbort(error)) return;
    setLoading(null);
    setProblem(sentenceOf(error));
    onError(error);
  }, [onError]);

  useEffect(() => {
    const { signal } = controller.current = new AbortController();
    const watch = async (after: number) => {
      const onFailure = (error: unknown) => setInterruption(sentenceOf(error));
      for await (const message of client.follow(sessionId, { after, userId, signal, onError: onFailure })) {
        setInterruption('');
        setList((before) => withMessage(before, message));
        if (!own.current.has(message.timestamp)) onNew(message);
      }
    };
    const begin = async () => {
      setLoading('first');
      setProblem('');
      setInterruption('');
      const page = await client.listMessages(sessionId, { order: 'desc', limit: FIRST_PAGE }, { userId, signal });
      setList(page.messages.reverse());
      setHasOlder(page.has_more);
      setLoading(null);
      await watch(page.messages.at(-1)?.timestamp ?? 0);
    };
    begin().catch((error: unknown) => failed(error, signal));
    return () => controller.current.abort();
  }, [client, userId, sessionId, round, failed, onNew]);

  const older = useCallback(() => {
    const before = list[0]?.timestamp;
    const { signal } = controller.current;
    if (before === undefined || loading || !hasOlder) return;
    setLoading('older');
    setProblem('');
    client.listMessages(sessionId, { order: 'desc', before, limit: OLDER_PAGE }, { userId, signal }).then((page) => {
      setList((later) => [...page.messages.reverse(), ...later]);
      setHasOlder(page.has_more);
      setLoading(null);
    }).catch((error: unknown) => failed(error, signal));
  }, [client, userId, sessionId, list, loading, hasOlder, failed]);

  const put = useCallback((message: Message) => {
    own.current.add(message.timestamp);
    setList((before) => withMessage(before, message));
  }, []);
  const remove = useCallback((timestamp: number) => {
    setList((before) => before.filter((message) => message.timestamp !== timestamp));
  }, []);
  const retry = useCallback(() => {
    if (list.length) {
      setProblem('');
      older();
    } else {
      setRound((count) => count + 1);
    }
  }, [list, older]);
  return { list, hasOlder, loading, problem, interruption, older, retry, put, remove };
}
