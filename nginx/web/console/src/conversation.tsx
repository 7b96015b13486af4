// One conversation: its head, its messages, and where one writes.
import type { Message, Session } from 'chat-sessions-client';
import type { RefObject } from 'preact';
import { useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import { Composer } from './composer.js';
import { isRefused, useConsole } from './context.js';
import { copyText } from './clipboard.js';
import { Head, type HeadProps } from './head.js';
import { Icon } from './icons.js';
import { MessageItem, type MessageActions } from './message.js';
import { useMessages, type Messages } from './message-list.js';
import { dayName, dayOfMessage, nameOfRole, oneLine } from './text.js';

interface ConversationProps extends Pick<HeadProps, 'knownTags' | 'onExport'> {
  sessionId: string;
  /** As the list knows it, if it does. */
  known: Session | undefined;
  onSession(session: Session): void;
  onDeleted(sessionId: string): void;
}

export function Conversation({ sessionId, known, onSession, onDeleted, ...head }: ConversationProps) {
  const { client, userId, fail, tell } = useConsole();
  const [session, setSession] = useState(known);
  const [round, setRound] = useState(0);
  useEffect(() => {
    const controller = new AbortController();
    client.getSession(userId, sessionId, { signal: controller.signal }).then((answer) => setSession(answer.session), fail);
    return () => controller.abort();
  }, [client, userId, sessionId, fail, round]);
  useEffect(() => { if (known) setSession(known); }, [known]);
  useEffect(() => {
    document.title = session ? `${oneLine(session.title)} – Chat Sessions` : 'Chat Sessions';
  }, [session?.title]);

  const onNew = useCallback((message: Message) => {
    tell(`New message from ${nameOfRole(oneLine(message.role))}`);
    void client.getSession(userId, sessionId).then((answer) => onSession(answer.session), () => undefined);
  }, [client, userId, sessionId, onSession, tell]);
  // What the list of messages cannot show stands in it, except that one must log in.
  const onListError = useCallback((error: unknown) => { if (isRefused(error)) fail(error); }, [fail]);
  const messages = useMessages({ client, userId, sessionId }, onListError, onNew);
  const retry = () => {
    messages.retry();
    setRound((count) => count + 1);
  };
  // The list shows preview, count and place; the service knows them.
  const refresh = useCallback(() => {
    client.getSession(userId, sessionId).then((answer) => onSession(answer.session), () => undefined);
  }, [client, userId, sessionId, onSession]);
  const [sent, setSent] = useState(0);
  const onSent = (message: Message) => {
    messages.put(message);
    setSent(message.timestamp);
    refresh();
  };
  const actions = useActions(sessionId, messages, refresh);
  return (
    <section class="conversation" aria-label="Conversation">
      {session ? <Head session={session} onSession={onSession} onDeleted={onDeleted} {...head} /> : <div class="head" aria-busy="true" />}
      <Scroller messages={{ ...messages, retry }} actions={actions} sent={sent} />
      <Composer sessionId={sessionId} onSent={onSent} />
    </section>
  );
}

function useActions(sessionId: string, { put, remove }: Messages, refresh: () => void): MessageActions {
  const { client, userId, fail, tell, ask } = useConsole();
  return useMemo(() => ({
    async save({ timestamp }, content) {
      try {
        put((await client.patchMessage(sessionId, timestamp, { content }, { userId })).message);
        refresh();
        tell('The message was changed.');
        return true;
      } catch (error) {
        fail(error);
        return false;
      }
    },
    async remove({ timestamp, role }) {
      const text = `This ${oneLine(role)} message will be gone for good.`;
      if (!await ask({ title: 'Delete this message?', text, action: 'Delete message' })) return;
      try {
        await client.deleteMessage(sessionId, timestamp, { userId });
        remove(timestamp);
        refresh();
        tell('The message was deleted.');
      } catch (error) {
        fail(error);
      }
    },
    copy(text) { copyText(text).then(() => tell('Copied.'), fail); },
    copied() { tell('Code copied.'); },
  }), [client, userId, sessionId, put, remove, refresh, fail, tell, ask]);
}

// ---- scrolling ----

// The element is turned upside down (column-reverse), so that its bottom is where scrolling begins: what is added at the top
// moves nothing that one reads, and at the bottom one stays at the bottom. What is added below while one reads above is made
// up for.
const AWAY = -200;

type Part = RefObject<HTMLElement | null>;

function useReadingPlace(scroller: Part, messages: Part, list: readonly Message[]): void {
  const newest = useRef<Element | null>(null);
  useLayoutEffect(() => {
    const before = newest.current;
    const now = newest.current = messages.current!.lastElementChild;
    if (!now || !before?.isConnected || before === now || scroller.current!.scrollTop >= AWAY) return;
    scroller.current!.scrollTop -= now.getBoundingClientRect().bottom - before.getBoundingClientRect().bottom;
  }, [scroller, messages, list]);
}

function Scroller({ messages, actions, sent }: { messages: Messages; actions: MessageActions; sent: number }) {
  const scroller = useRef<HTMLDivElement>(null);
  const [isAway, setAway] = useState(false);
  const toNewest = useCallback(() => { scroller.current?.scrollTo({ top: 0 }); }, []);
  const { list } = messages;
  // What one has sent is shown, wherever one was reading.
  useEffect(toNewest, [sent, toNewest]);
  const items = useRef<HTMLOListElement>(null);
  useReadingPlace(scroller, items, list);
  return (
    <div class="scroll-frame">
      <div class="scroller" ref={scroller} tabIndex={0} role="region" aria-label="Messages"
        onScroll={(event) => setAway(event.currentTarget.scrollTop < AWAY)}>
        <div class="messages" aria-busy={messages.loading !== null}>
          <Beginning messages={messages} />
          <ol ref={items}>{itemsOf(list, actions)}</ol>
          {messages.interruption && <p class="interruption" role="status">{messages.interruption}</p>}
        </div>
      </div>
      {isAway && <button type="button" class="to-newest icon-button" aria-label="To the newest message" onClick={toNewest}>
        <Icon name="down" /></button>}
    </div>
  );
}

function itemsOf(list: readonly Message[], actions: MessageActions) {
  let day = 0;
  return list.map((message) => {
    const own = dayOfMessage(message);
    const heading = own === day ? '' : dayName(new Date(message.timestamp));
    day = own;
    return <MessageItem key={message.timestamp} message={message} day={heading} actions={actions} />;
  });
}

// What stands above the first message: older ones on their way, the way to them, or that there are none.
function Beginning({ messages }: { messages: Messages }) {
  const { list, hasOlder, loading, problem, older, retry } = messages;
  if (problem) {
    return <div class="problem" role="alert"><p>{problem}</p><button type="button" onClick={retry}>Try again</button></div>;
  }
  if (loading === 'first') return <p class="beginning" role="status">Loading messages…</p>;
  if (hasOlder) return <Older isBusy={loading !== null} onOlder={older} />;
  return <p class="beginning">{list.length ? 'This is the beginning.' : 'No messages yet. Write the first one below.'}</p>;
}

function Older({ isBusy, onOlder }: { isBusy: boolean; onOlder(): void }) {
  const button = useRef<HTMLButtonElement>(null);
  useEffect(() => {
    // Several entries may come at once: the last one says how it is now.
    const observer = new IntersectionObserver((entries) => { if (entries.at(-1)!.isIntersecting && !isBusy) onOlder(); },
      { root: button.current!.closest('.scroller'), rootMargin: '1200px 0px 0px' });
    observer.observe(button.current!);
    return () => observer.disconnect();
  }, [isBusy, onOlder]);
  return (
    <button type="button" ref={button} class="more" disabled={isBusy} onClick={onOlder}>
      {isBusy ? 'Loading older messages…' : 'Show older messages'}
    </button>
  );
}
