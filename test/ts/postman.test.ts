import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { after, before, test } from 'node:test';
import { confirmEmail, createMugshotClient, signIn, signUp } from '@mugshot-studio/sdk';
import { confirmationCode } from './mail.js';
import { type Stack, startStack } from './stack.js';

/** The part of newman that is used here; it brings no types. */
interface Newman {
  run(options: object, done: (error: Error | null, summary: Summary) => void): void;
}
interface Summary {
  run: {
    executions: { item: { name: string }; response?: { code: number } }[];
    failures: { source: { name: string }; error: { message: string } }[];
  };
}
interface Request {
  name: string;
  request: { method: string };
}

const newman = createRequire(new URL('../../../tools/', import.meta.url))('newman') as Newman;
const path = '../../gen/postman/collection.json';

let stack: Stack;
before(async () => {
  stack = await startStack();
});
after(() => stack.stop());

async function sessionToken(): Promise<string> {
  const client = createMugshotClient({ baseUrl: stack.baseUrl });
  const username = randomUUID().slice(0, 18);
  const email = `${username}@example.com`;
  const password = `paint-${randomUUID()}`;
  await signUp({ client, body: { email, password, confirm_password: password, username, full_name: 'Ada Lovelace', dob: '1995-12-10' } });
  await confirmEmail({ client, body: { email, code: await confirmationCode(stack.mailDir, email) } });
  return (await signIn({ client, body: { email, password } })).data.session_token;
}

/** Ranks deletions, and the end of the session, behind the requests that they would break. */
const harm = ({ name, request }: Request): number => (name === 'signOut' ? 2 : request.method === 'DELETE' ? 1 : 0);

test('the Postman collection runs, and each answer is one that the spec declares', { timeout: 120_000 }, async () => {
  const collection = JSON.parse(await readFile(path, 'utf8')) as { item: { item: Request[] }[] };
  const requests = collection.item
    .flatMap(({ item }) => item)
    .filter(({ name }) => name !== 'streamChatEvents') // which has no end to wait for
    .sort((a, b) => harm(a) - harm(b));
  const token = await sessionToken();
  const { run } = await new Promise<Summary>((resolve, reject) => {
    newman.run(
      {
        collection: { ...collection, item: requests },
        environment: { values: [{ key: 'baseUrl', value: stack.baseUrl }, { key: 'session_token', value: token }] },
        timeoutRequest: 30_000,
      },
      (error, summary) => (error ? reject(error) : resolve(summary)),
    );
  });
  assert.deepEqual(run.failures.map(({ source, error }) => `${source.name}: ${error.message}`), []);
  const codes = new Map(run.executions.map(({ item, response }) => [item.name, response?.code]));
  assert.equal(codes.size, requests.length);
  for (const name of ['listModels', 'createUpload', 'createProject', 'updateProject', 'queueProject', 'getJob', 'streamJobEvents', 'newChat', 'sendMessage']) {
    assert.ok((codes.get(name) ?? 0) >= 200 && (codes.get(name) ?? 0) < 300, `${name}: ${codes.get(name)}`);
  }
});
