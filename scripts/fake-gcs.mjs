import { mkdirSync } from 'node:fs';
import { FAKE_GCS } from './emulators.mjs';
import { runQuietly } from './run.mjs';
import { step } from './step.mjs';

const { module, version, folder } = FAKE_GCS;

/** Builds fake-gcs-server with Go, for the tests of batches in a bucket; they find it automatically. */
mkdirSync(folder, { recursive: true });
await step(`Building ${module} ${version}`, () =>
  runQuietly('go', ['install', `${module}@${version}`], {
    env: { ...process.env, CGO_ENABLED: '0', GOBIN: folder },
  }),
);
console.log('npm test -- test/stores/batch-store/gcs.e2e.test.ts test/e2e/gcs.e2e.test.ts');
