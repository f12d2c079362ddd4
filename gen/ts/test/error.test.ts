import assert from 'node:assert/strict';
import { test } from 'node:test';
import { configureMugshot, createMugshotClient, getMe, listModels, MugshotError, type ErrorCode } from '../sdk/index.js';
import { fail, json, serve } from './server.js';

/** Does not compile when a code of the contract is missing. */
function sentence(code: ErrorCode): string {
  switch (code) {
    case 'validation_failed': case 'malformed_json': case 'invalid_cursor': case 'payload_too_large':
    case 'unsupported_media_type': case 'method_not_allowed': case 'not_found': case 'upload_missing':
      return 'a mistake in the program';
    case 'invalid_code': case 'invalid_reset_token': case 'invalid_image': case 'face_check_failed':
    case 'email_taken': case 'username_taken': case 'content_blocked': case 'face_swap_blocked':
      return 'something to change';
    case 'unauthenticated': case 'invalid_credentials': case 'invalid_refresh_token': case 'email_not_confirmed':
    case 'second_factor_required': case 'csrf_failed':
      return 'something to prove';
    case 'version_conflict': case 'insufficient_credits': case 'idempotency_conflict': case 'model_unavailable':
    case 'job_finished': case 'asset_in_use': case 'asset_missing': case 'quota_exceeded': case 'request_timeout':
      return 'not in this state';
    case 'rate_limited': case 'account_locked': case 'unavailable':
      return 'later';
    case 'internal':
      return 'our fault';
    default:
      return code satisfies never;
  }
}

async function caught(call: Promise<unknown>): Promise<MugshotError> {
  const error = await call.then(() => assert.fail('it succeeded'), (reason: unknown) => reason);
  assert.ok(error instanceof MugshotError, String(error));
  return error;
}

test('an envelope arrives typed, with its fields', async (t) => {
  const fields = [{ field: 'limit', in: 'query', code: 'maximum', message: 'At most 100.' }];
  const baseUrl = await serve(t, (_, response) => {
    response.setHeader('Retry-After', '7');
    json(response, 400, { error: { code: 'validation_failed', message: 'Look again.', details: { fields } } });
  });
  const error = await caught(listModels({ client: createMugshotClient({ baseUrl }) }));
  assert.equal(sentence(error.code), 'a mistake in the program');
  assert.deepEqual(error.fields, fields);
  assert.equal(error.message, 'Look again.');
  assert.deepEqual([error.status, error.requestId, error.retryAfter], [400, 'req-1', 7]);
});

test('an error can be returned instead of thrown', async (t) => {
  const baseUrl = await serve(t, (_, response) => fail(response, 401, 'unauthenticated'));
  const { data, error } = await getMe({ client: createMugshotClient({ baseUrl }), throwOnError: false });
  assert.equal(data, undefined);
  assert.equal(error?.error.code, 'unauthenticated');
});

test("a proxy's page gets the code that fits its status", async (t) => {
  const baseUrl = await serve(t, (request, response) => {
    response.writeHead(Number(request.headers['x-status']), { 'Content-Type': 'text/html' }).end('<h1>Oops</h1>');
  });
  const client = createMugshotClient({ baseUrl });
  const code = async (status: number) => (await caught(listModels({ client, headers: { 'X-Status': status } }))).code;
  assert.equal(await code(502), 'unavailable');
  assert.equal(await code(413), 'payload_too_large');
  assert.equal(await code(500), 'internal');
});

test('a server that is not there is unavailable', async () => {
  const fetch = () => Promise.reject(new TypeError('connection refused'));
  const error = await caught(listModels({ client: createMugshotClient({ fetch, baseUrl: 'http://127.0.0.1/api/v1' }) }));
  assert.deepEqual([error.code, error.status], ['unavailable', 0]);
  assert.ok(error.cause instanceof TypeError);
});

test("an aborted call rejects with the signal's reason", async (t) => {
  const reason = new Error('left the page');
  const abort = new AbortController();
  const baseUrl = await serve(t, () => abort.abort(reason));
  const call = listModels({ client: createMugshotClient({ baseUrl }), signal: abort.signal });
  await assert.rejects(call, reason);
});

test('the shared client serves calls that name none', async (t) => {
  const baseUrl = await serve(t, (_, response) => json(response, 200, { items: [], next_cursor: null }));
  configureMugshot({ baseUrl });
  const { data } = await listModels();
  assert.deepEqual(data.items, []);
});
