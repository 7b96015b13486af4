// open-webui's export: an array of chats, each with `chat.history` (messages by id, each naming its parent; `currentId`
// is the end of the branch that is shown). Older ones have the branch as `chat.messages`, or the chat without its
// envelope. What a model thought is in `output`, or in the content between <details> marks.
import type { Content, ContentPart } from '../types.js';
import {
  branchTo, compact, contentOf, importOf, isObject, objectsIn, tellOtherBranches, textOf, Unreadable,
  type Import, type ImportOptions, type Json, type Notes, type ReadConversation, type ReadMessage,
} from './common.js';

const DETAILS = /<details[^>]*\btype="(?:reasoning|tool_calls|code_interpreter)"[^>]*>([\s\S]*?)<\/details>\s*/g;
const SUMMARY = /<summary>[\s\S]*?<\/summary>\s*/g;
const ENTITIES: Record<string, string> = { '&gt;': '>', '&lt;': '<', '&amp;': '&', '&quot;': '"', '&#x27;': "'", '&#39;': "'" };
const plain = (html: string): string => html.replace(SUMMARY, '')
  .replace(/&(?:gt|lt|amp|quot|#x27|#39);/g, (entity) => ENTITIES[entity]!).trim();

const joined = (parts: unknown): string => (Array.isArray(parts)
  ? parts.map((part) => (isObject(part) ? textOf(part['text']) : textOf(part)) ?? '').filter(Boolean).join('\n\n') : '');

interface Spoken { content: Content; reasoning: string; toolCalls: unknown[] }

function spokenOutput(output: Json[]): Spoken {
  const said: string[] = [];
  const thought: string[] = [];
  const calls = new Map<unknown, Json>();
  for (const item of output) {
    if (item['type'] === 'message') said.push(joined(item['content']));
    if (item['type'] === 'reasoning') thought.push(joined(item['content']) || joined(item['summary']));
    if (item['type'] === 'function_call') {
      calls.set(item['call_id'] ?? item['id'], { name: item['name'], arguments: item['arguments'] });
    }
    const call = calls.get(item['call_id']);
    if (item['type'] === 'function_call_output' && call) call['output'] = joined(item['output']);
  }
  const text = (pieces: string[]) => pieces.filter(Boolean).join('\n\n');
  return { content: text(said), reasoning: text(thought), toolCalls: [...calls.values()] };
}

function spokenContent(content: unknown): Spoken {
  if (Array.isArray(content)) {
    const parts = objectsIn(content).map((part): ContentPart => ({ ...part, type: textOf(part['type']) ?? 'unknown' }));
    return { content: contentOf(parts), reasoning: '', toolCalls: [] };
  }
  const thought: string[] = [];
  const text = (textOf(content) ?? '').replace(DETAILS, (_, inner: string) => {
    thought.push(plain(inner));
    return '';
  });
  return { content: text, reasoning: thought.filter(Boolean).join('\n\n'), toolCalls: [] };
}

function readMessage(id: string, message: Json): ReadMessage {
  const fromOutput = spokenOutput(objectsIn(message['output']));
  const fromContent = message['role'] === 'assistant' ? spokenContent(message['content'])
    : { content: (textOf(message['content']) ?? contentOf(objectsIn(message['content']) as ContentPart[])), reasoning: '', toolCalls: [] };
  const content = fromOutput.content || fromContent.content;
  const error = isObject(message['error']) ? textOf(message['error']['content']) : textOf(message['error']);
  const files = objectsIn(message['files']).map((file) => textOf(file['name']) ?? textOf(file['type']) ?? 'file');
  const metadata = compact({
    model: textOf(message['model']),
    reasoning: fromOutput.reasoning || fromContent.reasoning,
    tool_calls: fromOutput.toolCalls,
    // Their names: an image stands in the file as its bytes, which are more than a message may have.
    files,
    error,
  });
  const hasMore = metadata && Object.keys(metadata).some((name) => name !== 'model');
  return {
    id, role: message['role'], content, time: message['timestamp'], files,
    ...(metadata && (content !== '' || hasMore) ? { metadata } : {}),
  };
}

function leafOf(history: Json, messages: Map<string, Json>, notes: Notes): string {
  const current = textOf(history['currentId']);
  if (current !== undefined && messages.has(current)) return current;
  const ids = [...messages.keys()];
  notes.repair('it does not say which branch was the last one; that of the last message was taken');
  return ids[ids.length - 1]!;
}

function readMessages(chat: Json, notes: Notes): ReadMessage[] {
  const history = isObject(chat['history']) ? chat['history'] : {};
  if (isObject(history['messages'])) {
    const messages = new Map<string, Json>();
    for (const [id, message] of Object.entries(history['messages'])) {
      if (isObject(message)) messages.set(id, message);
      else notes.skip(id, 'it is no object');
    }
    if (messages.size > 0) {
      const branch = branchTo(leafOf(history, messages, notes), (id) => {
        const parent = textOf(messages.get(id)!['parentId']);
        if (parent !== undefined && !messages.has(parent)) {
          notes.repair(`the message before ${id} is not in the file; what is left of the branch was taken`);
          return undefined;
        }
        return parent;
      }, notes);
      tellOtherBranches(messages.size, branch.length, notes);
      return branch.map((id) => readMessage(id, messages.get(id)!));
    }
  }
  if (!Array.isArray(chat['messages'])) throw new Unreadable('it has no messages ("history" is missing)');
  chat['messages'].forEach((message, i) => {
    if (!isObject(message)) notes.skip(`${i + 1}`, 'it is no object');
  });
  return objectsIn(chat['messages']).map((message, i) => readMessage(textOf(message['id']) ?? `${i + 1}`, message));
}

export function fromOpenWebUi(data: unknown, options: ImportOptions = {}): Import {
  const conversations = Array.isArray(data) ? data : [data];
  return importOf('open-webui', conversations, options, (entry, notes): ReadConversation => {
    const chat = isObject(entry['chat']) ? entry['chat'] : entry;
    const title = textOf(entry['title']) ?? textOf(chat['title']);
    notes.name = title ?? textOf(entry['id']) ?? notes.name;
    const models = Array.isArray(chat['models']) ? chat['models'].filter((model) => textOf(model)) : [];
    const meta = isObject(entry['meta']) ? entry['meta'] : {};
    const metadata = compact({ models, folder: textOf(entry['folder_id']) });
    return {
      id: textOf(entry['id']) ?? textOf(chat['id']),
      title,
      created: entry['created_at'] ?? chat['timestamp'],
      archived: entry['archived'],
      pinned: entry['pinned'],
      tags: meta['tags'] ?? chat['tags'],
      messages: readMessages(chat, notes),
      ...(metadata ? { metadata } : {}),
    };
  });
}
