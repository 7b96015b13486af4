// The importers, and which of them a file is for.
import { fromChatGpt } from './chatgpt.js';
import { fromClaude } from './claude.js';
import { isObject, objectsIn, type Import, type ImportOptions, type Json, type Source } from './common.js';
import { fromExport } from './export.js';
import { fromLibreChat } from './librechat.js';
import { fromLocalStorage } from './local-storage.js';
import { fromOpenWebUi } from './open-webui.js';

export { fromChatGpt, fromClaude, fromExport, fromLibreChat, fromLocalStorage, fromOpenWebUi };
export { importInto } from './run.js';
export type { ImportProgress, ImportResult, RunOptions } from './run.js';
export type { LocalStorageOptions } from './local-storage.js';
export type {
  Import, ImportedSession, ImportOptions, ImportReport, Repair, Skipped, Source,
} from './common.js';

const IMPORTERS: Record<Source, (data: unknown, options?: ImportOptions) => Import> = {
  chatgpt: fromChatGpt,
  claude: fromClaude,
  export: fromExport,
  librechat: fromLibreChat,
  localstorage: fromLocalStorage,
  'open-webui': fromOpenWebUi,
};

function sourceOfEntry(entry: Json): Source | undefined {
  if (isObject(entry['mapping'])) return 'chatgpt';
  if (Array.isArray(entry['chat_messages'])) return 'claude';
  if (isObject(entry['chat']) || isObject(entry['history'])) return 'open-webui';
  if ('conversationId' in entry && ('messages' in entry || 'messagesTree' in entry)) return 'librechat';
  if (entry['type'] === 'session' && 'session_id' in entry) return 'export';
  return Object.keys(entry).some((key) => key.startsWith('conversations_')) ? 'localstorage' : undefined;
}

/** Where parsed JSON comes from, by its shape; undefined if from none of the known. */
export function detectSource(data: unknown): Source | undefined {
  for (const entry of Array.isArray(data) ? objectsIn(data) : [data]) {
    const source = isObject(entry) ? sourceOfEntry(entry) : undefined;
    if (source) return source;
  }
  return undefined;
}

/** Parsed JSON of any of the known sources. */
export function importFrom(data: unknown, options: ImportOptions = {}): Import {
  const source = detectSource(data);
  if (!source) {
    throw new TypeError(`This is no export of ${Object.keys(IMPORTERS).join(', ')}, or it has no conversation.`);
  }
  return IMPORTERS[source](data, options);
}

/** A file's text: JSON, or one JSON value a line. */
export function parseFile(text: string): unknown {
  const content = text.replace(/^\uFEFF/, '');
  try {
    return JSON.parse(content) as unknown;
  } catch (error) {
    const lines = content.split('\n').filter((line) => line.trim());
    if (lines.length < 2) throw error;
    try {
      return lines.map((line) => JSON.parse(line) as unknown);
    } catch {
      throw error;
    }
  }
}
