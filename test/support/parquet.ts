import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { testDuckDB } from './duckdb.js';
import type { FlightEvent } from './flights.js';

/** A table of the warehouse. */
export type ParquetTable = 'events' | 'user_properties' | 'decisions';

/** What a tenant has sent, and the decisions it must come to. */
export interface TenantExpectation {
  readonly events: readonly FlightEvent[];
  readonly properties: readonly FlightEvent[];
  /** `<event id> <rule>` → outcome. */
  readonly decisions: ReadonlyMap<string, string>;
}

/**
 * Rows as they are in the Parquet files themselves, each as often as it is there: the views that show every id once,
 * and everything else of Headgate's, are left aside.
 * @param select columns, as SQL
 */
export async function rowsInFiles(
  warehouse: string,
  tenant: string,
  table: ParquetTable,
  select: string,
): Promise<unknown[][]> {
  const directory = join(warehouse, tenant, table);
  const found = existsSync(directory) ? readdirSync(directory, { recursive: true, encoding: 'utf8' }) : [];
  const files = found.filter((name) => name.endsWith('.parquet')).map((name) => `'${join(directory, name)}'`);
  if (files.length === 0) return [];
  const sql = `SELECT ${select} FROM read_parquet([${files.join()}], union_by_name = true, hive_partitioning = false)`;
  const connection = await testDuckDB();
  return (await connection.runAndReadAll(sql)).getRowsJS() as unknown[][];
}

/** How many rows are in the files of each table. */
export async function countInFiles(warehouse: string, tenant: string): Promise<Record<ParquetTable, number>> {
  const count = async (table: ParquetTable) =>
    Number((await rowsInFiles(warehouse, tenant, table, 'count(*)'))[0]?.[0] ?? 0);
  return {
    events: await count('events'),
    user_properties: await count('user_properties'),
    decisions: await count('decisions'),
  };
}

/** The decisions in the files: `<event id> <rule>` → outcome. Fails if one is there twice. */
export async function decisionsInFiles(warehouse: string, tenant: string): Promise<Map<string, string>> {
  const rows = await rowsInFiles(warehouse, tenant, 'decisions', 'event_id, rule, outcome');
  const decisions = new Map(rows.map(([event, rule, outcome]) => [`${event} ${rule}`, String(outcome)]));
  assert.equal(rows.length, decisions.size, `decisions of ${tenant} in the files, and distinct ones`);
  return decisions;
}

/** Asserts that the files hold every event once and every decision as computed apart from Headgate. */
export async function assertExact(
  warehouse: string,
  tenant: string,
  expected: TenantExpectation,
): Promise<void> {
  const ids = async (table: ParquetTable) =>
    (await rowsInFiles(warehouse, tenant, table, 'id')).map(([id]) => String(id)).sort();
  const idsOf = (events: readonly FlightEvent[]) => events.map(({ id }) => id).sort();
  assert.deepEqual(await ids('events'), idsOf(expected.events), `events of ${tenant}`);
  assert.deepEqual(await ids('user_properties'), idsOf(expected.properties), `user properties of ${tenant}`);
  const decisions = await decisionsInFiles(warehouse, tenant);
  const wrong = [...expected.decisions].filter(([key, outcome]) => decisions.get(key) !== outcome);
  assert.deepEqual(wrong, [], `decisions of ${tenant} that are missing or otherwise`);
  assert.equal(decisions.size, expected.decisions.size, `decisions of ${tenant}`);
}
