import { FINGERPRINT_BYTES } from './fingerprint.js';

const WORDS = FINGERPRINT_BYTES / 4;
const FIRST_CAPACITY = 64;
/** Above this load the probes get long; below it memory is wasted. */
const MAX_LOAD = 0.7;
/** By doubling, up to two thirds of the memory would be unused. */
const GROWTH = 1.5;

/**
 * A set of fingerprints in one typed array: open addressing, linear probing, no deletion (a whole set is dropped
 * instead). 17 to 26 bytes per entry where a `Set` of strings takes over 100. The all-zero fingerprint means "free" and is
 * stored as one.
 */
export class FingerprintSet {
  private slots: Uint32Array;
  private capacity: number;
  private count = 0;

  /** @param expected the number for which room is made at once */
  constructor(expected = 0) {
    this.capacity = Math.max(FIRST_CAPACITY, Math.ceil(expected / MAX_LOAD));
    this.slots = new Uint32Array(this.capacity * WORDS);
  }

  get size(): number {
    return this.count;
  }

  get bytes(): number {
    return this.slots.byteLength;
  }

  /** True when the fingerprint at `offset` of `source` is in the set. */
  has(source: Buffer, offset: number): boolean {
    return this.slots[this.find(source, offset)] !== 0;
  }

  /** Adds the fingerprint at `offset` of `source`. */
  add(source: Buffer, offset: number): void {
    if (this.count + 1 > this.capacity * MAX_LOAD) this.grow();
    const slot = this.find(source, offset);
    if (this.slots[slot] !== 0) return;
    this.slots[slot] = firstWord(source, offset);
    this.slots[slot + 1] = source.readUInt32LE(offset + 4);
    this.slots[slot + 2] = source.readUInt32LE(offset + 8);
    this.count++;
  }

  /** The slot that holds the fingerprint, or the free one where it would go; a slot's first word is 0 when free. */
  private find(source: Buffer, offset: number): number {
    const { slots } = this;
    const a = firstWord(source, offset);
    const b = source.readUInt32LE(offset + 4);
    for (let slot = firstSlot(b, this.capacity); ; slot = slotAfter(slot, slots)) {
      const first = slots[slot];
      if (first === 0) return slot;
      if (first === a && slots[slot + 1] === b && slots[slot + 2] === source.readUInt32LE(offset + 8))
        return slot;
    }
  }

  /** From array to array, without comparing: what is in the set is there once. A partition may grow under load. */
  private grow(): void {
    const old = this.slots;
    this.capacity = Math.ceil(this.capacity * GROWTH);
    const slots = new Uint32Array(this.capacity * WORDS);
    for (let from = 0; from < old.length; from += WORDS) {
      if (old[from] === 0) continue;
      let to = firstSlot(old[from + 1] as number, this.capacity);
      while (slots[to] !== 0) to = slotAfter(to, slots);
      for (let word = 0; word < WORDS; word++) slots[to + word] = old[from + word] as number;
    }
    this.slots = slots;
  }
}

/** Spreads 32 evenly distributed bits over any number of slots. */
function firstSlot(bits: number, capacity: number): number {
  return Math.floor((bits / 2 ** 32) * capacity) * WORDS;
}

function slotAfter(slot: number, slots: Uint32Array): number {
  return slot + WORDS < slots.length ? slot + WORDS : 0;
}

/** Zero means "free". */
function firstWord(source: Buffer, offset: number): number {
  return source.readUInt32LE(offset) || 1;
}
