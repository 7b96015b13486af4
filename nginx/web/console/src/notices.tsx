// Sentences for a moment at the page's foot, read out to those who do not see them: at once what went wrong, in its turn the
// rest.
import { useCallback, useRef, useState } from 'preact/hooks';
import { isAbort, sentenceOf } from './context.js';
import { Icon } from './icons.js';

export interface Notice { id: number; kind: 'done' | 'problem'; sentence: string }

const SHOWN_MS = { done: 3_500, problem: 15_000 };
const MOST = 3;

export function useNotices() {
  const [notices, setNotices] = useState<Notice[]>([]);
  const count = useRef(0);
  const dismiss = useCallback((id: number) => setNotices((all) => all.filter((notice) => notice.id !== id)), []);
  const show = useCallback((kind: Notice['kind'], sentence: string) => {
    const id = count.current += 1;
    setNotices((all) => [...all.filter((notice) => notice.sentence !== sentence), { id, kind, sentence }].slice(-MOST));
    setTimeout(() => dismiss(id), SHOWN_MS[kind]);
  }, [dismiss]);
  const tell = useCallback((sentence: string) => show('done', sentence), [show]);
  const fail = useCallback((error: unknown) => { if (!isAbort(error)) show('problem', sentenceOf(error)); }, [show]);
  return { notices, dismiss, tell, fail };
}

interface NoticesProps { notices: Notice[]; onDismiss(id: number): void }

// Both regions are there from the beginning: a screen reader tells only what changes in them.
export function Notices({ notices, onDismiss }: NoticesProps) {
  const rows = (kind: Notice['kind']) => notices.filter((notice) => notice.kind === kind).map(({ id, sentence }) => (
    <p class={`notice ${kind}`} key={id}>
      <span dir="auto">{sentence}</span>
      <button type="button" class="icon-button" aria-label="Dismiss" onClick={() => onDismiss(id)}><Icon name="close" /></button>
    </p>
  ));
  return (
    <div class="notices">
      <div role="status" aria-live="polite">{rows('done')}</div>
      <div role="alert" aria-live="assertive">{rows('problem')}</div>
    </div>
  );
}
