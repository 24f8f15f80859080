import { writeFileSync } from 'node:fs';
import Mocha from 'mocha';
import { totalsLine } from './totals.mjs';

/**
 * Mocha's spec reporter, followed by the totals alone on a line: `N passed, N failed`, and `, N skipped` where tests
 * were. The totals so far are also kept in the file `HEADGATE_TEST_TOTALS`, so that scripts/test.mjs can give them for
 * a run that did not live to print its own.
 */
export default class TotalsReporter extends Mocha.reporters.Spec {
  constructor(runner, options) {
    super(runner, options);
    const { EVENT_TEST_PASS, EVENT_TEST_FAIL, EVENT_TEST_PENDING } = Mocha.Runner.constants;
    for (const event of [EVENT_TEST_PASS, EVENT_TEST_FAIL, EVENT_TEST_PENDING]) {
      runner.on(event, () => keep(totals(this.stats, runner.failures), false));
    }
  }

  /** Called by mocha when the run is over and the global teardown is done. */
  done(failures, callback) {
    const counts = totals(this.stats, failures);
    console.log(totalsLine(counts));
    keep(counts, true);
    callback(failures);
  }
}

/** Failures of hooks count as failures too; the runner knows both. */
function totals(stats, failures) {
  return { passed: stats.passes, failed: Math.max(failures, stats.failures), skipped: stats.pending };
}

function keep(counts, complete) {
  const file = process.env.HEADGATE_TEST_TOTALS;
  if (file !== undefined) writeFileSync(file, JSON.stringify({ ...counts, complete }));
}
