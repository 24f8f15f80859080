import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { DuckDBInstance, type DuckDBConnection } from '@duckdb/node-api';

/** Once every this many rows, one has the id of an earlier row: a producer that repeats itself. */
const REPEAT_EVERY = 10_000;
/** How many rows before. */
const REPEAT_OF = 5_000;
/** A load every five seconds. */
const WINDOW_SECONDS = 5;
const FIRST_DAY = Date.UTC(2026, 2, 1);
const DAY_MS = 24 * 60 * 60 * 1000;

/** What to fill a warehouse with. */
export interface SmallFiles {
  /** The tenant's directory of the table `events`. */
  readonly directory: string;
  readonly files: number;
  readonly rowsPerFile: number;
  /** Files of a day; the days follow each other. */
  readonly filesPerDay: number;
}

/** How many rows of the first `rows` repeat no other. */
export function distinctOf(rows: number): number {
  return rows - Math.floor(rows / REPEAT_EVERY);
}

/** The `number`th day that files are made for, as `YYYY-MM-DD`. */
export function dayNumber(number: number): string {
  return new Date(FIRST_DAY + number * DAY_MS).toISOString().slice(0, 10);
}

/**
 * Makes the files that as many loads would have left, with rows like those of flights: ids that do not compress, eight
 * types, 100,000 subjects, JSON of a hundred bytes. DuckDB makes the rows; the path from batch files to a file has a
 * measurement of its own.
 * @param from the number of the first file, for adding to what is there
 */
export async function writeSmallFiles(
  { directory, files, rowsPerFile, filesPerDay }: SmallFiles,
  from = 0,
): Promise<void> {
  const instance = await DuckDBInstance.create(':memory:', { threads: '2' });
  const connection = await instance.connect();
  await connection.run("SET TimeZone = 'UTC'");
  for (let file = from; file < files; file += 1) {
    const day = dayNumber(Math.floor(file / filesPerDay));
    const folder = join(directory, `day=${day}`);
    mkdirSync(folder, { recursive: true });
    const at = `TIMESTAMPTZ '${day} 00:00:00+00' + INTERVAL ${(file % filesPerDay) * WINDOW_SECONDS} SECOND`;
    const range = [file * rowsPerFile, (file + 1) * rowsPerFile] as const;
    await writeFile(connection, { folder, at, range, number: file, day });
  }
  connection.closeSync();
  instance.closeSync();
}

interface OneFile {
  readonly folder: string;
  readonly day: string;
  readonly number: number;
  /** When its load was, as SQL. */
  readonly at: string;
  readonly range: readonly [from: number, to: number];
}

async function writeFile(connection: DuckDBConnection, { folder, day, number, at, range }: OneFile) {
  const batch = `${day.replaceAll('-', '')}-0123abcd-${String(number).padStart(9, '0')}`;
  const none = (names: readonly string[], type: string) =>
    names.map((name) => `NULL::${type} AS ${name}`).join(', ');
  await connection.run(`COPY (
    SELECT uuid_of AS id, '/airline/UA' AS source, '1.0' AS specversion,
      'flight.' || ['booked', 'changed', 'delayed', 'departed', 'arrived', 'cancelled', 'boarding', 'diverted'][1 + kind] AS type,
      ${at} + INTERVAL (i % 5000) MILLISECOND AS time, 'N' || tail AS subject, 'application/json' AS datacontenttype,
      ${none(['dataschema', 'priority', 'stage'], 'VARCHAR')}, ${none(['extensions'], 'JSON')},
      json_object('flight', hash(i * 3) % 3000, 'origin', ['EWR', 'JFK', 'LGA', 'SFO', 'ORD'][1 + (hash(i * 5) % 5)::INT],
        'dest', 'D' || (hash(i * 11) % 300), 'delay', hash(i * 13) % 400, 'tail', 'N' || tail)::JSON AS data,
      ${none(['data_base64'], 'VARCHAR')}, ${at} + INTERVAL (i % 5000) MILLISECOND AS received_at,
      '${batch}' AS batch_id, 'load-${batch}' AS load_id, ${at} + INTERVAL ${WINDOW_SECONDS} SECOND AS loaded_at
    FROM (
      SELECT i, (hash(i) % 8)::INT AS kind, hash(i * 7) % 100000 AS tail,
        md5((CASE WHEN i % ${REPEAT_EVERY} = ${REPEAT_EVERY - 1} THEN i - ${REPEAT_OF} ELSE i END)::VARCHAR) AS uuid_of
      FROM range(${range[0]}, ${range[1]}) AS numbers(i)
    )
  ) TO '${join(folder, `load-${batch}.parquet`).replaceAll("'", "''")}'
  (FORMAT parquet, COMPRESSION zstd, KV_METADATA {batch_ids: '["${batch}"]', load_id: 'load-${batch}'})`);
}
