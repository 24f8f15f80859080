import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { BIGQUERY_EMULATOR } from './emulators.mjs';
import { runQuietly } from './run.mjs';
import { step } from './step.mjs';

const { module, version, folder, binary } = BIGQUERY_EMULATOR;
const COMMAND = `${module}/cmd/bigquery-emulator`;

/** Builds goccy's emulator of BigQuery with Go, for the tests of that warehouse; they find it automatically. */
mkdirSync(folder, { recursive: true });
// As a tool of a module of its own: `go install` does not take the `replace` lines of its go.mod.
const lines = [
  'module headgate/bigquery-emulator',
  'go 1.24',
  `tool ${COMMAND}`,
  `require ${module} ${version}`,
];
writeFileSync(join(folder, 'go.mod'), `${lines.join('\n\n')}\n`);
await step(`Building ${module} ${version}, about 7 minutes on 2 cores`, () =>
  runQuietly('go', ['build', '-ldflags', '-s -w', '-o', binary, COMMAND], {
    cwd: folder,
    env: { ...process.env, CGO_ENABLED: '0', GOFLAGS: '-mod=mod' },
  }),
);
console.log(
  'npm test -- test/stores/load-claims/*.ts test/stores/warehouse/bigquery/*.ts test/e2e/bigquery.crash.test.ts',
);
