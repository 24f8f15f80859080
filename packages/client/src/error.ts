/** Codes of the errors that the client throws on purpose; part of its public interface. */
export type ClientErrorCode =
  | 'BODY_MALFORMED'
  | 'EVENT_INVALID'
  | 'LEASE_LOST'
  | 'NOT_SENT'
  | 'OPTION_INVALID'
  | 'PUBLISHER_CLOSED'
  | 'QUEUE_FULL'
  | 'REQUEST_FAILED'
  | 'SECRET_INVALID'
  | 'SIGNATURE_INVALID';

/** What a {@link HeadgateError} carries besides its code and message. */
export interface HeadgateErrorOptions {
  /** True when the same call may succeed later without a change by the caller. Default false. */
  readonly retryable?: boolean;
  /** Seconds that the server asks to wait before another try. */
  readonly retryAfterSeconds?: number;
  /** Of an answer of the server: its `status`, and the `code` of its problem document. Never secrets. */
  readonly details?: Readonly<Record<string, unknown>>;
  readonly cause?: unknown;
}

/** What the client throws on purpose. Of the same shape as the server's own errors, which this package does not load. */
export class HeadgateError extends Error {
  readonly code: ClientErrorCode;
  readonly retryable: boolean;
  readonly retryAfterSeconds?: number;
  readonly details?: Readonly<Record<string, unknown>>;

  constructor(code: ClientErrorCode, message: string, options: HeadgateErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'HeadgateError';
    this.code = code;
    this.retryable = options.retryable ?? false;
    this.retryAfterSeconds = options.retryAfterSeconds;
    this.details = options.details;
  }
}
