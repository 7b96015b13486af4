// Reading a page of a list: that it is on its way, and why it did not come.
import { useCallback, useState } from 'preact/hooks';
import { isAbort, sentenceOf } from './context.js';

export interface Loading<Kind> {
  /** What is on its way. */
  loading: Kind | null;
  /** Why the last page did not come; empty if it did. */
  problem: string;
  /** Reads. An abort ends it without a word: something else is read by then, or nobody looks any more. */
  attempt(kind: Kind, signal: AbortSignal, read: () => Promise<void>): Promise<void>;
}

export function useLoading<Kind extends string>(first: Kind, onError: (error: unknown) => void): Loading<Kind> {
  const [loading, setLoading] = useState<Kind | null>(first);
  const [problem, setProblem] = useState('');
  const attempt = useCallback(async (kind: Kind, signal: AbortSignal, read: () => Promise<void>) => {
    setLoading(kind);
    setProblem('');
    try {
      await read();
      if (!signal.aborted) setLoading(null);
    } catch (error) {
      if (signal.aborted || isAbort(error)) return;
      setLoading(null);
      setProblem(sentenceOf(error));
      onError(error);
    }
  }, [onError]);
  return { loading, problem, attempt };
}
