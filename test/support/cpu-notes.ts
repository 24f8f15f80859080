import { appendFileSync, readFileSync } from 'node:fs';

/** Linux counts in ticks of which every machine of today has 100 a second. */
const TICKS_PER_SECOND = 100;

let before = cpuSeconds();

/**
 * Adds to the file `HEADGATE_TEST_CPU` what the test file that has just ended has used: seconds of CPU of this process
 * and of those it has started and seen end. A look for who makes tests faster; on Linux alone.
 */
export function noteCpu(testFile: string | undefined): void {
  const notes = process.env.HEADGATE_TEST_CPU;
  if (notes === undefined || testFile === undefined) return;
  const now = cpuSeconds();
  appendFileSync(notes, `${JSON.stringify({ file: testFile, seconds: +(now - before).toFixed(2) })}\n`);
  before = now;
}

/** Fields 14 to 17 of proc(5)'s stat: own and children's, user and system. */
function cpuSeconds(): number {
  if (process.platform !== 'linux') return 0;
  const stat = readFileSync('/proc/self/stat', 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields.slice(11, 15).reduce((sum, ticks) => sum + Number(ticks), 0) / TICKS_PER_SECOND;
}
