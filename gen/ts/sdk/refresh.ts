import { type Client } from '../src/gen/client/index.js';
import { refreshSession } from '../src/gen/index.js';
import { errorCode, MugshotError } from './error.js';
import type { SessionStore, Tokens } from './session.js';

interface Parts {
  client: Client;
  session: SessionStore;
  fetch: (request: Request) => Promise<Response>;
}

interface SignedIn {
  /** Answers the token to call with; undefined where nobody is signed in. */
  token: () => Promise<string | undefined>;
  /** Answers a spent session token by getting a new one and repeating the call. */
  fetch: typeof globalThis.fetch;
}

/**
 * Keeps calls signed in. However many find their session token spent, or gone with the last page, together, one refresh
 * serves them all; a refresh token counts only once.
 */
export function refreshOnce({ client, session, fetch }: Parts): SignedIn {
  let underway: Promise<Tokens | null> | undefined;

  const refresh = async (spent: string | undefined): Promise<Tokens | null> => {
    const now = await session.get();
    if (now && now.session_token !== spent) return now; // another call or another tab was faster
    const next = await exchange(client, session, now);
    const meanwhile = await session.get();
    if (meanwhile?.session_token !== spent) return meanwhile; // signed out, or in again, while the server answered
    await session.set(next);
    return next;
  };
  const renew = (spent?: string) => (underway ??= refresh(spent).finally(() => (underway = undefined)));

  return {
    token: async () => {
      const tokens = (await session.get()) ?? (session.csrfToken?.() ? await renew() : null);
      return tokens?.session_token;
    },
    fetch: async (input, init) => {
      const request = new Request(input, init);
      const tokens = request.headers.has('Authorization') ? await session.get() : null;
      if (!tokens) return fetch(request);

      const repeat = request.clone();
      const response = await fetch(authorize(request, tokens));
      // Of the reasons for a 401 only this one is mended by a new token; a wrong password must not be sent twice.
      if (response.status !== 401 || (await errorCode(response)) !== 'unauthenticated') return response;

      const next = await renew(tokens.session_token);
      return next ? fetch(authorize(repeat, next)) : response;
    },
  };
}

function authorize(request: Request, tokens: Tokens): Request {
  request.headers.set('Authorization', `Bearer ${tokens.session_token}`);
  return request;
}

/** Null when the session has ended. Any other failure says nothing about the session and is thrown. */
async function exchange(client: Client, session: SessionStore, tokens: Tokens | null): Promise<Tokens | null> {
  const refresh_token = tokens?.refresh_token;
  if (!refresh_token && !session.csrfToken?.()) return null;
  try {
    const { data } = await refreshSession({
      client,
      ...(refresh_token && { body: { refresh_token } }), // or else the cookie
      throwOnError: true,
    });
    return data;
  } catch (error) {
    if (error instanceof MugshotError && error.code === 'invalid_refresh_token') return null;
    throw error;
  }
}
