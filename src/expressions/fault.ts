import type { FAULTS } from '../reference/errors/events.js';
import { RuntimeValue, kindOf } from './runtime-value.js';

/** Why an expression gave no value; a closed set, so that it can be a label of metrics. */
export type FaultCode = keyof typeof FAULTS;

/** Names of missing values that a fault carries. */
const MAX_MISSING = 20;

/**
 * What an expression gives where it fails. It is a value and no exception: a missing property is an everyday thing,
 * and throwing would cost more than the rest of the evaluation.
 */
export class Fault extends RuntimeValue {
  readonly kind = 'error';

  /**
   * @param error what went wrong; undefined if all there is to say is what is missing
   * @param missing what is missing, as people write it, in the order of the expression
   */
  constructor(
    readonly code: FaultCode,
    readonly error: string | undefined,
    readonly missing: readonly string[] = [],
  ) {
    super();
  }

  /** What went wrong in words: `profile.seats is missing`, `error: divide by zero`, `too costly`. */
  get reason(): string {
    if (this.code === 'TOO_COSTLY') return 'too costly';
    const parts = this.missing.map((name) => `${name} is missing`);
    if (this.error !== undefined) parts.push(`error: ${this.error}`);
    return parts.join(' and ');
  }
}

/** The expression has taken more steps than it may. */
export const TOO_COSTLY = new Fault('TOO_COSTLY', 'too costly');

/** Thrown through an evaluation that has used up its budget: made once, so that it costs no stack trace. */
export class BudgetExceeded extends Error {
  static readonly INSTANCE = new BudgetExceeded();
}

/** The fault of an operation of which an operand is one; undefined if none is. All that is missing is named. */
export function faultOf(left: unknown, right?: unknown): Fault | undefined {
  if (!(left instanceof Fault)) return right instanceof Fault ? right : undefined;
  return right instanceof Fault && right !== left ? joined(left, right) : left;
}

/** Joins are remembered by the left one: what is missing are the same faults on every event. */
const joins = new WeakMap<Fault, readonly [right: Fault, joined: Fault]>();

function joined(left: Fault, right: Fault): Fault {
  const known = joins.get(left);
  if (known?.[0] === right) return known[1];
  const made = join(left, right);
  joins.set(left, [right, made]);
  return made;
}

function join(left: Fault, right: Fault): Fault {
  const error = left.error ?? right.error;
  const more = right.missing.filter((name) => !left.missing.includes(name));
  if (error === left.error && (more.length === 0 || left.missing.length >= MAX_MISSING)) return left;
  return new Fault(left.code, error, [...left.missing, ...more].slice(0, MAX_MISSING));
}

/** An operator or function does not take what it was given. */
export function noOverload(what: string): Fault {
  return new Fault('NO_OVERLOAD', `no such overload: ${what}`);
}

/** As {@link noOverload}, of a binary operator; the fault of its operands if one is. */
export function noOverloadOf(operator: string, left: unknown, right: unknown): Fault {
  return faultOf(left, right) ?? noOverload(`${kindOf(left)} ${operator} ${kindOf(right)}`);
}

/** A value is beyond what its type holds. */
export function outOfRange(what: string): Fault {
  return new Fault('OUT_OF_RANGE', what);
}

/** A value is not what the function reads. */
export function invalid(what: string): Fault {
  return new Fault('INVALID_VALUE', what);
}
