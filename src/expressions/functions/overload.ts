import type { Frame } from '../frame.js';
import { kindOf, type Kind } from '../runtime-value.js';
import type { Type } from '../type.js';

/** What a function does with its arguments, the receiver first. They are no faults. */
export type Apply = (args: unknown[], frame: Frame) => unknown;

/** A function for arguments of certain types. */
export interface Overload {
  /** As documented: `string.contains(string) -> bool`. */
  readonly signature: string;
  /** `contains`, or `math.ceil`. */
  readonly name: string;
  /** True for `a.contains(b)`, false for `size(a)`. */
  readonly isMember: boolean;
  readonly params: readonly Kind[];
  /** True where the last parameter may be given any number of times, but once at least. */
  readonly isVariadic: boolean;
  readonly result: Type;
  readonly apply: Apply;
}

/** Types a member function may be of; another word before a dot is a part of the function's name. */
const RECEIVERS: ReadonlySet<string> = new Set<Kind>([
  ...(['bytes', 'duration', 'list', 'map', 'optional_type', 'string', 'timestamp'] as const),
]);

const SIGNATURE = /^(?:(\w+)\.)?(\w+)\((.*)\) -> (\w+)$/;

/** Defines functions by their signatures. */
export function define(functions: Readonly<Record<string, Apply>>): Overload[] {
  return Object.entries(functions).map(([signature, apply]) => {
    const [, prefix, word, list, result] = SIGNATURE.exec(signature)!;
    const isMember = prefix !== undefined && RECEIVERS.has(prefix);
    const isVariadic = list!.endsWith('...');
    const written = list === '' ? [] : list!.replace('...', '').split(', ');
    return {
      signature,
      isMember,
      isVariadic,
      apply,
      name: prefix === undefined || isMember ? word! : `${prefix}.${word}`,
      params: (isMember ? [prefix, ...written] : written) as Kind[],
      result: { kind: result as Kind },
    };
  });
}

/** The parameter at a place. */
export function paramAt({ params }: Overload, at: number): Kind {
  return params[Math.min(at, params.length - 1)]!;
}

/** True when an overload takes this many arguments. */
export function takes({ params, isVariadic }: Overload, count: number): boolean {
  return isVariadic ? count >= params.length : count === params.length;
}

/**
 * The arguments as an overload takes them; undefined if it does not. With `isKind`, a whole double is taken for an int: JSON
 * has no other way to write one.
 */
export function fitted(overload: Overload, args: unknown[], isKind: boolean): unknown[] | undefined {
  let fitting = args;
  for (let i = 0; i < args.length; i++) {
    const wanted = paramAt(overload, i);
    const given = args[i];
    if (wanted === 'dyn' || kindOf(given) === wanted) continue;
    if (!isKind || wanted !== 'int' || typeof given !== 'number' || !Number.isSafeInteger(given))
      return undefined;
    if (fitting === args) fitting = [...args];
    fitting[i] = BigInt(given);
  }
  return fitting;
}
