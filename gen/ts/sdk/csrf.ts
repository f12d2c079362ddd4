import { errorCode } from './error.js';
import type { SessionStore } from './session.js';

/**
 * A `fetch` that sends the CSRF token with whatever changes something. Where another tab's refresh has replaced the
 * cookie after it was read, the call, which did nothing, is repeated with the new one.
 */
export function withCsrfToken(session: SessionStore, fetch: (request: Request) => Promise<Response>): typeof fetch {
  return async (request) => {
    const token = request.method === 'GET' ? null : session.csrfToken?.();
    if (!token) return fetch(request);

    const repeat = request.clone();
    const response = await fetch(bring(request, token));
    if (response.status !== 403 || (await errorCode(response)) !== 'csrf_failed') return response;

    const newer = session.csrfToken?.();
    return newer && newer !== token ? fetch(bring(repeat, newer)) : response;
  };
}

function bring(request: Request, token: string): Request {
  request.headers.set('X-CSRF-Token', token);
  return request;
}
