// A page that kept its conversations in localStorage: `conversations_<userId>` is a list of conversations,
// `messages_<conversationId>` the messages of one. Takes the Storage itself, or its keys and values as an object.
import {
  importOf, isObject, Notes, textOf, Unreadable,
  type Import, type ImportOptions, type Json, type ReadConversation, type ReadMessage,
} from './common.js';

export interface LocalStorageOptions extends ImportOptions {
  /** Only this user's conversations. Left out: those of all that are there. */
  userId?: string;
}

type Reader = { keys: string[]; get(key: string): unknown };

function readerOf(storage: unknown): Reader {
  if (isObject(storage) && typeof storage['getItem'] === 'function') {
    const real = storage as unknown as Storage;
    const keys = Array.from({ length: real.length }, (_, i) => real.key(i)!);
    return { keys, get: (key) => real.getItem(key) };
  }
  if (!isObject(storage)) return { keys: [], get: () => undefined };
  return { keys: Object.keys(storage), get: (key) => storage[key] };
}

// Values are JSON as text; in a file that somebody made of them they may be JSON itself.
function parsed(value: unknown, key: string): unknown {
  if (typeof value !== 'string') return value;
  try {
    return JSON.parse(value);
  } catch {
    throw new Unreadable(`"${key}" is not JSON`);
  }
}

const PREFIX = 'conversations_';
const MESSAGES = 'messages_';

function* conversationsIn(storage: Reader, userId: string | undefined): Generator<Json> {
  const owned = new Set<string>();
  for (const key of storage.keys.filter((name) => name.startsWith(PREFIX)).sort()) {
    let list: unknown;
    try {
      list = parsed(storage.get(key), key);
      if (!Array.isArray(list)) throw new Unreadable(`"${key}" is no list`);
    } catch (error) {
      yield { key, problem: (error as Error).message };
      continue;
    }
    for (const conversation of list as unknown[]) {
      const id = isObject(conversation) ? idOf(conversation['id']) : undefined;
      if (id !== undefined) owned.add(MESSAGES + id);
      if (userId === undefined || key === PREFIX + userId) yield { key, conversation };
    }
  }
  for (const key of storage.keys.filter((name) => name.startsWith(MESSAGES) && !owned.has(name)).sort()) {
    yield { key, problem: 'its messages belong to no conversation' };
  }
}

function readMessage(message: unknown, i: number, notes: Notes): ReadMessage[] {
  const id = (isObject(message) ? idOf(message['id']) : undefined) ?? `${i + 1}`;
  if (!isObject(message) || typeof message['content'] !== 'string') {
    notes.skip(id, isObject(message) ? 'its content is no text' : 'it is no object');
    return [];
  }
  const { isUser, content } = message;
  const role = typeof isUser === 'boolean' ? (isUser ? 'user' : 'assistant') : message['role'] ?? isUser;
  return [{
    id,
    role,
    content: content as string,
    time: message['timestamp'],
  }];
}

function idOf(value: unknown): string | undefined {
  return typeof value === 'number' ? String(value) : textOf(value);
}

export function fromLocalStorage(data: unknown, options: LocalStorageOptions = {}): Import {
  const storage = readerOf(data);
  return importOf('localstorage', conversationsIn(storage, options.userId), options, (entry, notes): ReadConversation => {
    notes.name = entry['key'] as string;
    if (entry['problem'] !== undefined) throw new Unreadable(entry['problem'] as string);
    const conversation = entry['conversation'];
    if (!isObject(conversation)) throw new Unreadable('a conversation in it is no object');
    const id = idOf(conversation['id']);
    notes.name = textOf(conversation['title']) ?? id ?? notes.name;
    if (id === undefined) throw new Unreadable('it has no id, so that its messages cannot be found');
    const key = MESSAGES + id;
    const list = parsed(storage.get(key) ?? [], key);
    if (!Array.isArray(list)) throw new Unreadable(`"${key}" is no list`);
    return {
      id,
      title: conversation['title'],
      created: conversation['createdAt'] ?? list.map((message) => (isObject(message) ? message['timestamp'] : undefined))[0]
        ?? conversation['lastMessageTime'],
      messages: list.flatMap((message, i) => readMessage(message, i, notes)),
    };
  });
}
