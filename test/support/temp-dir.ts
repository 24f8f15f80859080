import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A new empty directory for each test of the suite it is called in, removed after it. Returns how to get at it. */
export function useTempDir(): () => string {
  let dir = '';
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'headgate-test-'));
  });
  afterEach(() => rmSync(dir, { recursive: true, force: true }));
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
