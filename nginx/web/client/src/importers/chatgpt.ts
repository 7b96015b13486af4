// ChatGPT's conversations.json (or conversations-000.json …): an array of conversations, each a tree of nodes
// (`mapping`), of which the branch that ends in `current_node` is what was seen last. Nodes without a message, messages
// without a time, author or metadata, and exports without `children` occur; the way up by `parent` needs none of them.
import type { Content, ContentPart } from '../types.js';
import {
  branchTo, compact, contentOf, importOf, isObject, namesIn, objectsIn, tellOtherBranches, textOf, Unreadable,
  type Import, type ImportOptions, type Json, type Notes, type ReadConversation, type ReadMessage,
} from './common.js';
import { readTime } from './times.js';

const messageIn = (node: unknown): Json | undefined =>
  (isObject(node) && isObject(node['message']) ? node['message'] : undefined);
const roleOf = (message: Json): unknown => (isObject(message['author']) ? message['author']['role'] : undefined);
const bodyOf = (message: Json): Json => (isObject(message['content']) ? message['content'] : {});

// What is part of the machinery and was never shown.
function isHidden(message: Json): boolean {
  const metadata = isObject(message['metadata']) ? message['metadata'] : {};
  return metadata['is_visually_hidden_from_conversation'] === true
    || ['user_editable_context', 'model_editable_context'].includes(bodyOf(message)['content_type'] as string);
}

const isThinking = (message: Json): boolean =>
  ['thoughts', 'reasoning_recap'].includes(bodyOf(message)['content_type'] as string);

function thoughtsOf(message: Json): string {
  const body = bodyOf(message);
  if (body['content_type'] === 'reasoning_recap') return '';
  return objectsIn(body['thoughts']).map((thought) => textOf(thought['content']) ?? textOf(thought['summary']) ?? '')
    .filter(Boolean).join('\n\n');
}

// Images and sound are not in the file; what refers to them is kept. Speech is there as its text.
function partOf(part: unknown): ContentPart {
  if (typeof part === 'string') return { type: 'text', text: part };
  if (!isObject(part)) return { type: 'text', text: '' };
  const type = textOf(part['content_type']) ?? textOf(part['type']) ?? 'unknown';
  if (type === 'audio_transcription') return { type: 'text', text: textOf(part['text']) ?? '' };
  return { ...part, type };
}

function contentIn(message: Json): Content {
  const body = bodyOf(message);
  const type = textOf(body['content_type']);
  if (Array.isArray(body['parts'])) {
    return contentOf(body['parts'].map(partOf).filter((part) => part.type !== 'text' || part['text'] !== ''));
  }
  const text = textOf(body['text']) ?? textOf(body['result']);
  if (text !== undefined) return text;
  if (!type || Object.keys(body).length < 2 || body['text'] === '' || body['result'] === '') return '';
  return [{ ...body, type }];
}

function readMessage(id: string, message: Json, reasoning: string): ReadMessage {
  const metadata = isObject(message['metadata']) ? message['metadata'] : {};
  const recipient = textOf(message['recipient']);
  const body = bodyOf(message);
  const files = namesIn(metadata['attachments'], 'name');
  const facts = compact({
    model: textOf(metadata['model_slug']),
    name: isObject(message['author']) ? textOf(message['author']['name']) : undefined,
    recipient: recipient === 'all' ? undefined : recipient,
    language: body['content_type'] === 'code' && body['language'] !== 'unknown' ? body['language'] : undefined,
    reasoning,
    files,
  });
  const content = contentIn(message);
  const worthIt = content === '' && !reasoning ? undefined : facts;
  return { id, role: roleOf(message), content, time: message['create_time'], files, ...(worthIt ? { metadata: worthIt } : {}) };
}

// The end of the branch: current_node, or what was written last where that leads nowhere.
function leafOf(conversation: Json, mapping: Json, notes: Notes): string {
  const current = textOf(conversation['current_node']);
  if (current !== undefined && isObject(mapping[current])) return current;
  let [leaf, latest] = [undefined as string | undefined, -1];
  for (const [id, node] of Object.entries(mapping)) {
    const message = messageIn(node);
    const time = message ? readTime(message['create_time']) ?? 0 : -1;
    if (message && time >= latest) [leaf, latest] = [id, time];
  }
  if (leaf === undefined) throw new Unreadable('it has no messages');
  notes.repair('it does not say which branch was the last one; that of the newest message was taken');
  return leaf;
}

function readMessages(conversation: Json, mapping: Json, notes: Notes): ReadMessage[] {
  const parentOf = (id: string): string | undefined => {
    const node = mapping[id];
    const parent = isObject(node) ? textOf(node['parent']) : undefined;
    if (parent !== undefined && !isObject(mapping[parent])) {
      notes.repair(`the message before ${id} is not in the file; what is left of the branch was taken`);
      return undefined;
    }
    return parent;
  };
  const branch = branchTo(leafOf(conversation, mapping, notes), parentOf, notes);
  const isShown = (id: string) => {
    const message = messageIn(mapping[id]);
    return message !== undefined && !isHidden(message) && !isThinking(message);
  };
  tellOtherBranches(Object.keys(mapping).filter(isShown).length, branch.filter(isShown).length, notes);
  const messages: ReadMessage[] = [];
  let thoughts: string[] = [];
  for (const id of branch) {
    const message = messageIn(mapping[id]);
    if (!message) continue;
    if (isThinking(message)) {
      thoughts.push(thoughtsOf(message));
      continue;
    }
    const read = readMessage(id, message, roleOf(message) === 'assistant' ? thoughts.filter(Boolean).join('\n\n') : '');
    if (roleOf(message) === 'assistant') thoughts = [];
    if (roleOf(message) === 'system' && read.content === '') continue; // there is one at each beginning
    if (isHidden(message)) notes.skip(id, 'it was hidden from the conversation');
    else messages.push(read);
  }
  return messages;
}

export function fromChatGpt(data: unknown, options: ImportOptions = {}): Import {
  const conversations = Array.isArray(data) ? data : [data];
  return importOf('chatgpt', conversations, options, (conversation, notes): ReadConversation => {
    notes.name = textOf(conversation['title']) ?? textOf(conversation['id']) ?? notes.name;
    const mapping = conversation['mapping'];
    if (!isObject(mapping)) throw new Unreadable('it has no messages ("mapping" is missing)');
    const metadata = compact({
      model: textOf(conversation['default_model_slug']), custom_gpt: textOf(conversation['gizmo_id']),
    });
    return {
      id: textOf(conversation['conversation_id']) ?? textOf(conversation['id']),
      title: conversation['title'],
      created: conversation['create_time'] ?? conversation['update_time'],
      archived: conversation['is_archived'],
      pinned: conversation['is_starred'],
      messages: readMessages(conversation, mapping, notes),
      ...(metadata ? { metadata } : {}),
    };
  });
}
