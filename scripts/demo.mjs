/** `npm start`: sets the checkout up if needed, then runs the demo. `npm start -- --exit` passes `--exit` on to it. */
import { join } from 'node:path';
import { runInFront } from './run.mjs';
import { main, ROOT, setup } from './setup.mjs';

await main(async () => {
  await setup();
  const command = [join(ROOT, 'bin', 'headgate.mjs'), 'demo', ...process.argv.slice(2)];
  return runInFront(process.execPath, command, { cwd: ROOT });
});
