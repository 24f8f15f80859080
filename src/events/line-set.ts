import { HeadgateError } from '../errors.js';

/**
 * Some lines of a batch file, counted from 0: one bit a line, the lowest bit of a byte first. It crosses to Temporal as
 * base64: the lines of a batch of 10,000 events take 1.7 KB.
 */
export class LineSet {
  private bits: Uint8Array;
  private size = 0;

  private constructor(bits: Uint8Array) {
    this.bits = bits;
  }

  /** No lines; `lines` says how many there may be, and may be exceeded. */
  static none(lines = 0): LineSet {
    return new LineSet(new Uint8Array((lines + 7) >> 3));
  }

  /** The first `lines` lines. */
  static first(lines: number): LineSet {
    const set = LineSet.none(lines);
    set.bits.fill(0xff);
    if (lines % 8 !== 0) set.bits[set.bits.length - 1] = (1 << (lines % 8)) - 1;
    set.size = lines;
    return set;
  }

  /** The lines given. */
  static of(lines: Iterable<number>): LineSet {
    const set = LineSet.none();
    for (const line of lines) set.add(line);
    return set;
  }

  /**
   * Reads what {@link LineSet.encode} wrote; without it, the first `lines` lines: all of a batch.
   * @throws HeadgateError `BATCH_CORRUPT`: it is not base64, or names lines that the batch does not have
   */
  static decode(encoded: string | undefined, lines: number): LineSet {
    if (encoded === undefined) return LineSet.first(lines);
    const bits = new Uint8Array(Buffer.from(encoded, 'base64'));
    const set = new LineSet(bits);
    for (const byte of bits) set.size += bitsOf(byte);
    if (/^[A-Za-z0-9+/]*={0,2}$/.test(encoded) && (set.last ?? -1) < lines) return set;
    throw new HeadgateError('BATCH_CORRUPT', `The lines of a delivery are not of a batch of ${lines}.`);
  }

  /** How many lines are in it. */
  get count(): number {
    return this.size;
  }

  has(line: number): boolean {
    return ((this.bits[line >> 3] ?? 0) & (1 << (line & 7))) !== 0;
  }

  add(line: number): void {
    if (this.has(line)) return;
    const at = line >> 3;
    if (at >= this.bits.length) this.grow(at + 1);
    this.bits[at]! |= 1 << (line & 7);
    this.size++;
  }

  delete(line: number): void {
    if (!this.has(line)) return;
    this.bits[line >> 3]! &= ~(1 << (line & 7));
    this.size--;
  }

  /** Adds the lines of another set, moved by `offset`. */
  addAll(other: Iterable<number>, offset = 0): void {
    for (const line of other) this.add(line + offset);
  }

  /** The lines, ascending. */
  *[Symbol.iterator](): Iterator<number> {
    for (let at = 0; at < this.bits.length; at++) {
      for (let bit = 0, byte = this.bits[at]!; byte !== 0; byte >>= 1, bit++)
        if (byte & 1) yield at * 8 + bit;
    }
  }

  /** Base64, without what follows the last line. */
  encode(): string {
    const end = this.last === undefined ? 0 : (this.last >> 3) + 1;
    return Buffer.from(this.bits.buffer, this.bits.byteOffset, end).toString('base64');
  }

  private get last(): number | undefined {
    for (let at = this.bits.length - 1; at >= 0; at--) {
      if (this.bits[at] !== 0) return at * 8 + 31 - Math.clz32(this.bits[at]!);
    }
    return undefined;
  }

  private grow(bytes: number): void {
    const bits = new Uint8Array(Math.max(bytes, this.bits.length * 2, 16));
    bits.set(this.bits);
    this.bits = bits;
  }
}

function bitsOf(byte: number): number {
  let count = 0;
  for (let rest = byte; rest !== 0; rest &= rest - 1) count++;
  return count;
}
