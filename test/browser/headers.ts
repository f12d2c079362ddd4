import assert from 'node:assert/strict';
import { test } from 'node:test';
import { open, openApp, signInOn, whoAmI, fixture } from './fixture.js';

test('a preflight names the one origin, and no wildcard', async (t) => {
  const page = await openApp(await fixture.profile(t));
  await signInOn(page, fixture.account);
  assert.equal(await whoAmI(page), fixture.account.email);
  const preflights = fixture.take().filter(({ method }) => method === 'OPTIONS');
  assert.deepEqual(preflights.map(({ path, status }) => `${path} ${status}`), ['/api/v1/auth/signin 204', '/api/v1/me 204']);
  for (const { got } of preflights) {
    assert.equal(got['access-control-allow-origin'], fixture.app);
    assert.equal(got['access-control-allow-credentials'], 'true');
    assert.ok(got.vary?.includes('Origin'));
    for (const [name, value] of Object.entries(got)) assert.ok(!value?.includes('*'), name);
  }
});

test('every answer carries the security headers', async (t) => {
  const context = await fixture.profile(t);
  const page = await openApp(context);
  await signInOn(page, fixture.account);
  await page.evaluate(() => mugshot.signOut());
  await whoAmI(page);
  await page.goto(`${fixture.api}/models`);
  await page.goto(`${fixture.api}/nowhere`);
  const answers = fixture.take();
  assert.deepEqual(
    answers.filter(({ method }) => method !== 'OPTIONS').map(({ status }) => status), [200, 204, 401, 200, 404],
  );
  for (const { got, path } of answers) {
    assert.equal(got['x-content-type-options'], 'nosniff', path);
    assert.equal(got['referrer-policy'], 'no-referrer', path);
    assert.equal(got['content-security-policy'], "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'", path);
    assert.equal(got['cache-control'], 'no-store', path);
  }
});

test('no page may frame ours', async (t) => {
  const page = await open(await fixture.profile(t), fixture.stranger);
  for (const path of ['/docs', '/api/v1/models']) {
    const refused = page.waitForEvent('console', (message) => message.text().includes('frame-ancestors'));
    await page.evaluate(
      (src) => void document.body.append(Object.assign(document.createElement('iframe'), { src })),
      new URL(path, fixture.api).href,
    );
    assert.equal((await refused).type(), 'error');
  }
});
