import { HeadgateError, type ErrorCode } from '../../errors.js';

/** Nobody is sent away for longer than this on a guess; a debt to a rate is known, and may take longer. */
const MAX_WAIT_SECONDS = 60;
/** The wait where nothing has been measured yet. */
const UNMEASURED_WAIT_SECONDS = 10;
const MAX_DEBT_SECONDS = 3_600;

/** A refusal that may be tried again after `waitSeconds`, which becomes `Retry-After`: whole seconds, at least 1, at most an hour. */
export function refusal(code: ErrorCode, message: string, waitSeconds: number): HeadgateError {
  const retryAfterSeconds = Math.min(MAX_DEBT_SECONDS, Math.max(1, Math.ceil(waitSeconds)));
  return new HeadgateError(code, message, { retryable: true, retryAfterSeconds });
}

/**
 * Seconds until an excess has drained.
 * @param perSecond the measured rate, in the excess's unit; undefined when nothing has been measured
 */
export function drainSeconds(excess: number, perSecond: number | undefined): number {
  if (perSecond === undefined) return UNMEASURED_WAIT_SECONDS;
  return Math.min(MAX_WAIT_SECONDS, excess / perSecond);
}
