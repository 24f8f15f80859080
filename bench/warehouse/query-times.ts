import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { makeTemporary, removeTemporary } from '../system/temporary.js';
import { runCommand, type CommandRun } from './command.js';
import { dayNumber, distinctOf, writeSmallFiles } from './small-files.js';

const TENANT = 'bench';

/** What is asked, each by a `headgate query` of its own, as its user waits for it. */
const QUERIES = {
  'the start alone': 'SELECT 1',
  'count(*)': 'SELECT count(*) FROM events',
  'by type': 'SELECT type, count(*) FROM events GROUP BY type',
  'one day by type': `SELECT type, count(*) FROM events WHERE day = '${dayNumber(1)}' GROUP BY type`,
  'one subject': "SELECT id, time, type FROM events WHERE subject = 'N42' ORDER BY time",
  'one type, a value of data':
    "SELECT avg((data->>'delay')::INTEGER) FROM events WHERE type = 'flight.delayed'",
} as const;

/** A name of a query. */
export type QueryName = keyof typeof QUERIES;

/** What the files are at some point, and how long the queries take over them. */
interface QueryTimes {
  readonly files: number;
  readonly bytes: number;
  /** Seconds until the user has the answer: the median of the runs. */
  readonly seconds: Readonly<Record<QueryName, number>>;
  readonly cpuSeconds: Readonly<Record<QueryName, number>>;
  readonly peakRssMb: Readonly<Record<QueryName, number>>;
}

/** How much to measure with. */
export interface QueryTimesOptions {
  readonly files: number;
  readonly rowsPerFile: number;
  readonly filesPerDay: number;
  /** Files that are loaded after the compaction, with as many rows each. */
  readonly newFiles: number;
  /** Runs of each query; the ones before the compaction, which take long, run once. */
  readonly runs: number;
  readonly progress: (text: string) => void;
}

/** The measurements of {@link measureQueries}. */
export interface MeasuredQueries {
  readonly before: QueryTimes;
  readonly compaction: CommandRun;
  readonly after: QueryTimes;
  /** Once more has been loaded, that is not compacted yet. */
  readonly withNewFiles: QueryTimes;
}

/**
 * Fills a warehouse with the files of many loads, and measures queries over it before and after a compaction, and with
 * new files beside compacted ones.
 * @throws Error when a row is missing or is there twice at any point
 */
export async function measureQueries(options: QueryTimesOptions): Promise<MeasuredQueries> {
  const { files, rowsPerFile, newFiles, runs, progress } = options;
  const rows = files * rowsPerFile;
  const dataDir = makeTemporary();
  const directory = join(dataDir, 'warehouse', TENANT, 'events');
  const ask = async (text: string, total: number, times: number): Promise<QueryTimes> => {
    progress(text);
    await assertRows(dataDir, distinctOf(total));
    return { ...sizeOf(directory), ...(await timesOf(dataDir, times)) };
  };
  try {
    progress(`${rows.toLocaleString('en')} rows in ${files} files are made`);
    await writeSmallFiles({ ...options, directory });
    const before = await ask('queries before the compaction', rows, 1);
    progress('compaction');
    const compaction = await runCommand(['compact', TENANT, '--grace', '0s'], dataDir);
    const after = await ask('queries after it', rows, runs);
    const all = files + newFiles;
    await writeSmallFiles({ ...options, directory, files: all }, files);
    const withNewFiles = await ask('queries with new files beside', all * rowsPerFile, runs);
    return { before, compaction, after, withNewFiles };
  } finally {
    removeTemporary(dataDir);
  }
}

/** All rows are there, and each id once. */
async function assertRows(dataDir: string, expected: number): Promise<void> {
  const sql = 'SELECT count(*) AS rows, count(DISTINCT id) AS ids FROM events';
  const { stdout } = await runCommand(['query', TENANT, sql, '--json'], dataDir);
  const [found] = JSON.parse(stdout) as { rows: number; ids: number }[];
  if (found?.rows !== expected || found.ids !== expected)
    throw new Error(`There are ${found?.rows} rows of ${found?.ids} ids, not ${expected}.`);
}

async function timesOf(dataDir: string, runs: number) {
  const seconds: Partial<Record<QueryName, number>> = {};
  const cpuSeconds: Partial<Record<QueryName, number>> = {};
  const peakRssMb: Partial<Record<QueryName, number>> = {};
  for (const [name, sql] of Object.entries(QUERIES) as [QueryName, string][]) {
    const made: CommandRun[] = [];
    for (let run = 0; run < runs; run += 1) made.push(await runCommand(['query', TENANT, sql], dataDir));
    const median = made.sort((a, b) => a.seconds - b.seconds)[Math.floor(made.length / 2)]!;
    seconds[name] = rounded(median.seconds);
    cpuSeconds[name] = rounded(median.cpuSeconds);
    peakRssMb[name] = median.peakRssMb;
  }
  return { seconds, cpuSeconds, peakRssMb } as Pick<QueryTimes, 'seconds' | 'cpuSeconds' | 'peakRssMb'>;
}

function sizeOf(directory: string): { files: number; bytes: number } {
  const found = readdirSync(directory, { recursive: true, encoding: 'utf8' });
  const files = found.filter((name) => name.endsWith('.parquet'));
  return {
    files: files.length,
    bytes: files.reduce((sum, name) => sum + statSync(join(directory, name)).size, 0),
  };
}

function rounded(seconds: number): number {
  return Math.round(seconds * 100) / 100;
}
