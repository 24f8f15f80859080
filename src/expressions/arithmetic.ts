import { Duration } from './duration.js';
import { Fault, noOverloadOf, outOfRange } from './fault.js';
import type { Frame } from './frame.js';
import { Uint } from './runtime-value.js';
import { Timestamp } from './timestamp.js';
import { DYN, type Type } from './type.js';

/** An operator that calculates. */
export type Arithmetic = '+' | '-' | '*' | '/' | '%';

const MAX_INT = 2n ** 63n - 1n;
const MIN_INT = -(2n ** 63n);
const MAX_UINT = 2n ** 64n - 1n;

const DIVIDE_BY_ZERO = new Fault('DIVIDE_BY_ZERO', 'divide by zero');
const MODULUS_BY_ZERO = new Fault('DIVIDE_BY_ZERO', 'modulus by zero');

/** A whole number as an int, or a fault if it is none of 64 bits. */
export function toInt(value: bigint): bigint | Fault {
  return value > MAX_INT || value < MIN_INT ? outOfRange('integer overflow') : value;
}

/** A whole number as a uint, or a fault if it is none of 64 bits. */
export function toUint(value: bigint): Uint | Fault {
  return value < 0n || value > MAX_UINT ? outOfRange('unsigned integer overflow') : new Uint(value);
}

/** The negative of an int or a double. */
export function negate(value: unknown): unknown {
  if (typeof value === 'number') return -value;
  if (typeof value === 'bigint') return toInt(-value);
  return value instanceof Fault ? value : noOverloadOf('-', undefined, value);
}

/**
 * Calculates with any two values. JSON knows one kind of number, CEL three: what comes from events is `double`, a literal
 * `1` is `int`, and CEL has no arithmetic between them, nor `%` on doubles. Here an int meets a double as a double, so
 * that `event.data.minutes + 1` means what its author means; a division by the int 0 is an error all the same.
 */
export function calculate(operator: Arithmetic, left: unknown, right: unknown, frame: Frame): unknown {
  if (typeof left === 'bigint' && typeof right === 'bigint') {
    const result = onIntegers(operator, left, right);
    return typeof result === 'bigint' ? toInt(result) : result;
  }
  if (left instanceof Uint && right instanceof Uint) {
    const result = onIntegers(operator, left.value, right.value);
    return typeof result === 'bigint' ? toUint(result) : result;
  }
  if (isIntOrDouble(left) && isIntOrDouble(right)) return onDoubles(operator, left, right);
  const result = onOthers(operator, left, right, frame);
  return result === undefined ? noOverloadOf(operator, left, right) : result;
}

function isIntOrDouble(value: unknown): value is number | bigint {
  return typeof value === 'number' || typeof value === 'bigint';
}

function onIntegers(operator: Arithmetic, left: bigint, right: bigint): bigint | Fault {
  if (operator === '+') return left + right;
  if (operator === '-') return left - right;
  if (operator === '*') return left * right;
  if (right === 0n) return operator === '/' ? DIVIDE_BY_ZERO : MODULUS_BY_ZERO;
  return operator === '/' ? left / right : left % right;
}

function onDoubles(operator: Arithmetic, left: number | bigint, right: number | bigint): number | Fault {
  const [l, r] = [Number(left), Number(right)];
  if (operator === '+') return l + r;
  if (operator === '-') return l - r;
  if (operator === '*') return l * r;
  if (operator === '/') return right === 0n ? DIVIDE_BY_ZERO : l / r;
  return r === 0 ? MODULUS_BY_ZERO : l % r;
}

/** Texts, bytes, lists and times; undefined if there is no such operation. */
function onOthers(operator: Arithmetic, left: unknown, right: unknown, frame: Frame): unknown {
  if (operator === '+') {
    if (typeof left === 'string' && typeof right === 'string') {
      frame.chargeText(left.length + right.length);
      return left + right;
    }
    if (Array.isArray(left) && Array.isArray(right)) {
      frame.charge((left.length + right.length) >>> 2);
      return (left as unknown[]).concat(right);
    }
    if (left instanceof Uint8Array && right instanceof Uint8Array) {
      frame.chargeText(left.length + right.length);
      return Buffer.concat([left, right]);
    }
  }
  return operator === '+' || operator === '-' ? onTimes(operator, left, right) : undefined;
}

function onTimes(operator: '+' | '-', left: unknown, right: unknown): unknown {
  if (operator === '+' && left instanceof Duration && right instanceof Timestamp)
    return shifted(right, left, 1);
  const sign = operator === '+' ? 1 : -1;
  if (left instanceof Timestamp && right instanceof Duration) return shifted(left, right, sign);
  const isPair = left instanceof Duration && right instanceof Duration;
  if (!isPair && !(operator === '-' && left instanceof Timestamp && right instanceof Timestamp))
    return undefined;
  const between = Duration.of(left.seconds + sign * right.seconds, left.nanos + sign * right.nanos);
  return between ?? outOfRange('duration out of range');
}

function shifted(time: Timestamp, by: Duration, sign: 1 | -1): Timestamp | Fault {
  const nanos = time.nanos + sign * by.nanos;
  const carry = Math.floor(nanos / 1e9);
  const moved = Timestamp.of(time.seconds + sign * by.seconds + carry, nanos - carry * 1e9);
  return moved ?? outOfRange('timestamp out of range');
}

/** The type that an operation gives; undefined if there is no such operation. */
export function arithmeticType(operator: Arithmetic, left: Type, right: Type): Type | undefined {
  const [l, r] = [left.kind, right.kind];
  if (l === 'dyn' || r === 'dyn') {
    const known = l === 'dyn' ? r : l;
    return takesPart(operator, known) ? DYN : undefined;
  }
  if (l === r && (l === 'int' || l === 'uint' || (l === 'double' && operator !== '%'))) return left;
  if ((l === 'int' && r === 'double') || (l === 'double' && r === 'int')) return { kind: 'double' };
  if (operator === '+') {
    if (l === r && (l === 'string' || l === 'bytes' || l === 'duration')) return left;
    if (l === 'list' && r === 'list') return { kind: 'list' };
    if (l === 'duration' && r === 'timestamp') return right;
  }
  if (operator !== '+' && operator !== '-') return undefined;
  if (l === 'timestamp' && r === 'duration') return left;
  if (operator === '-' && l === r && (l === 'timestamp' || l === 'duration')) return { kind: 'duration' };
  return undefined;
}

function takesPart(operator: Arithmetic, kind: Type['kind']): boolean {
  if (['dyn', 'int', 'uint', 'double'].includes(kind)) return true;
  if (operator === '+') return ['string', 'bytes', 'list', 'timestamp', 'duration'].includes(kind);
  return operator === '-' && (kind === 'timestamp' || kind === 'duration');
}
