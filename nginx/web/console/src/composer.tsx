// What one writes, and as whom. A message that could not be sent stays here, with the key under which it was tried: sending
// it again stores it once, whatever became of the first attempt.
import type { ChatSessions, Message, Role } from 'chat-sessions-client';
import { useRef, useState } from 'preact/hooks';
import { useConsole } from './context.js';
import { Icon } from './icons.js';

const ROLES: Role[] = ['user', 'assistant', 'system', 'developer', 'tool', 'function'];

interface Draft { text: string; role: Role; key: string }
const drafts = new Map<string, Draft>();
const emptyDraft = (): Draft => ({ text: '', role: 'user', key: '' });

async function send(client: ChatSessions, userId: string, sessionId: string, draft: Draft): Promise<Message> {
  draft.key ||= `console.${Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('')}`;
  const { role, text: content, key: idempotencyKey } = draft;
  return (await client.appendMessage(sessionId, { role, content }, { userId, idempotencyKey })).message;
}

interface ComposerProps { sessionId: string; onSent(message: Message): void }

export function Composer({ sessionId, onSent }: ComposerProps) {
  const { client, userId, fail } = useConsole();
  const [draft, setDraft] = useState(() => drafts.get(sessionId) ?? emptyDraft());
  const [isBusy, setBusy] = useState(false);
  const input = useRef<HTMLTextAreaElement>(null);
  const keep = (changed: Draft) => {
    drafts.set(sessionId, changed);
    setDraft(changed);
  };
  const submit = async () => {
    if (!draft.text.trim() || isBusy) return;
    setBusy(true);
    try {
      const message = await send(client, userId, sessionId, draft);
      keep({ ...emptyDraft(), role: draft.role });
      onSent(message);
    } catch (error) {
      fail(error);
    }
    setBusy(false);
    input.current?.focus();
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    void submit();
  };
  return (
    <form class="composer" onSubmit={(event) => { event.preventDefault(); void submit(); }}>
      <textarea ref={input} rows={1} value={draft.text} dir="auto" placeholder="Write a message" aria-label="Message" readOnly={isBusy}
        aria-describedby="composer-note" onKeyDown={onKeyDown}
        onInput={(event) => keep({ ...draft, text: event.currentTarget.value, key: '' })} />
      <div class="composer-bar">
        <label>as <select value={draft.role} aria-label="Role"
          onChange={(event) => keep({ ...draft, role: event.currentTarget.value as Role, key: '' })}>
          {ROLES.map((role) => <option key={role} value={role}>{role}</option>)}
        </select></label>
        <span id="composer-note" class="note">Enter sends, Shift+Enter begins a new line</span>
        <button type="submit" class="primary send" aria-label="Send" disabled={!draft.text.trim() || isBusy}><Icon name="send" /></button>
      </div>
    </form>
  );
}
