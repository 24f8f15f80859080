import { HeadgateError, messageOf, systemCodeOf } from '../../../errors.js';
import type { BigQueryConfig } from '../../../tenants/config/warehouse-config.js';

/** One of the reasons that BigQuery gives for an error. */
export interface ErrorReason {
  readonly reason?: string;
  readonly message?: string;
  readonly location?: string;
}

/** What BigQuery has answered, or not. */
export interface Answer {
  /** HTTP status; undefined where there was no answer. */
  readonly status?: number;
  readonly reasons: readonly ErrorReason[];
  readonly message: string;
  /** Seconds until it is worth another try. Default: as Temporal spaces them. */
  readonly againAfterSeconds?: number;
}

/** @see https://cloud.google.com/bigquery/docs/error-messages */
const QUOTA = new Set([
  'quotaExceeded',
  'rateLimitExceeded',
  'userRateLimitExceeded',
  'jobRateLimitExceeded',
]);
const REFUSED = new Set([
  'accessDenied',
  'authError',
  'billingNotEnabled',
  'billingTierLimitExceeded',
  'blocked',
  'forbidden',
  'notFound',
  'required',
  'accountDisabled',
]);
const INVALID = new Set(['invalid', 'invalidQuery', 'badRequest', 'parseError']);

/** Daily limits are renewed around midnight in California; a window asks again every so often. */
const QUOTA_AGAIN_SECONDS = 300;
const RATE_AGAIN_SECONDS = 30;
/** Jobs that fail count towards the 1,500 loads a table takes a day. */
const JOB_AGAIN_SECONDS = 60;
const ROWS_AGAIN_SECONDS = 600;
const MAX_REASONS = 3;
const MAX_MESSAGE = 500;

/** What networks say, such as `ECONNREFUSED`; `ERR_…` is what Node says of a key that it cannot read. */
const NETWORK = /^(?!ERR_)E[A-Z_]+$/;

/**
 * What Google's clients have thrown, as an answer: BigQuery's has the status as `code`, that of the credentials as
 * `status`.
 */
export function answerOf(error: unknown): Answer {
  const { status, code, errors, message } = (error ?? {}) as Readonly<Record<string, unknown>>;
  const http = [status, code].find((each) => typeof each === 'number' && each >= 400);
  return {
    status: http as number | undefined,
    reasons: Array.isArray(errors) ? (errors as ErrorReason[]) : [],
    message: typeof message === 'string' ? message : messageOf(error),
  };
}

/** True when Google cannot be reached, or is out of order. */
export function isOutage(error: unknown): boolean {
  const { status } = answerOf(error);
  if (status !== undefined) return status >= 500 || status === 429;
  const { name, code, type } = (error ?? {}) as { name?: string; code?: unknown; type?: unknown };
  return (
    name === 'AbortError' ||
    name === 'TimeoutError' ||
    NETWORK.test(String(code)) ||
    String(type).includes('timeout')
  );
}

/** True when the request has been refused for certain: nothing has come of it. */
export function isRefusal({ status, reasons }: Answer): boolean {
  if (status === undefined || status < 400 || status >= 500) return false;
  // 408, 409 and 429 may come after the work has begun; so may what Google calls a failure of its own.
  return (
    ![408, 409, 429].includes(status) && !reasons.some(({ reason = '' }) => /backendError$/i.test(reason))
  );
}

/**
 * Sorts what Google's client has thrown. All are retryable, since an operator may fix what is refused: `WAREHOUSE_REFUSED`
 * says how, `WAREHOUSE_QUOTA` when to ask again, `WAREHOUSE_UNAVAILABLE` passes without help, and `WAREHOUSE_FAILED` is
 * about the load.
 */
export function bigQueryError(error: unknown, config: BigQueryConfig): HeadgateError {
  if (error instanceof HeadgateError) return error;
  const answer = answerOf(error);
  if (answer.status === undefined) return noAnswer(error);
  return sortedError(answer, config, error);
}

/**
 * Sorts why a job has failed; see {@link bigQueryError}.
 * @param errors all that the job says; its result first
 */
export function jobError(
  jobId: string,
  errors: readonly ErrorReason[],
  config: BigQueryConfig,
): HeadgateError {
  const said = errors.map(({ message, location }) => [location, message].filter(Boolean).join(': '));
  const first = [...new Set(said)].slice(0, MAX_REASONS).join('; ');
  const message = `job ${jobId}: ${first || 'it does not say why'}`;
  const reasons = errors.slice(0, 1);
  const isOfRows = INVALID.has(reasons[0]?.reason ?? '');
  const againAfterSeconds = isOfRows ? ROWS_AGAIN_SECONDS : JOB_AGAIN_SECONDS;
  return sortedError({ reasons, message, againAfterSeconds }, config);
}

/** Sorts what an API has answered that is not BigQuery's REST API; see {@link bigQueryError}. */
export function answerError(answer: Answer, config: BigQueryConfig, cause?: unknown): HeadgateError {
  return sortedError(answer, config, cause);
}

/** A `WAREHOUSE_REFUSED` error. */
export function refused(message: string, cause?: unknown): HeadgateError {
  return new HeadgateError('WAREHOUSE_REFUSED', message, { retryable: true, cause });
}

/** A `WAREHOUSE_REFUSED` error: data would have to lie elsewhere than the configuration says. */
export function misplaced(message: string): HeadgateError {
  return new HeadgateError('WAREHOUSE_REFUSED', message, {
    retryable: true,
    details: { problem: 'location' },
  });
}

function sortedError(
  { status, reasons, message, againAfterSeconds: retryAfterSeconds }: Answer,
  config: BigQueryConfig,
  cause?: unknown,
): HeadgateError {
  const place = `BigQuery, ${config.project}.${config.dataset}`;
  const said = message.replaceAll(/\s+/g, ' ').slice(0, MAX_MESSAGE);
  const has = (known: ReadonlySet<string>): boolean => reasons.some(({ reason = '' }) => known.has(reason));
  if (status === 429 || has(QUOTA)) {
    const daily = has(new Set(['quotaExceeded']));
    const advice = daily
      ? 'a quota is used up; the data is kept, and loads go on when there is some again'
      : 'too much at once';
    return new HeadgateError('WAREHOUSE_QUOTA', `${place}: ${advice}. It says: ${said}`, {
      retryable: true,
      cause,
      retryAfterSeconds: daily ? QUOTA_AGAIN_SECONDS : RATE_AGAIN_SECONDS,
    });
  }
  if (isAboutKey(said) && (has(REFUSED) || has(INVALID)))
    return refused(
      `${place}: the key ${config.kmsKey ?? ''} cannot be used: it must be in ${config.location}, and BigQuery's own service account needs roles/cloudkms.cryptoKeyEncrypterDecrypter on it. It says: ${said}`,
      cause,
    );
  if (status === 401 || status === 403 || status === 404 || has(REFUSED))
    return refused(`${place}: ${adviceFor(status, reasons, config)}. It says: ${said}`, cause);
  if (isAboutLocation(said) && (status === 400 || has(INVALID)))
    return refused(
      `${place}: the locations of dataset, bucket and jobs do not agree; all must be in ${config.location}. It says: ${said}`,
      cause,
    );
  if (has(INVALID) || status === 400 || status === 413)
    return new HeadgateError('WAREHOUSE_FAILED', `${place} does not take the rows. It says: ${said}`, {
      retryable: true,
      retryAfterSeconds,
      cause,
    });
  const http = status === undefined ? '' : ` (HTTP ${status})`;
  return unavailable(
    `${place} does not work as it should${http}. It says: ${said}`,
    cause,
    retryAfterSeconds,
  );
}

function adviceFor(
  status: number | undefined,
  reasons: readonly ErrorReason[],
  config: BigQueryConfig,
): string {
  const has = (...known: string[]): boolean => reasons.some(({ reason = '' }) => known.includes(reason));
  if (has('billingNotEnabled', 'billingTierLimitExceeded', 'accountDisabled'))
    return `enable billing for the project ${config.project}`;
  if (has('notFound') || status === 404)
    return 'the project, dataset or table is not there: create it, or correct the tenant’s warehouse';
  if (status === 401) return 'the credentials are not taken: correct them';
  const who = config.impersonate ?? 'the account that Headgate uses';
  return `grant ${who} roles/bigquery.jobUser on the project ${config.project} and roles/bigquery.dataEditor on the dataset (on the project, if Headgate is to make it)`;
}

function noAnswer(error: unknown): HeadgateError {
  return unavailable(`BigQuery does not answer: ${systemCodeOf(error) ?? messageOf(error)}.`, error);
}

/** Credentials that are missing, or that Google does not take. */
export function credentialsError(error: unknown, { project, impersonate }: BigQueryConfig): HeadgateError {
  const as =
    impersonate === undefined
      ? ''
      : `, which must have roles/iam.serviceAccountTokenCreator on ${impersonate}`;
  return refused(
    `There are no usable credentials for BigQuery in the project ${project}: set GOOGLE_APPLICATION_CREDENTIALS to a key file, run \`gcloud auth application-default login\`, or give the machine a service account${as}. Google says: ${messageOf(error).replaceAll(/\s+/g, ' ').slice(0, MAX_MESSAGE)}`,
    error,
  );
}

/** A `WAREHOUSE_UNAVAILABLE` error. */
export function unavailable(message: string, cause?: unknown, retryAfterSeconds?: number): HeadgateError {
  return new HeadgateError('WAREHOUSE_UNAVAILABLE', message, { retryable: true, retryAfterSeconds, cause });
}

function isAboutKey(message: string): boolean {
  return /cryptoKeys?\/|\bKMS key|Cloud KMS|\b(CMEK|KMS)_/i.test(message);
}

/** `Cannot read and write in different locations: source: EU, destination: US`, `… was not found in location US`. */
function isAboutLocation(message: string): boolean {
  return /\b(read|write|found)\b[^.;]* in (different )?locations?\b/i.test(message);
}
