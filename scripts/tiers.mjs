import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './setup.mjs';

/**
 * What a test file's name says it needs, the longest tests first, since those end a run that begins with them soonest:
 *
 * - `x.crash.test.ts` kills, starves, or measures for minutes;
 * - `x.e2e.test.ts` starts processes, nodes most of all;
 * - `x.temporal.test.ts` needs Temporal, and has everything else in its own process;
 * - `x.test.ts` needs no server (tier `unit`).
 */
export const TIERS = ['crash', 'e2e', 'temporal', 'unit'];

/** The tier of a test file. */
export function tierOf(file) {
  return TIERS.find((tier) => file.endsWith(`.${tier}.test.ts`)) ?? 'unit';
}

/** The test files of some tiers, from the repository's root; within a tier the largest first. */
export function testFiles(tiers) {
  const all = readdirSync(join(ROOT, 'test'), { recursive: true })
    .filter((file) => file.endsWith('.test.ts'))
    .map((file) => join('test', file));
  const size = (file) => statSync(join(ROOT, file)).size;
  return tiers.flatMap((tier) =>
    all.filter((file) => tierOf(file) === tier).sort((a, b) => size(b) - size(a) || (a < b ? -1 : 1)),
  );
}
