import { toInt, toUint } from '../arithmetic.js';
import { Duration } from '../duration.js';
import { Fault, invalid, outOfRange } from '../fault.js';
import type { Frame } from '../frame.js';
import type { Uint } from '../runtime-value.js';
import { KEY_STEPS, TypeValue, kindOf, sizeOf, type Kind } from '../runtime-value.js';
import { Timestamp } from '../timestamp.js';
import { define } from './overload.js';
import { doubleText, readDouble } from './double-text.js';

/** The names of types that are not called as in this code. */
const TYPE_NAMES: Partial<Record<Kind, string>> = {
  duration: 'google.protobuf.Duration',
  null: 'null_type',
  timestamp: 'google.protobuf.Timestamp',
};

/** Names of types that may be written in an expression: `type(x) == string`. */
export const TYPES: readonly string[] = [
  'bool',
  'bytes',
  'double',
  'int',
  'list',
  'map',
  'null_type',
  'optional_type',
  'string',
  'type',
  'uint',
  'google.protobuf.Duration',
  'google.protobuf.Timestamp',
];

/** A text in a message. */
export function quoted(text: string): string {
  return JSON.stringify(text.length > 40 ? `${text.slice(0, 40)}…` : text);
}

/** How many code points a text has. */
export function codePoints(text: string): number {
  let count = text.length;
  for (let i = 0; i < text.length - 1; i++)
    if ((text.charCodeAt(i) & 0xfc00) === 0xd800 && (text.charCodeAt(i + 1) & 0xfc00) === 0xdc00) count--;
  return count;
}

/** Steps of reading a time, a duration or a number. */
const READ_STEPS = 50;

function readTimestamp(text: string, frame: Frame): Timestamp | Fault {
  frame.charge(READ_STEPS);
  return Timestamp.parse(text) ?? invalid(`timestamp() needs RFC 3339, not ${quoted(text)}`);
}

function readDuration(text: string, frame: Frame): Duration | Fault {
  frame.charge(READ_STEPS);
  const read = Duration.parse(text);
  if (read === 'out of range') return outOfRange('duration out of range');
  return read ?? invalid(`duration() needs numbers with units such as 1h30m, not ${quoted(text)}`);
}

const DIGITS = /^([+-]?)0*(\d{1,20})$/;

/** Decimal digits alone: no blanks, no prefixes. */
function readInteger(text: string, type: 'int' | 'uint'): bigint | Fault {
  const found = text.length > 100 ? null : DIGITS.exec(text);
  const isRead = found !== null && (type === 'int' || found[1] === '');
  if (!isRead) return invalid(`${type}() needs a whole number, not ${quoted(text)}`);
  return found[1] === '-' ? -BigInt(found[2]!) : BigInt(found[2]!);
}

/** A double without its decimals. The ends of the range are beyond it: a double there may have been rounded. */
function truncated(value: number): bigint | Fault {
  const isWithin = value > -(2 ** 63) && value < 2 ** 64;
  return isWithin ? BigInt(Math.trunc(value)) : outOfRange('integer overflow');
}

const asInt = (value: bigint | Fault) => (value instanceof Fault ? value : toInt(value));
const asUint = (value: bigint | Fault) => (value instanceof Fault ? value : toUint(value));

const BOOLS: Readonly<Record<string, boolean>> = {
  '1': true,
  t: true,
  true: true,
  True: true,
  TRUE: true,
  '0': false,
  f: false,
  false: false,
  False: false,
  FALSE: false,
};

function readBool(text: string): boolean | Fault {
  return Object.hasOwn(BOOLS, text)
    ? BOOLS[text]!
    : invalid(`bool() needs true or false, not ${quoted(text)}`);
}

function decoded(bytes: Uint8Array, frame: Frame): string | Fault {
  frame.chargeText(bytes.length);
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return invalid('the bytes are not UTF-8');
  }
}

function encoded(text: string, frame: Frame): Uint8Array {
  frame.chargeText(text.length);
  return new TextEncoder().encode(text);
}

function sizeOfText(text: string, frame: Frame): bigint {
  frame.charge(1 + (text.length >>> 2));
  return BigInt(codePoints(text));
}

function sizeOfMap(map: object, frame: Frame): bigint {
  const size = sizeOf(map);
  frame.charge(size * KEY_STEPS);
  return BigInt(size);
}

const same = ([value]: unknown[]) => value;

/** Conversions, and `size`. */
export const CONVERSIONS = define({
  'bool(bool) -> bool': same,
  'bool(string) -> bool': ([text]) => readBool(text as string),
  'bytes(bytes) -> bytes': same,
  'bytes(string) -> bytes': ([text], frame) => encoded(text as string, frame),
  'double(double) -> double': same,
  'double(int) -> double': ([value]) => Number(value),
  'double(string) -> double': ([text]) =>
    readDouble(text as string) ?? invalid(`double() needs a number, not ${quoted(text as string)}`),
  'double(uint) -> double': ([value]) => Number((value as Uint).value),
  'duration(duration) -> duration': same,
  'duration(string) -> duration': ([text], frame) => readDuration(text as string, frame),
  'dyn(dyn) -> dyn': same,
  'int(double) -> int': ([value]) => asInt(truncated(value as number)),
  'int(int) -> int': same,
  'int(string) -> int': ([text]) => asInt(readInteger(text as string, 'int')),
  'int(timestamp) -> int': ([time]) => BigInt((time as Timestamp).seconds),
  'int(uint) -> int': ([value]) => toInt((value as Uint).value),
  'size(bytes) -> int': ([bytes]) => BigInt((bytes as Uint8Array).length),
  'size(list) -> int': ([list]) => BigInt((list as unknown[]).length),
  'size(map) -> int': ([map], frame) => sizeOfMap(map as object, frame),
  'size(string) -> int': ([text], frame) => sizeOfText(text as string, frame),
  'bytes.size() -> int': ([bytes]) => BigInt((bytes as Uint8Array).length),
  'list.size() -> int': ([list]) => BigInt((list as unknown[]).length),
  'map.size() -> int': ([map], frame) => sizeOfMap(map as object, frame),
  'string.size() -> int': ([text], frame) => sizeOfText(text as string, frame),
  'string(bool) -> string': ([value]) => String(value),
  'string(bytes) -> string': ([bytes], frame) => decoded(bytes as Uint8Array, frame),
  'string(double) -> string': ([value], frame) => {
    frame.charge(READ_STEPS);
    return doubleText(value as number);
  },
  'string(duration) -> string': ([value]) => (value as Duration).toString(),
  'string(int) -> string': ([value]) => String(value),
  'string(string) -> string': same,
  'string(timestamp) -> string': ([value]) => (value as Timestamp).toString(),
  'string(uint) -> string': ([value]) => String((value as Uint).value),
  'timestamp(int) -> timestamp': ([seconds]) =>
    Timestamp.of(Number(seconds)) ?? outOfRange('timestamp out of range'),
  'timestamp(string) -> timestamp': ([text], frame) => readTimestamp(text as string, frame),
  'timestamp(timestamp) -> timestamp': same,
  'type(dyn) -> type': ([value]) => new TypeValue(TYPE_NAMES[kindOf(value)] ?? kindOf(value)),
  'uint(double) -> uint': ([value]) => asUint(truncated(value as number)),
  'uint(int) -> uint': ([value]) => toUint(value as bigint),
  'uint(string) -> uint': ([text]) => asUint(readInteger(text as string, 'uint')),
  'uint(uint) -> uint': same,
});
