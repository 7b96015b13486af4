// The one error that the calls fail with. An abort by the caller is not one of these: it rejects with the signal's
// reason, as fetch does.
import type { ErrorCode } from './types.js';

/** What goes wrong where no answer of the service says it. */
export type ClientErrorCode =
  /** The connection could not be made, or was lost. */
  | 'connection_lost'
  /** The call's time was up. */
  | 'timeout'
  /** The answer is not one of this service's. */
  | 'invalid_answer'
  /** An export ended without its last line: it is not whole. */
  | 'incomplete_export'
  /** The token provider failed. */
  | 'no_token';

export interface ErrorFacts {
  /** The HTTP status, or 0 where there was no answer. */
  status: number;
  code: ErrorCode | ClientErrorCode;
  /** One plain sentence, fit to be shown. */
  detail: string;
  /** Of the answer, for finding the request in the service's log. Empty where there was no answer. */
  requestId?: string;
  /** Seconds after which the service wants to be asked again. */
  retryAfter?: number | undefined;
  /** The session's version as it is, with a 412. */
  etag?: string | undefined;
  /** An attempt of this call may have been carried out, although the call failed. */
  uncertain?: boolean;
  /** How often the request was sent. */
  attempts?: number;
  cause?: unknown;
}

export class ChatSessionsError extends Error {
  readonly status: number;
  readonly code: ErrorCode | ClientErrorCode;
  readonly detail: string;
  readonly requestId: string;
  readonly retryAfter: number | undefined;
  readonly etag: string | undefined;
  readonly uncertain: boolean;
  readonly attempts: number;
  readonly cause: unknown;

  constructor(facts: ErrorFacts) {
    super(facts.detail);
    this.name = 'ChatSessionsError';
    this.status = facts.status;
    this.code = facts.code;
    this.detail = facts.detail;
    this.requestId = facts.requestId ?? '';
    this.retryAfter = facts.retryAfter;
    this.etag = facts.etag;
    this.uncertain = facts.uncertain ?? false;
    this.attempts = facts.attempts ?? 0;
    this.cause = facts.cause;
  }

  /** The same with other facts, for what only the end of a call knows. */
  with(facts: Partial<ErrorFacts>): ChatSessionsError {
    const error = new ChatSessionsError({ ...this.facts(), ...facts });
    if (this.stack) error.stack = this.stack;
    return error;
  }

  private facts(): ErrorFacts {
    const { status, code, detail, requestId, retryAfter, etag, uncertain, attempts, cause } = this;
    return { status, code, detail, requestId, retryAfter, etag, uncertain, attempts, cause };
  }
}
