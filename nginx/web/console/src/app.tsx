// The page as a whole: who one is, which conversation is open, and the windows above it.
import { ChatSessions, type Session } from 'chat-sessions-client';
import { useCallback, useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { SignIn, storeAccount, storedAccount, type Account } from './account.js';
import { ConsoleContext, isRefused, sentenceOf, type Console, type Question } from './context.js';
import { Conversation } from './conversation.js';
import { QuestionDialog } from './dialog.js';
import { ExportDialog } from './exporting.js';
import { useDroppedFiles } from './drop.js';
import { Icon } from './icons.js';
import { ImportDialog } from './importing.js';
import { Notices, useNotices } from './notices.js';
import { go, useRoute } from './route.js';
import { EVERYTHING, useSessionList } from './session-list.js';
import { Sidebar, type Marks } from './sidebar.js';
import { oneLine } from './text.js';
import { ThemeChoice } from './theme.js';

export function App() {
  const route = useRoute();
  const [account, setAccount] = useState(storedAccount);
  const [problem, setProblem] = useState('');
  const userId = route.userId;
  useEffect(() => {
    if (!userId && account.userId && !problem && location.hash === '') go(account.userId);
    else if (userId && userId !== account.userId) keep({ ...account, userId });
  }, [userId]);
  const keep = (changed: Account) => {
    storeAccount(changed);
    setAccount(changed);
  };
  const enter = (changed: Account) => {
    keep(changed);
    setProblem('');
    go(changed.userId);
  };
  const leave = useCallback((why: string) => {
    setProblem(why);
    location.hash = '#/';
  }, []);
  if (!userId) return <SignIn account={account} problem={problem} onDone={enter} />;
  return <Main key={`${userId}\n${account.token}`} userId={userId} token={account.token} onLeave={leave} />;
}

interface MainProps { userId: string; token: string; onLeave(why: string): void }

function useQuestions() {
  const [asked, setAsked] = useState<{ question: Question; answer(yes: boolean): void } | null>(null);
  const ask = useCallback((question: Question) => new Promise<boolean>((resolve) => {
    setAsked({ question, answer: (yes) => { setAsked(null); resolve(yes); } });
  }), []);
  return { asked, ask };
}

function Main({ userId, token, onLeave }: MainProps) {
  const client = useMemo(() => new ChatSessions(token ? { token } : {}), [token]);
  const notices = useNotices();
  const { asked, ask } = useQuestions();
  const fail = useCallback((error: unknown) => {
    if (isRefused(error)) onLeave(sentenceOf(error));
    else notices.fail(error);
  }, [onLeave, notices.fail]);
  const context = useMemo<Console>(() => ({ client, userId, tell: notices.tell, fail, ask }), [client, userId, notices.tell, fail, ask]);
  return (
    <ConsoleContext.Provider value={context}>
      <Workspace context={context} onLeave={onLeave} />
      {asked && <QuestionDialog question={asked.question} onAnswer={asked.answer} />}
      <Notices notices={notices.notices} onDismiss={notices.dismiss} />
    </ConsoleContext.Provider>
  );
}

function sentenceOfMarks({ pinned, archived }: Marks): string {
  if (pinned !== undefined) return pinned ? 'Pinned.' : 'No longer pinned.';
  return archived ? 'Archived.' : 'Taken out of the archive.';
}

type Window = { kind: 'import'; files: File[] } | { kind: 'export'; session: Session | undefined } | null;

function Workspace({ context, onLeave }: { context: Console; onLeave(why: string): void }) {
  const { client, userId, fail, tell } = context;
  const { sessionId } = useRoute();
  const [filter, setFilter] = useState(EVERYTHING);
  const onListError = useCallback((error: unknown) => { if (isRefused(error)) fail(error); }, [fail]);
  const sessions = useSessionList(client, userId, filter, onListError);
  const [open, setOpen] = useState<Window>(null);
  const isOver = useDroppedFiles(useCallback((files: File[]) => setOpen({ kind: 'import', files }), []));
  useFresh(sessions.reload);

  const change = useCallback((session: Session, changes: Marks) => {
    client.patchSession(userId, session.session_id, changes).then((answer) => {
      sessions.put(answer.session);
      tell(sentenceOfMarks(changes));
    }, fail);
  }, [client, userId, sessions.put, fail, tell]);
  const begin = () => client.createSession({ user_id: userId }).then(({ session }) => {
    sessions.put(session);
    go(userId, session.session_id);
  }, fail);
  const deleted = useCallback((id: string) => {
    sessions.remove(id);
    go(userId);
  }, [sessions.remove, userId]);
  const known = [...sessions.pinned, ...sessions.others].find(({ session_id }) => session_id === sessionId);
  return (
    <div class={`workspace ${sessionId ? 'reading' : 'choosing'}`}>
      <SkipLink />
      <aside aria-label="Conversations of the user">
        <header class="top">
          <h1><Icon name="logo" /><bdi title={userId}>{oneLine(userId)}</bdi></h1>
          <button type="button" class="icon-button" aria-label="New conversation" title="New conversation" onClick={begin}>
            <Icon name="plus" /></button>
          <Menu onImport={() => setOpen({ kind: 'import', files: [] })} onExport={() => setOpen({ kind: 'export', session: undefined })}
            onReload={sessions.reload} onLeave={() => onLeave('')} />
        </header>
        <Sidebar sessions={sessions} filter={filter} onFilter={setFilter} current={sessionId} onChange={change} />
      </aside>
      <main id="conversation" tabIndex={-1}>
        {sessionId ? (
          <Conversation key={sessionId} sessionId={sessionId} known={known} knownTags={sessions.knownTags} onSession={sessions.put}
            onDeleted={deleted} onExport={(session) => setOpen({ kind: 'export', session })} />
        ) : <Welcome onBegin={begin} onImport={() => setOpen({ kind: 'import', files: [] })} />}
      </main>
      {isOver && <div class="drop-cover"><p><Icon name="upload" /> Drop to import</p></div>}
      {open?.kind === 'import' && <ImportDialog dropped={open.files} onClose={() => setOpen(null)} onImported={sessions.reload} />}
      {open?.kind === 'export' && <ExportDialog session={open.session} onClose={() => setOpen(null)} />}
    </div>
  );
}

// The address says which conversation is open, so this link moves the focus alone.
function SkipLink() {
  const skip = (event: Event) => {
    event.preventDefault();
    document.getElementById('conversation')?.focus();
  };
  return <a class="skip" href="#conversation" onClick={skip}>To the conversation</a>;
}

// A page that one comes back to shows what happened meanwhile.
function useFresh(reload: () => void): void {
  useEffect(() => {
    const seen = () => { if (document.visibilityState === 'visible') reload(); };
    document.addEventListener('visibilitychange', seen);
    return () => document.removeEventListener('visibilitychange', seen);
  }, [reload]);
}

function Welcome({ onBegin, onImport }: { onBegin(): void; onImport(): void }) {
  return (
    <div class="welcome">
      <Icon name="logo" />
      <h2>No conversation is open</h2>
      <p>Choose one from the list, begin a new one, or bring conversations along from another place.</p>
      <p class="buttons"><button type="button" class="primary" onClick={onBegin}>New conversation</button>
        <button type="button" onClick={onImport}>Import…</button></p>
    </div>
  );
}

interface MenuProps { onImport(): void; onExport(): void; onReload(): void; onLeave(): void }

function Menu({ onImport, onExport, onReload, onLeave }: MenuProps) {
  const details = useRef<HTMLDetailsElement>(null);
  const close = () => { details.current!.open = false; };
  const entry = (act: () => void) => () => { close(); act(); };
  useEffect(() => {
    const outside = (event: Event) => { if (!details.current?.contains(event.target as Node)) close(); };
    addEventListener('pointerdown', outside);
    return () => removeEventListener('pointerdown', outside);
  }, []);
  return (
    <details class="menu" ref={details} onKeyDown={(event) => {
      if (event.key !== 'Escape') return;
      close();
      details.current!.querySelector('summary')!.focus();
    }}>
      <summary class="icon-button" aria-label="More" title="More"><Icon name="more" /></summary>
      <div class="menu-entries">
        <button type="button" onClick={entry(onImport)}><Icon name="upload" /> Import…</button>
        <button type="button" onClick={entry(onExport)}><Icon name="download" /> Export everything…</button>
        <button type="button" onClick={entry(onReload)}><Icon name="refresh" /> Load the list anew</button>
        <button type="button" onClick={entry(onLeave)}><Icon name="user" /> Another user…</button>
        <ThemeChoice />
      </div>
    </details>
  );
}
