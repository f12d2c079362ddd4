import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { test, type TestContext } from 'node:test';
import { createMugshotClient, followJob, memorySession, MugshotError, waitForJob } from '../sdk/index.js';
import { job, session } from './fixtures.js';
import { fail, json, serve, type Handler } from './server.js';

/** A job whose stream and row answer as told. */
async function setup(t: TestContext, stream: Handler, row: Handler = (_, response) => json(response, 200, job(1))) {
  const baseUrl = await serve(t, (request, response) => (request.url?.endsWith('/events') ? stream : row)(request, response));
  const client = createMugshotClient({ baseUrl, session: memorySession(session(1)) });
  return { client, jobId: job(1).id, retryDelay: 1 };
}

function open(response: ServerResponse): void {
  response.writeHead(200, { 'Content-Type': 'text/event-stream' }).write(': connected\n\n');
}

function send(response: ServerResponse, version: number): void {
  response.write(`id: ${version}\nevent: job\ndata: ${JSON.stringify(job(version))}\n\n`);
}

async function versions(options: Parameters<typeof followJob>[0]): Promise<number[]> {
  const all: number[] = [];
  for await (const { version } of followJob(options)) all.push(version);
  return all;
}

test('a stream is followed to its end', async (t) => {
  const options = await setup(t, (_, response) => {
    open(response);
    for (const version of [1, 4, 9]) send(response, version);
    response.end();
  });
  assert.deepEqual(await versions(options), [1, 4, 9]);
  assert.equal((await waitForJob(options)).status, 'succeeded');
});

test('a broken stream goes on where it was', async (t) => {
  const resumed: unknown[] = [];
  const options = await setup(t, (request, response) => {
    resumed.push(request.headers['last-event-id']);
    open(response);
    if (resumed.length === 1) send(response, 1);
    if (resumed.length === 1) response.write(`id: 2\ndata: ${JSON.stringify(job(2))}\n\n`, () => response.destroy());
    else for (const version of [2, 9]) send(response, version);
  });
  assert.deepEqual(await versions(options), [1, 2, 9]);
  assert.deepEqual(resumed, [undefined, '2']);
});

test('a job is polled where streams do not get through', async (t) => {
  const rows = [1, 1, 3, 9];
  const options = await setup(
    t,
    (_, response) => void response.writeHead(502, { 'Content-Type': 'text/html' }).end('no'),
    (_, response) => json(response, 200, job(rows.shift() ?? assert.fail('polled a finished job'))),
  );
  assert.deepEqual(await versions(options), [1, 3, 9]);
});

test('a stream that has fallen silent is given up', async (t) => {
  const options = await setup(t, (_, response) => open(response), (_, response) => json(response, 200, job(9)));
  assert.deepEqual(await versions({ ...options, quietTimeout: 20 }), [9]);
});

test('a server that is away is waited for', async (t) => {
  let reads = 0;
  const options = await setup(
    t,
    (_, response) => fail(response, 503, 'unavailable'),
    (_, response) => (++reads < 3 ? fail(response, 503, 'unavailable') : json(response, 200, job(9))),
  );
  assert.deepEqual(await versions(options), [9]);
});

test('a job that is not there rejects', async (t) => {
  const missing: Handler = (_, response) => fail(response, 404, 'not_found');
  const options = await setup(t, missing, missing);
  await assert.rejects(waitForJob(options), (error) => error instanceof MugshotError && error.code === 'not_found');
});

test('an abort ends the waiting and the connection', async (t) => {
  const abort = new AbortController();
  const reason = new Error('left the page');
  let gone: Promise<unknown> | undefined;
  const options = await setup(t, (_, response) => {
    gone = once(response, 'close');
    open(response);
    send(response, 1);
  });
  await assert.rejects(async () => {
    for await (const _ of followJob({ ...options, signal: abort.signal })) abort.abort(reason);
  }, reason);
  await gone;
});

test('leaving the loop closes the connection', async (t) => {
  let gone: Promise<unknown> | undefined;
  const options = await setup(t, (_, response) => {
    gone = once(response, 'close');
    open(response);
    send(response, 1);
  });
  for await (const _ of followJob(options)) break;
  await gone;
});

test('a job whose end was seen is not waited for', async (t) => {
  const options = await setup(
    t,
    (_, response) => void response.writeHead(204).end(),
    (_, response) => json(response, 200, job(9)),
  );
  assert.deepEqual(await versions(options), [9]);
});
