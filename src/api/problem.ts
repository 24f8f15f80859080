import type { Context, Next } from 'koa';
import { HeadgateError, type ErrorCode } from '../errors.js';
import type { Logger } from '../platform/logger.js';
import { messageFor } from './analytics/cors.js';

/** The HTTP status of each error that can reach a client; anything else is a bug and answers 500. */
const STATUS: Partial<Record<ErrorCode, number>> = {
  BODY_MALFORMED: 400,
  REPLAY_INVALID: 400,
  PAGE_TOKEN_INVALID: 400,
  PARAMETER_INVALID: 400,
  TENANT_REQUIRED: 400,
  TOKEN_MISSING: 401,
  TOKEN_INVALID: 401,
  TOKEN_EXPIRED: 401,
  TOKEN_REVOKED: 401,
  SIGNATURE_INVALID: 401,
  WRITE_KEY_INVALID: 401,
  OPERATOR_ONLY: 403,
  ORIGIN_NOT_ALLOWED: 403,
  SCOPE_MISSING: 403,
  TENANT_OUT_OF_REACH: 403,
  TENANT_UNKNOWN: 403,
  TENANT_SUSPENDED: 403,
  NOT_FOUND: 404,
  SOURCE_UNKNOWN: 404,
  EVENT_NOT_FOUND: 404,
  METHOD_NOT_ALLOWED: 405,
  BODY_TIMEOUT: 408,
  DEAD_LETTER_RESOLVED: 409,
  DEAD_LETTER_UNREADABLE: 409,
  LEASE_STALE: 409,
  STATE_CONFLICT: 409,
  SUBSCRIPTION_BUILT_IN: 409,
  WORKFLOW_FOREIGN: 409,
  TENANT_ERASED: 410,
  PRECONDITION_FAILED: 412,
  BODY_TOO_LARGE: 413,
  CONTENT_TYPE_UNSUPPORTED: 415,
  CONTENT_ENCODING_UNSUPPORTED: 415,
  NOTHING_ACCEPTED: 422,
  RULES_UNKNOWN: 422,
  SECRET_INVALID: 422,
  TENANT_CONFIG_INVALID: 422,
  PRECONDITION_REQUIRED: 428,
  ADDRESS_RATE_LIMITED: 429,
  BUDGET_REACHED: 429,
  TENANT_IN_FLIGHT_FULL: 429,
  TENANT_RATE_LIMITED: 429,
  TENANT_BACKLOG_FULL: 429,
  WRITE_KEYS_LOADING: 429,
  AUDIT_LOG_UNAVAILABLE: 503,
  OVERLOADED: 503,
  SOURCE_UNVERIFIABLE: 503,
  DISK_FULL: 503,
  BATCH_KEY_MISSING: 503,
  BATCH_KEY_WRONG: 503,
  BATCH_STORE_REFUSED: 503,
  BATCH_STORE_UNAVAILABLE: 503,
  BATCH_FORGOTTEN: 503,
  BATCH_UNREACHABLE: 503,
  SHUTTING_DOWN: 503,
  SOURCES_DAMAGED: 503,
  STATE_UNAVAILABLE: 503,
  ENGINE_UNAVAILABLE: 503,
  EVENT_SEARCH_UNFINISHED: 503,
};

/** The HTTP status an error is answered with. */
export function statusOf(error: unknown): number {
  return (error instanceof HeadgateError ? STATUS[error.code] : undefined) ?? 500;
}

/** Middleware that answers every error with a problem document. */
export function problems(log: Logger) {
  return async (ctx: Context, next: Next): Promise<void> => {
    try {
      await next();
    } catch (error) {
      answer(ctx, error, log);
    }
  };
}

/**
 * Writes an error as `application/problem+json`. `type` is `urn:headgate:problem:<code>`; `code` is stable, `detail` is for people.
 * @see RFC 9457
 */
function answer(ctx: Context, error: unknown, log: Logger): void {
  const status = statusOf(error);
  if (!(error instanceof HeadgateError) || status === 500) {
    log.error('INTERNAL_ERROR', { err: error, method: ctx.method, path: ctx.path });
    write(ctx, 500, 'INTERNAL', 'Headgate failed on this request; its log says why.', {});
    return;
  }
  if (error.retryAfterSeconds !== undefined) ctx.set('Retry-After', String(error.retryAfterSeconds));
  if (status === 401 && !ctx.res.hasHeader('WWW-Authenticate'))
    ctx.set('WWW-Authenticate', 'Bearer realm="headgate"');
  // What is left of a body that came too slowly is not waited for; who has no token has to connect again.
  if (status === 408 || error.code === 'ADDRESS_RATE_LIMITED') ctx.set('Connection', 'close');
  write(ctx, status, error.code, error.message, error.details ?? {});
}

/** The JSON of a problem document. */
export function problemDocument(
  status: number,
  code: string,
  detail: string,
  details: Readonly<Record<string, unknown>> = {},
): string {
  const type = `urn:headgate:problem:${code.toLowerCase().replaceAll('_', '-')}`;
  return JSON.stringify({ type, title: TITLES[status] ?? 'Error', status, code, detail, ...details });
}

function write(
  ctx: Context,
  status: number,
  code: string,
  detail: string,
  details: Readonly<Record<string, unknown>>,
): void {
  ctx.status = status;
  ctx.body = problemDocument(status, code, detail, { ...messageFor(ctx.path, detail), ...details });
  ctx.type = 'application/problem+json';
}

/** Each status that errors have, in words. */
export const TITLES: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  408: 'Request Timeout',
  409: 'Conflict',
  410: 'Gone',
  412: 'Precondition Failed',
  413: 'Content Too Large',
  415: 'Unsupported Media Type',
  422: 'Unprocessable Content',
  428: 'Precondition Required',
  429: 'Too Many Requests',
  500: 'Internal Server Error',
  503: 'Service Unavailable',
};
