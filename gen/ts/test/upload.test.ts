import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { type Asset, createMugshotClient, memorySession, MugshotError, uploadAsset } from '../sdk/index.js';
import { session } from './fixtures.js';
import { body, fail, type Handler, json, serve } from './server.js';

const id = '0199f3a7-0a1b-7c2d-9e3f-4a5b6c7d8e9f';
const file = new Blob([new Uint8Array(1000).fill(7)], { type: 'image/png' });

/** An API whose storage answers as told; what came to either is written down. */
async function setup(t: TestContext, storage: Handler = (_, response) => void response.end()) {
  const seen: unknown[] = [];
  const baseUrl = await serve(t, async (request, response) => {
    switch (request.url) {
      case '/api/v1/assets/uploads':
        seen.push(await body(request));
        return json(response, 201, {
          asset_id: id, method: 'PUT', url: `${baseUrl}/storage?token=t`, headers: { 'Content-Type': 'image/png' },
          expires_at: '2026-11-21T19:05:12Z',
        });
      case '/api/v1/storage?token=t': {
        let bytes = 0;
        for await (const chunk of request) bytes += (chunk as Buffer).length;
        const { method, headers } = request;
        seen.push({ method, bytes, type: headers['content-type'], length: headers['content-length'], token: headers.authorization });
        return storage(request, response);
      }
      case `/api/v1/assets/uploads/${id}/complete`:
        seen.push('complete');
        return json(response, 201, { id, type: 'selfie' } satisfies Partial<Asset>);
      default:
        return fail(response, 404, 'not_found');
    }
  });
  const client = createMugshotClient({ baseUrl, session: memorySession(session(1)) });
  return { seen, options: { client, type: 'selfie', file } as const };
}

const failsWith = (code: string) => (error: unknown) => error instanceof MugshotError && error.code === code;

test('a file is announced, sent without our token, and checked', async (t) => {
  const { seen, options } = await setup(t);
  const progress: number[][] = [];
  const asset = await uploadAsset({ ...options, onProgress: (...step) => progress.push(step) });
  assert.equal(asset.id, id);
  assert.deepEqual(seen, [
    { type: 'selfie', content_type: 'image/png', size_bytes: 1000 },
    { method: 'PUT', bytes: 1000, type: 'image/png', length: '1000', token: undefined },
    'complete',
  ]);
  assert.deepEqual(progress.at(-1), [1000, 1000]);
});

test('a storage that refuses the file, or is away, is told apart', async (t) => {
  const { options: refused, seen } = await setup(t, (_, response) => void response.writeHead(403).end());
  await assert.rejects(uploadAsset(refused), failsWith('upload_missing'));
  assert.ok(!seen.includes('complete'));
  const { options: broken } = await setup(t, (_, response) => void response.writeHead(503).end());
  await assert.rejects(uploadAsset(broken), failsWith('unavailable'));
  const { options: cut } = await setup(t, (_, response) => void response.destroy());
  await assert.rejects(uploadAsset(cut), failsWith('unavailable'));
});

test('an upload can be aborted', async (t) => {
  const abort = new AbortController();
  const { options, seen } = await setup(t, () => abort.abort(new Error('enough')));
  await assert.rejects(uploadAsset({ ...options, signal: abort.signal }), /enough/);
  assert.ok(!seen.includes('complete'));
});
