import { Duration } from './duration.js';
import { faultOf, noOverloadOf, type Fault } from './fault.js';
import type { Frame } from './frame.js';
import {
  Optional,
  TypeValue,
  Uint,
  KEY_STEPS,
  isMap,
  keysOf,
  kindOf,
  lookUp,
  sizeOf,
} from './runtime-value.js';
import { Timestamp } from './timestamp.js';

/** An operator that orders. */
export type Ordering = '<' | '<=' | '>' | '>=';

/** An int or uint as a bigint, a double as a number; undefined if the value is none of them. */
export function numeric(value: unknown): number | bigint | undefined {
  if (typeof value === 'number' || typeof value === 'bigint') return value;
  return value instanceof Uint ? value.value : undefined;
}

/** Below 0 if the first number is less, NaN if there is no saying. An int meets a double as a double, as in cel-go. */
export function compareNumbers(left: number | bigint, right: number | bigint): number {
  const isMixed = typeof left !== typeof right;
  const [l, r] = isMixed ? [Number(left), Number(right)] : [left, right];
  if (l < r) return -1;
  if (l > r) return 1;
  return l === r ? 0 : NaN;
}

/** Whether two values are equal, by CEL's rules: numbers by their value, whatever their type; others by type and value. */
export function equals(left: unknown, right: unknown, frame: Frame): boolean {
  if (typeof left === 'string' && typeof right === 'string') {
    frame.chargeText(Math.min(left.length, right.length));
    return left === right;
  }
  const [l, r] = [numeric(left), numeric(right)];
  if (l !== undefined && r !== undefined) return compareNumbers(l, r) === 0;
  if (typeof left !== 'object' || typeof right !== 'object' || left === null || right === null)
    return left === right;
  frame.charge(1);
  return equalObjects(left, right, frame);
}

function equalObjects(left: object, right: object, frame: Frame): boolean {
  if (Array.isArray(left)) return Array.isArray(right) && equalLists(left, right, frame);
  if (left instanceof Uint8Array)
    return right instanceof Uint8Array && compareBytes(left, right, frame) === 0;
  if (left instanceof Timestamp || left instanceof Duration)
    return left.kind === kindOf(right) && compareTimes(left, right as Timestamp | Duration) === 0;
  if (left instanceof TypeValue) return right instanceof TypeValue && left.name === right.name;
  if (left instanceof Optional) {
    if (!(right instanceof Optional)) return false;
    if (left.value === undefined || right.value === undefined) return left.value === right.value;
    return equals(left.value, right.value, frame);
  }
  return isMap(left) && isMap(right) && equalMaps(left, right, frame);
}

function equalLists(left: readonly unknown[], right: readonly unknown[], frame: Frame): boolean {
  if (left.length !== right.length) return false;
  for (let i = 0; i < left.length; i++) {
    frame.charge(1);
    if (!equals(left[i], right[i], frame)) return false;
  }
  return true;
}

function equalMaps(left: object, right: object, frame: Frame): boolean {
  const size = sizeOf(left);
  frame.charge(size * KEY_STEPS * 3);
  if (size !== sizeOf(right)) return false;
  for (const key of keysOf(left)) {
    const other = lookUp(right, key);
    if (other === undefined || !equals(lookUp(left, key), other, frame)) return false;
  }
  return true;
}

/** Compares two values of an order; a fault if they have none. */
export function order(operator: Ordering, left: unknown, right: unknown, frame: Frame): boolean | Fault {
  const [l, r] = [numeric(left), numeric(right)];
  const areNumbers = l !== undefined && r !== undefined;
  const compared = areNumbers ? compareNumbers(l, r) : compareOthers(left, right, frame);
  if (compared === undefined) return noOverloadOf(operator, left, right);
  if (operator === '<') return compared < 0;
  if (operator === '<=') return compared <= 0;
  return operator === '>' ? compared > 0 : compared >= 0;
}

function compareOthers(left: unknown, right: unknown, frame: Frame): number | undefined {
  if (typeof left === 'string' && typeof right === 'string') return compareTexts(left, right, frame);
  if (typeof left === 'boolean' && typeof right === 'boolean') return Number(left) - Number(right);
  if (left instanceof Timestamp && right instanceof Timestamp) return compareTimes(left, right);
  if (left instanceof Duration && right instanceof Duration) return compareTimes(left, right);
  if (left instanceof Uint8Array && right instanceof Uint8Array) return compareBytes(left, right, frame);
  return undefined;
}

/** By code points: JavaScript's own order of texts puts 👍 before U+FFFD. */
function compareTexts(left: string, right: string, frame: Frame): number {
  const length = Math.min(left.length, right.length);
  if (left === right) return 0;
  frame.charge(1 + (length >>> 3));
  for (let i = 0; i < length; i++) {
    const [l, r] = [left.charCodeAt(i), right.charCodeAt(i)];
    if (l !== r) return isSurrogate(l) === isSurrogate(r) ? l - r : isSurrogate(l) ? 1 : -1;
  }
  return left.length - right.length;
}

function isSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdfff;
}

function compareBytes(left: Uint8Array, right: Uint8Array, frame: Frame): number {
  frame.chargeText(Math.min(left.length, right.length));
  return Buffer.compare(left, right);
}

function compareTimes(left: Timestamp | Duration, right: Timestamp | Duration): number {
  return left.seconds - right.seconds || left.nanos - right.nanos;
}

/** `value in list`, `key in map`; a fault for anything else. */
export function isIn(value: unknown, collection: unknown, frame: Frame): boolean | Fault {
  const fault = faultOf(value, collection);
  if (fault !== undefined) return fault;
  if (Array.isArray(collection)) {
    for (const each of collection) {
      frame.charge(1);
      if (equals(value, each, frame)) return true;
    }
    return false;
  }
  if (isMap(collection)) return lookUp(collection, value) !== undefined;
  return noOverloadOf('in', value, collection);
}
