import type { Session } from '../src/gen/index.js';

/** What a signed-in client holds. The answers of `signIn` and `refreshSession` fit as they are. */
export type Tokens = Pick<Session, 'session_token' | 'refresh_token'>;

/**
 * Keeps the tokens. Write the answer of `signIn` into it, and null to sign out; a refreshed session is written by the
 * client, and null when it has ended. `get` is asked before every call, so that tabs can share a store.
 */
export interface SessionStore {
  get(): Tokens | null | Promise<Tokens | null>;
  set(tokens: Tokens | null): void | Promise<void>;
}

/** A store that lasts as long as the page or the process. */
export function memorySession(initial: Tokens | null = null): SessionStore {
  let tokens = initial;
  return {
    get: () => tokens,
    set: (next) => {
      tokens = next;
    },
  };
}
