import assert from 'node:assert/strict';
import { test } from 'node:test';
import { open, fixture } from './fixture.js';

const portrait = '../../internal/assets/inspect/testdata/face.jpg';

test('a front end made with Vite, React and TanStack Query from the packed SDK works', async (t) => {
  const page = await open(await fixture.profile(t), `${fixture.app}/web/index.html?api=${encodeURIComponent(fixture.api)}`);
  await page.getByRole('list', { name: 'platforms' }).getByText('YouTube', { exact: true }).waitFor();

  const signIn = async (password: string) => {
    await page.locator('input[name=email]').fill(fixture.account.email);
    await page.locator('input[name=password]').fill(password);
    await page.getByRole('button', { name: 'Sign in' }).click();
  };
  await signIn(`not ${fixture.account.password}`);
  await page.getByText('E-mail or password is wrong.').waitFor();
  await signIn(fixture.account.password);
  await page.getByRole('heading', { name: 'Ada Lovelace' }).waitFor();

  await page.locator('input[type=file]').setInputFiles(portrait);
  const photo = page.getByRole('img', { name: 'profile' });
  await photo.waitFor();
  assert.equal(await page.locator('progress').getAttribute('value'), '100');
  const width = await photo.evaluate((image: HTMLImageElement) => image.decode().then(() => image.naturalWidth));
  assert.ok(width > 0);
  const { pathname } = new URL((await photo.getAttribute('src')) ?? '', fixture.api);
  assert.match(pathname, /profile_photo/);
});
