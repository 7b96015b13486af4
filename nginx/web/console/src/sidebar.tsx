// The list of the user's conversations, with what narrows it down.
import type { Session } from 'chat-sessions-client';
import { useEffect, useRef, useState } from 'preact/hooks';
import { useConsole } from './context.js';
import { Icon } from './icons.js';
import { linkTo } from './route.js';
import type { Filter, SessionListState, View } from './session-list.js';
import { fullTime, nameOfRole, oneLine, plural, shortTime, timeOf } from './text.js';

const VIEWS: Record<View, string> = { active: 'Chats', pinned: 'Pinned', archived: 'Archived' };
const PAUSE_MS = 250;

export interface Marks { pinned?: boolean; archived?: boolean }

interface SidebarProps {
  sessions: SessionListState;
  filter: Filter;
  onFilter(filter: Filter): void;
  current: string;
  onChange(session: Session, changes: Marks): void;
}

export function Sidebar({ sessions, filter, onFilter, current, onChange }: SidebarProps) {
  return (
    <>
      <Search filter={filter} onFilter={onFilter} />
      <Narrowing filter={filter} onFilter={onFilter} knownTags={sessions.knownTags} />
      <List {...{ sessions, filter, current, onChange }} />
    </>
  );
}

// ---- what narrows it down ----

function Search({ filter, onFilter }: Pick<SidebarProps, 'filter' | 'onFilter'>) {
  const [text, setText] = useState(filter.q);
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => {
    const q = text.trim();
    if (q === filter.q) return undefined;
    const timer = setTimeout(() => onFilter({ ...filter, q }), q ? PAUSE_MS : 0);
    return () => clearTimeout(timer);
  }, [text, filter, onFilter]);
  useEffect(() => {
    const focus = (event: KeyboardEvent) => {
      if (event.key.toLowerCase() !== 'k' || !(event.ctrlKey || event.metaKey)) return;
      event.preventDefault();
      input.current?.focus();
    };
    addEventListener('keydown', focus);
    return () => removeEventListener('keydown', focus);
  }, []);
  return (
    <form role="search" class="search" onSubmit={(event) => { event.preventDefault(); onFilter({ ...filter, q: text.trim() }); }}>
      <Icon name="search" />
      <input ref={input} type="search" value={text} maxLength={200} placeholder="Search titles and last messages" dir="auto"
        aria-label="Search conversations" aria-keyshortcuts="Control+K" onInput={(event) => setText(event.currentTarget.value)} />
    </form>
  );
}

function Narrowing({ filter, onFilter, knownTags }: Pick<SidebarProps, 'filter' | 'onFilter'> & { knownTags: string[] }) {
  const tags = filter.tag && !knownTags.includes(filter.tag) ? [filter.tag, ...knownTags] : knownTags;
  return (
    <div class="narrowing">
      <div class="views" role="group" aria-label="Which conversations">
        {(Object.keys(VIEWS) as View[]).map((view) => (
          <button type="button" key={view} aria-pressed={filter.view === view} onClick={() => onFilter({ ...filter, view })}>
            {VIEWS[view]}
          </button>
        ))}
      </div>
      {tags.length > 0 && (
        <select aria-label="Tag" value={filter.tag} class={filter.tag ? 'chosen' : ''}
          onChange={(event) => onFilter({ ...filter, tag: event.currentTarget.value })}>
          <option value="">All tags</option>
          {tags.map((tag) => <option key={tag} value={tag}>{oneLine(tag)}</option>)}
        </select>
      )}
    </div>
  );
}

// ---- the list ----

type ListProps = Pick<SidebarProps, 'sessions' | 'filter' | 'current' | 'onChange'>;

const isNarrowed = ({ view, tag, q }: Filter): boolean => view !== 'active' || tag !== '' || q !== '';

// Up and down go from conversation to conversation, as Tab does through everything.
function moveFocus(event: KeyboardEvent): void {
  const step = event.key === 'ArrowDown' ? 1 : event.key === 'ArrowUp' ? -1 : 0;
  if (!step) return;
  const links = [...(event.currentTarget as HTMLElement).querySelectorAll<HTMLElement>('a.session')];
  const at = links.findIndex((link) => link.parentElement!.contains(document.activeElement));
  if (at < 0) return;
  event.preventDefault();
  links[at + step]?.focus();
}

function List({ sessions, filter, current, onChange }: ListProps) {
  const { pinned, others, loading, problem, cursor } = sessions;
  const isEmpty = pinned.length + others.length === 0;
  const rows = (list: Session[]) => (
    <ul>{list.map((session) => (
      <Row key={session.session_id} session={session} isCurrent={session.session_id === current} onChange={onChange} />
    ))}</ul>
  );
  return (
    <nav aria-label="Conversations" class="sessions" onKeyDown={moveFocus} aria-busy={loading === 'first'}>
      {loading === 'first' && isEmpty && <Skeleton />}
      {pinned.length > 0 && <><h2>Pinned</h2>{rows(pinned)}<h2>Recent</h2></>}
      {rows(others)}
      {problem && (
        <div class="problem" role="alert">
          <p>{problem}</p>
          <button type="button" onClick={isEmpty ? sessions.reload : sessions.more}>Try again</button>
        </div>
      )}
      {!loading && !problem && isEmpty && cursor === null && (
        <p class="empty">{isNarrowed(filter) ? 'No conversation is like that.'
          : 'No conversations yet. Begin one, or drop a file with conversations here.'}</p>
      )}
      {cursor !== null && !problem && <More isBusy={loading !== null} onMore={sessions.more} />}
    </nav>
  );
}

const Skeleton = () => (
  <div class="skeleton" role="status" aria-label="Loading conversations">{[1, 2, 3, 4, 5, 6].map((row) => <div key={row} />)}</div>
);

// The next page comes when one gets near the end; with the keyboard, by the button.
function More({ isBusy, onMore }: { isBusy: boolean; onMore(): void }) {
  const button = useRef<HTMLButtonElement>(null);
  useEffect(() => {
    // Several entries may come at once: the last one says how it is now.
    const observer = new IntersectionObserver((entries) => { if (entries.at(-1)!.isIntersecting && !isBusy) onMore(); },
      { rootMargin: '400px' });
    observer.observe(button.current!);
    return () => observer.disconnect();
  }, [isBusy, onMore]);
  return <button type="button" ref={button} class="more" disabled={isBusy} onClick={onMore}>{isBusy ? 'Loading…' : 'Show more'}</button>;
}

interface RowProps { session: Session; isCurrent: boolean; onChange: SidebarProps['onChange'] }

function Row({ session, isCurrent, onChange }: RowProps) {
  const { userId } = useConsole();
  const { session_id: id, tags, pinned, archived } = session;
  const title = oneLine(session.title) || 'Untitled';
  const time = timeOf(session.updated_at);
  return (
    <li class={isCurrent ? 'current' : ''}>
      <a class="session" href={linkTo(userId, id)} aria-current={isCurrent ? 'page' : undefined}>
        <span class="first-line">
          {pinned && <Icon name="pin" />}
          <bdi class="title">{title}</bdi>
          {time && <time dateTime={time.toISOString()} title={fullTime(time)}>{shortTime(time)}</time>}
        </span>
        <Preview session={session} />
        {tags.length > 0 && <span class="tags">{tags.map((tag) => <bdi class="tag" key={tag}>{oneLine(tag)}</bdi>)}</span>}
      </a>
      <span class="row-actions">
        <button type="button" class="icon-button" aria-label={`${pinned ? 'Unpin' : 'Pin'} ${title}`} title={pinned ? 'Unpin' : 'Pin'}
          onClick={() => onChange(session, { pinned: !pinned })}><Icon name="pin" /></button>
        <button type="button" class="icon-button" aria-label={`${archived ? 'Take out of the archive:' : 'Archive'} ${title}`}
          title={archived ? 'Take out of the archive' : 'Archive'}
          onClick={() => onChange(session, { archived: !archived })}><Icon name="archive" /></button>
      </span>
    </li>
  );
}

function Preview({ session: { last_message: last, message_count: count } }: { session: Session }) {
  if (!last) return <span class="preview">{count ? plural(count, 'message') : 'No messages'}</span>;
  const speaker = last.role === 'assistant' ? '' : `${last.role === 'user' ? 'You' : nameOfRole(last.role)}: `;
  return <span class="preview">{speaker}<bdi>{oneLine(last.preview) || '(no text)'}</bdi></span>;
}
