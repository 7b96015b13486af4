// What the importers share: from what one of them reads of a conversation to sessions that the service takes. The
// importers know the files, this knows the service's limits.
import type { Content, ContentPart, HistoryMessage, Metadata, Role, SessionNew } from '../types.js';
import { sha256 } from './sha256.js';
import { readTime, repairTimes, rfc3339 } from './times.js';

export type Source = 'localstorage' | 'chatgpt' | 'librechat' | 'open-webui' | 'claude' | 'export';

/** A session to create with its history, by `createSession(session, {idempotencyKey: key})`. */
export interface ImportedSession {
  /** The same each time for the same conversation, so that a second run makes no doubles. */
  key: string;
  /** The conversation's id in the file. */
  sourceId: string;
  session: SessionNew & { messages: HistoryMessage[] };
}

export interface Skipped {
  /** Title or id of the conversation, or its place in the file. */
  conversation: string;
  /** The message's id or place; left out where the whole conversation is meant. */
  message?: string;
  reason: string;
}
export interface Repair { conversation: string; what: string }

/** Grows while the import is taken. */
export interface ImportReport {
  /** Sessions and messages that were given out. */
  sessions: number;
  messages: number;
  /** What is in the file and was not given out, and why. */
  skipped: Skipped[];
  /** What was given out, but not as it stands in the file. */
  repaired: Repair[];
}

export interface Import extends AsyncIterable<ImportedSession> {
  readonly source: Source;
  readonly report: ImportReport;
}

export interface ImportOptions {
  /** Milliseconds since 1970; the clock's unless given. Nothing is imported with a later time. */
  now?: number;
}

/** A message as an importer has read it. */
export interface ReadMessage {
  id: string;
  role: unknown;
  content: Content;
  time: unknown;
  metadata?: Metadata;
  /** To be kept as the message's id. */
  messageId?: string;
  /** Names of files that came with it and cannot be imported. */
  files?: string[];
}
export interface ReadConversation {
  id: string | undefined;
  title?: unknown;
  created?: unknown;
  archived?: unknown;
  pinned?: unknown;
  tags?: unknown;
  metadata?: Metadata;
  messages: ReadMessage[];
}

/** Why a conversation cannot be imported. */
export class Unreadable extends Error {}

export type Json = Record<string, unknown>;
export const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
export const textOf = (value: unknown): string | undefined =>
  (typeof value === 'string' && value !== '' ? value : undefined);
export const objectsIn = (value: unknown): Json[] => (Array.isArray(value) ? value.filter(isObject) : []);

/** The texts under this name in a list of objects. */
export function namesIn(list: unknown, name: string): string[] {
  return objectsIn(list).map((item) => textOf(item[name])).filter((text): text is string => text !== undefined);
}

/** The object without its undefined and null members, or undefined if none is left. */
export function compact(members: Json): Metadata | undefined {
  const kept = Object.entries(members).filter(([, value]) => value !== undefined && value !== null
    && value !== '' && !(Array.isArray(value) && value.length === 0));
  return kept.length ? Object.fromEntries(kept) : undefined;
}

/** Parts as content: their text alone where they have nothing else. */
export function contentOf(parts: ContentPart[]): Content {
  if (parts.every(({ type, text }) => type === 'text' && typeof text === 'string')) {
    return parts.map(({ text }) => text as string).filter((text) => text !== '').join('\n');
  }
  return parts;
}

/** Where an importer tells what it left out or changed in one conversation. */
export class Notes {
  name: string;

  constructor(private readonly report: ImportReport, place: number) {
    this.name = `conversation ${place}`;
  }

  skip(message: string | undefined, reason: string): void {
    this.report.skipped.push({ conversation: this.name, ...(message === undefined ? {} : { message }), reason });
  }

  repair(what: string): void {
    this.report.repaired.push({ conversation: this.name, what });
  }
}

// ---- trees ----

/** The ids from the root to the leaf. A circle ends where it closes. */
export function branchTo(leaf: string, parentOf: (id: string) => string | undefined, notes: Notes): string[] {
  const branch: string[] = [];
  const visited = new Set<string>();
  for (let id: string | undefined = leaf; id !== undefined; id = parentOf(id)) {
    if (visited.has(id)) {
      notes.repair('its messages refer to each other in a circle, which was cut');
      break;
    }
    visited.add(id);
    branch.push(id);
  }
  return branch.reverse();
}

export function tellOtherBranches(all: number, taken: number, notes: Notes): void {
  const left = all - taken;
  if (left > 0) {
    notes.skip(undefined, left === 1 ? '1 message is of another branch' : `${left} messages are of other branches`);
  }
}

// ---- to what the service takes ----

const ROLES: readonly Role[] = ['user', 'assistant', 'system', 'tool', 'developer', 'function'];
const LONGEST_TITLE = 1_000;
// DynamoDB's 400 KB, less what the service stores beside content and metadata.
const LARGEST_MESSAGE = 400 * 1024 - 4_096;
const MOST_MESSAGES = 10_000;
// The body's 16 MB, less room for what surrounds the messages.
const LARGEST_SESSION = 15_000_000;
const MOST_TAGS = 20;
const LONGEST_TAG = 50;

const encoder = new TextEncoder();
const bytesOf = (value: unknown): number => encoder.encode(JSON.stringify(value) ?? '').length;
const LONE_SURROGATE = /\p{Cs}/gu;
const firstCharacters = (text: string, count: number): string => Array.from(text.slice(0, 2 * count)).slice(0, count).join('');

// Text with half a character is no Unicode, and no service takes it.
function wellFormed<T>(value: T, found: { broken: number }): T {
  if (typeof value === 'string') {
    return value.replace(LONE_SURROGATE, () => {
      found.broken += 1;
      return '\uFFFD';
    }) as T & string;
  }
  if (Array.isArray(value)) return value.map((item) => wellFormed(item, found)) as T & unknown[];
  if (!isObject(value)) return value;
  return Object.fromEntries(Object.entries(value)
    .map(([name, member]) => [wellFormed(name, found), wellFormed(member, found)])) as T & Json;
}

const isContent = (content: unknown): content is Content => content === null || typeof content === 'string'
  || (Array.isArray(content) && content.every((part) => isObject(part) && textOf(part['type']) !== undefined));
const isEmpty = (content: Content): boolean => content === null || content.length === 0
  || (typeof content === 'string' && content.trim() === '');

// Leaves out what makes a message too large, as long as something is left: parts (images as their bytes), then metadata.
function shrink(message: HistoryMessage, id: string, notes: Notes): void {
  while (Array.isArray(message.content) && message.content.length > 1 && bytesOf(message) > LARGEST_MESSAGE) {
    const sizes = message.content.map(bytesOf);
    const largest = sizes.indexOf(Math.max(...sizes));
    notes.repair(`message ${id}: a part of it (${message.content[largest]!.type}) was left out, it is too large`);
    message.content = message.content.filter((_, i) => i !== largest);
  }
  if (bytesOf(message) > LARGEST_MESSAGE && message.metadata && !isEmpty(message.content)) {
    delete message.metadata;
    notes.repair(`message ${id}: its metadata was left out, it would be larger than 400 KB with it`);
  }
}

// The message as the service takes it, without its time; undefined if it cannot.
function accepted(read: ReadMessage, notes: Notes): HistoryMessage | undefined {
  const role = ROLES.find((known) => known === read.role);
  if (!role) {
    notes.skip(read.id, read.role === undefined || read.role === null ? 'it does not say who speaks'
      : `the role ${JSON.stringify(read.role)} is unknown`);
    return undefined;
  }
  if (!isContent(read.content)) {
    notes.skip(read.id, 'its content is neither text nor parts with a type');
    return undefined;
  }
  if (isEmpty(read.content) && !read.metadata) {
    notes.skip(read.id, 'it is empty');
    return undefined;
  }
  const found = { broken: 0 };
  const message: HistoryMessage = { role, content: wellFormed(isEmpty(read.content) ? '' : read.content, found) };
  if (read.metadata) message.metadata = wellFormed(read.metadata, found);
  if (read.messageId !== undefined) message.message_id = read.messageId;
  if (found.broken) notes.repair(`message ${read.id}: ${plural(found.broken, 'broken character', 'broken characters')} replaced`);
  shrink(message, read.id, notes);
  if (bytesOf(message) > LARGEST_MESSAGE) {
    notes.skip(read.id, 'it is larger than 400 KB, which is more than one message may be');
    return undefined;
  }
  if (read.files?.length) notes.skip(read.id, `files are not imported, their names are: ${read.files.join(', ')}`);
  return message;
}

const plural = (count: number, one: string, more: string): string => `${count} ${count === 1 ? one : more}`;

function tellTimes({ missing, moved }: { missing: number; moved: number }, notes: Notes): void {
  if (missing) notes.repair(`${plural(missing, 'message has', 'messages have')} no time and got one from the order`);
  if (moved) {
    notes.repair(`${plural(moved, 'message has', 'messages have')} a time that is equal to another's, out of order or `
      + 'in the future, and got one from the order');
  }
}

function tagsOf(value: unknown, notes: Notes): string[] {
  const tags = new Set<string>();
  for (const tag of Array.isArray(value) ? value : []) {
    const text = isObject(tag) ? textOf(tag['name']) : textOf(tag);
    if (text?.trim()) tags.add(firstCharacters(text.trim(), LONGEST_TAG));
  }
  if (tags.size > MOST_TAGS) notes.repair(`it has ${tags.size} tags, of which the first ${MOST_TAGS} were taken`);
  return Array.from(tags).slice(0, MOST_TAGS);
}

function titleOf(value: unknown, notes: Notes): string | undefined {
  const title = textOf(value)?.trim();
  if (!title) return undefined;
  const found = { broken: 0 };
  const short = firstCharacters(wellFormed(title, found), LONGEST_TITLE);
  if (short.length < title.length) notes.repair(`its title was cut to ${LONGEST_TITLE} characters`);
  return short;
}

// As many sessions as the limits want: nearly always one.
function parts(messages: HistoryMessage[]): HistoryMessage[][] {
  const all: HistoryMessage[][] = [];
  let bytes = Infinity;
  for (const message of messages) {
    const size = bytesOf(message) + 64;
    if (bytes + size > LARGEST_SESSION || all[all.length - 1]!.length >= MOST_MESSAGES) {
      all.push([]);
      bytes = 0;
    }
    all[all.length - 1]!.push(message);
    bytes += size;
  }
  return all;
}

function keyOf(source: Source, id: string | undefined, messages: HistoryMessage[], part: number): string {
  const name = id === undefined ? `sha256.${sha256(JSON.stringify(messages[0]))}` : encodeId(id);
  return `import.${source}.${name}${part ? `.part${part + 1}` : ''}`;
}

function encodeId(id: string): string {
  const text = encodeURIComponent(id.replace(LONE_SURROGATE, '\uFFFD'));
  return text.length <= 200 ? text : `sha256.${sha256(id)}`;
}

function* sessionsOf(source: Source, read: ReadConversation, notes: Notes, now: number): Generator<ImportedSession> {
  const taken: { message: HistoryMessage; time: number | undefined }[] = [];
  for (const one of read.messages) {
    const message = accepted(one, notes);
    if (message) taken.push({ message, time: readTime(one.time) });
  }
  if (taken.length === 0) throw new Unreadable('it has no messages');
  const created = readTime(read.created);
  const repaired = repairTimes(taken.map(({ time }) => time), created, now);
  tellTimes(repaired, notes);
  const messages = taken.map(({ message }, i) => {
    const timestamp = repaired.times[i];
    return timestamp === undefined ? message : { ...message, timestamp };
  });
  const title = titleOf(read.title, notes);
  const all = parts(messages);
  if (all.length > 1) notes.repair(`it is larger than one session may be, and became ${all.length}`);
  for (const [part, history] of all.entries()) {
    const session: ImportedSession['session'] = { messages: history };
    if (title) session.title = part ? `${firstCharacters(title, LONGEST_TITLE - 10)} (${part + 1})` : title;
    const begun = history[0]!.timestamp;
    const start = part === 0 && created !== undefined && created <= (begun ?? now) ? created : begun;
    if (start !== undefined) session.created_at = rfc3339(start);
    if (read.archived === true) session.archived = true;
    if (read.pinned === true) session.pinned = true;
    const tags = tagsOf(read.tags, notes);
    if (tags.length) session.tags = tags;
    session.metadata = { ...read.metadata, imported_from: source, ...(read.id === undefined ? {} : { source_id: read.id }) };
    yield { key: keyOf(source, read.id, history, part), sourceId: read.id ?? '', session };
  }
}

/** The conversations, each read by `read`. One that cannot be read is named in the report, and the next one comes. */
export function importOf(source: Source, conversations: Iterable<unknown>, options: ImportOptions,
  read: (conversation: Json, notes: Notes) => ReadConversation): Import {
  const report: ImportReport = { sessions: 0, messages: 0, skipped: [], repaired: [] };
  function* sessions(): Generator<ImportedSession> {
    const now = options.now ?? Date.now();
    let place = 0;
    for (const conversation of conversations) {
      place += 1;
      const notes = new Notes(report, place);
      try {
        if (!isObject(conversation)) throw new Unreadable('it is no object');
        for (const imported of sessionsOf(source, read(conversation, notes), notes, now)) {
          report.sessions += 1;
          report.messages += imported.session.messages.length;
          yield imported;
        }
      } catch (error) {
        if (error instanceof Unreadable) notes.skip(undefined, error.message);
        else notes.skip(undefined, `it cannot be read: ${error instanceof Error ? error.message : String(error)}`);
      }
    }
  }
  let begun = false;
  return {
    source,
    report,
    async* [Symbol.asyncIterator]() {
      if (begun) throw new Error('an import can be taken once; make a new one');
      begun = true;
      yield* sessions();
    },
  };
}
