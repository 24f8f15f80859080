import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { runQuietly } from './run.mjs';
import { main } from './setup.mjs';
import { step } from './step.mjs';
import { PARQUET_READERS } from './test-programs.mjs';

const PYTHON = process.platform === 'win32' ? 'python' : 'python3';

/** Installs other readers of Parquet, for the tests of what docs/how-to/read-the-parquet-files.md says of them, which find them automatically. */
await main(async () => {
  for (const { packages, folder } of PARQUET_READERS.readers) {
    if (existsSync(folder)) continue;
    // Under its name only once it is complete.
    const unready = `${folder}.unready`;
    rmSync(unready, { recursive: true, force: true });
    mkdirSync(unready, { recursive: true });
    const where = ['--target', unready, '--quiet', '--disable-pip-version-check'];
    await step(`Installing ${packages.join(' and ')}`, () =>
      runQuietly(PYTHON, ['-m', 'pip', 'install', ...where, ...packages], { cwd: unready }),
    );
    renameSync(unready, folder);
  }
  console.log('npm test -- test/stores/warehouse/parquet/readers.e2e.test.ts');
});
