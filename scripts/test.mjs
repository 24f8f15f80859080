/**
 * `npm test`: sets the checkout up if needed, then runs mocha. Arguments go to mocha: `npm test -- test/rules/*.ts`,
 * `npm test -- --grep spool`. The last line is always `N passed, N failed`, also of a run that crashed.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { totalsLine } from '../test/support/totals.mjs';
import { runInFront } from './run.mjs';
import { main, ROOT, setup } from './setup.mjs';
import { step } from './step.mjs';

const ALL_TESTS = 'test/**/*.test.ts';

async function ensureTemporal() {
  const { loadConfig } = await import('../dist/config.js');
  const { ensureTemporalBinary, findTemporalBinary } = await import('../dist/engine/find-server.js');
  const { temporalCli, path, cacheDir } = loadConfig();
  const options = { env: { explicitPath: temporalCli, path }, cacheDir };
  if ((await findTemporalBinary(options)) !== undefined) return;
  const get = (onProgress) => ensureTemporalBinary({ ...options, onProgress });
  await step("Getting Temporal's server (the tests run against a real one)", get);
}

async function runMocha(args) {
  const folder = mkdtempSync(join(tmpdir(), 'headgate-totals-'));
  const totalsFile = join(folder, 'totals.json');
  try {
    const mocha = createRequire(import.meta.url).resolve('mocha/bin/mocha.js');
    const only = process.env.CI === undefined ? [] : ['--forbid-only'];
    const code = await runInFront(process.execPath, [mocha, ...only, ...withSpecs(args)], {
      cwd: ROOT,
      env: { ...process.env, HEADGATE_TEST_TOTALS: totalsFile },
    });
    return { code, totals: readTotals(totalsFile) };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** All tests, unless the arguments name files. */
function withSpecs(args) {
  return args.some((each) => each.endsWith('.ts')) ? args : [...args, ALL_TESTS];
}

function readTotals(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return { passed: 0, failed: 0, skipped: 0, complete: false };
  }
}

/** For a run whose reporter did not get to print its totals: the crash is a failure of its own. */
function endOfCrash(totals) {
  console.log(`\n${totalsLine({ ...totals, failed: totals.failed + 1 })}`);
  return 1;
}

await main(async () => {
  try {
    await setup();
    await ensureTemporal();
  } catch (error) {
    console.error(`\n${error instanceof Error ? error.message : error}`);
    return endOfCrash({ passed: 0, failed: 0, skipped: 0 });
  }
  const { code, totals } = await runMocha(process.argv.slice(2));
  return totals.complete ? code : endOfCrash(totals);
});
