import type { ErrorCode, ErrorEnvelope, FieldError } from '../src/gen/index.js';

/**
 * Why a call failed. A `switch` over `code` can be exhaustive: a failure without an envelope, such as a lost connection
 * or a proxy's page, gets the code that fits. A call that its caller aborted rejects with the signal's reason instead.
 */
export class MugshotError extends Error implements ErrorEnvelope {
  override readonly name = 'MugshotError';
  readonly error: ErrorEnvelope['error'];
  /** HTTP status; 0 where no answer came. */
  readonly status: number;
  /** Names the request in the server's logs. */
  readonly requestId: string | null;
  /** Seconds to wait before the next try, where the server said so. */
  readonly retryAfter: number | null;

  constructor(error: ErrorEnvelope['error'], response?: Response, cause?: unknown) {
    super(error.message, { cause });
    this.error = error;
    this.status = response?.status ?? 0;
    this.requestId = response?.headers.get('X-Request-Id') ?? null;
    this.retryAfter = seconds(response?.headers.get('Retry-After'));
  }

  /** What went wrong, for programs. */
  get code(): ErrorCode {
    return this.error.code;
  }

  /** The failing fields, all at once: of a `validation_failed`, or the members of a project whose pictures are gone (`asset_missing`). */
  get fields(): readonly FieldError[] {
    return this.error.details?.fields ?? [];
  }
}

/** Turns whatever the generated client caught into a MugshotError. */
export function toMugshotError(caught: unknown, response?: Response, request?: Request): unknown {
  if (caught instanceof MugshotError) return caught; // of the refresh that a call waited for
  if (request?.signal.aborted) return request.signal.reason;
  if (isEnvelope(caught)) return new MugshotError(caught.error, response);
  if (response) return new MugshotError({ code: codeOf(response.status), message: `Status ${response.status}` }, response, caught);
  return new MugshotError({ code: 'unavailable', message: 'The service could not be reached.' }, undefined, caught);
}

/** The code of a failed answer, whose body stays unread; undefined where it has no envelope. */
export async function errorCode(response: Response): Promise<ErrorCode | undefined> {
  const body: unknown = await response.clone().json().catch(() => null);
  return isEnvelope(body) ? body.error.code : undefined;
}

function isEnvelope(value: unknown): value is ErrorEnvelope {
  const error = (value as Partial<ErrorEnvelope> | null)?.error;
  return typeof error?.code === 'string' && typeof error.message === 'string';
}

function codeOf(status: number): ErrorCode {
  switch (status) {
    case 401:
      return 'unauthenticated';
    case 404:
      return 'not_found';
    case 405:
      return 'method_not_allowed';
    case 413:
      return 'payload_too_large';
    case 415:
      return 'unsupported_media_type';
    case 429:
      return 'rate_limited';
    case 502:
    case 503:
    case 504:
      return 'unavailable';
    default:
      return 'internal';
  }
}

function seconds(header: string | null | undefined): number | null {
  const value = Number.parseInt(header ?? '', 10);
  return Number.isNaN(value) ? null : value;
}
