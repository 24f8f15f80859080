import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * A new empty directory for each test of the suite it is called in. Returns how to get at it. It is removed after the
 * suite's own hooks, wherever they stand: what writes into it is closed by then.
 */
export function useTempDir(): () => string {
  let dir = '';
  before(function () {
    // Mocha calls hooks in the order they are named in: one that is named now is the last.
    this.test?.parent?.afterEach(() => rmSync(dir, { recursive: true, force: true }));
  });
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'headgate-test-'));
  });
  return () => dir;
}

/**
 * Works with a directory of its own for temporary files, and fails if anything is left there: in the machine's, which
 * all share, others come and go meanwhile.
 */
export async function leavesNoTemporaryFile(work: () => Promise<void>): Promise<void> {
  const before = process.env.TMPDIR;
  const dir = mkdtempSync(join(tmpdir(), 'headgate-test-'));
  process.env.TMPDIR = dir;
  try {
    await work();
    assert.deepEqual(readdirSync(dir), []);
  } finally {
    if (before === undefined) delete process.env.TMPDIR;
    else process.env.TMPDIR = before;
    rmSync(dir, { recursive: true, force: true });
  }
}
