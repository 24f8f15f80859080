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

/** Files that take longest, longest first: a run that begins one of them last would wait for it alone. */
const LONGEST = [
  'test/bench/quick.crash.test.ts',
  'test/e2e/fault-points.crash.test.ts',
  'test/stores/warehouse/bigquery/conformance.crash.test.ts',
  'test/e2e/postgres-state.crash.test.ts',
  'test/e2e/deliveries.crash.test.ts',
  'test/e2e/kill.crash.test.ts',
  'test/e2e/replay.e2e.test.ts',
  'test/e2e/cli.e2e.test.ts',
  'test/workflows/load-window.temporal.test.ts',
];

/** The tier of a test file. */
export function tierOf(file) {
  return TIERS.find((tier) => file.endsWith(`.${tier}.test.ts`)) ?? 'unit';
}

/** The test files of some tiers, from the repository's root; within a tier the longest first, as far as one can tell. */
export function testFiles(tiers) {
  const all = readdirSync(join(ROOT, 'test'), { recursive: true })
    .filter((file) => file.endsWith('.test.ts'))
    .map((file) => join('test', file));
  return tiers.flatMap((tier) =>
    all.filter((file) => tierOf(file) === tier).sort((a, b) => weight(b) - weight(a) || (a < b ? -1 : 1)),
  );
}

/** Of the others the size of their text says most. */
function weight(file) {
  const place = LONGEST.indexOf(file);
  return place === -1 ? statSync(join(ROOT, file)).size : Number.MAX_SAFE_INTEGER - place;
}
