// LibreChat's export as JSON: one conversation, its messages nested (`messagesTree`, each with `children`) or in a row
// (`messages`, each with `parentMessageId`). Of several answers to one message LibreChat shows the last, so that one
// is taken.
import type { ContentPart } from '../types.js';
import {
  compact, contentOf, importOf, isObject, namesIn, objectsIn, tellOtherBranches, textOf, Unreadable,
  type Import, type ImportOptions, type Json, type Notes, type ReadConversation, type ReadMessage,
} from './common.js';

const valueOf = (text: unknown): string | undefined => textOf(text) ?? (isObject(text) ? textOf(text['value']) : undefined);

function readMessage(message: Json, place: number): ReadMessage {
  const parts: ContentPart[] = [];
  const reasoning: string[] = [];
  for (const part of objectsIn(message['content'])) {
    const type = textOf(part['type']) ?? 'unknown';
    if (type === 'think') {
      reasoning.push(valueOf(part['think']) ?? '');
    } else if (type === 'text') {
      const text = valueOf(part['text']);
      if (text !== undefined) parts.push({ type, text });
    } else {
      parts.push({ ...part, type });
    }
  }
  const text = textOf(message['text']);
  if (parts.length === 0 && text !== undefined) parts.push({ type: 'text', text });
  const isUser = message['isCreatedByUser'];
  const files = [...namesIn(message['files'], 'filename'), ...namesIn(message['attachments'], 'filename')];
  const metadata = compact({
    model: textOf(message['model']),
    name: isUser ? undefined : textOf(message['sender']),
    reasoning: reasoning.filter(Boolean).join('\n\n'),
    files,
    error: message['error'] === true ? true : undefined,
    unfinished: message['unfinished'] === true ? true : undefined,
  });
  const content = contentOf(parts);
  const worthIt = content === '' && reasoning.length === 0 ? undefined : metadata;
  return {
    id: textOf(message['messageId']) ?? `${place}`,
    role: typeof isUser === 'boolean' ? (isUser ? 'user' : 'assistant') : message['role'],
    content,
    time: message['createdAt'] ?? message['updatedAt'],
    files,
    ...(worthIt ? { metadata: worthIt } : {}),
  };
}

// Nested: the last of the children each time. Others are counted.
function branchOfTree(roots: Json[]): { branch: Json[]; all: number } {
  let all = 0;
  const open = [...roots];
  while (open.length) {
    all += 1;
    for (const child of objectsIn(open.pop()!['children'])) open.push(child);
  }
  const branch: Json[] = [];
  let level = roots;
  while (level.length) {
    const last = level[level.length - 1]!;
    branch.push(last);
    level = objectsIn(last['children']);
  }
  return { branch, all };
}

// In a row: the same by the ids. Messages that do not lead to a root of the file are roots.
function branchOfRow(messages: Json[], notes: Notes): Json[] {
  const ids = new Set(messages.map((message) => textOf(message['messageId'])));
  const children = new Map<string | undefined, Json[]>();
  for (const message of messages) {
    const parent = textOf(message['parentMessageId']);
    const key = parent !== undefined && ids.has(parent) ? parent : undefined;
    children.set(key, [...children.get(key) ?? [], message]);
  }
  if (messages.every((message) => textOf(message['parentMessageId']) === undefined)) return messages;
  const branch: Json[] = [];
  const visited = new Set<Json>();
  let next: Json | undefined = children.get(undefined)?.slice(-1)[0] ?? messages[0];
  while (next && !visited.has(next)) {
    visited.add(next);
    branch.push(next);
    const id: string | undefined = textOf(next['messageId']);
    next = id === undefined ? undefined : children.get(id)?.slice(-1)[0];
  }
  if (next) notes.repair('its messages refer to each other in a circle, which was cut');
  return branch;
}

function readMessages(conversation: Json, notes: Notes): ReadMessage[] {
  const tree = conversation['messagesTree'];
  const row = conversation['messages'];
  const list = Array.isArray(tree) ? tree : row;
  if (!Array.isArray(list)) throw new Unreadable('it has no messages ("messages" and "messagesTree" are missing)');
  list.forEach((message, i) => {
    if (!isObject(message)) notes.skip(`${i + 1}`, 'it is no object');
  });
  const messages = objectsIn(list);
  const nested = messages.some((message) => Array.isArray(message['children']));
  const { branch, all } = nested ? branchOfTree(messages) : { branch: branchOfRow(messages, notes), all: messages.length };
  tellOtherBranches(all, branch.length, notes);
  return branch.map((message, i) => readMessage(message, i + 1));
}

export function fromLibreChat(data: unknown, options: ImportOptions = {}): Import {
  const conversations = Array.isArray(data) ? data : [data];
  return importOf('librechat', conversations, options, (conversation, notes): ReadConversation => {
    notes.name = textOf(conversation['title']) ?? textOf(conversation['conversationId']) ?? notes.name;
    const settings = isObject(conversation['options']) ? conversation['options'] : {};
    const metadata = compact({ model: textOf(settings['model']), endpoint: textOf(conversation['endpoint']) });
    return {
      id: textOf(conversation['conversationId']),
      title: conversation['title'],
      created: conversation['createdAt'],
      tags: conversation['tags'],
      messages: readMessages(conversation, notes),
      ...(metadata ? { metadata } : {}),
    };
  });
}
