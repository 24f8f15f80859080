/**
 * `npm run soak`: ten minutes of load with random kills, stops and pauses, and an audit at the end. Bounded; exit code 1
 * if anything is lost. `npm run soak -- --minutes 2 --seed 42` for a shorter one, or one that has been before.
 */
import { join } from 'node:path';
import { runInFront } from './run.mjs';
import { main, ROOT, setup } from './setup.mjs';

await main(async () => {
  await setup();
  const soak = join(ROOT, 'test', 'soak', 'soak.ts');
  return runInFront(process.execPath, ['--import', 'tsx', soak, ...process.argv.slice(2)], { cwd: ROOT });
});
