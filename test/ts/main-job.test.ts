import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import {
  confirmEmail, createMugshotClient, createProject, followJob, type Job, listCredits, memorySession, queueProject,
  signIn, signUp, startAuth,
} from '@mugshot-studio/sdk';
import { confirmationCode } from './mail.js';
import { pngSize } from './png.js';
import { type Stack, startProxiedStack } from './stack.js';

let stack: Stack;
before(async () => {
  stack = await startProxiedStack();
});
after(() => stack.stop());

test('the main job: from an address to a finished picture', { timeout: 120_000 }, async () => {
  const session = memorySession();
  const client = createMugshotClient({ baseUrl: stack.baseUrl, session });
  const name = randomUUID().slice(0, 18);
  const email = `${name}@example.com`;
  const password = `paint-${randomUUID()}`;

  const { data: started } = await startAuth({ client, body: { email } });
  assert.deepEqual(started, { exists: false, next: 'create_account' });

  const { data: signedUp } = await signUp({
    client,
    body: { email, password, confirm_password: password, username: name, full_name: 'Ada Lovelace', dob: '1995-12-10' },
  });
  assert.equal(signedUp.next, 'confirm_email');

  const { data: confirmed } = await confirmEmail({ client, body: { email, code: await confirmationCode(stack.mailDir, email) } });
  assert.equal(confirmed.email_confirmed, true);

  const { data: signedIn } = await signIn({ client, body: { email, password } });
  assert.equal(signedIn.user.id, signedUp.user_id);
  await session.set(signedIn);

  await stack.grant(email, 10);
  const funded = signedIn.user.credits + 10;

  const { data: project } = await createProject({
    client,
    body: { mode: 'design', platform: 'youtube', prompt: { headline: 'I built a robot', vibe: 'neon cyberpunk' }, seed: 7 },
  });
  assert.deepEqual([project.status, project.width, project.height], ['draft', 1280, 720]);

  const { data: queued } = await queueProject({
    client,
    path: { project_id: project.id },
    headers: { 'Idempotency-Key': randomUUID() },
    body: { quality: 'std', variants: 1 },
  });
  assert.equal(queued.credits_left, funded - queued.cost_credits);

  let job: Job | undefined;
  for await (const next of followJob({ client, jobId: queued.job_id })) {
    assert.ok(!job || next.version > job.version, 'versions grow');
    job = next;
  }
  assert.equal(job?.status, 'succeeded', JSON.stringify(job?.error));
  assert.deepEqual([job.progress, job.renders.length], [100, 1]);

  const asset = job.renders[0]?.asset;
  assert.ok(asset);
  const picture = await fetch(asset.url);
  assert.deepEqual([picture.status, picture.headers.get('Content-Type')], [200, 'image/png']);
  const bytes = Buffer.from(await picture.arrayBuffer());
  assert.deepEqual(pngSize(bytes), { width: 1280, height: 720 });
  assert.equal(bytes.length, asset.size_bytes);

  const { data: ledger } = await listCredits({ client });
  assert.equal(ledger.balance, funded - queued.cost_credits);
  assert.equal(ledger.items.reduce((sum, { delta }) => sum + delta, 0), ledger.balance);
  assert.deepEqual(
    ledger.items.slice(0, 2).map(({ reason, delta, job_id }) => ({ reason, delta, job_id })),
    [
      { reason: 'job_charge', delta: -queued.cost_credits, job_id: queued.job_id },
      { reason: 'grant', delta: 10, job_id: undefined },
    ],
  );
});
