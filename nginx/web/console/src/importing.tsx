// The window for an import: a place to drop files on, how far they are, and what became of them.
import { useEffect, useRef, useState } from 'preact/hooks';
import { useConsole } from './context.js';
import { Dialog } from './dialog.js';
import { Icon } from './icons.js';
import { doneOf, hasLocalStorage, runImport, SOURCES, type FileImport } from './import-run.js';
import { oneLine, plural } from './text.js';

interface ImportDialogProps {
  /** Files that were dropped on the page. */
  dropped: File[];
  onClose(): void;
  onImported(): void;
}

export function ImportDialog({ dropped, onClose, onImported }: ImportDialogProps) {
  const { client, userId } = useConsole();
  const [files, setFiles] = useState<FileImport[]>([]);
  const [isRunning, setRunning] = useState(false);
  const controller = useRef(new AbortController());
  const run = async (chosen: readonly File[] | 'localStorage') => {
    if (chosen.length === 0) return;
    const { signal } = controller.current = new AbortController();
    setRunning(true);
    await runImport(chosen, { client, userId, signal, onChange: setFiles });
    setRunning(false);
    onImported();
  };
  useEffect(() => {
    if (dropped.length) void run(dropped);
  }, [dropped]);
  useEffect(() => () => controller.current.abort(), []);
  const stop = () => {
    controller.current.abort();
    onImported();
    onClose();
  };
  return (
    <Dialog title="Import conversations" onClose={isRunning ? stop : onClose}>
      {!isRunning && <Choice userId={userId} onFiles={(chosen) => void run(chosen)} />}
      {files.map((file, i) => <Outcome key={i} file={file} />)}
      <footer>
        {isRunning ? <button type="button" onClick={stop}>Stop</button>
          : <button type="button" onClick={onClose}>{files.length ? 'Done' : 'Cancel'}</button>}
      </footer>
    </Dialog>
  );
}

function Choice({ userId, onFiles }: { userId: string; onFiles(files: File[] | 'localStorage'): void }) {
  return (
    <>
      <label class="drop-zone">
        <Icon name="upload" />
        <span><strong>Drop files here, or choose them</strong>
          <small>ChatGPT or Claude (conversations.json), LibreChat, Open WebUI, or an NDJSON export of this service.</small></span>
        <input type="file" multiple accept=".json,.ndjson,.jsonl,.txt,application/json" aria-label="Files to import" autofocus
          onChange={(event) => onFiles([...(event.currentTarget.files ?? [])])} />
      </label>
      <p class="note">Times stay as they are. What is there already is skipped, so a file can be imported again.</p>
      {hasLocalStorage(userId) && (
        <button type="button" onClick={() => onFiles('localStorage')}>Take over what an older page has kept in this browser</button>
      )}
    </>
  );
}

// ---- what became of a file ----

function Outcome({ file }: { file: FileImport }) {
  const { name, source, state, total, progress, problem } = file;
  const done = doneOf(progress);
  return (
    <section class="outcome" aria-label={name}>
      <h3><bdi>{oneLine(name)}</bdi>{source && <span class="note"> {SOURCES[source]}</span>}</h3>
      {state === 'waiting' && <p class="note">Waits for the one before.</p>}
      {(state === 'reading' || state === 'running') && (
        <p class="progress">
          <progress aria-label={`Import of ${name}`} max={Math.max(total, done, 1)}
            value={state === 'reading' || !total ? undefined : done} />
          {state === 'reading' ? 'Reading the file…' : `${done}${total ? ` of ${Math.max(total, done)}` : ''}`}</p>
      )}
      {problem && <p class="problem" role="alert">{problem}</p>}
      {(state === 'done' || state === 'failed') && <Summary file={file} />}
    </section>
  );
}

function summaryOf({ created, existed, changed, failed }: FileImport['progress'], left: number): string {
  const parts = [
    `${plural(created, 'conversation')} imported`,
    ...(existed ? [`${existed.toLocaleString('en')} skipped: already here`] : []),
    ...(changed.length ? [`${changed.length} skipped: changed since, left as they are here`] : []),
    ...(failed.length ? [`${failed.length} refused`] : []),
    ...(left ? [`${left} not read, see below`] : []),
  ];
  return `${parts.join(' · ')}.`;
}

function Summary({ file: { progress, report } }: { file: FileImport }) {
  const skipped = report?.skipped ?? [];
  const repaired = report?.repaired ?? [];
  return (
    <>
      <p role="status" class="summary">{summaryOf(progress, skipped.length)}</p>
      <Reasons title="Refused" rows={progress.failed.map(({ title, error }) => [title, error.detail])} />
      <Reasons title="Changed since an earlier import"
        rows={progress.changed.map(({ title }) => [title, 'delete it here to import it anew'])} />
      <Reasons title="Not read" rows={skipped.map(({ conversation, message, reason }) => (
        [message ? `${conversation}, message ${message}` : conversation, reason]))} />
      <Reasons title="Imported with changes" rows={repaired.map(({ conversation, what }) => [conversation, what])} />
    </>
  );
}

const MOST_ROWS = 200;

function Reasons({ title, rows }: { title: string; rows: [string, string][] }) {
  if (rows.length === 0) return null;
  return (
    <details class="reasons">
      <summary>{title} ({rows.length.toLocaleString('en')})</summary>
      <ul>{rows.slice(0, MOST_ROWS).map(([what, why], i) => <li key={i}><bdi>{oneLine(what)}</bdi>: {oneLine(why)}</li>)}</ul>
      {rows.length > MOST_ROWS && <p class="note">And {(rows.length - MOST_ROWS).toLocaleString('en')} more.</p>}
    </details>
  );
}
