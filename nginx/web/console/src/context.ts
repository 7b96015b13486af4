// What every part of the page needs: the client, the user, and the ways to tell and to ask the person in front of it.
import { ChatSessionsError, type ChatSessions } from 'chat-sessions-client';
import { createContext } from 'preact';
import { useContext } from 'preact/hooks';

export interface Question {
  title: string;
  text: string;
  /** What the button says that does it. */
  action: string;
}

export interface Console {
  client: ChatSessions;
  userId: string;
  /** Shows a sentence for a moment, and has it read out. */
  tell(sentence: string): void;
  /** Shows what went wrong. Says nothing of a call that the page itself has ended. */
  fail(error: unknown): void;
  /** Asks before something that cannot be undone. */
  ask(question: Question): Promise<boolean>;
}

export const ConsoleContext = createContext<Console | null>(null);

export function useConsole(): Console {
  const found = useContext(ConsoleContext);
  if (!found) throw new Error('this part of the page stands outside of the console');
  return found;
}

export const isAbort = (error: unknown): boolean => error instanceof Error && error.name === 'AbortError';

/** Whether one has to log in (again): that ends in the form where user and token are chosen. */
export const isRefused = (error: unknown): boolean => error instanceof ChatSessionsError && error.status === 401;

/** One sentence to show. */
export function sentenceOf(error: unknown): string {
  if (error instanceof ChatSessionsError) return error.detail;
  return error instanceof Error ? error.message : String(error);
}
