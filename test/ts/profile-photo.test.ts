import assert from 'node:assert/strict';
import { createHash, randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import {
  completeUpload, confirmEmail, createMugshotClient, getMe, memorySession, MugshotError, signIn, signUp, uploadAsset,
} from '@mugshot-studio/sdk';
import { confirmationCode } from './mail.js';
import { type Stack, startProxiedStack } from './stack.js';

const portrait = '../../internal/assets/inspect/testdata/face.jpg';

let stack: Stack;
before(async () => {
  stack = await startProxiedStack();
});
after(() => stack.stop());

async function member() {
  const session = memorySession();
  const client = createMugshotClient({ baseUrl: stack.baseUrl, session });
  const username = randomUUID().slice(0, 18);
  const email = `${username}@example.com`;
  const password = `paint-${randomUUID()}`;
  await signUp({ client, body: { email, password, confirm_password: password, username, full_name: 'Ada Lovelace', dob: '1995-12-10' } });
  await confirmEmail({ client, body: { email, code: await confirmationCode(stack.mailDir, email) } });
  const { data } = await signIn({ client, body: { email, password } });
  await session.set(data);
  return client;
}

test('a profile photo goes straight to the storage, is checked, and shows on the account', { timeout: 120_000 }, async () => {
  const client = await member();
  const file = await readFile(portrait);
  const photo = await uploadAsset({ client, type: 'profile_photo', file: new Blob([file], { type: 'image/jpeg' }) });
  assert.equal(photo.type, 'profile_photo');
  const { response: again } = await completeUpload({ client, path: { asset_id: photo.id } });
  assert.equal(again.status, 200);

  const { data: me } = await getMe({ client });
  assert.equal(me.profile_photo?.id, photo.id);
  const shown = await fetch(me.profile_photo.url);
  const bytes = Buffer.from(await shown.arrayBuffer());
  assert.deepEqual([shown.status, shown.headers.get('Content-Type')], [200, 'image/jpeg']);
  assert.equal(createHash('md5').update(bytes).digest('hex'), photo.md5);
});

test('what is no picture of a face is refused, and leaves nothing', { timeout: 120_000 }, async () => {
  const client = await member();
  const file = Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"/>');
  await assert.rejects(
    uploadAsset({ client, type: 'profile_photo', file: new Blob([file]), contentType: 'image/jpeg' }),
    (error) => error instanceof MugshotError && error.code === 'invalid_image',
  );
  const { data: me } = await getMe({ client });
  assert.equal(me.profile_photo, null);
});
