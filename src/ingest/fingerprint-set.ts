import { FINGERPRINT_BYTES } from './fingerprint.js';

const WORDS = FINGERPRINT_BYTES / 4;
const FIRST_CAPACITY = 64;
/** Above this load the probes get long; below it memory is wasted. */
const MAX_LOAD = 0.7;

/**
 * A set of fingerprints in one typed array: open addressing, linear probing, no deletion (a whole set is dropped
 * instead). 23 to 46 bytes per entry where a `Set` of strings takes over 100. The all-zero fingerprint means "free" and is
 * stored as one.
 */
export class FingerprintSet {
  private slots = new Uint32Array(FIRST_CAPACITY * WORDS);
  private capacity = FIRST_CAPACITY;
  private count = 0;

  get size(): number {
    return this.count;
  }

  get bytes(): number {
    return this.slots.byteLength;
  }

  /** True when the fingerprint at `offset` of `source` is in the set. */
  has(source: Buffer, offset: number): boolean {
    return this.slots[this.find(...wordsAt(source, offset))] !== 0;
  }

  /** Adds the fingerprint at `offset` of `source`. */
  add(source: Buffer, offset: number): void {
    if (this.count + 1 > this.capacity * MAX_LOAD) this.grow();
    this.insert(...wordsAt(source, offset));
  }

  /** The slot that holds the fingerprint, or the free one where it would go; a slot's first word is 0 when free. */
  private find(a: number, b: number, c: number, d: number): number {
    const mask = this.capacity - 1;
    for (let index = b & mask; ; index = (index + 1) & mask) {
      const slot = index * WORDS;
      const first = this.slots[slot];
      if (first === 0) return slot;
      if (
        first === a &&
        this.slots[slot + 1] === b &&
        this.slots[slot + 2] === c &&
        this.slots[slot + 3] === d
      )
        return slot;
    }
  }

  private insert(a: number, b: number, c: number, d: number): void {
    const slot = this.find(a, b, c, d);
    if (this.slots[slot] !== 0) return;
    this.slots[slot] = a;
    this.slots[slot + 1] = b;
    this.slots[slot + 2] = c;
    this.slots[slot + 3] = d;
    this.count++;
  }

  private grow(): void {
    const old = this.slots;
    this.capacity *= 2;
    this.slots = new Uint32Array(this.capacity * WORDS);
    this.count = 0;
    for (let slot = 0; slot < old.length; slot += WORDS) {
      const first = old[slot] as number;
      if (first !== 0)
        this.insert(first, old[slot + 1] as number, old[slot + 2] as number, old[slot + 3] as number);
    }
  }
}

function wordsAt(source: Buffer, offset: number): [number, number, number, number] {
  const first = source.readUInt32LE(offset);
  return [
    first === 0 ? 1 : first,
    source.readUInt32LE(offset + 4),
    source.readUInt32LE(offset + 8),
    source.readUInt32LE(offset + 12),
  ];
}
