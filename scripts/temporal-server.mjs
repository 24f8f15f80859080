import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { main, setup } from './setup.mjs';
import { step } from './step.mjs';

/** Gets Temporal's server into the cache if it is not there: a download, or where that is blocked a build of minutes. */
export async function ensureTemporal() {
  const { loadConfig } = await import('../dist/config.js');
  const { ensureTemporalBinary, findTemporalBinary } =
    await import('../dist/temporal/dev-server/find-server.js');
  const { temporalCli, path, cacheDir } = loadConfig();
  const options = { env: { explicitPath: temporalCli, path }, cacheDir };
  if ((await findTemporalBinary(options)) !== undefined) return;
  const get = (onProgress) => ensureTemporalBinary({ ...options, onProgress });
  await step("Getting Temporal's server (the tests run against a real one)", get);
}

if (process.argv[1] !== undefined && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  await main(async () => {
    await setup();
    await ensureTemporal();
  });
}
