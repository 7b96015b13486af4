// An export of this service (NDJSON, one event a line), to bring it into another one or to another user. Takes its events
// in their order, as parsed JSON.
import type { Content } from '../types.js';
import {
  importOf, isObject, objectsIn, textOf, Unreadable,
  type Import, type ImportOptions, type Json, type ReadConversation,
} from './common.js';

function* conversationsIn(events: unknown): Generator<Json> {
  let open: Json | undefined;
  let ended = false;
  for (const event of Array.isArray(events) ? events : []) {
    if (!isObject(event)) {
      yield { problem: 'a line of the export is no object' };
    } else if (event['type'] === 'session') {
      if (open) yield open;
      open = { session: event, messages: [] };
    } else if (event['type'] === 'message' && open) {
      (open['messages'] as unknown[]).push(event);
    }
    ended = isObject(event) && event['type'] === 'end';
  }
  if (open) yield open;
  if (!ended) yield { problem: 'the export was cut off: its last line is missing' };
}

export function fromExport(events: unknown, options: ImportOptions = {}): Import {
  return importOf('export', conversationsIn(events), options, ({ session, messages, problem }, notes): ReadConversation => {
    if (!isObject(session)) throw new Unreadable(textOf(problem) ?? 'it is no session');
    const id = textOf(session['session_id']);
    notes.name = textOf(session['title']) ?? id ?? notes.name;
    return {
      id,
      title: session['title'],
      created: session['created_at'],
      archived: session['archived'],
      pinned: session['pinned'],
      tags: session['tags'],
      ...(isObject(session['metadata']) ? { metadata: session['metadata'] } : {}),
      messages: objectsIn(messages).map((message, i) => {
        const messageId = textOf(message['message_id']);
        return {
          id: messageId ?? `${i + 1}`,
          role: message['role'],
          content: message['content'] as Content,
          time: message['timestamp'],
          ...(messageId === undefined ? {} : { messageId }),
          ...(isObject(message['metadata']) ? { metadata: message['metadata'] } : {}),
        };
      }),
    };
  });
}
