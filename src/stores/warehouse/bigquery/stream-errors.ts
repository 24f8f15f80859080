import { HeadgateError, messageOf } from '../../../errors.js';
import type { BigQueryConfig } from '../../../tenants/config/warehouse-config.js';
import { answerError, unavailable, type Answer } from './errors.js';

/**
 * The codes of gRPC that are looked at.
 * @see https://grpc.io/docs/guides/status-codes/
 */
export const Status = {
  CANCELLED: 1,
  INVALID_ARGUMENT: 3,
  DEADLINE_EXCEEDED: 4,
  NOT_FOUND: 5,
  ALREADY_EXISTS: 6,
  PERMISSION_DENIED: 7,
  RESOURCE_EXHAUSTED: 8,
  FAILED_PRECONDITION: 9,
  ABORTED: 10,
  OUT_OF_RANGE: 11,
  INTERNAL: 13,
  UNAVAILABLE: 14,
  UNAUTHENTICATED: 16,
} as const;

/** By code, what BigQuery's REST API would have answered: both are sorted alike. */
const AS_ANSWER: Readonly<Record<number, Pick<Answer, 'status' | 'reasons'>>> = {
  [Status.INVALID_ARGUMENT]: { status: 400, reasons: [{ reason: 'invalid' }] },
  [Status.NOT_FOUND]: { status: 404, reasons: [{ reason: 'notFound' }] },
  [Status.PERMISSION_DENIED]: { status: 403, reasons: [{ reason: 'accessDenied' }] },
  [Status.RESOURCE_EXHAUSTED]: { status: 429, reasons: [{ reason: 'rateLimitExceeded' }] },
  [Status.UNAUTHENTICATED]: { status: 401, reasons: [{ reason: 'authError' }] },
};

const MAY_PASS: readonly (number | undefined)[] = [
  Status.CANCELLED,
  Status.DEADLINE_EXCEEDED,
  Status.ABORTED,
  Status.INTERNAL,
  Status.UNAVAILABLE,
];

/** Of a column that the table has got just now: this API notices after some minutes. */
const UNKNOWN_COLUMN = /SCHEMA_MISMATCH_EXTRA_FIELD|more fields than BigQuery schema/i;

/** What is wrong with a row of a request. */
interface RowError {
  readonly index?: unknown;
  readonly message?: string | null;
}

const MAX_ROWS = 3;

/** The code of gRPC in what was thrown, sorted or not; undefined where there is none. */
export function statusOf(error: unknown): number | undefined {
  const { code } = ((error instanceof HeadgateError ? error.cause : error) ?? {}) as { code?: unknown };
  return typeof code === 'number' ? code : undefined;
}

/** True when the connection has failed, and not the request. */
export function isConnectionError(error: unknown): boolean {
  return MAY_PASS.includes(statusOf(error));
}

/** Sorts what the client of the Storage Write API has thrown, as `bigQueryError` does. */
export function streamError(error: unknown, config: BigQueryConfig): HeadgateError {
  if (error instanceof HeadgateError) return error;
  const status = statusOf(error);
  const message = messageOf(error);
  // Another attempt at the same load has ended the stream, or writes to it: the next one looks how it stands.
  if (
    status === Status.FAILED_PRECONDITION ||
    status === Status.ALREADY_EXISTS ||
    status === Status.OUT_OF_RANGE
  )
    return unavailable(`A write stream is not as this attempt has left it: ${message}`, error);
  if (UNKNOWN_COLUMN.test(message))
    return unavailable(`BigQuery has not noticed a new column of its table yet: ${message}`, error);
  const answer = status === undefined ? undefined : AS_ANSWER[status];
  return answerError({ reasons: [], ...answer, message }, config, error);
}

/** An error that an append was answered with, with the rows that it is about. */
export function appendError(
  { code, message }: { readonly code?: number | null; readonly message?: string | null },
  rowErrors: readonly RowError[],
  offset: number,
): Error {
  const rows = rowErrors.slice(0, MAX_ROWS).map(({ index, message: said }) => {
    return `row ${offset + Number(index ?? 0)}: ${said ?? ''}`;
  });
  return Object.assign(new Error([message ?? '', ...rows].join('; ')), { code: code ?? undefined });
}
