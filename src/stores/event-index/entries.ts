/**
 * Entries of an index: 64 bits each, a hash of 40 bits and the number of a batch of 24. As two 32-bit words, the lower one
 * first, so that the typed arrays of the platform sort them as numbers of 64 bits.
 */
const MAX_BATCHES = 1 << 24;

const BATCH_MASK = MAX_BATCHES - 1;

/** Words of an entry. */
const WORDS = 2;

/** A list of entries that grows. */
export class Entries {
  private words = new Uint32Array(WORDS * 1_024);
  private used = 0;

  /** How many there are. */
  get length(): number {
    return this.used / WORDS;
  }

  /** Adds one: a hash, and the number of the batch. */
  add(high: number, low: number, batch: number): void {
    if (this.used === this.words.length) {
      const grown = new Uint32Array(2 * this.words.length);
      grown.set(this.words);
      this.words = grown;
    }
    this.words[this.used++] = ((low << 24) | batch) >>> 0;
    this.words[this.used++] = high;
  }

  /** All of them in order, each once; the list is empty afterwards. */
  takeSorted(): Uint32Array {
    const words = this.words.subarray(0, this.used);
    this.used = 0;
    new BigUint64Array(words.buffer, words.byteOffset, words.length / WORDS).sort();
    return withoutRepetitions(words).slice();
  }
}

/** What is asked of an entry at a place in a list. */
export const entryAt = {
  high: (words: Uint32Array, at: number): number => words[at * WORDS + 1]!,
  low: (words: Uint32Array, at: number): number => words[at * WORDS]! >>> 24,
  batch: (words: Uint32Array, at: number): number => words[at * WORDS]! & BATCH_MASK,
};

/** How many entries a list has. */
export function countOf(words: Uint32Array): number {
  return words.length / WORDS;
}

/** Some entries as octets, lower word first whatever the machine is. */
export function encodeEntries(words: Uint32Array, from: number, to: number): Buffer {
  const octets = Buffer.allocUnsafe((to - from) * WORDS * 4);
  for (let at = from * WORDS, offset = 0; at < to * WORDS; at++)
    offset = octets.writeUInt32LE(words[at]!, offset);
  return octets;
}

/** The entries in octets. */
export function decodeEntries(octets: Buffer): Uint32Array {
  const words = new Uint32Array(octets.length >> 2);
  for (let at = 0; at < words.length; at++) words[at] = octets.readUInt32LE(at << 2);
  return words;
}

function withoutRepetitions(words: Uint32Array): Uint32Array {
  let end = 0;
  for (let at = 0; at < words.length; at += WORDS) {
    if (end > 0 && words[at] === words[end - 2] && words[at + 1] === words[end - 1]) continue;
    words[end++] = words[at]!;
    words[end++] = words[at + 1]!;
  }
  return words.subarray(0, end);
}
