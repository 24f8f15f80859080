/**
 * Every error Headgate raises on purpose has one of these codes. A code is part of the public interface: it appears
 * in `application/problem+json` answers, in Temporal's failure `type`, and in the CLI's messages.
 */
export type ErrorCode =
  | 'ADDRESS_RATE_LIMITED'
  | 'AUDIT_LOG_UNAVAILABLE'
  | 'BATCH_CORRUPT'
  | 'BATCH_FORGOTTEN'
  | 'BATCH_ID_TAKEN'
  | 'BATCH_KEY_MISSING'
  | 'BATCH_KEY_WRONG'
  | 'BATCH_STORE_REFUSED'
  | 'BATCH_STORE_UNAVAILABLE'
  | 'BATCH_UNREACHABLE'
  | 'BODY_MALFORMED'
  | 'BODY_TIMEOUT'
  | 'BODY_TOO_LARGE'
  | 'BUDGET_REACHED'
  | 'CLOCK_WRONG'
  | 'COMPACTION_RUNNING'
  | 'CONFIG_INVALID'
  | 'CONTENT_ENCODING_UNSUPPORTED'
  | 'CONTENT_TYPE_UNSUPPORTED'
  | 'DATA_DIR_IN_USE'
  | 'DATA_DIR_UNWRITABLE'
  | 'DEAD_LETTER_RESOLVED'
  | 'DEAD_LETTER_UNREADABLE'
  | 'DISK_FULL'
  | 'ENGINE_UNAVAILABLE'
  | 'EVENT_NOT_FOUND'
  | 'EVENT_SEARCH_UNFINISHED'
  | 'FILE_EXISTS'
  | 'FILE_UNREADABLE'
  | 'FILE_UNWRITABLE'
  | 'KEY_MISSING'
  | 'LEASE_STALE'
  | 'METHOD_NOT_ALLOWED'
  | 'NAMESPACE_IN_USE'
  | 'NODE_LOST'
  | 'NOT_FOUND'
  | 'NOTHING_ACCEPTED'
  | 'OPERATOR_ONLY'
  | 'ORIGIN_NOT_ALLOWED'
  | 'OVERLOADED'
  | 'PAGE_TOKEN_INVALID'
  | 'PARAMETER_INVALID'
  | 'PAUSED'
  | 'PERMISSION_DENIED'
  | 'PORT_IN_USE'
  | 'PORT_REFUSED'
  | 'PRECONDITION_FAILED'
  | 'PRECONDITION_REQUIRED'
  | 'QUERY_FAILED'
  | 'QUERY_REFUSED'
  | 'REPLAY_INVALID'
  | 'REPLAY_TOO_LARGE'
  | 'REQUEST_FAILED'
  | 'RULES_UNKNOWN'
  | 'SCOPE_MISSING'
  | 'SEARCH_ATTRIBUTES_MISSING'
  | 'SECRET_INVALID'
  | 'SECRET_MISSING'
  | 'SECRET_REFUSED'
  | 'SHUTTING_DOWN'
  | 'SIGNATURE_INVALID'
  | 'SOURCE_UNKNOWN'
  | 'SOURCE_UNVERIFIABLE'
  | 'SOURCES_DAMAGED'
  | 'STATE_CONFLICT'
  | 'STATE_ELSEWHERE'
  | 'STATE_IN_USE'
  | 'STATE_REFUSED'
  | 'STATE_UNAVAILABLE'
  | 'SUBSCRIPTION_BUILT_IN'
  | 'TEMPORAL_NOT_FOUND'
  | 'TEMPORAL_START_FAILED'
  | 'TENANT_BACKLOG_FULL'
  | 'TENANT_CONFIG_INVALID'
  | 'TENANT_ERASED'
  | 'TENANT_ID_INVALID'
  | 'TENANT_IN_FLIGHT_FULL'
  | 'TENANT_OUT_OF_REACH'
  | 'TENANT_RATE_LIMITED'
  | 'TENANT_REQUIRED'
  | 'TENANT_SUSPENDED'
  | 'TENANT_UNKNOWN'
  | 'TOKEN_EXPIRED'
  | 'TOKEN_INVALID'
  | 'TOKEN_MISSING'
  | 'TOKEN_REVOKED'
  | 'WAREHOUSE_ELSEWHERE'
  | 'WAREHOUSE_FAILED'
  | 'WAREHOUSE_QUOTA'
  | 'WAREHOUSE_REFUSED'
  | 'WAREHOUSE_UNAVAILABLE'
  | 'WORKFLOW_FOREIGN'
  | 'WRITE_KEY_INVALID'
  | 'WRITE_KEYS_LOADING';

/** What a {@link HeadgateError} carries besides its code and message. */
export interface HeadgateErrorOptions {
  /** True when the same call may succeed later without a change by the caller. Default false. */
  readonly retryable?: boolean;
  /** Seconds after which a retry is worth trying; becomes the `Retry-After` header. */
  readonly retryAfterSeconds?: number;
  /** Extra members for the problem document; never secrets. */
  readonly details?: Readonly<Record<string, unknown>>;
  readonly cause?: unknown;
}

/**
 * The one base class of Headgate's errors. Anything thrown that is not a HeadgateError is a bug: it is logged and
 * answered with 500.
 */
export class HeadgateError extends Error {
  readonly code: ErrorCode;
  readonly retryable: boolean;
  readonly retryAfterSeconds?: number;
  readonly details?: Readonly<Record<string, unknown>>;

  constructor(code: ErrorCode, message: string, options: HeadgateErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'HeadgateError';
    this.code = code;
    this.retryable = options.retryable ?? false;
    this.retryAfterSeconds = options.retryAfterSeconds;
    this.details = options.details;
  }
}

/**
 * The message of anything that was thrown, for logs and for wrapping; never empty. Some of Temporal's errors have none: the
 * message of their cause is then told, or else their name.
 */
export function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error) || 'unknown';
  if (error.message !== '') return error.message;
  return error.cause instanceof Error && error.cause.message !== ''
    ? `${error.name}: ${error.cause.message}`
    : error.name;
}

/** The code of a {@link HeadgateError}; undefined for anything else that was thrown. */
export function codeOf(error: unknown): ErrorCode | undefined {
  return error instanceof HeadgateError ? error.code : undefined;
}

/** Takes an error of a code for nothing, and throws any other: for `.catch(unless('NOT_FOUND'))`. */
export function unless(code: ErrorCode): (error: unknown) => undefined {
  return (error) => {
    if (codeOf(error) !== code) throw error;
    return undefined;
  };
}

/** The `code` of a Node system error (`ENOENT`, `EADDRINUSE`, …), or undefined. */
export function systemCodeOf(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === 'string' ? code : undefined;
}

/**
 * Throws an error so that p-retry tries again. A TypeError, which it would take for a mistake of ours and give up on,
 * comes from networks and files as well.
 */
export function retryable(error: unknown): never {
  if (error instanceof TypeError) throw new Error(error.message, { cause: error });
  throw error;
}
