// The head of a conversation: its title, what can be done with the whole of it, and its tags.
import type { Session, SessionChanges } from 'chat-sessions-client';
import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import { useConsole } from './context.js';
import { Icon } from './icons.js';
import { linkTo } from './route.js';
import { fullTime, oneLine, plural, timeOf } from './text.js';

export interface HeadProps {
  session: Session;
  knownTags: string[];
  onSession(session: Session): void;
  onDeleted(sessionId: string): void;
  onExport(session: Session): void;
}

type Change = (changes: SessionChanges, done: string) => Promise<boolean>;

export function Head({ session, knownTags, onSession, onDeleted, onExport }: HeadProps) {
  const { client, userId, fail, tell, ask } = useConsole();
  const { session_id: id, pinned, archived } = session;
  const change: Change = async (changes, done) => {
    try {
      onSession((await client.patchSession(userId, id, changes)).session);
      tell(done);
      return true;
    } catch (error) {
      fail(error);
      return false;
    }
  };
  const remove = async () => {
    const text = `“${oneLine(session.title)}” and its ${plural(session.message_count, 'message')} will be gone for good.`;
    if (!await ask({ title: 'Delete this conversation?', text, action: 'Delete conversation' })) return;
    try {
      await client.deleteSession(userId, id);
      tell('The conversation was deleted.');
      onDeleted(id);
    } catch (error) {
      fail(error);
    }
  };
  return (
    <header class="head">
      <div class="head-line">
        <a class="icon-button back" href={linkTo(userId)} aria-label="Back to the list"><Icon name="back" /></a>
        <Title title={session.title} change={change} />
        <div class="head-actions">
          <Toggle isOn={pinned} icon="pin" name="Pin"
            onClick={() => change({ pinned: !pinned }, pinned ? 'No longer pinned.' : 'Pinned.')} />
          <Toggle isOn={archived} icon="archive" name="Archive"
            onClick={() => change({ archived: !archived }, archived ? 'Taken out of the archive.' : 'Archived.')} />
          <button type="button" class="icon-button" aria-label="Export this conversation" title="Export" onClick={() => onExport(session)}>
            <Icon name="download" /></button>
          <button type="button" class="icon-button" aria-label="Delete this conversation" title="Delete" onClick={remove}>
            <Icon name="trash" /></button>
        </div>
      </div>
      <div class="head-facts">
        <Facts session={session} />
        <Tags tags={session.tags} known={knownTags} change={change} />
      </div>
    </header>
  );
}

function Toggle({ isOn, icon, name, onClick }: { isOn: boolean; icon: 'pin' | 'archive'; name: string; onClick(): void }) {
  return (
    <button type="button" class="icon-button toggle" aria-pressed={isOn} aria-label={`${name} this conversation`} title={name}
      onClick={onClick}><Icon name={icon} /></button>
  );
}

function Facts({ session }: { session: Session }) {
  const created = timeOf(session.created_at);
  const day = created?.toLocaleDateString(undefined, { dateStyle: 'medium' });
  return (
    <span class="facts">
      {plural(session.message_count, 'message')}
      {created && <> · begun <time dateTime={created.toISOString()} title={fullTime(created)}>{day}</time></>}
      {session.archived && ' · archived'}
    </span>
  );
}

function Title({ title, change }: { title: string; change: Change }) {
  const [text, setText] = useState<string | null>(null);
  const input = useRef<HTMLInputElement>(null);
  const begin = useRef<HTMLButtonElement>(null);
  useLayoutEffect(() => { if (text !== null) input.current?.select(); }, [text === null]);
  const close = () => {
    setText(null);
    setTimeout(() => begin.current?.focus());
  };
  const save = async () => {
    const changed = text?.trim();
    if (!changed || changed === title || await change({ title: changed }, 'Renamed.')) close();
  };
  if (text === null) {
    return (
      <div class="title-line">
        <h2 class="title"><bdi>{oneLine(title) || 'Untitled'}</bdi></h2>
        <button type="button" class="icon-button" ref={begin} aria-label="Rename this conversation" title="Rename"
          onClick={() => setText(title)}><Icon name="pencil" /></button>
      </div>
    );
  }
  return (
    <form class="title-line" onSubmit={(event) => { event.preventDefault(); void save(); }}>
      <input ref={input} value={text} dir="auto" aria-label="Title" maxLength={1000} onInput={(event) => setText(event.currentTarget.value)}
        onKeyDown={(event) => { if (event.key === 'Escape') close(); }} />
      <button type="submit" class="primary">Save</button>
      <button type="button" onClick={close}>Cancel</button>
    </form>
  );
}

// ---- tags ----

const MOST_TAGS = 20;

function Tags({ tags, known, change }: { tags: string[]; known: string[]; change: Change }) {
  const [text, setText] = useState<string | null>(null);
  const input = useRef<HTMLInputElement>(null);
  const begin = useRef<HTMLButtonElement>(null);
  useLayoutEffect(() => { if (text !== null) input.current?.focus(); }, [text === null]);
  const set = (changed: string[], done: string) => change({ tags: changed }, done);
  const add = async () => {
    const tag = text?.trim();
    if (!tag) return close();
    if (tags.includes(tag) || await set([...tags, tag], `Tagged ${oneLine(tag)}.`)) setText('');
  };
  const close = () => {
    setText(null);
    setTimeout(() => begin.current?.focus());
  };
  return (
    <span class="tag-editor">
      <ul aria-label="Tags">{tags.map((tag) => (
        <li class="tag" key={tag}><bdi>{oneLine(tag)}</bdi>
          <button type="button" aria-label={`Remove the tag ${oneLine(tag)}`}
            onClick={() => set(tags.filter((other) => other !== tag), 'Tag removed.')}><Icon name="close" /></button></li>
      ))}</ul>
      {text === null ? tags.length < MOST_TAGS && (
        <button type="button" ref={begin} class="add-tag" onClick={() => setText('')}><Icon name="tag" /> Add tag</button>
      ) : (
        <form onSubmit={(event) => { event.preventDefault(); void add(); }}>
          <input ref={input} value={text} dir="auto" maxLength={50} list="known-tags" aria-label="New tag" placeholder="Tag, then Enter"
            onInput={(event) => setText(event.currentTarget.value)} onBlur={() => { if (!text) setText(null); }}
            onKeyDown={(event) => { if (event.key === 'Escape') close(); }} />
          <datalist id="known-tags">{known.filter((tag) => !tags.includes(tag)).map((tag) => <option key={tag} value={tag} />)}</datalist>
        </form>
      )}
    </span>
  );
}
