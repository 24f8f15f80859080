import { CONVERSIONS } from './conversions.js';
import { MATH } from './math.js';
import { OPTIONALS } from './optionals.js';
import { define, type Overload } from './overload.js';
import { TEXT } from './text.js';
import { TIME } from './time.js';
import { invalid } from '../fault.js';
import type { Frame } from '../frame.js';
import { dynamicPattern } from '../pattern.js';

function matches([text, pattern]: unknown[], frame: Frame): unknown {
  const compiled = dynamicPattern(pattern as string, frame);
  return typeof compiled === 'string'
    ? invalid(`matches(): ${compiled}`)
    : compiled.isIn(text as string, frame);
}

const PATTERNS = define({
  'matches(string, string) -> bool': matches,
  'string.matches(string) -> bool': matches,
});

/** Every function there is, macros and operators apart. */
export const FUNCTIONS: readonly Overload[] = [
  ...[CONVERSIONS, TEXT, PATTERNS, TIME, MATH, OPTIONALS].flat(),
];

const byName = new Map<string, Overload[]>();
for (const overload of FUNCTIONS) {
  const key = keyOf(overload.name, overload.isMember);
  byName.set(key, [...(byName.get(key) ?? []), overload]);
}

/** The overloads of a function; none if there is no such function. */
export function overloadsOf(name: string, isMember: boolean): readonly Overload[] {
  return byName.get(keyOf(name, isMember)) ?? [];
}

function keyOf(name: string, isMember: boolean): string {
  return isMember ? `.${name}` : name;
}
