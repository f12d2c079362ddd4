import type { Client } from '../src/gen/client/index.js';
import { type ChatEvent, listMessages, type Message, streamChatEvents } from '../src/gen/index.js';
import { MugshotError } from './error.js';
import { pause } from './pause.js';

export interface FollowChatOptions {
  chatId: string;
  client?: Client;
  /** Ends the following with the signal's reason; `AbortSignal.timeout(ms)` bounds it. Without one it has no bound. */
  signal?: AbortSignal;
  /** Milliseconds before the first reconnection; doubles with each failure, up to 15 times as long. Default 1000. */
  retryDelay?: number;
  /** Milliseconds without a sign of life after which a connection is taken for dead; the server gives one every 15 s. Default 45000. */
  quietTimeout?: number;
}

export interface WaitForReplyOptions extends FollowChatOptions {
  messageId: string;
}

/** Whether a message will not change any more, unless a failed reply is retried. */
export const isWritten = (message: Message): boolean => message.status === 'complete' || message.status === 'failed';

/**
 * Yields messages of a chat: first the newest ones, then each as it is after each change. A reply that is being written
 * comes again and again with its whole text so far, so that a reader keeps the last of each `id`. Survives lost
 * connections and a server that restarts; ends when the chat is deleted. Rejects with a MugshotError when the chat can't
 * be read: it is not there, or nobody is signed in.
 */
export async function* followChat(options: FollowChatOptions): AsyncGenerator<Message, void, undefined> {
  const { retryDelay = 1_000, signal } = options;
  const messages = new Map<string, Message>();
  const position: Position = { reached: false };
  for (let failures = 0; ; failures++) {
    for await (const event of events(options, position)) {
      failures = 0;
      const message = apply(messages, event);
      if (message) yield message;
    }
    if (!(await exists(options, position))) return;
    await pause(retryDelay * Math.min(2 ** failures, 15) * (0.5 + Math.random() / 2), signal);
  }
}

/**
 * Yields a reply as it grows, and ends with it written or failed: look at its `status`. For a reply that is being written, or
 * is among the newest 20 messages; `listMessages` has the others.
 */
export async function* followReply(options: WaitForReplyOptions): AsyncGenerator<Message, void, undefined> {
  for await (const message of followChat(options)) {
    if (message.id !== options.messageId) continue;
    yield message;
    if (isWritten(message)) return;
  }
}

/** Waits until a reply has been written or has failed. Rejects when the chat is deleted before. */
export async function waitForReply(options: WaitForReplyOptions): Promise<Message> {
  for await (const message of followReply(options)) {
    if (isWritten(message)) return message;
  }
  throw new Error('the chat ended before the reply did');
}

/** Where a reader is: the id of its last message, and whether it ever got through to the chat. */
interface Position {
  last?: string;
  reached: boolean;
}

/** The message after an event; undefined for text that belongs to nothing known. */
function apply(messages: Map<string, Message>, event: ChatEvent): Message | undefined {
  if (!('message_id' in event)) {
    if (isWritten(event)) messages.delete(event.id);
    else messages.set(event.id, event);
    return event;
  }
  const before = messages.get(event.message_id);
  if (!before) return undefined;
  const message = { ...before, content: before.content + event.text };
  messages.set(message.id, message);
  return message;
}

/** One connection: ends when it breaks, is closed, or could not be made. */
async function* events(options: FollowChatOptions, position: Position): AsyncGenerator<ChatEvent, void, undefined> {
  const { client, chatId, signal, quietTimeout = 45_000 } = options;
  signal?.throwIfAborted();
  const connection = new AbortController();
  const close = () => connection.abort();
  signal?.addEventListener('abort', close);
  let quiet = setTimeout(close, quietTimeout);
  try {
    const { stream } = await streamChatEvents({
      ...(client && { client }),
      path: { chat_id: chatId },
      headers: position.last ? { 'Last-Event-ID': position.last } : {},
      signal: connection.signal,
      sseMaxRetryAttempts: 1,
      onSseEvent: ({ id }) => {
        if (id !== undefined) position.last = id;
        position.reached = true;
        clearTimeout(quiet);
        quiet = setTimeout(close, quietTimeout);
      },
    });
    for await (const event of stream) yield event;
  } catch (error) {
    if (!isPassing(error)) throw error;
  } finally {
    clearTimeout(quiet);
    signal?.removeEventListener('abort', close);
    close(); // the generated stream leaves its connection open when its reader stops early
  }
  signal?.throwIfAborted();
}

/** Whether the chat is there, as far as the server can tell now. Rejects where it never was, or nobody is signed in. */
async function exists({ client, chatId, signal }: FollowChatOptions, { reached }: Position): Promise<boolean> {
  try {
    await listMessages({
      ...(client && { client }),
      path: { chat_id: chatId },
      query: { limit: 1 },
      ...(signal && { signal }),
      throwOnError: true,
    });
  } catch (error) {
    if (error instanceof MugshotError && error.code === 'not_found' && reached) return false;
    if (!isPassing(error)) throw error;
  }
  return true;
}

const isPassing = (error: unknown): boolean =>
  error instanceof MugshotError && (error.code === 'unavailable' || error.code === 'rate_limited');
