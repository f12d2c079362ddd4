import type { MugshotError } from '@mugshot-studio/sdk';

/** Words for a failure. Does not compile where a code of the contract is forgotten. */
export function explain(error: MugshotError): string {
  switch (error.code) {
    case 'malformed_json':
    case 'invalid_cursor':
    case 'invalid_code':
    case 'invalid_reset_token':
    case 'invalid_image':
    case 'face_check_failed':
    case 'upload_missing':
    case 'unauthenticated':
    case 'invalid_refresh_token':
    case 'email_not_confirmed':
    case 'second_factor_required':
    case 'csrf_failed':
    case 'face_swap_blocked':
    case 'content_blocked':
    case 'not_found':
    case 'method_not_allowed':
    case 'request_timeout':
    case 'payload_too_large':
    case 'unsupported_media_type':
    case 'email_taken':
    case 'username_taken':
    case 'version_conflict':
    case 'insufficient_credits':
    case 'idempotency_conflict':
    case 'model_unavailable':
    case 'job_finished':
    case 'asset_in_use':
    case 'asset_missing':
    case 'quota_exceeded':
    case 'internal':
    case 'unavailable':
      return error.message;
    case 'invalid_credentials':
      return 'E-mail or password is wrong.';
    case 'rate_limited':
      return `Too fast; try again in ${error.retryAfter ?? 60} seconds.`;
    case 'account_locked':
      return `Locked for ${error.retryAfter ?? 60} seconds.`;
    case 'validation_failed':
      return error.fields.map(({ field, message }) => `${field}: ${message}`).join(' ');
  }
}
