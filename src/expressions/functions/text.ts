import type { Fault } from '../fault.js';
import { invalid, outOfRange } from '../fault.js';
import type { Frame } from '../frame.js';
import { codePoints } from './conversions.js';
import { define } from './overload.js';

/** What Go's unicode.IsSpace holds for blank; JavaScript's trim() knows another set. */
const BLANK = /[\t-\r \u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]/;

/** Texts are indexed by code points; where they have no surrogates, these are JavaScript's own units. */
const SURROGATE = /[\ud800-\udfff]/;

/** A text whose places are counted in code points. */
class Points {
  readonly length: number;
  private readonly hasPairs: boolean;

  constructor(
    private readonly text: string,
    frame: Frame,
  ) {
    frame.chargeText(text.length);
    this.hasPairs = SURROGATE.test(text);
    // It is gone through for its length, and for each place that is looked for.
    if (this.hasPairs) frame.charge(text.length >>> 1);
    this.length = this.hasPairs ? codePoints(text) : text.length;
  }

  slice(from: number, to: number): string {
    return this.text.slice(this.unitOf(from), this.unitOf(to));
  }

  indexOf(part: string, from: number): number {
    return this.pointOf(this.text.indexOf(part, this.unitOf(from)));
  }

  lastIndexOf(part: string, from: number): number {
    return this.pointOf(this.text.lastIndexOf(part, this.unitOf(from)));
  }

  private unitOf(point: number): number {
    if (!this.hasPairs) return point;
    let unit = 0;
    for (let left = point; left > 0; left--) unit += this.text.codePointAt(unit)! > 0xffff ? 2 : 1;
    return unit;
  }

  private pointOf(unit: number): number {
    return this.hasPairs && unit > 0 ? codePoints(this.text.slice(0, unit)) : unit;
  }
}

const beyond = (index: number) => outOfRange(`index out of range: ${index}`);

function charAt(text: string, index: number, frame: Frame): string | Fault {
  const points = new Points(text, frame);
  if (index < 0 || index > points.length) return beyond(index);
  return points.slice(index, index + 1);
}

function indexOf(text: string, part: string, frame: Frame, from = 0): bigint | Fault {
  const points = new Points(text, frame);
  if (from < 0 || from > points.length) return beyond(from);
  if (part === '') return BigInt(from);
  // The worst case of a search; engines rarely come near it.
  frame.chargeText(text.length + part.length);
  return BigInt(from >= points.length ? -1 : points.indexOf(part, from));
}

function lastIndexOf(text: string, part: string, frame: Frame, from?: number): bigint | Fault {
  const points = new Points(text, frame);
  if (from !== undefined && (from < 0 || from > points.length)) return beyond(from);
  if (part === '') return BigInt(from ?? points.length);
  frame.chargeText(text.length + part.length);
  return BigInt(
    points.length === 0 ? -1 : points.lastIndexOf(part, Math.min(from ?? points.length, points.length - 1)),
  );
}

function substring(text: string, from: number, frame: Frame, to?: number): string | Fault {
  const points = new Points(text, frame);
  const end = to ?? points.length;
  if (from < 0 || from > points.length) return beyond(from);
  if (end < 0 || end > points.length) return beyond(end);
  return from > end ? invalid(`the range ends before it begins: ${from}, ${end}`) : points.slice(from, end);
}

/** Cuts a text at a separator, into `limit` parts at most; into code points where the separator is empty. */
function split(text: string, separator: string, frame: Frame, limit = -1): string[] {
  frame.charge(1 + (text.length >>> 2));
  if (limit === 0) return [];
  const parts = separator === '' ? Array.from(text) : text.split(separator);
  if (limit < 0 || parts.length <= limit) return parts;
  return [...parts.slice(0, limit - 1), parts.slice(limit - 1).join(separator)];
}

function replace(text: string, old: string, by: string, frame: Frame, limit = -1): string {
  frame.chargeText(text.length);
  if (limit === 0) return text;
  // An empty text stands before each code point and at the end, as in Go.
  const between = old === '' ? ['', ...Array.from(text), ''] : text.split(old);
  const gaps = old === '' ? between.slice(1).map((_part, i) => i) : between.slice(1);
  const times = limit < 0 ? gaps.length : Math.min(limit, gaps.length);
  frame.charge(between.length);
  frame.chargeText(text.length + times * by.length);
  let replaced = between[0]!;
  for (let i = 1; i < between.length; i++) replaced += (i <= times ? by : old) + between[i]!;
  return replaced;
}

function join(list: readonly unknown[], separator: string, frame: Frame): string | Fault {
  frame.charge(list.length);
  let length = 0;
  for (const each of list) {
    if (typeof each !== 'string') return invalid('join() needs a list of texts');
    length += each.length + separator.length;
  }
  frame.chargeText(length);
  return list.join(separator);
}

function trim(text: string, frame: Frame): string {
  frame.chargeText(text.length);
  let [from, to] = [0, text.length];
  while (from < to && BLANK.test(text[from]!)) from++;
  while (to > from && BLANK.test(text[to - 1]!)) to--;
  return text.slice(from, to);
}

const ESCAPES: Readonly<Record<string, string>> = {
  '\x07': '\\a',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\v': '\\v',
  '\\': '\\\\',
  '"': '\\"',
};

function quote(text: string, frame: Frame): string {
  frame.charge(1 + (text.length >>> 2));
  return `"${text.replace(/[\x07-\r\\"]/g, (char) => ESCAPES[char] ?? char)}"`;
}

const number = (value: unknown) => Number(value);

/** Functions of texts; places in them are counted in code points. */
export const TEXT = define({
  'string.charAt(int) -> string': ([text, at], frame) => charAt(text as string, number(at), frame),
  'string.contains(string) -> bool': ([text, part], frame) => {
    frame.chargeText((text as string).length + (part as string).length);
    return (text as string).includes(part as string);
  },
  'string.endsWith(string) -> bool': ([text, part], frame) => {
    frame.chargeText((part as string).length);
    return (text as string).endsWith(part as string);
  },
  'string.indexOf(string) -> int': ([text, part], frame) => indexOf(text as string, part as string, frame),
  'string.indexOf(string, int) -> int': ([text, part, from], frame) =>
    indexOf(text as string, part as string, frame, number(from)),
  'list.join() -> string': ([list], frame) => join(list as unknown[], '', frame),
  'list.join(string) -> string': ([list, by], frame) => join(list as unknown[], by as string, frame),
  'string.lastIndexOf(string) -> int': ([text, part], frame) =>
    lastIndexOf(text as string, part as string, frame),
  'string.lastIndexOf(string, int) -> int': ([text, part, from], frame) =>
    lastIndexOf(text as string, part as string, frame, number(from)),
  'string.lowerAscii() -> string': ([text], frame) => {
    frame.charge(1 + ((text as string).length >>> 2));
    return (text as string).replace(/[A-Z]+/g, (found) => found.toLowerCase());
  },
  'string.replace(string, string) -> string': ([text, old, by], frame) =>
    replace(text as string, old as string, by as string, frame),
  'string.replace(string, string, int) -> string': ([text, old, by, limit], frame) =>
    replace(text as string, old as string, by as string, frame, number(limit)),
  'string.reverse() -> string': ([text], frame) => {
    frame.charge(1 + (text as string).length);
    return Array.from(text as string)
      .reverse()
      .join('');
  },
  'string.split(string) -> list': ([text, by], frame) => split(text as string, by as string, frame),
  'string.split(string, int) -> list': ([text, by, limit], frame) =>
    split(text as string, by as string, frame, number(limit)),
  'string.startsWith(string) -> bool': ([text, part], frame) => {
    frame.chargeText((part as string).length);
    return (text as string).startsWith(part as string);
  },
  'string.substring(int) -> string': ([text, from], frame) => substring(text as string, number(from), frame),
  'string.substring(int, int) -> string': ([text, from, to], frame) =>
    substring(text as string, number(from), frame, number(to)),
  'string.trim() -> string': ([text], frame) => trim(text as string, frame),
  'string.upperAscii() -> string': ([text], frame) => {
    frame.charge(1 + ((text as string).length >>> 2));
    return (text as string).replace(/[a-z]+/g, (found) => found.toUpperCase());
  },
  'strings.quote(string) -> string': ([text], frame) => quote(text as string, frame),
  'base64.decode(string) -> bytes': ([text], frame) => decodeBase64(text as string, frame),
  'base64.encode(bytes) -> string': ([bytes], frame) => {
    frame.chargeText((bytes as Uint8Array).length);
    return Buffer.from(bytes as Uint8Array).toString('base64');
  },
});

/** With or without padding, and nothing else: Buffer would pass over what it does not know. */
function decodeBase64(text: string, frame: Frame): Uint8Array | Fault {
  frame.chargeText(text.length * 2);
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(text)) return invalid('base64.decode() needs base64');
  return new Uint8Array(Buffer.from(text, 'base64'));
}
