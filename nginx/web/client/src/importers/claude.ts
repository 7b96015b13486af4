// Claude's conversations.json: an array of conversations with `chat_messages` in order, whose `content` is a list of
// blocks (`text` repeats their text, and stands alone in older exports). Where messages name the one before them,
// tries that were left are in the list, too: the branch of the last message is taken.
import type { ContentPart } from '../types.js';
import {
  branchTo, compact, contentOf, importOf, isObject, namesIn, objectsIn, tellOtherBranches, textOf, Unreadable,
  type Import, type ImportOptions, type Json, type Notes, type ReadConversation, type ReadMessage,
} from './common.js';

const ROLES: Record<string, string> = { human: 'user', user: 'user', assistant: 'assistant', system: 'system' };
// Bookkeeping of the program.
const LEFT_OUT = ['thinking', 'token_budget', 'flag'];

function partsOf(message: Json): ContentPart[] {
  const parts: ContentPart[] = [];
  for (const block of objectsIn(message['content'])) {
    const type = textOf(block['type']) ?? 'unknown';
    if (LEFT_OUT.includes(type)) continue;
    if (type === 'text') {
      if (textOf(block['text']) !== undefined) parts.push({ type, text: block['text'] });
    } else {
      parts.push({ ...block, type });
    }
  }
  const text = textOf(message['text']);
  if (parts.length === 0 && text !== undefined) parts.push({ type: 'text', text });
  // What the text of a file was; the files themselves are not in the export.
  for (const file of objectsIn(message['attachments'])) {
    const extracted = textOf(file['extracted_content']);
    if (extracted !== undefined) {
      parts.push({ type: 'document', name: textOf(file['file_name']) ?? '', text: extracted });
    }
  }
  return parts;
}

function readMessage(message: Json, place: number): ReadMessage {
  const thinking = objectsIn(message['content']).filter(({ type }) => type === 'thinking')
    .map(({ thinking: text }) => textOf(text) ?? '').filter(Boolean).join('\n\n');
  const files = namesIn(message['files'], 'file_name');
  const metadata = compact({ reasoning: thinking, files: [...new Set([...files, ...namesIn(message['attachments'], 'file_name')])] });
  const sender = message['sender'];
  return {
    id: textOf(message['uuid']) ?? `${place}`,
    role: typeof sender === 'string' ? ROLES[sender] ?? sender : sender,
    content: contentOf(partsOf(message)),
    time: message['created_at'],
    files,
    ...(metadata ? { metadata } : {}),
  };
}

function branchOf(conversation: Json, messages: Json[], notes: Notes): Json[] {
  const byId = new Map(messages.map((message) => [textOf(message['uuid']), message] as const));
  const linked = messages.length > 0 && messages.every((message) => textOf(message['uuid']) !== undefined
    && textOf(message['parent_message_uuid']) !== undefined);
  if (!linked) return messages;
  const current = textOf(conversation['current_leaf_message_uuid']);
  const leaf = current !== undefined && byId.has(current) ? current : messages[messages.length - 1]!['uuid'] as string;
  const branch = branchTo(leaf, (id) => {
    const parent = byId.get(id)!['parent_message_uuid'] as string;
    return byId.has(parent) ? parent : undefined;
  }, notes);
  tellOtherBranches(byId.size, branch.length, notes);
  return branch.map((id) => byId.get(id)!);
}

export function fromClaude(data: unknown, options: ImportOptions = {}): Import {
  const conversations = Array.isArray(data) ? data : [data];
  return importOf('claude', conversations, options, (conversation, notes): ReadConversation => {
    notes.name = textOf(conversation['name']) ?? textOf(conversation['uuid']) ?? notes.name;
    const list = conversation['chat_messages'];
    if (!Array.isArray(list)) throw new Unreadable('it has no messages ("chat_messages" is missing)');
    list.forEach((message, i) => {
      if (!isObject(message)) notes.skip(`${i + 1}`, 'it is no object');
    });
    const project = isObject(conversation['project']) ? textOf(conversation['project']['name']) : undefined;
    const metadata = compact({ summary: textOf(conversation['summary']), project, model: textOf(conversation['model']) });
    return {
      id: textOf(conversation['uuid']),
      title: conversation['name'],
      created: conversation['created_at'],
      pinned: conversation['is_starred'],
      messages: branchOf(conversation, objectsIn(list), notes).map((message, i) => readMessage(message, i + 1)),
      ...(metadata ? { metadata } : {}),
    };
  });
}
