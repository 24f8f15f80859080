import { writeFileSync } from 'node:fs';
import { relative } from 'node:path';
import Mocha from 'mocha';
import { totalsLine } from './totals.mjs';

const SLOWEST = 10;

/**
 * Mocha's spec reporter, followed by the slowest files and by the totals alone on a line: `N passed, N failed`, and
 * `, N skipped` where tests were. The totals so far are also kept in the file `HEADGATE_TEST_TOTALS`, so that
 * scripts/test.mjs can give them for a run that did not live to print its own.
 */
export default class TotalsReporter extends Mocha.reporters.Spec {
  constructor(runner, options) {
    super(runner, options);
    /** By file, milliseconds in its tests and hooks. */
    this.spent = new Map();
    const { EVENT_TEST_PASS, EVENT_TEST_FAIL, EVENT_TEST_PENDING, EVENT_TEST_END, EVENT_HOOK_END } =
      Mocha.Runner.constants;
    for (const event of [EVENT_TEST_PASS, EVENT_TEST_FAIL, EVENT_TEST_PENDING])
      runner.on(event, () => keep(totals(this.stats, runner.failures), false));
    for (const event of [EVENT_TEST_END, EVENT_HOOK_END])
      runner.on(event, ({ file, duration = 0 }) => {
        if (file !== undefined) this.spent.set(file, (this.spent.get(file) ?? 0) + duration);
      });
  }

  /** Called by mocha when the run is over and the global teardown is done. */
  done(failures, callback) {
    const counts = totals(this.stats, failures);
    if (this.spent.size > SLOWEST) console.log(`\n${slowest(this.spent)}\n`);
    console.log(totalsLine(counts));
    keep(counts, true);
    callback(failures);
  }
}

function slowest(spent) {
  const files = [...spent].sort(([, a], [, b]) => b - a).slice(0, SLOWEST);
  const lines = files.map(([file, ms]) => `${(ms / 1000).toFixed(1).padStart(7)} s  ${relative('.', file)}`);
  return ['The slowest files:', ...lines].join('\n');
}

/** Failures of hooks count as failures too; the runner knows both. */
function totals(stats, failures) {
  return { passed: stats.passes, failed: Math.max(failures, stats.failures), skipped: stats.pending };
}

function keep(counts, complete) {
  const file = process.env.HEADGATE_TEST_TOTALS;
  if (file !== undefined) writeFileSync(file, JSON.stringify({ ...counts, complete }));
}
