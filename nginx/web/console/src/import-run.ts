// Files on their way into the service: each is read, recognised, and its conversations are created under keys of their own,
// so that a second time makes no doubles.
import type { ChatSessions } from 'chat-sessions-client';
import {
  detectSource, fromLocalStorage, importFrom, importInto, parseFile,
  type Import, type ImportProgress, type Source,
} from 'chat-sessions-client/importers';
import { isAbort, sentenceOf } from './context.js';

export interface FileImport {
  name: string;
  source?: Source;
  state: 'waiting' | 'reading' | 'running' | 'done' | 'failed';
  /** How many conversations the file has, as far as it is known before. */
  total: number;
  progress: ImportProgress;
  report?: Import['report'];
  problem?: string;
}

export const SOURCES: Record<Source, string> = {
  chatgpt: 'ChatGPT', claude: 'Claude', export: 'Chat Sessions', librechat: 'LibreChat', localstorage: 'localStorage',
  'open-webui': 'Open WebUI',
};

const NONE: ImportProgress = { created: 0, existed: 0, changed: [], failed: [] };
const begun = (name: string): FileImport => ({ name, state: 'waiting', total: 0, progress: NONE });

export const doneOf = ({ created, existed, changed, failed }: ImportProgress): number => created + existed + changed.length + failed.length;

function countOf(data: unknown, source: Source | undefined): number {
  if (!Array.isArray(data)) return 1;
  return source === 'export' ? data.filter((event) => (event as { type?: unknown } | null)?.type === 'session').length : data.length;
}

interface Opened { source: Import; total: number }

async function open(file: File): Promise<Opened> {
  let data: unknown;
  try {
    data = parseFile(await file.text());
  } catch {
    throw new Error('This is no JSON. ChatGPT and Claude give a ZIP file: unpack it, and take conversations.json.');
  }
  return { source: importFrom(data), total: countOf(data, detectSource(data)) };
}

/** Whether an older page has kept conversations of this user in this browser. Others' are others'. */
export const hasLocalStorage = (userId: string): boolean => {
  try {
    return localStorage.getItem(`conversations_${userId}`) !== null;
  } catch {
    return false;
  }
};
const openLocalStorage = async (userId: string): Promise<Opened> => ({ source: fromLocalStorage(localStorage, { userId }), total: 0 });

export interface Running { client: ChatSessions; userId: string; signal: AbortSignal; onChange(files: FileImport[]): void }

const BROWSER = 'localStorage of this browser';

/** One file after the other; without files what is in localStorage. A file that cannot be read does not stop the others. */
export async function runImport(files: readonly File[] | 'localStorage', running: Running): Promise<void> {
  const jobs = files === 'localStorage' ? [{ name: BROWSER, open: () => openLocalStorage(running.userId) }]
    : files.map((file) => ({ name: file.name, open: () => open(file) }));
  const states = jobs.map(({ name }) => begun(name));
  const change = (i: number, changes: Partial<FileImport>) => {
    states[i] = { ...states[i]!, ...changes };
    running.onChange([...states]);
  };
  running.onChange([...states]);
  for (const [i, job] of jobs.entries()) {
    if (running.signal.aborted) return;
    await runOne(job, running, (changes) => change(i, changes));
  }
}

type Job = { open(): Promise<Opened> };

async function runOne(job: Job, { client, userId, signal }: Running, change: (changes: Partial<FileImport>) => void): Promise<void> {
  try {
    change({ state: 'reading' });
    const { source, total } = await job.open();
    change({ state: 'running', source: source.source, total, report: source.report });
    const onProgress = (progress: Readonly<ImportProgress>) => change({ progress: { ...progress } });
    const result = await importInto(client, source, { userId, signal, onProgress });
    const ended: Partial<FileImport> = result.stoppedBy ? { state: 'failed', problem: sentenceOf(result.stoppedBy) } : { state: 'done' };
    change({ ...ended, progress: result });
  } catch (error) {
    if (!isAbort(error)) change({ state: 'failed', problem: sentenceOf(error) });
  }
}
