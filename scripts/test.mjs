/**
 * Sets the checkout up if needed, then runs mocha, several files at once. The last line is always
 * `N passed, N failed`, also of a run that crashed.
 *
 *   npm test                                   all but what kills, starves or measures for minutes
 *   npm run test:crash                         those
 *   npm run test:unit                          what needs no server
 *   npm test -- test/rules/compile.test.ts     some files
 *   npm test -- --grep spool                   some tests; other options go to mocha as well
 *   npm test -- --jobs 2                       files at once; the default is 4
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { totalsLine } from '../test/support/totals.mjs';
import { runInFront } from './run.mjs';
import { main, ROOT, setup } from './setup.mjs';
import { ensureTemporal } from './temporal-server.mjs';
import { TEST_PROGRAMS } from './test-programs.mjs';
import { testFiles, tierOf } from './tiers.mjs';

/** Files at once: with two cores most of their time is waiting for windows, timers and processes. */
const JOBS = '4';

const USUAL_TIERS = ['e2e', 'temporal', 'unit'];

/** What the command line asks for: the files, and what is mocha's own. */
function request(args) {
  const tiers = args[0] === '--tier' ? args.splice(0, 2)[1].split(',') : USUAL_TIERS;
  const given = args.filter((each) => each.endsWith('.ts'));
  const files = given.length > 0 ? given : testFiles(tiers);
  return { files, options: args.filter((each) => !each.endsWith('.ts')) };
}

/** Emulators and other programs that are there are used; of the rest it is said how to get them. */
function programs(env) {
  const found = {};
  for (const { name, variable, script, find } of TEST_PROGRAMS) {
    if (env[variable] !== undefined) continue;
    const value = find();
    if (value !== undefined) found[variable] = value;
    else console.log(`Tests with ${name} are skipped: run node ${script} once.`);
  }
  return found;
}

async function runMocha({ files, options }) {
  const folder = mkdtempSync(join(tmpdir(), 'headgate-totals-'));
  const totalsFile = join(folder, 'totals.json');
  try {
    // Not bin/mocha.js: it starts this very script, with the loader, and does not pass a SIGTERM on to it.
    const mocha = ['--import=tsx', createRequire(import.meta.url).resolve('mocha/lib/cli/cli.js')];
    const needsTemporal = files.some((file) => tierOf(file) !== 'unit');
    const code = await runInFront(process.execPath, [...mocha, ...howToRun(files, options), ...files], {
      cwd: ROOT,
      env: {
        ...process.env,
        ...programs(process.env),
        ...(!needsTemporal && { HEADGATE_TEST_TEMPORAL: 'off' }),
        HEADGATE_TEST_TOTALS: totalsFile,
      },
    });
    return { code, totals: readTotals(totalsFile) };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** One file runs in mocha's own process, where `.only` and a debugger work. */
function howToRun(files, options) {
  if (files.length === 1) return [...(process.env.CI === undefined ? [] : ['--forbid-only']), ...options];
  const jobs = options.some((each) => /^(-j|--jobs)/.test(each)) ? [] : ['--jobs', JOBS];
  return ['--parallel', ...jobs, ...options];
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
  const asked = request(process.argv.slice(2));
  try {
    await setup();
    if (asked.files.some((file) => tierOf(file) !== 'unit')) await ensureTemporal();
  } catch (error) {
    console.error(`\n${error instanceof Error ? error.message : error}`);
    return endOfCrash({ passed: 0, failed: 0, skipped: 0 });
  }
  const { code, totals } = await runMocha(asked);
  return totals.complete ? code : endOfCrash(totals);
});
