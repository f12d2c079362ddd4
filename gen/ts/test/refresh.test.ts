import assert from 'node:assert/strict';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { test, type TestContext } from 'node:test';
import {
  createMugshotClient, createProject, getMe, memorySession, MugshotError, signOut, type ErrorCode,
} from '../sdk/index.js';
import { session } from './fixtures.js';
import { body, fail, json, serve } from './server.js';

/** An account whose token-1 is spent, and which answers a refresh with `answer`. */
async function setup(t: TestContext, answer: (request: IncomingMessage, response: ServerResponse) => unknown) {
  const seen = { refreshes: 0, bodies: [] as unknown[] };
  const baseUrl = await serve(t, async (request, response) => {
    if (request.url === '/api/v1/auth/refresh') {
      seen.refreshes++;
      seen.bodies.push(await body(request));
      await answer(request, response);
    } else if (request.url === '/api/v1/auth/signout') {
      fail(response, 401, 'invalid_credentials'); // stands for any call that asks for the password again
    } else if (request.headers.authorization !== 'Bearer token-2') {
      fail(response, 401, 'unauthenticated');
    } else {
      json(response, 200, request.method === 'POST' ? await body(request) : session(2).user);
    }
  });
  const store = memorySession(session(1));
  return { seen, store, client: createMugshotClient({ baseUrl, session: store }) };
}

const failsWith = (code: ErrorCode) => (error: unknown) => error instanceof MugshotError && error.code === code;

test('one refresh serves all calls in flight', async (t) => {
  const { client, seen, store } = await setup(t, (_, response) => json(response, 200, session(2)));
  const answers = await Promise.all(Array.from({ length: 20 }, () => getMe({ client })));
  assert.deepEqual(answers.map(({ data }) => data.username), Array(20).fill('ada.lovelace'));
  assert.deepEqual(seen, { refreshes: 1, bodies: [{ refresh_token: 'refresh-1' }] });
  assert.equal((await store.get())?.session_token, 'token-2');
});

test('the repeated call carries its body', async (t) => {
  const { client } = await setup(t, (_, response) => json(response, 200, session(2)));
  const draft = { mode: 'design', platform: 'youtube', prompt: { headline: 'Hi' } } as const;
  const { data } = await createProject({ client, body: draft });
  assert.deepEqual(data, draft);
});

test('a session that another tab has refreshed is used as it is', async (t) => {
  const store = memorySession(session(1));
  const baseUrl = await serve(t, async (request, response) => {
    if (request.headers.authorization === 'Bearer token-2') return json(response, 200, session(2).user);
    assert.equal(request.url, '/api/v1/me');
    await store.set(session(2));
    fail(response, 401, 'unauthenticated');
  });
  const { data } = await getMe({ client: createMugshotClient({ baseUrl, session: store }) });
  assert.equal(data.username, 'ada.lovelace');
});

test('a wrong password is not sent twice', async (t) => {
  const { client, seen } = await setup(t, (_, response) => json(response, 200, session(2)));
  await assert.rejects(signOut({ client }), failsWith('invalid_credentials'));
  assert.equal(seen.refreshes, 0);
});

test('an ended session signs out', async (t) => {
  const { client, store } = await setup(t, (_, response) => fail(response, 401, 'invalid_refresh_token'));
  await assert.rejects(getMe({ client }), failsWith('unauthenticated'));
  assert.equal(await store.get(), null);
});

test('a refresh that could not be made keeps the session', async (t) => {
  const { client, store } = await setup(t, (_, response) => fail(response, 503, 'unavailable'));
  await assert.rejects(getMe({ client }), failsWith('unavailable'));
  assert.equal((await store.get())?.refresh_token, 'refresh-1');
});

test('a sign-out during a refresh stays', async (t) => {
  const { client, store } = await setup(t, async (_, response) => {
    await store.set(null);
    json(response, 200, session(2));
  });
  await assert.rejects(getMe({ client }), failsWith('unauthenticated'));
  assert.equal(await store.get(), null);
});
