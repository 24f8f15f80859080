import { ApplicationFailure } from '@temporalio/common';
import { HeadgateError, type ErrorCode } from '../errors.js';

/** Codes of what waits on purpose, and has been reported once. */
const WAITS: ReadonlySet<ErrorCode> = new Set<ErrorCode>(['PAUSED', 'WAREHOUSE_QUOTA']);

/**
 * The form in which an error crosses to Temporal: a HeadgateError becomes an ApplicationFailure whose `type` is its
 * code and whose `nonRetryable` is the opposite of its `retryable`. Temporal's own failures (a cancellation, above all)
 * and unknown errors, which are bugs and retried, stay as they are. What waits on purpose is no news for logs.
 */
export function toApplicationFailure(error: unknown): Error {
  if (!(error instanceof HeadgateError)) return error instanceof Error ? error : new Error(String(error));
  return ApplicationFailure.create({
    message: error.message,
    type: error.code,
    nonRetryable: !error.retryable,
    category: WAITS.has(error.code) ? 'BENIGN' : undefined,
    cause: error.cause instanceof Error ? error.cause : undefined,
    ...(error.details === undefined ? {} : { details: [error.details] }),
    ...(error.retryAfterSeconds === undefined ? {} : { nextRetryDelay: error.retryAfterSeconds * 1000 }),
  });
}

/** Wraps an activity so that what it throws has the form of {@link toApplicationFailure}. */
export function withFailures<Args extends unknown[], Result>(
  activity: (...args: Args) => Promise<Result>,
): (...args: Args) => Promise<Result> {
  return async (...args) => {
    try {
      return await activity(...args);
    } catch (error) {
      throw toApplicationFailure(error);
    }
  };
}
