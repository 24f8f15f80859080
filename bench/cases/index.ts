import type { BenchCase } from './bench-case.js';
import { endToEnd, endToEndMillion } from './end-to-end.js';

/** All cases, in the order they run: later ones go by the rate that `end-to-end` found. */
export const CASES: readonly BenchCase[] = [endToEnd, endToEndMillion];
