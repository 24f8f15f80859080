import type { Client } from 'pg';
import { HeadgateError } from '../../errors.js';
import type { PostgresPlace } from './postgres-place.js';

/**
 * The SQL that makes the tables, in order; the first is number 1. What has been released stays as it is: changes are new
 * entries at the end. Each runs in a transaction with the schema as its search path.
 */
const MIGRATIONS: readonly string[] = [
  // Record as text: it is never looked into here, and as jsonb costs three times as much and refuses U+0000.
  // Names compare by bytes, whatever the database's language. Room on each page lets a row be replaced where it is.
  `CREATE TABLE subjects (
     tenant text COLLATE "C" NOT NULL,
     subject text COLLATE "C" NOT NULL,
     record text NOT NULL,
     PRIMARY KEY (tenant, subject)
   ) WITH (fillfactor = 70);
   CREATE TABLE watermarks (tenant text COLLATE "C" PRIMARY KEY, seq bigint NOT NULL);
   CREATE TABLE owner (
     one boolean PRIMARY KEY DEFAULT true CHECK (one),
     state text NOT NULL DEFAULT md5(random()::text || clock_timestamp()::text),
     epoch bigint NOT NULL,
     holder text NOT NULL,
     since timestamptz NOT NULL DEFAULT now()
   );
   INSERT INTO owner (epoch, holder) VALUES (0, 'nobody yet');`,
];

/** The version of the tables that this code works with. */
export const SCHEMA_VERSION = MIGRATIONS.length;

/** The version of the tables that are there; 0 where there are none. */
export async function schemaVersionOf(client: Client, { schema }: PostgresPlace): Promise<number> {
  const table = await client.query<{ found: string | null }>('SELECT to_regclass($1)::text AS found', [
    `"${schema}".schema_migrations`,
  ]);
  if (table.rows[0]?.found == null) return 0;
  const { rows } = await client.query<{ version: number }>(
    `SELECT coalesce(max(version), 0)::int AS version FROM "${schema}".schema_migrations`,
  );
  return rows[0]?.version ?? 0;
}

/**
 * Makes the tables what this code works with. To be called by the one process that holds the state's lock.
 * @throws HeadgateError `STATE_REFUSED`: they are of a newer Headgate
 */
export async function migrate(client: Client, place: PostgresPlace): Promise<void> {
  const { schema } = place;
  const version = await schemaVersionOf(client, place);
  if (version > SCHEMA_VERSION) throw newerTables(place, version);
  if (version === SCHEMA_VERSION) return;
  await makeSchema(client, schema);
  for (let number = version + 1; number <= SCHEMA_VERSION; number++) {
    await client.query('BEGIN');
    try {
      await client.query(`SET LOCAL search_path TO "${schema}"`);
      await client.query(MIGRATIONS[number - 1] as string);
      await client.query('INSERT INTO schema_migrations (version) VALUES ($1)', [number]);
      await client.query('COMMIT');
    } catch (error) {
      await client.query('ROLLBACK').catch(() => undefined);
      throw error;
    }
  }
}

/** Says that only a newer Headgate can go on. */
export function newerTables({ schema }: PostgresPlace, version: number): HeadgateError {
  return new HeadgateError(
    'STATE_REFUSED',
    `The schema ${schema} has tables of version ${version}, and this Headgate knows none after ${SCHEMA_VERSION}. Run the version of Headgate that has made them, or a newer one.`,
  );
}

/** `IF NOT EXISTS` alone asks for the right to make a schema also where there is one. */
async function makeSchema(client: Client, schema: string): Promise<void> {
  const { rowCount } = await client.query('SELECT FROM pg_namespace WHERE nspname = $1', [schema]);
  if (rowCount === 0) await client.query(`CREATE SCHEMA IF NOT EXISTS "${schema}"`);
  await client.query(
    `CREATE TABLE IF NOT EXISTS "${schema}".schema_migrations (version int PRIMARY KEY, at timestamptz NOT NULL DEFAULT now())`,
  );
}
