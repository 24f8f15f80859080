import { HeadgateError, messageOf, systemCodeOf } from '../../errors.js';
import { describePlace, type PostgresPlace } from './postgres-place.js';

/** Seconds after which a store that does not answer is worth another try. */
const RETRY_AFTER_SECONDS = 2;
const RETRY = { retryable: true, retryAfterSeconds: RETRY_AFTER_SECONDS };

/** What to do about what Postgres refuses for good, by SQLSTATE. */
const FIX: Readonly<Record<string, (place: PostgresPlace) => string>> = {
  '28P01': ({ user }) => `correct the password of ${user} in HEADGATE_STATE or PGPASSWORD`,
  '28000': ({ user }) => `let ${user} in by pg_hba.conf, or correct the user in HEADGATE_STATE`,
  '3D000': ({ database }) => `create it: CREATE DATABASE "${database}" ENCODING 'UTF8' TEMPLATE template0`,
  '42501': ({ user, schema, database }) =>
    `allow it: CREATE SCHEMA ${schema} AUTHORIZATION "${user}", or GRANT CREATE ON DATABASE "${database}" TO "${user}"`,
};

/** What Node says of a server's certificate, and pg of a server without TLS. */
const NOT_TRUSTED = /CERT|SELF_SIGNED|UNABLE_TO_VERIFY|does not support SSL/;

/**
 * Says what Postgres has said in Headgate's words: `DISK_FULL` and `STATE_UNAVAILABLE` may be tried again,
 * `STATE_REFUSED` says what to do. No message of Postgres or pg has the password in it.
 */
export function stateErrorOf(error: unknown, place: PostgresPlace): HeadgateError {
  if (error instanceof HeadgateError) return error;
  const code = systemCodeOf(error) ?? '';
  const said = `The state in ${describePlace(place)}: ${reasonOf(error)}`;
  if (code === '53100') return new HeadgateError('DISK_FULL', said, { ...RETRY, cause: error });
  const fix = FIX[code]?.(place);
  if (fix !== undefined) return new HeadgateError('STATE_REFUSED', `${said}. To fix it: ${fix}.`);
  if (NOT_TRUSTED.test(`${code} ${messageOf(error)}`))
    return new HeadgateError(
      'STATE_REFUSED',
      `${said}. To fix it: correct sslmode or sslrootcert in HEADGATE_STATE.`,
    );
  // Of a statement that is wrong: no later try fixes it.
  if (/^(42|22|0A)/.test(code))
    return new HeadgateError('STATE_REFUSED', `${said} (${code})`, { cause: error });
  return new HeadgateError('STATE_UNAVAILABLE', said, { ...RETRY, cause: error });
}

/** What a request is told whose subjects cannot be read; the log says why. */
export function unreadable(cause?: HeadgateError): HeadgateError {
  if (cause?.code === 'SHUTTING_DOWN') return cause;
  return new HeadgateError('STATE_UNAVAILABLE', 'The state cannot be read at the moment.', {
    ...RETRY,
    cause,
  });
}

/** An attempt to reach several addresses of one name fails with an error that has no message of its own. */
function reasonOf(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(messageOf).join(', ');
  return messageOf(error);
}
