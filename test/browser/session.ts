import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import type { BrowserContext, Cookie, Page } from 'playwright-core';
import type { Exchange } from './recorder.js';
import { cookiesOf, domain, openApp, signInOn, whoAmI, fixture } from './fixture.js';

async function setup(t: TestContext): Promise<{ context: BrowserContext; page: Page }> {
  const context = await fixture.profile(t);
  return { context, page: await openApp(context) };
}

/** The calls themselves, without the preflights that the browser sends ahead of them. */
const calls = (exchanges: Exchange[]) =>
  exchanges.filter(({ method }) => method !== 'OPTIONS').map(({ method, path, status }) => `${method} ${path} ${status}`);

test('signing in puts the refresh token where no script can read it', async (t) => {
  const { context, page } = await setup(t);
  const answer = await signInOn(page, fixture.account);
  assert.equal('refresh_token' in answer, false);

  const { refresh, csrf } = await cookiesOf(context);
  assert.ok(refresh && csrf);
  const attributes = ({ domain, path, httpOnly, secure, sameSite }: Cookie) => [domain, path, httpOnly, secure, sameSite];
  assert.deepEqual(attributes(refresh), [`api.${domain}`, '/api/v1/auth', true, true, 'Strict']);
  assert.deepEqual(attributes(csrf), [`.${domain}`, '/', false, true, 'Strict']);
  assert.ok(refresh.expires > Date.now() / 1000 + 3600, 'it outlives the browser');

  const readable = await page.evaluate(() => [document.cookie, localStorage.length, sessionStorage.length]);
  assert.deepEqual(readable, [`mugshot_csrf=${csrf.value}`, 0, 0]);
  for (const { body } of fixture.take()) assert.ok(!body.includes(refresh.value));
});

test('a reloaded page goes on by the cookie, with one refresh for all its calls', async (t) => {
  const { context, page } = await setup(t);
  const first = await signInOn(page, fixture.account);
  const old = await cookiesOf(context);
  await page.reload();
  fixture.take();

  const emails = await page.evaluate(async () => {
    const answers = await Promise.all(Array.from({ length: 5 }, () => mugshot.getMe()));
    return answers.map(({ data }) => data.email);
  });
  assert.deepEqual(emails, Array(5).fill(fixture.account.email));

  const seen = fixture.take();
  assert.deepEqual(calls(seen), ['POST /api/v1/auth/refresh 200', ...Array(5).fill('GET /api/v1/me 200')]);
  const [refresh, me] = seen.filter(({ method }) => method !== 'OPTIONS');
  assert.equal(refresh?.sent['x-csrf-token'], old.csrf?.value);
  assert.ok(refresh?.sent.cookie?.includes(`mugshot_refresh=${old.refresh?.value}`));
  assert.ok(!me?.sent.cookie?.includes('mugshot_refresh'), 'the refresh token goes to the auth operations only');

  const now = await cookiesOf(context);
  assert.notEqual(now.refresh?.value, old.refresh?.value);
  const token = await page.evaluate(async () => (await session.get())?.session_token);
  assert.notEqual(token, first.session_token);
  assert.equal(me?.sent.authorization, `Bearer ${token}`);
  for (const { body } of seen) assert.ok(!body.includes(now.refresh?.value ?? ''));
});

test('a session token that is spent is renewed by the cookie', async (t) => {
  const { page } = await setup(t);
  await signInOn(page, fixture.account);
  await page.evaluate(() => session.set({ session_token: 'spent' }));
  fixture.take();
  assert.equal(await whoAmI(page), fixture.account.email);
  assert.deepEqual(calls(fixture.take()), ['GET /api/v1/me 401', 'POST /api/v1/auth/refresh 200', 'GET /api/v1/me 200']);
});

test('two tabs that refresh together stay signed in', async (t) => {
  const { context, page } = await setup(t);
  await signInOn(page, fixture.account);
  const tabs = [page, await openApp(context)];
  for (let round = 0; round < 3; round++) {
    await Promise.all(tabs.map((tab) => tab.reload()));
    assert.deepEqual(await Promise.all(tabs.map(whoAmI)), Array(2).fill(fixture.account.email));
  }
});

test('signing out ends all that the browser held', async (t) => {
  const { context, page } = await setup(t);
  const { session_token } = await signInOn(page, fixture.account);
  const held = await cookiesOf(context);
  fixture.take();
  await page.evaluate(() => mugshot.signOut());
  assert.deepEqual(calls(fixture.take()), ['POST /api/v1/auth/signout 204']);
  assert.deepEqual(await context.cookies(), []);

  const me = await fetch(`${fixture.direct}/me`, { headers: { Authorization: `Bearer ${session_token}` } });
  assert.equal(me.status, 401);
  const refresh = await fetch(`${fixture.direct}/auth/refresh`, {
    method: 'POST',
    headers: {
      Cookie: `mugshot_refresh=${held.refresh?.value}; mugshot_csrf=${held.csrf?.value}`,
      'X-CSRF-Token': held.csrf?.value ?? '',
    },
  });
  assert.deepEqual([refresh.status, (await refresh.json()).error.code], [401, 'invalid_refresh_token']);

  assert.equal(await whoAmI(page), 'unauthenticated');
  await page.reload();
  assert.equal(await whoAmI(page), 'unauthenticated');
  assert.deepEqual(calls(fixture.take()), ['GET /api/v1/me 401', 'GET /api/v1/me 401']);
});
