import { mkdirSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { runQuietly } from './run.mjs';
import { step } from './step.mjs';

const MODULE = 'github.com/goccy/bigquery-emulator';
const COMMAND = `${MODULE}/cmd/bigquery-emulator`;
const VERSION = 'v0.8.1';

/**
 * Builds goccy's emulator of BigQuery with Go, for the tests of that warehouse, and prints how to run them with it:
 * node scripts/bigquery-emulator.mjs [folder]
 */
const folder = process.argv[2] ?? join(homedir(), '.cache', 'headgate', 'bigquery-emulator', VERSION);
mkdirSync(folder, { recursive: true });
// As a tool of a module of its own: `go install` does not take the `replace` lines of its go.mod.
const lines = [
  'module headgate/bigquery-emulator',
  'go 1.24',
  `tool ${COMMAND}`,
  `require ${MODULE} ${VERSION}`,
];
writeFileSync(join(folder, 'go.mod'), `${lines.join('\n\n')}\n`);
const binary = join(folder, process.platform === 'win32' ? 'bigquery-emulator.exe' : 'bigquery-emulator');
await step(`Building ${MODULE} ${VERSION}, about 7 minutes on 2 cores`, () =>
  runQuietly('go', ['build', '-ldflags', '-s -w', '-o', binary, COMMAND], {
    cwd: folder,
    env: { ...process.env, CGO_ENABLED: '0', GOFLAGS: '-mod=mod' },
  }),
);
console.log(
  `HEADGATE_TEST_BIGQUERY=${binary} npx mocha "test/stores/load-claims/*.test.ts" "test/stores/warehouse/bigquery/*.test.ts" test/e2e/bigquery.test.ts`,
);
