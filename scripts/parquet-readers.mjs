import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { runQuietly } from './run.mjs';
import { main } from './setup.mjs';
import { step } from './step.mjs';
import { PARQUET_READERS } from './test-programs.mjs';

const PYTHON = process.platform === 'win32' ? 'python' : 'python3';

/** Installs other readers of Parquet, for the tests of what the README says of them; they find them by themselves. */
await main(async () => {
  const { folder, readers } = PARQUET_READERS;
  mkdirSync(folder, { recursive: true });
  for (const { name, packages } of readers) {
    const ready = join(folder, name);
    if (existsSync(ready)) continue;
    // Under its name only once it is complete.
    const unready = `${ready}.unready`;
    rmSync(unready, { recursive: true, force: true });
    const where = ['--target', unready, '--quiet', '--disable-pip-version-check'];
    await step(`Installing ${packages.join(' and ')}`, () =>
      runQuietly(PYTHON, ['-m', 'pip', 'install', ...where, ...packages], {
        cwd: folder,
      }),
    );
    renameSync(unready, ready);
  }
  console.log('npm test -- test/stores/warehouse/parquet/readers.e2e.test.ts');
});
