// What the package offers. The importers are a module of their own: most pages need them once or never.
export { ChatSessions } from './client.js';
export type { ClientOptions, MatchOptions, MessageOptions, PostOptions } from './client.js';
export { ChatSessionsError } from './errors.js';
export type { ClientErrorCode } from './errors.js';
export type { FollowOptions } from './follow.js';
export type { CallOptions, TokenProvider } from './request.js';
export type { Page, Runtime } from './runtime.js';
export type * from './types.js';
