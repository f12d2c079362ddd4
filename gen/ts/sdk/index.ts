/**
 * The client of the MugShot Studio API: the generated operations and types, and the little that can't be generated.
 *
 * @packageDocumentation
 */
export * from '../src/gen/index.js';
export type { Client } from '../src/gen/client/index.js';
export { configureMugshot, createMugshotClient, type MugshotOptions } from './client.js';
export { MugshotError } from './error.js';
export { cookieSession, memorySession, type SessionStore, type Tokens } from './session.js';
export { followJob, isFinished, waitForJob, type FollowJobOptions } from './job.js';
export { sendFile, uploadAsset, type SendFileOptions, type UploadAssetOptions } from './upload.js';
export { followChat, followReply, isWritten, waitForReply, type FollowChatOptions, type WaitForReplyOptions } from './chat.js';
