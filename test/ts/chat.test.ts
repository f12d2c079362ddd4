import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import {
  confirmEmail, createMugshotClient, createProject, followReply, listMessages, memorySession, newChat, queueProject, sendMessage,
  signIn, signUp, stopReply, waitForJob, waitForReply,
} from '@mugshot-studio/sdk';
import { confirmationCode } from './mail.js';
import { pngSize } from './png.js';
import { startProxiedStack } from './stack.js';

let stack: Awaited<ReturnType<typeof startProxiedStack>>;
before(async () => {
  stack = await startProxiedStack();
});
after(() => stack.stop());

async function signedIn() {
  const session = memorySession();
  const client = createMugshotClient({ baseUrl: stack.baseUrl, session });
  const live = createMugshotClient({ baseUrl: stack.direct, session });
  const name = randomUUID().slice(0, 18);
  const email = `${name}@example.com`;
  const password = `paint-${randomUUID()}`;
  await signUp({
    client,
    body: { email, password, confirm_password: password, username: name, full_name: 'Ada Lovelace', dob: '1995-12-10' },
  });
  await confirmEmail({ client, body: { email, code: await confirmationCode(stack.mailDir, email) } });
  await session.set((await signIn({ client, body: { email, password } })).data);
  await stack.grant(email, 10);
  return { client, live };
}

test('from a talk to a picture', { timeout: 120_000 }, async () => {
  const { client, live } = await signedIn();
  const { data: chat } = await newChat({ client, body: { session_name: 'Robots' } });
  assert.ok(chat.url.endsWith(`/c/${chat.chat_id}`));

  const { data: sent } = await sendMessage({
    client,
    path: { chat_id: chat.chat_id },
    headers: { 'Idempotency-Key': randomUUID() },
    body: { content: 'I need a thumbnail for my video about building a robot in 24 hours. Neon and dark!' },
  });
  assert.equal(sent.message.seq, 1);
  assert.ok(sent.reply);
  assert.deepEqual([sent.reply.seq, sent.reply.status], [2, 'pending']);

  let text = '';
  let steps = 0;
  let suggestion;
  for await (const reply of followReply({ client: live, chatId: chat.chat_id, messageId: sent.reply.id })) {
    assert.ok(reply.content.startsWith(text), 'the text only grows');
    if (reply.content !== text) steps++;
    text = reply.content;
    suggestion = reply.suggestion;
    assert.notEqual(reply.status, 'failed', JSON.stringify(reply.error));
  }
  assert.ok(steps > 3, `it came in ${steps} pieces`);
  assert.match(text, /Building a robot/);
  assert.doesNotMatch(text, /```|suggestion/);
  assert.ok(suggestion);
  assert.deepEqual([suggestion.platform, suggestion.prompt.headline, suggestion.prompt.vibe], ['youtube', 'Building a robot', 'neon dark']);

  const { data: page } = await listMessages({ client, path: { chat_id: chat.chat_id } });
  assert.deepEqual(page.items.map(({ seq, sender, status }) => [seq, sender, status]), [[1, 'user', 'complete'], [2, 'ai', 'complete']]);
  assert.equal(page.items[1]?.content, text);

  const { data: project } = await createProject({ client, body: suggestion });
  const { data: queued } = await queueProject({ client, path: { project_id: project.id }, body: { quality: 'draft', variants: 1 } });
  const job = await waitForJob({ client, jobId: queued.job_id });
  assert.equal(job.status, 'succeeded', JSON.stringify(job.error));
  const picture = await fetch(job.renders[0]?.asset.url ?? assert.fail('no picture'));
  assert.deepEqual(pngSize(Buffer.from(await picture.arrayBuffer())), { width: 1280, height: 720 });
});

test('a reply can be stopped, and keeps what was written', { timeout: 60_000 }, async () => {
  const { client, live } = await signedIn();
  const { data: chat } = await newChat({ client });
  const { data: sent } = await sendMessage({ client, path: { chat_id: chat.chat_id }, body: { content: 'A video about cats and dogs' } });
  assert.ok(sent.reply);
  const options = { client: live, chatId: chat.chat_id, messageId: sent.reply.id };
  let seen = '';
  for await (const { content } of followReply(options)) {
    seen = content;
    if (content.length > 20) break;
  }
  const { data: stopped } = await stopReply({ client, path: { chat_id: chat.chat_id, message_id: sent.reply.id } });
  assert.equal(stopped.status, 'complete');
  assert.ok(stopped.content.startsWith(seen.trimEnd()), `${stopped.content} keeps ${seen}`);
  assert.equal((await waitForReply(options)).content, stopped.content);
});
