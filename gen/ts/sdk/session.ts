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
  /**
   * Says that the refresh token is a cookie, and answers the CSRF token that has to go with it, or null where nobody is
   * signed in. Calls are then made with credentials, and where `get` answers null the cookie gets a session token.
   */
  csrfToken?(): string | null;
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

/**
 * The store of a web app. The refresh token is a cookie that no script can read: sign in with `cookie: true`. The
 * session token lasts as long as the page, and the next page gets another by the cookie. The server has to know the
 * page's origin (`ALLOWED_ORIGINS`) and, where it is on a sister host of the page's, their domain (`CSRF_COOKIE_DOMAIN`).
 */
export const cookieSession = (): SessionStore => ({ ...memorySession(), csrfToken: readCsrfCookie });

function readCsrfCookie(): string | null {
  return /(?:^|; )mugshot_csrf=([^;]+)/.exec(document.cookie)?.[1] ?? null;
}
