import { type Client } from '../src/gen/client/index.js';
import { refreshSession } from '../src/gen/index.js';
import { MugshotError } from './error.js';
import type { SessionStore, Tokens } from './session.js';

interface Parts {
  client: Client;
  session: SessionStore;
  fetch: (request: Request) => Promise<Response>;
}

/**
 * A `fetch` that answers a spent session token by getting a new one and repeating the call. However many calls find it
 * spent together, one refresh serves them all; a refresh token counts only once.
 */
export function refreshOnce({ client, session, fetch }: Parts): typeof globalThis.fetch {
  let underway: Promise<Tokens | null> | undefined;

  const refresh = async (spent: string): Promise<Tokens | null> => {
    const now = await session.get();
    if (now && now.session_token !== spent) return now; // another call or another tab was faster
    const next = now?.refresh_token ? await exchange(client, now.refresh_token) : null;
    const meanwhile = await session.get();
    if (meanwhile?.session_token !== spent) return meanwhile; // signed out, or in again, while the server answered
    await session.set(next);
    return next;
  };

  return async (input, init) => {
    const request = new Request(input, init);
    const tokens = request.headers.has('Authorization') ? await session.get() : null;
    if (!tokens) return fetch(request);

    const repeat = request.clone();
    const response = await fetch(authorize(request, tokens));
    if (!(await isSpent(response))) return response;

    underway ??= refresh(tokens.session_token).finally(() => (underway = undefined));
    const next = await underway;
    return next ? fetch(authorize(repeat, next)) : response;
  };
}

function authorize(request: Request, tokens: Tokens): Request {
  request.headers.set('Authorization', `Bearer ${tokens.session_token}`);
  return request;
}

/** Of the reasons for a 401 only this one is mended by a new token; a wrong password must not be sent twice. */
async function isSpent(response: Response): Promise<boolean> {
  if (response.status !== 401) return false;
  const body = await response.clone().json().catch(() => null);
  return body?.error?.code === 'unauthenticated';
}

/** Null when the session has ended. Any other failure says nothing about the session and is thrown. */
async function exchange(client: Client, refresh_token: string): Promise<Tokens | null> {
  try {
    const { data } = await refreshSession({ client, body: { refresh_token }, throwOnError: true });
    return data;
  } catch (error) {
    if (error instanceof MugshotError && error.code === 'invalid_refresh_token') return null;
    throw error;
  }
}
