import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { withoutBadRows } from '../bad-rows.js';
import { columnsOf, tableOf, type Column } from '../../../events/columns.js';
import type { Engine } from '../engine.js';
import { assertComplete } from '../load-steps.js';
import { countClashesIn } from '../promote.js';
import { CLASHES } from '../../../events/promoted-field.js';
import { selectStatement } from '../select.js';
import { identifier, literal } from '../sql.js';
import type { LoadBatch, LoadInput } from '../warehouse.js';
import type { BigQueryWriter } from '../../../tenants/config/warehouse-config.js';
import { fieldName } from './schema.js';

/** What BigQuery takes for a TIMESTAMP. */
const TIMESTAMP_FORMAT = '%Y-%m-%dT%H:%M:%S.%fZ';

/** For what rows are staged: a load job reads the file itself, requests of the Storage Write API are made of its lines. */
export type StagedFor = BigQueryWriter;

/** The file that is loaded. */
export interface Staged {
  readonly path: string;
  readonly rows: number;
  /** Rows of the batches that are not in it, since they cannot be loaded. */
  readonly leftOut: number;
  readonly bytes: number;
  /** By column, how many values of promoted fields are in `_clashes`. */
  readonly clashes?: Readonly<Record<string, number>>;
}

/**
 * Makes the rows of batch files into one file of NDJSON with the columns of the table: batch files do not say which batch
 * they are, and have times that BigQuery refuses. Rows of which nothing can be made are left out, where the input says what
 * becomes of them. The same load always gives the same bytes. Not compressed, since BigQuery
 * reads that in parallel.
 * @see https://cloud.google.com/bigquery/docs/batch-loading-data#loading_compressed_and_uncompressed_data
 */
export async function stage(
  engine: Engine,
  input: LoadInput,
  batches: readonly LoadBatch[],
  directory: string,
  writer: StagedFor,
): Promise<Staged> {
  const path = join(directory, 'rows.ndjson');
  const [rows, leftOut] = await withoutBadRows(engine, input, batches, async (loadable, bad) => {
    const copy = copyStatement(input, loadable, path, writer);
    const { rowsChanged } = await engine.use((connection) => connection.run(copy), input.signal);
    assertComplete(rowsChanged, loadable);
    return [rowsChanged, bad.reduce((sum, each) => sum + each.rows.length, 0)] as const;
  });
  const clashes = await countClashes(engine, input, path);
  return { path, rows, leftOut, clashes, bytes: (await stat(path)).size };
}

function copyStatement(
  input: LoadInput,
  batches: readonly LoadBatch[],
  target: string,
  writer: StagedFor,
): string {
  const columns = columnsOf(tableOf(input.stream), input.promoted).map(
    (column) => `${staged(column, writer)} AS ${identifier(fieldName(column))}`,
  );
  return `COPY (SELECT ${columns.join(', ')} FROM (${selectStatement(input, batches)})) TO ${literal(target)}
    (FORMAT json, TIMESTAMPFORMAT ${literal(TIMESTAMP_FORMAT)})`;
}

/** The Storage Write API takes JSON as text and times in microseconds; numbers as text lose nothing on their way through Node. */
function staged({ name, type }: Column, writer: StagedFor): string {
  const value = identifier(name);
  if (writer === 'load-jobs') return value;
  if (type === 'JSON' || type === 'BIGINT') return `CAST(${value} AS VARCHAR)`;
  return type === 'TIMESTAMPTZ' ? `CAST(epoch_us(${value}) AS VARCHAR)` : value;
}

async function countClashes(
  engine: Engine,
  { promoted = [], signal }: LoadInput,
  path: string,
): Promise<Staged['clashes']> {
  if (promoted.length === 0) return undefined;
  const query = (sql: string) =>
    engine.use(async (connection) => (await connection.runAndReadAll(sql)).getRowsJS(), signal);
  const lines = `read_json(${literal(path)}, format = 'newline_delimited', columns = {${CLASHES}: 'VARCHAR'})`;
  const clashes = await countClashesIn(query, lines);
  return Object.keys(clashes).length === 0 ? undefined : clashes;
}
