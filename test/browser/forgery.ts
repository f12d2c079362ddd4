import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import type { BrowserContext, Page } from 'playwright-core';
import type { Exchange } from './wire.js';
import { type Cookies, cookiesOf, domain, open, openApp, signInOn, whoAmI, world } from './world.js';

/** A victim who is signed in to the app, and who then comes to a page of another origin. */
async function setup(t: TestContext, origin: string) {
  const context = await world.profile(t);
  const victim = await openApp(context);
  const { session_token: token } = await signInOn(victim, world.account);
  const page = await open(context, origin);
  world.take();
  return { context, victim, page, token };
}

/** What a script gets to see of an answer. */
const read = (page: Page, path: string, init: RequestInit): Promise<string> =>
  page.evaluate(
    ([url, options]) => fetch(url, options).then((answer) => `${answer.type} ${answer.status}`, (error) => error.name),
    [world.api + path, init] as const,
  );

/** Posts a form without fields, which needs nobody's leave, and answers what passed. */
async function postForm(page: Page, path: string): Promise<Exchange> {
  const arrived = page.waitForURL(world.api + path);
  await page.evaluate((action) => {
    const form = Object.assign(document.createElement('form'), { action, method: 'post' });
    document.body.append(form);
    form.submit();
  }, world.api + path);
  await arrived;
  const [exchange] = world.take();
  assert.ok(exchange);
  await page.goBack();
  return exchange;
}

/** The session goes on as if nothing had happened: nobody has spent its token, or changed its cookies. */
async function unharmed(context: BrowserContext, victim: Page, before: Cookies): Promise<void> {
  assert.deepEqual(await cookiesOf(context), before);
  await victim.reload();
  assert.equal(await whoAmI(victim), world.account.email);
}

const code = ({ status, body }: Exchange) => `${status} ${JSON.parse(body).error.code}`;
const corsOf = ({ got }: Exchange) => Object.keys(got).filter((name) => name.startsWith('access-control-'));

for (const kind of ['sister', 'stranger'] as const) {
  test(`a page of a ${kind} reads nothing`, async (t) => {
    const { victim, page, token } = await setup(t, world[kind]);
    const signed: RequestInit = { headers: { Authorization: `Bearer ${token}` } };
    for (const [path, init] of [['/models', {}], ['/models', { credentials: 'include' }], ['/me', signed]] as const) {
      assert.equal(await read(victim, path, init), 'cors 200');
      world.take();
      assert.equal(await read(page, path, init), 'TypeError');
      const seen = world.take();
      assert.deepEqual(seen.flatMap(corsOf), []);
      const first = path === '/me' ? 'OPTIONS' : 'GET';
      assert.deepEqual(seen.map(({ method }) => method), [first], 'a preflight holds the call back');
    }
  });

  test(`a page of a ${kind} signs nobody in`, async (t) => {
    const { context, victim, page } = await setup(t, world[kind]);
    const before = await cookiesOf(context);
    const body = JSON.stringify({ ...world.account, cookie: true });
    await read(page, '/auth/signin', { method: 'POST', mode: 'no-cors', credentials: 'include', body });
    assert.deepEqual(world.take().map(code), ['415 unsupported_media_type']);
    const json = { method: 'POST', credentials: 'include', headers: { 'Content-Type': 'application/json' }, body } as const;
    assert.equal(await read(page, '/auth/signin', json), 'TypeError');
    assert.deepEqual(world.take().map(({ method }) => method), ['OPTIONS']);
    await unharmed(context, victim, before);
  });
}

test('another site sends no cookies with its forged calls', async (t) => {
  const { context, victim, page } = await setup(t, world.stranger);
  const before = await cookiesOf(context);
  const answers: Exchange[] = [];
  for (const path of ['/auth/refresh', '/auth/signout']) {
    answers.push(await postForm(page, path));
    assert.equal(await read(page, path, { method: 'POST', mode: 'no-cors', credentials: 'include' }), 'opaque 0');
    answers.push(...world.take());
  }
  assert.deepEqual(
    answers.map(code),
    [...Array(2).fill('401 invalid_refresh_token'), ...Array(2).fill('401 unauthenticated')],
  );
  for (const { sent } of answers) assert.equal(sent.cookie, undefined);

  // SameSite=Lax would let them go along with a link.
  const target = `${world.api}/auth/refresh`;
  await Promise.all([page.waitForURL(target), page.evaluate((url) => location.assign(url), target)]);
  const [link] = world.take();
  assert.deepEqual([link?.status, link?.sent.cookie], [405, undefined]);
  await unharmed(context, victim, before);
});

test('another origin of the same site sends the cookies, but no CSRF token', async (t) => {
  const { context, victim, page } = await setup(t, world.sister);
  const before = await cookiesOf(context);
  const forged = await postForm(page, '/auth/refresh');
  assert.ok(forged.sent.cookie?.includes('mugshot_refresh='), 'or else this shows nothing');
  assert.equal(code(forged), '403 csrf_failed');
  assert.equal(await read(page, '/auth/refresh', { method: 'POST', mode: 'no-cors', credentials: 'include' }), 'opaque 0');
  assert.deepEqual(world.take().map(code), ['403 csrf_failed']);

  // It can even read the token; a header that no form can send still needs leave.
  const stolen = { 'X-CSRF-Token': before.csrf?.value ?? '' };
  assert.equal(await read(page, '/auth/refresh', { method: 'POST', credentials: 'include', headers: stolen }), 'TypeError');
  assert.deepEqual(world.take().map(({ method }) => method), ['OPTIONS']);
  await unharmed(context, victim, before);
});

test('a CSRF token that is wrong, or of another session, is refused', async (t) => {
  const { context, victim, token } = await setup(t, world.app);
  const before = await cookiesOf(context);
  const attempt = async (headers: Record<string, string>) => {
    const refresh = await read(victim, '/auth/refresh', { method: 'POST', credentials: 'include', headers });
    const signOut = await read(victim, '/auth/signout', {
      method: 'POST', credentials: 'include', headers: { ...headers, Authorization: `Bearer ${token}` },
    });
    assert.deepEqual([refresh, signOut], ['cors 403', 'cors 403']);
    const answers = world.take().filter(({ method }) => method === 'POST');
    assert.deepEqual(answers.map(code), ['403 csrf_failed', '403 csrf_failed']);
  };
  await attempt({});
  await attempt({ 'X-CSRF-Token': 'x'.repeat(43) });

  // A pair that fits, but is the attacker's own, planted from a page of the same site.
  const attacker = await world.profile(t);
  await signInOn(await openApp(attacker), world.account);
  const { csrf } = await cookiesOf(attacker);
  assert.ok(csrf);
  const sister = await open(context, world.sister);
  await sister.evaluate((cookie) => {
    document.cookie = cookie;
  }, `mugshot_csrf=${csrf.value}; domain=${domain}; path=/; secure`);
  assert.equal((await cookiesOf(context)).csrf?.value, csrf.value, 'it is planted');
  world.take();
  await attempt({ 'X-CSRF-Token': csrf.value });

  assert.ok(before.csrf);
  await context.addCookies([before.csrf]);
  await unharmed(context, victim, { ...before, csrf: (await cookiesOf(context)).csrf });
});
