import { ApplicationFailure } from '@temporalio/common';
import { HeadgateError, type ErrorCode } from '../errors.js';
import { SECOND_MS } from '../platform/time.js';

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
    details: error.details === undefined ? undefined : [error.details],
    nextRetryDelay: error.retryAfterSeconds === undefined ? undefined : error.retryAfterSeconds * SECOND_MS,
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
