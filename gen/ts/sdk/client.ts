import { client as shared } from '../src/gen/client.gen.js';
import { type Client, createClient } from '../src/gen/client/index.js';
import { withCsrfToken } from './csrf.js';
import { toMugshotError } from './error.js';
import { refreshOnce } from './refresh.js';
import { memorySession, type SessionStore } from './session.js';

export interface MugshotOptions {
  /** Where the API is, base path included: `https://api.example.com/api/v1`. Default: `/api/v1` of the page's origin. */
  baseUrl?: string;
  /** Where the tokens are kept. Default: in memory. */
  session?: SessionStore;
  /** Replaces the platform's `fetch`. */
  fetch?: typeof fetch;
}

/** Makes a client to be passed to operations as `client`: one for each account, on a server for each request. */
export const createMugshotClient = (options: MugshotOptions = {}): Client => setUp(createClient(), options);

/** Sets up the client that operations use where none is passed: for a page, which has one account. */
export const configureMugshot = (options: MugshotOptions = {}): Client => setUp(shared, options);

function setUp(client: Client, options: MugshotOptions): Client {
  const session = options.session ?? memorySession();
  const send = withCsrfToken(session, options.fetch ?? ((request) => globalThis.fetch(request)));
  const { token, fetch } = refreshOnce({ client, session, fetch: send });
  client.setConfig({
    baseUrl: options.baseUrl ?? '/api/v1',
    throwOnError: true,
    credentials: session.csrfToken && 'include',
    auth: token,
    fetch,
  });
  client.interceptors.error.clear();
  client.interceptors.error.use(toMugshotError);
  return client;
}
