// One message: who, when, what, and what can be done with it.
import type { ContentPart, Message } from 'chat-sessions-client';
import { Component } from 'preact';
import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import { Icon } from './icons.js';
import { renderMarkdown } from './markdown.js';
import { clockTime, fullTime, nameOfRole, oneLine, textOfContent, timeOf } from './text.js';

export interface MessageActions {
  /** True if it was done. */
  save(message: Message, content: string): Promise<boolean>;
  remove(message: Message): void;
  copy(text: string): void;
  copied(): void;
}

interface MessageProps {
  message: Message;
  /** Over the first message of a day. */
  day: string;
  actions: MessageActions;
}

/** Drawn anew only when it is another: a conversation has thousands. */
export class MessageItem extends Component<MessageProps> {
  override shouldComponentUpdate(next: Readonly<MessageProps>): boolean {
    return next.message !== this.props.message || next.day !== this.props.day || next.actions !== this.props.actions;
  }

  override render({ message, day, actions }: MessageProps) {
    return (
      <li class={`message ${KNOWN_ROLES.has(message.role) ? message.role : 'other'}`} data-timestamp={message.timestamp}>
        {day && <h3 class="day">{day}</h3>}
        <Body message={message} actions={actions} />
      </li>
    );
  }
}

const KNOWN_ROLES = new Set(['user', 'assistant', 'system', 'tool', 'developer', 'function']);

function Body({ message, actions }: Omit<MessageProps, 'day'>) {
  const [isEdited, setEdited] = useState(false);
  const begin = useRef<HTMLButtonElement>(null);
  const { content, role, timestamp } = message;
  const time = new Date(timestamp);
  const name = nameOfRole(oneLine(role));
  const of = `${name.toLowerCase()}'s message of ${clockTime(time)}`;
  const text = textOfContent(content);
  const close = () => {
    setEdited(false);
    setTimeout(() => begin.current?.focus());
  };
  return (
    <article aria-label={`${name}, ${clockTime(time)}`}>
      <header>
        <span class="role">{name}</span>
        <time dateTime={time.toISOString()} title={fullTime(time)}>{clockTime(time)}</time>
        {message.updated_at && <Edited at={message.updated_at} />}
        <span class="message-actions">
          {text && <button type="button" class="icon-button" aria-label={`Copy ${of}`} title="Copy" onClick={() => actions.copy(text)}>
            <Icon name="copy" /></button>}
          {typeof content === 'string' && <button type="button" ref={begin} class="icon-button" aria-label={`Edit ${of}`} title="Edit"
            onClick={() => setEdited(true)}><Icon name="pencil" /></button>}
          <button type="button" class="icon-button" aria-label={`Delete ${of}`} title="Delete"
            onClick={() => actions.remove(message)}><Icon name="trash" /></button>
        </span>
      </header>
      {isEdited ? <Editor text={text} name={of} onClose={close} onSave={(changed) => actions.save(message, changed)} />
        : <Content message={message} copied={actions.copied} />}
    </article>
  );
}

function Edited({ at }: { at: string }) {
  const time = timeOf(at);
  return <span class="edited" title={time ? fullTime(time) : undefined}>edited</span>;
}

// ---- what it says ----

function Content({ message: { content, metadata }, copied }: { message: Message; copied(): void }) {
  return (
    <>
      {Array.isArray(content) ? content.map((part, i) => <Part key={i} part={part} copied={copied} />)
        : content ? <Markdown text={content} copied={copied} /> : <p class="no-text">No text</p>}
      {metadata && Object.keys(metadata).length > 0 && <Json name="Metadata" value={metadata} />}
    </>
  );
}

function Part({ part, copied }: { part: ContentPart; copied(): void }) {
  if (typeof part['text'] === 'string') return <Markdown text={part['text']} copied={copied} />;
  const source = imageOf(part);
  if (source) return <img class="picture" src={source} alt="Picture in the message" />;
  return <Json name={oneLine(String(part.type)) || 'Part'} value={part} />;
}

// Pictures that are part of the message itself; those of elsewhere are not loaded.
function imageOf(part: ContentPart): string | undefined {
  const { image_url: url, source } = part as { image_url?: unknown; source?: { media_type?: unknown; data?: unknown } };
  const found = typeof url === 'string' ? url : (url as { url?: unknown } | undefined)?.url
    ?? (typeof source?.data === 'string' ? `data:${String(source.media_type)};base64,${source.data}` : undefined);
  return typeof found === 'string' && /^data:image\/(png|jpeg|gif|webp);/i.test(found) ? found : undefined;
}

function Json({ name, value }: { name: string; value: unknown }) {
  return (
    <details class="json">
      <summary><bdi>{name}</bdi></summary>
      <pre tabIndex={0} role="region" aria-label={name}>{JSON.stringify(value, null, 2)}</pre>
    </details>
  );
}

function Markdown({ text, copied }: { text: string; copied(): void }) {
  const element = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => { element.current!.replaceChildren(renderMarkdown(text, copied)); }, [text, copied]);
  return <div class="markdown" dir="auto" ref={element} />;
}

// ---- changing it ----

interface EditorProps { text: string; name: string; onClose(): void; onSave(text: string): Promise<boolean> }

function Editor({ text, name, onClose, onSave }: EditorProps) {
  const [changed, setChanged] = useState(text);
  const [isBusy, setBusy] = useState(false);
  const input = useRef<HTMLTextAreaElement>(null);
  useLayoutEffect(() => {
    input.current!.focus();
    input.current!.setSelectionRange(text.length, text.length);
  }, []);
  const save = async () => {
    if (!changed.trim() || isBusy) return;
    setBusy(true);
    if (changed === text || await onSave(changed)) onClose();
    else setBusy(false);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === 'Escape') onClose();
    else if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) void save();
  };
  return (
    <form class="editor" onSubmit={(event) => { event.preventDefault(); void save(); }}>
      <textarea ref={input} value={changed} dir="auto" aria-label={`Text of ${name}`} rows={Math.min(20, text.split('\n').length + 1)}
        onInput={(event) => setChanged(event.currentTarget.value)} onKeyDown={onKeyDown} />
      <div class="buttons">
        <button type="button" onClick={onClose}>Cancel</button>
        <button type="submit" class="primary" disabled={!changed.trim() || isBusy}>{isBusy ? 'Saving…' : 'Save'}</button>
      </div>
    </form>
  );
}
