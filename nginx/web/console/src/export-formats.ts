// What is exported, in one of three forms. It is written into a list of pieces as it comes, so that a large export is not held
// twice.
import type { ChatSessions, ExportEvent, Message, Session } from 'chat-sessions-client';
import { oneLine, textOfContent } from './text.js';

export type Format = 'ndjson' | 'json' | 'markdown';
export const FORMATS: Record<Format, { name: string; note: string; ending: string; type: string }> = {
  ndjson: {
    name: 'NDJSON', note: 'Everything, one line each. Can be imported again, here or by chat-sessions import.',
    ending: 'ndjson', type: 'application/x-ndjson',
  },
  json: { name: 'JSON', note: 'Everything, as one document for programs.', ending: 'json', type: 'application/json' },
  markdown: { name: 'Markdown', note: 'Titles, times and texts, for people to read.', ending: 'md', type: 'text/markdown' },
};

export type Events = AsyncIterable<ExportEvent>;
type Reading = { client: ChatSessions; userId: string; signal: AbortSignal };

/** One session, as an export of the service has it. */
export async function* exportOne({ client, userId, signal }: Reading, session: Session): AsyncGenerator<ExportEvent, void> {
  yield { type: 'session', ...session };
  let messages = 0;
  for await (const message of client.messages(session.session_id, { limit: 1000 }, { userId, signal })) {
    yield { type: 'message', ...message };
    messages += 1;
  }
  yield { type: 'end', sessions: 1, messages };
}

/** Everything of the user. */
export const exportAll = ({ client, userId, signal }: Reading): Events => client.exportUser(userId, { signal });

// ---- the forms ----

type Writer = (event: ExportEvent) => string;

const ndjson = (): Writer => (event) => `${JSON.stringify(event)}\n`;

function json(): Writer {
  let before = '{"sessions":[\n';
  let isOpen = false;
  return (event) => {
    if (event.type === 'message') {
      const piece = `${before}  ${JSON.stringify({ ...event, type: undefined })}`;
      before = ',\n';
      return piece;
    }
    const close = isOpen ? `${before === ',\n' ? '\n' : ''}]}` : '';
    if (event.type === 'end') return isOpen ? `${close}\n]}\n` : '{"sessions":[]}\n';
    const piece = `${isOpen ? `${close},\n` : before}${JSON.stringify({ ...event, type: undefined }).slice(0, -1)},"messages":[\n`;
    isOpen = true;
    before = '';
    return piece;
  };
}

const spaced = (time: string): string => time.replace('T', ' ').replace(/(\.\d+)?Z$/, ' UTC');

function headOf({ title, created_at: created, user_id: user, tags }: Session): string {
  const facts = [`Conversation of ${user}`, `begun ${spaced(created)}`, ...(tags.length ? [`tags: ${tags.join(', ')}`] : [])];
  return `# ${oneLine(title)}\n\n*${facts.join(' · ')}*\n\n`;
}

function bodyOf({ role, timestamp, content }: Message): string {
  const others = Array.isArray(content) ? content.filter((part) => typeof part['text'] !== 'string') : [];
  const parts = others.map((part) => `\n\n\`\`\`json\n${JSON.stringify(part, null, 2)}\n\`\`\``).join('');
  return `## ${role} · ${spaced(new Date(timestamp).toISOString())}\n\n${textOfContent(content)}${parts}\n\n`;
}

const markdown = (): Writer => (event) =>
  (event.type === 'session' ? headOf(event) : event.type === 'message' ? bodyOf(event) : '');

const WRITERS: Record<Format, () => Writer> = { ndjson, json, markdown };
const PIECE = 1 << 20;

export interface Counts { sessions: number; messages: number }

/** The whole export as a file's content. `onProgress` is told now and then how far it is. */
export async function writeExport(events: Events, format: Format, onProgress: (counts: Counts) => void): Promise<Blob> {
  const write = WRITERS[format]();
  const counts = { sessions: 0, messages: 0 };
  const pieces: Blob[] = [];
  let text = '';
  for await (const event of events) {
    if (event.type === 'session') counts.sessions += 1;
    else if (event.type === 'message') counts.messages += 1;
    text += write(event);
    if (text.length < PIECE) continue;
    pieces.push(new Blob([text])); // the browser may keep it on disk
    text = '';
    onProgress({ ...counts });
  }
  onProgress({ ...counts });
  return new Blob([...pieces, text], { type: FORMATS[format].type });
}

export function fileName(subject: string, format: Format): string {
  const name = oneLine(subject).normalize('NFKD').replace(/[^\p{L}\p{N}]+/gu, '-').replace(/^-+|-+$/g, '').slice(0, 60);
  return `${name || 'conversations'}.${FORMATS[format].ending}`;
}

export function download(blob: Blob, name: string): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(blob);
  link.download = name;
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
