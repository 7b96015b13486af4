// The window for an export: what, in which form, how far it is.
import type { Session } from 'chat-sessions-client';
import { useEffect, useRef, useState } from 'preact/hooks';
import { isAbort, useConsole } from './context.js';
import { Dialog } from './dialog.js';
import { download, exportAll, exportOne, fileName, FORMATS, writeExport, type Counts, type Format } from './export-formats.js';
import { oneLine, plural } from './text.js';

interface ExportDialogProps {
  /** Only this one; undefined: everything of the user. */
  session: Session | undefined;
  onClose(): void;
}

export function ExportDialog({ session, onClose }: ExportDialogProps) {
  const { client, userId, fail, tell } = useConsole();
  const [format, setFormat] = useState<Format>('ndjson');
  const [counts, setCounts] = useState<Counts | null>(null);
  const controller = useRef(new AbortController());
  useEffect(() => () => controller.current.abort(), []);
  const run = async () => {
    const { signal } = controller.current = new AbortController();
    const reading = { client, userId, signal };
    setCounts({ sessions: 0, messages: 0 });
    try {
      const blob = await writeExport(session ? exportOne(reading, session) : exportAll(reading), format, setCounts);
      download(blob, fileName(session ? session.title : `conversations of ${userId}`, format));
      tell('The export is in your downloads.');
      onClose();
    } catch (error) {
      if (!isAbort(error)) fail(error);
      setCounts(null);
    }
  };
  return (
    <Dialog title={session ? 'Export this conversation' : 'Export all conversations'} onClose={onClose}>
      <form onSubmit={(event) => { event.preventDefault(); void run(); }}>
        <p class="question">{session ? <bdi>{oneLine(session.title)}</bdi>
          : <>Every conversation of <bdi>{oneLine(userId)}</bdi>, archived ones too.</>}</p>
        <fieldset class="formats" disabled={counts !== null}>
          <legend class="off-screen">Format</legend>
          {(Object.keys(FORMATS) as Format[]).map((name) => (
            <label key={name}>
              <input type="radio" name="format" value={name} checked={format === name} autofocus={format === name}
                onChange={() => setFormat(name)} />
              <span><strong>{FORMATS[name].name}</strong> <small>{FORMATS[name].note}</small></span>
            </label>
          ))}
        </fieldset>
        {counts && <p class="progress" role="status"><progress aria-label="Export" />
          {plural(counts.sessions, 'conversation')}, {plural(counts.messages, 'message')}</p>}
        <footer>
          <button type="button" onClick={onClose}>Cancel</button>
          <button type="submit" class="primary" disabled={counts !== null}>Export</button>
        </footer>
      </form>
    </Dialog>
  );
}
