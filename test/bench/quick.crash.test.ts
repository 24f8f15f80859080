import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { CASES } from '../../bench/cases/index.js';
import type { Report } from '../../bench/report/report.js';
import { useTempDir } from '../support/temp-dir.js';

const MAIN = fileURLToPath(new URL('../../bench/main.ts', import.meta.url));
/** It takes minutes on two idle cores, and more beside other tests; this only ends a run that hangs. */
const WITHIN_MS = 900_000;

describe('npm run bench -- --quick', () => {
  const dir = useTempDir();

  it('runs every case, and every acknowledged event is decided on and in Parquet, once', async function () {
    this.timeout(WITHIN_MS + 30_000);
    const out = join(dir(), 'quick.json');
    // Ends with another code than 0, and so throws with what it printed, when a case fails or an event is missing.
    await promisify(execFile)(process.execPath, ['--import', 'tsx', MAIN, '--quick', '--out', out], {
      timeout: WITHIN_MS,
    });
    const report = JSON.parse(readFileSync(out, 'utf8')) as Report;
    assert.equal(report.schema, 'headgate-bench/1');
    assert.equal(report.correct, true);
    assert.ok(report.machine.cores > 0 && report.versions.node === process.version);
    assert.deepEqual(
      Object.keys(report.cases),
      CASES.map(({ name }) => name),
    );
    for (const [name, each] of Object.entries(report.cases)) {
      assert.ok(!('failure' in each), `${name} failed`);
      assert.ok(Object.keys(each.figures).length > 0, `${name} has figures`);
      for (const [system, account] of Object.entries(each.accounts)) {
        const { acknowledged, rows, decisions } = account;
        assert.ok(acknowledged > 0, `${name}: ${system} acknowledged something`);
        assert.ok(account.unanswered > 0 || rows === acknowledged, `${name}: ${system} has all rows`);
        assert.equal(decisions, rows, `${name}: ${system} has a decision for every row`);
      }
    }
  });
});

describe('npm run bench', () => {
  it('refuses a case that is not there, and names those that are', async () => {
    const run = promisify(execFile)(process.execPath, ['--import', 'tsx', MAIN, 'end-to-nd']);
    await assert.rejects(run, ({ code, stderr }: { code: number; stderr: string }) => {
      assert.equal(code, 1);
      assert.match(stderr, /no case is named end-to-nd; there are end-to-end,/);
      return true;
    });
  });
});
