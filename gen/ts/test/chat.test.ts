import assert from 'node:assert/strict';
import type { ServerResponse } from 'node:http';
import { test, type TestContext } from 'node:test';
import { createMugshotClient, followChat, followReply, memorySession, type Message, MugshotError, waitForReply } from '../sdk/index.js';
import { reply, session } from './fixtures.js';
import { fail, json, serve, type Handler } from './server.js';

/** A chat whose stream and messages answer as told. */
async function setup(t: TestContext, stream: Handler, list: Handler = (_, response) => json(response, 200, { items: [], next_cursor: null })) {
  const baseUrl = await serve(t, (request, response) => (request.url?.endsWith('/events') ? stream : list)(request, response));
  const client = createMugshotClient({ baseUrl, session: memorySession(session(1)) });
  const { id: messageId, chat_id: chatId } = reply('');
  return { client, chatId, messageId, retryDelay: 1 };
}

function open(response: ServerResponse): void {
  response.writeHead(200, { 'Content-Type': 'text/event-stream' }).write(': connected\n\n');
}

function whole(response: ServerResponse, revision: number, message: Message): void {
  response.write(`id: ${message.seq}.${revision}\nevent: message\ndata: ${JSON.stringify(message)}\n\n`);
}

function delta(response: ServerResponse, text: string): void {
  response.write(`event: delta\ndata: ${JSON.stringify({ message_id: reply('').id, text })}\n\n`);
}

async function texts(messages: AsyncIterable<Message>): Promise<string[]> {
  const all: string[] = [];
  for await (const { content } of messages) all.push(content);
  return all;
}

test('a reply grows by its deltas', async (t) => {
  const options = await setup(t, (_, response) => {
    open(response);
    whole(response, 2, reply('So '));
    delta(response, 'far ');
    delta(response, 'so\n\ngood 😀');
    whole(response, 5, reply('So far so\n\ngood 😀!', 'complete'));
  });
  assert.deepEqual(await texts(followReply(options)), ['So ', 'So far ', 'So far so\n\ngood 😀', 'So far so\n\ngood 😀!']);
  assert.equal((await waitForReply(options)).status, 'complete');
});

test('a reply that was cut off begins anew where the server says so', async (t) => {
  const resumed: unknown[] = [];
  const options = await setup(t, (request, response) => {
    resumed.push(request.headers['last-event-id']);
    open(response);
    if (resumed.length > 1) {
      whole(response, 4, reply('Another '));
      delta(response, 'try');
      whole(response, 6, reply('Another try', 'failed'));
      return;
    }
    whole(response, 2, reply('One '));
    response.write(`event: delta\ndata: ${JSON.stringify({ message_id: reply('').id, text: 'try' })}\n\n`, () => response.destroy());
  });
  assert.deepEqual(await texts(followReply(options)), ['One ', 'One try', 'Another ', 'Another try', 'Another try']);
  assert.deepEqual(resumed, [undefined, '2.2']);
});

test('following ends with its chat', async (t) => {
  let deleted = false;
  const options = await setup(
    t,
    (_, response) => {
      deleted = true;
      open(response);
      whole(response, 2, reply('Bye', 'complete'));
      response.end();
    },
    (_, response) => (deleted ? fail(response, 404, 'not_found') : json(response, 200, { items: [], next_cursor: null })),
  );
  assert.deepEqual(await texts(followChat(options)), ['Bye']);
});

test('a chat that is not there rejects', async (t) => {
  const missing: Handler = (_, response) => fail(response, 404, 'not_found');
  const options = await setup(t, missing, missing);
  await assert.rejects(texts(followChat(options)), (error) => error instanceof MugshotError && error.code === 'not_found');
});

test('a connection that has fallen silent is replaced', async (t) => {
  let opened = 0;
  const options = await setup(t, (_, response) => {
    open(response);
    if (++opened > 1) whole(response, 2, reply('Here', 'complete'));
  });
  assert.equal((await waitForReply({ ...options, quietTimeout: 20 })).content, 'Here');
});

test('whoever follows may stop it', async (t) => {
  const options = await setup(t, (_, response) => open(response));
  const controller = new AbortController();
  setTimeout(() => controller.abort(new Error('enough')), 10);
  await assert.rejects(waitForReply({ ...options, signal: controller.signal }), /enough/);
});
