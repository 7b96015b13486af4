// What the types of the package allow, and what they do not: each line below "@ts-expect-error" must not compile.
import { ChatSessions, ChatSessionsError, type Message, type MessageNew, type Session, type TokenProvider } from 'chat-sessions-client';
import { fromChatGpt, importInto, type ImportReport } from 'chat-sessions-client/importers';

const token: TokenProvider = async ({ refresh }) => (refresh ? 'new' : 'old');
const chats = new ChatSessions({ baseUrl: 'https://chat.example/api/v1', token });

export async function calls(signal: AbortSignal): Promise<void> {
  const made = await chats.createSession({ user_id: 'alice', title: 'T', metadata: { a: 1 }, tags: ['x'], pinned: true });
  const session: Session = made.session;
  const etag: string | undefined = made.etag;
  const last: string | undefined = session.last_message?.preview;
  await chats.createSession({ user_id: 'alice', created_at: session.created_at, messages: [{ role: 'developer', content: null, metadata: {}, timestamp: 1 }] });
  for await (const { title, tags, archived } of chats.sessions('alice', { archived: 'any', q: title0, sort: 'created' }, { signal })) {
    const flat: [string, string[], boolean] = [title, tags, archived];
    void flat;
  }
  const { message } = await chats.appendMessage(session.session_id, { role: 'user', content: [{ type: 'text', text: 'x' }] });
  const content: Message['content'] = message.content;
  await chats.updateSession('alice', session.session_id, { archived: true }, { ...(etag === undefined ? {} : { ifMatch: etag }) });
  for await (const event of chats.exportUser('alice')) {
    if (event.type === 'end') void (event.sessions + event.messages);
    else if (event.type === 'message') void event.timestamp;
  }
  void [last, content];

  // @ts-expect-error role is required
  await chats.appendMessage('s', { content: 'x' });
  // @ts-expect-error content is required
  await chats.appendMessage('s', { role: 'user' });
  // @ts-expect-error there is no such role
  await chats.appendMessage('s', { role: 'nobody', content: 'x' });
  // @ts-expect-error there is no such member
  await chats.appendMessage('s', { role: 'user', content: 'x', contnet: 'y' });
  // @ts-expect-error a part has a type
  await chats.appendMessage('s', { role: 'user', content: [{ text: 'x' }] });
  // @ts-expect-error there is no such member
  await chats.createSession({ user: 'alice' });
  // @ts-expect-error messages of a history have role and content
  await chats.createSession({ messages: [{ role: 'user' }] });
  // @ts-expect-error a timestamp is a number
  await chats.createSession({ messages: [{ role: 'user', content: 'x', timestamp: '1' }] });
  // @ts-expect-error there is no such sort
  await chats.listSessions('alice', { sort: 'title' });
  // @ts-expect-error limit is a number
  await chats.listMessages('s', { limit: '5' });
  // @ts-expect-error timestamps are numbers
  await chats.getMessage('s', '1');
  // @ts-expect-error there is no such member
  await chats.updateSession('alice', 's', { name: 'x' });
}
const title0 = 'x';

export function judge(error: unknown): string {
  if (!(error instanceof ChatSessionsError)) throw error;
  // @ts-expect-error there is no such code
  if (error.code === 'no_such_code') return '';
  return error.code === 'session_not_found' || error.code === 'connection_lost' ? error.detail : `${error.status} ${error.retryAfter ?? 0}`;
}

export async function takeIn(data: unknown): Promise<ImportReport> {
  const source = fromChatGpt(data);
  const { created, existed, stoppedBy } = await importInto(chats, source, { userId: 'alice' });
  void [created + existed, stoppedBy?.detail];
  return source.report;
}

export const one: MessageNew = { role: 'tool', content: 'x', message_id: 'mine' };
