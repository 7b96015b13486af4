// What the calls take and give. The document (docs/openapi.yaml) is the source: `contract.ts` is made from it. Here its
// request types become exact (an unknown member does not compile, what is required is required), and what the
// contract promises beyond the document stands beside it until the document has it too.
import type { components, operations } from './contract.js';

type Schemas = components['schemas'];

/** The members that T names, without the index signature that lets any other through. */
type Known<T> = { [K in keyof T as string extends K ? never : number extends K ? never : K]: T[K] };
/** T, in which the members K must be there. */
type Require<T, K extends keyof T> = T & { [P in K]-?: Exclude<T[P], undefined> };
/** T, in which the members of U are those of U. */
type Override<T, U> = Omit<T, keyof U> & U;

export type ErrorCode = Schemas['ErrorCode'];
export type Problem = Schemas['Problem'];
export type Metadata = Record<string, unknown>;
export type Role = 'user' | 'assistant' | 'system' | 'tool' | 'developer' | 'function';

/** One part of a message's content, as the model interfaces have them: `{type: 'text', text: '…'}`. */
export interface ContentPart { type: string; [member: string]: unknown }
export type Content = string | ContentPart[] | null;

export interface LastMessage { role: string; preview: string; timestamp: number }

export type Session = Override<Schemas['Session'], {
  archived: boolean;
  pinned: boolean;
  tags: string[];
  last_message: LastMessage | null;
}>;
export type Message = Override<Schemas['Message'], { content: Content }>;

interface SessionMarks { archived?: boolean; pinned?: boolean; tags?: string[] }

export type MessageNew = Override<Require<Known<Schemas['MessageNew']>, 'role' | 'content'>, {
  role: Role;
  /** May be empty or null where metadata is given. */
  content: Content;
}>;
/** A message of a history: `timestamp` in milliseconds, greater than those before it, not in the future. */
export type HistoryMessage = MessageNew & { timestamp?: number };
export type SessionNew = Override<Known<Schemas['SessionNew']>, SessionMarks & {
  /** RFC 3339, not in the future. */
  created_at?: string;
  /** Up to 10,000. The session appears at once with all of them. */
  messages?: HistoryMessage[];
}>;
export type SessionChanges = Override<Known<Schemas['SessionChanges']>, SessionMarks>;
export type MessageChanges = Override<Known<Schemas['MessageChanges']>, { content?: Content }>;

type Query<O extends keyof operations> = NonNullable<operations[O]['parameters']['query']>;

export type SessionQuery = Override<Query<'listSessions'>, {
  archived?: boolean | 'any';
  pinned?: boolean;
  tag?: string;
  /** Title or preview contains it, whatever the case. */
  q?: string;
}>;
export type MessageQuery = Override<Omit<Query<'listMessages'>, 'user_id'>, {
  /** The content contains it, whatever the case. A page may be short or empty and still have more. */
  q?: string;
}>;

// ---- answers ----

/** What an answer says beside its body. */
export interface AnswerFacts {
  /** Of this call, for finding it in the service's log. */
  requestId: string;
  /** The call had been carried out by an earlier request with the same Idempotency-Key. */
  replayed: boolean;
  /** The session's version, where the call has one. */
  etag?: string;
}
type Answer<S extends keyof Schemas, U = unknown> = Override<Schemas[S], U> & AnswerFacts;

export type SessionAnswer = Answer<'SessionAnswer', { session: Session }>;
export type SessionList = Answer<'SessionList', { sessions: Session[] }>;
export type SessionUpdated = Answer<'SessionUpdated', { session: Session }>;
export type SessionDeleted = Answer<'SessionDeleted'>;
export type UserErased = Answer<'UserErased'>;
export type MessageAnswer = Answer<'MessageAnswer', { message: Message }>;
export type MessagesAnswer = Answer<'MessagesAnswer', { messages: Message[] }>;
export type MessageList = Answer<'MessageList', { messages: Message[] }>;
export type MessageDeleted = Answer<'MessageDeleted'>;
export type Health = Answer<'Health'>;
export type Readiness = Answer<'Readiness'>;

/** The lines of an export. */
export type ExportEvent =
  | ({ type: 'session' } & Session)
  | ({ type: 'message' } & Message)
  | { type: 'end'; sessions: number; messages: number };
