import { execFileSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Context } from 'mocha';
import { messageOf } from '../../src/errors.js';

const SOURCE = fileURLToPath(new URL('failing-sync.c', import.meta.url));

/** A disk whose flushes can fail, for one process. */
export interface FailingSync {
  /** What the process needs in its environment. */
  readonly env: Readonly<Record<string, string>>;
  /** From now on flushes fail. */
  fail(): void;
  /** From now on they do not. */
  mend(): void;
}

/**
 * Puts a disk whose flushes can fail beneath the files whose path has `of` in it.
 * @param directory where what it needs is kept
 * @param context skipped, with the reason in a line, where the shared library cannot be built
 */
export function failingSync(directory: string, of: string, context: Context): FailingSync {
  const library = join(directory, 'failing-sync.so');
  try {
    execFileSync('cc', ['-shared', '-fPIC', '-o', library, SOURCE, '-ldl'], { stdio: 'pipe' });
  } catch (error) {
    console.log(`      skipped: needs Linux and a C compiler (${messageOf(error).split('\n')[0]})`);
    context.skip();
  }
  const flag = join(directory, 'flushes-fail');
  return {
    env: { LD_PRELOAD: library, FAILING_SYNC: flag, FAILING_SYNC_OF: of },
    fail: () => writeFileSync(flag, ''),
    mend: () => rmSync(flag),
  };
}
