import pg from 'pg';
import { stateErrorOf } from './postgres-errors.js';
import { newerTables, SCHEMA_VERSION, schemaVersionOf } from './postgres-migrations.js';
import { connectionOf, type PostgresPlace } from './postgres-place.js';
import { assertUsable } from './postgres-session.js';

const ANSWER_MS = 5_000;

/** What {@link checkPostgres} has found. */
export interface PostgresCheck {
  /** The server's version, such as `15.18`. */
  readonly version: string;
  /** How long a statement takes that does nothing, in milliseconds: what a request waits for whose subjects are not in memory. */
  readonly roundTripMs: number;
  /** The version of the tables; 0 where the first start will make them. */
  readonly tables: number;
}

/**
 * Looks whether a state could be kept in a place. Changes nothing, and takes no lock.
 * @throws HeadgateError `STATE_REFUSED`: what has to be fixed is in its message; `STATE_UNAVAILABLE`
 */
export async function checkPostgres(place: PostgresPlace): Promise<PostgresCheck> {
  const limits = { connectionTimeoutMillis: ANSWER_MS, query_timeout: ANSWER_MS };
  try {
    const client = new pg.Client({ ...connectionOf(place), application_name: 'headgate doctor', ...limits });
    client.on('error', () => undefined);
    try {
      await client.connect();
      await assertUsable(client, place);
      const tables = await schemaVersionOf(client, place);
      if (tables > SCHEMA_VERSION) throw newerTables(place, tables);
      if (tables === 0) await assertMayMake(client, place);
      return { ...(await measure(client)), tables };
    } finally {
      await client.end().catch(() => undefined);
    }
  } catch (error) {
    throw stateErrorOf(error, place);
  }
}

async function assertMayMake(client: pg.Client, place: PostgresPlace): Promise<void> {
  const { rows } = await client.query<{ may: boolean }>(
    `SELECT coalesce((SELECT has_schema_privilege(oid, 'CREATE') FROM pg_namespace WHERE nspname = $1),
                     has_database_privilege(current_database(), 'CREATE')) AS may`,
    [place.schema],
  );
  if (rows[0]?.may === true) return;
  const denied = `permission denied to make tables in the schema ${place.schema}`;
  throw stateErrorOf(Object.assign(new Error(denied), { code: '42501' }), place);
}

async function measure(client: pg.Client): Promise<Pick<PostgresCheck, 'version' | 'roundTripMs'>> {
  const { rows } = await client.query<{ server_version: string }>('SHOW server_version');
  const began = performance.now();
  await client.query('SELECT 1');
  const [version = 'unknown'] = rows[0]?.server_version.split(' ') ?? [];
  return { version, roundTripMs: performance.now() - began };
}
