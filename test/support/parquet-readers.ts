import { execFile, spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { basename, delimiter, join } from 'node:path';
import { promisify } from 'node:util';

const FOLDERS = (process.env.HEADGATE_TEST_PARQUET_READERS ?? '').split(delimiter);

/** Spark takes ten seconds where nothing else runs. */
const LONGEST_MS = 100_000;

/** Other tools that read the warehouse's files, as scripts/test-programs.mjs names them. */
export type ParquetReader = 'duckdb-1.2' | 'duckdb-1.3' | 'pandas' | 'polars' | 'clickhouse' | 'spark-3.5';

const folderOf = (reader: ParquetReader) => FOLDERS.find((path) => basename(path).startsWith(`${reader}@`));

/** Skips a suite, saying why, where a reader is not installed; to be called in a hook before all. */
export function skipWithoutReader(context: Mocha.Context, reader: ParquetReader): void {
  const missing =
    folderOf(reader) === undefined
      ? `run \`node scripts/parquet-readers.mjs\` once, which installs ${reader}`
      : reader === 'spark-3.5' && spawnSync('java', ['-version']).status !== 0
        ? 'Spark needs Java 17; install it (Debian: openjdk-17-jre-headless)'
        : undefined;
  if (missing === undefined) return;
  console.log(`      skipped: ${missing}`);
  context.skip();
}

/**
 * Runs a Python program that can import a reader's packages, far from UTC, and gives what its last line of output is as
 * JSON.
 * @param cwd where it runs
 */
export async function runReader(reader: ParquetReader, cwd: string, program: string): Promise<unknown> {
  writeFileSync(join(cwd, 'program.py'), program);
  const { PATH, HOME, JAVA_HOME } = process.env;
  const env = {
    PATH,
    HOME,
    JAVA_HOME,
    PYTHONPATH: folderOf(reader),
    TZ: 'America/New_York',
    SPARK_LOCAL_IP: '127.0.0.1',
  };
  const python = process.platform === 'win32' ? 'python' : 'python3';
  const { stdout } = await promisify(execFile)(python, ['program.py'], { cwd, env, timeout: LONGEST_MS });
  return JSON.parse(stdout.trimEnd().split('\n').at(-1)!);
}
