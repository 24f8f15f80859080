import { mkdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { runQuietly } from './run.mjs';
import { step } from './step.mjs';

const MODULE = 'github.com/fsouza/fake-gcs-server';
const VERSION = 'v1.54.0';

/**
 * Builds fake-gcs-server with Go, for the tests of batches in a bucket, and prints how to run them with it:
 * node scripts/fake-gcs.mjs [folder]
 */
const folder = process.argv[2] ?? join(homedir(), '.cache', 'headgate', 'fake-gcs-server', VERSION);
mkdirSync(folder, { recursive: true });
await step(`Building ${MODULE} ${VERSION}`, () =>
  runQuietly('go', ['install', `${MODULE}@${VERSION}`], {
    env: { ...process.env, CGO_ENABLED: '0', GOBIN: folder },
  }),
);
const binary = join(folder, process.platform === 'win32' ? 'fake-gcs-server.exe' : 'fake-gcs-server');
console.log(`HEADGATE_TEST_GCS=${binary} npx mocha test/stores/batch-store/gcs.test.ts test/e2e/gcs.test.ts`);
