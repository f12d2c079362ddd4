import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import type { BrowserContext, Page } from 'playwright-core';
import type { Exchange } from './recorder.js';
import { type Cookies, cookiesOf, domain, open, openApp, signInOn, whoAmI, fixture } from './fixture.js';

/** Signs a victim in to the app, and opens a page of another origin in the same browser profile. */
async function setup(t: TestContext, origin: string) {
  const context = await fixture.profile(t);
  const victim = await openApp(context);
  const { session_token: token } = await signInOn(victim, fixture.account);
  const page = await open(context, origin);
  fixture.take();
  return { context, victim, page, token };
}

/** Returns what a script on the page can see of an answer. */
const read = (page: Page, path: string, init: RequestInit): Promise<string> =>
  page.evaluate(
    ([url, options]) => fetch(url, options).then((answer) => `${answer.type} ${answer.status}`, (error) => error.name),
    [fixture.api + path, init] as const,
  );

/** Posts a form without fields, which needs no preflight, and returns the recorded exchange. */
async function postForm(page: Page, path: string): Promise<Exchange> {
  const arrived = page.waitForURL(fixture.api + path);
  await page.evaluate((action) => {
    const form = Object.assign(document.createElement('form'), { action, method: 'post' });
    document.body.append(form);
    form.submit();
  }, fixture.api + path);
  await arrived;
  const [exchange] = fixture.take();
  assert.ok(exchange);
  await page.goBack();
  return exchange;
}

/** Expects that the forged calls neither spent the session's refresh token nor changed its cookies. */
async function unharmed(context: BrowserContext, victim: Page, before: Cookies): Promise<void> {
  assert.deepEqual(await cookiesOf(context), before);
  await victim.reload();
  assert.equal(await whoAmI(victim), fixture.account.email);
}

const code = ({ status, body }: Exchange) => `${status} ${JSON.parse(body).error.code}`;
const corsOf = ({ got }: Exchange) => Object.keys(got).filter((name) => name.startsWith('access-control-'));

for (const kind of ['sister', 'stranger'] as const) {
  test(`a page of a ${kind} reads nothing`, async (t) => {
    const { victim, page, token } = await setup(t, fixture[kind]);
    const signed: RequestInit = { headers: { Authorization: `Bearer ${token}` } };
    for (const [path, init] of [['/models', {}], ['/models', { credentials: 'include' }], ['/me', signed]] as const) {
      assert.equal(await read(victim, path, init), 'cors 200');
      fixture.take();
      assert.equal(await read(page, path, init), 'TypeError');
      const seen = fixture.take();
      assert.deepEqual(seen.flatMap(corsOf), []);
      const first = path === '/me' ? 'OPTIONS' : 'GET';
      assert.deepEqual(seen.map(({ method }) => method), [first], 'a preflight holds the call back');
    }
  });

  test(`a page of a ${kind} signs no account in`, async (t) => {
    const { context, victim, page } = await setup(t, fixture[kind]);
    const before = await cookiesOf(context);
    const body = JSON.stringify({ ...fixture.account, cookie: true });
    await read(page, '/auth/signin', { method: 'POST', mode: 'no-cors', credentials: 'include', body });
    assert.deepEqual(fixture.take().map(code), ['415 unsupported_media_type']);
    const json = { method: 'POST', credentials: 'include', headers: { 'Content-Type': 'application/json' }, body } as const;
    assert.equal(await read(page, '/auth/signin', json), 'TypeError');
    assert.deepEqual(fixture.take().map(({ method }) => method), ['OPTIONS']);
    await unharmed(context, victim, before);
  });
}

test('another site sends no cookies with its forged calls', async (t) => {
  const { context, victim, page } = await setup(t, fixture.stranger);
  const before = await cookiesOf(context);
  const answers: Exchange[] = [];
  for (const path of ['/auth/refresh', '/auth/signout']) {
    answers.push(await postForm(page, path));
    assert.equal(await read(page, path, { method: 'POST', mode: 'no-cors', credentials: 'include' }), 'opaque 0');
    answers.push(...fixture.take());
  }
  assert.deepEqual(
    answers.map(code),
    [...Array(2).fill('401 invalid_refresh_token'), ...Array(2).fill('401 unauthenticated')],
  );
  for (const { sent } of answers) assert.equal(sent.cookie, undefined);

  // SameSite=Lax would let them go along with a link.
  const target = `${fixture.api}/auth/refresh`;
  await Promise.all([page.waitForURL(target), page.evaluate((url) => location.assign(url), target)]);
  const [link] = fixture.take();
  assert.deepEqual([link?.status, link?.sent.cookie], [405, undefined]);
  await unharmed(context, victim, before);
});

test('another origin of the same site sends the cookies, but no CSRF token', async (t) => {
  const { context, victim, page } = await setup(t, fixture.sister);
  const before = await cookiesOf(context);
  const forged = await postForm(page, '/auth/refresh');
  assert.ok(forged.sent.cookie?.includes('mugshot_refresh='), 'or else this shows nothing');
  assert.equal(code(forged), '403 csrf_failed');
  assert.equal(await read(page, '/auth/refresh', { method: 'POST', mode: 'no-cors', credentials: 'include' }), 'opaque 0');
  assert.deepEqual(fixture.take().map(code), ['403 csrf_failed']);

  // It can even read the token; a header that no form can send still needs a preflight.
  const stolen = { 'X-CSRF-Token': before.csrf?.value ?? '' };
  assert.equal(await read(page, '/auth/refresh', { method: 'POST', credentials: 'include', headers: stolen }), 'TypeError');
  assert.deepEqual(fixture.take().map(({ method }) => method), ['OPTIONS']);
  await unharmed(context, victim, before);
});

test('a CSRF token that is wrong, or of another session, is refused', async (t) => {
  const { context, victim, token } = await setup(t, fixture.app);
  const before = await cookiesOf(context);
  const attempt = async (headers: Record<string, string>) => {
    const refresh = await read(victim, '/auth/refresh', { method: 'POST', credentials: 'include', headers });
    const signOut = await read(victim, '/auth/signout', {
      method: 'POST', credentials: 'include', headers: { ...headers, Authorization: `Bearer ${token}` },
    });
    assert.deepEqual([refresh, signOut], ['cors 403', 'cors 403']);
    const answers = fixture.take().filter(({ method }) => method === 'POST');
    assert.deepEqual(answers.map(code), ['403 csrf_failed', '403 csrf_failed']);
  };
  await attempt({});
  await attempt({ 'X-CSRF-Token': 'x'.repeat(43) });

  // A pair that fits, but is the attacker's own, planted from a page of the same site.
  const attacker = await fixture.profile(t);
  await signInOn(await openApp(attacker), fixture.account);
  const { csrf } = await cookiesOf(attacker);
  assert.ok(csrf);
  const sister = await open(context, fixture.sister);
  await sister.evaluate((cookie) => {
    document.cookie = cookie;
  }, `mugshot_csrf=${csrf.value}; domain=${domain}; path=/; secure`);
  assert.equal((await cookiesOf(context)).csrf?.value, csrf.value, 'it is planted');
  fixture.take();
  await attempt({ 'X-CSRF-Token': csrf.value });

  assert.ok(before.csrf);
  await context.addCookies([before.csrf]);
  await unharmed(context, victim, { ...before, csrf: (await cookiesOf(context)).csrf });
});
