// The user's sessions as the list shows them: the first page, more pages as they are asked for, and what becomes of them
// while one works. Pinned ones stand above the others where nothing is looked for.
import type { ChatSessions, Session, SessionQuery } from 'chat-sessions-client';
import { useCallback, useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { completed, isAbort, sentenceOf } from './context.js';

export type View = 'active' | 'pinned' | 'archived';
export interface Filter { view: View; tag: string; q: string }
export const EVERYTHING: Filter = { view: 'active', tag: '', q: '' };

const PAGE = 50;
const MOST_PINNED = 200;

function queryOf({ view, tag, q }: Filter): SessionQuery {
  return {
    limit: PAGE,
    ...(view === 'archived' ? { archived: true } : {}),
    ...(view === 'pinned' ? { pinned: true } : {}),
    ...(tag ? { tag } : {}),
    ...(q ? { q } : {}),
  };
}

const isGrouped = ({ view, tag, q }: Filter): boolean => view === 'active' && !tag && !q;

export interface Lists {
  pinned: Session[];
  others: Session[];
  /** Of the page after the last one that was read; null at the end. */
  cursor: string | null;
}
const NOTHING: Lists = { pinned: [], others: [], cursor: null };

/** Whether a session that has changed belongs to what is shown. What was found by `q` stays until one searches anew. */
function belongs(session: Session, { view, tag }: Filter): boolean {
  if ((view === 'archived') !== session.archived) return false;
  return (view !== 'pinned' || session.pinned) && (!tag || session.tags.includes(tag));
}

const byActivity = (a: Session, b: Session): number => (a.updated_at < b.updated_at ? 1 : a.updated_at > b.updated_at ? -1 : 0);

/** The lists without the session, or with it at its place. */
export function placed(lists: Lists, session: Session, filter: Filter): Lists {
  const without = (list: Session[]) => list.filter(({ session_id }) => session_id !== session.session_id);
  const pinned = without(lists.pinned);
  const others = without(lists.others);
  if (belongs(session, filter)) {
    const list = isGrouped(filter) && session.pinned ? pinned : others;
    list.push(session);
    list.sort(byActivity);
  }
  return { ...lists, pinned, others };
}

async function firstPage(client: ChatSessions, userId: string, filter: Filter, signal: AbortSignal): Promise<Lists> {
  const grouped = isGrouped(filter);
  const [page, pinned] = await Promise.all([
    client.listSessions(userId, queryOf(filter), { signal }),
    grouped ? client.listSessions(userId, { pinned: true, limit: MOST_PINNED }, { signal }) : undefined,
  ]);
  const apart = new Map((pinned?.sessions ?? []).map(completed).filter((session) => session.pinned)
    .map((session) => [session.session_id, session]));
  return {
    pinned: [...apart.values()],
    others: page.sessions.map(completed).filter(({ session_id }) => !apart.has(session_id)),
    cursor: page.next_cursor,
  };
}

export interface SessionListState extends Lists {
  loading: 'first' | 'more' | null;
  problem: string;
  /** The tags of the sessions that were seen. */
  knownTags: string[];
  more(): void;
  reload(): void;
  /** Takes over a session as it is now. */
  put(session: Session): void;
  remove(sessionId: string): void;
}

export function useSessionList(client: ChatSessions, userId: string, filter: Filter, onError: (error: unknown) => void,
): SessionListState {
  const [lists, setLists] = useState(NOTHING);
  const [loading, setLoading] = useState<'first' | 'more' | null>('first');
  const [problem, setProblem] = useState('');
  const [round, setRound] = useState(0);
  const current = useRef(new AbortController());
  const tags = useRef(new Set<string>());

  const work = useCallback(async (kind: 'first' | 'more', read: (signal: AbortSignal) => Promise<void>) => {
    current.current.abort();
    const { signal } = current.current = new AbortController();
    setLoading(kind);
    setProblem('');
    try {
      await read(signal);
      if (!signal.aborted) setLoading(null);
    } catch (error) {
      if (signal.aborted || isAbort(error)) return;
      setLoading(null);
      setProblem(sentenceOf(error));
      onError(error);
    }
  }, [onError]);

  const { view, tag, q } = filter;
  const shown = useMemo(() => ({ view, tag, q }), [view, tag, q]);
  useEffect(() => {
    void work('first', async (signal) => {
      const found = await firstPage(client, userId, shown, signal);
      if (!signal.aborted) setLists(found);
    });
    return () => current.current.abort();
  }, [client, userId, shown, round, work]);

  const more = useCallback(() => {
    const { cursor } = lists;
    if (cursor === null || loading) return;
    void work('more', async (signal) => {
      const page = await client.listSessions(userId, { ...queryOf(shown), cursor }, { signal });
      if (signal.aborted) return;
      setLists((before) => {
        const known = new Set([...before.pinned, ...before.others].map(({ session_id }) => session_id));
        const fresh = page.sessions.map(completed).filter(({ session_id }) => !known.has(session_id));
        return { ...before, others: [...before.others, ...fresh], cursor: page.next_cursor };
      });
    });
  }, [client, userId, shown, lists, loading, work]);

  for (const session of [...lists.pinned, ...lists.others]) for (const name of session.tags) tags.current.add(name);
  return {
    ...lists, loading, problem, more,
    knownTags: [...tags.current].sort((a, b) => a.localeCompare(b)),
    reload: useCallback(() => setRound((count) => count + 1), []),
    put: useCallback((session: Session) => setLists((before) => placed(before, completed(session), shown)), [shown]),
    remove: useCallback((sessionId: string) => setLists((before) => ({
      ...before,
      pinned: before.pinned.filter(({ session_id }) => session_id !== sessionId),
      others: before.others.filter(({ session_id }) => session_id !== sessionId),
    })), []),
  };
}
