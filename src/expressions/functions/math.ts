import { toInt, toUint } from '../arithmetic.js';
import { compareNumbers, numeric } from '../compare.js';
import { Fault, invalid, noOverload } from '../fault.js';
import { Uint, kindOf } from '../runtime-value.js';
import { define, type Apply } from './overload.js';

/** The greatest or least of numbers of any types, or of one list of them. */
function extreme(name: string, sign: 1 | -1): Apply {
  return (args, frame) => {
    const [first] = args;
    const values = args.length === 1 && Array.isArray(first) ? (first as unknown[]) : args;
    frame.charge(values.length);
    let best: unknown;
    for (const value of values) {
      const number = numeric(value);
      if (number === undefined) return noOverload(`math.${name}(${kindOf(value)})`);
      if (best === undefined || sign * compareNumbers(number, numeric(best)!) > 0) best = value;
    }
    return best ?? invalid(`math.${name}() of nothing`);
  };
}

type BitwiseOperator = (left: bigint, right: bigint) => bigint;

function bitwise(name: string, operate: BitwiseOperator) {
  return {
    [`math.${name}(int, int) -> int`]: (([left, right]) =>
      BigInt.asIntN(64, operate(left as bigint, right as bigint))) as Apply,
    [`math.${name}(uint, uint) -> uint`]: (([left, right]) =>
      new Uint(BigInt.asUintN(64, operate((left as Uint).value, (right as Uint).value)))) as Apply,
  };
}

function shift(name: string, operate: BitwiseOperator) {
  const checked = (value: bigint, by: bigint): bigint | Fault => {
    if (by < 0n) return invalid(`math.${name}() by a negative number: ${by}`);
    return by > 63n ? 0n : operate(value, by);
  };
  return {
    [`math.${name}(int, int) -> int`]: (([value, by]) => {
      // To the right an int is shifted as its 64 bits, without its sign.
      const shifted = checked(BigInt.asUintN(64, value as bigint), by as bigint);
      return shifted instanceof Fault ? shifted : BigInt.asIntN(64, shifted);
    }) as Apply,
    [`math.${name}(uint, int) -> uint`]: (([value, by]) => {
      const shifted = checked((value as Uint).value, by as bigint);
      return shifted instanceof Fault ? shifted : new Uint(BigInt.asUintN(64, shifted));
    }) as Apply,
  };
}

/** Half away from zero, as Go rounds; JavaScript rounds half up, and 0.49999999999999994 to 1 by adding. */
function round(value: number): number {
  const whole = Math.trunc(value);
  if (Math.abs(value - whole) < 0.5) return Object.is(value, -0) ? value : whole;
  return whole + Math.sign(value);
}

function signOf(value: bigint): bigint {
  if (value === 0n) return 0n;
  return value > 0n ? 1n : -1n;
}

const root = (value: number) => Math.sqrt(value);

/** Functions of numbers. */
export const MATH = define({
  'math.abs(double) -> double': ([value]) => Math.abs(value as number),
  'math.abs(int) -> int': ([value]) => toInt((value as bigint) < 0n ? -(value as bigint) : (value as bigint)),
  'math.abs(uint) -> uint': ([value]) => value,
  ...bitwise('bitAnd', (left, right) => left & right),
  'math.bitNot(int) -> int': ([value]) => ~(value as bigint),
  'math.bitNot(uint) -> uint': ([value]) => toUint(BigInt.asUintN(64, ~(value as Uint).value)),
  ...bitwise('bitOr', (left, right) => left | right),
  ...shift('bitShiftLeft', (value, by) => value << by),
  ...shift('bitShiftRight', (value, by) => value >> by),
  ...bitwise('bitXor', (left, right) => left ^ right),
  'math.ceil(double) -> double': ([value]) => Math.ceil(value as number),
  'math.floor(double) -> double': ([value]) => Math.floor(value as number),
  'math.greatest(dyn...) -> dyn': extreme('greatest', 1),
  'math.isFinite(double) -> bool': ([value]) => Number.isFinite(value),
  'math.isInf(double) -> bool': ([value]) => Math.abs(value as number) === Infinity,
  'math.isNaN(double) -> bool': ([value]) => Number.isNaN(value),
  'math.least(dyn...) -> dyn': extreme('least', -1),
  'math.round(double) -> double': ([value]) => round(value as number),
  'math.sign(double) -> double': ([value]) => Math.sign(value as number),
  'math.sign(int) -> int': ([value]) => signOf(value as bigint),
  'math.sign(uint) -> uint': ([value]) => new Uint(signOf((value as Uint).value)),
  'math.sqrt(double) -> double': ([value]) => root(value as number),
  'math.sqrt(int) -> double': ([value]) => root(Number(value)),
  'math.sqrt(uint) -> double': ([value]) => root(Number((value as Uint).value)),
  'math.trunc(double) -> double': ([value]) => Math.trunc(value as number),
});
