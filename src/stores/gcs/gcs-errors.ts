import { HeadgateError, messageOf, systemCodeOf } from '../../errors.js';

/** Google's reasons for a 403 that passes without help. */
const RATE_LIMITS = new Set(['rateLimitExceeded', 'userRateLimitExceeded']);

/** What Google's authentication says when it has found no credentials, or such that are no longer good. */
const NO_CREDENTIALS = /could not load the default credentials|invalid_grant|invalid_client/i;

/** The HTTP status that Google's client gives an error; undefined where there was no answer. */
export function statusOf(error: unknown): number | undefined {
  const code = Number((error as { code?: unknown } | null)?.code);
  return Number.isInteger(code) && code >= 400 ? code : undefined;
}

/**
 * Sorts what Google's client throws: `BATCH_STORE_REFUSED` says what an operator has to do, `BATCH_STORE_UNAVAILABLE` passes
 * without help. Both are retryable: with either the batches wait until the bucket takes them.
 * @param place the bucket, as `gs://bucket`
 */
export function gcsError(error: unknown, place: string): HeadgateError {
  if (error instanceof HeadgateError) return error;
  const status = statusOf(error);
  if (NO_CREDENTIALS.test(messageOf(error)))
    return refused(
      `There are no usable credentials for ${place}: set GOOGLE_APPLICATION_CREDENTIALS to a key file, run \`gcloud auth application-default login\`, or give the machine a service account.`,
      error,
    );
  if ((status === 401 || status === 403) && !isRateLimit(error))
    return refused(
      `${place} refuses these credentials (HTTP ${status}): grant them roles/storage.objectUser on the bucket.`,
      error,
    );
  if (status === 404)
    return refused(`There is no bucket ${place}: create it, or correct HEADGATE_BATCHES.`, error);
  const detail = status === undefined ? (systemCodeOf(error) ?? messageOf(error)) : `HTTP ${status}`;
  return new HeadgateError('BATCH_STORE_UNAVAILABLE', `${place} does not answer as it should: ${detail}.`, {
    retryable: true,
    cause: error,
  });
}

/** Times that a change is tried again which somebody else has been ahead of. */
export const MAX_RACES = 5;

/** What is thrown after the last of them. */
export function racedError(what: string): HeadgateError {
  const message = `${what} is being changed by others all the time.`;
  return new HeadgateError('BATCH_STORE_UNAVAILABLE', message, { retryable: true });
}

function refused(message: string, cause: unknown): HeadgateError {
  return new HeadgateError('BATCH_STORE_REFUSED', message, { retryable: true, cause });
}

function isRateLimit(error: unknown): boolean {
  const { errors } = error as { errors?: readonly { reason?: unknown }[] };
  return Array.isArray(errors) && errors.some(({ reason }) => RATE_LIMITS.has(String(reason)));
}
