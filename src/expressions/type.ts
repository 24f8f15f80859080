import type { Kind } from './runtime-value.js';

/** What is known of a value before an expression runs. */
export interface Type {
  readonly kind: Kind;
  /** What a list's elements, a map's values, or an optional's value are; `dyn` if undefined. */
  readonly of?: Type;
}

/** Nothing is known. */
export const DYN: Type = { kind: 'dyn' };
/** true or false. */
export const BOOL: Type = { kind: 'bool' };
/** A map of anything, as JSON has them. */
export const ANY_MAP: Type = { kind: 'map' };

/** True for int, uint and double. */
export function isNumber(kind: Kind): boolean {
  return kind === 'int' || kind === 'uint' || kind === 'double';
}

/** True when a value of this kind may be given where the other is wanted. */
export function mayBe(kind: Kind, wanted: Kind): boolean {
  if (kind === wanted || kind === 'dyn' || wanted === 'dyn') return true;
  // Whole numbers of JSON are doubles, and count as ints where only those are taken.
  return kind === 'double' && wanted === 'int';
}

/** True when two kinds can be equal at all. */
export function mayEqual(left: Kind, right: Kind): boolean {
  return (
    left === right ||
    [left, right].some((kind) => kind === 'dyn' || kind === 'null') ||
    (isNumber(left) && isNumber(right))
  );
}

/** The type of either: what both are, or `dyn`. */
export function either(left: Type, right: Type): Type {
  if (left.kind !== right.kind) return DYN;
  if (left.of === undefined || right.of === undefined) return { kind: left.kind };
  return { kind: left.kind, of: either(left.of, right.of) };
}

/** The type of all of these together. */
export function common(types: readonly Type[]): Type | undefined {
  return types.length === 0 ? undefined : types.reduce(either);
}
