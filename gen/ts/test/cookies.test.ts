import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import {
  cookieSession, createMugshotClient, type ErrorCode, followJob, getMe, listModels, memorySession, MugshotError, signOut,
} from '../sdk/index.js';
import { job, session } from './fixtures.js';
import { fail, type Handler, json, serve } from './server.js';

const renewed: Handler = (_, response) => {
  const { refresh_token: _inCookie, ...rest } = session(2);
  json(response, 200, rest);
};

/** A page that has just been loaded, with cookies of a session. Their refresh is answered as told, token-2 is welcome. */
async function setup(t: TestContext, refresh: Handler = renewed) {
  const jar = { csrf: 'csrf-1' as string | null };
  const calls: { path: string; csrf: unknown; credentials: RequestCredentials }[] = [];
  const baseUrl = await serve(t, (request, response) => {
    if (request.url === '/api/v1/auth/refresh') return refresh(request, response);
    if (request.url === '/api/v1/models') return json(response, 200, { items: [], next_cursor: null });
    if (request.headers.authorization !== 'Bearer token-2') return fail(response, 401, 'unauthenticated');
    json(response, 200, request.url?.includes('/jobs/') ? job(9) : session(2).user);
  });
  const store = { ...memorySession(), csrfToken: () => jar.csrf };
  const client = createMugshotClient({
    baseUrl,
    session: store,
    fetch: (input) => {
      const request = new Request(input);
      const path = request.url.slice(baseUrl.length);
      calls.push({ path, csrf: request.headers.get('X-CSRF-Token'), credentials: request.credentials });
      return fetch(request);
    },
  });
  return { client, jar, store, calls, paths: () => calls.map(({ path }) => path) };
}

const failsWith = (code: ErrorCode) => (error: unknown) => error instanceof MugshotError && error.code === code;

test('a new page gets its session token by the cookie, once for all calls', async (t) => {
  const bodies: unknown[] = [];
  const { client, calls } = await setup(t, async (request, response) => {
    for await (const chunk of request) bodies.push(chunk);
    await renewed(request, response);
  });
  const answers = await Promise.all(Array.from({ length: 20 }, () => getMe({ client })));
  assert.equal(answers.length, 20);
  assert.deepEqual(calls, [
    { path: '/auth/refresh', csrf: 'csrf-1', credentials: 'include' },
    ...Array(20).fill({ path: '/me', csrf: null, credentials: 'include' }),
  ]);
  assert.deepEqual(bodies, []);
});

test('the CSRF token goes with a sign-out too', async (t) => {
  const { client, calls } = await setup(t);
  await signOut({ client });
  assert.deepEqual(calls.at(-1), { path: '/auth/signout', csrf: 'csrf-1', credentials: 'include' });
});

test('nobody is signed in without the cookie', async (t) => {
  const { client, jar, store, paths } = await setup(t);
  jar.csrf = null;
  const set = t.mock.method(store, 'set');
  await assert.rejects(getMe({ client }), failsWith('unauthenticated'));
  assert.equal(set.mock.callCount(), 0, 'no session has ended');

  await store.set({ session_token: 'token-1' });
  await assert.rejects(getMe({ client }), failsWith('unauthenticated'));
  assert.deepEqual([paths(), await store.get()], [['/me', '/me'], null]);
});

test('a public call asks for no token', async (t) => {
  const { client, paths } = await setup(t);
  await listModels({ client });
  assert.deepEqual(paths(), ['/models']);
});

test('an ended session is signed out', async (t) => {
  const { client, paths } = await setup(t, (_, response) => fail(response, 401, 'invalid_refresh_token'));
  await assert.rejects(getMe({ client }), failsWith('unauthenticated'));
  assert.deepEqual(paths(), ['/auth/refresh', '/me']);
});

test("a cookie that another tab's refresh has replaced is read again", async (t) => {
  const { client, jar, calls } = await setup(t, (request, response) => {
    jar.csrf = 'csrf-2';
    if (request.headers['x-csrf-token'] !== 'csrf-2') return fail(response, 403, 'csrf_failed');
    return renewed(request, response);
  });
  await getMe({ client });
  assert.deepEqual(calls.map(({ csrf }) => csrf), ['csrf-1', 'csrf-2', null]);
});

test('a wrong CSRF token is not sent twice', async (t) => {
  const { client, paths } = await setup(t, (_, response) => fail(response, 403, 'csrf_failed'));
  await assert.rejects(getMe({ client }), failsWith('csrf_failed'));
  assert.deepEqual(paths(), ['/auth/refresh']);
});

test('a job is followed while refreshes fail', async (t) => {
  let refreshes = 0;
  const { client } = await setup(t, (request, response) =>
    ++refreshes < 4 ? fail(response, 503, 'unavailable') : renewed(request, response));
  const versions: number[] = [];
  for await (const { version } of followJob({ client, jobId: job(1).id, retryDelay: 1 })) versions.push(version);
  assert.deepEqual([versions, refreshes], [[9], 4]);
});

test('the CSRF token is found among other cookies', (t) => {
  const read = (cookie: string) => {
    Object.defineProperty(globalThis, 'document', { value: { cookie }, configurable: true });
    return cookieSession().csrfToken?.();
  };
  t.after(() => Reflect.deleteProperty(globalThis, 'document'));
  assert.equal(read('theme=dark; mugshot_csrf=a-b_c; lang=en'), 'a-b_c');
  assert.equal(read('mugshot_csrf=a-b_c'), 'a-b_c');
  assert.equal(read('not_mugshot_csrf=x; mugshot_csrf='), null);
  assert.equal(read(''), null);
});
