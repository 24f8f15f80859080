/**
 * `npm run bench`: sets the checkout up if needed, then runs the benchmark on the built product. Arguments go to it:
 * `npm run bench -- --help`.
 */
import { join } from 'node:path';
import { runInFront } from './run.mjs';
import { main, ROOT, setup } from './setup.mjs';

await main(async () => {
  await setup();
  const command = ['--import', 'tsx', join(ROOT, 'bench', 'main.ts'), ...process.argv.slice(2)];
  return runInFront(process.execPath, command, { cwd: ROOT });
});
