// The user's sessions as the list shows them: the first page, more pages as they are asked for, and what becomes of them
// while one works. Pinned ones stand above the others where nothing is looked for.
import type { ChatSessions, Session, SessionList, SessionQuery } from 'chat-sessions-client';
import { useCallback, useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { useLoading } from './loading.js';

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

const idOf = ({ session_id }: Session): string => session_id;

interface Lists {
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

function without(lists: Lists, sessionId: string): Lists {
  const others = (list: Session[]) => list.filter(({ session_id }) => session_id !== sessionId);
  return { ...lists, pinned: others(lists.pinned), others: others(lists.others) };
}

/** The lists with the session at its place, or without it if it does not belong to them. */
function placed(lists: Lists, session: Session, filter: Filter): Lists {
  const changed = without(lists, session.session_id);
  if (!belongs(session, filter)) return changed;
  const list = isGrouped(filter) && session.pinned ? changed.pinned : changed.others;
  list.push(session);
  list.sort(byActivity);
  return changed;
}

async function firstPage(client: ChatSessions, userId: string, filter: Filter, signal: AbortSignal): Promise<Lists> {
  const grouped = isGrouped(filter);
  const [page, pinned] = await Promise.all([
    client.listSessions(userId, queryOf(filter), { signal }),
    grouped ? client.listSessions(userId, { pinned: true, limit: MOST_PINNED }, { signal }) : undefined,
  ]);
  const apart = new Set((pinned?.sessions ?? []).map(idOf));
  return {
    pinned: pinned?.sessions ?? [],
    others: page.sessions.filter((session) => !apart.has(idOf(session))),
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

/** The lists with the next page behind them, without what has moved up meanwhile and is there already. */
function continued(lists: Lists, page: SessionList): Lists {
  const known = new Set([...lists.pinned, ...lists.others].map(idOf));
  const fresh = page.sessions.filter((session) => !known.has(idOf(session)));
  return { ...lists, others: [...lists.others, ...fresh], cursor: page.next_cursor };
}

/** The names of all tags that were seen so far. */
function useKnownTags({ pinned, others }: Lists): string[] {
  const seen = useRef(new Set<string>());
  for (const { tags } of [...pinned, ...others]) for (const name of tags) seen.current.add(name);
  return [...seen.current].sort((a, b) => a.localeCompare(b));
}

export function useSessionList(client: ChatSessions, userId: string, filter: Filter, onError: (error: unknown) => void,
): SessionListState {
  const [lists, setLists] = useState(NOTHING);
  const { loading, problem, attempt } = useLoading<'first' | 'more'>('first', onError);
  const [round, setRound] = useState(0);
  const controller = useRef(new AbortController());

  const { view, tag, q } = filter;
  const shown = useMemo(() => ({ view, tag, q }), [view, tag, q]);
  useEffect(() => {
    const { signal } = controller.current = new AbortController();
    void attempt('first', signal, async () => {
      const found = await firstPage(client, userId, shown, signal);
      if (!signal.aborted) setLists(found);
    });
    return () => controller.current.abort();
  }, [client, userId, shown, round, attempt]);

  const more = useCallback(() => {
    const { cursor } = lists;
    const { signal } = controller.current;
    if (cursor === null || loading) return;
    void attempt('more', signal, async () => {
      const page = await client.listSessions(userId, { ...queryOf(shown), cursor }, { signal });
      if (!signal.aborted) setLists((before) => continued(before, page));
    });
  }, [client, userId, shown, lists, loading, attempt]);

  return {
    ...lists, loading, problem, more,
    knownTags: useKnownTags(lists),
    reload: useCallback(() => setRound((count) => count + 1), []),
    put: useCallback((session: Session) => setLists((before) => placed(before, session, shown)), [shown]),
    remove: useCallback((sessionId: string) => setLists((before) => without(before, sessionId)), []),
  };
}
